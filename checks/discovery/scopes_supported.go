package discovery

import (
	"context"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func scopesSupported() checks.Check {
	return checks.Check{
		ID:    "discovery.scopes-supported",
		Title: "scopes_supported is there",
		Doc: "scopes_supported is recommended: an array of strings. It need not be complete. A list without any system/ scope is a note, as a server may " +
			"serve apps as well.",
		Requires: []string{"DISCOVERY-013", "DISCOVERY-029"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			m := read(t, "scopes_supported")
			// conformance.html#metadata: scopes_supported is RECOMMENDED.
			switch where := at(t, "scopes_supported"); {
			case !m.there:
				t.Violates("DISCOVERY-013", where, "scopes_supported is missing")
			case !m.strings:
				t.Violates("DISCOVERY-013", where, "scopes_supported is not an array of strings")
			case !slices.ContainsFunc(m.values, func(s string) bool { return strings.HasPrefix(s, "system/") }):
				t.Note("scopes_supported lists no system/ scope, the kind that Backend Services asks for")
			}
			t.Examined("%d scopes", len(m.values))
		},
	}
}
