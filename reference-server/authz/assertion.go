package authz

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// Reason says which rule a client assertion breaks. Reasons are for the seams of Behaviour; clients see a description.
type Reason string

// The reasons, in the order in which the rules are applied.
const (
	ReasonMissing       Reason = "assertion-missing"
	ReasonMalformed     Reason = "malformed"
	ReasonAlgMissing    Reason = "alg-missing"
	ReasonAlgNone       Reason = "alg-none"
	ReasonAlgHMAC       Reason = "alg-hmac"
	ReasonAlg           Reason = "alg-unsupported"
	ReasonCrit          Reason = "crit"
	ReasonTyp           Reason = "typ"
	ReasonKidMissing    Reason = "kid-missing"
	ReasonKidType       Reason = "kid-type"
	ReasonUnknownMember Reason = "unknown-member"
	ReasonIssMissing    Reason = "iss-missing"
	ReasonSubMissing    Reason = "sub-missing"
	ReasonIssType       Reason = "iss-type"
	ReasonSubType       Reason = "sub-type"
	ReasonSubDiffers    Reason = "sub-differs"
	ReasonClientUnknown Reason = "client-unknown"
	ReasonClientID      Reason = "client-id-differs"
	ReasonJKUType       Reason = "jku-type"
	ReasonJKU           Reason = "jku-foreign"
	ReasonJWKS          Reason = "jwks-unavailable"
	ReasonKidUnknown    Reason = "kid-unknown"
	ReasonKeyType       Reason = "key-type"
	ReasonKidAmbiguous  Reason = "kid-ambiguous"
	ReasonKeyUse        Reason = "key-use"
	ReasonSignature     Reason = "signature"
	ReasonAudMissing    Reason = "aud-missing"
	ReasonAudType       Reason = "aud-type"
	ReasonAud           Reason = "aud-wrong"
	ReasonExpMissing    Reason = "exp-missing"
	ReasonExpType       Reason = "exp-type"
	ReasonExpPast       Reason = "exp-past"
	ReasonExpFar        Reason = "exp-far"
	ReasonNbf           Reason = "nbf-future"
	ReasonNbfType       Reason = "nbf-type"
	ReasonIat           Reason = "iat"
	ReasonIatType       Reason = "iat-type"
	ReasonJtiMissing    Reason = "jti-missing"
	ReasonJtiType       Reason = "jti-type"
	ReasonReplay        Reason = "jti-replayed"
	ReasonReplayFull    Reason = "replay-cache-full"
)

// Assertion is a decoded client assertion, verified or not.
type Assertion struct {
	// Alg and Kid are from the header, empty when they are missing or no strings.
	Alg, Kid string
	// ClientID is the client it speaks for, once that is settled.
	ClientID string

	header, claims object
	signingInput   string
	signature      []byte
	text           string
	exp            float64 // seconds since the epoch, 0 when there is none
	jti            string
}

// Header returns a header member as the JSON text it was sent as.
func (a *Assertion) Header(name string) (json string, ok bool) {
	v, ok := a.header.get(name)
	return string(v), ok
}

// Claim returns a claim as the JSON text it was sent as.
func (a *Assertion) Claim(name string) (json string, ok bool) {
	v, ok := a.claims.get(name)
	return string(v), ok
}

// decodeAssertion takes a JWS in compact serialization apart (RFC 7515 §7.1, §5.2 steps 1 to 3; RFC 7519 §7.2) without
// judging its content. Its errors never quote the input.
func decodeAssertion(b *Behaviour, in string) (*Assertion, error) {
	a := &Assertion{text: in}
	if b.AcceptJSONSerialization && strings.HasPrefix(strings.TrimSpace(in), "{") {
		compact, ok := fromJSONSerialization(in)
		if !ok {
			return nil, errors.New("is no JWS")
		}
		in = compact
	}
	if b.LaxBase64 {
		in = relax(in)
	}
	head, rest, ok := strings.Cut(in, ".")
	if !ok {
		return nil, errors.New("is no JWT: three segments between dots are expected")
	}
	headerJSON, err := decodeSegment(head)
	if err != nil {
		return nil, errors.New("has a header that is not base64url")
	}
	if a.header, err = decodeObject(headerJSON, b.AcceptDuplicateMembers); err != nil {
		return nil, errors.New("has a header that is no strict JSON object")
	}
	end := strings.LastIndexByte(rest, '.')
	if end < 0 {
		if !b.AcceptEmptySignature && !b.AcceptAlgNone {
			return nil, errors.New("is no JWT: three segments between dots are expected")
		}
		rest, end = rest+".", len(rest)
	}
	payload, signature := rest[:end], rest[end+1:]
	var claimsJSON []byte
	if b.AcceptUnencodedPayload && a.unencoded() {
		claimsJSON = []byte(payload)
	} else if claimsJSON, err = decodeSegment(payload); err != nil {
		return nil, errors.New("has a payload that is not base64url, or not three segments")
	}
	if a.claims, err = decodeObject(claimsJSON, b.AcceptDuplicateMembers); err != nil {
		return nil, errors.New("has a payload that is no strict JSON object")
	}
	if a.signature, err = decodeSegment(signature); err != nil {
		return nil, errors.New("has a signature that is not base64url")
	}
	a.signingInput = head + "." + payload
	if v, ok := a.header.get("alg"); ok {
		a.Alg, _ = text(v)
	}
	if v, ok := a.header.get("kid"); ok {
		a.Kid, _ = text(v)
	}
	return a, nil
}

// unencoded says that the assertion claims an unencoded payload (RFC 7797).
func (a *Assertion) unencoded() bool {
	b64, _ := a.Header("b64")
	_, crit := a.header.get("crit")
	return crit && b64 == "false"
}

// garbage says that text has nothing like a JOSE header.
func garbage(text string) bool {
	head, _, _ := strings.Cut(text, ".")
	_, err := decodeSegment(relax(head))
	return !strings.HasPrefix(text, "{") && (len(head) < 2 || err != nil)
}

// decodeSegment decodes base64url without padding (RFC 7515 §2). The decoder of the standard library skips line breaks,
// hence the look at the characters.
func decodeSegment(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// relax turns the spellings of base64 that lax decoders take into the right one.
func relax(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '=':
			return -1
		case '+':
			return '-'
		case '/':
			return '_'
		}
		return r
	}, s)
}

// fromJSONSerialization makes the compact form of a flattened or general JWS (RFC 7515 §7.2).
func fromJSONSerialization(in string) (string, bool) {
	o, err := decodeObject([]byte(in), false)
	if err != nil {
		return "", false
	}
	v, _ := o.get("payload")
	payload, ok := text(v)
	if !ok {
		return "", false
	}
	if v, ok := o.get("signatures"); ok {
		list, err := decodeArray(v)
		if err != nil || len(list) == 0 {
			return "", false
		}
		if o, err = decodeObject(list[0], false); err != nil {
			return "", false
		}
	}
	v, _ = o.get("protected")
	head, ok1 := text(v)
	v, _ = o.get("signature")
	signature, ok2 := text(v)
	return head + "." + payload + "." + signature, ok1 && ok2
}

var (
	knownHeader = []string{"alg", "kid", "typ", "jku", "crit", "cty", "jwk", "x5c", "x5u", "x5t", "x5t#S256", "b64"}
	knownClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
)

// unknownMember returns the name of a header member or claim that SMART and the RFCs do not define.
func (a *Assertion) unknownMember() (string, bool) {
	for _, m := range a.header {
		if !slices.Contains(knownHeader, m.name) {
			return m.name, true
		}
	}
	for _, m := range a.claims {
		if !slices.Contains(knownClaims, m.name) {
			return m.name, true
		}
	}
	return "", false
}
