package token

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
)

func clientID() checks.Check {
	return checks.Check{
		ID:    "token.client-id",
		Title: "A token request needs no client_id, and takes the right one",
		Doc: "The assertion says who the client is. A request without client_id gets a token; so does one whose client_id equals iss. A differing one is judged " +
			"by jwt.client-known.",
		Requires: []string{"TOKEN-027"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			b := battery.Of(t.Session()).Baseline
			if b.Wants == "client_id" {
				// backend-services.html#request-1: the table of parameters has no client_id.
				t.Violates("TOKEN-027", b.Response.At(), "a valid request is refused without client_id, which SMART does not ask for, and accepted with it")
				return
			}
			battery.Judge(ctx, t, "token.client-id")
		},
	}
}
