package token

import "github.com/bulkproof/bulkproof/checks"

// backend-services.html#request-1: grant_type is required, fixed value client_credentials.
func grantType() checks.Check {
	return answering("token.grant-type", "A request without the right grant_type gets no token",
		"grant_type left out, empty, made up, authorization_code without a code, and password: none gets a token with a client assertion alone. Any fitting "+
			"error code passes.",
		"TOKEN-006")
}

// backend-services.html#request-1: client_assertion_type is required, fixed value.
func assertionType() checks.Check {
	return answering("token.assertion-type", "A request without the right client_assertion_type gets no token",
		"client_assertion_type left out, made up, and that of SAML with a JWT: each is refused. Upper case is a note, as some servers compare without regard "+
			"to case.",
		"TOKEN-007")
}

// backend-services.html#request-1: client_assertion is required.
func assertion() checks.Check {
	return answering("token.assertion", "A request without a client assertion gets no token",
		"client_assertion left out, empty, or text that is no JWT: each is refused, with invalid_client or invalid_request.",
		"TOKEN-008", "TOKEN-003")
}

// backend-services.html#obtain-access-token: "the client SHALL be a confidential client".
func confidential() checks.Check {
	return answering("token.confidential", "The client id alone gets no token",
		"client_credentials with the client_id and no proof of it is refused. The id is no secret.",
		"TOKEN-003")
}

// backend-services.html#request-1: POST with application/x-www-form-urlencoded.
func requestForm() checks.Check {
	return answering("token.request-form", "Token requests are form-encoded POSTs, and no other form gets a token",
		"The parameters as a GET, in the query of a POST, as JSON, as multipart, and as a form of another media type or none are refused; a token is a warning, "+
			"as the duty is the client's. A Content-Type with charset=UTF-8 is expected to work (warning).",
		"TOKEN-004")
}

// RFC 6749 section 3.2: parameters must not be included more than once.
func repeatedParams() checks.Check {
	return answering("token.repeated-params", "A request with two different assertions gets no token",
		"A good and a rogue assertion in one request, in either order: a token is a warning, as the rule binds the client. Equal values twice are noted.",
		"TOKEN-029")
}

// RFC 6749 section 2.3: a client must not use more than one authentication method in a request.
func oneAuthMethod() checks.Check {
	return answering("token.one-auth-method", "A wrong secret beside a good assertion is not ignored",
		"A good assertion with Basic credentials of a wrong secret, and with a wrong client_secret: a token is a warning, as the rule binds the client and a "+
			"gateway may use the header for itself.",
		"TOKEN-030")
}

// RFC 6749 section 3.2: unrecognized parameters are ignored, parameters without a value are as if omitted.
func unknownParams() checks.Check {
	return answering("token.unknown-params", "Unknown and empty parameters do not make a request invalid",
		"A valid request with a made-up parameter, and one with client_id without a value, get a token.",
		"TOKEN-028")
}
