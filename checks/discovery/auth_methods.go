package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
)

func authMethods() checks.Check {
	return checks.Check{
		ID:    "discovery.auth-methods",
		Title: "token_endpoint_auth_methods_supported lists private_key_jwt",
		Doc: "A server with asymmetric client authentication announces it with private_key_jwt. The general table of the document calls the member " +
			"optional, so its absence is a warning; there without private_key_jwt it is wrong. Other methods beside it pass.",
		Requires: []string{"DISCOVERY-011", "DISCOVERY-028"},
		Needs:    []checks.Need{checks.NeedAuth, checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "token_endpoint_auth_methods_supported")
			where := at(t, "token_endpoint_auth_methods_supported")
			// client-confidential-asymmetric.html#advertising-server-support-for-this-profile: "token_endpoint_auth_methods_supported
			// (with values that include private_key_jwt)".
			switch {
			case !m.there:
				t.Warns("DISCOVERY-011", where, "token_endpoint_auth_methods_supported is missing")
			case !m.strings:
				t.Violates("DISCOVERY-011", where, "token_endpoint_auth_methods_supported is not an array of strings")
			case !m.has("private_key_jwt"):
				t.Violates("DISCOVERY-011", where, "token_endpoint_auth_methods_supported lacks private_key_jwt, with which Backend Services authenticates clients")
			}
		},
	}
}
