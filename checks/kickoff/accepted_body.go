package kickoff

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

func acceptedBody() checks.Check {
	return checks.Check{
		ID:    "kickoff.accepted-body",
		Title: "The body of an accepted kick-off, if there is one, is an OperationOutcome in JSON",
		Doc: "The 202 answer may carry an OperationOutcome; most servers send nothing, which is as good. Accept named application/fhir+json, the " +
			"only format that is supported, so an OperationOutcome under another media type is a violation; application/json passes with a " +
			"note. A body of another kind, such as a job object or a page of HTML, is a warning and no more, because the body is optional.",
		Requires: []string{"KICKOFF-017", "KICKOFF-026", "ASYNC-005"},
		Exports:  []session.Scenario{session.Baseline, session.PatientLevel, session.GroupLevel},
		Run: func(_ context.Context, t *checks.T) {
			judged := 0
			for _, ex := range kickOffs(t.Session()) {
				if ex.KickOff.Status == 202 {
					judged++
					judgeAcceptedBody(t, ex.KickOff)
				}
			}
			if judged == 0 {
				t.Inconclusivef("no kick-off was answered with 202: %s", t.Session().Export(session.Baseline).Reason)
			}
			t.Examined("%d accepted kick-offs", judged)
		},
	}
}

// export.html#response---success: "Optionally, a FHIR OperationOutcome resource in the body in JSON format"; the Accept
// header "specifies the format of the optional FHIR OperationOutcome resource response" (export.html#headers).
func judgeAcceptedBody(t *checks.T, res *session.Response) {
	if res.Err != nil {
		t.Inconclusivef("the body of the kick-off answer could not be read: %v", res.Err)
	}
	if res.Truncated {
		t.Inconclusivef("the body of the kick-off answer is longer than %d bytes and was not read to its end", len(res.Body))
	}
	o := outcome.Read(res)
	at := res.At().In(o.Pointer)
	switch o.Kind {
	case outcome.Empty:
		return
	case outcome.Fine:
	default:
		t.Warns("KICKOFF-017", at, "the 202 answer has a body that is not a valid OperationOutcome: %s", o.Problem)
		return
	}
	switch {
	case outcome.FHIRType(res):
	case o.JSONType:
		t.Note("the OperationOutcome of the 202 answer is sent as %s", res.MediaType())
	default:
		t.Violates("KICKOFF-017", at, "the 202 answer has an OperationOutcome, sent as %q in place of application/fhir+json", res.MediaType())
	}
}
