package refserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

func init() { registerFaults(fileFaults()...) }

// onFile returns a hook that edits the answers for the files that the predicate chooses.
func onFile(which func(*Answer) bool, edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.ThenAnswer(func(a *Answer) {
			if a.Endpoint == File && a.Job != nil && a.Status == http.StatusOK && which(a) {
				edit(a)
			}
		})
	}
}

// output is an output file of one type: what is wrong with organised ones is told by faults of their own.
func output(a *Answer) bool { return a.Job.Kind == OutputFile && a.Job.Export.OrganizeBy == "" }

// lastOutput is the last output file only: a judge that looks at the first file misses it.
func lastOutput(a *Answer) bool { return output(a) && a.Job.LastFile() }

// lastOfMany is the last file of a type that has several.
func lastOfMany(a *Answer) bool {
	return output(a) && a.Job.TypeFiles > 1 && a.Job.TypeFile == a.Job.TypeFiles-1
}

func anyFile(*Answer) bool { return true }

// messages is every error file, and deletions every deleted file.
func messages(a *Answer) bool  { return a.Job.Kind == ErrorFile }
func deletions(a *Answer) bool { return a.Job.Kind == DeletedFile }

// plainLast is the last output file of exports of everything.
func plainLast(a *Answer) bool {
	return lastOutput(a) && len(a.Job.Export.Types) == 0 && !a.Job.Export.Partial
}

// again calls edit for every request but the first one for the last file of an export of everything.
func again(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		var mu sync.Mutex
		seen := map[string]bool{}
		onFile(plainLast, func(a *Answer) {
			mu.Lock()
			first := !seen[a.Request.URL.Path]
			seen[a.Request.URL.Path] = true
			mu.Unlock()
			if !first {
				edit(a)
			}
		})(b)
	}
}

// when edits file requests with a header of that value only, in exports without partial manifests.
func when(header, value string, edit func(*Answer)) func(*Behaviour) {
	return onFile(func(a *Answer) bool { return !a.Job.Export.Partial }, func(a *Answer) {
		if a.Request.Header.Get(header) == value {
			edit(a)
		}
	})
}

// gone410 answers that there is no such file any more.
func gone410(a *Answer) { a.refused(http.StatusGone, "not-found", "the file was fetched already") }

// everyOther leaves out every other line.
func everyOther(a *Answer) {
	a.Line = func(n int, line []byte) []byte {
		if n%2 == 1 {
			return nil
		}
		return line
	}
}

func fileFaults() []Fault {
	return slices.Concat(servedFaults(), againFaults(), deletedFaults(), blockFaults())
}

// servedFaults break how files are served.
func servedFaults() []Fault {
	return []Fault{
		{
			Name: "file-last-not-found", Area: "file",
			Doc:    "The manifest lists a file that is not there: the last one answers 404, all others are fine.",
			Caught: []string{"file.listed-files-answer"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "no such file")
			}),
		},
		{
			Name: "file-last-server-error", Area: "file",
			Doc:    "The last listed file answers 500, as servers do that list files for types without data.",
			Caught: []string{"file.listed-files-answer"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.refused(http.StatusInternalServerError, "exception", "empty file")
			}),
		},
		{
			Name: "file-connection-dropped", Area: "file",
			Doc:    "The connection is closed instead of an answer to the request for the last file.",
			Caught: []string{"file.listed-files-answer"},
			Apply:  onFile(lastOutput, func(a *Answer) { a.Drop = true }),
		},
		{
			Name: "file-status-206", Area: "file",
			Doc:    "Files are sent with 206 Partial Content although no range was asked for, as some object stores' proxies do.",
			Caught: []string{"file.status-200"},
			Apply:  onFile(lastOutput, func(a *Answer) { a.Status = http.StatusPartialContent }),
		},
		{
			Name: "file-content-type-ndjson", Area: "file",
			Doc:    "One file of several is sent as application/ndjson instead of application/fhir+ndjson.",
			Caught: []string{"file.content-type"},
			Apply:  onFile(lastOfMany, func(a *Answer) { a.Header.Set("Content-Type", "application/ndjson") }),
		},
		{
			Name: "file-content-type-swapped", Area: "file",
			Doc:    "Files are sent as application/ndjson+fhir, the media type with its halves exchanged, as seen in the field.",
			Caught: []string{"file.content-type"},
			Apply:  onFile(anyFile, func(a *Answer) { a.Header.Set("Content-Type", "application/ndjson+fhir") }),
		},
		{
			Name: "file-content-type-octet-stream", Area: "file",
			Doc:    "Files are sent as application/octet-stream, the default of object stores.",
			Caught: []string{"file.content-type"},
			Apply:  onFile(anyFile, func(a *Answer) { a.Header.Set("Content-Type", "application/octet-stream") }),
		},
		{
			Name: "file-content-type-missing", Area: "file",
			Doc:    "The last file is sent without a Content-Type.",
			Caught: []string{"file.content-type"},
			// An explicit nil keeps net/http from guessing a type.
			Apply: onFile(lastOutput, func(a *Answer) { a.Header["Content-Type"] = nil }),
		},
		{
			Name: "file-gzip-unannounced", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Files are compressed with gzip and Content-Encoding does not say so; clients read rubbish.",
			Caught: []string{"file.content-encoding"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Gzip = true
				a.Header.Del("Content-Encoding")
			}),
		},
		{
			Name: "file-gzip-announced-only", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Content-Encoding says gzip, the bytes are plain.",
			Caught: []string{"file.content-encoding"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Gzip = false
				a.Header.Set("Content-Encoding", "gzip")
			}),
		},
		{
			Name: "file-encoding-not-offered", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "A file comes with Content-Encoding: br although the client offered gzip alone.",
			Caught: []string{"file.content-encoding"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Gzip = false
				a.Header.Set("Content-Encoding", "br")
			}),
		},
		{
			Name: "file-cut-short", Area: "file",
			Doc:    "The connection is closed in the middle of the last file, as when a worker is restarted.",
			Caught: []string{"file.complete"},
			Apply:  onFile(lastOutput, func(a *Answer) { a.DropAfter = 200 }),
		},
		{
			Name: "file-without-accept-406", Area: "file",
			Doc:    "A file request without an Accept header is refused with 406 instead of taken as one for NDJSON.",
			Caught: []string{"file.accept-default"},
			Apply: onFile(anyFile, func(a *Answer) {
				if a.Request.Header.Get("Accept") == "" {
					a.refused(http.StatusNotAcceptable, "not-supported", "Accept is missing")
				}
			}),
		},
		{
			Name: "file-count-too-high", Area: "file",
			Doc:    "count of the last output item is one more than the file has resources.",
			Caught: []string{"file.count"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, _ JobInfo) { editCount(m, func(n int) int { return n + 1 }) })
			},
		},
		{
			Name: "file-count-half", Area: "file",
			Doc:    "count of the last output item is half the number of its resources, as when pages are counted.",
			Caught: []string{"file.count"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, _ JobInfo) { editCount(m, func(n int) int { return n / 2 }) })
			},
		},
		{
			Name: "file-empty-answers-500", Area: "file",
			Doc:    "The manifest lists a file without a line, and a request for it fails with 500.",
			Caught: []string{"file.listed-files-answer"},
			Apply: func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if len(j.Export.Types) > 0 || j.Export.OrganizeBy != "" {
						return nil
					}
					return []ExtraFile{{Kind: OutputFile, Type: "Patient"}}
				}
				onFile(func(a *Answer) bool { return output(a) && a.Job.FileType == "Patient" && a.Job.Lines == 0 }, func(a *Answer) {
					a.refused(http.StatusInternalServerError, "exception", "empty file")
				})(b)
			},
		},
		{
			Name: "file-half-the-lines", Area: "file",
			Doc:    "The last file has every other line only, while count in the manifest promises all of them.",
			Caught: []string{"file.count"},
			Apply:  onFile(lastOfMany, everyOther),
		},
		{
			Name: "file-closed-though-open", Area: "file",
			Doc:    "The manifest says that files need no access token, and the last file is behind a login of another kind.",
			Caught: []string{"file.listed-files-answer"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, _ JobInfo) { m["requiresAccessToken"] = false })
				b.Access = func(a AccessRequest, allowed bool) bool {
					return allowed || a.Endpoint == File || a.Endpoint == Attachment
				}
				onFile(lastOutput, func(a *Answer) { a.refused(http.StatusForbidden, "login", "members only") })(b)
			},
		},
		{
			Name: "file-messages-forbidden", Area: "file",
			Doc:    "Error files answer 403 to the token that fetches the output files.",
			Caught: []string{"file.listed-files-answer"},
			Apply:  onFile(messages, func(a *Answer) { a.refused(http.StatusForbidden, "forbidden", "not for you") }),
		},
		{
			Name: "file-deletions-not-found", Area: "file",
			Doc:    "The manifest lists a deleted file that is not there.",
			Caught: []string{"file.listed-files-answer"},
			Apply:  onFile(deletions, func(a *Answer) { a.refused(http.StatusNotFound, "not-found", "no such file") }),
		},
		{
			Name: "file-redirect-to-login", Area: "file",
			Doc:    "The last file redirects to a page for people to log in, which comes with 200.",
			Caught: []string{"file.content-type"},
			Apply: onFile(lastOutput, func(a *Answer) {
				if a.Request.URL.Query().Get("login") == "" {
					a.refused(http.StatusFound, "login", "log in first")
					a.Header.Set("Location", "?login=1")
					return
				}
				a.Header.Set("Content-Type", "text/html")
			}),
		},
		{
			Name: "file-redirect-loop", Area: "file",
			Doc:    "The last file redirects to itself for ever.",
			Caught: []string{"file.listed-files-answer"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.refused(http.StatusTemporaryRedirect, "processing", "this way")
				a.Header.Set("Location", a.Request.URL.Path)
			}),
		},
		{
			Name: "file-messages-as-json", Area: "file",
			Doc:    "Error files are sent as application/fhir+json, the media type of a single resource.",
			Caught: []string{"file.content-type"},
			Apply:  onFile(messages, func(a *Answer) { a.Header.Set("Content-Type", "application/fhir+json") }),
		},
		{
			Name: "file-deletions-as-json", Area: "file",
			Doc:    "Deleted files are sent as application/json.",
			Caught: []string{"file.content-type"},
			Apply:  onFile(deletions, func(a *Answer) { a.Header.Set("Content-Type", "application/json") }),
		},
		{
			Name: "file-gzip-as-a-type", Area: "file",
			Doc:    "Files are gzip by their media type, application/gzip, and not by Content-Encoding, so that clients keep archives in place of NDJSON.",
			Caught: []string{"file.content-encoding", "file.content-type"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Gzip = true
				a.Header.Del("Content-Encoding")
				a.Header.Set("Content-Type", "application/gzip")
			}),
		},
		{
			Name: "file-content-length-too-large", Area: "file",
			Doc:    "Content-Length is the length before compression; clients wait for the rest and report a broken download.",
			Caught: []string{"file.content-length"},
			Apply:  onFile(lastOutput, func(a *Answer) { a.Header.Set("Content-Length", "987654") }),
		},
		{
			Name: "file-content-length-too-small", Area: "file",
			Doc:    "Content-Length is too small, so that HTTP cuts the file.",
			Caught: []string{"file.complete"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Header.Set("Content-Length", "100")
				a.DropAfter = 100
			}),
		},
		{
			Name: "file-gzip-trailer-missing", Area: "file",
			Doc:    "The gzip stream of the last file ends before its trailer, and the HTTP body ends properly: a worker that forgets to flush.",
			Caught: []string{"file.complete"},
			Apply: onFile(lastOutput, func(a *Answer) {
				a.Raw = func(w io.Writer) error {
					_, err := w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
					return err
				}
			}),
		},
		{
			Name: "file-deletions-count", Area: "file",
			Doc:    "count of a deleted item is neither the number of Bundles nor that of their entries.",
			Caught: []string{"file.count"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, _ JobInfo) {
					list, _ := m["deleted"].([]any)
					for _, item := range list {
						item.(map[string]any)["count"] = 4711
					}
				})
			},
		},
		{
			Name: "file-linked-not-found", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Files of the last linked manifest are not there; whoever looks at the first manifest alone does not notice.",
			Caught: []string{"file.linked-files"},
			Apply: onFile(func(a *Answer) bool { return a.Job.Export.Partial && lastOutput(a) }, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "no such file")
			}),
		},
		{
			Name: "file-linked-cut-short", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Files of the last linked manifest break off.",
			Caught: []string{"file.linked-files"},
			Apply:  onFile(func(a *Answer) bool { return a.Job.Export.Partial && lastOutput(a) }, func(a *Answer) { a.DropAfter = 150 }),
		},
	}
}

// againFaults break second fetches, and requests with other headers.
func againFaults() []Fault {
	return []Fault{
		{
			Name: "file-url-query-encoded", Area: "file",
			Doc:    "The URLs of files have a query whose question mark is percent-encoded, as if it were a part of the path; nothing is there.",
			Caught: []string{"file.listed-files-answer"},
			Apply: inManifest(func(m map[string]any, j JobInfo) {
				if len(j.Export.Sent) > 0 {
					return
				}
				for _, v := range m["output"].([]any) {
					if item, ok := v.(map[string]any); ok {
						item["url"] = fmt.Sprint(item["url"], "%3Fpart%3D1")
					}
				}
			}),
		},
		{
			Name: "file-url-works-once", Area: "file",
			Doc:    "A file can be fetched once and is gone then, although Expires names a later moment; a broken download cannot be repeated.",
			Caught: []string{"file.still-there"},
			Apply:  again(gone410),
		},
		{
			Name: "file-shrinks", Area: "file",
			Doc:    "A file that is fetched again has every other line only.",
			Caught: []string{"file.still-there"},
			Apply:  again(everyOther),
		},
		{
			Name: "file-breaks-off-again", Area: "file",
			Doc:    "A file that is fetched again breaks off in the middle, as it is deleted after the first download.",
			Caught: []string{"file.still-there"},
			Apply:  again(func(a *Answer) { a.DropAfter = 100 }),
		},
		{
			Name: "file-without-accept-html", Area: "file",
			Doc:    "A file request without Accept gets a page for people.",
			Caught: []string{"file.accept-default"},
			Apply:  when("Accept", "", func(a *Answer) { a.Header.Set("Content-Type", "text/html") }),
		},
		{
			Name: "file-accept-any-406", Area: "file",
			Doc:    "A file request with Accept: */*, as curl sends it, is refused.",
			Caught: []string{"file.accept-default"},
			Apply:  when("Accept", "*/*", func(a *Answer) { a.refused(http.StatusNotAcceptable, "not-supported", "say what you want") }),
		},
		{
			Name: "file-identity-refused", Area: "file",
			Doc:    "A client that wants no compression is refused.",
			Caught: []string{"file.uncompressed"},
			Apply: when("Accept-Encoding", "identity", func(a *Answer) {
				if a.Request.Header.Get("Range") == "" {
					a.refused(http.StatusNotAcceptable, "not-supported", "gzip only")
				}
			}),
		},
		{
			Name: "file-identity-brotli", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "A client that wants no compression gets brotli.",
			Caught: []string{"file.uncompressed"},
			Apply:  when("Accept-Encoding", "identity", func(a *Answer) { a.Header.Set("Content-Encoding", "br") }),
		},
		{
			Name: "file-identity-silent-gzip", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "A client that wants no compression gets gzip without a word about it, as files are stored so.",
			Caught: []string{"file.uncompressed"},
			Apply:  when("Accept-Encoding", "identity", func(a *Answer) { a.Gzip = true }),
		},
		{
			Name: "file-identity-half", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Without compression a file has half of its lines.",
			Caught: []string{"file.uncompressed"},
			Apply:  when("Accept-Encoding", "identity", everyOther),
		},
		{
			Name: "file-identity-breaks-off", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Without compression a file breaks off, as the storage behind has its length before decompression.",
			Caught: []string{"file.uncompressed"},
			Apply: when("Accept-Encoding", "identity", func(a *Answer) {
				if a.Request.Header.Get("Range") == "" {
					a.DropAfter = 50
				}
			}),
		},
		{
			Name: "file-encodings-deflate", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "A client that offers gzip, br and zstd gets deflate.",
			Caught: []string{"file.offered-encodings"},
			Apply: when("Accept-Encoding", "gzip, br, zstd", func(a *Answer) {
				a.Gzip = false
				a.Header.Set("Content-Encoding", "deflate")
			}),
		},
		{
			Name: "file-encodings-zstd-in-name", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "Content-Encoding says zstd, the bytes are plain.",
			Caught: []string{"file.offered-encodings"},
			Apply: when("Accept-Encoding", "gzip, br, zstd", func(a *Answer) {
				a.Gzip = false
				a.Header.Set("Content-Encoding", "zstd")
			}),
		},
		{
			Name: "file-encodings-silent-zstd", Area: "file", Versions: []string{"3.0.0"},
			Doc:    "A Zstandard file comes without Content-Encoding.",
			Caught: []string{"file.offered-encodings"},
			Apply: when("Accept-Encoding", "gzip, br, zstd", func(a *Answer) {
				a.Header.Del("Content-Encoding")
				a.Raw = func(w io.Writer) error {
					_, err := w.Write([]byte("\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00"))
					return err
				}
			}),
		},
		{
			Name: "file-encodings-refused", Area: "file",
			Doc:    "A client that offers more encodings than gzip is refused.",
			Caught: []string{"file.offered-encodings"},
			Apply: when("Accept-Encoding", "gzip, br, zstd", func(a *Answer) {
				a.refused(http.StatusUnsupportedMediaType, "not-supported", "gzip only")
			}),
		},
		{
			Name: "file-range-416", Area: "file",
			Doc:    "A range that exists is answered with 416, so that a broken download cannot be continued.",
			Warned: []string{"file.range"},
			Apply: when("Range", "bytes=0-99", func(a *Answer) {
				a.refused(http.StatusRequestedRangeNotSatisfiable, "value", "no ranges")
			}),
		},
		{
			Name: "file-range-nameless", Area: "file",
			Doc:    "A range is answered with 206 and the whole file, without Content-Range; clients put the pieces together wrongly.",
			Warned: []string{"file.range"},
			Apply:  when("Range", "bytes=0-99", func(a *Answer) { a.Status = http.StatusPartialContent }),
		},
		{
			Name: "file-range-untrue", Area: "file",
			Doc:    "Content-Range names the first hundred bytes, and the whole file is sent.",
			Warned: []string{"file.range"},
			Apply: when("Range", "bytes=0-99", func(a *Answer) {
				a.Status = http.StatusPartialContent
				a.Header.Set("Content-Range", "bytes 0-99/*")
			}),
		},
	}
}

// editCount changes count of the last output item that has one.
func editCount(m map[string]any, f func(int) int) {
	out, _ := m["output"].([]any)
	for i := len(out) - 1; i >= 0; i-- {
		item, _ := out[i].(map[string]any)
		switch n := item["count"].(type) {
		case int:
			item["count"] = f(n)
			return
		case int64:
			item["count"] = int64(f(int(n)))
			return
		case float64:
			item["count"] = float64(f(int(n)))
			return
		}
	}
}

// onLine returns a hook that edits the k-th line, counted from the end if negative, of the files chosen.
func onLine(which func(*Answer) bool, k int, edit func([]byte) []byte) func(*Behaviour) {
	return onFile(which, func(a *Answer) {
		at := k
		if at < 0 {
			at += a.Job.Lines
		}
		a.Line = func(n int, line []byte) []byte {
			if n == at {
				return edit(bytes.Clone(line))
			}
			return line
		}
	})
}
