package jwt

import (
	"context"
	"net/http"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func algorithms() checks.Check {
	const id = "jwt.algorithms"
	return checks.Check{
		ID:    id,
		Title: "Each registered key for an announced algorithm gets a token",
		Doc: "At least one of RS384 and ES384 works; of those that smart-configuration announces, each does for a key that is registered, also where several " +
			"keys are. An algorithm that is not announced need not work. Further algorithms of the same keys may be accepted or not.",
		Requires: []string{"JWT-013", "JWT-058", "JWT-014", "DISCOVERY-012", "JWT-045"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			s := t.Session()
			w := battery.Of(s)
			if w.Baseline.Grant == nil {
				t.Inconclusivef("no valid token request was accepted: %s", w.Baseline.Reason)
			}
			listed := session.List(s.Discover().Configuration, "token_endpoint_auth_signing_alg_values_supported")
			works := map[string]bool{}
			var silent []session.Key
			for _, k := range s.SigningKeys() {
				switch g := w.KeyAnswer(ctx, k); {
				case g.Err == nil:
					works[k.Algorithm] = true
				case g.Response != nil && (g.Response.Status == http.StatusBadRequest || g.Response.Status == http.StatusUnauthorized):
					silent = append(silent, k)
				default:
					t.Inconclusivef("a request signed with %s was answered otherwise than with a token or a refusal: %v", k.Algorithm, g.Err)
				}
			}
			for _, k := range silent {
				res := w.KeyAnswer(ctx, k).Response
				switch {
				case works[k.Algorithm]:
					// client-confidential-asymmetric.html#registering-a-client-communicating-public-keys: current and successor keys in one set.
					t.Violates("JWT-058", res.At(), "of several registered keys for %s one gets a token and another is refused (HTTP %d)", k.Algorithm, res.Status)
				case slices.Contains(listed, any(k.Algorithm)):
					// client-confidential-asymmetric.html#advertising-server-support-for-this-profile.
					t.Violates("DISCOVERY-012", res.At(), "%s is announced, and a request signed with a registered key for it is refused (HTTP %d)", k.Algorithm, res.Status)
				default:
					t.Note("a request signed with %s, which is not announced, is refused", k.Algorithm)
				}
			}
			t.Examined("%d keys", len(s.SigningKeys()))
			battery.JudgeToo(ctx, t, id)
		},
	}
}

func minimal() checks.Check {
	return checks.Check{
		ID:    "jwt.minimal-assertion",
		Title: "An assertion with the required members alone gets a token",
		Doc: "alg, kid and typ, and iss, sub, aud, exp and jti are all that SMART asks for. If such an assertion is refused and the same one with iat or nbf is " +
			"not, the server wants more than it may.",
		Requires: []string{"JWT-055"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			b := battery.Of(t.Session()).Baseline
			switch {
			case b.Grant != nil:
			case b.Wants == "" || b.Wants == "client_id":
				t.Inconclusivef("no valid token request was accepted: %s", b.Reason)
			default:
				// client-confidential-asymmetric.html#request: the table of claims.
				t.Violates("JWT-055", b.Response.At(), "a valid assertion is refused without %s, which SMART does not ask for, and accepted with it", b.Wants)
			}
		},
	}
}
