// Package token judges the token endpoint (SMART App Launch, backend-services.html#obtain-access-token).
package token

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "token",
		Title: "Token endpoint",
		Doc: "A client sends a form with its signed assertion and gets a short-lived bearer token as JSON, or an OAuth error. Requests that lack something " +
			"begin with one that the server has just accepted.",
		Checks: []checks.Check{
			issue(),
			jsonAnswer(),
			accessToken(),
			tokenType(),
			expiresIn(),
			lifetime(),
			scopeMember(),
			noStore(),
			noRefresh(),
			size(),
			grantType(),
			assertionType(),
			assertion(),
			confidential(),
			requestForm(),
			repeatedParams(),
			oneAuthMethod(),
			unknownParams(),
			clientID(),
			errorAnswer(),
			errorDescription(),
			introspection(),
		},
	}
}

// granted returns the answer to the session's first valid token request, whatever it was.
func granted(t *checks.T) *session.Grant {
	g := session.Shared(t.Session(), "first grant", func(ctx context.Context) *session.Grant { return t.Session().Grant(ctx) })
	if g.Response == nil {
		t.Inconclusivef("no token could be asked for: %v", g.Err)
	}
	return g
}

// document returns the members of a token answer with a success status; the check is inconclusive without one.
func document(t *checks.T) (*session.Grant, map[string]any) {
	g := granted(t)
	if g.Response.Err != nil || g.Response.Status < 200 || g.Response.Status > 299 || g.Document == nil {
		t.Inconclusivef("there is no token answer to look at: %v", g.Err)
	}
	return g, g.Document
}

// answering is a check that judges the cases of the battery that name it.
func answering(id, title, doc string, requires ...string) checks.Check {
	return checks.Check{ID: id, Title: title, Doc: doc, Requires: requires, Needs: []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) { battery.Judge(ctx, t, id) }}
}

// onGrant is a check that judges the answer to a valid request.
func onGrant(id, title, doc string, judge func(*checks.T, *session.Grant, map[string]any), requires ...string) checks.Check {
	return checks.Check{ID: id, Title: title, Doc: doc, Requires: requires, Needs: []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			g, doc := document(t)
			judge(t, g, doc)
		}}
}
