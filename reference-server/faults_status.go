package refserver

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

func init() { registerFaults(statusFaults()...) }

func statusFaults() []Fault {
	out := append(pollFaults(), completionFaults()...)
	return append(append(out, separateFaults()...), partialFaults()...)
}

// running holds for in-progress answers to jobs without special wishes about status and manifests.
func running(a *Answer) bool {
	return a.Endpoint == Status && a.Status == http.StatusAccepted && a.Job != nil && !a.Job.Export.Partial
}

// done holds for the answers with the manifest of such jobs.
func done(a *Answer) bool {
	return a.Endpoint == Manifest && a.Job != nil && !a.Job.Export.Separate && !a.Job.Export.Partial
}

func firstPoll(a *Answer) bool { return running(a) && a.Job.Poll == 1 }

func header(name, value string) func(*Answer) {
	return func(a *Answer) { a.Header.Set(name, value) }
}

// unknownJobs returns an Apply that edits the 404 for jobs that never were, and leaves the one for deleted jobs alone.
func unknownJobs(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		var mu sync.Mutex
		deleted := map[string]bool{}
		b.ThenAnswer(func(a *Answer) {
			mu.Lock()
			defer mu.Unlock()
			switch path := a.Request.URL.Path; {
			case a.Endpoint == Delete && a.Job != nil:
				deleted[path] = true
			case a.Endpoint == Status && a.Job == nil && a.Status == http.StatusNotFound && !deleted[path]:
				edit(a)
			}
		})
	}
}

func pollFaults() []Fault {
	retryAfter := func(name, value, doc string) Fault {
		return Fault{Name: name, Area: "status", Doc: doc, Caught: []string{"status.retry-after-format"}, Apply: answering(running, header("Retry-After", value))}
	}
	return []Fault{
		{
			Name: "status-first-poll-404", Area: "status",
			Doc:    "The job of an unrestricted export is not visible at its polling location at once: the first status request gets 404, the next one 202.",
			Warned: []string{"status.poll-get"},
			Apply: answering(func(a *Answer) bool {
				return (running(a) || done(a)) && a.Job.Poll == 1 && len(a.Job.Export.Sent) == 0
			}, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "There is no such export.")
			}),
		},
		{
			Name: "status-post-only", Area: "status",
			Doc:    "The polling location takes no GET, so no client that goes by the specification learns of its export.",
			Caught: []string{"status.poll-get"},
			Apply: answering(func(a *Answer) bool { return running(a) || done(a) }, func(a *Answer) {
				a.refused(http.StatusMethodNotAllowed, "not-supported", "Use POST.")
			}),
		},
		{
			Name: "status-406-for-json", Area: "status",
			Doc:    "Status requests with Accept: application/json, which clients are told to send, are found not acceptable.",
			Warned: []string{"status.accept-json"},
			Apply: answering(func(a *Answer) bool {
				return (running(a) || done(a)) && a.Request.Header.Get("Accept") == "application/json"
			}, func(a *Answer) {
				a.refused(http.StatusNotAcceptable, "not-supported", "Ask for application/fhir+json.")
			}),
		},
		{
			Name: "status-200-while-running", Area: "status",
			Doc:    "A running export is answered with 200 and no body; clients stop asking and find no manifest.",
			Caught: []string{"status.in-progress-202"},
			Apply:  answering(firstPoll, func(a *Answer) { a.Status = http.StatusOK }),
		},
		{
			Name: "status-200-manifest-while-running", Area: "status",
			Doc:    "A running export is answered with 200 and a manifest without files; clients take it for an empty export.",
			Caught: []string{"status.in-progress-202"},
			Apply: answering(firstPoll, func(a *Answer) {
				a.set(http.StatusOK, plainJSON, `{"transactionTime":"`+a.Job.TransactionTime.UTC().Format(instant)+`","request":"`+a.Job.Export.URL+
					`","requiresAccessToken":true,"output":[],"error":[]}`)
			}),
		},
		{
			Name: "status-204-while-running", Area: "status",
			Doc:    "A running export is answered with 204 No Content.",
			Caught: []string{"status.in-progress-202"},
			Apply:  answering(firstPoll, func(a *Answer) { a.Status = http.StatusNoContent }),
		},
		{
			Name: "status-no-retry-after", Area: "status",
			Doc:    "In-progress answers have no Retry-After, so clients guess how long to wait.",
			Warned: []string{"status.retry-after"},
			Apply:  answering(running, func(a *Answer) { a.Header.Del("Retry-After") }),
		},
		retryAfter("status-retry-after-words", "2 minutes", "Retry-After is in words."),
		retryAfter("status-retry-after-unit", "120s", "Retry-After has a unit behind its number."),
		retryAfter("status-retry-after-decimal", "0.5", "Retry-After is a fraction of a second."),
		retryAfter("status-retry-after-iso-date", "2030-01-01T00:00:00Z", "Retry-After is an ISO 8601 date in place of an HTTP-date."),
		{
			Name: "status-retry-after-epoch", Area: "status",
			Doc:    "Retry-After is a time in milliseconds since 1970: a client that obeys waits for ever.",
			Warned: []string{"status.retry-after-format"},
			Apply:  answering(running, header("Retry-After", "1735689600000")),
		},
		{
			Name: "status-retry-after-next-century", Area: "status",
			Doc:    "Retry-After is a date a hundred years ahead: a client that obeys waits for ever.",
			Warned: []string{"status.retry-after-format"},
			Apply:  answering(running, header("Retry-After", "Fri, 01 Jan 2126 00:00:00 GMT")),
		},
		{
			Name: "status-x-progress-long", Area: "status",
			Doc:    "X-Progress is a log line of more than 100 characters.",
			Caught: []string{"status.x-progress-length"},
			Apply:  answering(running, header("X-Progress", strings.Repeat("exporting ", 12))),
		},
		{
			Name: "status-unknown-job-202", Area: "status",
			Doc:    "The status of a job that never was is 202, in progress: a client waits for ever.",
			Caught: []string{"status.unknown-job"},
			Apply:  unknownJobs(func(a *Answer) { a.set(http.StatusAccepted, "", "") }),
		},
		{
			Name: "status-unknown-job-empty-manifest", Area: "status",
			Doc:    "The status of a job that never was is a manifest without files: a client believes that there are no data.",
			Caught: []string{"status.unknown-job"},
			Apply: unknownJobs(func(a *Answer) {
				a.set(http.StatusOK, plainJSON, `{"transactionTime":"2026-01-01T00:00:00Z","request":"","requiresAccessToken":false,"output":[],"error":[]}`)
			}),
		},
		{
			Name: "status-unknown-job-as-200", Area: "status",
			Doc:    "The status of a job that never was is an OperationOutcome sent with 200 OK.",
			Caught: []string{"status.unknown-job"},
			Apply:  unknownJobs(func(a *Answer) { a.Status = http.StatusOK }),
		},
	}
}

func completionFaults() []Fault {
	one := func(name, check, doc string, edit func(*Answer)) Fault {
		return Fault{Name: name, Area: "status", Doc: doc, Caught: []string{check}, Apply: answering(done, edit)}
	}
	expires := func(name, value, doc string) Fault {
		return Fault{Name: name, Area: "status", Doc: doc, Warned: []string{"status.expires-format"}, Apply: answering(done, header("Expires", value))}
	}
	return []Fault{
		one("status-complete-201", "status.complete-200", "A finished export is answered with 201 Created.", func(a *Answer) { a.Status = http.StatusCreated }),
		one("status-complete-204", "status.complete-200", "A finished export is answered with 204 No Content, and the manifest is nowhere.",
			func(a *Answer) { a.set(http.StatusNoContent, "", "") }),
		one("status-complete-303", "status.complete-200", "A finished export is answered with 303 and the manifest elsewhere, as later FHIR versions have it.",
			func(a *Answer) {
				if a.Request.URL.RawQuery == "" {
					a.set(http.StatusSeeOther, "", "")
					a.Header.Set("Location", a.Request.URL.Path+"?manifest=1")
				}
			}),
		one("status-partial-success-206", "error.partial-success", "An export that lost some resources is answered with 206 in place of 200.", func(a *Answer) {
			a.Status = http.StatusPartialContent
			a.editJSON(func(m map[string]any) {
				m["error"] = []any{map[string]any{"type": "OperationOutcome", "url": "http://127.0.0.1:9/lost"}}
			})
		}),
		one("status-manifest-as-fhir-json", "status.complete-content-type", "The manifest is sent as application/fhir+json, although it is no resource.",
			header("Content-Type", fhirJSON)),
		one("status-manifest-as-text", "status.complete-content-type", "The manifest is sent as text/plain.", header("Content-Type", "text/plain")),
		one("status-manifest-without-type", "status.complete-content-type", "The manifest is sent without a usable Content-Type.", header("Content-Type", "")),
		one("status-body-array", "status.body-json-object", "The manifest is wrapped in an array.", func(a *Answer) { a.Body = []byte("[" + string(a.Body) + "]") }),
		one("status-body-html", "status.body-json-object", "The completed status has a page of HTML as body.", func(a *Answer) { a.Body = []byte(someHTML) }),
		one("status-body-empty", "status.body-json-object", "The completed status has no body.", func(a *Answer) { a.Body = []byte{} }),
		{
			Name: "status-no-expires", Area: "status",
			Doc:    "The manifest comes without Expires, so clients do not know how long they may take.",
			Warned: []string{"status.expires"},
			Apply:  answering(done, func(a *Answer) { a.Header.Del("Expires") }),
		},
		{
			Name: "status-expires-zero", Area: "status",
			Doc:    "A filter against caching overwrites Expires with 0.",
			Warned: []string{"status.expires"},
			Apply:  answering(done, header("Expires", "0")),
		},
		expires("status-expires-language-default", "Tue Jan 01 2030 00:00:00 GMT+0100 (Central European Standard Time)", "Expires is a date as a programming language prints it."),
		expires("status-expires-placeholder", "${job.expires}", "Expires is a placeholder that nobody replaced."),
		expires("status-expires-iso", "2030-01-01T00:00:00Z", "Expires is an ISO 8601 date."),
		expires("status-expires-utc", "Tue, 01 Jan 2030 00:00:00 UTC", "Expires ends in UTC where HTTP wants GMT."),
		expires("status-expires-past", "Sat, 01 Jan 2000 00:00:00 GMT", "Expires lies in the past: by it the files are gone before they can be fetched."),
		{
			Name: "status-transaction-time-moves", Area: "status",
			Doc:    "transactionTime is the time of the answer and moves with each status request; incremental exports lose data.",
			Caught: []string{"status.stable"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, j JobInfo) {
					if !j.Export.Partial {
						m["transactionTime"] = j.TransactionTime.Add(time.Duration(j.Refetch) * time.Second).UTC().Format(instant)
					}
				})
			},
		},
		{
			Name: "status-output-shrinks", Area: "status",
			Doc:    "When a finished export is asked for again, its manifest lists fewer files.",
			Warned: []string{"status.stable"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, j JobInfo) {
					if out, ok := m["output"].([]any); ok && j.Refetch > 1 && len(out) > 0 && !j.Export.Partial {
						m["output"] = out[:len(out)-1]
					}
				})
			},
		},
		{
			Name: "status-gone-after-completion", Area: "status",
			Doc:    "The manifest is given once; a client that lost it on the way has to export again.",
			Warned: []string{"status.stable"},
			Apply: answering(func(a *Answer) bool { return done(a) && a.Job.Refetch > 1 }, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "This manifest was fetched already.")
			}),
		},
	}
}

func separateFaults() []Fault {
	apart := func(a *Answer) bool {
		return a.Job != nil && a.Job.Export.Separate && (a.Endpoint == Status || a.Endpoint == Manifest)
	}
	runningApart := func(a *Answer) bool { return apart(a) && strings.HasPrefix(a.Header.Get("X-Export-Status"), "202") }
	doneApart := func(a *Answer) bool { return apart(a) && a.Endpoint == Manifest }
	failed := func(edit func(*Answer)) func(*Behaviour) {
		return func(b *Behaviour) {
			b.FailJob = func(j JobInfo) bool { return j.Export.Separate }
			b.ThenAnswer(func(a *Answer) {
				if apart(a) && strings.HasPrefix(a.Header.Get("X-Export-Status"), "500") {
					a.Status = http.StatusInternalServerError
					edit(a)
				}
			})
		}
	}
	one := func(name, check, doc string, apply func(*Behaviour)) Fault {
		return Fault{Name: name, Area: "status", Versions: []string{IG300}, Doc: doc, Caught: []string{check}, Apply: apply}
	}
	return []Fault{
		one("status-separate-202", "status.separate-in-progress", "separate-export-status is said to be applied, but a running export is answered with HTTP 202.",
			answering(runningApart, func(a *Answer) { a.Status = http.StatusAccepted; a.Header.Del("X-Export-Status") })),
		one("status-separate-no-header", "status.separate-header", "Under separate-export-status a running export is answered with 200 and nothing else: clients take it for complete.",
			answering(runningApart, func(a *Answer) { a.Header.Del("X-Export-Status") })),
		one("status-separate-words", "status.separate-header", "X-Export-Status is a word in place of a status code.",
			answering(runningApart, header("X-Export-Status", "in-progress"))),
		one("status-separate-complete-no-header", "status.separate-complete", "Under separate-export-status the manifest comes without X-Export-Status.",
			answering(doneApart, func(a *Answer) { a.Header.Del("X-Export-Status") })),
		one("status-separate-complete-202", "status.separate-complete", "Under separate-export-status the manifest comes with X-Export-Status 202: clients go on asking.",
			answering(doneApart, header("X-Export-Status", "202 Accepted"))),
		one("status-separate-failed-500", "status.separate-request-status", "Under separate-export-status a failed export makes the status request fail with 500.",
			failed(func(*Answer) {})),
		one("status-separate-failed-bare-500", "status.separate-request-status", "Under separate-export-status a failed export is answered with HTTP 500, without X-Export-Status.",
			failed(func(a *Answer) { a.Header.Del("X-Export-Status") })),
	}
}

func partialFaults() []Fault {
	one := func(name, check, doc string, apply func(*Behaviour)) Fault {
		return Fault{Name: name, Area: "status", Versions: []string{IG300}, Doc: doc, Caught: []string{check}, Apply: apply}
	}
	onManifest := func(edit func(m map[string]any, j JobInfo)) func(*Behaviour) {
		return func(b *Behaviour) {
			b.ThenManifest(func(m map[string]any, j JobInfo) {
				if j.Export.Partial && j.Page == 1 {
					edit(m, j)
				}
			})
		}
	}
	early := func(a *Answer) bool {
		return a.Job != nil && a.Job.Export.Partial && a.Job.Completed.IsZero()
	}
	return []Fault{
		one("status-partial-as-fhir-json", "status.partial-content-type", "A partial manifest is sent as application/fhir+json.",
			answering(func(a *Answer) bool { return early(a) && a.Endpoint == Status && len(a.Body) > 0 }, header("Content-Type", fhirJSON))),
		one("status-partial-file-404", "status.partial-available", "Files that a partial manifest lists are not there until the export is complete.",
			answering(func(a *Answer) bool { return early(a) && a.Endpoint == File }, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "This file is not ready.")
			})),
		one("status-partial-grows", "status.partial-immutable", "The output of a manifest grows from answer to answer in place of a linked manifest.",
			onManifest(func(m map[string]any, j JobInfo) {
				if out, ok := m["output"].([]any); ok && j.Endpoint == Manifest && len(out) > 0 {
					m["output"] = append(out, out[0])
				}
			})),
		one("status-partial-transaction-time", "status.partial-immutable", "transactionTime of a partial manifest differs from that of the final one.",
			onManifest(func(m map[string]any, j JobInfo) {
				if j.Endpoint == Status {
					m["transactionTime"] = j.TransactionTime.Add(-time.Minute).UTC().Format(instant)
				}
			})),
		{
			Name: "status-partial-error-grows", Area: "status", Versions: []string{IG300},
			Doc:    "The error array of a manifest that was returned already gets another file at the end of the export.",
			Warned: []string{"status.partial-immutable"},
			Apply: func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if !j.Export.Partial {
						return nil
					}
					return []ExtraFile{{Kind: ErrorFile, Type: "OperationOutcome", Lines: []string{string(outcome("information", Issue{Code: "informational", Text: "All went well."}))}}}
				}
				b.ThenManifest(func(m map[string]any, j JobInfo) {
					if j.Export.Partial && j.Endpoint == Status {
						m["error"] = []any{}
					}
				})
			},
		},
		one("status-partial-file-grows", "status.partial-files-immutable", "A file that a partial manifest lists goes on growing until the export is complete.",
			answering(func(a *Answer) bool { return early(a) && a.Endpoint == File && a.Streamed() }, func(a *Answer) {
				a.Line = func(n int, line []byte) []byte {
					if n == 0 {
						return nil
					}
					return line
				}
			})),
	}
}
