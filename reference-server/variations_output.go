package refserver

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Legal ways to be different in the manifest, its files and the data. Line numbers are those of the 3.0.0
// guide's export.md.
func init() {
	registerVariations(
		// ---- manifest ----
		Variation{Name: "manifest-extension", Area: "manifest",
			Doc:     "The manifest and its items carry extensions.",
			Permits: "Extensions are allowed on the manifest and within its fields. (3.0.0 export.html#response---output-manifest, export.md:620-623)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				m["extension"] = map[string]any{"https://bulkproof.example/shelf": "north",
					"https://bulkproof.example/deep": map[string]any{"a": []any{1, nil, map[string]any{"b": 1e30}}}}
				for _, list := range []string{"output", "deleted", "error"} {
					items, _ := m[list].([]any)
					for _, item := range items {
						item.(map[string]any)["extension"] = map[string]any{"https://bulkproof.example/colour": 3}
					}
				}
			})},
		Variation{Name: "no-count", Area: "manifest", Excludes: []string{"count"},
			Doc:     "The manifest items have no count.",
			Permits: "count is optional. (3.0.0 export.html#response---output-manifest, export.md:564)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				eachItem(m, func(_ int, item map[string]any) { delete(item, "count") })
			})},
		Variation{Name: "count-here-and-there", Area: "manifest", Excludes: []string{"count"},
			Doc:     "Every second manifest item has a count.",
			Permits: "count is optional. (3.0.0 export.html#response---output-manifest, export.md:564)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				eachItem(m, func(i int, item map[string]any) {
					if i%2 == 0 {
						delete(item, "count")
					}
				})
			})},
		instants("instant-with-offset", "transactionTime is written with an offset and nine digits of fraction.", func(t time.Time) string {
			return t.In(time.FixedZone("", 2*3600)).Format("2006-01-02T15:04:05.000000000-07:00")
		}),
		instants("instant-in-seconds", "transactionTime is written without a fraction of a second.", func(t time.Time) string {
			return t.UTC().Format("2006-01-02T15:04:05Z")
		}),
		Variation{Name: "query-run-later", Area: "manifest", Excludes: []string{"transaction-time"},
			Doc:     "transactionTime is when the job came out of the queue, some time after the kick-off.",
			Permits: "transactionTime is the server's time when the query is run, not that of the request. (3.0.0 export.html#response---output-manifest, export.md:522)",
			Apply: varyManifest(func(m map[string]any, j JobInfo) {
				if !j.Completed.IsZero() && !j.Export.Partial {
					m["transactionTime"] = j.Completed.UTC().Format(instant)
				}
			})},
		Variation{Name: "data-of-last-night", Area: "manifest", Excludes: []string{"transaction-time"},
			Doc:     "Exports are made from a copy of last night's data, and transactionTime says so.",
			Permits: "transactionTime is the server's time when the query is run; work may be done on a mirror. (3.0.0 export.html#response---output-manifest, export.md:522 and :42)",
			Apply: varyManifest(func(m map[string]any, j JobInfo) {
				m["transactionTime"] = j.TransactionTime.Add(-9 * time.Hour).UTC().Format(instant)
			})},
		Variation{Name: "request-with-plain-commas", Area: "manifest",
			Doc:     "The request field has commas where the client sent %2C.",
			Permits: "request is the full URL of the kick-off request; a comma in a query may be written either way. (3.0.0 export.html#response---output-manifest, export.md:532; RFC 3986 section 2.4)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				if s, ok := m["request"].(string); ok {
					m["request"] = strings.ReplaceAll(s, "%2C", ",")
				}
			})},
		Variation{Name: "deleted-always", Area: "manifest", Excludes: []string{"deleted"},
			Doc:     "The manifest has a deleted array, empty where there is nothing to tell.",
			Permits: "If nothing was deleted the server may omit the key or return an empty array. (3.0.0 export.html#response---output-manifest, export.md:575)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				if m["deleted"] == nil {
					m["deleted"] = []any{}
				}
			})},
		Variation{Name: "deleted-withheld", Area: "manifest", Excludes: []string{"deleted"},
			Doc:     "Deletions are never told: there is no deleted array at all.",
			Permits: "If the server has reasons to avoid exposing these data it may omit the key or return an empty array. (3.0.0 export.html#response---output-manifest, export.md:575)",
			Apply: all(func(c *Config) { c.Behaviour.Deletion = func(JobInfo, dataset.Deletion, bool) bool { return false } },
				varyManifest(func(m map[string]any, _ JobInfo) { delete(m, "deleted") }))},
		Variation{Name: "message-file-always", Area: "manifest",
			Doc:     "Each export has an error file with an informational message.",
			Permits: "Error, warning and information messages belong there. (3.0.0 export.html#response---output-manifest, export.md:601)",
			Apply: func(c *Config) {
				first := c.Behaviour.Extra
				c.Behaviour.Extra = func(j JobInfo) []ExtraFile {
					var out []ExtraFile
					if first != nil {
						out = first(j)
					}
					return append(out, ExtraFile{Kind: ErrorFile, Type: "OperationOutcome", Lines: []string{
						string(outcome("information", Issue{Code: "informational", Text: "The export was made from the nightly copy."})),
						string(outcome("warning", Issue{Code: "processing", Text: "Photographs are left out."}))}})
				}
			}},
		Variation{Name: "output-in-other-order", Area: "manifest",
			Doc:     "The output array is in the reverse order.",
			Permits: "output is an array with one entry for each file, in no set order. (3.0.0 export.html#response---output-manifest, export.md:554)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				if items, ok := m["output"].([]any); ok {
					slices.Reverse(items)
				}
			})},
		Variation{Name: "manifest-indented", Area: "manifest", last: true,
			Doc:     "The manifest is written for human readers, with tabs and a line end after it.",
			Permits: "White space between tokens, and around the value, is insignificant in JSON. (RFC 8259 section 2; 3.0.0 export.html#response---output-manifest)",
			Apply: varyAnswer(func(a *Answer) {
				if isManifest(a) {
					a.Body = indent(a.Body)
				}
			})},
		Variation{Name: "manifest-escaped", Area: "manifest", last: true,
			Doc:     "Slashes in the manifest are escaped, as some libraries do by default.",
			Permits: "Any character of a JSON string may be escaped, the solidus too. (RFC 8259 section 7; 3.0.0 export.html#response---output-manifest)",
			Apply: varyAnswer(func(a *Answer) {
				if isManifest(a) {
					a.Body = bytes.ReplaceAll(a.Body, []byte("/"), []byte(`\/`))
				}
			})},
		Variation{Name: "urls-renewed", Area: "manifest",
			Doc:     "Each request for the manifest gives file URLs with a fresh signature.",
			Permits: "A client may fetch the manifest again, and the server may then give updated links. (3.0.0 export.html#bulk-data-output-file-request, export.md:695)",
			Apply: varyManifest(func(m map[string]any, j JobInfo) {
				eachURL(m, func(u string) string { return withQuery(u, "fresh="+strconv.Itoa(j.Refetch)) })
			})},
		Variation{Name: "empty-files-listed", Area: "manifest", Versions: []string{IG300},
			Doc:     "Each type that was asked for and has no data is listed with an empty file, unless all are empty.",
			Permits: "output has one entry for each generated file; that types without data have none is asked for in 2.0.0 only. (3.0.0 export.html#response---output-manifest, export.md:554; changes.md)",
			Apply: all(func(c *Config) { c.Behaviour.EmptyFiles = true }, varyManifest(func(m map[string]any, _ JobInfo) {
				// "If no resources are returned …, the server SHOULD return an empty array."
				full := false
				items, _ := m["output"].([]any)
				for _, item := range items {
					full = full || item.(map[string]any)["count"] != 0
				}
				if !full {
					m["output"] = []any{}
				}
			}))},

		// ---- files ----
		Variation{Name: "one-file-per-type", Area: "file", Excludes: []string{"file-size"},
			Doc:     "Each type is in a single file.",
			Permits: "A server may make more than one file for each type; it need not. (3.0.0 export.html#bulk-data-output-file-organization, export.md:731)",
			Apply:   func(c *Config) { c.ResourcesPerFile = 1 << 30 }},
		Variation{Name: "many-files-per-type", Area: "file", Excludes: []string{"file-size"},
			Doc:     "Types are spread over many small files, and resource blocks too large for one go on in the next.",
			Permits: "A server may make more than one file for each type, and the number of resources may vary between files. (3.0.0 export.html#bulk-data-output-file-organization, export.md:731)",
			Apply:   func(c *Config) { c.ResourcesPerFile = 60 }},
		Variation{Name: "one-resource-per-file", Area: "file", Excludes: []string{"file-size", "data"},
			Doc:     "Each file has one resource. (The dataset is the smallest one, to keep their number in bounds.)",
			Permits: "A server may make more than one file for each type, and the number of resources may vary between files. (3.0.0 export.html#bulk-data-output-file-organization, export.md:731)",
			Unsure:  starved,
			Apply:   func(c *Config) { c.Patients, c.ResourcesPerFile = dataset.MinPatients, 1 }},
		Variation{Name: "capability-urls", Area: "file", NeedsAuth: true, Excludes: []string{"file-access"},
			Doc:     "requiresAccessToken is false and the file URLs, of another origin, are authorization enough.",
			Permits: "A server may generate manifests in which requiresAccessToken is false; the URLs are then dereferenceable directly. (3.0.0 export.html#bulk-data-output-file-request, export.md:697 and :701)",
			Apply:   func(c *Config) { c.CapabilityURLs, c.FilesListener = true, true }},
		Variation{Name: "capability-urls-own-origin", Area: "file", NeedsAuth: true, Excludes: []string{"file-access"},
			Doc:     "requiresAccessToken is false and the file URLs, of the server's own origin, are authorization enough.",
			Permits: "A server may generate manifests in which requiresAccessToken is false; the URLs are then dereferenceable directly. (3.0.0 export.html#bulk-data-output-file-request, export.md:697 and :701)",
			Apply:   func(c *Config) { c.CapabilityURLs = true }},
		Variation{Name: "files-other-origin", Area: "file", NeedsAuth: true, Excludes: []string{"file-access"},
			Doc:     "Files are served by another origin, with the same tokens.",
			Permits: "File URLs may be served by file servers other than the FHIR server. (3.0.0 export.html#response---output-manifest, export.md:508)",
			Apply:   func(c *Config) { c.FilesListener = true }},
		redirected("", http.StatusTemporaryRedirect),
		redirected("-302", http.StatusFound),
		redirected("-303", http.StatusSeeOther),
		redirected("-308", http.StatusPermanentRedirect),
		Variation{Name: "file-urls-signed", Area: "file", Excludes: []string{"file-query"},
			Doc:     "File URLs have a query string with a signature.",
			Permits: "The url of an item is the absolute path to the file; nothing is said about its form, and signed URLs are foreseen. (3.0.0 export.html#response---output-manifest, export.md:562 and :32)",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				eachURL(m, func(u string) string { return withQuery(u, "se=2031-01-01T00%3A00%3A00Z&sig=aGVsbG8%3D") })
			})},
		Variation{Name: "gzip-always", Area: "file", Excludes: []string{"gzip"},
			Doc:     "Files are compressed with gzip whatever was asked for, and say so.",
			Permits: "Files come uncompressed, with gzip, or in another format from Accept-Encoding: gzip needs no asking. (3.0.0 export.html#bulk-data-output-file-request, export.md:705)",
			Apply:   func(c *Config) { c.Behaviour.GzipAlways = true }},
		Variation{Name: "gzip-never", Area: "file", Excludes: []string{"gzip"},
			Doc:     "Files are never compressed.",
			Permits: "Files come uncompressed, with gzip, or in another format from Accept-Encoding: compression is the server's choice. (3.0.0 export.html#bulk-data-output-file-request, export.md:705)",
			Apply:   func(c *Config) { c.Behaviour.GzipNever = true }},
		ndjsonType("ndjson-charset", "application/fhir+ndjson; charset=utf-8", "Files have the parameter charset in their Content-Type."),
		ndjsonType("ndjson-fhir-version", "Application/FHIR+NDJSON;fhirVersion=4.0", "Files have the parameter fhirVersion in their Content-Type, and odd letter case."),
		Variation{Name: "crlf-line-ends", Area: "ndjson", Excludes: []string{"line-ends"},
			Doc:     "Lines end with carriage return and line feed.",
			Permits: "White space, a carriage return among it, is insignificant around a JSON value, so that \\r\\n is a line end too. (ndjson-spec; RFC 8259 section 2; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply:   varyLines(func(line []byte) []byte { return append(slices.Clone(line), '\r') })},
		Variation{Name: "no-final-newline", Area: "ndjson", Excludes: []string{"line-ends"},
			Doc:     "The last line of a file has no line end.",
			Permits: "Lines are delimited by line feeds; the guide's examples show no rule for the last one, and parsers are to accept it. (ndjson-spec; 3.0.0 export.html#bulk-data-output-file-request, export.md:721)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == File && a.Status == http.StatusOK {
					first := a.Wrap
					a.Wrap = func(w io.Writer) io.Writer {
						u := &unterminated{w: w}
						if first != nil {
							u.w = first(w)
							u.inner, _ = u.w.(io.Closer)
						}
						return u
					}
				}
			})},
		Variation{Name: "lines-with-white-space", Area: "ndjson",
			Doc:     "Lines have blanks and tabs between tokens, and after the value.",
			Permits: "White space between tokens, and around the value, is insignificant in JSON. (RFC 8259 section 2; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply: varyLines(func(line []byte) []byte {
				value := bytes.TrimRight(line, "\r") // another variation may have ended the line so
				if len(value) < 2 || value[0] != '{' {
					return line
				}
				return slices.Concat([]byte("{ \t"), value[1:len(value)-1], []byte(" } "), line[len(value):])
			})},
		Variation{Name: "resource-type-last", Area: "ndjson",
			Doc:     "The members of each resource are in the reverse order: resourceType is the last one.",
			Permits: "An object is an unordered collection of members. (RFC 8259 section 1; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply: varyLines(func(line []byte) []byte {
				return editMembers(line, func(m []member) []member {
					slices.Reverse(m)
					return m
				})
			})},
		Variation{Name: "escaped-ascii", Area: "ndjson",
			Doc:     "Lines are pure ASCII: other characters and slashes are escaped.",
			Permits: "Any character of a JSON string may be escaped. (RFC 8259 section 7; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply:   varyLines(escapeASCII)},

		// ---- data ----
		Variation{Name: "absolute-references", Area: "data",
			Doc:     "References are absolute URLs below the FHIR base.",
			Permits: "References may be relative, or absolute URLs rooted in the base URL of the server. (3.0.0 export.html#bulk-data-kick-off-request, export.md:83)",
			Apply:   func(c *Config) { c.AbsoluteReferences = true }},
		Variation{Name: "supporting-resources", Area: "data",
			Doc:     "Patient and group exports without _type hold the Organizations, Practitioners, Locations and Medications too.",
			Permits: "Other resources outside of the Patient compartment that help to interpret the data may be returned. (3.0.0 export.html#bulk-data-kick-off-request, export.md:79 and :170)",
			Apply:   varyKeep(keepSupporting)},
		Variation{Name: "no-meta", Area: "data",
			Doc:     "Resources have no meta, but for the tag of those that _elements has cut.",
			Permits: "Inclusion of Resource.meta is at the discretion of the server. (3.0.0 export.html#bulk-data-output-file-request, export.md:703)",
			Unsure:  []string{"data.*", "param.*"},
			Apply: varyLines(func(line []byte) []byte {
				return editMembers(line, func(m []member) []member {
					return slices.DeleteFunc(m, func(x member) bool { return x.name == "meta" && !bytes.Contains(x.value, []byte("SUBSETTED")) })
				})
			})},
		Variation{Name: "narrative-everywhere", Area: "data",
			Doc:     "Resources have a language and a generated narrative.",
			Permits: "DomainResource.text may be given with any resource; the guide leaves the content to the server's profiles. (3.0.0 export.html#query-parameters, export.md:243)",
			Apply: varyLines(func(line []byte) []byte {
				return editMembers(line, func(m []member) []member {
					if len(m) == 0 || !isDomainResource(m) {
						return m
					}
					m = slices.DeleteFunc(m, func(x member) bool { return x.name == "text" || x.name == "language" })
					return slices.Insert(m, 1, member{"language", []byte(`"en-GB"`)},
						member{"text", []byte(`{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Made up.</p></div>"}`)})
				})
			})},
		Variation{Name: "resource-extensions", Area: "data",
			Doc:     "Resources carry an extension of the server's own.",
			Permits: "Extensions may be on every resource; the guide leaves the content to the server's profiles. (3.0.0 export.html#query-parameters, export.md:243)",
			Apply: varyLines(func(line []byte) []byte {
				return editMembers(line, func(m []member) []member {
					if len(m) == 0 || !isDomainResource(m) || slices.ContainsFunc(m, func(x member) bool { return x.name == "extension" }) {
						return m
					}
					return append(m, member{"extension", []byte(`[{"url":"https://bulkproof.example/loaded-from","valueString":"tape 7"}]`)})
				})
			})},
		otherData("seed-7", "The data are others: seed 7.", 7, 0, nil),
		otherData("seed-1234-forty-patients", "The data are others: forty patients, seed 1234.", 1234, 40, nil),
		otherData("five-patients", "The server holds five patients; many questions about parameters cannot be decided with so little.", 1, dataset.MinPatients, starved),
		Variation{Name: "nothing-to-export", Area: "data", Excludes: []string{"data"},
			Doc:     "The server has no resources at all: every export is empty.",
			Permits: "If no resources are returned the output array is empty. (3.0.0 export.html#response---output-manifest, export.md:554)",
			Unsure:  slices.Concat(starved, []string{"file.*", "ndjson.*", "manifest.*", "kickoff.*", "security.*", "status.*", "attachment.*", "group.*", "capability.*", "error.*", "delete.*"}),
			Apply:   varyKeep(func(JobInfo, *dataset.Resource, bool) bool { return false })},
	)
}

// starved lists the checks that need more data than a very small server has.
var starved = []string{"data.*", "param.*"}

// otherData is a variation of the dataset.
func otherData(name, doc string, seed uint64, patients int, unsure []string) Variation {
	return Variation{Name: name, Area: "data", Doc: doc, Excludes: []string{"data"}, Unsure: unsure,
		Permits: "The guide says how data are exported, not which there are. (3.0.0 export.html#bulk-data-kick-off-request, export.md:71)",
		Apply:   func(c *Config) { c.Seed, c.Patients = seed, patients }}
}

// instants is a variation of how transactionTime is written.
func instants(name, doc string, format func(time.Time) string) Variation {
	return Variation{Name: name, Area: "manifest", Doc: doc, Excludes: []string{"transaction-time"},
		Permits: "transactionTime is a FHIR instant: to the second at least, with a zone. (3.0.0 export.html#response---output-manifest, export.md:521)",
		Apply: varyManifest(func(m map[string]any, j JobInfo) {
			m["transactionTime"] = format(j.TransactionTime)
		})}
}

// redirected is a variation that answers file requests with a redirect.
func redirected(suffix string, status int) Variation {
	return Variation{Name: "files-redirected" + suffix, Area: "file", NeedsAuth: true, Excludes: []string{"file-access"},
		Doc:     "A file request is answered with " + strconv.Itoa(status) + " to storage of another origin that needs no token.",
		Permits: "File URLs may be served by file servers other than the FHIR server, and HTTP redirects lead to them. (3.0.0 export.html#response---output-manifest, export.md:508; RFC 9110 section 15.4)",
		Apply: all(func(c *Config) { c.RedirectFiles, c.FilesListener = true, true }, varyAnswer(func(a *Answer) {
			if a.Endpoint == File && a.Status == http.StatusTemporaryRedirect {
				a.Status = status
			}
		}))}
}

// ndjsonType is a variation of the Content-Type of files.
func ndjsonType(name, value, doc string) Variation {
	return Variation{Name: name, Area: "file", Doc: doc, Excludes: []string{"ndjson-type"},
		Permits: "The Content-Type of NDJSON files is application/fhir+ndjson; type names are case-insensitive and parameters may follow. (3.0.0 export.html#bulk-data-output-file-request, export.md:720; RFC 9110 section 8.3.1)",
		Apply: varyAnswer(func(a *Answer) {
			if a.Endpoint == File && a.Header.Get("Content-Type") == fhirNDJSON {
				a.Header.Set("Content-Type", value)
			}
		})}
}

// keepSupporting adds the types that help to read patient data, when the client named no types.
func keepSupporting(j JobInfo, r *dataset.Resource, include bool) bool {
	if include || !j.Granted(r.Type) || j.Export.Level == SystemLevel || j.Export.Types != nil || !j.Export.Since.IsZero() || !j.Export.Until.IsZero() {
		return include
	}
	switch r.Type {
	case "Organization", "Practitioner", "PractitionerRole", "Location", "Medication":
		return len(j.Export.filtersFor(r.Type)) == 0
	}
	return false
}

// isManifest tells whether the answer carries a manifest, complete or partial.
func isManifest(a *Answer) bool {
	return len(a.Body) > 0 && (a.Endpoint == Manifest || a.Endpoint == Status && strings.HasPrefix(a.Header.Get("Content-Type"), plainJSON) && a.Status < 300)
}

func eachItem(m map[string]any, f func(i int, item map[string]any)) {
	for _, list := range []string{"output", "deleted", "error"} {
		items, _ := m[list].([]any)
		for i, item := range items {
			f(i, item.(map[string]any))
		}
	}
}

// eachURL rewrites the URLs of the manifest's files.
func eachURL(m map[string]any, f func(string) string) {
	eachItem(m, func(_ int, item map[string]any) {
		for _, name := range []string{"url", "continuesInFile"} {
			if u, ok := item[name].(string); ok {
				item[name] = f(u)
			}
		}
	})
}

// unterminated holds back the line feed at the end of what is written.
type unterminated struct {
	w     io.Writer
	inner io.Closer // another hook's, to be closed with this one
	held  bool
}

func (u *unterminated) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if u.held {
		if _, err := u.w.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		u.held = false
	}
	body := p
	if body[len(body)-1] == '\n' {
		u.held, body = true, body[:len(body)-1]
	}
	if _, err := u.w.Write(body); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (u *unterminated) Close() error {
	if u.inner != nil {
		return u.inner.Close()
	}
	return nil
}

// withQuery adds to the query of a URL.
func withQuery(u, query string) string {
	if strings.Contains(u, "?") {
		return u + "&" + query
	}
	return u + "?" + query
}

// ticketSet remembers polling locations.
type ticketSet struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (t *ticketSet) add(path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	t.seen[path] = true
}

// has tells whether the path is a polling location or lies below one.
func (t *ticketSet) has(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[path] {
		return true
	}
	before, _, below := strings.Cut(path, leafPath)
	return below && t.seen[before]
}
