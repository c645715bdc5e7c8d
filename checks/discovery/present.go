package discovery

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
)

func present() checks.Check {
	return checks.Check{
		ID:    "discovery.present",
		Title: "[base]/.well-known/smart-configuration gives a JSON object",
		Doc: "A FHIR endpoint that asks for authorization serves its smart-configuration at the path appended to the full base URL, with 200, as a JSON " +
			"object that is decoded strictly, and without asking for a token. A redirect to the document is a warning. An open server need not have " +
			"one: then the checks of this area are skipped. Under 1.0.1 it is optional.",
		Requires: []string{"DISCOVERY-001"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			d := t.Discovery()
			res := d.SMART
			// conformance.html#using-well-known: "FHIR endpoints requiring authorization SHALL serve a JSON document".
			switch {
			case res.Status == 0:
				t.Inconclusivef("the smart-configuration could not be asked for: %v", res.Err)
			case res.Status == http.StatusUnauthorized || res.Status == http.StatusForbidden:
				t.Violates("DISCOVERY-001", res.At(), "the smart-configuration is refused with HTTP %d to a client without a token, which cannot know yet how to get one", res.Status)
			case d.Configuration == nil && res.Status != http.StatusOK:
				t.Violates("DISCOVERY-001", res.At(), "the server asks for authorization and has no smart-configuration: %s", res.Describe())
			case d.Configuration == nil:
				t.Violates("DISCOVERY-001", res.At(), "the smart-configuration is no usable JSON object: %v", d.SMARTErr)
			case res.Redirects > 0:
				t.Warns("DISCOVERY-001", res.At(), "the smart-configuration is reached by %d redirects only", res.Redirects)
			}
			t.Examined("%s", res.Describe())
		},
	}
}
