package kickoff

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func accepted() checks.Check {
	return checks.Check{
		ID:    "kickoff.accepted-202",
		Title: "An accepted kick-off is answered with 202 Accepted, and the work is done asynchronously",
		Doc: "Export follows the FHIR asynchronous request pattern: with Prefer: respond-async the server answers 202 at once and gives a place " +
			"to ask for the status. Every level that is declared is looked at. 200, 201, 204 or 303 in place of 202 is a violation, whatever the " +
			"body; so is the data itself in the answer. Redirects that keep the method (307, 308) and end in 202 pass with a note. Refusals are " +
			"not judged here.",
		Requires: []string{"KICKOFF-023", "KICKOFF-001", "ASYNC-004", "ASYNC-010"},
		Exports:  []session.Scenario{session.Baseline, session.PatientLevel, session.GroupLevel},
		Run: func(_ context.Context, t *checks.T) {
			judged := 0
			for _, ex := range kickOffs(t.Session()) {
				res := ex.KickOff
				for _, hop := range res.Hops {
					if hop == http.StatusTemporaryRedirect || hop == http.StatusPermanentRedirect {
						t.Note("the kick-off (%s) was redirected with HTTP %d", ex.Scenario, hop)
					}
				}
				switch {
				case res.Status >= 400:
					continue
				case res.Status == http.StatusAccepted:
					// export.html#response---success: "HTTP Status Code of 202 Accepted".
				case res.MediaType() == "application/fhir+ndjson" || bundle(res):
					// export.html#bulk-data-kick-off-request: "The Resource FHIR server SHALL support invocation of this operation
					// using the FHIR Asynchronous Request Pattern".
					t.Violates("KICKOFF-001", res.At(), "the kick-off (%s) with Prefer: respond-async was answered with the data itself, %s", ex.Scenario, res.Describe())
				default:
					t.Violates("KICKOFF-023", res.At(), "the kick-off (%s) was answered with %s in place of 202 Accepted", ex.Scenario, res.Describe())
				}
				judged++
			}
			if judged == 0 {
				t.Inconclusivef("no kick-off was accepted: %s", t.Session().Export(session.Baseline).Reason)
			}
			t.Examined("%d accepted kick-offs", judged)
		},
	}
}

func bundle(res *session.Response) bool {
	v, err := res.JSON()
	return err == nil && session.Text(v, "resourceType") == "Bundle"
}
