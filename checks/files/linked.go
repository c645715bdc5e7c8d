package files

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

// maxLinkedFiles is how many files of linked manifests are fetched.
const maxLinkedFiles = 20

func linkedFiles() checks.Check {
	return checks.Check{
		ID:    "file.linked-files",
		Title: "Files of linked manifests can be fetched like those of the first one",
		// 3.0.0 export.html#response---in-progress-status: "a manifest SHALL only contain files that are available for retrieval by the
		// client"; the manifests behind link next are manifests as well.
		Doc: "In an export with allowPartialManifests the next links are followed, and up to twenty files of the linked manifests are fetched: they come " +
			"with 200 and can be read to their end. 429 and 503 are repeated and then inconclusive, and so is a server whose files cannot be had " +
			"without that parameter either. Skipped where the server has one manifest only.",
		Requires: []string{"STATUS-017"},
		Exports:  baseline,
		Observes: status.PartialObservation,
		Cost:     checks.Cost{Downloads: maxLinkedFiles},
		Run: func(ctx context.Context, t *checks.T) {
			p := status.Partial(t.Session())
			switch {
			case p.Reason != "":
				t.Inconclusivef("%s", p.Reason)
			case p.Export.State == session.Refused:
				t.Skipf("the server refuses allowPartialManifests (with _type), which is legal: %s", p.Export.Reason)
			case p.Export.State != session.Completed:
				t.Inconclusivef("the export with allowPartialManifests did not complete: %s", p.Export.Reason)
			case len(p.Pages) < 2:
				t.Skipf("the manifest has no next link, or none that leads to a manifest, so there are no files of linked manifests")
			}
			// Where files cannot be had in general, that is judged on the plain export.
			_, set := t.Files(session.Baseline)
			for _, f := range set.Kind("output") {
				if !f.Read {
					t.Inconclusivef("files of the plain export cannot be read either: %s", f.Reason)
				}
			}
			n := 0
			var lines int64
			var unsure *session.File
			for _, page := range p.Pages[1:] {
				for _, it := range page.Manifest.Output {
					if n == maxLinkedFiles {
						break
					}
					n++
					f := t.Client().Reread(ctx, p.Export, page.Manifest, it, nil)
					lines += f.Summary.Lines
					switch {
					case busy(f):
						unsure = f
					case f.Response.Status != http.StatusOK:
						t.Violates("STATUS-017", f.At(), "a file of a linked manifest is answered with HTTP %d", f.Response.Status)
					case !f.Read:
						t.Violates("STATUS-017", f.At(), "a file of a linked manifest cannot be read: %s", f.Reason)
					}
				}
			}
			t.Examined("%d files with %d lines, of %d linked manifests", n, lines, len(p.Pages)-1)
			if unsure != nil {
				t.Inconclusivef("%s of a linked manifest could not be judged: %s", unsure.Item.Name(), unsure.Reason)
			}
		},
	}
}
