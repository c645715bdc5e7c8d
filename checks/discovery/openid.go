package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func openID() checks.Check {
	return checks.Check{
		ID:    "discovery.openid",
		Title: "issuer and jwks_uri are there with sso-openid-connect",
		Doc: "With the capability sso-openid-connect both members are due. Without it issuer is to be left out; as RFC 8414 demands it of every document, " +
			"its presence is a warning at most, and jwks_uri passes. The values are not compared with the FHIR base.",
		Requires: []string{"DISCOVERY-019", "DISCOVERY-020"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			doc := t.Configuration()
			issuer, keys := session.Text(doc, "issuer"), session.Text(doc, "jwks_uri")
			// conformance.html#metadata: issuer and jwks_uri are CONDITIONAL, required with sso-openid-connect; otherwise issuer is omitted.
			if !read(t, "capabilities").has("sso-openid-connect") {
				if issuer != "" {
					t.Warns("DISCOVERY-019", at(t, "issuer"), "issuer is there without the capability sso-openid-connect")
				}
				return
			}
			if issuer == "" {
				t.Violates("DISCOVERY-019", at(t, "issuer"), "sso-openid-connect is announced, and issuer is missing or is no string")
			}
			if keys == "" {
				t.Violates("DISCOVERY-020", at(t, "jwks_uri"), "sso-openid-connect is announced, and jwks_uri is missing or is no string")
			}
		},
	}
}
