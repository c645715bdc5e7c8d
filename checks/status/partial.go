package status

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// PartialObservation declares what Partial costs: one kick-off, and files of up to three partial manifests.
var PartialObservation = []checks.Observation{{Name: "partial manifests", Cost: checks.Cost{KickOffs: 1, Downloads: 3 * 2 * filesOfManifest}}}

const partialDoc = " Skipped where the server refuses or ignores allowPartialManifests, or sends no manifest before the end: all of this is its choice."

func partialContentType() checks.Check {
	return checks.Check{
		ID:    "status.partial-content-type",
		Title: "A partial manifest is sent as application/json",
		// export.html#response---in-progress-status: "the server MAY return a Content-Type header of application/json and a body
		// containing an output manifest".
		Doc: "An in-progress answer whose body is an object with transactionTime or output is a partial manifest. The sentence permits header and body " +
			"together, so the header is expected where the body is. Parameters and letter case do not matter." + partialDoc,
		Requires: []string{"STATUS-028", "STATUS-016"},
		Observes: PartialObservation,
		Ahead:    true,
		Run: func(_ context.Context, t *checks.T) {
			p := early(t)
			for _, s := range p.Early {
				if m := s.Response.MediaType(); m != "application/json" {
					t.Violates("STATUS-028", s.Response.At(), "a partial manifest is sent as %q in place of application/json", m)
				}
			}
			t.Examined("%d partial manifests", len(p.Early))
		},
	}
}

func partialAvailable() checks.Check {
	return checks.Check{
		ID:    "status.partial-available",
		Title: "A partial manifest lists only files that can be fetched already",
		// export.html#response---in-progress-status: "When provided, a manifest SHALL only contain files that are available for
		// retrieval by the client."
		Doc: "The first files of each partial manifest are fetched as soon as it is seen, while the export is still running. 429 and 503 are " +
			"inconclusive." + partialDoc,
		Requires: []string{"STATUS-017"},
		Observes: PartialObservation,
		Run: func(_ context.Context, t *checks.T) {
			n, busy, kept := 0, false, ""
			for _, s := range early(t).Early {
				for _, f := range s.Early {
					n++
					at := f.Response.At()
					at.File = f.Item.Name()
					switch res := f.Response; {
					case f.Reason != "":
						kept = f.Item.Name() + " was not requested: " + f.Reason
					case res.Status == http.StatusTooManyRequests || res.Status == http.StatusServiceUnavailable:
						busy = true
					case res.Status == 0:
						t.Inconclusivef("a file of a partial manifest got no answer: %v", res.Err)
					case f.Hash == "":
						t.Violates("STATUS-017", at, "a file of a partial manifest cannot be fetched at once: %s", res.Describe())
					}
				}
			}
			if busy {
				t.Inconclusivef("a file of a partial manifest was answered with 429 or 503")
			}
			if n == 0 {
				t.Skipf("no partial manifest lists a file, which is legal")
			}
			if kept != "" {
				t.Inconclusivef("%s", kept)
			}
			t.Examined("%d files", n)
		},
	}
}

func partialImmutable() checks.Check {
	return checks.Check{
		ID:    "status.partial-immutable",
		Title: "A manifest once returned stays as it is; further files come behind its next link",
		// export.html#response---in-progress-status: "Once returned, the server SHALL NOT alter a manifest when it is returned in
		// subsequent requests, with the exception of optionally adding a link field pointing to a manifest with additional output
		// files or updating output file URLs that have expired."
		Doc: "The first partial manifest is compared with every later answer of the polling location, the final one included. Output files that are added, " +
			"removed or of another type or count are violations, as are other values of transactionTime, request, requiresAccessToken and " +
			"outputOrganizedBy. Growth of error or deleted alone is a warning. Other URLs for the same files, an added link and the order of keys " +
			"pass; that other URLs lead to the same content is judged by status.partial-files-immutable." + partialDoc,
		Requires: []string{"STATUS-018"},
		Observes: PartialObservation,
		Run: func(_ context.Context, t *checks.T) {
			p := early(t)
			first := p.Early[0]
			later := slices.Clone(p.Early[1:])
			if p.Export.State == session.Completed && p.Export.Manifest.Tree != nil {
				later = append(later, &Snapshot{Response: p.Export.Final(), Manifest: p.Export.Manifest})
			}
			if len(later) == 0 {
				t.Inconclusivef("no answer after the first partial manifest can be compared with it: %s", p.Export.Reason)
			}
			for _, s := range later {
				at := s.Response.At()
				for _, name := range []string{"transactionTime", "request", "requiresAccessToken", "outputOrganizedBy"} {
					if a, b := first.Manifest.Tree[name], s.Manifest.Tree[name]; fmt.Sprint(a) != fmt.Sprint(b) {
						t.Violates("STATUS-018", at.In("/"+name), "%s of the manifest has changed since it was first returned", name)
					}
				}
				if a, b := shapes(first.Manifest.Output), shapes(s.Manifest.Output); !slices.Equal(a, b) {
					t.Violates("STATUS-018", at.In("/output"), "output of the manifest has changed since it was first returned: %d files then, %d now", len(a), len(b))
				}
				for _, k := range []struct {
					name string
					a, b []session.Item
				}{{"deleted", first.Manifest.Deleted, s.Manifest.Deleted}, {"error", first.Manifest.Error, s.Manifest.Error}} {
					if a, b := shapes(k.a), shapes(k.b); !slices.Equal(a, b) {
						t.Warns("STATUS-018", at.In("/"+k.name), "%s of the manifest has changed since it was first returned: %d files then, %d now", k.name, len(a), len(b))
					}
				}
			}
			t.Examined("%d later answers", len(later))
		},
	}
}

// shapes says of each file what may not change: type and count, in the order of the manifest.
func shapes(items []session.Item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Type
		if it.Count != nil {
			out[i] = fmt.Sprintf("%s %d", it.Type, *it.Count)
		}
	}
	return out
}

func partialFilesImmutable() checks.Check {
	return checks.Check{
		ID:    "status.partial-files-immutable",
		Title: "A file that a returned manifest lists does not change any more",
		// export.html#response---in-progress-status: "The output files referenced in the manifest SHALL NOT be altered once they have
		// been included in a manifest that has been returned to a client."
		Doc: "The first files of each partial manifest are fetched when they are first listed and once more after completion, and their decoded content is " +
			"compared by its hash. The file is asked for at the place of the final manifest, as its URL may have been renewed." + partialDoc,
		Requires: []string{"STATUS-019"},
		Observes: PartialObservation,
		Run: func(_ context.Context, t *checks.T) {
			p := early(t)
			i, n := 0, 0
			for _, s := range p.Early {
				for _, was := range s.Early {
					if i >= len(p.Late) {
						t.Inconclusivef("the files could not be fetched again: %s", p.Export.Reason)
					}
					is := p.Late[i]
					i++
					if was.Hash == "" || is.Hash == "" {
						continue // a file that cannot be fetched is judged by status.partial-available
					}
					n++
					if was.Hash != is.Hash {
						at := is.Response.At()
						at.File = was.Item.Name()
						t.Violates("STATUS-019", at, "the content of a file has changed since a manifest first listed it")
					}
				}
			}
			switch {
			case i == 0:
				t.Skipf("no partial manifest lists a file, which is legal")
			case n == 0:
				t.Inconclusivef("no file of a partial manifest could be fetched twice")
			}
			t.Examined("%d files", n)
		},
	}
}
