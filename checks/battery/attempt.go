package battery

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/golang-jwt/jwt/v5"
)

// life is how far ahead exp lies in a valid assertion: well inside five minutes also under some clock skew.
const life = 120 * time.Second

// Attempt is a token request before it is sent. A new one is valid; a case changes one thing of it.
type Attempt struct {
	Header, Claims Object
	Key            session.Key // signs, with the algorithm of its own unless Alg says otherwise
	Alg            string      // the algorithm really used, which the header need not tell

	// HeaderText and ClaimsText replace the JSON of Header and Claims, SignInput the signature itself.
	HeaderText, ClaimsText *string
	SignInput              func(input string) ([]byte, error)
	// Join makes the text of the assertion from its parts; nil: the compact serialization.
	Join func(p Parts) string

	Form          url.Values // without client_assertion, which is added unless NoAssertion is set
	NoAssertion   bool
	Method        string
	Query         url.Values
	RequestHeader http.Header
	Body          func(form url.Values) []byte // nil: the form
	Fresh         bool                         // over a connection of its own
	Lure          string                       // a URL in it that no server has a reason to ask for
}

// Parts are the parts of a JWS: JSON texts, and the signature over their base64url forms.
type Parts struct {
	Header, Claims string
	Signature      []byte
}

// Compact is the compact serialization (RFC 7515 section 7.1).
func (p Parts) Compact() string { return p.Input() + "." + b64(string(p.Signature)) }

// Input is what is signed.
func (p Parts) Input() string { return b64(p.Header) + "." + b64(p.Claims) }

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// New returns a valid request for the session's client, signed with the key. It has nothing beyond what SMART asks for:
// alg, kid and typ; iss, sub, aud, exp and jti; and the four form parameters
// (client-confidential-asymmetric.html#request, backend-services.html#request-1).
func (w *World) New(key session.Key) *Attempt { return w.newFor(w.s.Config().ClientID, key) }

func (w *World) newFor(client string, key session.Key) *Attempt {
	a := &Attempt{Key: key, Alg: key.Algorithm, Method: http.MethodPost,
		Form: url.Values{"grant_type": {"client_credentials"}, "scope": {w.Scope}, "client_assertion_type": {session.AssertionType}}}
	a.Header.Set("alg", key.Algorithm)
	a.Header.Set("kid", key.ID)
	a.Header.Set("typ", "JWT")
	a.Claims.Set("iss", client)
	a.Claims.Set("sub", client)
	a.Claims.Set("aud", w.Endpoint)
	a.Claims.Set("exp", w.Now().Add(life).Unix())
	a.Claims.Set("jti", random())
	return a
}

// random returns 32 letters and digits that were never used before.
func random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}

// Assertion signs and serializes the assertion.
func (a *Attempt) Assertion() (string, error) {
	p := Parts{Header: a.Header.String(), Claims: a.Claims.String()}
	if a.HeaderText != nil {
		p.Header = *a.HeaderText
	}
	if a.ClaimsText != nil {
		p.Claims = *a.ClaimsText
	}
	sign := a.SignInput
	if sign == nil {
		sign = func(input string) ([]byte, error) { return signWith(a.Alg, a.Key, input) }
	}
	var err error
	if p.Signature, err = sign(p.Input()); err != nil {
		return "", fmt.Errorf("the assertion could not be signed: %w", err)
	}
	if a.Join != nil {
		return a.Join(p), nil
	}
	return p.Compact(), nil
}

func signWith(alg string, key session.Key, input string) ([]byte, error) {
	m := jwt.GetSigningMethod(alg)
	if m == nil {
		return nil, fmt.Errorf("no signing method %q", alg)
	}
	return m.Sign(input, key.Private)
}

// send signs and sends the attempt in the name of a check.
func (w *World) send(ctx context.Context, check string, a *Attempt) (*session.Response, error) {
	form := url.Values{}
	for k, v := range a.Form {
		form[k] = append([]string(nil), v...)
	}
	if !a.NoAssertion {
		signed, err := a.Assertion()
		if err != nil {
			return nil, err
		}
		form["client_assertion"] = append([]string{signed}, form["client_assertion"]...)
	}
	req := session.Request{Method: a.Method, URL: w.Endpoint, Purpose: "token", Credentials: session.NoToken, NoRedirects: true, Fresh: a.Fresh,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}}
	for k, v := range a.RequestHeader {
		req.Header[k] = v
	}
	switch {
	case a.Body != nil:
		req.Body = a.Body(form)
	case a.Method != http.MethodPost || a.Query != nil:
		a.Query = form
	default:
		req.Body = []byte(form.Encode())
	}
	if a.Query != nil {
		sep := "?"
		if strings.Contains(req.URL, "?") {
			sep = "&"
		}
		req.URL += sep + a.Query.Encode()
	}
	return w.s.Client(check).Do(ctx, req), nil
}
