package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
)

func pkceMethods() checks.Check {
	return checks.Check{
		ID:    "discovery.pkce-methods",
		Title: "code_challenge_methods_supported lists S256 and not plain",
		Doc: "The member is required of every server by the letter. A server for backends only has no use for it, and the guide's own example leaves it " +
			"out, so a failure takes an authorization_code grant, an authorization_endpoint or a launch capability; otherwise absence is a warning. " +
			"plain in the list is a violation in every case.",
		Requires: []string{"DISCOVERY-017", "DISCOVERY-018"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "code_challenge_methods_supported")
			where := at(t, "code_challenge_methods_supported")
			find := t.Warns
			if launches(t) {
				find = t.Violates
			}
			// conformance.html#metadata: "code_challenge_methods_supported: REQUIRED … The S256 method SHALL be included in this list, and
			// the plain method SHALL NOT be included in this list."
			switch {
			case !m.there:
				find("DISCOVERY-017", where, "code_challenge_methods_supported is missing")
			case !m.strings:
				find("DISCOVERY-017", where, "code_challenge_methods_supported is not an array of strings")
			case !m.has("S256"):
				find("DISCOVERY-017", where, "code_challenge_methods_supported lacks S256")
			}
			if m.has("plain") {
				t.Violates("DISCOVERY-018", where, "code_challenge_methods_supported lists plain")
			}
		},
	}
}
