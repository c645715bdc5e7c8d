package cancel

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

func supported() checks.Check {
	return checks.Check{
		ID:    "delete.supported",
		Title: "A running export can be cancelled with DELETE on its polling location",
		// export.html#endpoint: "DELETE [polling content location]".
		Doc: "The DELETE is sent while the export is running. An error status is a violation: 405 and 501 say that exports cannot be cancelled, 404 and 410 " +
			"that there is none. 401 and 403 are skipped, since a token may not be good for it. An export that was complete before it could be " +
			"deleted leaves nothing to judge. The text has no keyword here; it gives the form of success and of failure, and nowhere says that a " +
			"server may do without.",
		Requires: []string{"DELETE-002", "ASYNC-015"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			x := running(t)
			switch {
			case x.Delete.Status == 0:
				t.Inconclusivef("the DELETE got no answer: %v", x.Delete.Err)
			case x.Delete.Status < 400:
			case x.Delete.Status == http.StatusUnauthorized || x.Delete.Status == http.StatusForbidden:
				t.Skipf("the token may not delete exports: HTTP %d", x.Delete.Status)
			case x.Delete.Status == http.StatusTooManyRequests || x.Delete.Status == http.StatusServiceUnavailable:
				t.Inconclusivef("the DELETE was answered with HTTP %d", x.Delete.Status)
			case !x.Running():
				t.Skipf("the export was not running any more when it was deleted (the status request before: %s)", x.Before.Describe())
			default:
				t.Violates("DELETE-002", x.Delete.At(), "the DELETE of a running export is answered with HTTP %d", x.Delete.Status)
			}
		},
	}
}

func accepted202() checks.Check {
	return checks.Check{
		ID:    "delete.accepted-202",
		Title: "A DELETE that succeeds is answered with 202 Accepted",
		// export.html#response---success-1: "HTTP Status Code of 202 Accepted"; "Optionally a FHIR OperationOutcome resource in the body
		// in JSON format".
		Doc: "Judged on a running and on a finished export. 200 and 204 are common and not what is expected. The body is empty or an OperationOutcome; " +
			"another body is noted, as it is optional.",
		Requires: []string{"DELETE-003", "DELETE-004", "ASYNC-016"},
		Exports:  []session.Scenario{session.Baseline, session.RepeatedTypes},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			judge := func(res *session.Response, what string) {
				if res == nil || res.Status < 200 || res.Status > 399 {
					return
				}
				n++
				if o := outcome.Read(res); refusesIn200(res, o) {
					return // delete.error-status
				} else if o.Kind != outcome.Empty && o.Kind != outcome.Fine {
					t.Note("the answer to the DELETE of %s has a body that is not a valid OperationOutcome: %s", what, o.Problem)
				}
				if res.Status != http.StatusAccepted {
					t.Violates("DELETE-003", res.At(), "the DELETE of %s is answered with HTTP %d in place of 202 Accepted", what, res.Status)
				}
			}
			judge(RunningExport(t.Session()).Delete, "a running export")
			judge(FinishedExport(t.Session()).Delete, "a finished export")
			if n == 0 {
				t.Inconclusivef("no DELETE succeeded")
			}
			t.Examined("%d successful DELETEs", n)
		},
	}
}

// refusesIn200 reports whether an answer with a success status says in its body that it is none.
func refusesIn200(res *session.Response, o *outcome.Outcome) bool {
	return res.Status < 400 && o.Has(func(i outcome.Issue) bool { return i.Severity == "error" || i.Severity == "fatal" })
}

// judgeGone judges the status requests after a successful DELETE.
// export.html#bulk-data-delete-request: "Following the delete request, when subsequent requests are made to the polling
// location, the server SHALL return a 404 Not Found error and an associated FHIR OperationOutcome in JSON format."
func judgeGone(t *checks.T, after []*session.Response, what string) {
	if len(after) == 0 {
		t.Inconclusivef("the status of %s was not asked for after its DELETE", what)
	}
	last := after[len(after)-1]
	switch {
	case last.Status == http.StatusNotFound:
		if len(after) > 1 {
			t.Note("the polling location of %s answered 404 only at status request %d after the DELETE", what, len(after))
		}
	case last.Status == 0:
		t.Inconclusivef("the status request after the DELETE got no answer: %v", last.Err)
	case last.Status == http.StatusTooManyRequests || last.Status == http.StatusServiceUnavailable:
		t.Inconclusivef("the status request after the DELETE was answered with HTTP %d", last.Status)
	default:
		t.Violates("DELETE-005", last.At(), "the polling location of %s is answered with HTTP %d after its DELETE, expected is 404", what, last.Status)
	}
}

const goneDoc = " Only after a DELETE that succeeded, with the same token. Up to three status requests are made, two seconds apart, since deleting may take " +
	"its time; a 404 that comes late is noted. 410 is not 404."

func then404() checks.Check {
	return checks.Check{
		ID:       "delete.then-404",
		Title:    "After the DELETE of a running export its polling location answers 404",
		Doc:      "The export is gone for the client from then on." + goneDoc,
		Requires: []string{"DELETE-005"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			x := running(t)
			if !x.Deleted() || refusesIn200(x.Delete, outcome.Read(x.Delete)) {
				t.Inconclusivef("the DELETE did not succeed: %s", x.Delete.Describe())
			}
			judgeGone(t, x.After, "a running export")
		},
	}
}

func finishedThen404() checks.Check {
	return checks.Check{
		ID:    "delete.finished-then-404",
		Title: "After the DELETE of a finished export its polling location answers 404",
		Doc: "A server may take the DELETE of a finished export as leave to remove its files, or keep them; both pass. It may also refuse this DELETE, and " +
			"then nothing follows." + goneDoc,
		Requires: []string{"DELETE-005", "DELETE-007"},
		Exports:  []session.Scenario{session.RepeatedTypes},
		Run: func(_ context.Context, t *checks.T) {
			d := FinishedExport(t.Session())
			switch {
			case d.Reason != "":
				t.Inconclusivef("%s", d.Reason)
			case d.Delete.Status == 0:
				t.Inconclusivef("the DELETE got no answer: %v", d.Delete.Err)
			case d.Delete.Status >= 400:
				t.Skipf("the server refuses to delete a finished export, which is legal: HTTP %d", d.Delete.Status)
			case refusesIn200(d.Delete, outcome.Read(d.Delete)):
				t.Inconclusivef("the DELETE did not succeed: an OperationOutcome says so")
			}
			judgeGone(t, d.After, "a finished export")
		},
	}
}

func then404Outcome() checks.Check {
	return checks.Check{
		ID:    "delete.then-404-outcome",
		Title: "The 404 after a DELETE carries a valid OperationOutcome in JSON",
		// export.html#bulk-data-delete-request: "a 404 Not Found error and an associated FHIR OperationOutcome in JSON format".
		Doc: "The 404 finally seen is judged, for a running and for a finished export. The body is decoded strictly; a severity or code that FHIR's value sets " +
			"lack is a warning. The media type has to be one of JSON; parameters do not matter.",
		Requires: []string{"DELETE-006"},
		Exports:  []session.Scenario{session.Baseline, session.RepeatedTypes},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, after := range [][]*session.Response{RunningExport(t.Session()).After, FinishedExport(t.Session()).After} {
				if len(after) == 0 || after[len(after)-1].Status != http.StatusNotFound {
					continue
				}
				res := after[len(after)-1]
				n++
				if o := outcome.Read(res); o.Kind == outcome.Odd {
					t.Warns("DELETE-006", res.At().In(o.Pointer), "the 404 after a DELETE: %s", o.Problem)
				} else if o.Kind != outcome.Fine {
					t.Violates("DELETE-006", res.At().In(o.Pointer), "the 404 after a DELETE is not a valid OperationOutcome: %s", o.Problem)
				} else if !o.JSONType {
					t.Violates("DELETE-006", res.At(), "the OperationOutcome of the 404 after a DELETE has the media type %q", res.MediaType())
				}
			}
			if n == 0 {
				t.Inconclusivef("no 404 was seen after a DELETE")
			}
			t.Examined("%d answers", n)
		},
	}
}

// attempt is a DELETE that a server may refuse.
type attempt struct {
	what string
	res  *session.Response
}

// attempts returns the DELETEs of an unknown job, of one that was deleted before, and those that were refused.
func attempts(t *checks.T) []attempt {
	s := t.Session()
	x, d := RunningExport(s), FinishedExport(s)
	var out []attempt
	add := func(what string, res *session.Response) {
		if res != nil && res.Status > 0 {
			out = append(out, attempt{what, res})
		}
	}
	add("a job that does not exist", unknown(s))
	add("a job that was deleted before", x.Again)
	add("a running export", x.Delete)
	add("a finished export", d.Delete)
	return out
}

func errorStatus() checks.Check {
	return checks.Check{
		ID:    "delete.error-status",
		Title: "A DELETE that fails is answered with a 4XX or 5XX status",
		// export.html#response---error-status: "HTTP status code of 4XX or 5XX".
		Doc: "Deleted are a job that does not exist, one that was deleted before, a running and a finished export. Nothing says that the first two must " +
			"fail: an idempotent 202 passes, and so do 404, 409 and 410. What is a violation is a success status with an OperationOutcome that tells " +
			"of an error, and a redirect to some page.",
		Requires: []string{"ERROR-017", "ASYNC-017"},
		Exports:  []session.Scenario{session.Baseline, session.RepeatedTypes},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			list := attempts(t)
			if len(list) == 0 {
				t.Inconclusivef("no export is known that could be deleted: %s", RunningExport(t.Session()).Reason)
			}
			for _, a := range list {
				if a.res.Status >= 400 {
					continue
				}
				o := outcome.Read(a.res)
				switch {
				case refusesIn200(a.res, o):
					t.Violates("ERROR-017", a.res.At(), "the DELETE of %s is answered with HTTP %d and an OperationOutcome of an error", a.what, a.res.Status)
				case a.res.MediaType() == "text/html":
					t.Violates("ERROR-017", a.res.At(), "the DELETE of %s is answered with HTTP %d and a page of HTML", a.what, a.res.Status)
				}
			}
			t.Examined("%d DELETEs", len(list))
		},
	}
}

func errorOutcome() checks.Check {
	return checks.Check{
		ID:    "delete.error-outcome",
		Title: "A DELETE that fails carries a valid OperationOutcome in JSON",
		// export.html#response---error-status: "The body SHALL be a FHIR OperationOutcome resource in JSON format".
		Doc: "Every error status among the DELETEs of a job that does not exist, one that was deleted before, a running and a finished export. The body is " +
			"decoded strictly. Statuses that mostly come from a layer in front (401, 403, 413, 414, 429, 502 to 504), and a severity or code that " +
			"FHIR's value sets lack, give a warning. Skipped where no DELETE fails.",
		Requires: []string{"ERROR-018"},
		Exports:  []session.Scenario{session.Baseline, session.RepeatedTypes},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, a := range attempts(t) {
				if a.res.Status < 400 {
					continue
				}
				n++
				o := outcome.Read(a.res)
				at := a.res.At().In(o.Pointer)
				switch {
				case o.Kind == outcome.Fine && o.JSONType:
				case o.Kind == outcome.Fine:
					t.Violates("ERROR-018", at, "the OperationOutcome that refuses the DELETE of %s has the media type %q", a.what, a.res.MediaType())
				case o.Kind == outcome.Odd || outcome.Gateway(a.res.Status):
					t.Warns("ERROR-018", at, "the refused DELETE (HTTP %d) of %s carries no valid OperationOutcome: %s", a.res.Status, a.what, o.Problem)
				default:
					t.Violates("ERROR-018", at, "the refused DELETE (HTTP %d) of %s carries no valid OperationOutcome: %s", a.res.Status, a.what, o.Problem)
				}
			}
			if n == 0 {
				t.Skipf("no DELETE was refused, which is legal, so there is no body to judge")
			}
			t.Examined("%d refused DELETEs", n)
		},
	}
}

func stopsWork() checks.Check {
	return checks.Check{
		ID:    "delete.stops-work",
		Title: "A cancelled export does not stand in the way of the next one",
		// export.html#bulk-data-delete-request: the DELETE is sent "to cancel the request".
		Doc: "Only on servers that refuse a second export while one is running: once the first is deleted, the second is asked for again, as patiently as " +
			"Retry-After wants. If it is still refused with 429, the cancelled export goes on in secret. Only the purpose of the request is given, " +
			"no duty: a warning. Where a second export is accepted at once, nothing can be seen and the check passes.",
		Requires: []string{"DELETE-008"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: RunningObservation,
		Run: func(_ context.Context, t *checks.T) {
			x := running(t)
			if x.Unlocked == nil {
				t.Examined("a second export was not refused for the first")
				return
			}
			if x.Unlocked.Status == http.StatusTooManyRequests {
				t.Violates("DELETE-008", x.Unlocked.At(), "a second export is still refused with 429 after the first was deleted")
			}
		},
	}
}
