package kickoff

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// byPut is an ordinary kick-off but for its method, which no operation of FHIR has.
var byPut = bad{what: "the method PUT", scenario: session.Scenario{}.With("_type", "Patient"), edit: func(r *session.Request) { r.Method = http.MethodPut }}

func otherMethods() checks.Check {
	return checks.Check{
		ID:    "kickoff.other-methods-refused",
		Title: "A kick-off by another method than GET and POST is refused",
		// FHIR R4 async.html#kick-off-request: the request has the method that it would have without Prefer; operations are
		// invoked by POST and GET (operations.html#executing).
		Doc: "A PUT on the export endpoint, with the headers of a kick-off and without a body, is no operation. Every error status passes, 405, 501, 400 and 404 " +
			"alike, also from a gateway in front. A success status is a warning, whether a job is started or not: that a client's mistake is told it " +
			"is common understanding of HTTP (RFC 9110 section 15.5.6), and no sentence of the guide. HEAD and OPTIONS have a meaning of their own " +
			"and are not tried, nor is DELETE, which some servers may take for more than it says.",
		Requires: []string{"ASYNC-002"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: observes(byPut, noSuchType),
		Run: func(_ context.Context, t *checks.T) {
			res, started, why := byPut.answer(t.Session())
			switch {
			case why != "":
				t.Inconclusivef("%s", why)
			case res.Status == 0:
				t.Inconclusivef("the PUT got no answer: %v", res.Err)
			case started:
				t.Warns("ASYNC-002", res.At(), "a PUT on the export endpoint starts an export (HTTP %d)", res.Status)
			case res.Status < 400 && errorsSucceed(t.Session()):
				t.Inconclusivef("a PUT on the export endpoint is answered with HTTP %d, and so is another mistake (see kickoff.error-status)", res.Status)
			case res.Status < 300:
				t.Warns("ASYNC-002", res.At(), "a PUT on the export endpoint is answered with HTTP %d, where an error is expected", res.Status)
			case res.Status < 400:
				t.Inconclusivef("a PUT on the export endpoint is answered with HTTP %d", res.Status)
			case res.Status == http.StatusMethodNotAllowed && res.Header.Get("Allow") == "":
				t.Note("405 comes without an Allow header, which HTTP asks for (RFC 9110 section 15.5.6)")
			}
			t.Examined("answered with HTTP %d", res.Status)
		},
	}
}

// errorsSucceed reports whether the server refuses a bad kick-off of another kind with a status that is no error.
func errorsSucceed(s *session.Session) bool {
	res, started, _ := noSuchType.answer(s)
	return res != nil && !started && res.Status != http.StatusAccepted && res.Status > 0 && res.Status < 400
}
