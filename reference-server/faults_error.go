package refserver

import (
	"net/http"
)

func init() { registerFaults(errorFaults()...) }

// stumbling returns an Apply that answers the first poll of each job with a transient error, edited.
func stumbling(status int, edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.TransientStatus = func(j JobInfo) int {
			if j.Poll == 1 && !j.Export.Partial {
				return status
			}
			return 0
		}
		b.ThenAnswer(func(a *Answer) {
			if a.Endpoint == Status && a.Status == status && a.Job != nil && a.Job.Poll == 1 {
				edit(a)
			}
		})
	}
}

// onceThrottled answers the second poll of an export of everything since a moment of 1900 with 429, and edits what comes
// then. It is such an export that a judge polls too often; what others wait for is left alone.
func onceThrottled(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.ThenAnswer(func(a *Answer) {
			if a.Endpoint != Status && a.Endpoint != Manifest || a.Job == nil || a.Job.Export.Since.Year() != 1900 || a.Job.Poll < 2 {
				return
			}
			a.set(http.StatusTooManyRequests, "", "")
			a.Header.Set("Retry-After", "2")
			if a.Job.Poll > 2 {
				edit(a)
			}
		})
	}
}

func errorFaults() []Fault {
	with := func(option string, f Fault) Fault {
		f.Options = []string{option}
		return f
	}
	o := func(name, doc string, edit func(*Answer)) Fault {
		return warns("error", name, "error.status-outcome", doc, unknownJobs(edit))
	}
	gone := func(a *Answer) bool { return a.Endpoint == File && a.Status == http.StatusNotFound }
	return []Fault{
		o("error-status-empty", "The error of a status request has no body.", func(a *Answer) { a.set(a.Status, "", "") }),
		o("error-status-html", "The error of a status request has a page of HTML as body.", func(a *Answer) { a.set(a.Status, "text/html", someHTML) }),
		o("error-status-html-as-json", "The error of a status request has a page of HTML as body, labelled as FHIR JSON.", func(a *Answer) { a.set(a.Status, fhirJSON, someHTML) }),
		o("error-status-stack-trace", "The error of a status request has a stack trace as body.", func(a *Answer) {
			a.set(a.Status, "text/plain", "java.lang.NullPointerException\n\tat com.example.Bulk.status(Bulk.java:42)\n")
		}),
		o("error-status-broken-json", "The OperationOutcome of a status error is not valid JSON.", func(a *Answer) {
			a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":not-found}]}`)
		}),
		o("error-status-numeric-code", "issue.code is a number in the OperationOutcome of a status error.", replacing(`"code":"not-found"`, `"code":404`)),
		warns("error", "error-status-as-json", "error.status-content-type", "The OperationOutcome of a status error is sent as application/json.", unknownJobs(header("Content-Type", plainJSON))),
		fails("error", "error-status-as-text", "error.status-content-type", "The OperationOutcome of a status error is sent as text/plain.", unknownJobs(header("Content-Type", "text/plain"))),
		warns("error", "error-transient-503-processing", "error.transient-code", "A status request fails in passing with 503 and the issue code processing, as if the export had failed.",
			stumbling(http.StatusServiceUnavailable, replacing(`"code":"transient"`, `"code":"processing"`))),
		warns("error", "error-transient-500-exception-text", "error.transient-code", "A status request fails in passing with 500 and the issue code invalid: clients give up an export that goes on.",
			stumbling(http.StatusInternalServerError, replacing(`"code":"transient"`, `"code":"invalid"`))),
		warns("error", "error-429-without-retry-after", "error.poll-429", "A status request is refused with 429 and no Retry-After, so clients do not know when to ask again.",
			stumbling(http.StatusTooManyRequests, func(a *Answer) { a.Header.Del("Retry-After") })),
		warns("error", "error-429-html-epoch", "status.retry-after-format", "A status request is refused with 429, a page of HTML and a Retry-After in milliseconds since 1970.",
			stumbling(http.StatusTooManyRequests, func(a *Answer) {
				a.set(a.Status, "text/html", someHTML)
				a.Header.Set("Retry-After", "1735689600000")
			})),
		{Name: "error-every-error-as-200", Area: "error",
			Doc: "Every error but those of access comes with 200 OK and an OperationOutcome: clients take refused kick-offs for accepted ones, lost exports for " +
				"complete ones, and messages for data.",
			Caught: []string{"kickoff.error-status", "status.unknown-job", "delete.error-status", "delete.then-404", "delete.finished-then-404", "error.file-status"},
			Apply: answering(func(a *Answer) bool {
				return refusal(a) && a.Endpoint != Token
			}, func(a *Answer) { a.Status = http.StatusOK })},
		with(OptionThrottling, warns("error", "error-429-for-ever", "error.poll-429", "A client that polled too often once is refused with 429 ever after, although it waits as Retry-After asks.",
			onceThrottled(func(*Answer) {}))),
		with(OptionThrottling, warns("error", "error-429-kills-the-job", "error.poll-429", "The export of a client that polled too often is given up: after 429 and the wait it asks for, the status is 410.",
			onceThrottled(func(a *Answer) { a.refused(http.StatusGone, "not-found", "polled too often") }))),
		with(OptionLossyGroup, fails("error", "error-loss-untold", "error.partial-success", "An export that loses resources completes, and its error array is empty: clients take it for the whole.",
			func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, j JobInfo) {
					if j.Export.Group == RehearseLoss {
						m["error"] = []any{}
					}
				})
			})),
		fails("error", "error-gone-file-as-200", "error.file-status", "A file that is gone is answered with 200 OK and a page of HTML, which clients store as data.",
			answering(gone, func(a *Answer) { a.set(http.StatusOK, "text/html", someHTML) })),
		fails("error", "error-gone-file-outcome-200", "error.file-status", "A file that is gone is answered with 200 OK and an OperationOutcome.",
			answering(gone, func(a *Answer) { a.Status = http.StatusOK })),
		fails("error", "error-gone-file-empty-200", "error.file-status", "A file that is gone is answered with 200 OK and nothing.",
			answering(gone, func(a *Answer) { a.set(http.StatusOK, fhirNDJSON, "") })),
	}
}
