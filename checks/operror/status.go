package operror

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/checks/status"
)

// seen is an error answer of a polling location.
type seen struct {
	what string
	res  *session.Response
}

// statusErrors returns the error answers of polling locations that the suite has come by: for a job that does not exist,
// and of the plain export if that failed.
func statusErrors(t *checks.T) []seen {
	var out []seen
	if res := status.UnknownJob(t.Session()); res != nil && res.Status >= 400 && res.Err == nil {
		out = append(out, seen{"the status of a job that does not exist", res})
	}
	if ex := t.Session().Export(session.Baseline); ex.State == session.Failed && ex.Final().Status >= 400 && ex.Final().Err == nil {
		out = append(out, seen{"the status of a failed export", ex.Final()})
	}
	if len(out) == 0 {
		t.Inconclusivef("no status request was answered with an error")
	}
	return out
}

func statusOutcome() checks.Check {
	return checks.Check{
		ID:    "error.status-outcome",
		Title: "An error of the status request carries a valid OperationOutcome in JSON",
		// export.html#response---error-status-1: "The body of the response SHOULD be a FHIR OperationOutcome resource in JSON format. If
		// this is not possible (for example, the infrastructure layer returning the error is not FHIR aware), the server MAY return an
		// error message in another format and include a corresponding value for the Content-Type header."
		Doc: "Judged on the answer for a job that does not exist, and on that of a failed export if there was one. The body is decoded strictly. Another body " +
			"is a warning, since infrastructure may answer in its own way; if it is not JSON and is labelled as JSON, the sentence says so.",
		Requires: []string{"ERROR-006", "ERROR-007", "ASYNC-023"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			for _, e := range statusErrors(t) {
				o := outcome.Read(e.res)
				if o.Kind == outcome.Fine {
					continue
				}
				label := ""
				if o.Kind == outcome.NotJSON && o.JSONType {
					label = ", although its media type is " + e.res.MediaType()
				}
				t.Violates("ERROR-006", e.res.At().In(o.Pointer), "the error (HTTP %d) for %s is not a valid OperationOutcome: %s%s", e.res.Status, e.what, o.Problem, label)
			}
		},
	}
}

func statusContentType() checks.Check {
	return checks.Check{
		ID:    "error.status-content-type",
		Title: "The OperationOutcome of a status error is sent as application/fhir+json",
		// export.html#response---error-status-1: "Content-Type header of application/fhir+json when body is a FHIR OperationOutcome
		// resource".
		Doc: "Clients are told to ask for application/json and the answer is to be application/fhir+json, so application/json is a warning only; under 1.0.1, " +
			"which names it, it is right. Parameters and letter case do not matter. Bodies that are no OperationOutcome are judged by " +
			"error.status-outcome.",
		Requires: []string{"ERROR-005"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, e := range statusErrors(t) {
				o := outcome.Read(e.res)
				if o.Kind > outcome.Flawed {
					continue
				}
				n++
				switch m := e.res.MediaType(); {
				case outcome.FHIRType(e.res) || m == "application/json" && t.IG() == spec.V101:
				case m == "application/json":
					t.Warns("ERROR-005", e.res.At(), "the OperationOutcome for %s is sent as application/json in place of application/fhir+json", e.what)
				default:
					t.Violates("ERROR-005", e.res.At(), "the OperationOutcome for %s is sent as %q in place of application/fhir+json", e.what, m)
				}
			}
			if n == 0 {
				t.Inconclusivef("no error of a status request carries an OperationOutcome")
			}
			t.Examined("%d errors", n)
		},
	}
}

// passing returns the error answers of the plain export's polling location after which the export still went on.
func passing(s *session.Session) []*session.Response {
	ex := s.Export(session.Baseline)
	answers := append([]*session.Response(nil), ex.Polls...)
	if ex.State == session.Failed {
		answers = append(answers, status.After(s).Answers...)
	}
	var out []*session.Response
	alive := false
	for i := len(answers) - 1; i >= 0; i-- {
		switch res := answers[i]; {
		case res.Err != nil:
		case res.Status == http.StatusOK || res.Status == http.StatusAccepted:
			alive = true
		case alive && res.Status >= 400:
			out = append(out, res)
		}
	}
	return out
}

func transientCode() checks.Check {
	return checks.Check{
		ID:    "error.transient-code",
		Title: "An error of a status request that will pass has a transient issue code",
		// export.html#response---error-status-1: "In the case of a polling failure that does not indicate failure of the export job, a
		// server SHOULD use a transient code … when populating the FHIR OperationOutcome resource's issue.code element".
		Doc: "Judged is every error after which the export still went on, as later answers show. Where it has an OperationOutcome, an issue.code is transient " +
			"or one below it: lock-error, no-store, exception, timeout, incomplete, throttled. Without an OperationOutcome nothing is judged, nor is 429, whose OperationOutcome the text leaves open; 404 " +
			"and 405 at the start are judged by status.poll-get. Where all status requests succeeded, the check passes.",
		Requires: []string{"ERROR-008"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, res := range passing(t.Session()) {
				o := outcome.Read(res)
				if o.Kind > outcome.Flawed || len(o.Issues) == 0 || res.Status == http.StatusTooManyRequests || res.Status == http.StatusNotFound || res.Status == http.StatusMethodNotAllowed || res.Status == http.StatusGone {
					continue
				}
				n++
				if !o.Has(func(i outcome.Issue) bool { return outcome.Transient(i.Code) }) {
					t.Violates("ERROR-008", res.At().In("/issue/0/code"), "a status request failed with HTTP %d while the export went on, and no issue.code is a transient one", res.Status)
				}
			}
			t.Examined("%d passing errors", n)
		},
	}
}

// burst is how many status requests are sent without a pause where the user permits it.
const burst = 60

// throttling is a burst of status requests to an export of its own.
type throttling struct {
	reason string
	first  *session.Response // the first 429, nil if there was none
	after  *session.Response // the next answer after waiting as it asks for
}

func pollHard(s *session.Session) *throttling {
	return session.Shared(s, "burst of status requests", func(ctx context.Context) *throttling {
		x := &throttling{}
		level := s.Export(session.Baseline).Scenario.Level // before there is a slot: it may need one itself
		ctx, release, ok := s.Slot(ctx)
		if !ok {
			x.reason = "the run was stopped before the burst"
			return x
		}
		defer release()
		c := s.Client("")
		sc := session.Scenario{Level: level, Label: "polled hard"}.With("_since", "1900-01-04T00:00:00Z")
		kick, location := c.KickOffPatiently(ctx, sc)
		if location == "" {
			x.reason = "the kick-off for the burst was answered with " + kick.Describe()
			return x
		}
		ex := &session.Export{Scenario: sc, Location: location}
		for range burst {
			res := c.Do(ctx, session.StatusRequest(location))
			if res.Status == http.StatusTooManyRequests {
				x.first = res
				break
			}
			if res.Status != http.StatusAccepted {
				return x // complete, or failed: no more to learn
			}
		}
		if x.first != nil {
			x.after, _ = c.Again(ctx, ex, x.first, 0)
		}
		if res := c.Do(ctx, session.DeleteRequest(location)); res.Status >= 200 && res.Status < 300 {
			s.NoteDeleted(location)
		}
		return x
	})
}

func poll429() checks.Check {
	return checks.Check{
		ID:    "error.poll-429",
		Title: "A client that polls too often gets 429 with Retry-After",
		// export.html#bulk-data-status-request: "if a client is polling too frequently, the server SHOULD respond with a 429 Too Many
		// Requests status code in addition to a Retry-After header, and optionally a FHIR OperationOutcome resource".
		Doc: "Every 429 at the polling location of the plain export has to have Retry-After. With --probe-throttling, and only then, 60 status requests are " +
			"sent without a pause to an export of its own; if a 429 comes, waiting as it asks for has to help. What is too often is for the server " +
			"to say: no 429 is no finding. The form of Retry-After is judged by status.retry-after-format, and a body that is no OperationOutcome is " +
			"noted.",
		Requires: []string{"ERROR-013", "ERROR-014", "ERROR-015"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			s := t.Session()
			n := 0
			judge := func(res *session.Response) {
				n++
				if res.Header.Get("Retry-After") == "" {
					t.Violates("ERROR-013", res.At(), "a status request is answered with 429 and no Retry-After header")
				}
				if o := outcome.Read(res); o.Kind > outcome.Odd && o.Kind != outcome.Empty {
					t.Note("the 429 for a status request has a body that is not a valid OperationOutcome: %s", o.Problem)
				}
			}
			for _, res := range s.Export(session.Baseline).Polls {
				if res.Status == http.StatusTooManyRequests {
					judge(res)
				}
			}
			if s.Config().ProbeThrottling {
				x := pollHard(s)
				if x.reason != "" {
					t.Inconclusivef("%s", x.reason)
				}
				if x.first != nil {
					judge(x.first)
					if x.after == nil || x.after.Status == 0 {
						t.Inconclusivef("no status request could be made after the wait that 429 asked for")
					}
					if st := x.after.Status; st >= 400 && st != http.StatusTooManyRequests {
						t.Violates("ERROR-013", x.after.At(), "after the first 429, and after the wait it asked for, the export answers HTTP %d", st)
					} else if st == http.StatusTooManyRequests {
						t.Violates("ERROR-013", x.after.At(), "after the wait that 429 asked for, the next status request is answered with 429 again")
					}
				}
			} else {
				t.Note("no burst of status requests was tried; --probe-throttling permits one")
			}
			t.Examined("%d answers with 429", n)
		},
	}
}
