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
