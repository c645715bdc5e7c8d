// Package jwt judges client authentication with signed assertions (SMART App Launch, client-confidential-asymmetric.html).
package jwt

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	list := []checks.Check{algorithms(), minimal()}
	for _, r := range rules {
		list = append(list, r.check())
	}
	return checks.Area{
		Name:  "jwt",
		Title: "Client assertions",
		Doc: "A client proves who it is with a JWT that it signs with its private key. Each check begins with an assertion that the server has just " +
			"accepted, changes exactly one thing, gives it a fresh jti, and looks whether a token is issued all the same.",
		Checks: append(list, jwksURL(), jwksGet(), jwksCache(), invalidClient(), survives()),
	}
}
