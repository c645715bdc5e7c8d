package refserver

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

func init() { registerFaults(securityFaults()...) }

// opening returns an Apply that lets requests pass which the conforming server refuses, when open says so.
func opening(open func(AccessRequest) bool) func(*Behaviour) {
	return func(b *Behaviour) {
		b.Access = func(a AccessRequest, allowed bool) bool { return allowed || open(a) }
	}
}

// tokenless are requests without a token.
func tokenless(a AccessRequest) bool { return a.Problem == ProblemToken && !a.HasToken }

// forged are requests with a token that is none.
func forged(a AccessRequest) bool { return a.Problem == ProblemToken && a.HasToken }

func fileOf(a AccessRequest, kind FileKind) bool {
	return a.Endpoint == File && a.Job != nil && a.Job.Kind == kind
}

func securityFaults() []Fault {
	fault := func(name, doc string, caught, warned []string, apply func(*Behaviour)) Fault {
		return Fault{Name: "security-" + name, Area: "security", Doc: doc, Caught: caught, Warned: warned, Apply: apply}
	}
	catch := func(id string) []string { return []string{id} }
	return []Fault{
		fault("open", "Requests without a token get everything.", nil, catch("security.kickoff-protected"),
			auth(func(b *authz.Behaviour) { b.AcceptNoToken = true })),
		fault("any-token", "Any bearer string is accepted.", catch("security.token-validated"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptAnyToken = true })),
		fault("any-jwt", "Any JWT is accepted as access token, also the client's own assertion.", catch("security.token-validated"), nil,
			auth(func(b *authz.Behaviour) { b.AnyJWTAsToken = true })),
		fault("tampered-token", "Only the first sixteen characters of a token are compared.", catch("security.token-validated"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptTamperedToken = true })),
		fault("basic", "A token is accepted as Basic credentials.", catch("security.token-validated"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptBasic = true })),
		fault("client-id-as-token", "The client id, which is no secret, is accepted as access token.", catch("security.token-validated"), nil,
			auth(func(b *authz.Behaviour) { b.AcceptClientIDAsToken = true })),
		fault("status-open", "The status is shown without a token; manifests leak counts and URLs.", catch("security.status-protected"), nil,
			opening(func(a AccessRequest) bool { return a.Endpoint == Status && tokenless(a) })),
		fault("status-any-token", "The status is shown to any bearer string.", catch("security.status-protected"), nil,
			opening(func(a AccessRequest) bool { return a.Endpoint == Status && forged(a) })),
		fault("files-open", "Files under requiresAccessToken are given out without a token.", catch("security.files-protected"), nil,
			opening(func(a AccessRequest) bool { return a.Endpoint == File && tokenless(a) })),
		fault("files-any-token", "Files are given to any bearer string.", catch("security.files-protected"), nil,
			opening(func(a AccessRequest) bool { return a.Endpoint == File && forged(a) })),
		fault("last-file-open", "Every file is protected but the last one, which a suite that looks at the first only does not see.", catch("security.files-protected"), nil,
			opening(func(a AccessRequest) bool { return fileOf(a, OutputFile) && a.Job.LastFile() && tokenless(a) })),
		fault("delete-open", "Anybody can cancel a job whose location is known.", nil, catch("security.delete-protected"),
			opening(func(a AccessRequest) bool { return a.Endpoint == Delete && tokenless(a) })),
		fault("delete-any-token", "Any bearer string can cancel a job.", nil, catch("security.delete-protected"),
			opening(func(a AccessRequest) bool { return a.Endpoint == Delete && forged(a) })),
		fault("no-challenge", "401 answers lack WWW-Authenticate.", nil, catch("security.challenge"),
			auth(func(b *authz.Behaviour) { b.NoChallenge = true })),
		fault("basic-challenge", "401 answers challenge with Basic; clients ask a user for a password.", nil, catch("security.challenge"),
			auth(func(b *authz.Behaviour) { b.BasicChallenge = true })),
		fault("invalid-token-400", "An unusable token is refused with 400; clients do not get a new one.", nil, catch("security.refusal-status"),
			auth(func(b *authz.Behaviour) { b.InvalidTokenStatus = http.StatusBadRequest })),
		fault("scope-ignored-at-kickoff", "A kick-off for types outside the token's scopes is accepted.", nil, catch("security.scope-at-kickoff"),
			answering(func(a *Answer) bool {
				return a.Endpoint == KickOff && a.Status == http.StatusForbidden && a.Request.URL.Query().Get("_type") == "Observation"
			}, func(a *Answer) {
				a.set(http.StatusAccepted, fhirJSON, "")
				a.Header.Set("Content-Location", "http://"+a.Request.Host+mount+deskPath+"promised")
			})),
		fault("scope-ignored-at-status", "The status of an export is shown to a token that covers a part of it only.", nil, catch("security.scope-at-status"),
			opening(func(a AccessRequest) bool { return a.Endpoint == Status && a.Problem == ProblemScope })),
		fault("scope-ignored-at-files", "The scope of a token is looked at when an export begins, and no more when its files are fetched.", catch("security.scope-at-files"), nil,
			opening(func(a AccessRequest) bool { return a.Endpoint == File && a.Problem == ProblemScope })),
		fault("scope-ignored-at-last-file", "The last output file is given to a token whose scopes do not cover it.", catch("security.scope-at-files"), nil,
			opening(func(a AccessRequest) bool {
				return fileOf(a, OutputFile) && a.Job.LastFile() && a.Problem == ProblemScope
			})),
		{
			Name: "security-group-scope-ignored", Area: "security", Versions: []string{IG300},
			Doc:    "A Group is exported for a client whose token does not let it read Groups.",
			Warned: []string{"security.group-scope"},
			Apply: opening(func(a AccessRequest) bool {
				return a.Endpoint == KickOff && a.Problem == ProblemScope && strings.Contains(a.Request.URL.Path, "/Group/")
			}),
		},
		{
			Name: "security-expired-token", Area: "security", Waits: true, Caught: catch("security.token-validated"),
			Doc:   "Access tokens work long after they have expired; one that leaks is good for ever.",
			Apply: auth(func(b *authz.Behaviour) { b.AcceptExpiredToken = true }),
		},
		fault("delete-refused-and-done", "A DELETE without a token is refused, and the job is gone all the same.", nil, catch("security.delete-protected"),
			func(b *Behaviour) {
				opening(func(a AccessRequest) bool { return a.Endpoint == Delete && tokenless(a) })(b)
				b.ThenAnswer(func(a *Answer) {
					if a.Endpoint == Delete && a.Status < 300 && a.Request.Header.Get("Authorization") == "" {
						a.refused(http.StatusUnauthorized, "login", "This request needs an access token.")
						a.Header.Set("WWW-Authenticate", "Bearer")
					}
				})
			}),
		fault("header-case", "The header authorization is not seen in lower case, in which some proxies write it.", catch("security.authorization-header"), nil,
			func(b *Behaviour) { b.OverlooksLowerCase = true }),
		fault("scheme-case", "The scheme bearer is refused unless it has a capital letter.", nil, catch("security.authorization-header"),
			auth(func(b *authz.Behaviour) { b.CapitalSchemeOnly = true })),
		fault("token-plain-http", "The token endpoint answers plain http on the port of TLS too.", catch("security.tls"), nil,
			func(b *Behaviour) { b.AlsoPlain = true }),
		fault("tls10", "TLS 1.0 is offered beside newer versions.", catch("security.tls"), nil,
			func(b *Behaviour) { b.TLS = func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 } }),
		fault("tls11", "TLS 1.1 is offered beside newer versions.", catch("security.tls"), nil,
			func(b *Behaviour) { b.TLS = func(c *tls.Config) { c.MinVersion = tls.VersionTLS11 } }),
		fault("no-tls-there", "An endpoint of the authorization server is https, and no TLS is spoken at its port.", catch("security.tls"), nil,
			configured(func(doc map[string]any) {
				doc["revocation_endpoint"] = strings.Replace(fmt.Sprint(doc["token_endpoint"]), "http://", "https://", 1)
			})),
		fault("plain-http", "An endpoint of the authorization server is plain http on a host of its own; tokens travel in the open.", catch("security.tls"), nil,
			setting("revocation_endpoint", "http://auth.example.org/revoke")),
	}
}
