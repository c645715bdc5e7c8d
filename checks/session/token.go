package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// AssertionType is the client_assertion_type of RFC 7523 section 2.2.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLife keeps exp well inside the five minutes that SMART allows
// (client-confidential-asymmetric.html#authenticating-to-the-token-endpoint), also under some clock skew.
const assertionLife = 4 * time.Minute

// Assertion is a client assertion before it is signed. A fresh one is valid; a negative test changes one thing.
type Assertion struct {
	Header map[string]any
	Claims map[string]any
	Key    Key
}

// NewAssertion returns a valid assertion with a jti of its own, for the session's client and its n-th key.
func (s *Session) NewAssertion(key Key, audience string) *Assertion {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails since Go 1.24
	now := s.ServerNow()
	return &Assertion{
		Header: map[string]any{"typ": "JWT", "alg": key.Algorithm, "kid": key.ID},
		Claims: map[string]any{"iss": s.cfg.ClientID, "sub": s.cfg.ClientID, "aud": audience,
			"exp": now.Add(assertionLife).Unix(), "jti": hex.EncodeToString(id)},
		Key: key,
	}
}

// ServerNow returns the time by the target's clock where its Date headers show that it differs from ours, which is what
// the times in an assertion are compared with.
func (s *Session) ServerNow() time.Time {
	now := s.wall()
	if d, ok := s.Skew(); ok && d.Abs() >= 2*time.Second {
		now = now.Add(d)
	}
	return now
}

// SigningKeys returns the registered keys, first those whose algorithm smart-configuration lists, as a server need not
// know both (JWT/server-algs).
func (s *Session) SigningKeys() []Key {
	var listed, rest []Key
	algs := List(s.Discover().Configuration, "token_endpoint_auth_signing_alg_values_supported")
	for _, k := range s.cfg.Keys {
		if slices.Contains(algs, any(k.Algorithm)) {
			listed = append(listed, k)
		} else {
			rest = append(rest, k)
		}
	}
	return append(listed, rest...)
}

// Sign returns the compact serialization, signed with the assertion's key whatever the header says.
func (a *Assertion) Sign() (string, error) {
	m := jwt.GetSigningMethod(a.Key.Algorithm)
	if m == nil {
		return "", fmt.Errorf("no signing method %q", a.Key.Algorithm)
	}
	t := &jwt.Token{Header: a.Header, Claims: jwt.MapClaims(a.Claims), Method: m}
	return t.SignedString(a.Key.Private)
}

// TokenForm returns the form of a token request (backend-services.html#protocol-details).
func TokenForm(assertion, scope string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion_type": {AssertionType}, "client_assertion": {assertion}}
}

// PostToken sends a form to the token endpoint, without any Authorization header.
func (c *Client) PostToken(ctx context.Context, endpoint string, form url.Values) *Response {
	return c.postToken(ctx, endpoint, form, "")
}

func (c *Client) postToken(ctx context.Context, endpoint string, form url.Values, authorization string) *Response {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if authorization != "" {
		h.Set("Authorization", authorization)
	}
	return c.Do(ctx, Request{Method: http.MethodPost, URL: endpoint, Purpose: "token", Credentials: NoToken, NoRedirects: true,
		Header: h, Body: []byte(form.Encode())})
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Grant is a token response as far as the session needs it.
type Grant struct {
	Token     string
	Scope     string
	TokenType string
	ExpiresIn Number // as written if a number
	Response  *Response
	Document  map[string]any // decoded strictly; nil if that failed
	Err       error          // why there is no usable token
}

// RequestToken asks for a token with a fresh assertion.
func (c *Client) RequestToken(ctx context.Context, key Key, scope string) *Grant {
	return c.requestTokenAt(ctx, c.s.Discover().TokenURL, key, scope)
}

var errNoEndpoint = errors.New("no token endpoint is known: smart-configuration names none; give it with --token-url")

func (c *Client) requestTokenAt(ctx context.Context, endpoint string, key Key, scope string) *Grant {
	if endpoint == "" {
		return &Grant{Err: errNoEndpoint}
	}
	defer c.s.cfg.Hosted.Ordinary()()
	signed, err := c.s.NewAssertion(key, endpoint).Sign()
	if err != nil {
		return &Grant{Err: fmt.Errorf("the client assertion could not be signed: %w", err)}
	}
	return ReadGrant(c.PostToken(ctx, endpoint, TokenForm(signed, scope)))
}

// ReadGrant reads a token response (RFC 6749 section 5.1). Its error says what is missing, without quoting a token.
func ReadGrant(res *Response) *Grant {
	g := &Grant{Response: res}
	doc, err := res.JSON()
	if m, ok := doc.(map[string]any); ok {
		g.Document = m
		g.Token, g.Scope, g.TokenType = Text(m, "access_token"), Text(m, "scope"), Text(m, "token_type")
		g.ExpiresIn, _ = m["expires_in"].(Number)
	}
	switch {
	case res.Err != nil:
		g.Err = fmt.Errorf("the token endpoint gave no answer: %w", res.Err)
	case res.Status != http.StatusOK && (res.Status != http.StatusCreated || g.Token == ""):
		// 201 with a token is odd (RFC 6749 section 5.1 says 200), but a token all the same.
		code := Text(g.Document, "error")
		if !plainWord(code) {
			code = "no error code"
		}
		g.Err = fmt.Errorf("the token endpoint refused a valid request with HTTP %d (%s); are client id, key and scope as registered?", res.Status, code)
	case err != nil:
		g.Err = fmt.Errorf("the token response is not usable JSON: %w", err)
	case g.Token == "":
		g.Err = errors.New("the token response has no access_token")
	}
	return g
}

// refused reports whether the request was answered with a refusal that another key might be spared.
func (g *Grant) refused() bool {
	return g.Err != nil && g.Response != nil && (g.Response.Status == http.StatusBadRequest || g.Response.Status == http.StatusUnauthorized)
}

func plainWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return s != "" && len(s) < 40
}

type tokenCache struct {
	mu    sync.Mutex
	grant *Grant
	until time.Time

	asking  atomic.Int64 // token requests under way
	issued  atomic.Int64 // tokens that the endpoint issued to anybody in this session
	granted int64        // issued when grant was asked for, and grant itself
}

// noteToken counts the tokens that the target issued.
func (s *Session) noteToken(res *Response) {
	if res.Status == http.StatusOK || res.Status == http.StatusCreated {
		s.tokens.issued.Add(1)
	}
}

// superseded reports whether the session's token was followed by a newer one, which may have ended it, and makes the next
// request get a new one.
func (s *Session) superseded(authorization string) bool {
	sent, isBearer := strings.CutPrefix(authorization, "Bearer ")
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	g := s.tokens.grant
	switch {
	case !isBearer || g == nil:
		return false
	case g.Token != sent:
		return true // somebody renewed it while this request was under way
	case s.cfg.TokenCommand == "" && s.tokens.issued.Load() == s.tokens.granted && s.tokens.asking.Load() == 0:
		return false // no token can have followed
	}
	s.tokens.until = time.Time{}
	return true
}

// Token returns the session's access token: the static one, a cached one that has time left, or a new one; "" on
// an open server. A failure is not cached for long, but is the same for all who wait for it.
func (s *Session) Token(ctx context.Context) (string, error) {
	if s.cfg.Token != "" {
		return s.cfg.Token, nil
	}
	if s.cfg.ClientID == "" && s.cfg.TokenCommand == "" {
		return "", nil
	}
	g := s.Grant(ctx)
	return g.Token, g.Err
}

// newGrant gets a token the way that is configured.
func (s *Session) newGrant(ctx context.Context) (g *Grant) {
	switch c := s.Client(""); {
	case s.cfg.TokenCommand != "":
		token, err := s.runTokenCommand(ctx)
		return &Grant{Token: token, Err: err, ExpiresIn: Number(strconv.Itoa(int(commandLife.Seconds())))}
	case s.cfg.ClientSecret != "":
		endpoint := s.Discover().TokenURL
		if endpoint == "" {
			return &Grant{Err: errNoEndpoint}
		}
		form, authorization := s.secretForm()
		return ReadGrant(c.postToken(ctx, endpoint, form, authorization))
	default:
		for _, k := range s.SigningKeys() {
			if g = c.RequestToken(ctx, k, s.cfg.Scope); !g.refused() {
				break
			}
		}
		return g
	}
}

// Grant returns the session's own current grant, renewed before it expires.
func (s *Session) Grant(ctx context.Context) *Grant {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	if s.tokens.grant != nil && s.wall().Before(s.tokens.until) {
		return s.tokens.grant
	}
	// A token that is issued to somebody else while this one is asked for may be the later one of the two.
	s.tokens.granted = s.tokens.issued.Load()
	g := s.newGrant(ctx)
	if g.Err == nil && s.cfg.TokenCommand == "" {
		s.tokens.granted++
	}
	if errors.Is(g.Err, context.Canceled) {
		return g
	}
	s.tokens.grant = g
	// Without expires_in (RECOMMENDED by RFC 6749) SMART's 300 s are assumed. A fifth is kept in reserve.
	life := 300 * time.Second
	if n, ok := g.ExpiresIn.Int(); ok && n > 0 && n < 86400 {
		life = time.Duration(n) * time.Second
	}
	if g.Err != nil {
		life = 10 * time.Second
	}
	s.tokens.until = s.wall().Add(life * 4 / 5)
	return g
}
