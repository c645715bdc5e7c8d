package discovery

import (
	"context"
	"net/http"
	"net/url"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func tokenEndpoint() checks.Check {
	return checks.Check{
		ID:    "discovery.token-endpoint",
		Title: "smart-configuration names a token endpoint that is alive",
		Doc: "token_endpoint is there, and a POST without parameters to it meets an OAuth endpoint: any answer but 404, 405 and 410 shows that. The " +
			"URL may be on another host. An endpoint only in the deprecated extension of the CapabilityStatement is a violation.",
		Requires: []string{"DISCOVERY-009", "DISCOVERY-002"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(ctx context.Context, t *checks.T) {
			doc := t.Configuration()
			raw := session.Text(doc, "token_endpoint")
			if raw == "" {
				if doc["token_endpoint"] == nil && deprecated(t.Discovery().Capability) {
					// conformance.html: the server SHALL convey the endpoints in this document.
					t.Violates("DISCOVERY-002", at(t, "token_endpoint"), "the token endpoint stands in the deprecated extension of the CapabilityStatement only")
					return
				}
				// conformance.html#metadata: token_endpoint is REQUIRED.
				t.Violates("DISCOVERY-009", at(t, "token_endpoint"), "token_endpoint is missing or is no string")
				return
			}
			if u, err := url.Parse(raw); err != nil || !u.IsAbs() || u.Host == "" {
				t.Inconclusivef("token_endpoint is no absolute URL, which discovery.absolute-urls judges")
			}
			res := t.Client().PostToken(ctx, raw, url.Values{})
			switch res.Status {
			case 0:
				t.Inconclusivef("the token endpoint gave no answer to a POST without parameters: %v", res.Err)
			case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
				t.Violates("DISCOVERY-009", res.At(), "a POST to token_endpoint is answered with HTTP %d: nothing gives tokens there", res.Status)
			}
		},
	}
}

// deprecated reports whether the CapabilityStatement holds a token endpoint in the extension of SMART 1.
func deprecated(statement map[string]any) bool {
	for _, r := range session.List(statement, "rest") {
		for _, e := range session.List(session.Object(r, "security"), "extension") {
			for _, inner := range session.List(e, "extension") {
				if session.Text(inner, "url") == "token" && session.Text(inner, "valueUri") != "" {
					return true
				}
			}
		}
	}
	return false
}
