package cancel

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

func otherMethods() checks.Check {
	return checks.Check{
		ID:    "delete.other-methods-refused",
		Title: "Another method than GET and DELETE at a polling location is refused and leaves the export alone",
		// export.html#endpoint-1: "GET [polling content location]"; export.html#endpoint: "DELETE [polling content location]".
		Doc: "A PUT without a body is sent to the polling location of a finished export that nobody needs any more, of what changed after the year 2999. Every " +
			"error status passes, and the export has to be there still. A success status, or an export that is gone, is a warning: that other methods " +
			"do nothing follows from HTTP (RFC 9110 section 15.5.6), and no sentence of the guide has them. 404 and 410 for the status request that " +
			"follows say that the export is gone; what else it answers is judged elsewhere.",
		Requires: []string{"STATUS-001", "ASYNC-018"},
		Exports:  []session.Scenario{session.Baseline, session.Future},
		Run: func(ctx context.Context, t *checks.T) {
			ex := t.Session().Export(session.Future)
			if ex.State == session.Refused {
				t.Skipf("the server refuses the export that the PUT is meant for: %s", ex.Reason)
			}
			ex = t.Export(session.Future)
			if t.Session().Kickoffs(ex.Location) > 1 {
				t.Skipf("the server answers a new kick-off with the location of an earlier export, which must not be harmed")
			}
			req := session.StatusRequest(ex.Location)
			req.Method = http.MethodPut
			put := t.Client().Do(ctx, req)
			if put.Status == 0 {
				t.Inconclusivef("the PUT got no answer: %v", put.Err)
			}
			kept := t.Client().Patiently(ctx, session.StatusRequest(ex.Location))
			switch {
			case gone(kept) && gone(status.After(t.Session()).Last()):
				t.Inconclusivef("an export is gone after its completion, with and without a PUT (see status.stable)")
			case gone(kept):
				t.Warns("STATUS-001", kept.At(), "after a PUT at its polling location (HTTP %d) the export is gone: the status request is answered with HTTP %d", put.Status, kept.Status)
			case put.Status < 400 && succeeded(status.UnknownJob(t.Session())):
				t.Inconclusivef("a PUT at a polling location is answered with HTTP %d, and so is the status of a job that does not exist (see status.unknown-job)", put.Status)
			case put.Status < 300:
				t.Warns("STATUS-001", put.At(), "a PUT at a polling location is answered with HTTP %d, where an error is expected", put.Status)
			case put.Status < 400:
				t.Inconclusivef("a PUT at a polling location is answered with HTTP %d", put.Status)
			}
		},
	}
}

func gone(res *session.Response) bool {
	return res != nil && (res.Status == http.StatusNotFound || res.Status == http.StatusGone)
}
