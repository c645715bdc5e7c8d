package files

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/session"
)

func contentType() checks.Check {
	return checks.Check{
		ID:    "file.content-type",
		Title: "NDJSON files are sent as application/fhir+ndjson",
		// export.html#response---success-2: the Content-Type matches the format; for NDJSON it is application/fhir+ndjson.
		Doc: "The media type of every file is application/fhir+ndjson. Parameters such as charset or fhirVersion and letter case are free. " +
			"application/ndjson, application/json, application/octet-stream and a missing header are violations: object stores behind signed URLs " +
			"often send them, and clients that look at the header cannot read the file.",
		Requires: []string{"FILE-014", "FILE-015"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			answered(t, func(f *session.File) {
				switch mt := f.Response.MediaType(); {
				case mt == "":
					t.Violates("FILE-014", f.At(), "a file is sent without a Content-Type")
				case mt != "application/fhir+ndjson":
					t.Violates("FILE-015", f.At(), "a file is sent with a Content-Type other than application/fhir+ndjson: %s", printable(mt))
				}
			})
		},
	}
}

func contentEncoding() checks.Check {
	return checks.Check{
		ID:    "file.content-encoding",
		Title: "Content-Encoding says how a file is compressed, and only gzip or what was offered is used",
		// export.html#bulk-data-output-file-request (3.0.0): files come uncompressed, gzip-compressed, or in another encoding that
		// the client named in Accept-Encoding; a compressed one has the Content-Encoding header.
		Doc: "Every file is asked for with Accept-Encoding: gzip. It may come as it is or as gzip; Content-Encoding: identity is accepted. Bytes that " +
			"are gzip without the header that says so, a header that says gzip over bytes that are not, and an encoding that was not offered are " +
			"violations. The rule is new in 3.0.0; under 2.0.0 such a file is no readable NDJSON and fails there.",
		Requires: []string{"FILE-008", "FILE-009"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			answered(t, func(f *session.File) {
				enc := strings.ToLower(strings.TrimSpace(f.Response.Header.Get("Content-Encoding")))
				switch {
				case enc != "" && enc != "identity" && enc != "gzip" && enc != "x-gzip":
					t.Violates("FILE-008", f.At(), "a file is sent with the Content-Encoding %s, which was not offered", printable(enc))
				case strings.HasSuffix(enc, "gzip") && !f.Magic && f.Response.Bytes > 0:
					t.Violates("FILE-009", f.At(), "a file is sent with Content-Encoding: %s, but its bytes are not gzip", enc)
				case !strings.HasSuffix(enc, "gzip") && f.Magic:
					t.Violates("FILE-009", f.At(), "a file is sent as gzip without Content-Encoding: gzip")
				}
			})
		},
	}
}

func complete() checks.Check {
	return checks.Check{
		ID:    "file.complete",
		Title: "A file can be read to its end",
		// export.html#bulk-data-output-file-request: the client retrieves the files listed; half a file is none.
		Doc: "The body of every file ends where its Content-Length, its chunks or its gzip trailer say. A connection that closes before is a violation; " +
			"so is a gzip stream that does not decompress. A file longer than --max-file-bytes, or slower than --file-timeout, is inconclusive.",
		Requires: []string{"MANIFEST-049"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			var ours error
			answered(t, func(f *session.File) {
				err := f.Response.Err
				switch {
				case err == nil:
				case f.OurBound:
					ours = err
				case f.Misencoded:
					// file.content-encoding judges it
				default:
					t.Violates("MANIFEST-049", f.At(), "%s cannot be read to its end: %v", name(f), err)
				}
			})
			if ours != nil {
				t.Inconclusivef("a file was not read to its end: %v", ours)
			}
		},
	}
}

func count() checks.Check {
	return checks.Check{
		ID:    "file.count",
		Title: "count in the manifest is the number of resources in the file",
		// export.html#response---output-manifest: count is the number of resources in the file, represented as a JSON number.
		Doc: "count is optional. Where an output or error item has one, it equals the number of lines of the file, blank lines not counted. For " +
			"deleted files the text leaves open whether Bundles or entries are meant, so they are not judged. A count that is not a number is judged " +
			"with the manifest.",
		Requires: []string{"MANIFEST-019"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			_, set := t.Files(session.Baseline)
			n := 0
			var unread *session.File
			for _, f := range set.Files {
				if f.Item.Count == nil || f.Item.Kind == "deleted" {
					continue
				}
				if !f.Read || !countable(f) {
					unread = f
					continue
				}
				n++
				if got := f.Summary.Lines; got != *f.Item.Count {
					t.Violates("MANIFEST-019", f.At(), "the manifest says that %s has %d resources, it has %d", name(f), *f.Item.Count, got)
				}
			}
			t.Examined("%d files with a count", n)
			if unread != nil {
				why := unread.Reason
				if why == "" {
					why = "its lines do not hold one object each"
				}
				t.Inconclusivef("the resources of %s were not counted: %s", unread.Item.Name(), why)
			}
		},
	}
}

// countable reports whether lines are resources. Where they are not, ndjson.one-resource-per-line says so.
func countable(f *session.File) bool {
	for _, g := range f.Summary.Groups {
		switch g.Rule {
		case ndjson.RuleTwoValues, ndjson.RuleTrailingData, ndjson.RuleNotObject, ndjson.RuleMultiLine:
			return false
		}
	}
	return true
}

// printable keeps a header value short and free of control characters.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return s
}
