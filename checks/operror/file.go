package operror

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/cancel"
	"github.com/bulkproof/bulkproof/checks/session"
)

func fileStatus() checks.Check {
	return checks.Check{
		ID:    "error.file-status",
		Title: "A file request that fails is answered with a 4XX or 5XX status",
		// export.html#response---error: "HTTP Status Code of 4XX or 5XX".
		Doc: "A file of an export that was deleted after its completion is asked for. It may still be there, and then it comes as before. If it is gone, the " +
			"status has to say so: 200 with a page of HTML, an OperationOutcome or nothing at all would be stored as data by a client.",
		Requires: []string{"ERROR-019", "ASYNC-042"},
		Exports:  []session.Scenario{session.RepeatedTypes},
		Cost:     checks.Cost{Downloads: 1},
		Run: func(_ context.Context, t *checks.T) {
			d := cancel.FinishedExport(t.Session())
			switch {
			case d.Reason != "":
				t.Inconclusivef("%s", d.Reason)
			case d.Delete.Status >= 400:
				t.Skipf("the server refuses to delete a finished export, which is legal, and the suite knows of no other file that is gone")
			case d.Delete.Status == 0:
				t.Inconclusivef("the DELETE of a finished export got no answer: %v", d.Delete.Err)
			case d.File == nil:
				t.Skipf("the export that was deleted had no file, so the suite knows of none that is gone")
			case d.File.Status == 0:
				t.Inconclusivef("the file of a deleted export got no answer: %v", d.File.Err)
			case d.File.Status >= 400:
				t.Examined("gone, HTTP %d", d.File.Status)
			case d.File.MediaType() == "application/fhir+ndjson" && d.File.Bytes > 0:
				t.Examined("still there, which is legal")
			case d.File.MediaType() == "text/html" || d.File.MediaType() == "application/fhir+json" || d.File.MediaType() == "application/json" || d.File.Bytes == 0:
				t.Violates("ERROR-019", d.File.At(), "a file of a deleted export is answered with %s, which is neither the file nor an error status", d.File.Describe())
			}
		},
	}
}
