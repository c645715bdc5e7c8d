package files

import (
	"context"
	"strconv"
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
			"often send them, and clients that look at the header cannot read the file. The plain export names no _outputFormat, so that its files show " +
			"the default.",
		Requires: []string{"FILE-014", "FILE-015", "ASYNC-009"},
		Exports:  all,
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
		// 3.0.0 export.html#bulk-data-output-file-request: files come uncompressed, gzip-compressed, or in another encoding that
		// the client named in Accept-Encoding; a compressed one has the Content-Encoding header. All versions,
		// export.html#response---success-2: the body is NDJSON.
		Doc: "Every file is asked for with Accept-Encoding: gzip. It may come as it is or as gzip; Content-Encoding: identity is accepted. Bytes that " +
			"are gzip without the header that says so, a header that says gzip over bytes that are not, and an encoding that was not offered are " +
			"violations. The rule itself is new in 3.0.0; before, such a body is no NDJSON to a client that believes the headers.",
		Requires: []string{"FILE-008", "FILE-009", "FILE-016"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			answered(t, func(f *session.File) { judgeEncoding(t, f, "FILE-016", true) })
		},
	}
}

func contentLength() checks.Check {
	return checks.Check{
		ID:    "file.content-length",
		Title: "Content-Length, where a file has one, is the number of bytes that come",
		// RFC 9110 section 8.6; export.html#response---output-manifest: the files are accessible. A file that ends before its
		// announced length is none to an HTTP client.
		Doc: "Content-Length is optional. Where it stands, as many bytes come before the connection ends: typically it is the uncompressed length over a " +
			"compressed body, and clients report a broken download. A length that is too small cannot be seen as such: the file then is cut, which " +
			"is judged by file.complete and by the lines.",
		Requires: []string{"MANIFEST-049"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			answered(t, func(f *session.File) {
				if length, ok := announced(f); ok {
					n++
					if f.Response.Err != nil && !f.OurBound && f.Response.Bytes < length {
						t.Violates("MANIFEST-049", f.At(), "Content-Length of %s says %d bytes, and the body ends after %d", name(f), length, f.Response.Bytes)
					}
				}
			})
			t.Examined("%d files with Content-Length", n)
		},
	}
}

// announced returns the Content-Length of a file's answer.
func announced(f *session.File) (int64, bool) {
	n, err := strconv.ParseInt(f.Response.Header.Get("Content-Length"), 10, 64)
	return n, err == nil && n >= 0
}

func complete() checks.Check {
	return checks.Check{
		ID:    "file.complete",
		Title: "A file can be read to its end",
		// export.html#bulk-data-output-file-request: the client retrieves the files listed; half a file is none.
		Doc: "The body of every file ends where its chunks or its gzip trailer say. A connection that closes before is a violation; so is a gzip stream " +
			"that does not decompress. A body that is shorter than its Content-Length is judged by file.content-length. A file longer than " +
			"--max-file-bytes, or slower than --file-timeout, is inconclusive.",
		Requires: []string{"MANIFEST-049"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			var ours error
			answered(t, func(f *session.File) {
				err := f.Response.Err
				length, ok := announced(f)
				switch {
				case err == nil:
				case f.OurBound:
					ours = err
				case f.Misencoded:
					// file.content-encoding judges it
				case ok && f.Response.Bytes < length:
					// file.content-length judges it
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
			"deleted files the text leaves open whether Bundles or their entries are meant, so both pass. A count that is not a number is judged " +
			"with the manifest. Organised output is not judged, as it is open whether headers count.",
		Requires: []string{"MANIFEST-019"},
		Exports:  all,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			var unread *session.File
			every(t, func(_ *session.Export, f *session.File) {
				if f.Item.Count == nil {
					return
				}
				if !f.Read || !countable(f) {
					unread = f
					return
				}
				n++
				switch got := f.Summary.Lines; {
				case got == *f.Item.Count:
				case f.Item.Kind == "deleted" && f.Deletions == *f.Item.Count:
				case f.Item.Kind == "deleted":
					t.Violates("MANIFEST-019", f.At(), "the manifest says that %s has %d resources, it has %d Bundles with %d entries", name(f), *f.Item.Count, got, f.Deletions)
				default:
					t.Violates("MANIFEST-019", f.At(), "the manifest says that %s has %d resources, it has %d", name(f), *f.Item.Count, got)
				}
			})
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
