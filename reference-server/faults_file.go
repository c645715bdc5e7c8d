package refserver

import (
	"bytes"
	"net/http"
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

func fileFaults() []Fault {
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
			Name: "file-half-the-lines", Area: "file",
			Doc:    "The last file has every other line only, while count in the manifest promises all of them.",
			Caught: []string{"file.count"},
			Apply: onFile(lastOfMany, func(a *Answer) {
				a.Line = func(n int, line []byte) []byte {
					if n%2 == 1 {
						return nil
					}
					return line
				}
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
