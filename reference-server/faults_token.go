package refserver

import (
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

func init() { registerFaults(tokenFaults()...) }

// auth returns an Apply that sets fields of the authorization server's Behaviour.
func auth(set func(*authz.Behaviour)) func(*Behaviour) {
	return func(b *Behaviour) { set(&b.Auth) }
}

// tokenAnswer returns an Apply that edits the members of the token answer.
func tokenAnswer(edit func(map[string]any)) func(*Behaviour) {
	return auth(func(b *authz.Behaviour) { b.EditTokenResponse = edit })
}

// editToken returns an Apply that edits answers of the token endpoint that issue a token.
func editToken(edit func(*Answer)) func(*Behaviour) {
	return answering(func(a *Answer) bool { return a.Endpoint == Token && a.Status == http.StatusOK }, edit)
}

func tokenFaults() []Fault {
	fault := func(name, doc string, caught, warned []string, apply func(*Behaviour)) Fault {
		return Fault{Name: "token-" + name, Area: "token", Doc: doc, Caught: caught, Warned: warned, Apply: apply}
	}
	catch := func(id string) []string { return []string{id} }
	return []Fault{
		fault("refused", "A valid token request is refused as if the client were unknown.", catch("token.issue"), nil,
			editToken(func(a *Answer) {
				a.set(http.StatusBadRequest, "application/json", `{"error":"invalid_client","error_description":"Try again."}`)
				a.Header.Del("Content-Length")
			})),
		fault("grant-unsupported", "The grant client_credentials is refused as unsupported.", catch("token.issue"), nil,
			editToken(func(a *Answer) {
				a.set(http.StatusBadRequest, "application/json", `{"error":"unsupported_grant_type","error_description":"Use authorization_code."}`)
				a.Header.Del("Content-Length")
			})),
		fault("status-201", "A token is sent with HTTP 201; clients that look for 200 throw it away.", nil, catch("token.issue"),
			auth(func(b *authz.Behaviour) { b.Answer201 = true })),
		fault("as-form", "The token answer is form-encoded, as some early OAuth servers sent it.", catch("token.json"), nil,
			auth(func(b *authz.Behaviour) { b.AnswerAsForm = true })),
		fault("as-text", "The token answer is JSON sent as text/plain; strict clients do not read it.", catch("token.json"), nil,
			auth(func(b *authz.Behaviour) { b.AnswerAsText = true })),
		fault("as-text-json", "The token answer is sent as text/json.", nil, catch("token.json"),
			editToken(func(a *Answer) { a.Header.Set("Content-Type", "text/json") })),
		fault("no-access-token", "The token answer has no access_token.", catch("token.access-token"), nil,
			auth(func(b *authz.Behaviour) { b.NoAccessToken = true })),
		fault("no-token-type", "The token answer has no token_type.", catch("token.token-type"), nil,
			auth(func(b *authz.Behaviour) { b.NoTokenType = true })),
		fault("wrong-token-type", "token_type is JWT; a client cannot tell how to use the token.", catch("token.token-type"), nil,
			auth(func(b *authz.Behaviour) { b.WrongTokenType = true })),
		fault("no-expires-in", "The token answer has no expires_in; a client uses the token until it fails.", catch("token.expires-in"), nil,
			auth(func(b *authz.Behaviour) { b.NoExpiresIn = true })),
		fault("expires-in-string", "expires_in is a string; clients that add it to a time fail.", catch("token.expires-in"), nil,
			auth(func(b *authz.Behaviour) { b.ExpiresInString = true })),
		fault("expires-in-zero", "expires_in is 0; clients throw the token away.", catch("token.expires-in"), nil,
			tokenAnswer(func(m map[string]any) { m["expires_in"] = 0 })),
		fault("expires-in-fraction", "expires_in has a fraction.", nil, catch("token.expires-in"),
			tokenAnswer(func(m map[string]any) { m["expires_in"] = 299.5 })),
		fault("lifetime-hour", "Access tokens live for an hour in place of five minutes.", nil, catch("token.lifetime"),
			tokenAnswer(func(m map[string]any) { m["expires_in"] = 3600 })),
		fault("lifetime-day", "Access tokens live for more than a day; a leaked one is good for as long.", catch("token.lifetime"), nil,
			auth(func(b *authz.Behaviour) { b.LongLifetime = true })),
		fault("no-scope", "The token answer has no scope; a client cannot tell what it may do.", catch("token.scope"), nil,
			auth(func(b *authz.Behaviour) { b.NoScope = true })),
		fault("scope-array", "scope is an array in place of a string.", catch("token.scope"), nil,
			auth(func(b *authz.Behaviour) { b.ScopeArray = true })),
		fault("cacheable", "The token answer has no Cache-Control: no-store; a proxy may hand the token to somebody else.", catch("token.no-store"), nil,
			editToken(func(a *Answer) { a.Header.Set("Cache-Control", "private, max-age=300") })),
		fault("no-pragma", "The token answer has no Pragma: no-cache.", nil, catch("token.no-store"),
			auth(func(b *authz.Behaviour) { b.NoPragma = true })),
		fault("refresh", "A refresh token is issued to a backend.", nil, catch("token.no-refresh"),
			auth(func(b *authz.Behaviour) { b.RefreshToken = true })),
		fault("refresh-offline", "A refresh token is issued to a backend that asks for offline_access.", nil, catch("token.no-refresh"),
			auth(func(b *authz.Behaviour) { b.OfflineRefresh = true })),
		fault("huge", "Access tokens are 20 kB long; servers and proxies refuse such headers.", nil, catch("token.size"),
			auth(func(b *authz.Behaviour) { b.HugeToken = true })),
		fault("grant-type-missing", "A request without grant_type gets a token.", catch("token.grant-type"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptMissingGrantType = true })),
		fault("grant-type-ignored", "grant_type may have any value.", catch("token.grant-type"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptWrongGrantType = true })),
		fault("assertion-type-missing", "A request without client_assertion_type gets a token.", catch("token.assertion-type"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptMissingAssertionType = true })),
		fault("assertion-type-ignored", "client_assertion_type may have any value.", catch("token.assertion-type"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptWrongAssertionType = true })),
		fault("garbage-accepted", "Text that is no JWT gets a token as client assertion.", catch("token.assertion"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptGarbage = true })),
		fault("client-id-alone", "Whoever names a client id gets its token.", catch("token.confidential"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptNoAssertion = true })),
		fault("get", "The parameters may stand in the query of a GET, where logs keep them.", nil, catch("token.request-form"),
			auth(func(b *authz.Behaviour) { b.AcceptGET = true })),
		fault("query", "The parameters may stand in the query of a POST, where logs keep them.", nil, catch("token.request-form"),
			auth(func(b *authz.Behaviour) { b.AcceptQueryParameters = true })),
		fault("json-body", "The parameters may come as JSON.", nil, catch("token.request-form"),
			auth(func(b *authz.Behaviour) { b.AcceptJSONBody = true })),
		fault("any-content-type", "The body is read as a form whatever Content-Type says.", nil, catch("token.request-form"),
			auth(func(b *authz.Behaviour) { b.AcceptAnyContentType = true })),
		fault("charset", "A Content-Type with charset=UTF-8 is refused; many libraries add it.", nil, catch("token.request-form"),
			auth(func(b *authz.Behaviour) { b.RefuseCharset = true })),
		fault("repeated", "Of two assertions in a request the first counts.", nil, catch("token.repeated-params"),
			auth(func(b *authz.Behaviour) { b.AcceptRepeated = true })),
		fault("second-credential", "A wrong secret beside a good assertion is ignored.", nil, catch("token.one-auth-method"),
			auth(func(b *authz.Behaviour) { b.AcceptSecondCredential = true })),
		fault("unknown-parameter", "A request with a parameter that the server does not know is refused.", catch("token.unknown-params"), nil,
			auth(func(b *authz.Behaviour) { b.RefuseUnknownParameters = true })),
		fault("client-id-demanded", "A request without client_id is refused, which SMART does not ask for.", catch("token.client-id"), nil,
			auth(func(b *authz.Behaviour) { b.DemandClientID = true })),
		fault("client-id-refused", "A request with the right client_id is refused.", catch("token.client-id"), nil,
			auth(func(b *authz.Behaviour) { b.RefuseClientID = true })),
		fault("introspection-no-scope", "Introspection of a live token does not tell its scope.", catch("token.introspection"), nil,
			auth(func(b *authz.Behaviour) { b.EditIntrospection = func(m map[string]any) { delete(m, "scope") } })),
		fault("introspection-inactive", "Introspection says of a live token that it is not active.", catch("token.introspection"), nil,
			auth(func(b *authz.Behaviour) { b.EditIntrospection = func(m map[string]any) { m["active"] = false } })),
		fault("array", "The token answer is an array around the object.", catch("token.json"), nil,
			editToken(func(a *Answer) {
				a.Body = []byte("[" + string(a.Body) + "]")
				a.Header.Del("Content-Length")
			})),
		fault("access-token-number", "access_token is a number.", catch("token.access-token"), nil,
			tokenAnswer(func(m map[string]any) { m["access_token"] = 7 })),
		fault("access-token-empty", "access_token is empty.", catch("token.access-token"), nil,
			tokenAnswer(func(m map[string]any) { m["access_token"] = "" })),
		fault("access-token-characters", "access_token has a character that the Authorization header has no place for; strict proxies refuse it.", catch("token.access-token"), nil,
			auth(func(b *authz.Behaviour) { b.OddTokens = true })),
		fault("introspection-array", "Introspection answers with an array.", catch("token.introspection"), nil,
			answering(func(a *Answer) bool {
				return a.Status == http.StatusOK && strings.HasSuffix(a.Request.URL.Path, introspectPath)
			}, func(a *Answer) {
				a.Body = []byte("[" + string(a.Body) + "]")
				a.Header.Del("Content-Length")
			})),
		fault("introspection-basic-only", "Introspection takes Basic credentials only.", nil, catch("token.introspection"),
			answering(func(a *Answer) bool { return strings.HasSuffix(a.Request.URL.Path, introspectPath) }, func(a *Answer) {
				a.set(http.StatusUnauthorized, "application/json", `{"error":"invalid_client"}`)
				a.Header.Del("Content-Length")
				a.Header.Set("WWW-Authenticate", `Basic realm="introspection"`)
			})),
		fault("introspection-missing", "There is no introspection.", nil, catch("token.introspection"), setting("introspection_endpoint", nil)),
		fault("errors-200-text", "Errors are plain text with HTTP 200; clients take them for tokens.", catch("token.error-answer"), nil,
			auth(func(b *authz.Behaviour) { b.ErrorsAs200Text = true })),
		fault("errors-200", "Errors are the right JSON with HTTP 200.", catch("token.error-answer"), nil,
			auth(func(b *authz.Behaviour) { b.ErrorsAs200 = true })),
		fault("errors-html", "Errors are HTML pages.", catch("token.error-answer"), nil,
			auth(func(b *authz.Behaviour) { b.ErrorNotJSON = true })),
		fault("errors-outcome", "Errors are FHIR OperationOutcomes in place of OAuth errors.", catch("token.error-answer"), nil,
			auth(func(b *authz.Behaviour) { b.ErrorOperationOutcome = true })),
		fault("errors-403", "Errors have HTTP 403 and the right body.", nil, catch("token.error-answer"),
			auth(func(b *authz.Behaviour) { b.ErrorStatus403 = true })),
		fault("errors-own-code", "Errors have a code that OAuth does not define.", catch("token.error-answer"), nil,
			auth(func(b *authz.Behaviour) { b.UndefinedErrorCode = true })),
		fault("errors-bare", "Errors have a code and nothing else; nobody can tell what was wrong.", nil, catch("token.error-description"),
			auth(func(b *authz.Behaviour) { b.NoErrorDescription = true })),
	}
}
