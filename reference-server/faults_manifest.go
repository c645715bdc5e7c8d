package refserver

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func init() { registerFaults(manifestFaults()...) }

func manifestFaults() []Fault {
	var out []Fault
	for _, list := range [][]Fault{documentFaults(), fieldFaults(), requestFaults(), outputFaults(), messageFaults(), linkFaults(), organizedFaults(), dataFaults()} {
		out = append(out, list...)
	}
	return out
}

// inManifest returns an Apply that edits the manifests of exports without partial manifests.
func inManifest(edit func(m map[string]any, j JobInfo)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.ThenManifest(func(m map[string]any, j JobInfo) {
			if !j.Export.Partial {
				edit(m, j)
			}
		})
	}
}

// in returns an Apply that sets a member of those manifests.
func in(name string, value any) func(*Behaviour) {
	return inManifest(func(m map[string]any, _ JobInfo) { m[name] = value })
}

// lacking returns an Apply that removes a member.
func lacking(name string) func(*Behaviour) {
	return inManifest(func(m map[string]any, _ JobInfo) { delete(m, name) })
}

// items calls edit for each item of an array of the manifest.
func items(m map[string]any, array string, edit func(item map[string]any)) {
	list, _ := m[array].([]any)
	for _, v := range list {
		if item, ok := v.(map[string]any); ok {
			edit(item)
		}
	}
}

// first calls edit for the first item of an array, if there is one.
func first(m map[string]any, array string, edit func(item map[string]any)) {
	if list, _ := m[array].([]any); len(list) > 0 {
		if item, ok := list[0].(map[string]any); ok {
			edit(item)
		}
	}
}

// ofFirst returns an Apply that edits the first output item of the manifests of exports by type.
func ofFirst(edit func(item map[string]any)) func(*Behaviour) {
	return inManifest(func(m map[string]any, j JobInfo) {
		if j.Export.OrganizeBy == "" {
			first(m, "output", edit)
		}
	})
}

func path(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.EscapedPath()
}

// fails and warns are faults caught by one check.
func fails(area, name, check, doc string, apply func(*Behaviour)) Fault {
	return Fault{Name: name, Area: area, Doc: doc, Caught: []string{check}, Apply: apply}
}

func warns(area, name, check, doc string, apply func(*Behaviour)) Fault {
	return Fault{Name: name, Area: area, Doc: doc, Warned: []string{check}, Apply: apply}
}

// only300 restricts faults to the version that has what they break.
func only300(faults []Fault) []Fault {
	for i := range faults {
		faults[i].Versions = []string{IG300}
	}
	return faults
}

func documentFaults() []Fault {
	strict := func(name, doc string, edit func(*Answer)) Fault {
		return fails("manifest", name, "manifest.json-strict", doc, answering(done, edit))
	}
	schema := func(name, doc string, edit func(m map[string]any, j JobInfo)) Fault {
		return fails("manifest", name, "manifest.schema", doc, inManifest(edit))
	}
	return []Fault{
		strict("manifest-duplicate-names", "transactionTime stands twice in the manifest; parsers differ in which they take.",
			replacing(`{`, `{"transactionTime":"2020-01-01T00:00:00Z",`)),
		fails("manifest", "manifest-trailing-data", "status.body-json-object", "A second JSON object follows the manifest.",
			answering(done, func(a *Answer) { a.Body = append(a.Body, `{"done":true}`...) })),
		strict("manifest-invalid-utf8", "A string of the manifest is Latin-1 in place of UTF-8.", replacing(`"requiresAccessToken"`, "\"operator\":\"M\xfcller\",\"requiresAccessToken\"")),
		strict("manifest-lone-surrogate", "A string of the manifest has half of a surrogate pair.", replacing(`"requiresAccessToken"`, `"operator":"\ud83d","requiresAccessToken"`)),
		warns("manifest", "manifest-byte-order-mark", "manifest.json-strict", "The manifest begins with a byte order mark, which many parsers refuse.",
			answering(done, func(a *Answer) { a.Body = append([]byte("\xef\xbb\xbf"), a.Body...) })),
		schema("manifest-output-strings", "output holds bare URLs in place of objects.", func(m map[string]any, _ JobInfo) {
			var list []any
			items(m, "output", func(item map[string]any) { list = append(list, item["url"]) })
			if list != nil {
				m["output"] = list
			}
		}),
		fails("manifest", "manifest-type-array", "manifest.schema", "type is an array of one name in place of a name.",
			ofFirst(func(item map[string]any) { item["type"] = []any{item["type"]} })),
		schema("manifest-url-object", "url is an object with the address in it.", func(m map[string]any, _ JobInfo) {
			first(m, "output", func(item map[string]any) { item["url"] = map[string]any{"href": item["url"]} })
		}),
		schema("manifest-deleted-object", "deleted is an object in place of an array.", func(m map[string]any, _ JobInfo) { m["deleted"] = map[string]any{} }),
		schema("manifest-error-strings", "error holds sentences in place of objects.", func(m map[string]any, j JobInfo) {
			if len(j.Export.Ignored) == 0 {
				m["error"] = []any{"nothing to report"}
			}
		}),
		fails("manifest", "manifest-extension-array", "manifest.extension", "extension is an array of FHIR Extensions in place of an object.",
			in("extension", []any{map[string]any{"url": "http://example.org/region", "valueString": "north"}})),
		fails("manifest", "manifest-item-extension-string", "manifest.extension", "extension of an output item is a string in place of an object.",
			ofFirst(func(item map[string]any) { item["extension"] = "encrypted" })),
	}
}

func fieldFaults() []Fault {
	at := func(name, doc string, value any) Fault {
		return fails("manifest", name, "manifest.transaction-time-instant", doc, in("transactionTime", value))
	}
	return []Fault{
		fails("manifest", "manifest-no-transaction-time", "manifest.transaction-time", "The manifest has no transactionTime: a client cannot ask for what has changed since.", lacking("transactionTime")),
		fails("manifest", "manifest-empty-transaction-time", "manifest.transaction-time", "transactionTime is an empty string.", in("transactionTime", "")),
		at("manifest-transaction-date", "transactionTime is a date without time.", "2026-01-01"),
		at("manifest-transaction-time-without-zone", "transactionTime has no time zone.", "2026-01-01T00:00:00"),
		at("manifest-transaction-time-http", "transactionTime has the form of HTTP dates.", "Thu, 01 Jan 2026 00:00:00 GMT"),
		at("manifest-transaction-time-epoch", "transactionTime is a number of milliseconds since 1970.", 1767225600000),
		at("manifest-transaction-time-no-such-day", "transactionTime is the 30th of February.", "2026-02-30T00:00:00Z"),
		warns("manifest", "manifest-transaction-time-future", "manifest.transaction-time-plausible", "transactionTime lies a day ahead, as with a time zone mistaken: the next incremental export loses a day.",
			inManifest(func(m map[string]any, j JobInfo) {
				m["transactionTime"] = j.TransactionTime.Add(24 * time.Hour).UTC().Format(instant)
			})),
		fails("manifest", "manifest-no-requires-access-token", "manifest.requires-access-token", "The manifest has no requiresAccessToken.", lacking("requiresAccessToken")),
		fails("manifest", "manifest-requires-access-token-string", "manifest.requires-access-token", `requiresAccessToken is the string "true".`, in("requiresAccessToken", "true")),
		{
			Name: "manifest-requires-access-token-untruthful", Area: "manifest",
			Doc: "requiresAccessToken is false, but the files are refused without the access token. Either the manifest or the file server is wrong, " +
				"and the rules of both are broken.",
			Caught: []string{"manifest.requires-access-token-true", "file.listed-files-answer"},
			Apply:  in("requiresAccessToken", false),
		},
	}
}

func requestFaults() []Fault {
	change := func(edit func(u *url.URL, j JobInfo)) func(*Behaviour) {
		return inManifest(func(m map[string]any, j JobInfo) {
			if u, err := url.Parse(j.Export.URL); err == nil {
				edit(u, j)
				m["request"] = u.String()
			}
		})
	}
	return []Fault{
		fails("manifest", "manifest-no-request", "manifest.request", "The manifest has no request.", lacking("request")),
		fails("manifest", "manifest-request-object", "manifest.request", "request is an object with method and address in place of a URL.",
			inManifest(func(m map[string]any, j JobInfo) {
				m["request"] = map[string]any{"method": j.Export.Method, "url": j.Export.URL}
			})),
		fails("manifest", "manifest-request-relative", "manifest.request", "request is a path without scheme and host.",
			inManifest(func(m map[string]any, j JobInfo) { m["request"] = path(j.Export.URL) })),
		fails("manifest", "manifest-request-without-query", "manifest.request", "request lacks the parameters of the kick-off.",
			change(func(u *url.URL, _ JobInfo) { u.RawQuery = "" })),
		fails("manifest", "manifest-request-other-path", "manifest.request", "request is the FHIR base in place of the kick-off URL.",
			change(func(u *url.URL, _ JobInfo) { u.Path, u.RawPath = mount, "" })),
		warns("manifest", "manifest-request-without-port", "manifest.request", "request lacks the port of the kick-off URL and leads nowhere.",
			change(func(u *url.URL, _ JobInfo) { u.Host = u.Hostname() })),
		warns("manifest", "manifest-request-more-parameters", "manifest.request", "request has parameters that the client did not send.",
			change(func(u *url.URL, j JobInfo) {
				if j.Export.Method == http.MethodGet {
					u.RawQuery = strings.TrimPrefix(u.RawQuery+"&_outputFormat=ndjson", "&")
				}
			})),
		warns("manifest", "manifest-request-post-query", "manifest.request-post", "The parameters of a POST kick-off are rendered into the query of request.",
			change(func(u *url.URL, j JobInfo) {
				if j.Export.Method == http.MethodPost {
					q := u.Query()
					for _, p := range j.Export.Sent {
						q.Add(p.Name, p.Value)
					}
					u.RawQuery = q.Encode()
				}
			})),
	}
}

// strange adds a file of an odd type to the plain export. It has no line that could contradict the type; from 3.0.0 on
// that is legal. That the CapabilityStatement does not list the type is true as well.
func strange(name, typ, doc string) Fault {
	return Fault{Name: name, Area: "manifest", Versions: []string{IG300}, Doc: doc, Caught: []string{"manifest.output-type"}, Warned: []string{"capability.types-listed"}, Apply: func(b *Behaviour) {
		b.Extra = func(j JobInfo) []ExtraFile {
			if len(j.Export.Sent) > 0 || j.Export.Level != SystemLevel {
				return nil
			}
			return []ExtraFile{{Kind: OutputFile, Type: typ}}
		}
	}}
}

func outputFaults() []Fault {
	noFiles := func(j JobInfo) bool { return j.Export.Since.After(j.TransactionTime) }
	return []Fault{
		fails("manifest", "manifest-no-output", "manifest.output", "The manifest has no output when nothing was exported.", inManifest(func(m map[string]any, j JobInfo) {
			if len(j.Export.Sent) == 0 {
				delete(m, "output")
			}
		})),
		fails("manifest", "manifest-output-null", "manifest.output", "output is null.", inManifest(func(m map[string]any, j JobInfo) {
			if len(j.Export.Sent) == 0 {
				m["output"] = nil
			}
		})),
		warns("manifest", "manifest-nothing-to-export-fails", "manifest.output-empty", "An export that finds no resources ends in an error.",
			func(b *Behaviour) { b.FailJob = noFiles }),
		warns("manifest", "manifest-nothing-to-export-empty-file", "manifest.output-empty", "An export that finds no resources lists a file without a line.",
			func(b *Behaviour) { b.EmptyFiles = true }),
		{
			Name: "manifest-empty-item", Area: "manifest", Versions: []string{IG200},
			Doc:    "A type without resources has an output item, whose file is empty.",
			Warned: []string{"manifest.no-empty-item"},
			Apply: func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if len(j.Export.Sent) > 0 || j.Export.Level != SystemLevel {
						return nil
					}
					return []ExtraFile{{Kind: OutputFile, Type: "Patient"}}
				}
			},
		},
		fails("manifest", "manifest-item-without-type", "manifest.output-type", "An output item does not say which resource type its file has.",
			ofFirst(func(item map[string]any) { delete(item, "type") })),
		strange("manifest-item-type-plural", "patients", "An output item has the type patients, which is no name of a resource type."),
		strange("manifest-item-type-unknown", "Patients", "An output item has the type Patients, which FHIR does not know."),
		fails("manifest", "manifest-item-without-url", "manifest.output-url", "An output item has no url, so its file cannot be fetched.",
			ofFirst(func(item map[string]any) { delete(item, "url") })),
		fails("manifest", "manifest-item-empty-url", "manifest.output-url", "An output item has an empty url.",
			ofFirst(func(item map[string]any) { item["url"] = "" })),
		fails("manifest", "manifest-url-path", "manifest.output-url-absolute", "url is a path without scheme and host.",
			ofFirst(func(item map[string]any) { item["url"] = path(item["url"].(string)) })),
		fails("manifest", "manifest-url-without-scheme", "manifest.output-url-absolute", "url begins with // in place of a scheme.",
			ofFirst(func(item map[string]any) {
				_, rest, _ := strings.Cut(item["url"].(string), ":")
				item["url"] = rest
			})),
		warns("manifest", "manifest-duplicate-url", "manifest.duplicate-urls", "A file is listed twice; a client reads its resources twice.",
			inManifest(func(m map[string]any, j JobInfo) {
				if out, _ := m["output"].([]any); len(out) > 0 && j.Export.OrganizeBy == "" {
					m["output"] = append(out, out[0])
				}
			})),
		fails("manifest", "manifest-count-string", "manifest.count", "count is a string of digits.", ofFirst(func(item map[string]any) { item["count"] = "12" })),
		fails("manifest", "manifest-count-negative", "manifest.count", "count is -1, as for a number that was never worked out.", ofFirst(func(item map[string]any) { item["count"] = -1 })),
		fails("manifest", "manifest-count-fraction", "manifest.count", "count is not a whole number.", ofFirst(func(item map[string]any) { item["count"] = 12.5 })),
	}
}

func messageFaults() []Fault {
	lenientFile := func(kind FileKind, lines ...string) func(*Behaviour) {
		return func(b *Behaviour) {
			b.Extra = func(j JobInfo) []ExtraFile {
				if len(j.Export.Ignored) == 0 {
					return nil
				}
				return []ExtraFile{{Kind: kind, Type: "OperationOutcome", Lines: lines}}
			}
		}
	}
	item := func(array, name, check, doc string, edit func(item map[string]any)) Fault {
		return fails("manifest", name, check, doc, inManifest(func(m map[string]any, _ JobInfo) { first(m, array, edit) }))
	}
	fine := string(outcome("information", Issue{Code: "informational", Text: "All went well."}))
	return []Fault{
		fails("manifest", "manifest-no-error", "manifest.error", "The manifest has no error array, as in servers that leave out what is empty.", inManifest(func(m map[string]any, j JobInfo) {
			if list, _ := m["error"].([]any); len(list) == 0 {
				delete(m, "error")
			}
		})),
		fails("manifest", "manifest-error-null", "manifest.error", "error is null.", inManifest(func(m map[string]any, j JobInfo) {
			if list, _ := m["error"].([]any); len(list) == 0 {
				m["error"] = nil
			}
		})),
		item("error", "manifest-error-relative-url", "manifest.error-items", "url of an error file is a path without scheme and host.",
			func(item map[string]any) { item["url"] = path(item["url"].(string)) }),
		item("error", "manifest-error-without-url", "manifest.error-items", "An item of error has no url, so nobody can read what went wrong.", func(item map[string]any) { delete(item, "url") }),
		item("error", "manifest-error-without-type", "manifest.error-items", "An item of error has no type.", func(item map[string]any) { delete(item, "type") }),
		item("error", "manifest-error-other-type", "manifest.error-items", "An item of error has the type Bundle.", func(item map[string]any) { item["type"] = "Bundle" }),
		fails("manifest", "manifest-error-inline", "manifest.error-items", "error holds OperationOutcomes themselves, in place of files with them.", inManifest(func(m map[string]any, j JobInfo) {
			if len(j.Export.Ignored) == 0 {
				m["error"] = []any{map[string]any{"resourceType": "OperationOutcome", "issue": []any{map[string]any{"severity": "information", "code": "informational"}}}}
			}
		})),
		warns("manifest", "manifest-messages-in-output", "manifest.error-not-in-output", "Messages about the export are listed in output, as if they were data.", lenientFile(OutputFile, fine)),
		fails("manifest", "manifest-error-file-text", "manifest.error-files", "A file of error holds plain text.", lenientFile(ErrorFile, "ERROR could not read the parameter")),
		fails("manifest", "manifest-error-file-no-issue", "manifest.error-files", "An OperationOutcome in a file of error has no issue.", lenientFile(ErrorFile, `{"resourceType":"OperationOutcome"}`)),
		fails("manifest", "manifest-error-file-other-resource", "manifest.error-files", "A file of error holds the resources that failed, in place of what went wrong.",
			lenientFile(ErrorFile, `{"resourceType":"Basic","code":{"text":"synthetic"}}`)),
		warns("manifest", "manifest-error-file-odd-code", "manifest.error-files", "issue.code is no code of FHIR's value set in a file of error.",
			lenientFile(ErrorFile, strings.Replace(fine, `"code":"informational"`, `"code":"ALL_WELL"`, 1))),
		warns("manifest", "manifest-error-file-empty", "manifest.error-empty", "error lists a file without a line.", lenientFile(ErrorFile)),
		warns("manifest", "manifest-lenient-silent", "manifest.lenient-outcome", "Parameters are ignored under handling=lenient, and no OperationOutcome tells.",
			func(b *Behaviour) { b.KickOff = func(e *Export) { e.Ignored = nil } }),
		warns("manifest", "manifest-lenient-first-only", "manifest.lenient-outcome", "Of the parameters ignored under handling=lenient only the first is told of.",
			func(b *Behaviour) {
				b.KickOff = func(e *Export) {
					if len(e.Ignored) > 1 {
						e.Ignored = e.Ignored[:1]
					}
				}
			}),
		item("deleted", "manifest-deleted-relative-url", "manifest.deleted-items", "url of a deleted file is a path without scheme and host.",
			func(item map[string]any) { item["url"] = path(item["url"].(string)) }),
		item("deleted", "manifest-deleted-without-url", "manifest.deleted-items", "An item of deleted has no url.", func(item map[string]any) { delete(item, "url") }),
		fails("manifest", "manifest-deleted-references", "manifest.deleted-items", "deleted holds references to the deleted resources in place of files.",
			inManifest(func(m map[string]any, _ JobInfo) {
				if list, _ := m["deleted"].([]any); len(list) > 0 {
					m["deleted"] = []any{"Patient/1"}
				}
			})),
		warns("manifest", "manifest-format-csv", "manifest.output-format", "Files come as CSV although _outputFormat asked for NDJSON.",
			answering(func(a *Answer) bool {
				return a.Endpoint == File && a.Status == http.StatusOK && a.Job.Kind == OutputFile && slices.ContainsFunc(a.Job.Export.Sent, func(p Parameter) bool { return p.Name == "_outputFormat" })
			}, func(a *Answer) {
				a.Gzip = false
				a.Header.Del("Content-Encoding")
				a.set(a.Status, "text/csv", "id,active\n1,true\n")
			})),
		warns("manifest", "manifest-deleted-other-type", "manifest.deleted-items", "An item of deleted has the type Patient, although its file holds Bundles.",
			inManifest(func(m map[string]any, _ JobInfo) {
				first(m, "deleted", func(item map[string]any) { item["type"] = "Patient" })
			})),
	}
}

func linkFaults() []Fault {
	paged := func(edit func(m map[string]any, j JobInfo)) func(*Behaviour) {
		return func(b *Behaviour) {
			b.ThenManifest(func(m map[string]any, j JobInfo) {
				if j.Export.Partial {
					edit(m, j)
				}
			})
		}
	}
	onLink := func(edit func(l map[string]any)) func(*Behaviour) {
		return paged(func(m map[string]any, _ JobInfo) { first(m, "link", edit) })
	}
	bad := func(name, doc string, apply func(*Behaviour)) Fault {
		return fails("manifest", name, "manifest.link", doc, apply)
	}
	leaf := func(a *Answer) bool {
		return a.Job != nil && a.Job.Export.Partial && strings.Contains(a.Request.URL.Path, leafPath) && a.Status == http.StatusOK
	}
	laterPage := func(edit func(m map[string]any, j JobInfo)) func(*Behaviour) {
		return paged(func(m map[string]any, j JobInfo) {
			if j.Page > 1 {
				edit(m, j)
			}
		})
	}
	return only300([]Fault{
		fails("manifest", "manifest-link-not-requested", "manifest.link-not-requested", "A part of the output is behind a next link, although the client did not allow partial manifests.",
			inManifest(func(m map[string]any, j JobInfo) {
				m["link"] = []any{map[string]any{"relation": "next", "url": j.Export.URL}}
			})),
		warns("manifest", "manifest-early-not-requested", "manifest.link-not-requested", "In-progress answers carry a manifest, although the client did not allow partial manifests.",
			answering(running, func(a *Answer) {
				a.set(a.Status, plainJSON, `{"transactionTime":"`+a.Job.TransactionTime.UTC().Format(instant)+`","request":"`+a.Job.Export.URL+
					`","requiresAccessToken":true,"output":[{"type":"Patient","url":"http://127.0.0.1:9/early"}],"error":[]}`)
			})),
		bad("manifest-link-relation-case", "The relation of a link is Next in place of next.", onLink(func(l map[string]any) { l["relation"] = "Next" })),
		bad("manifest-link-relation-self", "The link's relation is self, so no client finds the next manifest.", onLink(func(l map[string]any) { l["relation"] = "self" })),
		bad("manifest-link-object", "link is an object in place of an array.", paged(func(m map[string]any, _ JobInfo) {
			first(m, "link", func(l map[string]any) { m["link"] = l })
		})),
		bad("manifest-link-two", "link has two entries.", paged(func(m map[string]any, _ JobInfo) {
			if list, _ := m["link"].([]any); len(list) > 0 {
				m["link"] = append(list, map[string]any{"relation": "next", "url": list[0].(map[string]any)["url"]})
			}
		})),
		bad("manifest-link-relative", "The url of the next link is a path without scheme and host.", onLink(func(l map[string]any) { l["url"] = path(l["url"].(string)) })),
		bad("manifest-link-strings", "link holds a bare URL in place of an object.", paged(func(m map[string]any, _ JobInfo) {
			first(m, "link", func(l map[string]any) { m["link"] = []any{l["url"]} })
		})),
		bad("manifest-link-without-url", "The next link has no url.", onLink(func(l map[string]any) { delete(l, "url") })),
		bad("manifest-link-404", "The next link leads to an error page.", answering(leaf, func(a *Answer) { a.set(http.StatusNotFound, "text/html", someHTML) })),
		fails("manifest", "manifest-link-transaction-time", "manifest.link-same-fields", "Each linked manifest has a transactionTime of its own.",
			laterPage(func(m map[string]any, j JobInfo) {
				m["transactionTime"] = j.TransactionTime.Add(time.Duration(j.Page) * time.Second).UTC().Format(instant)
			})),
		fails("manifest", "manifest-link-fields-missing", "manifest.link-same-fields", "Linked manifests have output and nothing else.",
			laterPage(func(m map[string]any, _ JobInfo) { delete(m, "request"); delete(m, "requiresAccessToken") })),
		warns("manifest", "manifest-link-error-differs", "manifest.link-same-fields", "The error array differs between linked manifests.",
			laterPage(func(m map[string]any, _ JobInfo) {
				m["error"] = []any{map[string]any{"type": "OperationOutcome", "url": "http://127.0.0.1:9/messages"}}
			})),
	})
}

func organizedFaults() []Fault {
	by := func(edit func(m map[string]any)) func(*Behaviour) {
		return inManifest(func(m map[string]any, j JobInfo) {
			if j.Export.OrganizeBy != "" {
				edit(m)
			}
		})
	}
	return only300([]Fault{
		fails("manifest", "manifest-organized-unsaid", "manifest.output-organized-by", "The output is organised by patient, and outputOrganizedBy is missing.",
			by(func(m map[string]any) { delete(m, "outputOrganizedBy") })),
		fails("manifest", "manifest-organized-by-other", "manifest.output-organized-by", "outputOrganizedBy is true in place of the type.",
			by(func(m map[string]any) { m["outputOrganizedBy"] = "patients" })),
		fails("manifest", "manifest-organized-with-type", "manifest.organized-without-type", "Items of organised output have a type, although their files hold many.",
			by(func(m map[string]any) { items(m, "output", func(item map[string]any) { item["type"] = "Patient" }) })),
		fails("manifest", "manifest-continues-nowhere", "manifest.continues-in-file", "continuesInFile is the url of no output file.",
			by(func(m map[string]any) {
				first(m, "output", func(item map[string]any) { item["continuesInFile"] = "http://127.0.0.1:9/" + strings.Repeat("x", 8) })
			})),
		fails("manifest", "manifest-continues-number", "manifest.continues-in-file", "continuesInFile is the number of the file in place of its url.",
			by(func(m map[string]any) { first(m, "output", func(item map[string]any) { item["continuesInFile"] = 2 }) })),
		fails("manifest", "manifest-continues-in-itself", "manifest.continues-in-file", "continuesInFile names the file itself.",
			by(func(m map[string]any) {
				first(m, "output", func(item map[string]any) { item["continuesInFile"] = item["url"] })
			})),
	})
}
