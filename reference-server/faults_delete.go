package refserver

import (
	"net/http"
	"strings"
	"sync"
)

func init() { registerFaults(deleteFaults()...) }

// deletes holds for DELETEs of jobs that are there, by clients that may.
func deletes(a *Answer) bool { return a.Endpoint == Delete && a.Job != nil && a.Status < 300 }

func deletesRunning(a *Answer) bool { return deletes(a) && a.Job.Completed.IsZero() }

func deletesFinished(a *Answer) bool { return deletes(a) && !a.Job.Completed.IsZero() }

// deletesNothing holds for DELETEs of jobs that are not there.
func deletesNothing(a *Answer) bool { return a.Endpoint == Delete && a.Job == nil && refusal(a) }

// goneJobs returns an Apply that edits the answers to status requests for jobs that were deleted.
func goneJobs(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		var mu sync.Mutex
		deleted := map[string]bool{}
		b.ThenAnswer(func(a *Answer) {
			mu.Lock()
			defer mu.Unlock()
			switch path := a.Request.URL.Path; {
			case deletes(a):
				deleted[path] = true
			case a.Endpoint == Status && a.Job == nil && a.Status == http.StatusNotFound && deleted[path]:
				edit(a)
			}
		})
	}
}

// wholeHistory holds for kick-offs of everything since before there were computers, which the suite uses for exports that
// it is going to cancel. One at a time is a rule for these alone, so that no other export gets in the way.
func wholeHistory(a *Answer) bool {
	return acceptedKickOff(a) && a.Job != nil && a.Job.Export.Since.Year() == 1900
}

// byPut holds for what the conforming server answers to a PUT at the polling location of a job that is there.
func byPut(a *Answer) bool {
	return a.Endpoint == Status && a.Request.Method == http.MethodPut && a.Status == http.StatusMethodNotAllowed
}

// oneWholeHistory returns an Apply that refuses a second such kick-off while one is running, and if stuck also after it
// was deleted.
func oneWholeHistory(stuck bool, refuse func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		var mu sync.Mutex
		running := ""
		b.ThenAnswer(func(a *Answer) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case wholeHistory(a) && running == "":
				running = a.Job.Ticket
			case wholeHistory(a):
				refuse(a)
			case deletes(a) && a.Job.Ticket == running && !stuck:
				running = ""
			}
		})
	}
}

func deleteFaults() []Fault {
	d := func(name, check, doc string, apply func(*Behaviour)) Fault {
		return fails("delete", name, check, doc, apply)
	}
	outcomes := func(name, check string, when func(edit func(*Answer)) func(*Behaviour)) []Fault {
		var out []Fault
		for _, v := range []struct {
			name, doc string
			edit      func(*Answer)
		}{
			{"empty", "has no body", func(a *Answer) { a.set(a.Status, "", "") }},
			{"html", "has a page of HTML as body", func(a *Answer) { a.set(a.Status, "text/html", someHTML) }},
			{"framework-json", "has the error object of a web framework as body", func(a *Answer) { a.set(a.Status, fhirJSON, `{"message":"Not Found"}`) }},
			{"numeric-code", "has an OperationOutcome with a number as issue.code", func(a *Answer) {
				a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":404}]}`)
			}},
			{"content-type", "has an OperationOutcome sent as text/plain", func(a *Answer) { a.Header.Set("Content-Type", "text/plain") }},
		} {
			subject := map[string]string{"delete-then-404": "The 404 after a DELETE ", "delete-error": "The refusal of a DELETE "}[name]
			out = append(out, d(name+"-"+v.name, check, subject+v.doc+".", when(v.edit)))
		}
		return out
	}
	list := []Fault{
		d("delete-405", "delete.supported", "Exports cannot be cancelled: DELETE is not allowed at the polling location.",
			keepingJobs(deletesRunning, func(a *Answer) { a.refused(http.StatusMethodNotAllowed, "not-supported", "DELETE is not supported.") })),
		d("delete-410-job-lives-on", "delete.supported", "The DELETE of a running export is answered with 410 Gone, and the export goes on.",
			keepingJobs(deletesRunning, func(a *Answer) { a.refused(http.StatusGone, "not-found", "Gone.") })),
		d("delete-500", "delete.supported", "The DELETE of a running export fails with 500.",
			keepingJobs(deletesRunning, func(a *Answer) {
				a.refused(http.StatusInternalServerError, "exception", "The job could not be stopped.")
			})),
		d("delete-200", "delete.accepted-202", "A successful DELETE is answered with 200 OK.", answering(deletes, func(a *Answer) { a.Status = http.StatusOK })),
		d("delete-204", "delete.accepted-202", "A successful DELETE is answered with 204 No Content.", answering(deletes, func(a *Answer) { a.set(http.StatusNoContent, "", "") })),
		{
			Name: "delete-does-nothing", Area: "delete",
			Doc:    "DELETE is answered with 202, and the export lives on, running or finished.",
			Caught: []string{"delete.then-404", "delete.finished-then-404"},
			Apply:  func(b *Behaviour) { b.DeleteDoesNothing = true },
		},
		{
			Name: "delete-then-410", Area: "delete",
			Doc:    "After a DELETE the polling location answers 410 Gone in place of 404.",
			Caught: []string{"delete.then-404", "delete.finished-then-404"},
			Apply:  goneJobs(func(a *Answer) { a.Status = http.StatusGone }),
		},
		{
			Name: "delete-then-202", Area: "delete",
			Doc:    "After a DELETE the polling location goes on answering 202, so a client does not learn that the export is gone.",
			Caught: []string{"delete.then-404", "delete.finished-then-404"},
			Apply:  goneJobs(func(a *Answer) { a.set(http.StatusAccepted, "", "") }),
		},
		d("delete-running-lives-on", "delete.then-404", "A running export is not stopped by its DELETE and can still be polled; only finished ones are removed.",
			keepingJobs(deletesRunning, func(*Answer) {})),
		d("delete-finished-lives-on", "delete.finished-then-404", "The DELETE of a finished export is answered with 202 and has no effect.",
			keepingJobs(deletesFinished, func(*Answer) {})),
		d("delete-error-as-200", "delete.error-status", "The DELETE of a job that is not there is answered with 200 OK and an OperationOutcome of an error.",
			answering(deletesNothing, func(a *Answer) { a.Status = http.StatusOK })),
		d("delete-error-page-200", "delete.error-status", "The DELETE of a job that is not there is answered with 200 OK and an error page.",
			answering(deletesNothing, func(a *Answer) { a.set(http.StatusOK, "text/html", someHTML) })),
		warns("delete", "delete-goes-on-in-secret", "delete.stops-work", "A cancelled export goes on in secret: a new one is refused with 429 long after.",
			oneWholeHistory(true, func(a *Answer) {
				a.refused(http.StatusTooManyRequests, "throttled", "Another export is in progress.")
				a.Header.Set("Retry-After", "1")
			})),
		warns("kickoff", "kickoff-busy-409", "kickoff.one-at-a-time", "A second export is refused with 409 while one is running, in place of 429.",
			oneWholeHistory(false, func(a *Answer) { a.refused(http.StatusConflict, "conflict", "Another export is in progress.") })),
		warns("kickoff", "kickoff-busy-without-retry-after", "kickoff.one-at-a-time", "A second export is refused with 429 while one is running, without Retry-After.",
			oneWholeHistory(false, func(a *Answer) { a.refused(http.StatusTooManyRequests, "throttled", "Another export is in progress.") })),
	}
	list = append(list,
		warns("delete", "delete-put-like-get", "delete.other-methods-refused", "The polling location pays no heed to the method: a PUT is answered like a status request.",
			answering(byPut, func(a *Answer) { a.set(http.StatusAccepted, "", "") })),
		warns("delete", "delete-put-like-delete", "delete.other-methods-refused", "Whatever is no GET cancels the export: a PUT is refused, and the export is gone.",
			func(b *Behaviour) {
				var mu sync.Mutex
				gone := map[string]bool{}
				b.ThenAnswer(func(a *Answer) {
					mu.Lock()
					defer mu.Unlock()
					switch path := a.Request.URL.Path; {
					case byPut(a):
						gone[path] = true
					case gone[path]:
						a.refused(http.StatusNotFound, "not-found", "there is no such export")
					}
				})
			}))
	list = append(list, outcomes("delete-then-404", "delete.then-404-outcome", goneJobs)...)
	list = append(list, outcomes("delete-error", "delete.error-outcome", func(edit func(*Answer)) func(*Behaviour) { return answering(deletesNothing, edit) })...)
	list = append(list, warns("delete", "delete-then-404-odd-severity", "delete.then-404-outcome", "issue.severity is no code of FHIR's value set in the 404 after a DELETE.",
		goneJobs(replacing(`"severity":"error"`, `"severity":"Error"`))))
	return append(list, warns("delete", "delete-error-odd-severity", "delete.error-outcome", "issue.severity is no code of FHIR's value set in the refusal of a DELETE.",
		answering(deletesNothing, replacing(`"severity":"error"`, `"severity":"Error"`))))
}

// keepingJobs returns an Apply that edits the answers to DELETEs for which when holds, and lets these jobs live. The
// server forgets a deleted job at once, so the jobs are spared by asking the hook before it is too late.
func keepingJobs(when func(*Answer) bool, edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.SpareJob = func(j JobInfo) bool { return when(&Answer{Endpoint: Delete, Job: &j}) }
		b.ThenAnswer(func(a *Answer) {
			if when(a) && strings.EqualFold(a.Request.Method, http.MethodDelete) && a.Status == http.StatusAccepted {
				edit(a)
			}
		})
	}
}
