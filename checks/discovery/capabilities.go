package discovery

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func capabilities() checks.Check {
	return checks.Check{
		ID:    "discovery.capabilities",
		Title: "capabilities is an array of strings",
		Doc: "The member capabilities is required: an array of strings that name what the server can do. Order and repetition do not matter. What has to " +
			"be in it is judged by other checks.",
		Requires: []string{"DISCOVERY-015"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "capabilities")
			// conformance.html#metadata: capabilities is REQUIRED, an array of strings.
			switch where := at(t, "capabilities"); {
			case !m.there:
				t.Violates("DISCOVERY-015", where, "capabilities is missing")
			case !m.strings:
				t.Violates("DISCOVERY-015", where, "capabilities is not an array of strings")
			}
			t.Examined("%d capabilities", len(m.values))
		},
	}
}

// known are the capabilities of SMART App Launch 1.0 to 2.2 (conformance.html#capabilities) and of other HL7 guides that
// announce theirs the same way.
var known = []string{"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
	"client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
	"context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline", "permission-online",
	"permission-patient", "permission-user", "permission-v1", "permission-v2", "smart-app-state", "user-access-brands",
	"context-passthrough-banner", "context-passthrough-style", "health-cards", "health-links", "client-udap"}

func capabilityNames() checks.Check {
	return checks.Check{
		ID:    "discovery.capability-names",
		Title: "Capabilities that SMART does not define are full URIs",
		Doc: "A capability is one that SMART or another HL7 guide defines, or a URI. A simple string that the suite does not know may come from an HL7 " +
			"guide, so it is a warning at most. A known name in other letter case is one of these.",
		Requires: []string{"DISCOVERY-024"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "capabilities")
			if !m.strings {
				t.Inconclusivef("capabilities is not an array of strings")
			}
			for _, c := range m.values {
				if slices.Contains(known, c) || isURI(c) {
					continue
				}
				// conformance.html#capability-sets: guides of other organizations "SHALL use full URIs".
				if i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, c) }); i >= 0 {
					t.Warns("DISCOVERY-024", at(t, "capabilities"), "the capability %s is not written %s", short(c), known[i])
					continue
				}
				t.Warns("DISCOVERY-024", at(t, "capabilities"), "the capability %s is neither known nor a full URI", short(c))
			}
		},
	}
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "")
}

// short quotes a value from a target, cut to a length that fits a sentence.
func short(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return `"` + s + `"`
}

func capabilityAsymmetric() checks.Check {
	return checks.Check{
		ID:    "discovery.capability-asymmetric",
		Title: "The capability client-confidential-asymmetric is announced",
		Doc: "Asymmetric client authentication is announced by the capability client-confidential-asymmetric. It is judged once a token was got that way; " +
			"permission-v2 and others are not part of it.",
		Requires: []string{"DISCOVERY-016", "DISCOVERY-028"},
		Needs:    []checks.Need{checks.NeedAuth, checks.NeedSMART},
		Run: func(ctx context.Context, t *checks.T) {
			m := read(t, "capabilities")
			if !m.strings {
				t.Inconclusivef("capabilities is not an array of strings")
			}
			if m.has("client-confidential-asymmetric") {
				return
			}
			if g := t.Session().Grant(ctx); g.Err != nil {
				t.Inconclusivef("no token was got with a signed assertion: %v", g.Err)
			}
			// client-confidential-asymmetric.html#advertising-server-support-for-this-profile.
			t.Violates("DISCOVERY-016", at(t, "capabilities"), "a signed assertion gets a token, and capabilities lacks client-confidential-asymmetric")
		},
	}
}
