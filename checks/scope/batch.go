package scope

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/scopes"
	"github.com/bulkproof/bulkproof/checks/session"
)

// wanderer is a batch that only reads.
const wanderer = `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation?_count=1"}}]}`

func batch() checks.Check {
	return checks.Check{
		ID:    "scope.batch",
		Title: "A batch does not reach beyond the token's scopes",
		Doc: "With a token for Patient only, a batch of one search for Observations is sent to the FHIR base. Observations in the answer are a warning. A refused " +
			"entry, a refused batch, and a server that knows no batches all pass. The batch reads and changes nothing.",
		Requires: []string{"SCOPE-014"},
		Needs:    needs,
		Run: func(ctx context.Context, t *checks.T) {
			own(t)
			g := ask(t, "system/Patient.rs")
			if set := scopes.Parse(g.Scope); g.Err != nil || !set.MayRead("Patient") || set.MayRead("Observation") {
				if g = ask(t, "system/Patient.read"); g.Err != nil || scopes.Parse(g.Scope).MayRead("Observation") {
					t.Inconclusivef("a token for Patient only cannot be had")
				}
			}
			res := t.Client().Do(ctx, session.Request{Method: http.MethodPost, URL: t.Session().Config().BaseURL, Purpose: "batch", Credentials: session.Bearer(g.Token),
				Header: http.Header{"Accept": {"application/fhir+json"}, "Content-Type": {"application/fhir+json"}}, Body: []byte(wanderer), NoRedirects: true})
			doc, err := res.JSON()
			// scopes-and-launch-context.html#batches-and-transactions: access to a batch is checked by the requests in it.
			if err == nil && res.Status == http.StatusOK && holds(doc, "Observation") {
				t.Violates("SCOPE-014", res.At(), "a batch with a token for Patient only returns Observations")
			}
			t.Examined("%s", res.Describe())
		},
	}
}
