// Package scope judges what scopes the token endpoint grants (SMART App Launch, scopes-and-launch-context.html;
// backend-services.html#evaluate-requested-access).
package scope

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "scope",
		Title: "Scopes",
		Doc: "A client asks for system scopes, in the syntax of SMART 1 (.read) or 2 (.rs); the server grants what the client is pre-authorised for and says " +
			"so. What was granted, not what was asked for, is what the other checks go by.",
		Checks: []checks.Check{
			v1(),
			v2(),
			v1Form(),
			announced(),
			union(),
			limited(),
			noWrite(),
			byDefault(),
			lettersKept(),
			batch(),
			shortest(),
			listedWork(),
		},
	}
}

// ask sends a valid token request for a scope, once for all checks.
func ask(t *checks.T, scope string) *session.Grant {
	w := battery.Of(t.Session())
	if w.Baseline.Grant == nil {
		t.Inconclusivef("no valid token request was accepted: %s", w.Baseline.Reason)
	}
	return session.Shared(t.Session(), "scope "+scope, func(ctx context.Context) *session.Grant { return w.Asking(ctx, scope) })
}

// refused reports whether a grant was refused as such, by an OAuth error.
func refused(g *session.Grant) bool {
	return g.Err != nil && g.Response != nil && g.Response.Status >= 400 && g.Response.Status < 500 && g.Response.Status != 429
}

// unsure ends the check where the answer is neither a token nor a refusal.
func unsure(t *checks.T, g *session.Grant) {
	if g.Err != nil && !refused(g) {
		t.Inconclusivef("%v", g.Err)
	}
}
