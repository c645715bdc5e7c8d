package token

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func introspection() checks.Check {
	return checks.Check{
		ID:    "token.introspection",
		Title: "Introspection of a live token tells active, scope, client_id and exp",
		Doc: "Where introspection_endpoint is announced, a token that was just issued is introspected, with itself as bearer token: active is true, scope and " +
			"client_id are strings, exp is an integer. An endpoint that lets this client not in (401, 403) is not judged, as that is the operator's choice; but a 401 " +
			"whose challenges leave Bearer out, as if no bearer token could ever do, is a warning. " +
			"No introspection_endpoint at all is a warning: support is recommended. An endpoint on another origin gets no token and is not judged.",
		Requires: []string{"TOKEN-033", "SCOPE-016", "TOKEN-034"},
		Needs:    []checks.Need{checks.NeedAuth, checks.NeedSMART},
		Run: func(ctx context.Context, t *checks.T) {
			endpoint := session.Text(t.Configuration(), "introspection_endpoint")
			if endpoint == "" {
				// token-introspection.html: support is a SHOULD.
				t.Violates("SCOPE-016", t.Discovery().SMART.At().In("/introspection_endpoint"), "no introspection_endpoint is announced")
				return
			}
			if u, err := url.Parse(endpoint); err != nil || !u.IsAbs() {
				t.Inconclusivef("introspection_endpoint is no absolute URL, which discovery.absolute-urls judges")
			}
			if !t.Session().TokenAllowedAt(endpoint) {
				t.Note("introspection_endpoint lies on another origin, to which the suite sends no token unless --trust-origin names it")
				return
			}
			res := introspect(ctx, t, endpoint)
			switch {
			case res.Status == http.StatusUnauthorized && closedToBearers(res.Header.Values("WWW-Authenticate")):
				// token-introspection.html#authorization-to-perform-token-introspection: any client that may introspect "SHALL be permitted to
				// authenticate … by providing an appropriately-scoped … bearer token". Whether this one may is the operator's word.
				t.Warns("TOKEN-034", res.At(), "introspection refuses a live bearer token with 401, and challenges with other schemes only")
				return
			case res.Status == http.StatusUnauthorized || res.Status == http.StatusForbidden:
				t.Note("introspection is closed to this client (HTTP %d), which is legal", res.Status)
				return
			case res.Status != http.StatusOK:
				t.Inconclusivef("introspection was answered with %s", res.Describe())
			}
			doc, err := res.JSON()
			m, _ := doc.(map[string]any)
			if err != nil || m == nil {
				t.Violates("TOKEN-033", res.At(), "the answer of introspection is not a JSON object")
				return
			}
			if m["active"] != true {
				t.Violates("TOKEN-033", res.At().In("/active"), "active is not true for a token that was just issued")
				return
			}
			// token-introspection.html#required-fields-in-the-introspection-response: active, scope, client_id and exp.
			var lacks []string
			for _, name := range []string{"scope", "client_id"} {
				if _, ok := m[name].(string); !ok {
					lacks = append(lacks, name)
				}
			}
			if n, ok := m["exp"].(session.Number); !ok {
				lacks = append(lacks, "exp")
			} else if _, integer := n.Int(); !integer {
				lacks = append(lacks, "exp")
			}
			if len(lacks) > 0 {
				t.Violates("TOKEN-033", res.At(), "introspection of a live token does not tell %s as it should", strings.Join(lacks, ", "))
			}
		},
	}
}

// closedToBearers reports whether there are challenges, and none of the Bearer scheme.
func closedToBearers(lines []string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if scheme, _, _ := strings.Cut(strings.TrimSpace(part), " "); strings.EqualFold(scheme, "Bearer") {
				return false
			}
		}
	}
	return len(lines) > 0
}

// newerTokens is how often a token is given up that a newer one ended before it was introspected: servers may let a client
// hold one token at a time, and other checks ask for tokens meanwhile.
const newerTokens = 5

// introspect asks about a token that was just issued and that works.
func introspect(ctx context.Context, t *checks.T, endpoint string) *session.Response {
	w := battery.Of(t.Session())
	if w.Baseline.Grant == nil {
		t.Inconclusivef("no valid token request was accepted: %s", w.Baseline.Reason)
	}
	for try := 0; ; try++ {
		g := w.Another(ctx)
		if g.Err != nil {
			t.Inconclusivef("no token was had: %v", g.Err)
		}
		own := session.Bearer(g.Token)
		res := t.Client().Do(ctx, session.Request{Method: http.MethodPost, URL: endpoint, Purpose: "introspection", Credentials: own,
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
			Body:   []byte(url.Values{"token": {g.Token}}.Encode()), NoRedirects: true})
		doc, err := res.JSON()
		m, _ := doc.(map[string]any)
		if res.Status != http.StatusUnauthorized && (err != nil || m["active"] != false) || try == newerTokens {
			return res
		}
		used := t.Client().Do(ctx, session.Request{URL: "Group?_count=1", Purpose: "use of a token", Credentials: own, Header: http.Header{"Accept": {"application/fhir+json"}}})
		if used.Status != http.StatusUnauthorized {
			return res
		}
	}
}
