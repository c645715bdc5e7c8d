package refserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Legal ways to be different at kick-off, status request and DELETE. Line numbers are those of the 3.0.0
// guide's export.md.
func init() {
	registerVariations(
		// ---- what is offered ----
		Variation{Name: "group-only", Area: "capability", Excludes: []string{"levels"},
			Doc:     "Only the group level is offered, and the CapabilityStatement says so.",
			Permits: "Servers choose which export operations they implement; the CapabilityStatement has to say which. (3.0.0 export.html#server-capability-documentation, export.md:779 and :788)",
			Apply:   func(c *Config) { c.Levels = []Level{GroupLevel} }},
		Variation{Name: "patient-only", Area: "capability", Excludes: []string{"levels"},
			Doc:     "Only the patient level is offered, and the CapabilityStatement says so.",
			Permits: "Servers choose which export operations they implement; the CapabilityStatement has to say which. (3.0.0 export.html#server-capability-documentation, export.md:779 and :788)",
			Apply:   func(c *Config) { c.Levels = []Level{PatientLevel} }},
		Variation{Name: "system-only", Area: "capability", Excludes: []string{"levels"},
			Doc:     "Only the system level is offered, and the CapabilityStatement says so.",
			Permits: "Servers choose which export operations they implement; the CapabilityStatement has to say which. (3.0.0 export.html#server-capability-documentation, export.md:779 and :788)",
			Apply:   func(c *Config) { c.Levels = []Level{SystemLevel} }},
		Variation{Name: "no-system-level", Area: "capability", Excludes: []string{"levels"},
			Doc:     "The patient and group levels are offered, the system level is not.",
			Permits: "Servers choose which export operations they implement; the CapabilityStatement has to say which. (3.0.0 export.html#server-capability-documentation, export.md:779 and :788)",
			Apply:   func(c *Config) { c.Levels = []Level{PatientLevel, GroupLevel} }},
		Variation{Name: "no-patient-level", Area: "capability", Excludes: []string{"levels"},
			Doc:     "The system and group levels are offered, the patient level is not.",
			Permits: "Servers choose which export operations they implement; the CapabilityStatement has to say which. (3.0.0 export.html#server-capability-documentation, export.md:779 and :788)",
			Apply:   func(c *Config) { c.Levels = []Level{SystemLevel, GroupLevel} }},

		// ---- kick-off ----
		Variation{Name: "kickoff-outcome", Area: "kickoff", Excludes: []string{"kickoff-body"},
			Doc:     "Accepted kick-offs carry an informational OperationOutcome.",
			Permits: "The 202 answer may have an OperationOutcome in its body. (3.0.0 export.html#response---success, export.md:343)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Status == http.StatusAccepted {
					a.outcomeBody("information", Issue{Code: "informational", Text: "The export was put into the queue."})
				}
			})},
		Variation{Name: "kickoff-content-type-without-body", Area: "kickoff", Excludes: []string{"kickoff-body"},
			Doc:     "Accepted kick-offs have a Content-Type and no body.",
			Permits: "The body of the 202 answer is optional; a media type beside an empty content means nothing. (3.0.0 export.html#response---success, export.md:343; RFC 9110 section 8.3)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Status == http.StatusAccepted {
					a.Header.Set("Content-Type", fhirJSON)
				}
			})},
		Variation{Name: "accept-required", Area: "kickoff",
			Doc:     "A kick-off without Accept is refused.",
			Permits: "If Accept is left out, the server may return an error. (3.0.0 export.html#headers, export.md:117)",
			Apply:   func(c *Config) { c.Behaviour.RequireAccept = true }},
		Variation{Name: "prefer-required", Area: "kickoff",
			Doc:     "A kick-off without Prefer: respond-async is refused.",
			Permits: "If Prefer is left out, the server may return an error. (3.0.0 export.html#headers, export.md:121)",
			Apply:   func(c *Config) { c.Behaviour.RequirePrefer = true }},
		Variation{Name: "no-post", Area: "kickoff", Excludes: []string{"post"},
			Doc:     "Kick-off by POST is not offered: 405.",
			Permits: "A server has to support GET and may support POST. (3.0.0 export.html#bulk-data-kick-off-request, export.md:75)",
			Apply:   func(c *Config) { c.Behaviour.NoPost = true }},
		Variation{Name: "no-post-501", Area: "kickoff", Excludes: []string{"post"},
			Doc:     "Kick-off by POST is not offered: 501.",
			Permits: "A server has to support GET and may support POST; a refusal has a 4XX or 5XX status. (3.0.0 export.html#bulk-data-kick-off-request, export.md:75 and :347)",
			Apply: all(func(c *Config) { c.Behaviour.NoPost = true }, varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Request.Method == http.MethodPost && a.Status == http.StatusMethodNotAllowed {
					a.Status = http.StatusNotImplemented
				}
			}))},
		refusals("422", http.StatusUnprocessableEntity),
		refusals("404", http.StatusNotFound),
		refusals("409", http.StatusConflict),
		refusals("500", http.StatusInternalServerError),
		refusals("501", http.StatusNotImplemented),
		Variation{Name: "unknown-group-403", Area: "kickoff", Excludes: []string{"unknown-group"},
			Doc:     "A Group that does not exist is refused like one that is closed to the client, so that ids cannot be guessed.",
			Permits: "Any 4XX or 5XX status refuses a kick-off. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:347)",
			Apply:   unknownGroupStatus(http.StatusForbidden)},
		Variation{Name: "unknown-group-400", Area: "kickoff", Excludes: []string{"unknown-group"},
			Doc:     "A Group that does not exist is refused with 400.",
			Permits: "Any 4XX or 5XX status refuses a kick-off. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:347)",
			Apply:   unknownGroupStatus(http.StatusBadRequest)},
		Variation{Name: "unknown-group-fails-late", Area: "kickoff", Excludes: []string{"unknown-group"},
			Doc:     "The Group is looked up by the job: a kick-off for one that does not exist is accepted, and the export fails.",
			Permits: "An export that cannot be completed ends with an error status; no sentence says when a request is validated. (3.0.0 export.html#response---error-status-1, export.md:489)",
			Apply: func(c *Config) {
				c.Behaviour.AcceptUnknownGroup = true
				c.Behaviour.FailJob = func(j JobInfo) bool { return strings.HasPrefix(j.Export.Group, "bulkproof-no-such") }
			}},
		Variation{Name: "preference-applied-twice", Area: "kickoff", Versions: []string{IG300}, Excludes: []string{"preference-applied"},
			Doc:     "Preference-Applied is repeated, once for each preference.",
			Permits: "The values may be given comma-delimited, or the header repeated for each. (3.0.0 export.html#headers, export.md:123)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Header.Get("Preference-Applied") != "" {
					a.Header["Preference-Applied"] = []string{"separate-export-status", "respond-async"}
				}
			})},
		Variation{Name: "preference-applied-always", Area: "kickoff", Excludes: []string{"preference-applied"},
			Doc:     "Every accepted kick-off says which preferences were honoured, respond-async among them.",
			Permits: "Preference-Applied may be sent to say which preferences were honoured. (3.0.0 export.html#headers; RFC 7240 section 3)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Status == http.StatusAccepted && a.Header.Get("Preference-Applied") == "" {
					a.Header.Set("Preference-Applied", "respond-async")
				}
			})},
		Variation{Name: "preference-applied-odd-spelling", Area: "kickoff", Versions: []string{IG300}, Excludes: []string{"preference-applied"},
			Doc:     "Preference-Applied has the two in the other order, in capitals and without blanks.",
			Permits: "The values are comma-delimited, in no set order; preference names are compared without regard to case. (3.0.0 export.html#headers, export.md:123; RFC 7240 section 2)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Header.Get("Preference-Applied") != "" {
					a.Header.Set("Preference-Applied", "Separate-Export-Status,Respond-Async")
				}
			})},
		Variation{Name: "polling-location-with-query", Area: "kickoff",
			Doc:     "The polling location has a query string, as signed URLs have.",
			Permits: "Content-Location is the absolute URL of an endpoint; nothing is said about its form. (3.0.0 export.html#response---success, export.md:341)",
			Apply: varyAnswer(func(a *Answer) {
				if loc := a.Header.Get("Content-Location"); loc != "" {
					a.Header.Set("Content-Location", withQuery(loc, "_shard=7&sig=c2hhcmQ%3D"))
				}
			})},
		Variation{Name: "polling-location-other-origin", Area: "kickoff", Excludes: []string{"origin"},
			Doc:     "The polling location lies on another origin than the FHIR base.",
			Permits: "Content-Location is the absolute URL of an endpoint; nothing says that it is on the same host. (3.0.0 export.html#response---success, export.md:341)",
			Apply: varyAnswer(func(a *Answer) {
				if loc := a.Header.Get("Content-Location"); loc != "" {
					a.Header.Set("Content-Location", otherName(loc))
				}
			})},
		Variation{Name: "location-header-too", Area: "kickoff",
			Doc:     "The 202 answer has Location beside Content-Location, with the same URL.",
			Permits: "Content-Location is what counts; Location on 202 has no defined meaning, and no rule against it. (3.0.0 export.html#response---success, export.md:341; RFC 9110 section 10.2.2)",
			Apply: varyAnswer(func(a *Answer) {
				if loc := a.Header.Get("Content-Location"); loc != "" && a.Status == http.StatusAccepted {
					a.Header.Set("Location", loc)
				}
			})},
		Variation{Name: "kickoff-throttled-at-first", Area: "kickoff", Excludes: []string{"limit"}, // it leaves jobs that count
			Doc:     "The first kick-offs of a client are answered with 429 and Retry-After, later ones are accepted.",
			Permits: "A server that wants to keep a client from starting another export answers 429 with Retry-After. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:350)",
			Apply: func(c *Config) {
				var n atomic.Int64
				c.Behaviour.ThenAnswer(func(a *Answer) {
					if a.Endpoint == KickOff && a.Status == http.StatusAccepted && n.Add(1) <= 2 {
						a.Status = http.StatusTooManyRequests
						a.Header.Del("Content-Location")
						a.Header.Set("Retry-After", "2")
						a.outcomeBody("error", Issue{Code: "throttled", Text: "Another export is in progress."})
					}
				})
			}},

		Variation{Name: "few-exports-at-a-time", Area: "kickoff", Excludes: []string{"limit"},
			Doc:     "A client may have two exports in progress; the next kick-off is answered with 429 and Retry-After.",
			Permits: "A server that wants to keep a client from starting another export answers 429 with Retry-After. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:350)",
			Apply:   func(c *Config) { c.MaxJobs = 2 }},

		Variation{Name: "one-export-at-a-time", Area: "kickoff", Excludes: []string{"limit"},
			Doc:     "A client may have one export in progress; until it ends, every other kick-off is answered with 429 and Retry-After.",
			Permits: "A server that wants to keep a client from starting another export answers 429 with Retry-After. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:350)",
			Apply:   func(c *Config) { c.MaxJobs = 1 }},

		// ---- errors ----
		Variation{Name: "outcome-with-diagnostics", Area: "error", Excludes: []string{"outcome"},
			Doc:     "OperationOutcomes speak in diagnostics, are fatal, and have several issues with expressions.",
			Permits: "The body is a FHIR OperationOutcome; which of its elements are used is the server's choice. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:348)",
			Apply: varyAnswer(func(a *Answer) {
				if a.isOutcome() {
					a.Body = []byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"processing","diagnostics":"E-4711","expression":["Parameters.parameter[0]"]},{"severity":"information","code":"informational","diagnostics":"See the manual."}]}`)
				}
			})},
		Variation{Name: "outcome-with-narrative", Area: "error", Excludes: []string{"outcome"},
			Doc:     "OperationOutcomes have id, meta, narrative and an extension, and resourceType comes last.",
			Permits: "The body is a FHIR OperationOutcome, a DomainResource like others; JSON members have no order. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:348; RFC 8259 section 4)",
			Apply: varyAnswer(func(a *Answer) {
				if a.isOutcome() {
					a.Body = []byte(`{"id":"o-1","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Refused</div>"},` +
						`"extension":[{"url":"https://bulkproof.example/trace","valueString":"77"}],"issue":[{"severity":"error","code":"invalid","details":{"coding":[{"system":"https://bulkproof.example/codes","code":"E1"}]}}],"resourceType":"OperationOutcome"}`)
				}
			})},

		// ---- parameters that are not supported ----
		noParameter("_until", "The parameter is optional, and an unsupported one may be refused. (3.0.0 export.html#query-parameters, export.md:157; #response---error-eg-unsupported-search-parameter)", IG300),
		noParameter("_elements", "A server that is unable to support _elements returns an error. (3.0.0 export.html#query-parameters, export.md:182)"),
		noParameter("patient", "A server that is unable to support patient returns an error. (3.0.0 export.html#query-parameters, export.md:192)"),
		noParameter("includeAssociatedData", "A server that is unable to support the requested values returns an error. (3.0.0 export.html#query-parameters, export.md:202)"),
		noParameter("_typeFilter", "A server that is unable to support the requested queries returns an error. (3.0.0 export.html#query-parameters, export.md:218)"),
		noParameter("organizeOutputBy", "A server that is unable to structure output so returns an error. (3.0.0 export.html#query-parameters, export.md:228)", IG300),
		noParameter("allowPartialManifests", "The parameter is optional, and an unsupported one may be refused. (3.0.0 export.html#query-parameters, export.md:233; #response---error-eg-unsupported-search-parameter)", IG300),
		Variation{Name: "partial-manifests-ignored", Area: "param", Versions: []string{IG300}, Excludes: []string{"partial"},
			Doc:     "allowPartialManifests is accepted, and all files come in one manifest at the end.",
			Permits: "With the parameter a server may distribute files among manifests; it need not. (3.0.0 export.html#query-parameters, export.md:237)",
			Apply: func(c *Config) {
				first := c.Behaviour.KickOff
				c.Behaviour.KickOff = func(ex *Export) {
					if first != nil {
						first(ex)
					}
					ex.Partial = false
				}
			}},
		Variation{Name: "no-separate-status", Area: "kickoff", Versions: []string{IG300},
			Doc:     "The preference separate-export-status is not known and passed over.",
			Permits: "It takes effect if it is supported by the server. (3.0.0 export.html#headers, export.md:123)",
			Apply:   unsupported("separate-export-status")},
		Variation{Name: "no-lenient-handling", Area: "param",
			Doc:     "handling=lenient makes no difference: bad and unsupported parameters are refused all the same.",
			Permits: "With handling=lenient a server may process the request instead of returning an error; it need not. (3.0.0 export.html#query-parameters, export.md:171)",
			Apply:   func(c *Config) { c.Behaviour.NoLenient = true }},

		// ---- status ----
		Variation{Name: "first-poll-complete", Area: "status", Excludes: []string{"polls"},
			Doc:     "The first poll finds the job complete.",
			Permits: "202 is the answer while the request is being processed; nothing obliges a server to show one. (3.0.0 export.html#response---in-progress-status, export.md:395 and :482)",
			Apply:   func(c *Config) { c.JobTime, c.PollsUntilDone = 0, 0 }},
		Variation{Name: "several-polls", Area: "status", Excludes: []string{"polls"},
			Doc:     "The job takes several polls.",
			Permits: "No limit is set to the time that an export takes. (3.0.0 export.html#response---in-progress-status, export.md:482)",
			Apply:   func(c *Config) { c.JobTime, c.PollsUntilDone = 0, 4 }},
		Variation{Name: "many-polls", Area: "status", Excludes: []string{"polls", "throttling"},
			Doc:     "The job takes forty polls; each may come at once.",
			Permits: "No limit is set to the time that an export takes. (3.0.0 export.html#response---in-progress-status, export.md:482)",
			Apply:   func(c *Config) { c.JobTime, c.PollsUntilDone, c.PollBurst = 0, 40, -1 }},
		Variation{Name: "no-progress", Area: "status", Excludes: []string{"x-progress"},
			Doc:     "There is no X-Progress header.",
			Permits: "X-Progress is optional. (3.0.0 export.html#response---in-progress-status, export.md:484)",
			Apply:   varyAnswer(func(a *Answer) { a.Header.Del("X-Progress") })},
		progress("progress-free-text", "X-Progress is prose with a dash that is not ASCII.", "Still at it — the archive is large; please be patient"),
		progress("progress-percentage", "X-Progress is a bare percentage.", "50%"),
		progress("progress-99-characters", "X-Progress has 99 characters, of two bytes each.", strings.Repeat("é", 99)),
		Variation{Name: "in-progress-outcome", Area: "status", Excludes: []string{"in-progress-body"},
			Doc:     "In-progress answers carry an informational OperationOutcome.",
			Permits: "The in-progress answer is described by its headers; no sentence excludes a body, and FHIR reports by OperationOutcome. (3.0.0 export.html#response---in-progress-status, export.md:480; #response---error-status-1)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Status && a.Status == http.StatusAccepted && len(a.Body) == 0 {
					a.outcomeBody("information", Issue{Code: "informational", Text: "The export is in progress."})
				}
			})},
		Variation{Name: "retry-after-date", Area: "status", Excludes: []string{"retry-after"},
			Doc:     "Retry-After is an HTTP-date.",
			Permits: "Retry-After has a delay in seconds or an http-date. (3.0.0 export.html#bulk-data-status-request, export.md:376)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Status && a.Header.Get("Retry-After") != "" {
					a.Header.Set("Retry-After", a.Now.Add(2*time.Second).Format(http.TimeFormat))
				}
			})},
		Variation{Name: "retry-after-two-minutes", Area: "status", Excludes: []string{"retry-after", "polls"},
			Doc:     "Retry-After asks for two minutes.",
			Permits: "The example of a delay in seconds is 120, for two minutes. (3.0.0 export.html#bulk-data-status-request, export.md:376)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Status && a.Header.Get("Retry-After") != "" {
					a.Header.Set("Retry-After", "120")
				}
			})},
		Variation{Name: "throttled-once", Area: "status", Excludes: []string{"transient", "throttling"},
			Doc:     "The first poll of a job is answered with 429 and Retry-After.",
			Permits: "A client that polls too often is answered with 429 and Retry-After; the export goes on. (3.0.0 export.html#bulk-data-status-request, export.md:376)",
			Apply:   transient(http.StatusTooManyRequests)},
		Variation{Name: "unavailable-once", Area: "status", Excludes: []string{"transient"},
			Doc:     "The first poll of a job is answered with 503, Retry-After and a transient issue.",
			Permits: "A polling failure that does not mean failure of the export is told by the issue code transient; the client asks again. (3.0.0 export.html#response---error-status-1, export.md:494)",
			Apply:   transient(http.StatusServiceUnavailable)},
		Variation{Name: "transient-500-once", Area: "status", Excludes: []string{"transient"},
			Doc:     "The first poll of a job is answered with 500 and a transient issue.",
			Permits: "A polling failure that does not mean failure of the export is told by the issue code transient; the client asks again. (3.0.0 export.html#response---error-status-1, export.md:494)",
			Apply:   transient(http.StatusInternalServerError)},
		Variation{Name: "gateway-html-once", Area: "status", Excludes: []string{"transient"},
			Doc:     "The first poll of a job gets 502 and a page of HTML from the gateway in front.",
			Permits: "Where the infrastructure layer that answers is not FHIR aware, an error may be in another format under its own Content-Type. (3.0.0 export.html#response---error-status-1, export.md:492)",
			Apply: all(transient(http.StatusBadGateway), varyAnswer(func(a *Answer) {
				if a.Endpoint == Status && a.Status == http.StatusBadGateway {
					a.Header.Set("Content-Type", "text/html; charset=utf-8")
					a.Header.Del("Retry-After")
					a.Body = []byte("<html><body><h1>502 Bad Gateway</h1></body></html>")
				}
			}))},
		Variation{Name: "expires-far", Area: "status", Excludes: []string{"expires"},
			Doc:     "Files stay for a month.",
			Permits: "Expires says until when the files are there; how long that is, is the server's choice. (3.0.0 export.html#response---complete-status, export.md:503)",
			Apply:   func(c *Config) { c.FilesLifetime = 30 * 24 * time.Hour }},
		Variation{Name: "expires-near", Area: "status", Excludes: []string{"expires"},
			Doc:     "Files stay for five minutes.",
			Permits: "Expires says until when the files are there; how long that is, is the server's choice. (3.0.0 export.html#response---complete-status, export.md:503)",
			Apply:   func(c *Config) { c.FilesLifetime = 5 * time.Minute }},
		Variation{Name: "expires-renewed", Area: "status",
			Doc:     "Each request for the manifest prolongs the life of the files, and Expires says so.",
			Permits: "A client may fetch the manifest again, and the server may then give an updated Expires. (3.0.0 export.html#bulk-data-output-file-request, export.md:695)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Manifest && a.Header.Get("Expires") != "" && a.Job != nil {
					a.Header.Set("Expires", a.Now.Add(time.Hour+time.Duration(a.Job.Refetch)*time.Second).Format(http.TimeFormat))
				}
			})},
		Variation{Name: "unknown-job-410", Area: "error", Excludes: []string{"unknown-job"},
			Doc:     "The status of a job that never was is answered with 410; that of a deleted one with 404.",
			Permits: "Other 4XX and 5XX codes may be used to identify errors. (3.0.0 export.html#bulk-data-status-request, export.md:376)",
			Apply:   unknownJobStatus(http.StatusGone)},
		Variation{Name: "unknown-job-400", Area: "error", Excludes: []string{"unknown-job"},
			Doc:     "The status of a job that never was is answered with 400; that of a deleted one with 404.",
			Permits: "Other 4XX and 5XX codes may be used to identify errors. (3.0.0 export.html#bulk-data-status-request, export.md:376)",
			Apply:   unknownJobStatus(http.StatusBadRequest)},

		Variation{Name: "other-methods-501", Area: "error",
			Doc:     "A method that an endpoint does not have is answered with 501 and an empty body.",
			Permits: "501 is the answer to a method that is not implemented. (RFC 9110 section 15.6.2)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Status == http.StatusMethodNotAllowed && a.Request.Method != http.MethodDelete {
					a.set(http.StatusNotImplemented, "", "")
					a.Header.Del("Allow")
				}
			})},

		// ---- DELETE ----
		Variation{Name: "complete-stays", Area: "delete", Excludes: []string{"delete-complete"},
			Doc:     "A complete job cannot be deleted: DELETE is answered with 409.",
			Permits: "DELETE is there to cancel a request; after completion the server may take it as a signal. (3.0.0 export.html#bulk-data-delete-request, export.md:355; disputed reading 21)",
			Apply:   func(c *Config) { c.Behaviour.KeepComplete = true }},
		Variation{Name: "complete-stays-405", Area: "delete", Excludes: []string{"delete-complete"},
			Doc:     "A complete job cannot be deleted: DELETE is answered with 405.",
			Permits: "DELETE is there to cancel a request; after completion the server may take it as a signal. Errors are 4XX or 5XX. (3.0.0 export.html#bulk-data-delete-request, export.md:355 and :368; disputed reading 21)",
			Apply: all(func(c *Config) { c.Behaviour.KeepComplete = true }, varyAnswer(func(a *Answer) {
				if a.Endpoint == Delete && a.Status == http.StatusConflict {
					a.Status = http.StatusMethodNotAllowed
					a.Header.Set("Allow", "GET")
				}
			}))},
		Variation{Name: "delete-idempotent", Area: "delete",
			Doc:     "Deleting what is not there is answered with 202.",
			Permits: "DELETE is idempotent, and no sentence asks for an error where there is nothing to cancel. (3.0.0 export.html#bulk-data-delete-request, export.md:355; RFC 9110 section 9.2.2; disputed reading 21)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Delete && a.Status == http.StatusNotFound {
					a.Status, a.Body = http.StatusAccepted, []byte{}
					a.Header.Del("Content-Type")
				}
			})},
		Variation{Name: "delete-outcome", Area: "delete",
			Doc:     "A successful DELETE is answered with an informational OperationOutcome.",
			Permits: "The 202 answer to DELETE may have an OperationOutcome in its body. (3.0.0 export.html#response---success-1, export.md:364)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Delete && a.Status == http.StatusAccepted && len(a.Body) == 0 {
					a.outcomeBody("information", Issue{Code: "informational", Text: "The export was cancelled."})
				}
			})},
		Variation{Name: "files-outlive-delete", Area: "delete",
			Doc:     "Files of a deleted job stay until they expire.",
			Permits: "A server may take DELETE as a signal that files can go; it need not. (3.0.0 export.html#bulk-data-delete-request, export.md:355)",
			Apply:   func(c *Config) { c.Behaviour.FilesOutliveDelete = true }},
	)
}

// refusals is a variation that refuses bad kick-offs with another status than 400.
func refusals(name string, status int) Variation {
	return Variation{Name: "refusals-" + name, Area: "kickoff", Excludes: []string{"refusals"},
		Doc:     "Bad kick-offs are refused with " + name + " in place of 400.",
		Permits: "A refused kick-off has a 4XX or 5XX status, whichever. (3.0.0 export.html#response---error-eg-unsupported-search-parameter, export.md:347)",
		Apply: varyAnswer(func(a *Answer) {
			if a.Endpoint == KickOff && a.Status == http.StatusBadRequest {
				a.Status = status
			}
		})}
}

func unknownGroupStatus(status int) func(*Config) {
	return varyAnswer(func(a *Answer) {
		if a.Endpoint == KickOff && a.Status == http.StatusNotFound && strings.Contains(a.Request.URL.Path, "/Group/") {
			a.Status = status
		}
	})
}

// unknownJobStatus answers requests about jobs that never were with another status than 404.
func unknownJobStatus(status int) func(*Config) {
	return func(c *Config) {
		var known ticketSet
		c.Behaviour.ThenAnswer(func(a *Answer) {
			if loc, err := url.Parse(a.Header.Get("Content-Location")); a.Endpoint == KickOff && err == nil {
				known.add(loc.Path)
			}
			if a.Endpoint == Status && a.Status == http.StatusNotFound && !known.has(a.Request.URL.Path) {
				a.Status = status
			}
		})
	}
}

// noParameter is a variation that does not know an optional parameter.
func noParameter(name, permits string, versions ...string) Variation {
	return Variation{Name: "no-" + dashed(name), Area: "param", Versions: versions, Excludes: excludesOf(name),
		Doc: "The parameter " + name + " is not supported, and refused.", Permits: permits,
		Apply: all(unsupported(name), func(c *Config) {
			if name == "_typeFilter" {
				// No search parameter can be used in _typeFilter, so none is listed for it.
				c.Behaviour.ThenCapability(withoutSearchParams)
			}
		})}
}

func excludesOf(parameter string) []string {
	if parameter == "allowPartialManifests" {
		return []string{"partial"}
	}
	return nil
}

// dashed turns a parameter's name into words with dashes: "organize-output-by".
func dashed(name string) string {
	var b strings.Builder
	for _, r := range strings.TrimPrefix(name, "_") {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func withoutSearchParams(m map[string]any) {
	for _, res := range m["rest"].([]any)[0].(map[string]any)["resource"].([]any) {
		if r := res.(map[string]any); r["type"] != "Group" {
			delete(r, "searchParam")
		}
	}
}

// progress is a variation of X-Progress.
func progress(name, doc, text string) Variation {
	return Variation{Name: name, Area: "status", Excludes: []string{"x-progress"}, Doc: doc,
		Permits: "X-Progress is a text of fewer than 100 characters, in a form at the server's discretion. (3.0.0 export.html#response---in-progress-status, export.md:484)",
		Apply: varyAnswer(func(a *Answer) {
			if a.Header.Get("X-Progress") != "" {
				a.Header.Set("X-Progress", text)
			}
		})}
}

// transient answers the first poll of each job with an error that passes.
func transient(status int) func(*Config) {
	return func(c *Config) {
		c.Behaviour.TransientStatus = func(j JobInfo) int {
			if j.Poll == 1 {
				return status
			}
			return 0
		}
	}
}

// otherName writes a loopback URL under the machine's other name, which makes it another origin that leads to
// the same listener.
func otherName(raw string) string {
	if strings.Contains(raw, "//localhost:") {
		return strings.Replace(raw, "//localhost:", "//127.0.0.1:", 1)
	}
	return strings.Replace(raw, "//127.0.0.1:", "//localhost:", 1)
}

// indent writes a JSON body with white space for human readers.
func indent(body []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "\t") != nil {
		return body
	}
	return append(b.Bytes(), "\r\n"...)
}
