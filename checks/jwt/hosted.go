package jwt

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// hosted returns the client whose JWKS the suite hosts; without one the check is skipped.
func hosted(t *checks.T) *battery.Hosted {
	h, why := battery.HostedOf(t.Session())
	if why != "" {
		t.Skipf("%s", why)
	}
	return h
}

// methods counts the requests for the hosted JWKS by method.
func methods(s *session.Session) map[string]int {
	n := map[string]int{}
	for _, r := range s.Config().Hosted.Requests("") {
		n[r.Method]++
	}
	return n
}

func jwksURL() checks.Check {
	return checks.Check{
		ID:    "jwt.jwks-url",
		Title: "A client that registered the URL of its JWKS gets a token",
		Doc: "A valid request of the client whose JWKS the suite hosts (--jwks-listen), without jku, gets a token: the registered URL gives the keys. It is " +
			"judged only if the JWKS was asked for, as a server that cannot reach it cannot be told from one that does not look, or if jku, which " +
			"is optional, makes the difference. Where the first client registered its keys and the second a URL (--jwks-second), both ways of " +
			"registration are seen to work.",
		Requires: []string{"JWT-045", "JWT-006", "JWT-004", "JWT-027"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			h := hosted(t)
			switch {
			case h.Grant != nil && !h.WantsJKU:
				t.Examined("%d keys", len(h.Works))
			case h.Response == nil:
				t.Inconclusivef("%s", h.Reason)
			// client-confidential-asymmetric.html#signature-verification, step 2: "If the jku header is absent", the keys are those of the
			// registered URL or JWKS.
			case h.WantsJKU:
				t.Violates("JWT-045", h.Response.At(), "a valid request is refused without jku, which is optional, and accepted with it")
			case battery.Of(t.Session()).Baseline.Grant == nil:
				t.Inconclusivef("no valid token request was accepted, of no client: %s", h.Reason)
			case methods(t.Session())[http.MethodGet] == 0:
				t.Inconclusivef("the hosted JWKS was never asked for by GET; can the server reach %s? %s", session.RedactURL(t.Session().Config().Hosted.URL()), h.Reason)
			default:
				// #registering-a-client-communicating-public-keys: servers "SHALL support registration of client JWKs using both". The first client,
				// which registered its keys, got a token. 1.0.1 has no such sentence.
				req := "JWT-006"
				if t.IG() == spec.V101 {
					req = "JWT-045"
				}
				t.Violates(req, h.Response.At(), "the JWKS was read from its registered URL, and a valid request signed with a key in it gets no token: %s", h.Reason)
			}
		},
	}
}

func jwksGet() checks.Check {
	return checks.Check{
		ID:    "jwt.jwks-get",
		Title: "A hosted JWKS is asked for by GET",
		Doc: "Requests for the registered JWKS URL are GETs without a body; HEAD beside them is fine. The Accept header, conditional requests and the number " +
			"of requests are not judged.",
		Requires: []string{"JWT-048"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			h := hosted(t)
			all := t.Session().Config().Hosted.Requests("")
			if len(all) == 0 {
				t.Inconclusivef("the hosted JWKS was never asked for")
			}
			noAccept := 0
			for _, r := range all {
				// client-confidential-asymmetric.html#signature-verification: the JWKS URL is dereferenced with a GET request.
				if r.Method != http.MethodGet && r.Method != http.MethodHead {
					t.Violates("JWT-048", h.Response.At(), "the JWKS is asked for with another method than GET")
					break
				}
				if r.HasBody {
					t.Violates("JWT-048", h.Response.At(), "the JWKS is asked for with a GET that has a body")
					break
				}
				if r.Header.Get("Accept") == "" {
					noAccept++
				}
			}
			if noAccept > 0 {
				t.Note("%d of %d requests for the JWKS had no Accept header", noAccept, len(all))
			}
		},
	}
}

func jwksCache() checks.Check {
	return checks.Check{
		ID:    "jwt.jwks-cache",
		Title: "A JWKS is cached as long as its Cache-Control allows",
		Doc: "Six valid requests follow each other while the hosted JWKS may be cached for fifteen seconds. A fetch for each of them is a warning. " +
			"Fewer are fine, as the nodes of a cluster may fetch one each.",
		Requires: []string{"JWT-051"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			h := hosted(t)
			if h.Grant == nil || h.WantsJKU {
				t.Inconclusivef("the client with the hosted JWKS gets no token for a valid request (see jwt.jwks-url)")
			}
			c := battery.CachingOf(t.Session(), h)
			if c.Reason != "" {
				t.Inconclusivef("%s", c.Reason)
			}
			// client-confidential-asymmetric.html#signature-verification: servers "SHOULD cache a client's JWK Set according to the
			// client's cache-control header".
			if c.Fetches >= c.Requests {
				t.Violates("JWT-051", c.Last.At(), "each of %d token requests made the server read the JWKS, which may be cached", c.Requests)
			}
			t.Examined("%d token requests, %d of the JWKS", c.Requests, c.Fetches)
		},
	}
}
