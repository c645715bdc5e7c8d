package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func authorizationEndpoint() checks.Check {
	return checks.Check{
		ID:    "discovery.authorization-endpoint",
		Title: "authorization_endpoint is there with launch capabilities",
		Doc: "With launch-ehr or launch-standalone authorization_endpoint is due. It is never asked for of a server for backends only, as some suites do, " +
			"and passes without launch capabilities.",
		Requires: []string{"DISCOVERY-021"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "capabilities")
			// conformance.html#metadata: authorization_endpoint is CONDITIONAL, required with a launch capability.
			if (m.has("launch-ehr") || m.has("launch-standalone")) && session.Text(t.Configuration(), "authorization_endpoint") == "" {
				t.Violates("DISCOVERY-021", at(t, "authorization_endpoint"), "a launch capability is announced, and authorization_endpoint is missing or is no string")
			}
		},
	}
}
