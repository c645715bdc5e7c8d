package operror

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

func partialSuccess() checks.Check {
	return checks.Check{
		ID:    "error.partial-success",
		Title: "An export that lost some resources completes with 200 and says in error files what went wrong",
		Doc: "Whether an export that cannot be completed in every part succeeds or fails is for the server to decide. If it succeeds, the status is 200: a " +
			"manifest with error files under another status, such as 206, is a violation. Whether something got lost the suite cannot know by " +
			"itself. A tester who names a Group whose export loses something (lossy group) has it exported: then error must not be empty; a job that " +
			"fails as a whole passes. Without that knowledge the check looks at the plain export only.",
		Requires: []string{"ERROR-009", "ERROR-010", "ERROR-011", "ASYNC-027"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			s := t.Session()
			judgePartial(t, s.Export(session.Baseline), status.After(s))
			group := s.Config().Known.LossyGroup
			if group == "" {
				t.Note("no Group is named whose export loses something, so nothing was seen of a partial success")
				return
			}
			sc := session.Scenario{Level: session.Group, Group: group}
			ex := s.Export(sc)
			judgePartial(t, ex, status.AfterOf(s, sc))
			switch {
			case ex.State == session.Failed && ex.Final().Status >= 400:
				t.Note("the export of the lossy group fails as a whole, which is legal: %s", ex.Reason)
			case ex.State != session.Completed || ex.Manifest.Tree == nil:
				t.Inconclusivef("the export of the lossy group did not complete with a readable manifest: %s", ex.Reason)
			case len(ex.Manifest.Error) == 0:
				// export.html#response---error-status-1: "the Response.error array of the completion response body SHALL be populated
				// with one or more files in NDJSON format containing FHIR OperationOutcome resources to indicate what went wrong".
				t.Violates("ERROR-009", ex.Final().At().In("/error"), "the export of a Group that loses something completes, and the error array is empty")
			}
		},
	}
}

// judgePartial judges the status that carries a manifest with error files.
// export.html#response---error-status-1: "In the case of a partial success, the server SHALL use a 200 status code instead of
// 4XX or 5XX."
func judgePartial(t *checks.T, ex *session.Export, after *status.Aftermath) {
	last := ex.Final()
	if last == nil || ex.State != session.Failed || after.Lived() {
		return
	}
	m := session.ReadManifest(last)
	if m.Tree == nil && last.Status < 300 {
		t.Inconclusivef("the export ends with HTTP %d, and whether that is a manifest cannot be read: %v", last.Status, m.Err)
	}
	if m.Tree != nil && len(m.Error) > 0 {
		t.Violates("ERROR-010", last.At(), "a manifest with error files is sent with HTTP %d in place of 200", last.Status)
	}
}
