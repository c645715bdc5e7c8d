package scope

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func byDefault() checks.Check {
	return checks.Check{
		ID:    "scope.default",
		Title: "A request without scope is refused, or the grant names the scope that it got",
		Doc: "A token request without scope is answered with invalid_scope or invalid_request, or with a token for a default scope, which the answer names, as the " +
			"client cannot know it otherwise (RFC 6749 sections 3.3 and 5.1). Another code that OAuth knows is a warning. Whether token answers name a scope at " +
			"all is judged by token.scope.",
		Requires: []string{"TOKEN-005"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			g := ask(t, "")
			unsure(t, g)
			if g.Err != nil {
				doc, _ := g.Response.JSON()
				m, _ := doc.(map[string]any)
				if code := session.Text(m, "error"); battery.KnownError(code) && code != "invalid_scope" && code != "invalid_request" {
					t.Warns("TOKEN-005", g.Response.At().In("/error"), "a request without scope is refused with another error than invalid_scope or invalid_request")
				}
				return
			}
			if _, names := g.Document["scope"]; names {
				return
			}
			if asked := t.Session().Grant(t.Session().Context()); asked.Document["scope"] == nil {
				t.Inconclusivef("token answers name no scope here (see token.scope)")
			}
			t.Violates("TOKEN-005", g.Response.At(), "a request without scope gets a token, and the answer does not name its scope")
		},
	}
}
