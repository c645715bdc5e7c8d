package jwt

import "github.com/bulkproof/bulkproof/checks"

// RFC 7523 section 3 (4): an assertion after its exp is refused, "subject to allowable clock skew".
func expired() checks.Check {
	return refusals("jwt.expired", "An expired assertion gets no token",
		"exp an hour in the past is refused, with iat or without. Clock skew is allowed without a limit, and five minutes are a common default, so nothing closer is judged. "+
			"The server's clock is taken from its Date headers; if it is off by more than a minute nothing is judged.",
		"JWT-037")
}

// RFC 7523 section 3 (4): the JWT must contain exp.
func expRequired() checks.Check {
	return refusals("jwt.exp-required", "An assertion without exp gets no token",
		"exp is required by RFC 7523 and by the table of SMART: without it an assertion that leaks is good for ever.",
		"JWT-031", "JWT-037")
}

// client-confidential-asymmetric.html#signature-verification: "ensure that the client_id provided is known and matches the
// JWT's iss claim".
func clientKnown() checks.Check {
	return refusals("jwt.client-known", "An assertion of an unknown client gets no token",
		"iss and sub are an id that is not registered, signed with a registered key; a client_id parameter is another than iss; and, where a second "+
			"client is configured, kid and signature are another client's than iss: each is refused. Ids that differ in letter case, a blank or a slash "+
			"are a warning. The answer need not tell an unknown client from a wrong signature.",
		"JWT-042")
}

// RFC 7523 section 3 (3): the server rejects a JWT that does not have its own identity as intended audience.
func audience() checks.Check {
	return refusals("jwt.audience", "An assertion for another server gets no token",
		"aud has to name the authorization server. The token endpoint of another server, an array without the right one, and texts that only resemble it "+
			"are refused: otherwise any server that receives an assertion could use it here. The FHIR base URL is a warning. An array that holds the token "+
			"endpoint, the issuer, and the same URL written otherwise may be accepted or refused.",
		"JWT-036", "JWT-030")
}

// client-confidential-asymmetric.html#request: jti is required in an assertion.
func jtiRequired() checks.Check {
	return refusals("jwt.jti-required", "An assertion without jti gets no token",
		"jti is what replay is told by. No sentence makes the server refuse an assertion without it, so a token is a warning.",
		"JWT-032")
}

// client-confidential-asymmetric.html#signature-verification: "check that the jti value has not been previously encountered
// for the given iss within the maximum allowed authentication JWT lifetime".
func replay() checks.Check {
	return refusals("jwt.replay", "An assertion gets a token once only",
		"The very assertion that was accepted a moment ago is sent again, over a new connection, within its lifetime; so is a new one with the same "+
			"jti. Both are refused. It is judged only if the first request got a token. With --allow-slow one is sent again when it has just run out, and one "+
			"that lives for an hour after six minutes (warning); with --allow-heavy the same one twice at once (warning). A jti that a refused request or "+
			"another client used may be refused or not.",
		"JWT-041")
}
