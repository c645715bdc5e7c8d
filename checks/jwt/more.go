package jwt

import "github.com/bulkproof/bulkproof/checks"

// client-confidential-asymmetric.html#signature-verification: the keys are those registered, and RFC 8725 section 3.10 warns of the
// others.
func embeddedKey() checks.Check {
	return refusals("jwt.embedded-key", "A key that travels in the assertion is not trusted",
		"An assertion signed with an unregistered key that it brings along, as jwk, as certificate in x5c, or by URL in x5u, is refused: anybody can bring a key. Nothing is judged if any signature passes.",
		"JWT-035", "JWT-046")
}

// client-confidential-asymmetric.html#signature-verification, step 3: "the kty is consistent with the signature algorithm".
func keyType() checks.Check {
	return refusals("jwt.key-type", "The key of the kid is of the type that alg needs",
		"ES384 under the kid of the RSA key and RS384 under that of the EC key, each rightly signed by the other registered key, are refused. Both kinds of key have to be registered and to work.",
		"JWT-046")
}

// client-confidential-asymmetric.html#request: kid is required.
func kidRequired() checks.Check {
	return refusals("jwt.kid-required", "An assertion without kid gets no token",
		"kid is required of the client. No sentence says what a server does without it, so a token is a warning.",
		"JWT-023")
}

// client-confidential-asymmetric.html#signature-verification, step 1: "If the jku header is not whitelisted, the signature
// verification fails."
func jkuForeign() checks.Check {
	return refusals("jwt.jku-foreign", "A jku that is not registered makes an assertion invalid",
		"jku of an unregistered URL, of other schemes, and of a wrong type, with a good signature by a registered key. For clients registered with a JWKS a server that ignores jku does no harm, so a token is a warning.",
		"JWT-043")
}

// client-confidential-asymmetric.html#request: exp is an integer of seconds. RFC 7519 section 4.1.4: a NumericDate.
func expType() checks.Check {
	return refusals("jwt.exp-type", "An exp that is no time in the future gets no token",
		"exp of another JSON type than number, and at or before the epoch, is refused. A string of digits and numbers beyond any date are a warning, a fraction is legal (RFC 7519 section 2).",
		"JWT-031", "JWT-053")
}

// client-confidential-asymmetric.html#request: exp "SHALL be no more than five minutes in the future".
func expLimit() checks.Check {
	return refusals("jwt.exp-limit", "An assertion that lives for more than five minutes gets no token",
		"exp an hour, a day, ten years ahead, and in milliseconds. The five minutes bind the client, and RFC 7523 lets the server refuse: a token is a warning. Five minutes exactly pass either way.",
		"JWT-033")
}

// RFC 7523 section 3 (5): before nbf the assertion must not be accepted.
func notBefore() checks.Check {
	return refusals("jwt.not-before", "An assertion that is not valid yet gets no token",
		"nbf an hour ahead, exp one minute after it: refused, for whichever reason. iat in the future or a day old, and odd types of iat and nbf, may be refused or not; they show only whether the server withstands them.",
		"JWT-038", "JWT-039")
}

// client-confidential-asymmetric.html#request: iss is the client_id. RFC 7523 section 3 (1).
func issuer() checks.Check {
	return refusals("jwt.issuer", "An assertion whose iss is not the client id gets no token",
		"iss missing, another text than sub, and iss and sub of a wrong type: each is refused. An array does not pass for its only element.",
		"JWT-028", "JWT-040")
}

// client-confidential-asymmetric.html#request: sub is the client_id. RFC 7523 section 3 (2) B.
func subject() checks.Check {
	return refusals("jwt.subject", "An assertion whose sub is not the client id gets no token",
		"sub missing and sub another text than iss: each is refused.",
		"JWT-029", "JWT-040")
}

// client-confidential-asymmetric.html#request: aud is required. RFC 7519 section 4.1.3: a string or an array of strings.
func audRequired() checks.Check {
	return refusals("jwt.aud-required", "An assertion without a usable aud gets no token",
		"aud missing, empty, and of a wrong type, also an array in an array with the right URL: each is refused.",
		"JWT-030", "JWT-036")
}

// RFC 7515 section 4.1.11: an extension in crit that is not understood makes the JWS invalid.
func critical() checks.Check {
	return refusals("jwt.critical", "An assertion with a critical extension that the server does not know gets no token",
		"crit names a made-up extension: refused. An unencoded payload (RFC 7797) that crit announces is a warning, as a library may know it; malformed crit is noted only.",
		"JWT-053")
}

// RFC 7523 section 3 (10): a JWT that is not valid in all other respects is refused. RFC 7519 section 7.2.
func serialization() checks.Check {
	return refusals("jwt.serialization", "Only a JWS in compact serialization gets a token",
		"Encrypted tokens with nothing in them, JWS in JSON serialization, and headers or payloads that are no JSON object are refused. Repaired JSON and skipped white space are a warning, as only the holder of the key can send them; padding, other alphabets of base64 and other values of typ are noted.",
		"JWT-053", "JWT-035")
}

// RFC 7519 section 4: reject duplicate names, or take the last.
func duplicateMembers() checks.Check {
	return refusals("jwt.duplicate-members", "Of a member that occurs twice the last value counts, or the assertion is refused",
		"A claim or header member twice, whose last value is wrong, gets no token; with the last one right both is legal. A name written with an escape counts as the name.",
		"JWT-053")
}

// RFC 7519 section 4: claims that are not understood MUST be ignored. RFC 7515 section 4: so are header members.
func unknownMembers() checks.Check {
	return refusals("jwt.unknown-members", "Unknown claims and header members do not make an assertion invalid",
		"An unknown claim with a URI as name and an unknown header member get a token. Unusual characters, deep nesting and great size in such a claim may be refused; the latter two are tried only with --allow-heavy.",
		"JWT-054")
}

// client-confidential-asymmetric.html#request: alg is required. RFC 7515 section 4.1.1.
func algRequired() checks.Check {
	return refusals("jwt.alg-required", "An assertion without alg gets no token",
		"alg missing or no string is refused. Lower case is a warning: names of algorithms are case-sensitive.",
		"JWT-022", "JWT-053")
}

// client-confidential-asymmetric.html#signature-verification: signed by the client's registered key.
func ownToken() checks.Check {
	return refusals("jwt.own-token", "An access token of the server is no client assertion",
		"An access token that the server has just issued is sent as client_assertion: refused. A server that trusts whatever it signed itself gives a token.",
		"JWT-035", "JWT-042")
}
