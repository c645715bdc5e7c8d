package refserver

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

func init() { registerFaults(jwtFaults()...) }

// afterwards returns an Apply that edits the next answers of the token endpoint once an assertion with an unknown critical
// extension was refused: as many as a patient client asks for within a minute.
func afterwards(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		var left atomic.Int32
		b.Auth.EditError = func(_ *int, body map[string]any, _ http.Header) {
			if text, _ := body["error_description"].(string); strings.Contains(text, "crit names") {
				left.Store(5) // this answer is the first of them
			}
		}
		b.ThenAnswer(func(a *Answer) {
			if a.Endpoint != Token || left.Load() == 0 {
				return
			}
			if left.Add(-1) < 4 {
				a.Header.Del("Content-Length")
				edit(a)
			}
		})
	}
}

func jwtFaults() []Fault {
	fault := func(name, doc string, caught, warned []string, set func(*authz.Behaviour)) Fault {
		return Fault{Name: "jwt-" + name, Area: "jwt", Doc: doc, Caught: caught, Warned: warned, Apply: auth(set)}
	}
	catch := func(id string) []string { return []string{id} }
	return []Fault{
		fault("signature-ignored", "The signature is not verified once a key was found for the kid; anybody can be any client.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptBadSignature = true }),
		fault("signature-empty", "An empty signature counts as a good one.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptEmptySignature = true }),
		fault("signature-any-hash", "An RSA signature is verified by whatever hash fits, whatever alg says.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptAnyHash = true }),
		fault("signature-zero", "An ES384 signature of zeros is accepted, as some verifiers of 2022 did.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptZeroECDSA = true }),
		fault("alg-none", "alg none is accepted; anybody can be any client.", catch("jwt.alg-none"), nil,
			func(b *authz.Behaviour) { b.AcceptAlgNone = true }),
		fault("hmac-public-key", "HS384 is verified with the public key as secret; whoever has the public key can sign.", catch("jwt.hmac"), nil,
			func(b *authz.Behaviour) { b.AcceptHMACWithPublicKey = true }),
		fault("jwk-header", "The key in the jwk header is trusted; anybody can bring a key.", catch("jwt.embedded-key"), nil,
			func(b *authz.Behaviour) { b.TrustJWKHeader = true }),
		fault("x5c-header", "The certificate in the x5c header is trusted, whoever issued it.", catch("jwt.embedded-key"), nil,
			func(b *authz.Behaviour) { b.TrustX5CHeader = true }),
		fault("kid-ignored", "Every key of the client is tried when the kid is unknown.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) { b.AcceptUnknownKid = true }),
		fault("kid-missing", "Every key of the client is tried when kid is missing.", nil, catch("jwt.kid-required"),
			func(b *authz.Behaviour) { b.AcceptNoKid = true }),
		fault("kid-not-string", "A kid that is no string counts as missing, and every key is tried.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) { b.AcceptNonStringKid = true }),
		fault("kid-key-type", "The other keys are tried when the one of the kid is of another type than alg needs.", catch("jwt.key-type"), nil,
			func(b *authz.Behaviour) { b.AcceptKeyTypeConfusion = true }),
		fault("kid-crash", "The connection drops when kid is no string.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnNonStringKid = true }),
		fault("jku-ignored", "A foreign jku is ignored and the registered keys are used, also for clients that registered another URL.", catch("jwt.jku-foreign"), nil,
			func(b *authz.Behaviour) { b.IgnoreJKU = true }),
		fault("jku-ignored-of-jwks", "A jku is ignored where the client registered its keys.", nil, catch("jwt.jku-foreign"),
			func(b *authz.Behaviour) { b.IgnoreJKUOfJWKS = true }),
		fault("jku-followed", "Whatever jku names is fetched and trusted; anybody can bring a key.", catch("jwt.jku-foreign"), nil,
			func(b *authz.Behaviour) { b.FollowAnyJKU = true }),
		fault("jku-prefix", "A jku that begins with the registered URL, or names its host, is trusted.", catch("jwt.jku-foreign"), nil,
			func(b *authz.Behaviour) { b.FollowJKUPrefix = true }),
		fault("jku-fetched", "A foreign jku is fetched before it is refused; strangers send requests by way of the server.", nil, catch("jwt.jku-foreign"),
			func(b *authz.Behaviour) { b.FetchForeignJKU = true }),
		fault("jku-registered-refused", "An assertion that names its registered JWKS URL in jku is refused.", catch("jwt.jku-registered"), nil,
			func(b *authz.Behaviour) { b.RefuseRegisteredJKU = true }),
		fault("jku-demanded", "jku, which is optional, is demanded of clients that registered a JWKS URL.", catch("jwt.jwks-url"), nil,
			func(b *authz.Behaviour) { b.DemandJKU = true }),
		fault("jwks-url-refused", "Assertions of clients that registered a JWKS URL are refused once their keys are read.", catch("jwt.jwks-url"), nil,
			func(b *authz.Behaviour) { b.RefuseFetchedKeys = true }),
		fault("jwks-post", "The JWKS of a client is asked for by POST.", catch("jwt.jwks-get"), nil,
			func(b *authz.Behaviour) { b.FetchJWKSByPOST = true }),
		fault("jwks-get-body", "The JWKS of a client is asked for with a GET that has a body.", catch("jwt.jwks-get"), nil,
			func(b *authz.Behaviour) { b.FetchJWKSWithBody = true }),
		fault("jwks-forever", "A JWKS is read once and kept for ever; a client cannot change its keys.", catch("jwt.jwks-rotation"), nil,
			func(b *authz.Behaviour) { b.CacheJWKSForever = true }),
		fault("jwks-removed-kept", "Keys that a client took out of its JWKS are trusted on; a stolen key stays good.", catch("jwt.jwks-rotation"), nil,
			func(b *authz.Behaviour) { b.KeepRemovedKeys = true }),
		fault("jwks-never-cached", "The JWKS is read for each token request, although it may be cached.", nil, catch("jwt.jwks-cache"),
			func(b *authz.Behaviour) { b.NeverCacheJWKS = true }),
		fault("jwks-odd-key", "One key that the server does not understand makes a whole JWKS unusable.", nil, catch("jwt.jwks-odd-keys"),
			func(b *authz.Behaviour) { b.RefuseOddKeys = true }),
		fault("jwk-alg-demanded", "A JWK without alg is refused, which may be left out.", catch("jwt.jwks-bare-keys"), nil,
			func(b *authz.Behaviour) { b.DemandKeyAlg = true }),
		fault("jwks-double-kid", "Each of several keys with one kid is tried.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) { b.AcceptDuplicateKid = true }),
		fault("jwks-broken-crash", "The connection drops when a client's JWKS cannot be read.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOn = func(r authz.Reason) bool { return r == authz.ReasonJWKS } }),
		fault("jwks-broken-500", "A JWKS that cannot be read is answered with 500, as if the server were at fault.", nil, catch("jwt.survives"),
			func(b *authz.Behaviour) {
				b.EditError = func(status *int, body map[string]any, _ http.Header) {
					if text, _ := body["error_description"].(string); strings.Contains(text, "the JWKS URL") || strings.Contains(text, "answer of the JWKS") {
						*status = http.StatusInternalServerError
					}
				}
			}),
		fault("key-of-other-client", "A key of any client authenticates any other.", catch("jwt.client-known"), nil,
			func(b *authz.Behaviour) { b.AcceptAnyRegisteredKey = true }),
		fault("key-other-than-kid", "Every key of the client is tried, whichever of them kid names.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) { b.AcceptWrongKid = true }),
		fault("key-first-only", "Only the first key of a JWKS is used; a successor key does not work.", catch("jwt.algorithms"), nil,
			func(b *authz.Behaviour) { b.OnlyFirstKey = true }),
		{
			Name: "jwt-locks-out", Area: "jwt", Waits: true, Warned: catch("jwt.survives"),
			Doc: "After one wrong assertion valid ones are refused for more than a minute; a stranger can lock a client out.",
			Apply: afterwards(func(a *Answer) {
				a.set(http.StatusBadRequest, "application/json", `{"error":"invalid_client","error_description":"Try again later."}`)
			}),
		},
		{
			Name: "jwt-breaks-down", Area: "jwt", Waits: true, Caught: catch("jwt.survives"),
			Doc:   "After one wrong assertion valid ones get no answer for more than a minute; a stranger can stop the token endpoint.",
			Apply: afterwards(func(a *Answer) { a.Drop = true }),
		},
		{
			Name: "jwt-replay-until-exp", Area: "jwt", Waits: true, Caught: catch("jwt.replay"),
			Doc: "A jti is forgotten when the assertion expires, although the assertion is accepted for a while after.",
			Apply: auth(func(b *authz.Behaviour) {
				minute := time.Minute
				b.ReplayUntilExp, b.Leeway = true, &minute
			}),
		},
		fault("expired", "An expired assertion gets a token.", catch("jwt.expired"), nil,
			func(b *authz.Behaviour) { b.AcceptExpired = true }),
		fault("exp-by-iat", "exp is compared with iat only and never with the clock; an old pair is good for ever.", catch("jwt.expired"), nil,
			func(b *authz.Behaviour) { b.ExpRelativeToIat = true }),
		fault("exp-missing", "An assertion without exp gets a token; one that leaks is good for ever.", catch("jwt.exp-required"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingExp = true }),
		fault("exp-missing-crash", "The connection drops when exp is missing.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnMissingExp = true }),
		fault("exp-far", "An exp more than five minutes ahead is accepted.", nil, catch("jwt.exp-limit"),
			func(b *authz.Behaviour) { b.AcceptFarExp = true }),
		fault("exp-string", "A string of digits is read as exp.", nil, catch("jwt.exp-type"),
			func(b *authz.Behaviour) { b.AcceptExpString = true }),
		fault("exp-wrong-type", "An exp of a wrong type counts as no expiry.", catch("jwt.exp-type"), nil,
			func(b *authz.Behaviour) { b.AcceptExpWrongType = true }),
		fault("exp-zero", "An exp of zero or below counts as no expiry.", catch("jwt.exp-type"), nil,
			func(b *authz.Behaviour) { b.AcceptExpZero = true }),
		fault("iat-demanded", "An assertion without iat is refused, which SMART does not ask for.", catch("jwt.minimal-assertion"), nil,
			func(b *authz.Behaviour) { b.DemandIat = true }),
		fault("nbf-demanded", "An assertion without nbf is refused, which SMART does not ask for.", catch("jwt.minimal-assertion"), nil,
			func(b *authz.Behaviour) { b.DemandNbf = true }),
		fault("iss-missing", "sub stands in for a missing iss.", catch("jwt.issuer"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingIss = true }),
		fault("iss-differs", "Only sub is looked at.", catch("jwt.issuer"), nil,
			func(b *authz.Behaviour) { b.AcceptIssDiffers = true }),
		fault("iss-array", "An array passes for its only element in iss and sub.", catch("jwt.issuer"), nil,
			func(b *authz.Behaviour) { b.AcceptIssArray = true }),
		fault("sub-missing", "iss stands in for a missing sub.", catch("jwt.subject"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingSub = true }),
		fault("sub-differs", "Only iss is looked at.", catch("jwt.subject"), nil,
			func(b *authz.Behaviour) { b.AcceptSubDiffers = true }),
		fault("client-unknown", "An unknown client gets a token if any registered key made the signature.", catch("jwt.client-known"), nil,
			func(b *authz.Behaviour) { b.AcceptUnknownClient = true }),
		fault("client-id-near", "Client ids are compared without regard to letter case, blanks and slashes.", nil, catch("jwt.client-known"),
			func(b *authz.Behaviour) { b.ClientIDIgnoreCase = true }),
		fault("client-id-differs", "A client_id parameter that differs from iss is ignored.", catch("jwt.client-known"), nil,
			func(b *authz.Behaviour) { b.AcceptClientIDDiffers = true }),
		fault("aud-ignored", "aud is not looked at; an assertion for another server can be used here.", catch("jwt.audience"), nil,
			func(b *authz.Behaviour) { b.AcceptWrongAud = true }),
		fault("aud-prefix", "An aud that contains the token endpoint, or begins it, is accepted.", catch("jwt.audience"), nil,
			func(b *authz.Behaviour) { b.AcceptAudPrefix = true }),
		fault("aud-fhir-base", "The FHIR base URL is accepted as aud.", nil, catch("jwt.audience"),
			func(b *authz.Behaviour) { b.AcceptAudFHIRBase = true }),
		fault("aud-missing", "An assertion without aud gets a token.", catch("jwt.aud-required"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingAud = true }),
		fault("aud-wrong-type", "An aud that is empty or of a wrong type counts as right.", catch("jwt.aud-required"), nil,
			func(b *authz.Behaviour) { b.AcceptAudWrongType = true }),
		fault("aud-array-crash", "The connection drops when aud is an array.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnArrayAud = true }),
		fault("jti-missing", "An assertion without jti gets a token as often as it is sent.", catch("jwt.jti-required"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingJti = true }),
		fault("jti-type", "A jti that is no string is accepted, without a look at replay.", nil, catch("jwt.jti-required"),
			func(b *authz.Behaviour) { b.AcceptJtiWrongType = true }),
		fault("replay", "An assertion gets a token as often as it is sent.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.AcceptReplay = true }),
		fault("replay-per-connection", "Replay is noticed on the same connection only.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.ReplayPerConnection = true }),
		fault("replay-by-text", "Replay is noticed by the text of the assertion only, not by its jti.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.ReplayByText = true }),
		fault("crit-ignored", "crit is ignored; an extension that changes the meaning of the rest is not noticed.", catch("jwt.critical"), nil,
			func(b *authz.Behaviour) { b.AcceptCrit = true }),
		fault("unencoded-payload", "A payload that is not encoded (RFC 7797) is accepted, which is barred from JWTs.", nil, catch("jwt.critical"),
			func(b *authz.Behaviour) { b.AcceptUnencodedPayload = true }),
		fault("json-serialization", "A JWS in JSON serialization is accepted.", catch("jwt.serialization"), nil,
			func(b *authz.Behaviour) { b.AcceptJSONSerialization = true }),
		fault("white-space", "White space inside the assertion is skipped.", nil, catch("jwt.serialization"),
			func(b *authz.Behaviour) { b.LaxBase64 = true }),
		fault("duplicate-members", "Of two members of one name the first counts.", catch("jwt.duplicate-members"), nil,
			func(b *authz.Behaviour) { b.AcceptDuplicateMembers = true }),
		fault("unknown-members", "An unknown claim makes an assertion invalid.", catch("jwt.unknown-members"), nil,
			func(b *authz.Behaviour) { b.RefuseUnknownMembers = true }),
		fault("own-token", "An access token of the server is accepted as client assertion.", catch("jwt.own-token"), nil,
			func(b *authz.Behaviour) { b.AcceptServerToken = true }),
		fault("wrong-error-code", "A wrong assertion is answered with unauthorized_client; a client cannot tell that its key is at fault.", catch("jwt.invalid-client"), nil,
			func(b *authz.Behaviour) { b.WrongErrorCode = true }),
		fault("errors-500", "Errors have HTTP 500, as of a server that breaks.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.ErrorStatus500 = true }),
		fault("garbage-crash", "The connection drops when the assertion is no JWT.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnGarbage = true }),
		fault("missing-assertion-crash", "The connection drops when there is no assertion.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnMissingAssertion = true }),
		fault("kid-long", "A kid that is longer than the field for it is cut off, and every key of the client is tried.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) {
				b.Forgive = func(r authz.Reason, a *authz.Assertion) bool { return r == authz.ReasonKidUnknown && len(a.Kid) > 1000 }
			}),
		fault("alg-missing", "An assertion without alg is verified by the type of its key.", catch("jwt.alg-required"), nil,
			func(b *authz.Behaviour) {
				b.Forgive = func(r authz.Reason, _ *authz.Assertion) bool { return r == authz.ReasonAlgMissing }
			}),
		fault("alg-refused", "ES384 is announced and refused.", catch("jwt.algorithms"), nil,
			func(b *authz.Behaviour) { b.RefuseAlgs = []string{"ES384"} }),
		fault("nbf-ignored", "nbf is ignored, and so is how far ahead exp is where there is one.", catch("jwt.not-before"), nil,
			func(b *authz.Behaviour) {
				b.Forgive = func(r authz.Reason, a *authz.Assertion) bool {
					_, has := a.Claim("nbf")
					return has && (r == authz.ReasonNbf || r == authz.ReasonExpFar)
				}
			}),
	}
}
