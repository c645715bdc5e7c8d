// Package security judges who is let in at kick-off, status, files and DELETE (export.html#privacy-and-security-considerations,
// SMART App Launch backend-services.html#access-fhir-api).
package security

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "security",
		Title: "Access to exports",
		Doc: "With SMART Backend Services in use, kick-off, status and files need a valid access token whose scopes cover what is asked for. Each request " +
			"is tried without a token, with wrong ones, and with one of too little scope; every file is tried, not only the first.",
		Checks: []checks.Check{
			kickOffProtected(),
			tokenValidated(),
			statusProtected(),
			filesProtected(),
			deleteProtected(),
			challenge(),
			refusalStatus(),
			scopeAtKickOff(),
			scopeAtStatus(),
			scopeAtFiles(),
			groupScope(),
			authorizationHeader(),
			tlsEverywhere(),
		},
	}
}
