package discovery

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func signingAlgorithms() checks.Check {
	return checks.Check{
		ID:    "discovery.signing-algorithms",
		Title: "token_endpoint_auth_signing_alg_values_supported lists RS384 or ES384",
		Doc: "A server with asymmetric client authentication announces the algorithms it verifies: RS384, ES384 or both, with others beside them, but " +
			"never none. The member is not in the general table, so its absence is a warning. Whether the listed ones work is judged by " +
			"jwt.algorithms.",
		Requires: []string{"DISCOVERY-012", "DISCOVERY-028"},
		Needs:    []checks.Need{checks.NeedAuth, checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			const name = "token_endpoint_auth_signing_alg_values_supported"
			m := read(t, name)
			// client-confidential-asymmetric.html#advertising-server-support-for-this-profile: "with values that include at least one
			// of RS384, ES384".
			switch where := at(t, name); {
			case !m.there:
				t.Warns("DISCOVERY-012", where, "%s is missing", name)
			case !m.strings:
				t.Violates("DISCOVERY-012", where, "%s is not an array of strings", name)
			case !m.has("RS384") && !m.has("ES384"):
				t.Violates("DISCOVERY-012", where, "%s lists neither RS384 nor ES384", name)
			default:
				for _, v := range m.values {
					if strings.EqualFold(v, "none") {
						t.Violates("DISCOVERY-012", where, "%s lists none, which is no signature", name)
					}
				}
			}
		},
	}
}
