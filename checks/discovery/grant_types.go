package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
)

func grantTypes() checks.Check {
	return checks.Check{
		ID:    "discovery.grant-types",
		Title: "grant_types_supported lists client_credentials",
		Doc: "grant_types_supported is required, and it lists client_credentials where Backend Services is supported, which the run takes for granted " +
			"once a client is configured. Further grants pass, and authorization_code is not asked for: a server for backends has no use for it.",
		Requires: []string{"DISCOVERY-010"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "grant_types_supported")
			where := at(t, "grant_types_supported")
			// conformance.html#metadata: grant_types_supported is REQUIRED; the options for SMART are authorization_code and client_credentials.
			switch {
			case !m.there:
				t.Violates("DISCOVERY-010", where, "grant_types_supported is missing")
			case !m.strings:
				t.Violates("DISCOVERY-010", where, "grant_types_supported is not an array of strings")
			case backendServices(t.Session()) && !m.has("client_credentials"):
				t.Violates("DISCOVERY-010", where, "grant_types_supported has %d entries and lacks client_credentials, the grant of Backend Services", len(m.values))
			}
		},
	}
}
