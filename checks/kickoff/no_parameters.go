package kickoff

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func noParameters() checks.Check {
	return checks.Check{
		ID:    "kickoff.no-parameters",
		Title: "A kick-off without any parameter is accepted",
		// export.html#query-parameters: every parameter is optional for the client.
		Doc: "All kick-off parameters are optional for the client. A server that refuses the bare request, and accepts the same request with " +
			"_type, takes a parameter for mandatory. Refusals for authorization, size or rate (401, 403, 413, 429, 503) are not meant: a server " +
			"may find an unrestricted export too large.",
		Requires: []string{"KICKOFF-006"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Baseline)
			res := ex.KickOff
			switch {
			case res == nil || res.Status == 0:
				t.Inconclusivef("the kick-off got no answer: %s", ex.Reason)
			case res.Status < 400:
				return
			case aboutAccess(res.Status):
				t.Inconclusivef("the kick-off was refused with HTTP %d, which says nothing about parameters", res.Status)
			}
			typed := t.Session().Export(session.TwoTypes)
			if typed.KickOff == nil || !success(typed.KickOff) {
				t.Inconclusivef("kick-offs are refused with and without parameters: %s", typed.Reason)
			}
			t.Violates("KICKOFF-006", res.At(), "a kick-off without parameters is answered with HTTP %d, the same with _type is accepted", res.Status)
		},
	}
}
