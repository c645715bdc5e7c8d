package refserver

import (
	"net/http"
	"strings"
)

func init() { registerFaults(discoveryFaults()...) }

// configured returns an Apply that edits the smart-configuration.
func configured(edit func(map[string]any)) func(*Behaviour) {
	return func(b *Behaviour) { b.Auth.EditConfiguration = edit }
}

// setting returns an Apply that sets a member of the smart-configuration, or with a nil value removes it.
func setting(name string, value any) func(*Behaviour) {
	return configured(func(doc map[string]any) {
		if value == nil {
			delete(doc, name)
			return
		}
		doc[name] = value
	})
}

// editSmart returns an Apply that edits answers with the smart-configuration for which when holds.
func editSmart(when func(*http.Request) bool, edit func(*Answer)) func(*Behaviour) {
	return answering(func(a *Answer) bool { return a.Endpoint == SmartConfig && (when == nil || when(a.Request)) }, edit)
}

func acceptsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func discoveryFaults() []Fault {
	return []Fault{
		{
			Name: "discovery-empty-endpoint", Area: "discovery",
			Doc:    "management_endpoint is empty.",
			Caught: []string{"discovery.absolute-urls"},
			Apply:  setting("management_endpoint", ""),
		},
		{
			Name: "discovery-broken-endpoint", Area: "discovery",
			Doc:    "management_endpoint is a text that is no URL.",
			Caught: []string{"discovery.absolute-urls"},
			Apply:  setting("management_endpoint", "https://[auth.example.org"),
		},
		{
			Name: "discovery-endpoint-scheme", Area: "discovery",
			Doc:    "management_endpoint has a scheme that no client of the web speaks.",
			Caught: []string{"discovery.absolute-urls"},
			Apply:  setting("management_endpoint", "ftp://auth.example.org/manage"),
		},
		{
			Name: "discovery-associated-text", Area: "discovery",
			Doc:    "An associated endpoint is a URL in place of an object.",
			Caught: []string{"discovery.associated-endpoints"},
			Apply:  setting("associated_endpoints", []any{"https://fhir.example.org/r4"}),
		},
		{
			Name: "discovery-associated-no-url", Area: "discovery",
			Doc:    "An associated endpoint has no url.",
			Caught: []string{"discovery.associated-endpoints"},
			Apply:  setting("associated_endpoints", []any{map[string]any{"capabilities": []string{"smart-app-state"}}}),
		},
		{
			Name: "discovery-associated-capability-number", Area: "discovery",
			Doc:    "A capability of an associated endpoint is a number.",
			Caught: []string{"discovery.associated-endpoints"},
			Apply:  setting("associated_endpoints", []any{map[string]any{"url": "https://fhir.example.org/r4", "capabilities": []any{7}}}),
		},
		{
			Name: "discovery-auth-methods-string", Area: "discovery",
			Doc:    "token_endpoint_auth_methods_supported is a string in place of an array.",
			Caught: []string{"discovery.auth-methods"},
			Apply:  setting("token_endpoint_auth_methods_supported", "private_key_jwt"),
		},
		{
			Name: "discovery-algorithms-string", Area: "discovery",
			Doc:    "token_endpoint_auth_signing_alg_values_supported is a string in place of an array.",
			Caught: []string{"discovery.signing-algorithms"},
			Apply:  setting("token_endpoint_auth_signing_alg_values_supported", "RS384 ES384"),
		},
		{
			Name: "discovery-response-types-text", Area: "discovery",
			Doc:    "response_types_supported is a text in place of an array; strict clients do not read the document.",
			Warned: []string{"discovery.recommended-members"},
			Apply:  setting("response_types_supported", "code"),
		},
		{
			Name: "discovery-revocation-endpoint-array", Area: "discovery",
			Doc:    "revocation_endpoint is an array of URLs.",
			Warned: []string{"discovery.recommended-members"},
			Apply:  setting("revocation_endpoint", []string{"https://auth.example.org/revoke"}),
		},
		{
			Name: "discovery-brand-identifier-text", Area: "discovery",
			Doc:    "user_access_brand_identifier is a text in place of an object.",
			Warned: []string{"discovery.recommended-members"},
			Apply:  setting("user_access_brand_identifier", "brand"),
		},
		{
			Name: "discovery-missing", Area: "discovery",
			Doc:    "There is no smart-configuration although the server asks for tokens; a client cannot find the token endpoint.",
			Caught: []string{"discovery.present"},
			Apply: editSmart(nil, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "There is nothing here.")
			}),
		},
		{
			Name: "discovery-asks-for-token", Area: "discovery",
			Doc:    "smart-configuration is protected by a token, which nobody can get without reading it.",
			Caught: []string{"discovery.present"},
			Apply: editSmart(func(r *http.Request) bool { return r.Header.Get("Authorization") == "" }, func(a *Answer) {
				a.refused(http.StatusUnauthorized, "login", "Show a token.")
			}),
		},
		{
			Name: "discovery-not-json", Area: "discovery",
			Doc:    "smart-configuration is an HTML page with status 200.",
			Caught: []string{"discovery.present"},
			Apply: editSmart(nil, func(a *Answer) {
				a.set(http.StatusOK, "text/html", "<!doctype html><title>Sign in</title>")
			}),
		},
		{
			Name: "discovery-trailing-data", Area: "discovery",
			Doc:    "Something follows the JSON value of smart-configuration; strict readers refuse it.",
			Caught: []string{"discovery.present"},
			Apply: editSmart(nil, func(a *Answer) {
				a.Body = append(a.Body, []byte("<!-- cached -->")...)
				a.Header.Del("Content-Length")
			}),
		},
		{
			Name: "discovery-redirect", Area: "discovery",
			Doc:    "smart-configuration is reached by a redirect only, which a strict client does not follow.",
			Warned: []string{"discovery.present"},
			Apply: editSmart(func(r *http.Request) bool { return r.URL.RawQuery == "" }, func(a *Answer) {
				a.set(http.StatusFound, "", "")
				a.Header.Set("Location", a.Request.URL.Path+"?moved")
			}),
		},
		{
			Name: "discovery-406", Area: "discovery",
			Doc:    "smart-configuration is answered with 406 unless Accept names JSON; clients without Accept get nothing.",
			Caught: []string{"discovery.json-whatever-accept"},
			Apply: editSmart(func(r *http.Request) bool { return !acceptsJSON(r) }, func(a *Answer) {
				a.set(http.StatusNotAcceptable, "text/plain", "JSON only.")
			}),
		},
		{
			Name: "discovery-html-for-browsers", Area: "discovery",
			Doc:    "smart-configuration is an HTML page for clients that accept text/html.",
			Caught: []string{"discovery.json-whatever-accept"},
			Apply: editSmart(func(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }, func(a *Answer) {
				a.set(http.StatusOK, "text/html", "<!doctype html><title>SMART configuration</title>")
			}),
		},
		{
			Name: "discovery-fhir-json", Area: "discovery",
			Doc:    "smart-configuration is sent as application/fhir+json, though it is no FHIR resource.",
			Caught: []string{"discovery.content-type"},
			Apply:  editSmart(nil, func(a *Answer) { a.Header.Set("Content-Type", fhirJSON) }),
		},
		{
			Name: "discovery-text-plain", Area: "discovery",
			Doc:    "smart-configuration is sent as text/plain to clients that send no Accept.",
			Caught: []string{"discovery.content-type"},
			Apply: editSmart(func(r *http.Request) bool { return r.Header.Get("Accept") == "" }, func(a *Answer) {
				a.Header.Set("Content-Type", "text/plain")
			}),
		},
		{
			Name: "discovery-relative-token-endpoint", Area: "discovery",
			Doc:    "token_endpoint is a path; clients that do not guess the host cannot use it.",
			Caught: []string{"discovery.absolute-urls"},
			Apply:  setting("token_endpoint", mount+tokenPath),
		},
		{
			Name: "discovery-relative-introspection-endpoint", Area: "discovery",
			Doc:    "introspection_endpoint is a path.",
			Caught: []string{"discovery.absolute-urls"},
			Apply:  setting("introspection_endpoint", mount+introspectPath),
		},
		{
			Name: "discovery-no-token-endpoint", Area: "discovery",
			Doc:    "smart-configuration has no token_endpoint; it stands in the deprecated extension of the CapabilityStatement only.",
			Caught: []string{"discovery.token-endpoint"},
			Apply:  setting("token_endpoint", nil),
		},
		{
			Name: "discovery-token-endpoint-null", Area: "discovery",
			Doc:    "token_endpoint is a number, and the token endpoint is told nowhere.",
			Caught: []string{"discovery.token-endpoint"},
			Apply: func(b *Behaviour) {
				configured(func(doc map[string]any) { doc["token_endpoint"] = 0 })(b)
				b.ThenCapability(func(m map[string]any) { delete(restOf(m), "security") })
			},
		},
		{
			Name: "discovery-dead-token-endpoint", Area: "discovery",
			Doc:    "token_endpoint names a URL where nothing is; clients get 404 in place of a token.",
			Caught: []string{"discovery.token-endpoint"},
			Apply: configured(func(doc map[string]any) {
				doc["token_endpoint"] = doc["token_endpoint"].(string) + "/moved"
			}),
		},
		{
			Name: "discovery-no-grant-types", Area: "discovery",
			Doc:    "grant_types_supported is missing; a client cannot tell that Backend Services is offered.",
			Caught: []string{"discovery.grant-types"},
			Apply:  setting("grant_types_supported", nil),
		},
		{
			Name: "discovery-other-grant-type", Area: "discovery",
			Doc:    "grant_types_supported lists an extension grant only, and client_credentials works.",
			Caught: []string{"discovery.grant-types"},
			Apply:  setting("grant_types_supported", []string{"urn:ietf:params:oauth:grant-type:device_code"}),
		},
		{
			Name: "discovery-grant-types-string", Area: "discovery",
			Doc:    "grant_types_supported is a string in place of an array.",
			Caught: []string{"discovery.grant-types"},
			Apply:  setting("grant_types_supported", "client_credentials"),
		},
		{
			Name: "discovery-no-auth-methods", Area: "discovery",
			Doc:    "token_endpoint_auth_methods_supported is missing.",
			Warned: []string{"discovery.auth-methods"},
			Apply:  setting("token_endpoint_auth_methods_supported", nil),
		},
		{
			Name: "discovery-no-private-key-jwt", Area: "discovery",
			Doc:    "token_endpoint_auth_methods_supported lists secrets only, although signed assertions work.",
			Caught: []string{"discovery.auth-methods"},
			Apply:  setting("token_endpoint_auth_methods_supported", []string{"client_secret_basic", "client_secret_post"}),
		},
		{
			Name: "discovery-no-signing-algorithms", Area: "discovery",
			Doc:    "token_endpoint_auth_signing_alg_values_supported is missing; a client has to try.",
			Warned: []string{"discovery.signing-algorithms"},
			Apply:  setting("token_endpoint_auth_signing_alg_values_supported", nil),
		},
		{
			Name: "discovery-rs256-only", Area: "discovery",
			Doc:    "Only RS256 is announced; a client of SMART signs with RS384 or ES384.",
			Caught: []string{"discovery.signing-algorithms"},
			Apply:  setting("token_endpoint_auth_signing_alg_values_supported", []string{"RS256"}),
		},
		{
			Name: "discovery-alg-none", Area: "discovery",
			Doc:    "none is announced among the signature algorithms.",
			Caught: []string{"discovery.signing-algorithms"},
			Apply:  setting("token_endpoint_auth_signing_alg_values_supported", []string{"RS384", "ES384", "none"}),
		},
		{
			Name: "discovery-no-scopes-supported", Area: "discovery",
			Doc:    "scopes_supported is missing.",
			Warned: []string{"discovery.scopes-supported"},
			Apply:  setting("scopes_supported", nil),
		},
		{
			Name: "discovery-scopes-string", Area: "discovery",
			Doc:    "scopes_supported is one string with blanks in place of an array.",
			Warned: []string{"discovery.scopes-supported"},
			Apply:  setting("scopes_supported", "system/*.rs system/*.read"),
		},
		{
			Name: "discovery-no-capabilities", Area: "discovery",
			Doc:    "capabilities is missing; a client cannot tell what the server can do.",
			Caught: []string{"discovery.capabilities"},
			Apply:  setting("capabilities", nil),
		},
		{
			Name: "discovery-capability-not-string", Area: "discovery",
			Doc:    "An entry of capabilities is an object.",
			Caught: []string{"discovery.capabilities"},
			Apply:  setting("capabilities", []any{"client-confidential-asymmetric", "permission-v1", "permission-v2", map[string]any{"name": "permission-offline"}}),
		},
		{
			Name: "discovery-no-asymmetric", Area: "discovery",
			Doc:    "client-confidential-asymmetric is not announced, although signed assertions work.",
			Caught: []string{"discovery.capability-asymmetric"},
			Apply:  setting("capabilities", []string{"permission-v1", "permission-v2"}),
		},
		{
			Name: "discovery-vendor-capability", Area: "discovery",
			Doc:    "A capability of the vendor's own has a simple name in place of a URI, and may clash with one of HL7.",
			Warned: []string{"discovery.capability-names"},
			Apply:  setting("capabilities", []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "acme-special"}),
		},
		{
			Name: "discovery-capability-case", Area: "discovery",
			Doc:    "A capability is written with a capital; clients compare exactly.",
			Warned: []string{"discovery.capability-names"},
			Apply:  setting("capabilities", []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "Permission-Offline"}),
		},
		{
			Name: "discovery-no-pkce", Area: "discovery",
			Doc:    "code_challenge_methods_supported is missing on a server for backends only.",
			Warned: []string{"discovery.pkce-methods"},
			Apply:  setting("code_challenge_methods_supported", nil),
		},
		{
			Name: "discovery-no-pkce-with-launch", Area: "discovery",
			Doc:    "code_challenge_methods_supported lacks S256 although apps can be launched.",
			Caught: []string{"discovery.pkce-methods"},
			Apply: configured(func(doc map[string]any) {
				doc["capabilities"] = []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "launch-standalone"}
				doc["authorization_endpoint"] = doc["token_endpoint"].(string) + "/authorize"
				doc["code_challenge_methods_supported"] = []string{}
			}),
		},
		{
			Name: "discovery-pkce-plain", Area: "discovery",
			Doc:    "plain is announced among the code challenge methods.",
			Caught: []string{"discovery.pkce-methods"},
			Apply:  setting("code_challenge_methods_supported", []string{"S256", "plain"}),
		},
		{
			Name: "discovery-openid-no-issuer", Area: "discovery",
			Doc:    "sso-openid-connect is announced without issuer; ID tokens cannot be verified.",
			Caught: []string{"discovery.openid"},
			Apply: configured(func(doc map[string]any) {
				doc["capabilities"] = []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "sso-openid-connect"}
				doc["jwks_uri"] = doc["token_endpoint"].(string) + "/keys"
			}),
		},
		{
			Name: "discovery-openid-no-jwks-uri", Area: "discovery",
			Doc:    "sso-openid-connect is announced without jwks_uri; ID tokens cannot be verified.",
			Caught: []string{"discovery.openid"},
			Apply: configured(func(doc map[string]any) {
				doc["capabilities"] = []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "sso-openid-connect"}
				doc["issuer"] = doc["token_endpoint"]
			}),
		},
		{
			Name: "discovery-issuer-without-openid", Area: "discovery",
			Doc:    "issuer is there although sso-openid-connect is not announced.",
			Warned: []string{"discovery.openid"},
			Apply:  configured(func(doc map[string]any) { doc["issuer"] = doc["token_endpoint"] }),
		},
		{
			Name: "discovery-launch-no-authorization-endpoint", Area: "discovery",
			Doc:    "launch-standalone is announced without authorization_endpoint; an app has nowhere to go.",
			Caught: []string{"discovery.authorization-endpoint"},
			Apply:  setting("capabilities", []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "launch-standalone"}),
		},
		{
			Name: "discovery-associated-object", Area: "discovery",
			Doc:    "associated_endpoints is an object in place of an array.",
			Caught: []string{"discovery.associated-endpoints"},
			Apply:  setting("associated_endpoints", map[string]any{"url": "https://fhir.example.org/r4"}),
		},
		{
			Name: "discovery-associated-no-capabilities", Area: "discovery",
			Doc:    "An associated endpoint has no capabilities.",
			Caught: []string{"discovery.associated-endpoints"},
			Apply:  setting("associated_endpoints", []any{map[string]any{"url": "https://fhir.example.org/r4"}}),
		},
	}
}
