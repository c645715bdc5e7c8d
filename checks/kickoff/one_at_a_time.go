package kickoff

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/cancel"
	"github.com/bulkproof/bulkproof/checks/session"
)

func oneAtATime() checks.Check {
	return checks.Check{
		ID:    "kickoff.one-at-a-time",
		Title: "A second export that is refused for the first is refused with 429 and Retry-After",
		// export.html#response---error-eg-unsupported-search-parameter: "If a server wants to prevent a client from beginning a new
		// export before an in-progress export is completed, it SHOULD respond with a 429 Too Many Requests status and a Retry-After
		// header".
		Doc: "While one export is running, a second is asked for that differs from it in the value of _since only. Accepting it is always legal, also with " +
			"the location of the first. A refusal can only be about the running export, so it should be 429 with Retry-After; 401, 403 and 413 are " +
			"inconclusive. Both jobs are deleted at once.",
		Requires: []string{"KICKOFF-027"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: cancel.RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			x := cancel.RunningExport(t.Session())
			if x.Reason != "" {
				t.Inconclusivef("%s", x.Reason)
			}
			if x.Rival == nil {
				t.Skipf("the first export was complete before a second could be asked for beside it (%s)", x.Before.Describe())
			}
			switch res := x.Rival; {
			case res.Status == 0:
				t.Inconclusivef("the second kick-off got no answer: %v", res.Err)
			case success(res):
				t.Examined("a second export is accepted beside the first")
			case res.Status == http.StatusTooManyRequests:
				if res.Header.Get("Retry-After") == "" {
					t.Violates("KICKOFF-027", res.At(), "a second export is refused with 429 and no Retry-After header")
				}
			case res.Status == http.StatusUnauthorized || res.Status == http.StatusForbidden || res.Status == http.StatusRequestEntityTooLarge:
				t.Inconclusivef("the second kick-off was refused with HTTP %d, which says nothing about the first", res.Status)
			default:
				t.Violates("KICKOFF-027", res.At(), "a second export is refused with HTTP %d while one is running, expected is 429 with Retry-After", res.Status)
			}
		},
	}
}
