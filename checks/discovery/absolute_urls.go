package discovery

import (
	"context"
	"fmt"
	"net/url"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// endpoints are the members that hold the URL of an endpoint (conformance.html#metadata). issuer is an identifier and
// judged nowhere.
var endpoints = []string{"token_endpoint", "authorization_endpoint", "registration_endpoint", "management_endpoint",
	"introspection_endpoint", "revocation_endpoint", "jwks_uri", "smart_app_state_endpoint", "user_access_brand_bundle"}

func absoluteURLs() checks.Check {
	return checks.Check{
		ID:    "discovery.absolute-urls",
		Title: "The endpoints in smart-configuration are absolute URLs",
		Doc: "Every member that names an endpoint, and the url of each associated endpoint, is an absolute http or https URL; its host may be another " +
			"one than the FHIR server's. Members that are absent or no strings are not judged here.",
		Requires: []string{"DISCOVERY-007"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			doc := t.Configuration()
			judge := func(name, pointer string, v any) {
				s, ok := v.(string)
				if !ok {
					if v != nil {
						t.Note("%s is not a string", name)
					}
					return
				}
				u, err := url.Parse(s)
				// conformance.html#metadata: all endpoint URLs in the response document SHALL be absolute URLs.
				switch where := at(t, pointer); {
				case s == "":
					t.Violates("DISCOVERY-007", where, "%s is empty", name)
				case err != nil:
					t.Violates("DISCOVERY-007", where, "%s is not a URL", name)
				case !u.IsAbs() || u.Host == "":
					t.Violates("DISCOVERY-007", where, "%s is not an absolute URL: %s", name, session.RedactURL(s))
				case u.Scheme != "http" && u.Scheme != "https":
					t.Violates("DISCOVERY-007", where, "%s has the scheme %q", name, u.Scheme)
				}
			}
			for _, name := range endpoints {
				judge(name, name, doc[name])
			}
			for i, v := range session.List(doc, "associated_endpoints") {
				m, _ := v.(map[string]any)
				judge("the url of an associated endpoint", fmt.Sprintf("associated_endpoints/%d/url", i), m["url"])
			}
		},
	}
}
