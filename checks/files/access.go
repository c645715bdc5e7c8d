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
		Title: "Every file that the manifest lists can be fetched at its URL",
		// export.html#response---output-manifest: the files are accessible to the client at the URLs of the manifest, with the
		// access token where requiresAccessToken says so.
		Doc: "Every url of output, error and deleted is requested right after the export, with the access token if requiresAccessToken is true and " +
			"without if it is false. An error status or no answer at all is a violation. Redirects are followed; which 2xx status it is, is judged " +
			"by file.status-200. A url that is missing or no URL is judged with the manifest, and makes this check inconclusive; so do 429 and 503, " +
			"and a file on another origin that wants a token, as the suite sends its token only to origins that --trust-origin names.",
		Requires: []string{"MANIFEST-049"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			_, set := t.Files(session.Baseline)
			var unsure *session.File
			for _, f := range set.Files {
				switch r := f.Response; {
				case r == nil, r.Status == http.StatusTooManyRequests, r.Status == http.StatusServiceUnavailable:
					unsure = f
				case r.Status == 0:
					t.Violates("MANIFEST-049", f.At(), "%s cannot be fetched: %v", name(f), r.Err)
				case r.Status >= 300:
					t.Violates("MANIFEST-049", f.At(), "the request for %s is answered with HTTP %d", name(f), r.Status)
				}
			}
			t.Examined("%d files", len(set.Files))
			if unsure != nil {
				why := unsure.Reason
				t.Inconclusivef("%s could not be judged: %s", unsure.Item.Name(), why)
			}
		},
	}
}

func status200() checks.Check {
	return checks.Check{
		ID:    "file.status-200",
		Title: "A file is sent with the status 200",
		// export.html#response---success-2: HTTP status 200 OK.
		Doc: "The request has no Range header, so a successful answer has the status 200 and no other 2xx. Redirects that end in 200 are accepted and " +
			"noted; the suite does not send its token along to another origin. Error statuses are judged by file.listed-files-answer.",
		Requires: []string{"FILE-013"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			_, set := t.Files(session.Baseline)
			n, redirected := 0, 0
			for _, f := range set.Files {
				r := f.Response
				if r == nil || r.Status < 200 || r.Status > 299 {
					continue
				}
				n++
				if r.Redirects > 0 {
					redirected++
				}
				if r.Status != 200 {
					t.Violates("FILE-013", f.At(), "%s is sent with HTTP %d", name(f), r.Status)
				}
			}
			if redirected > 0 {
				t.Note("%d files were reached by redirects", redirected)
			}
			t.Examined("%d of %d files", n, len(set.Files))
			if n == 0 && len(set.Files) > 0 {
				t.Inconclusivef("no file was answered with success: %s", set.Files[0].Reason)
			}
		},
	}
}

func acceptDefault() checks.Check {
	return checks.Check{
		ID:    "file.accept-default",
		Title: "A file request without Accept is answered like one with Accept: application/fhir+ndjson",
		// export.html#headers-1: Accept is optional and defaults to application/fhir+ndjson.
		Doc: "The first output file is fetched again without an Accept header. It has to come with 200. Anything else about the answer is judged on " +
			"the files that were asked for with Accept.",
		Requires: []string{"FILE-012"},
		Exports:  baseline,
		Cost:     checks.Cost{Downloads: 1},
		Run: func(ctx context.Context, t *checks.T) {
			ex, set := t.Files(session.Baseline)
			for _, f := range set.Kind("output") {
				if !f.Read {
					continue
				}
				req := ex.Manifest.FileRequest(f.Item)
				req.Header.Del("Accept")
				req.Discard = true
				r := t.Client().Do(ctx, req)
				switch {
				case r.Status == 0 || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable:
					t.Inconclusivef("the request without Accept was answered with %s", r.Describe())
				case r.Status != 200:
					t.Violates("FILE-012", r.At(), "the request for %s is answered with 200 if it has an Accept header and with HTTP %d if it has none", name(f), r.Status)
				}
				t.Examined("one file")
				return
			}
			if len(set.Kind("output")) == 0 {
				t.Inconclusivef("the export has no output file to ask for")
			}
			t.Inconclusivef("no output file could be read with Accept: %s", set.Kind("output")[0].Reason)
		},
	}
}
