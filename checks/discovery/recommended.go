package discovery

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func recommendedMembers() checks.Check {
	return checks.Check{
		ID:    "discovery.recommended-members",
		Title: "Recommended members of smart-configuration, where they are there, are what they are meant to be",
		Doc: "response_types_supported is an array of strings, management_endpoint, introspection_endpoint, revocation_endpoint and user_access_brand_bundle are " +
			"strings, user_access_brand_identifier is an object. They speak of apps and users, so that a server for backends loses nothing without them: what is missing " +
			"is noted in one line. Whether URLs are absolute is judged by discovery.absolute-urls.",
		Requires: []string{"DISCOVERY-022"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			var missing []string
			doc := t.Configuration()
			wrong := func(name, is string) {
				// conformance.html#metadata: the members that are RECOMMENDED.
				t.Violates("DISCOVERY-022", at(t, name), "%s is not %s", name, is)
			}
			if m := read(t, "response_types_supported"); !m.there {
				missing = append(missing, "response_types_supported")
			} else if !m.strings {
				wrong("response_types_supported", "an array of strings")
			}
			for _, name := range []string{"management_endpoint", "introspection_endpoint", "revocation_endpoint", "user_access_brand_bundle", "user_access_brand_identifier"} {
				v := doc[name]
				_, object := v.(map[string]any)
				_, text := v.(string)
				switch wantsObject := name == "user_access_brand_identifier"; {
				case v == nil:
					missing = append(missing, name)
				case wantsObject && !object:
					wrong(name, "an object")
				case !wantsObject && !text:
					wrong(name, "a string")
				}
			}
			if len(missing) > 0 {
				t.Note("not announced, though recommended: %s", strings.Join(missing, ", "))
			}
		},
	}
}
