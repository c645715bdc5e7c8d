package jwt

import "github.com/bulkproof/bulkproof/checks"

// client-confidential-asymmetric.html#signature-verification: the server "SHALL validate the JWT according to … RFC 7523,
// including validation of the signature". RFC 7523 section 3 (9): an assertion must be signed or have a MAC, and one with
// an invalid signature is refused.
func signature() checks.Check {
	return refusals("jwt.signature", "An assertion with a wrong signature gets no token",
		"A signature with one byte inverted, one of an unregistered key under the registered kid, one over other claims, none at all, and one by "+
			"another hash than the header says: each is refused. Bytes are changed in the decoded signature, as the last character of its base64url form "+
			"holds unused bits. An ECDSA signature in DER is tolerated, as only the holder of the key can make it.",
		"JWT-035", "JWT-047", "JWT-034")
}

// RFC 7523 section 3 (9), RFC 7515 section 8.5 and RFC 8725 section 3.2: none is no algorithm to accept.
func algNone() checks.Check {
	return refusals("jwt.alg-none", "An assertion that says it is unsigned gets no token",
		"alg none in four spellings, with an empty signature and with a good one left in place, and an empty alg: each is refused.",
		"JWT-035", "JWT-014")
}

// RFC 8725 section 2.1: a public key taken for an HMAC secret lets anybody sign.
func hmac() checks.Check {
	return refusals("jwt.hmac", "An assertion signed with the public key as shared secret gets no token",
		"alg HS384 with the registered public key as secret, in six forms in which libraries keep it (PEM, DER, JWK text, modulus): each is refused. "+
			"The public key is no secret, so anybody could sign.",
		"JWT-035", "JWT-046")
}

// client-confidential-asymmetric.html#signature-verification, step 3: "the single key where the kid matches the value
// supplied in the client's JWT header, and the kty is consistent with the signature algorithm. If no keys match, or more
// than one key matches, the verification fails".
func keyChoice() checks.Check {
	return refusals("jwt.key-choice", "Only the registered key that kid and alg point at verifies an assertion",
		"A kid that is in no JWKS, that is no string, that is hostile, or that is the client's other key for the same algorithm, although a registered "+
			"key made the signature, is refused. An unknown kid may make the server fetch the JWKS again; other letter case is noted, and null may pass for "+
			"missing (warning).",
		"JWT-046")
}
