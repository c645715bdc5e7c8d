package refserver

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Legal ways to be different in transport, capability documents and authorization. Line numbers without a file
// are those of the 3.0.0 guide's export.md.
func init() {
	registerVariations(
		// ---- transport ----
		Variation{Name: "tls-http2", Area: "tls", Excludes: []string{"tls"},
			Doc:     "The server speaks TLS 1.2 and 1.3, with HTTP/2.",
			Permits: "All exchanges are secured with TLS 1.2 or later; HTTP/2 is HTTP. (3.0.0 export.html#privacy-and-security-considerations, export.md:30; RFC 9110 section 2.5)",
			Apply:   func(c *Config) { c.TLS = true }},
		Variation{Name: "tls-http1", Area: "tls", Excludes: []string{"tls"},
			Doc:     "The server speaks TLS, with HTTP/1.1 only.",
			Permits: "All exchanges are secured with TLS 1.2 or later; no version of HTTP is demanded. (3.0.0 export.html#privacy-and-security-considerations, export.md:30)",
			Apply:   overTLS(func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })},
		Variation{Name: "tls13-only", Area: "tls", Excludes: []string{"tls"},
			Doc:     "The server speaks TLS 1.3 only.",
			Permits: "All exchanges are secured with TLS 1.2 or a more recent version. (3.0.0 export.html#privacy-and-security-considerations, export.md:30)",
			Apply:   overTLS(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })},
		Variation{Name: "tls12-only", Area: "tls", Excludes: []string{"tls"},
			Doc:     "The server speaks TLS 1.2 only.",
			Permits: "All exchanges are secured with TLS 1.2 or a more recent version. (3.0.0 export.html#privacy-and-security-considerations, export.md:30)",
			Apply:   overTLS(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })},
		Variation{Name: "charset-parameters", Area: "http", Excludes: []string{"json-type"},
			Doc:     "JSON media types carry a charset and odd letter case.",
			Permits: "Media type names are case-insensitive and parameters may follow. (RFC 9110 section 8.3.1; 3.0.0 export.html#response---complete-status, export.md:502)",
			Apply: varyAnswer(func(a *Answer) {
				if t := a.Header.Get("Content-Type"); strings.Contains(t, "json") && !strings.Contains(t, ";") {
					a.Header.Set("Content-Type", strings.Replace(t, "application", "Application", 1)+"; charset=UTF-8")
				}
			})},
		Variation{Name: "fhir-version-parameters", Area: "http", Excludes: []string{"json-type"},
			Doc:     "FHIR media types carry the parameter fhirVersion.",
			Permits: "FHIR defines the parameter fhirVersion for its media types; parameters may follow a type. (RFC 9110 section 8.3.1; 3.0.0 export.html#headers, export.md:117)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Header.Get("Content-Type") == fhirJSON {
					a.Header.Set("Content-Type", fhirJSON+";fhirVersion=4.0")
				}
			})},
		Variation{Name: "chunked", Area: "http",
			Doc:     "No answer has a Content-Length.",
			Permits: "A message may be sent in chunks, without a length known before. (RFC 9112 section 7.1; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply:   varyAnswer(func(a *Answer) { a.Chunked = true })},
		Variation{Name: "connection-close", Area: "http",
			Doc:     "The server closes the connection after each answer.",
			Permits: "Either side may close a connection after a complete message. (RFC 9112 section 9.6; 3.0.0 export.html#bulk-data-status-request)",
			Apply:   varyAnswer(func(a *Answer) { a.Header.Set("Connection", "close") })},
		Variation{Name: "weak-etags", Area: "http", Excludes: []string{"etag"},
			Doc:     "Answers carry weak entity tags and a date of modification.",
			Permits: "Validators may be sent with any representation. (RFC 9110 section 8.8; 3.0.0 export.html#bulk-data-output-file-request)",
			Apply: varyAnswer(func(a *Answer) {
				a.Header.Set("ETag", `W/"1"`)
				a.Header.Set("Last-Modified", a.Now.Add(-time.Minute).Format(http.TimeFormat))
			})},
		Variation{Name: "cookies", Area: "http",
			Doc:     "Each answer sets cookies of a load balancer.",
			Permits: "A server may send Set-Cookie with any answer; clients may ignore it. (RFC 6265 section 3; 3.0.0 export.html#bulk-data-kick-off-request)",
			Apply: varyAnswer(func(a *Answer) {
				a.Header["Set-Cookie"] = []string{"LB=node-7; Path=/; HttpOnly", "trace=1; Max-Age=0"}
			})},
		Variation{Name: "headers-of-proxies", Area: "http",
			Doc:     "Answers carry what gateways and frameworks add.",
			Permits: "Header fields that a recipient does not know are ignored. (RFC 9110 section 5.1; 3.0.0 export.html#headers)",
			Apply: varyAnswer(func(a *Answer) {
				for name, value := range map[string]string{"Via": "1.1 edge", "Server": "shelf/3", "X-Request-Id": "7f", "X-Powered-By": "steam",
					"Strict-Transport-Security": "max-age=63072000", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*",
					"X-RateLimit-Remaining": "0", "Content-Language": "en", "Alt-Svc": "clear", "Link": `<https://bulkproof.example/help>; rel="help"`} {
					a.Header.Set(name, value)
				}
				a.Header.Add("Vary", "Origin")
			})},
		Variation{Name: "header-names-lower-case", Area: "http", last: true, Excludes: []string{"header-names", "connection"},
			Doc:     "Header names are written in lower case.",
			Permits: "Field names are case-insensitive. (RFC 9110 section 5.1; SMART conformance.html#http-headers)",
			Apply:   varyAnswer(func(a *Answer) { respell(a.Header, strings.ToLower) })},
		Variation{Name: "header-names-upper-case", Area: "http", last: true, Excludes: []string{"header-names", "connection"},
			Doc:     "Header names are written in capitals.",
			Permits: "Field names are case-insensitive. (RFC 9110 section 5.1; SMART conformance.html#http-headers)",
			Apply:   varyAnswer(func(a *Answer) { respell(a.Header, strings.ToUpper) })},
		clockOff("clock-ahead", "The server's clock is two minutes ahead.", 2*time.Minute),
		clockOff("clock-behind", "The server's clock is two minutes behind.", -2*time.Minute),

		// ---- CapabilityStatement ----
		Variation{Name: "operation-names-per-level", Area: "capability", Versions: []string{IG300}, Excludes: []string{"operation-names"},
			Doc:     "The operations are called export, patient-export and group-export, as in earlier versions.",
			Permits: "The statement has to reflect the operations; the definition tells which is meant, and the guide's own statement changed the names between versions. (3.0.0 export.html#server-capability-documentation, export.md:779; disputed reading 24)",
			Apply:   operationNames(map[string]string{"Patient": "patient-export", "Group": "group-export"})},
		Variation{Name: "operation-names-export", Area: "capability", Versions: []string{IG200}, Excludes: []string{"operation-names"},
			Doc:     "The operations are called export at every level, as in 3.0.0.",
			Permits: "The statement has to reflect the operations; the definition tells which is meant, and the guide's own statement changed the names between versions. (2.0.0 export.html#server-capability-documentation; disputed reading 24)",
			Apply:   operationNames(map[string]string{"Patient": "export", "Group": "export"})},
		Variation{Name: "canonicals-with-version", Area: "capability",
			Doc:     "instantiates and the definitions of operations name the version of the guide.",
			Permits: "A canonical may have |version at its end. (FHIR R4 references.html#canonical; 3.0.0 export.html#server-capability-documentation, export.md:779)",
			Apply: func(c *Config) {
				version := c.IG
				if version == "" {
					version = IG300
				}
				c.Behaviour.ThenCapability(func(m map[string]any) {
					m["instantiates"] = []any{igCapability + "|" + version}
					eachOperation(m, func(_ string, op map[string]any) {
						if def, ok := op["definition"].(string); ok && !strings.Contains(def, "|") {
							op["definition"] = def + "|" + version
						}
					})
				})
			}},
		Variation{Name: "capability-of-a-large-server", Area: "capability",
			Doc:     "The CapabilityStatement has many more operations, types without export, instantiates of other guides, messaging and a part as client.",
			Permits: "The statement describes the whole server; export is a part of it. Types that cannot be exported are marked. (3.0.0 export.html#server-capability-documentation, export.md:779 and :781)",
			Apply:   varyCapability(largeServer)},
		Variation{Name: "metadata-needs-token", Area: "capability", NeedsAuth: true,
			Doc:     "The CapabilityStatement is given to bearers of a token only.",
			Permits: "When a token has to be presented is decided by the risk management of each FHIR service. (SMART backend-services.html#enforce-authorization, backend-services.md:179)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Metadata && a.Status == http.StatusOK && !strings.HasPrefix(a.Request.Header.Get("Authorization"), "Bearer ") {
					a.Status = http.StatusUnauthorized
					a.Header.Set("WWW-Authenticate", `Bearer realm="shelf"`)
					a.outcomeBody("error", Issue{Code: "login", Text: "Send an access token."})
				}
			})},

		// ---- discovery ----
		Variation{Name: "open-server", Area: "authz", NeedsOpen: true,
			Doc:     "The server demands no authorization and has no smart-configuration.",
			Permits: "OAuth 2.0 with SMART Backend Services is a SHOULD; smart-configuration is for endpoints that require authorization. (3.0.0 export.html#privacy-and-security-considerations, export.md:32; SMART conformance.html#using-well-known)",
			Apply:   func(c *Config) { c.Auth, c.Clients = false, nil }},
		Variation{Name: "smart-launch-too", Area: "discovery", NeedsAuth: true, Excludes: []string{"smart-launch"},
			Doc:     "smart-configuration speaks of app launch, patient scopes, registration, management and revocation as well.",
			Permits: "These members and capabilities are for servers with App Launch, which may offer Backend Services too. (SMART conformance.html#metadata, conformance.md:178-194)",
			Apply: varySMART(func(doc map[string]any) {
				base := strings.TrimSuffix(fmt.Sprint(doc["token_endpoint"]), tokenPath)
				doc["authorization_endpoint"] = base + "/door/authorize"
				doc["registration_endpoint"] = base + "/door/register"
				doc["management_endpoint"] = base + "/door/manage"
				doc["revocation_endpoint"] = base + "/door/revoke"
				doc["response_types_supported"] = []string{"code"}
				doc["grant_types_supported"] = []string{"authorization_code", "client_credentials"}
				doc["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
				doc["capabilities"] = []string{"launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
					"client-confidential-asymmetric", "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
					"permission-offline", "permission-patient", "permission-user", "permission-v1", "permission-v2", "https://bulkproof.example/own-capability"}
			})},
		Variation{Name: "smart-openid", Area: "discovery", NeedsAuth: true, Excludes: []string{"smart-launch"},
			Doc:     "smart-configuration speaks of single sign-on, with issuer and jwks_uri.",
			Permits: "issuer and jwks_uri go with the capability sso-openid-connect. (SMART conformance.html#metadata, conformance.md:178-179)",
			Apply: varySMART(func(doc map[string]any) {
				base := strings.TrimSuffix(fmt.Sprint(doc["token_endpoint"]), tokenPath)
				doc["issuer"], doc["jwks_uri"] = base, base+"/door/keys"
				doc["capabilities"] = []string{"client-confidential-asymmetric", "permission-v1", "permission-v2", "sso-openid-connect"}
			})},
		Variation{Name: "smart-own-members", Area: "discovery", NeedsAuth: true,
			Doc:     "smart-configuration has members of the server's own, and of other guides.",
			Permits: "The document may have further members; brands and associated endpoints are among those defined. (SMART conformance.html#metadata, conformance.md:186-188; RFC 8414 section 2)",
			Apply: varySMART(func(doc map[string]any) {
				doc["x_shelf"] = map[string]any{"rows": 7}
				doc["user_access_brand_bundle"] = "https://bulkproof.example/brands.json"
				doc["user_access_brand_identifier"] = map[string]any{"system": "https://bulkproof.example", "value": "b"}
				doc["associated_endpoints"] = []any{map[string]any{"url": "https://bulkproof.example/state", "capabilities": []string{"smart-app-state"}}}
				doc["service_documentation"] = "https://bulkproof.example/doc"
				doc["introspection_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
			})},
		Variation{Name: "smart-jwks-uri", Area: "discovery", NeedsAuth: true,
			Doc:     "smart-configuration has a jwks_uri without single sign-on.",
			Permits: "Without sso-openid-connect jwks_uri is optional. (SMART conformance.html#metadata, conformance.md:179)",
			Apply: varySMART(func(doc map[string]any) {
				if doc["jwks_uri"] == nil {
					doc["jwks_uri"] = strings.TrimSuffix(fmt.Sprint(doc["token_endpoint"]), tokenPath) + "/door/keys"
				}
			})},
		Variation{Name: "smart-cached", Area: "discovery", NeedsAuth: true,
			Doc:     "smart-configuration may be cached for a day.",
			Permits: "The document is public; HTTP caching applies to it. (SMART conformance.html#using-well-known; RFC 9111 section 5.2.2)",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == SmartConfig {
					a.Header.Set("Cache-Control", "public, max-age=86400")
				}
			})},
		Variation{Name: "rs384-only", Area: "discovery", NeedsAuth: true, Excludes: []string{"algorithms"},
			Doc:     "Of the two algorithms only RS384 is offered.",
			Permits: "The authorization server has to be capable of at least one of RS384 and ES384. (SMART client-confidential-asymmetric.html#registering-a-client-communicating-public-keys, client-confidential-asymmetric.md:96)",
			Apply:   onlyAlgorithm("RS384", "ES384")},
		Variation{Name: "es384-only", Area: "discovery", NeedsAuth: true, Excludes: []string{"algorithms"},
			Doc:     "Of the two algorithms only ES384 is offered.",
			Permits: "The authorization server has to be capable of at least one of RS384 and ES384. (SMART client-confidential-asymmetric.html#registering-a-client-communicating-public-keys, client-confidential-asymmetric.md:96)",
			Apply:   onlyAlgorithm("ES384", "RS384")},
		Variation{Name: "more-algorithms", Area: "discovery", NeedsAuth: true, Excludes: []string{"algorithms"},
			Doc:     "RS256, RS512, PS384 and ES256 are offered too.",
			Permits: "Servers may support and use additional algorithms for signature validation. (SMART client-confidential-asymmetric.html#registering-a-client-communicating-public-keys, client-confidential-asymmetric.md:97)",
			Apply:   func(c *Config) { c.Behaviour.Auth.ExtraAlgs = []string{"RS256", "RS512", "PS384", "ES256"} }},
		Variation{Name: "token-endpoint-other-origin", Area: "discovery", NeedsAuth: true, Excludes: []string{"origin"},
			Doc:     "The token endpoint lies on another origin than the FHIR base.",
			Permits: "token_endpoint is an absolute URL; the authorization server may be independent of the resource server. (SMART conformance.html#metadata, conformance.md:145 and :182)",
			Apply: varySMART(func(doc map[string]any) {
				doc["token_endpoint"] = otherName(fmt.Sprint(doc["token_endpoint"]))
			})},

		// ---- token ----
		tokenField("token-lifetime-30", "Tokens live thirty seconds.", "expires_in should not exceed 300; shorter is fine. (SMART backend-services.html#issue-access-token, backend-services.md:229)",
			[]string{"token-lifetime"}, func(c *Config) { c.TokenLifetime = 30 * time.Second }),
		tokenField("token-lifetime-5", "Tokens live five seconds.", "expires_in should not exceed 300; shorter is fine. (SMART backend-services.html#issue-access-token, backend-services.md:229)",
			[]string{"token-lifetime"}, func(c *Config) { c.TokenLifetime = 5 * time.Second }),
		tokenField("token-capped-by-assertion", "A token lives no longer than the assertion that bought it.", "Tokens are short-lived, to a length of the server's choice up to 300 seconds. (SMART backend-services.html#issue-access-token, backend-services.md:229)",
			[]string{"token-lifetime"}, func(c *Config) { c.Behaviour.Auth.CapByAssertion = true }),
		tokenField("token-extra-members", "The token response has members that OAuth does not know.", "The client must ignore unrecognized members of the response. (RFC 6749 section 5.1)",
			nil, func(c *Config) { c.Behaviour.Auth.ExtraMembers = true }),
		tokenField("token-type-capital", "token_type is Bearer, with a capital letter.", "The value of token_type is case-insensitive. (RFC 6749 section 5.1)",
			[]string{"token-type"}, func(c *Config) { c.Behaviour.Auth.TokenTypeCapital = true }),
		tokenField("token-jwt", "Access tokens are JWTs, long ones.", "The form of an access token is the authorization server's affair. (RFC 6749 section 1.4)",
			nil, func(c *Config) { c.Behaviour.Auth.JWTTokens = true }),
		tokenField("token-cache-control-list", "Cache-Control of the token response has other directives beside no-store.", "The response has Cache-Control with no-store; the field is a list. (RFC 6749 section 5.1; RFC 9111 section 5.2)",
			nil, varyAnswer(func(a *Answer) {
				if a.Endpoint == Token {
					a.Header.Set("Cache-Control", "private, max-age=0, No-Store")
				}
			})),
		tokenField("scope-reversed", "The granted scopes come in another order.", "scope is a list of words whose order does not matter. (RFC 6749 section 3.3)",
			[]string{"scope"}, func(c *Config) { c.Behaviour.Auth.ReverseScopes = true }),
		tokenField("scope-expanded", "A wildcard is granted as one scope for each type that the server has.", "The granted scope may differ from the requested one. (SMART backend-services.html#issue-access-token, backend-services.md:224)",
			[]string{"scope"}, func(c *Config) { c.Behaviour.Auth.ExpandWildcard = true }),
		tokenField("scope-all-or-nothing", "A request with one scope that is unknown or not pre-authorised is refused as a whole.", "The server mediates the request, to assure that the scope is within what is pre-authorised; invalid_scope is an answer. (SMART backend-services.html#evaluate-requested-access, backend-services.md:188; RFC 6749 section 5.2)",
			nil, func(c *Config) { c.Behaviour.Auth.StrictScope = true }),
		tokenField("scope-by-default", "A token request without scope gets what is pre-authorised.", "If the client omits scope the server uses a default value or fails the request. (RFC 6749 section 3.3)",
			nil, func(c *Config) { c.Behaviour.Auth.DefaultScope = true }),
		tokenField("invalid-client-401", "A client that is not authenticated is answered with 401 and a challenge.", "The authorization server may return 401 with invalid_client. (RFC 6749 section 5.2)",
			[]string{"token-error"}, func(c *Config) { c.Behaviour.Auth.InvalidClient401 = true }),
		tokenField("error-uri", "Token errors have error_uri in place of error_description.", "The server should include an error_uri or error_description. (SMART backend-services.html#issue-access-token, backend-services.md:195)",
			[]string{"token-error-members"}, func(c *Config) {
				first := c.Behaviour.Auth.EditError
				c.Behaviour.Auth.EditError = func(status *int, body map[string]any, h http.Header) {
					if first != nil {
						first(status, body, h)
					}
					delete(body, "error_description")
					body["error_uri"] = "https://bulkproof.example/errors/7"
				}
			}),
		tokenField("jti-burnt-on-success", "A jti is used up only when a token is issued for it.", "The check is that the jti was not encountered before, to prevent replay of an accepted assertion. (SMART client-confidential-asymmetric.html#signature-verification, client-confidential-asymmetric.md:228)",
			nil, func(c *Config) { c.Behaviour.Auth.BurnJtiOnSuccess = true }),
		tokenField("jti-across-clients", "A jti that another client used is refused too.", "The check is at least for the given iss; jti values are unique. (SMART client-confidential-asymmetric.html#signature-verification, client-confidential-asymmetric.md:228)",
			nil, func(c *Config) { c.Behaviour.Auth.ReplayAcrossClients = true }),
		tokenField("aud-string-only", "An aud in array form is refused.", "aud is the token URL; SMART shows a string. (SMART client-confidential-asymmetric.html#request, client-confidential-asymmetric.md:185)",
			nil, func(c *Config) { c.Behaviour.Auth.RefuseArrayAud = true }),
		tokenField("iat-looked-at", "An iat in the future or more than five minutes old is refused.", "The server may reject JWTs with an iat that is unreasonably far in the past. (RFC 7523 section 3)",
			nil, func(c *Config) { c.Behaviour.Auth.RefuseFutureIat, c.Behaviour.Auth.RefuseOldIat = true, true }),
		tokenField("typ-lax", "typ is not looked at.", "typ is for the application; the signature rules do not name it. (RFC 7519 section 5.1)",
			nil, func(c *Config) { c.Behaviour.Auth.LaxTyp = true }),
		tokenField("kid-shared-refused", "A kid that occurs twice in a JWKS is refused even for keys of different type.", "The kid is to be unique within the client's JWK Set. (SMART client-confidential-asymmetric.html#request, client-confidential-asymmetric.md:148)",
			nil, func(c *Config) { c.Behaviour.Auth.RefuseSharedKid = true }),
		tokenField("leeway-one-minute", "A minute of clock difference is forgiven.", "Implementers may provide for some small leeway to account for clock skew. (RFC 7519 section 4.1.4)",
			nil, func(c *Config) { m := time.Minute; c.Behaviour.Auth.Leeway = &m }),
		tokenField("older-tokens-revoked", "A new token ends the earlier ones of the client.", "The server may revoke a token at any time; rules of tokens' life are its own below 300 seconds. (RFC 6749 section 1.4; SMART backend-services.html#issue-access-token)",
			nil, func(c *Config) { c.Behaviour.Auth.RevokeOlderTokens = true }),

		// ---- access ----
		Variation{Name: "status-for-any-client", Area: "security", NeedsAuth: true,
			Doc:     "The status and the files of an export are open to every client whose token covers them.",
			Permits: "A server may restrict them to the client that originated the export; it need not. (3.0.0 export.html#privacy-and-security-considerations, export.md:32)",
			Apply: func(c *Config) {
				first := c.Behaviour.Access
				c.Behaviour.Access = func(a AccessRequest, allowed bool) bool {
					if first != nil {
						allowed = first(a, allowed)
					}
					return allowed || a.Problem == ProblemClient
				}
			}},
		Variation{Name: "challenge-of-two-schemes", Area: "security", NeedsAuth: true,
			Doc:     "Refusals challenge with Negotiate and Bearer, in two headers.",
			Permits: "There may be several challenges, in one field or in several. (RFC 9110 section 11.6.1; SMART backend-services.html#access-fhir-api)",
			Apply: varyAnswer(func(a *Answer) {
				if v := a.Header.Get("WWW-Authenticate"); v != "" && a.Endpoint != Token {
					a.Header["Www-Authenticate"] = []string{"Negotiate", v}
				}
			})},
		Variation{Name: "refusals-of-access-404", Area: "security", NeedsAuth: true,
			Doc:     "Who may not see a job or file is told that it does not exist.",
			Permits: "A server that does not want to reveal that a resource exists may answer 404 instead of 403. (RFC 9110 section 15.5.4; 3.0.0 export.html#response---error-status-1)",
			Apply: varyAnswer(func(a *Answer) {
				if (a.Endpoint == Status || a.Endpoint == File || a.Endpoint == Delete) && a.Status == http.StatusForbidden {
					a.Status = http.StatusNotFound
					a.Header.Del("WWW-Authenticate")
					a.outcomeBody("error", Issue{Code: "not-found", Text: "There is nothing here."})
				}
			})},
	)
}

// tokenField is a variation of the authorization server.
func tokenField(name, doc, permits string, excludes []string, apply func(*Config)) Variation {
	area := "token"
	for _, prefix := range []string{"jti-", "aud-", "iat-", "typ-", "kid-", "leeway-"} {
		if strings.HasPrefix(name, prefix) {
			area = "jwt"
		}
	}
	if strings.HasPrefix(name, "scope-") {
		area = "scope"
	}
	return Variation{Name: name, Area: area, Doc: doc, Permits: permits, NeedsAuth: true, Excludes: excludes, Apply: apply}
}

// overTLS turns TLS on and edits its configuration.
func overTLS(edit func(*tls.Config)) func(*Config) {
	return func(c *Config) {
		c.TLS = true
		first := c.Behaviour.TLS
		c.Behaviour.TLS = func(t *tls.Config) {
			if first != nil {
				first(t)
			}
			edit(t)
		}
	}
}

// clockOff is a variation of the server's clock, which its Date headers show.
func clockOff(name, doc string, off time.Duration) Variation {
	return Variation{Name: name, Area: "http", Doc: doc, Excludes: []string{"clock"},
		Permits: "Instants are the server's time; some clock skew between the two sides has to be allowed for. (3.0.0 export.html#response---output-manifest, export.md:522; RFC 7523 section 3)",
		Apply: func(c *Config) {
			now := c.Now
			if now == nil {
				now = time.Now
			}
			c.Now = func() time.Time { return now().Add(off) }
			c.Behaviour.ThenAnswer(func(a *Answer) { a.Header.Set("Date", a.Now.UTC().Format(http.TimeFormat)) })
		}}
}

// onlyAlgorithm refuses one of the two algorithms and announces the other alone.
func onlyAlgorithm(keep, refuse string) func(*Config) {
	return func(c *Config) {
		c.Behaviour.Auth.RefuseAlgs = append(c.Behaviour.Auth.RefuseAlgs, refuse)
		varySMART(func(doc map[string]any) {
			doc["token_endpoint_auth_signing_alg_values_supported"] = []string{keep}
		})(c)
	}
}

// respell writes the names of a header otherwise.
func respell(h http.Header, spell func(string) string) {
	for name, values := range h {
		// The connection's own fields are read from the header by net/http, under their canonical names.
		if name == "Connection" || name == "Content-Length" || name == "Transfer-Encoding" || name == "Date" {
			continue
		}
		if other := spell(name); other != name {
			delete(h, name)
			h[other] = values
		}
	}
}

// eachOperation visits the operations of a CapabilityStatement; holder is the resource type, "" for the system.
func eachOperation(m map[string]any, f func(holder string, op map[string]any)) {
	visit := func(holder string, v map[string]any) {
		ops, _ := v["operation"].([]any)
		for _, op := range ops {
			f(holder, op.(map[string]any))
		}
	}
	for _, r := range m["rest"].([]any) {
		rest := r.(map[string]any)
		visit("", rest)
		resources, _ := rest["resource"].([]any)
		for _, res := range resources {
			v := res.(map[string]any)
			typ, _ := v["type"].(string)
			visit(typ, v)
		}
	}
}

func operationNames(names map[string]string) func(*Config) {
	return varyCapability(func(m map[string]any) {
		eachOperation(m, func(holder string, op map[string]any) {
			if n, ok := names[holder]; ok && strings.HasSuffix(fmt.Sprint(op["name"]), "export") {
				op["name"] = n
			}
		})
	})
}

// largeServer adds what has nothing to do with exports.
func largeServer(m map[string]any) {
	m["instantiates"] = append([]any{"http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server", "http://hl7.org/fhir/CapabilityStatement/terminology-server|4.0.1"},
		m["instantiates"].([]any)...)
	m["text"] = map[string]any{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + strings.Repeat("<p>Everything the shelf can do.</p>", 500) + `</div>`}
	m["format"] = []any{"application/fhir+xml", fhirJSON, "json", "xml"}
	rest := m["rest"].([]any)[0].(map[string]any)
	operations, _ := rest["operation"].([]any)
	rest["operation"] = append(operations, operation("convert", "http://hl7.org/fhir/OperationDefinition/Resource-convert"))
	rest["interaction"] = []any{map[string]any{"code": "transaction"}, map[string]any{"code": "search-system"}}
	rest["searchParam"] = []any{map[string]any{"name": "_id", "type": "token"}}
	for _, r := range rest["resource"].([]any) {
		if res := r.(map[string]any); res["type"] == "Patient" {
			ops, _ := res["operation"].([]any)
			res["operation"] = append(slices.Clone(ops), operation("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"), operation("match", "http://hl7.org/fhir/OperationDefinition/Patient-match"))
		}
	}
	rest["resource"] = append(rest["resource"].([]any), map[string]any{"type": "Subscription", "interaction": []any{map[string]any{"code": "create"}},
		"extension": []any{map[string]any{"url": notSupportedURL, "valueCanonical": igCapability}}})
	m["rest"] = append(m["rest"].([]any), map[string]any{"mode": "client", "documentation": "Fetches value sets from a terminology server.",
		"resource": []any{map[string]any{"type": "ValueSet", "interaction": []any{map[string]any{"code": "read"}}}}})
	m["messaging"] = []any{map[string]any{"documentation": "ADT feed", "endpoint": []any{map[string]any{
		"protocol": map[string]any{"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "mllp"}, "address": "mllp://bulkproof.example:2575"}}}}
}
