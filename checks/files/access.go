package files

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func listedFilesAnswer() checks.Check {
	return checks.Check{
		ID:    "file.listed-files-answer",
		Title: "Every file that the manifest lists can be fetched at its URL, by the manifest's own rule for tokens",
		// export.html#response---output-manifest: "The files SHALL be accessible to the client at the URLs advertised."
		// 3.0.0 export.html#bulk-data-output-file-request: where requiresAccessToken is false and no authorization extension stands
		// in the item, "the output URLs SHALL be dereferenceable directly".
		Doc: "Every url of output, error and deleted is requested right after the export, with the access token if requiresAccessToken is true and " +
			"without any credentials if it is false. An error status or no answer at all is a violation. Redirects are followed, without the token " +
			"where they lead to another origin; which 2xx status it is, is judged by file.status-200. Requests answered with 429 or 503 are " +
			"repeated as Retry-After asks. A url that is missing or no URL is judged with the manifest, and makes this check inconclusive; so do 429 " +
			"and 503 without end, a file on another origin that wants a token, as the suite sends its token only to origins that --trust-origin " +
			"names, and a refusal where the manifest has an extension, which may say what else is needed.",
		Requires: []string{"MANIFEST-049", "FILE-004"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			var unsure *session.File
			why, busy := "", 0
			n := every(t, func(ex *session.Export, f *session.File) {
				busy += f.Busy
				r := f.Response
				switch {
				case r == nil, r.Status == http.StatusTooManyRequests, r.Status == http.StatusServiceUnavailable:
					unsure, why = f, f.Reason
				case r.Status == 0:
					t.Violates("MANIFEST-049", f.At(), "%s cannot be fetched: %v", name(f), r.Err)
				case !ex.Manifest.RequiresAccessToken && (r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden):
					if extended(ex.Manifest, f.Item) {
						unsure, why = f, f.Reason+", and the manifest has an extension that the suite does not know"
						return
					}
					const text = "requiresAccessToken is false, and the request for %s without a token is answered with HTTP %d"
					t.Violates("FILE-004", f.At(), text, name(f), r.Status)
					t.Violates("MANIFEST-049", f.At(), text, name(f), r.Status)
				case r.Status >= 300 && r.Redirects > 0:
					t.Violates("MANIFEST-049", f.At(), "the request for %s is answered with HTTP %d after %d redirects", name(f), r.Status, r.Redirects)
				case r.Status >= 300:
					t.Violates("MANIFEST-049", f.At(), "the request for %s is answered with HTTP %d", name(f), r.Status)
				}
			})
			t.Examined("%d files", n)
			if busy > 0 {
				t.Note("%d requests for files were answered with 429 or 503 and repeated", busy)
			}
			if unsure != nil {
				t.Inconclusivef("%s could not be judged: %s", unsure.Item.Name(), why)
			}
		},
	}
}

// extended reports whether the manifest or the item has an extension.
func extended(m *session.Manifest, it session.Item) bool {
	item, _ := it.Tree.(map[string]any)
	return m.Tree["extension"] != nil || item["extension"] != nil
}

func status200() checks.Check {
	return checks.Check{
		ID:    "file.status-200",
		Title: "A file is sent with the status 200",
		// export.html#response---success-2: HTTP status 200 OK.
		Doc: "The request has no Range header, so a successful answer has the status 200 and no other 2xx. Redirects that end in 200 are accepted and " +
			"noted; the suite does not send its token along to another origin. Error statuses are judged by file.listed-files-answer.",
		Requires: []string{"FILE-013"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			n, redirected := 0, 0
			var first *session.File
			all := every(t, func(_ *session.Export, f *session.File) {
				if first == nil {
					first = f
				}
				r := f.Response
				if r == nil || r.Status < 200 || r.Status > 299 {
					return
				}
				n++
				if r.Redirects > 0 {
					redirected++
				}
				if r.Status != 200 {
					t.Violates("FILE-013", f.At(), "%s is sent with HTTP %d", name(f), r.Status)
				}
			})
			if redirected > 0 {
				t.Note("%d files were reached by redirects", redirected)
			}
			t.Examined("%d of %d files", n, all)
			if n == 0 && all > 0 {
				t.Inconclusivef("no file was answered with success: %s", first.Reason)
			}
		},
	}
}
