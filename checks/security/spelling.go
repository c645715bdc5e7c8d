package security

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// newerTokens is how often a token is given up that a newer one may have ended: servers may let a client hold one token at
// a time, and other checks ask for tokens meanwhile.
const newerTokens = 5

// spelling is one way to show a good token.
type spelling struct {
	what string
	edit func(req *session.Request, token string)
}

var (
	plainly     = spelling{"as usual", func(*session.Request, string) {}}
	lowerScheme = spelling{"with the scheme written bearer", func(r *session.Request, token string) { r.Credentials = session.AuthorizationHeader("bearer " + token) }}
	lowerNames  = spelling{"with the names of its headers in lower case", func(r *session.Request, _ string) { r.LowerCase = true }}
	inQuery     = spelling{"with the token in the query alone", func(r *session.Request, token string) {
		r.Credentials = session.NoToken
		sep := "?"
		if strings.Contains(r.URL, "?") {
			sep = "&"
		}
		r.URL += sep + "access_token=" + url.QueryEscape(token)
	}}
)

// spelt asks for the status of the finished plain export in one spelling. The second result is whether the same token was
// good as usual right after; it is asked only if the spelling was refused.
func spelt(ctx context.Context, t *checks.T, sp spelling) (res *session.Response, good bool) {
	s := t.Session()
	for range newerTokens {
		token, err := s.Token(ctx)
		if err != nil {
			t.Inconclusivef("no token was had: %v", err)
		}
		ask := func(sp spelling) *session.Response {
			req := session.StatusRequest(exported(t).Location)
			req.Credentials, req.NoRedirects = session.Bearer(token), true
			sp.edit(&req, token)
			return t.Client().Do(ctx, req)
		}
		if res = ask(sp); res.Status < 400 {
			return res, true
		}
		if again := ask(plainly); again.Status < 400 {
			return res, true
		}
		// It ended meanwhile; a request of the session's own gets the next one.
		t.Client().Do(ctx, session.StatusRequest(exported(t).Location))
	}
	return res, false
}

func authorizationHeader() checks.Check {
	return checks.Check{
		ID:    "security.authorization-header",
		Title: "A token is understood however the Authorization header is spelt",
		Doc: "The status of the finished plain export is asked for with the names of the headers in lower case, which HTTP makes equal, over HTTP/1.1 only, as later " +
			"versions have no other spelling; and with the scheme in lower case, where a refusal is a warning. That a server also takes a token from the " +
			"query of a URL, as RFC 6750 lets it, is noted.",
		Requires: []string{"AUTHZ-007", "DISCOVERY-026"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(ctx context.Context, t *checks.T) {
			exported(t)
			judge := func(sp spelling, find func(*session.Response)) {
				switch res, good := spelt(ctx, t, sp); {
				case res.Status == http.StatusUnauthorized && good:
					find(res)
				case res.Status >= 400 || res.Status == 0:
					t.Inconclusivef("the status request %s is answered with %s", sp.what, res.Describe())
				}
			}
			if res := t.Discovery().Metadata; res != nil && res.TLS != nil && res.TLS.NegotiatedProtocol == "h2" {
				t.Note("names of headers are not judged: HTTP/2 has them in lower case always")
			} else {
				// conformance.html#http-headers: HTTP header names are case-insensitive.
				judge(lowerNames, func(res *session.Response) {
					t.Violates("DISCOVERY-026", res.At(), "a good token in the header authorization, written in lower case, is refused with 401; as Authorization it is taken")
				})
			}
			// RFC 9110 section 11.1: the scheme is a case-insensitive token.
			judge(lowerScheme, func(res *session.Response) {
				t.Warns("AUTHZ-007", res.At(), "a good token with the scheme written bearer is refused with 401; with Bearer it is taken")
			})
			if gate(t.Session(), without) == "" {
				if res, _ := spelt(ctx, t, inQuery); (try{res: res}).let() {
					t.Note("a token in the query of the URL is taken as well, which RFC 6750 permits, and which logs keep")
				}
			}
		},
	}
}
