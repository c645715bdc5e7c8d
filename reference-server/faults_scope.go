package refserver

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

func init() { registerFaults(scopeFaults()...) }

// granting refuses token requests whose grant is exactly the scope.
func granting(scope string) func(*Behaviour) {
	return answering(func(a *Answer) bool {
		return a.Endpoint == Token && a.Status == http.StatusOK && bytes.Contains(a.Body, []byte(`"scope":"`+scope+`"`))
	}, func(a *Answer) {
		a.set(http.StatusBadRequest, "application/json", `{"error":"invalid_scope","error_description":"This scope cannot be had."}`)
		a.Header.Del("Content-Length")
	})
}

func scopeFaults() []Fault {
	fault := func(name, doc string, caught, warned []string, apply func(*Behaviour)) Fault {
		return Fault{Name: "scope-" + name, Area: "scope", Doc: doc, Caught: caught, Warned: warned, Apply: apply}
	}
	catch := func(id string) []string { return []string{id} }
	return []Fault{
		fault("v1-refused", "permission-v1 is announced, and scopes of SMART 1 are refused.", catch("scope.v1"), nil,
			auth(func(b *authz.Behaviour) { b.RefuseV1 = true })),
		fault("v2-refused", "permission-v2 is announced, and system/Patient.rs is refused.", catch("scope.v2"), nil, granting("system/Patient.rs")),
		fault("v1-as-v2", "Scopes of SMART 1 are answered in letters of SMART 2, which older clients do not read.", nil, catch("scope.v1-form"),
			auth(func(b *authz.Behaviour) { b.V1AsV2 = true })),
		fault("v1-unannounced", "permission-v1 is not announced.", nil, catch("scope.announced"),
			setting("capabilities", []string{"client-confidential-asymmetric", "permission-v2"})),
		fault("v2-unannounced", "Scopes of SMART 2 work, and permission-v2 is not announced.", nil, catch("scope.announced"),
			setting("capabilities", []string{"client-confidential-asymmetric", "permission-v1"})),
		fault("first-only", "Of several scopes only the first is granted.", catch("scope.union"), nil,
			auth(func(b *authz.Behaviour) { b.FirstScopeOnly = true })),
		fault("everything", "Whatever is asked for, all that the client is pre-authorised for is granted; a leaked token opens everything.", nil, catch("scope.limited"),
			auth(func(b *authz.Behaviour) { b.GrantEverything = true })),
		fault("excess", "A client is granted what it asks for, whether it is pre-authorised or not.", catch("scope.limited"), nil,
			auth(func(b *authz.Behaviour) { b.GrantExcess = true })),
		fault("excess-named", "A client is granted what it asks for, whether it is pre-authorised or not; a kick-off with it is refused.", nil, catch("scope.limited"),
			func(b *Behaviour) {
				b.Auth.GrantExcess = true
				b.Access = func(a AccessRequest, allowed bool) bool {
					return allowed && !(a.Endpoint == KickOff && strings.HasSuffix(a.Client, "-second"))
				}
			}),
		fault("v1-granted-otherwise", "Scopes of SMART 1 are granted as something that gives no right to read.", catch("scope.v1"), nil,
			tokenAnswer(func(m map[string]any) {
				if m["scope"] == "system/Patient.read" {
					m["scope"] = "launch"
				}
			})),
		fault("two-refused", "A request for two scopes is refused, each of which can be had alone.", catch("scope.union"), nil,
			granting("system/Patient.rs system/Observation.rs")),
		fault("default-unnamed", "A request without scope gets a token, and nobody is told for what.", catch("scope.default"), nil,
			auth(func(b *authz.Behaviour) { b.SilentDefaultScope = true })),
		fault("error-code", "Scopes that cannot be had are refused with invalid_client; clients look for the error in their keys.", nil, catch("scope.default"),
			auth(func(b *authz.Behaviour) { b.WrongScopeErrorCode = true })),
		fault("search-reads", "A token for searching alone reads resources too.", nil, catch("scope.letters"),
			opening(func(a AccessRequest) bool {
				return a.Endpoint == Read && a.Problem == ProblemScope && !strings.HasSuffix(a.Request.URL.Path, "/Group")
			})),
		fault("read-searches", "A token for reading alone searches too.", nil, catch("scope.letters"),
			opening(func(a AccessRequest) bool {
				return a.Endpoint == Read && a.Problem == ProblemScope && strings.HasSuffix(a.Request.URL.Path, "/Group")
			})),
		fault("batch", "A batch is carried out whatever the token's scopes are.", nil, catch("scope.batch"),
			answering(func(a *Answer) bool {
				return a.Request.Method == http.MethodPost && a.Request.URL.Path == mount && a.Request.Header.Get("Authorization") != ""
			}, func(a *Answer) {
				a.set(http.StatusOK, fhirJSON, `{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"200"},`+
					`"resource":{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Observation","id":"synthetic"}}]}}]}`)
				a.Header.Del("Content-Length")
			})),
		fault("write", "Rights to write come with every scope.", nil, catch("scope.no-write"),
			auth(func(b *authz.Behaviour) { b.GrantWrite = true })),
		fault("read-as-letters", ".read of SMART 1 is taken for the letters r and d, and the right to delete is granted.", nil, catch("scope.no-write"),
			auth(func(b *authz.Behaviour) { b.ReadAsLetters = true })),
		fault("split", "A granted scope is written once for each letter; tokens outgrow their headers.", nil, catch("scope.shortest-form"),
			auth(func(b *authz.Behaviour) { b.SplitScopes = true })),
		fault("listed-refused", "scopes_supported lists a scope that nobody gets.", catch("scope.listed-work"), nil,
			setting("scopes_supported", []string{"system/*.rs", "system/NoSuchType.rs"})),
	}
}
