// Package jwt judges client authentication with signed assertions (SMART App Launch, client-confidential-asymmetric.html).
package jwt

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "jwt",
		Title: "Client assertions",
		Doc: "A client proves who it is with a JWT that it signs with its private key. Each check begins with an assertion that the server has just " +
			"accepted, changes exactly one thing, gives it a fresh jti, and looks whether a token is issued all the same.",
		Checks: []checks.Check{
			algorithms(),
			minimal(),
			signature(),
			algNone(),
			algRequired(),
			hmac(),
			embeddedKey(),
			keyChoice(),
			keyType(),
			kidRequired(),
			jkuForeign(),
			issuer(),
			subject(),
			clientKnown(),
			audience(),
			audRequired(),
			expired(),
			expRequired(),
			expType(),
			expLimit(),
			notBefore(),
			jtiRequired(),
			replay(),
			critical(),
			serialization(),
			duplicateMembers(),
			unknownMembers(),
			ownToken(),
			invalidClient(),
			survives(),
		},
	}
}

// refusals is a check that judges the cases of the battery that name it.
func refusals(id, title, doc string, requires ...string) checks.Check {
	return checks.Check{ID: id, Title: title, Doc: doc, Requires: requires, Needs: []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) { battery.Judge(ctx, t, id) }}
}
