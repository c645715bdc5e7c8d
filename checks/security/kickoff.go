package security

import (
	"context"
	"encoding/base64"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func kickOffProtected() checks.Check {
	return checks.Check{
		ID:    "security.kickoff-protected",
		Title: "A kick-off without an access token is refused",
		Doc: "Access to exports should be managed with SMART Backend Services. A kick-off without a token is refused with a 4xx status; acceptance is a " +
			"warning, as open servers, mutual TLS and network rules are legal. Any job is deleted at once. A run without credentials skips this check.",
		Requires: []string{"SECURITY-003", "AUTHZ-008"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			k, why := kickOffAs(t.Session(), without)
			switch {
			case why != "":
				t.Inconclusivef("%s", why)
			case k.taken():
				// export.html#privacy-and-security-considerations: "Servers SHOULD implement OAuth 2.0 access management in accordance
				// with the SMART Backend Services Authorization Profile."
				t.Violates("SECURITY-003", k.res.At(), "%s", tell(k))
			case !k.refused():
				t.Inconclusivef("%s", tell(k))
			}
		},
	}
}

// tampered changes four characters in the middle of a token. The last ones may hold unused bits.
func tampered(token string) string {
	b := []byte(token)
	mid := len(b)/2 - 2
	for i := max(0, mid); i < min(mid+4, len(b)); i++ {
		switch {
		case b[i] == '.':
		case b[i] == 'x':
			b[i] = 'y'
		default:
			b[i] = 'x'
		}
	}
	return string(b)
}

// forgeries are credentials that resemble good ones.
func forgeries(t *checks.T, ctx context.Context) []bad {
	s := t.Session()
	out := []bad{garbage(s)}
	token, err := s.Token(ctx)
	if err != nil || len(token) < 8 {
		return out
	}
	out = append(out,
		bad{"tampered token", "with a good token of which four characters in the middle were changed", session.Bearer(tampered(token))},
		bad{"truncated token", "with the first half of a good token", session.Bearer(token[:len(token)/2])},
		bad{"token as Basic", "with a good token as Basic credentials", session.AuthorizationHeader("Basic " + base64.StdEncoding.EncodeToString([]byte(token+":")))})
	if c := s.Config(); c.ClientID != "" {
		out = append(out, bad{"client id as token", "with the client id as token", session.Bearer(c.ClientID)})
		if w := battery.Of(s); w.Baseline.Grant != nil {
			// A fresh assertion, never sent to the token endpoint.
			if signed, err := w.New(w.Key).Assertion(); err == nil {
				out = append(out, bad{"assertion as token", "with a client assertion as token", session.Bearer(signed)})
			}
		}
	}
	return out
}

func tokenValidated() checks.Check {
	return checks.Check{
		ID:    "security.token-validated",
		Title: "A kick-off with a forged access token is refused",
		Doc: "Each of these is refused with a 4xx status and starts no job: a token that was never issued, a good one of which four characters in the middle " +
			"were changed, half of a good one, a good one as Basic credentials, the client id, and a client assertion that was never used. On an open " +
			"server there is nothing to judge. Jobs are deleted at once. With --allow-slow a token is tried that expired 330 seconds ago, as servers allow " +
			"for clocks that differ.",
		Requires: []string{"AUTHZ-004", "AUTHZ-005", "AUTHZ-007"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 6},
		Run: func(ctx context.Context, t *checks.T) {
			if why := gate(t.Session(), without); why != "" {
				t.Inconclusivef("%s", why)
			}
			all := forgeries(t, ctx)
			for _, b := range all {
				k, why := kickOffAs(t.Session(), b)
				if why != "" {
					t.Inconclusivef("%s", why)
				}
				// backend-services.html#response-2: "The resource server SHALL validate the access token and ensure that it has not expired
				// and that its scope covers the requested resource."
				if k.taken() {
					t.Violates("AUTHZ-004", k.res.At(), "%s", tell(k))
				} else if !k.refused() {
					t.Inconclusivef("%s", tell(k))
				}
			}
			t.Examined("%d forged tokens", len(all))
			judgeExpired(ctx, t)
		},
	}
}
