package authz

import (
	"net/http"
	"time"
)

// Behaviour breaks, or legally varies, the authorization server: one field, one defect or seam. The zero value
// conforms. Fields marked "legal" are variations that a judge has to tolerate.
//
// A Behaviour is read only while requests are served; set it up before.
type Behaviour struct {
	// ---- signature ----

	// AcceptBadSignature skips the verification once a key was found for the kid.
	AcceptBadSignature bool
	// AcceptEmptySignature accepts an assertion whose signature segment is empty or left out.
	AcceptEmptySignature bool
	// AcceptAlgNone accepts alg none in any letter case (and an empty alg) without looking at the signature.
	AcceptAlgNone bool
	// AcceptHMACWithPublicKey verifies HS256, HS384 and HS512 with the public key as secret (PEM, DER, JWK text, modulus).
	AcceptHMACWithPublicKey bool
	// AcceptAnyHash verifies an RSA signature by whatever hash fits, whatever alg says (header RS384, signature RS256).
	AcceptAnyHash bool
	// AcceptZeroECDSA accepts an ES384 signature of r = s = 0, as some verifiers of 2022 did.
	AcceptZeroECDSA bool
	// TrustJWKHeader verifies with the key that travels in the jwk header.
	TrustJWKHeader bool
	// TrustX5CHeader verifies with the first certificate of the x5c header, whoever issued it.
	TrustX5CHeader bool
	// ExtraAlgs (legal) are further algorithms that are accepted and announced: RS256, RS512, PS384, ES256, ES512.
	ExtraAlgs []string
	// RefuseAlgs refuses these algorithms although they are announced. Refusing only one of RS384 and ES384 is legal
	// once EditConfiguration does not announce it.
	RefuseAlgs []string

	// ---- choice of the key ----

	// AcceptNoKid tries every key of the client when kid is missing.
	AcceptNoKid bool
	// AcceptUnknownKid tries every key of the client when kid is in no JWKS.
	AcceptUnknownKid bool
	// AcceptNonStringKid treats a kid of a wrong JSON type as missing and tries every key.
	AcceptNonStringKid bool
	// AcceptWrongKid tries every key of the client although kid names another one of them.
	AcceptWrongKid bool
	// AcceptKeyTypeConfusion tries the other keys when the key named by kid is of another kty than alg needs.
	AcceptKeyTypeConfusion bool
	// AcceptAnyRegisteredKey looks for a kid that the client does not have among the keys of all others: a key of client B
	// authenticates client A.
	AcceptAnyRegisteredKey bool
	// AcceptDuplicateKid tries each of several keys with the same kid and kty (legal under 1.0.1).
	AcceptDuplicateKid bool
	// RefuseSharedKid (legal) refuses a kid that occurs twice in the JWKS even if the keys are of different kty.
	RefuseSharedKid bool
	// KidIgnoreCase (legal, noted) compares kid without regard to letter case.
	KidIgnoreCase bool
	// IgnoreJKU never looks at jku and uses the registered keys (a warning for JWKS clients, a failure for URL clients).
	IgnoreJKU bool
	// IgnoreJKUOfJWKS is IgnoreJKU for clients that registered the JWKS itself.
	IgnoreJKUOfJWKS bool
	// FollowAnyJKU fetches whatever URL jku holds and trusts the keys there. Without an HTTP client of the Config, this field
	// and the next two fetch from loopback addresses only: a server that is broken for a test must not carry the request of a
	// stranger off the machine.
	FollowAnyJKU bool
	// FollowJKUPrefix follows a jku that begins with the registered URL or contains its host.
	FollowJKUPrefix bool
	// FetchForeignJKU fetches an unregistered jku, then refuses (SSRF without a token).
	FetchForeignJKU bool
	// RefuseRegisteredJKU refuses an assertion with the right jku.
	RefuseRegisteredJKU bool
	// DemandJKU refuses an assertion without jku of a client that registered a URL.
	DemandJKU bool
	// DemandKeyAlg refuses keys whose JWK lacks alg, which no sentence asks for.
	DemandKeyAlg bool
	// RefuseOddKeys refuses a whole JWKS because of one key that it does not understand.
	RefuseOddKeys bool
	// OnlyFirstKey uses the first key of a registered JWKS only.
	OnlyFirstKey bool
	// RefuseJWKSURL refuses clients that registered a JWKS URL.
	RefuseJWKSURL bool
	// RefuseInlineJWKS refuses clients that registered the JWKS itself.
	RefuseInlineJWKS bool
	// CacheJWKSForever ignores Cache-Control and fetches a JWKS URL once.
	CacheJWKSForever bool
	// NeverCacheJWKS fetches the JWKS URL for each token request.
	NeverCacheJWKS bool
	// KeepRemovedKeys goes on trusting keys that are no longer in the fetched JWKS.
	KeepRemovedKeys bool
	// FetchJWKSByPOST asks the JWKS URL with POST, FetchJWKSWithBody with a GET that has a body.
	FetchJWKSByPOST, FetchJWKSWithBody bool
	// RefuseFetchedKeys reads the JWKS URL of a client and then refuses its assertions.
	RefuseFetchedKeys bool

	// ---- time ----

	// AcceptExpired accepts an exp in the past.
	AcceptExpired bool
	// AcceptFarExp accepts an exp more than five minutes ahead.
	AcceptFarExp bool
	// AcceptMissingExp accepts an assertion without exp.
	AcceptMissingExp bool
	// AcceptExpString reads a string of digits as exp.
	AcceptExpString bool
	// AcceptExpWrongType takes an exp that is neither a number nor a string of digits for "does not expire".
	AcceptExpWrongType bool
	// AcceptExpZero takes an exp of zero or below for "does not expire".
	AcceptExpZero bool
	// ExpRelativeToIat compares exp with iat only and never with the clock; without iat nothing is compared.
	ExpRelativeToIat bool
	// AcceptFutureNbf ignores nbf. An nbf more than five minutes ahead still fails by its exp: add AcceptFarExp.
	AcceptFutureNbf bool
	// Leeway replaces the clock leeway (legal up to some minutes).
	Leeway *time.Duration
	// RefuseFutureIat (legal) refuses an iat in the future beyond the leeway.
	RefuseFutureIat bool
	// RefuseOldIat (legal) refuses an iat more than five minutes old.
	RefuseOldIat bool
	// DemandIat refuses an assertion without iat, which SMART does not require.
	DemandIat bool
	// DemandNbf refuses an assertion without nbf.
	DemandNbf bool

	// ---- identity ----

	// AcceptMissingIss takes sub for a missing iss.
	AcceptMissingIss bool
	// AcceptMissingSub takes iss for a missing sub.
	AcceptMissingSub bool
	// AcceptSubDiffers looks at iss only.
	AcceptSubDiffers bool
	// AcceptIssDiffers looks at sub only.
	AcceptIssDiffers bool
	// AcceptUnknownClient verifies with the keys of all clients and issues a token to the unknown client, with the rights
	// of the owner of the key.
	AcceptUnknownClient bool
	// ClientIDIgnoreCase finds a client without regard to letter case, outer blanks and a trailing slash.
	ClientIDIgnoreCase bool
	// AcceptIssArray takes an array for its only element in iss and sub.
	AcceptIssArray bool
	// AcceptMissingAud accepts an assertion without aud.
	AcceptMissingAud bool
	// AcceptWrongAud accepts any aud of a right type.
	AcceptWrongAud bool
	// AcceptAudPrefix accepts an aud that contains the token URL or is a prefix of it.
	AcceptAudPrefix bool
	// AcceptAudFHIRBase also accepts the FHIR base URL as aud.
	AcceptAudFHIRBase bool
	// AcceptAudWrongType accepts an aud that is neither a string nor an array of strings, or is empty.
	AcceptAudWrongType bool
	// RefuseArrayAud (legal) refuses an aud in array form.
	RefuseArrayAud bool

	// ---- replay ----

	// AcceptMissingJti accepts an assertion without jti, which then cannot be checked for replay.
	AcceptMissingJti bool
	// AcceptJtiWrongType accepts a jti that is no string, or empty, without a replay check.
	AcceptJtiWrongType bool
	// AcceptReplay never checks jti.
	AcceptReplay bool
	// ReplayPerConnection remembers jti per TCP connection only.
	ReplayPerConnection bool
	// ReplayByText remembers the text of the assertion in place of its jti: a new assertion with an old jti passes.
	ReplayByText bool
	// ReplayUntilExp forgets a jti at exp although the leeway still accepts the assertion.
	ReplayUntilExp bool
	// ReplayAcrossClients (legal) refuses a jti used by another client.
	ReplayAcrossClients bool
	// BurnJtiOnSuccess (legal) burns a jti only when a token is issued.
	BurnJtiOnSuccess bool

	// ---- form of the assertion ----

	// AcceptCrit ignores crit.
	AcceptCrit bool
	// AcceptUnencodedPayload verifies an RFC 7797 payload (b64 false), which RFC 7797 §7 bars from JWTs.
	AcceptUnencodedPayload bool
	// AcceptDuplicateMembers lets the first of two equal member names win.
	AcceptDuplicateMembers bool
	// AcceptJSONSerialization accepts a JWS in flattened or general JSON serialization.
	AcceptJSONSerialization bool
	// AcceptGarbage issues a token for text without anything like a JOSE header, to the client that client_id names or to
	// the first one.
	AcceptGarbage bool
	// LaxBase64 (legal, noted) accepts padding, the standard alphabet and white space.
	LaxBase64 bool
	// LaxTyp (legal) accepts any typ or none.
	LaxTyp bool
	// RefuseUnknownMembers refuses unknown claims and header members.
	RefuseUnknownMembers bool
	// AcceptServerToken accepts an access token of this server as client assertion.
	AcceptServerToken bool

	// ---- token request ----

	// AcceptGET takes the parameters from the query of a GET.
	AcceptGET bool
	// AcceptQueryParameters merges the query of a POST into the form.
	AcceptQueryParameters bool
	// AcceptJSONBody also takes the parameters from a JSON object.
	AcceptJSONBody bool
	// AcceptAnyContentType reads the body as a form whatever Content-Type says.
	AcceptAnyContentType bool
	// RefuseCharset refuses application/x-www-form-urlencoded;charset=UTF-8.
	RefuseCharset bool
	// AcceptRepeated lets the first of two equal parameters win.
	AcceptRepeated bool
	// AcceptMissingGrantType takes a missing grant_type for client_credentials.
	AcceptMissingGrantType bool
	// AcceptWrongGrantType ignores the value of grant_type.
	AcceptWrongGrantType bool
	// AcceptMissingAssertionType does without client_assertion_type.
	AcceptMissingAssertionType bool
	// AcceptWrongAssertionType ignores the value of client_assertion_type.
	AcceptWrongAssertionType bool
	// AcceptNoAssertion issues a token to whoever names a client_id.
	AcceptNoAssertion bool
	// AcceptClientIDDiffers ignores a client_id parameter that differs from iss.
	AcceptClientIDDiffers bool
	// AcceptSecondCredential ignores Basic credentials or a client_secret beside the assertion.
	AcceptSecondCredential bool
	// DemandClientID refuses a request without client_id parameter.
	DemandClientID bool
	// RefuseClientID refuses a request with a client_id parameter, even the right one.
	RefuseClientID bool
	// RefuseUnknownParameters refuses made-up parameters and parameters without a value.
	RefuseUnknownParameters bool
	// RefuseSecondToken refuses a client that holds a live token.
	RefuseSecondToken bool

	// ---- crashes: the connection is dropped without an answer ----

	// CrashOnMissingExp drops the connection when exp is missing.
	CrashOnMissingExp bool
	// CrashOnArrayAud drops the connection when aud is an array.
	CrashOnArrayAud bool
	// CrashOnNonStringKid drops the connection when kid is present and no string.
	CrashOnNonStringKid bool
	// CrashOnGarbage drops the connection when the assertion has nothing like a JOSE header.
	CrashOnGarbage bool
	// CrashOnMissingAssertion drops the connection when there is no assertion.
	CrashOnMissingAssertion bool
	// CrashOn drops the connection when an assertion is refused for a reason for which it returns true.
	CrashOn func(Reason) bool

	// Forgive accepts an assertion in spite of the reason found when it returns true: the general seam behind the
	// Accept fields, for defects which have no field of their own. a is read-only.
	Forgive func(reason Reason, a *Assertion) bool

	// ---- scope ----

	// GrantWrite grants every scope with all letters: .rs becomes .cruds, .read becomes .*
	GrantWrite bool
	// GrantWriteAsked grants write letters that are asked for, whatever is pre-authorised.
	GrantWriteAsked bool
	// ReadAsLetters misreads v1 .read as the letters r and d, and grants delete.
	ReadAsLetters bool
	// GrantExcess grants scopes outside the pre-authorization.
	GrantExcess bool
	// GrantUnknown (legal, noted) names unknown scopes in the grant; they give no right.
	GrantUnknown bool
	// GrantConstraint grants a scope with search parameters, names them in the answer, and does not enforce them.
	GrantConstraint bool
	// GrantEverything grants the whole pre-authorization whatever was asked.
	GrantEverything bool
	// EchoRequestedScope answers the scope as requested although less was granted.
	EchoRequestedScope bool
	// FirstScopeOnly grants the first scope only.
	FirstScopeOnly bool
	// RefuseV1 refuses v1 scopes although permission-v1 is announced.
	RefuseV1 bool
	// RefuseV2 refuses v2 scopes although permission-v2 is announced.
	RefuseV2 bool
	// V1AsV2 answers v1 scopes in v2 letters.
	V1AsV2 bool
	// SplitScopes answers one scope per letter (not the shortest form).
	SplitScopes bool
	// ReverseScopes (legal) answers the scopes in reverse order.
	ReverseScopes bool
	// ExpandWildcard (legal) grants a wildcard as one scope per type that the server holds.
	ExpandWildcard bool
	// StrictScope (legal) refuses the whole request for one unknown or forbidden scope.
	StrictScope bool
	// DefaultScope (legal) grants the pre-authorization when no scope is asked for.
	DefaultScope bool
	// SilentDefaultScope is DefaultScope, and the answer does not name it.
	SilentDefaultScope bool

	// ---- token answer ----

	// ExpiresInString answers expires_in as a string.
	ExpiresInString bool
	// NoExpiresIn leaves expires_in out.
	NoExpiresIn bool
	// LongLifetime gives tokens a day and an hour.
	LongLifetime bool
	// Lifetime replaces the configured lifetime when it is not zero (short ones are legal).
	Lifetime time.Duration
	// CapByAssertion (legal) lets a token live no longer than the assertion.
	CapByAssertion bool
	// RefreshToken adds a refresh_token.
	RefreshToken bool
	// OfflineRefresh grants the pre-authorization and adds a refresh_token when offline_access is asked for.
	OfflineRefresh bool
	// RevokeOlderTokens (legal) ends the tokens that the client holds when it gets a new one.
	RevokeOlderTokens bool
	// NoTokenType leaves token_type out.
	NoTokenType bool
	// WrongTokenType answers token_type "JWT".
	WrongTokenType bool
	// TokenTypeCapital (legal) answers token_type "Bearer".
	TokenTypeCapital bool
	// NoScope leaves scope out.
	NoScope bool
	// ScopeArray answers scope as an array.
	ScopeArray bool
	// NoAccessToken leaves access_token out.
	NoAccessToken bool
	// NoCacheControl leaves Cache-Control and Pragma out.
	NoCacheControl bool
	// NoPragma leaves Pragma out.
	NoPragma bool
	// AnswerAsForm answers form-encoded in place of JSON.
	AnswerAsForm bool
	// AnswerAsText answers the JSON as text/plain.
	AnswerAsText bool
	// Answer201 answers a token with status 201.
	Answer201 bool
	// OddTokens makes access tokens with a character that RFC 6750 has no place for.
	OddTokens bool
	// HugeToken makes access tokens of 20 kB.
	HugeToken bool
	// JWTTokens (legal) makes access tokens in the form of a JWT.
	JWTTokens bool
	// ExtraMembers (legal) adds members unknown to OAuth to the token answer.
	ExtraMembers bool
	// EditTokenResponse edits the answer before it is written.
	EditTokenResponse func(body map[string]any)

	// ---- errors ----

	// ErrorsAs200Text answers errors as HTTP 200 with plain text.
	ErrorsAs200Text bool
	// ErrorsAs200 answers the right JSON with HTTP 200.
	ErrorsAs200 bool
	// ErrorNotJSON answers errors as an HTML page with the right status.
	ErrorNotJSON bool
	// ErrorOperationOutcome answers errors as a FHIR OperationOutcome.
	ErrorOperationOutcome bool
	// ErrorStatus500 answers errors with HTTP 500.
	ErrorStatus500 bool
	// ErrorStatus403 answers errors with HTTP 403.
	ErrorStatus403 bool
	// WrongErrorCode answers unauthorized_client where invalid_client is right.
	WrongErrorCode bool
	// WrongScopeErrorCode answers invalid_client where invalid_scope is right.
	WrongScopeErrorCode bool
	// UndefinedErrorCode answers an error code that RFC 6749 does not define ("authentication_failed").
	UndefinedErrorCode bool
	// NoErrorDescription leaves error_description out.
	NoErrorDescription bool
	// EchoAssertion puts the assertion into error_description.
	EchoAssertion bool
	// InvalidClient401 (legal) answers invalid_client with 401 and a challenge.
	InvalidClient401 bool
	// EditError edits an error answer before it is written.
	EditError func(status *int, body map[string]any, h http.Header)

	// ---- resource requests ----

	// AcceptAnyToken accepts any bearer string, with every read right.
	AcceptAnyToken bool
	// AnyJWTAsToken accepts any text that looks like a JWT, with every read right: the client's own assertion too.
	AnyJWTAsToken bool
	// AcceptExpiredToken accepts tokens past their lifetime.
	AcceptExpiredToken bool
	// AcceptTamperedToken compares the first sixteen characters of a token only.
	AcceptTamperedToken bool
	// AcceptQueryToken accepts the token as query parameter access_token.
	AcceptQueryToken bool
	// AcceptBasic accepts Basic in place of Bearer, with a token or a client id inside.
	AcceptBasic bool
	// AcceptClientIDAsToken accepts a registered client id as bearer token.
	AcceptClientIDAsToken bool
	// AcceptNoToken accepts requests without credentials, with every read right.
	AcceptNoToken bool
	// IgnoreTokenScope gives every token every read right.
	IgnoreTokenScope bool
	// CapitalSchemeOnly takes "Bearer" for the only spelling of the scheme.
	CapitalSchemeOnly bool
	// LowerCaseSchemeOnly takes "bearer" for the only spelling of the scheme.
	LowerCaseSchemeOnly bool
	// NoChallenge leaves WWW-Authenticate out of refusals.
	NoChallenge bool
	// BasicChallenge challenges with Basic in place of Bearer.
	BasicChallenge bool
	// InvalidTokenStatus replaces 401 for an unusable token when not zero.
	InvalidTokenStatus int
	// AfterAuthenticate replaces the outcome of Authenticate: scope checked at kick-off only (return Unlimited for every
	// path but the kick-off), one endpoint left open, and the like. Exactly one of g and f is not nil, also in the answer.
	AfterAuthenticate func(r *http.Request, g *Grant, f *Refusal) (*Grant, *Refusal)

	// ---- discovery and introspection ----

	// EditConfiguration edits the smart-configuration document before it is written.
	EditConfiguration func(doc map[string]any)
	// EditConfigurationHeader edits status and header of the smart-configuration answer.
	EditConfigurationHeader func(status *int, h http.Header)
	// EditIntrospection edits the introspection answer before it is written.
	EditIntrospection func(body map[string]any)
	// IntrospectDead answers active true for expired tokens.
	IntrospectDead bool
}
