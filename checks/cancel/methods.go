package cancel

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

func otherMethods() checks.Check {
	return checks.Check{
		ID:    "delete.other-methods-refused",
		Title: "Another method than GET and DELETE at a polling location is refused and leaves the export alone",
		// export.html#endpoint-1: "GET [polling content location]"; export.html#endpoint: "DELETE [polling content location]".
		Doc: "Before a finished export of the suite's own is deleted, a PUT without a body is sent to its polling location. Every error status passes, and " +
			"the export has to be there still. A success status, or an export that is gone, is a warning: that other methods do nothing follows " +
			"from HTTP (RFC 9110 section 15.5.6), and no sentence of the guide has them. 404 and 410 for the status request that follows say that " +
			"the export is gone; what else it answers is judged elsewhere.",
		Requires: []string{"STATUS-001", "ASYNC-018"},
		Exports:  []session.Scenario{session.Baseline, session.RepeatedTypes},
		Run: func(_ context.Context, t *checks.T) {
			d := FinishedExport(t.Session())
			switch put := d.Put; {
			case put == nil:
				t.Inconclusivef("%s", d.Reason)
			case put.Status == 0:
				t.Inconclusivef("the PUT got no answer: %v", put.Err)
			case d.Lost:
				t.Warns("STATUS-001", d.Kept.At(), "after a PUT at its polling location (HTTP %d) the export is gone: the status request is answered with HTTP %d", put.Status, d.Kept.Status)
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
