package jwt

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
)

// rule is a check that judges the cases of the battery that name it.
type rule struct {
	id, title, doc string
	requires       []string
}

func (r rule) check() checks.Check {
	return checks.Check{ID: r.id, Title: r.title, Doc: r.doc, Requires: r.requires, Needs: []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) { battery.Judge(ctx, t, r.id) }}
}

// rules are what the server must not fall for, or has to accept. Above each stands where it comes from.
var rules = []rule{
	// client-confidential-asymmetric.html#signature-verification: the server "SHALL validate the JWT according to … RFC 7523,
	// including validation of the signature". RFC 7523 section 3 (9): an assertion must be signed or have a MAC, and one with
	// an invalid signature is refused.
	{"jwt.signature", "An assertion with a wrong signature gets no token",
		"A signature with one byte inverted, one of an unregistered key under the registered kid, one over other claims, none at all, and one by " +
			"another hash than the header says: each is refused. Bytes are changed in the decoded signature, as the last character of its base64url form " +
			"holds unused bits. An ECDSA signature in DER is tolerated, as only the holder of the key can make it.",
		[]string{"JWT-035", "JWT-047", "JWT-034"}},
	// RFC 7523 section 3 (9), RFC 7515 section 8.5 and RFC 8725 section 3.2: none is no algorithm to accept.
	{"jwt.alg-none", "An assertion that says it is unsigned gets no token",
		"alg none in four spellings, with an empty signature and with a good one left in place, and an empty alg: each is refused.",
		[]string{"JWT-035", "JWT-014"}},
	// client-confidential-asymmetric.html#request: alg is required. RFC 7515 section 4.1.1.
	{"jwt.alg-required", "An assertion without alg gets no token",
		"alg missing or no string is refused. Lower case is a warning: names of algorithms are case-sensitive.",
		[]string{"JWT-022", "JWT-053"}},
	// RFC 8725 section 2.1: a public key taken for an HMAC secret lets anybody sign.
	{"jwt.hmac", "An assertion signed with the public key as shared secret gets no token",
		"alg HS384 with the registered public key as secret, in six forms in which libraries keep it (PEM, DER, JWK text, modulus): each is refused. " +
			"The public key is no secret, so anybody could sign.",
		[]string{"JWT-035", "JWT-046"}},
	// client-confidential-asymmetric.html#signature-verification: the keys are those registered, and RFC 8725 section 3.10 warns of the
	// others.
	{"jwt.embedded-key", "A key that travels in the assertion is not trusted",
		"An assertion signed with an unregistered key that it brings along, as jwk, as certificate in x5c, or by URL in x5u, is refused: anybody can bring a key. Nothing is judged if any signature passes.",
		[]string{"JWT-035", "JWT-046"}},
	// client-confidential-asymmetric.html#signature-verification, step 3: "the single key where the kid matches the value
	// supplied in the client's JWT header, and the kty is consistent with the signature algorithm. If no keys match, or more
	// than one key matches, the verification fails".
	{"jwt.key-choice", "Only the registered key that kid and alg point at verifies an assertion",
		"A kid that is in no JWKS, that is no string, that is hostile, or that is the client's other key for the same algorithm, although a registered " +
			"key made the signature, is refused. So is one that two keys of a hosted JWKS (--jwks-listen) have; under 1.0.1 each of them is tried, and a refusal is a warning. " +
			"An unknown kid may make the server fetch the JWKS again; other letter case is noted, and null may pass for missing (warning).",
		[]string{"JWT-046"}},
	// client-confidential-asymmetric.html#signature-verification, step 3: "the kty is consistent with the signature algorithm".
	{"jwt.key-type", "The key of the kid is of the type that alg needs",
		"ES384 under the kid of the RSA key and RS384 under that of the EC key, each rightly signed by the other registered key, are refused. Both kinds of key have to be registered and to work.",
		[]string{"JWT-046"}},
	// client-confidential-asymmetric.html#request: kid is required.
	{"jwt.kid-required", "An assertion without kid gets no token",
		"kid is required of the client. No sentence says what a server does without it, so a token is a warning.",
		[]string{"JWT-023"}},
	// client-confidential-asymmetric.html#signature-verification, step 1: "If the jku header is not whitelisted, the signature
	// verification fails."
	{"jwt.jku-foreign", "A jku that is not registered makes an assertion invalid",
		"jku of an unregistered URL, of other schemes, and of a wrong type, with a good signature by a registered key. For clients registered with a JWKS " +
			"a server that ignores jku does no harm, so a token is a warning; for a client that registered the URL it is a failure. With --jwks-listen the suite also " +
			"hosts keys that nobody registered, at URLs of which some resemble the registered one: a token for a signature by such a key is a failure for everybody, " +
			"a mere request for the URL a warning.",
		[]string{"JWT-043"}},
	// client-confidential-asymmetric.html#signature-verification, step 2: "If the jku header is whitelisted, create a set of potential keys by
	// dereferencing the jku URL."
	{"jwt.jku-registered", "An assertion whose jku is the registered JWKS URL gets a token",
		"The client whose JWKS the suite hosts (--jwks-listen) names the registered URL in jku. A server that reads the registered URL without looking at jku conforms.",
		[]string{"JWT-044"}},
	// RFC 7517 section 5, to which client-confidential-asymmetric.html#registering-a-client-communicating-public-keys refers: keys that are not
	// understood should be ignored.
	{"jwt.jwks-odd-keys", "A key that the server does not understand leaves the others of the JWKS usable",
		"Beside the key that signs, the hosted JWKS (--jwks-listen) holds one of an unknown kty, one that lacks n or x, one with broken base64url, or one without kid. A refusal is " +
			"a warning. It counts only if the JWKS was read again for it.",
		[]string{"JWT-056"}},
	// client-confidential-asymmetric.html#registering-a-client-communicating-public-keys: an RSA key has n and e, an EC key crv, x and y.
	{"jwt.jwks-bare-keys", "A JWK needs nothing but kty, kid and the key",
		"The client's own keys are hosted (--jwks-listen) under a new kid without use, alg, key_ops and x5c: RSA with n and e, EC with crv, x and y. Such a key gets a token.",
		[]string{"JWT-016", "JWT-017"}},
	// client-confidential-asymmetric.html#registering-a-client-communicating-public-keys: a client with a URL "can rotate its own keys" by
	// changing what it hosts. #signature-verification: servers "SHALL NOT cache a JWKS for longer than the client's cache-control header indicates".
	{"jwt.jwks-rotation", "Keys change as the hosted JWKS changes",
		"A key that comes into the hosted JWKS (--jwks-listen) gets a token, and one that goes gets none. The JWKS has Cache-Control: no-store. The server " +
			"has five seconds to notice; a change that it notices within a minute more is a warning, as throttles against floods of fetches are usual, and one that it never " +
			"notices a failure.",
		[]string{"JWT-057", "JWT-050"}},
	// client-confidential-asymmetric.html#request: iss is the client_id. RFC 7523 section 3 (1).
	{"jwt.issuer", "An assertion whose iss is not the client id gets no token",
		"iss missing, another text than sub, and iss and sub of a wrong type: each is refused. An array does not pass for its only element.",
		[]string{"JWT-028", "JWT-040"}},
	// client-confidential-asymmetric.html#request: sub is the client_id. RFC 7523 section 3 (2) B.
	{"jwt.subject", "An assertion whose sub is not the client id gets no token",
		"sub missing and sub another text than iss: each is refused.",
		[]string{"JWT-029", "JWT-040"}},
	// client-confidential-asymmetric.html#signature-verification: "ensure that the client_id provided is known and matches the
	// JWT's iss claim".
	{"jwt.client-known", "An assertion of an unknown client gets no token",
		"iss and sub are an id that is not registered, signed with a registered key; a client_id parameter is another than iss; and, where a second " +
			"client is configured, kid and signature are another client's than iss: each is refused. Ids that differ in letter case, a blank or a slash " +
			"are a warning. The answer need not tell an unknown client from a wrong signature.",
		[]string{"JWT-042"}},
	// RFC 7523 section 3 (3): the server rejects a JWT that does not have its own identity as intended audience.
	{"jwt.audience", "An assertion for another server gets no token",
		"aud has to name the authorization server. The token endpoint of another server, an array without the right one, and texts that only resemble it " +
			"are refused: otherwise any server that receives an assertion could use it here. The FHIR base URL is a warning. An array that holds the token " +
			"endpoint, the issuer, and the same URL written otherwise may be accepted or refused.",
		[]string{"JWT-036", "JWT-030"}},
	// client-confidential-asymmetric.html#request: aud is required. RFC 7519 section 4.1.3: a string or an array of strings.
	{"jwt.aud-required", "An assertion without a usable aud gets no token",
		"aud missing, empty, and of a wrong type, also an array in an array with the right URL: each is refused.",
		[]string{"JWT-030", "JWT-036"}},
	// RFC 7523 section 3 (4): an assertion after its exp is refused, "subject to allowable clock skew".
	{"jwt.expired", "An expired assertion gets no token",
		"exp an hour in the past is refused, with iat or without. Clock skew is allowed without a limit, and five minutes are a common default, so nothing closer is judged. " +
			"The server's clock is taken from its Date headers; if it is off by more than a minute nothing is judged.",
		[]string{"JWT-037"}},
	// RFC 7523 section 3 (4): the JWT must contain exp.
	{"jwt.exp-required", "An assertion without exp gets no token",
		"exp is required by RFC 7523 and by the table of SMART: without it an assertion that leaks is good for ever.",
		[]string{"JWT-031", "JWT-037"}},
	// client-confidential-asymmetric.html#request: exp is an integer of seconds. RFC 7519 section 4.1.4: a NumericDate.
	{"jwt.exp-type", "An exp that is no time in the future gets no token",
		"exp of another JSON type than number, and at or before the epoch, is refused. A string of digits and numbers beyond any date are a warning, a fraction is legal (RFC 7519 section 2).",
		[]string{"JWT-031", "JWT-053"}},
	// client-confidential-asymmetric.html#request: exp "SHALL be no more than five minutes in the future".
	{"jwt.exp-limit", "An assertion that lives for more than five minutes gets no token",
		"exp an hour, a day, ten years ahead, and in milliseconds. The five minutes bind the client, and RFC 7523 lets the server refuse: a token is a warning. Five minutes exactly pass either way.",
		[]string{"JWT-033"}},
	// RFC 7523 section 3 (5): before nbf the assertion must not be accepted.
	{"jwt.not-before", "An assertion that is not valid yet gets no token",
		"nbf an hour ahead, exp one minute after it: refused, for whichever reason. iat in the future or a day old, and odd types of iat and nbf, may be refused or not; they show only whether the server withstands them.",
		[]string{"JWT-038", "JWT-039"}},
	// client-confidential-asymmetric.html#request: jti is required in an assertion.
	{"jwt.jti-required", "An assertion without jti gets no token",
		"jti is what replay is told by. No sentence makes the server refuse an assertion without it, so a token is a warning.",
		[]string{"JWT-032"}},
	// client-confidential-asymmetric.html#signature-verification: "check that the jti value has not been previously encountered
	// for the given iss within the maximum allowed authentication JWT lifetime".
	{"jwt.replay", "An assertion gets a token once only",
		"The very assertion that was accepted a moment ago is sent again, over a new connection, within its lifetime; so is a new one with the same " +
			"jti. Both are refused. It is judged only if the first request got a token. With --allow-slow one is sent again when it has just run out, and one " +
			"that lives for an hour after six minutes (warning); with --allow-heavy the same one twice at once (warning). A jti that a refused request or " +
			"another client used may be refused or not.",
		[]string{"JWT-041"}},
	// RFC 7515 section 4.1.11: an extension in crit that is not understood makes the JWS invalid.
	{"jwt.critical", "An assertion with a critical extension that the server does not know gets no token",
		"crit names a made-up extension: refused. An unencoded payload (RFC 7797) that crit announces is a warning, as a library may know it; malformed crit is noted only.",
		[]string{"JWT-053"}},
	// RFC 7523 section 3 (10): a JWT that is not valid in all other respects is refused. RFC 7519 section 7.2.
	{"jwt.serialization", "Only a JWS in compact serialization gets a token",
		"Encrypted tokens with nothing in them, JWS in JSON serialization, and headers or payloads that are no JSON object are refused. Repaired JSON and skipped white space are a warning, as only the holder of the key can send them; padding, other alphabets of base64 and other values of typ are noted.",
		[]string{"JWT-053", "JWT-035"}},
	// RFC 7519 section 4: reject duplicate names, or take the last.
	{"jwt.duplicate-members", "Of a member that occurs twice the last value counts, or the assertion is refused",
		"A claim or header member twice, whose last value is wrong, gets no token; with the last one right both is legal. A name written with an escape counts as the name.",
		[]string{"JWT-053"}},
	// RFC 7519 section 4: claims that are not understood MUST be ignored. RFC 7515 section 4: so are header members.
	{"jwt.unknown-members", "Unknown claims and header members do not make an assertion invalid",
		"An unknown claim with a URI as name and an unknown header member get a token. Unusual characters, deep nesting and great size in such a claim may be refused; the latter two are tried only with --allow-heavy.",
		[]string{"JWT-054"}},
	// client-confidential-asymmetric.html#signature-verification: signed by the client's registered key.
	{"jwt.own-token", "An access token of the server is no client assertion",
		"An access token that the server has just issued is sent as client_assertion: refused. A server that trusts whatever it signed itself gives a token.",
		[]string{"JWT-035", "JWT-042"}},
}
