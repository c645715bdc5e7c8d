package authz

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tokenError is an answer of RFC 6749 §5.2.
type tokenError struct {
	reason            Reason
	status            int
	code, description string
	challenge         string // WWW-Authenticate
	allow             string // Allow
	retryAfter        int    // seconds
	assertion         string // for EchoAssertion only
}

// ServeToken answers a token request (backend-services.html#obtain-access-token): 200 with a bearer token, or an error
// of RFC 6749 §5.2. It is the handler of the URL that Config.TokenURL names.
func (s *Server) ServeToken(w http.ResponseWriter, r *http.Request) {
	b := s.behaviour()
	body, e := s.token(b, w, r)
	if e != nil {
		if e.reason != "" && b.CrashOn != nil && b.CrashOn(e.reason) {
			crash()
		}
		s.writeError(b, w, e)
		return
	}
	s.writeToken(b, w, body)
}

func (s *Server) token(b *Behaviour, w http.ResponseWriter, r *http.Request) (map[string]any, *tokenError) {
	form, e := parseTokenRequest(b, w, r)
	if e != nil {
		return nil, e
	}
	if e := checkGrantType(b, form); e != nil {
		return nil, e
	}
	now := s.cfg.Now()
	v := &verifier{s: s, b: b, r: r, clientID: form.Get("client_id"), now: now, leeway: Leeway}
	if b.Leeway != nil {
		v.leeway = *b.Leeway
	}
	if e := s.authenticateClient(v, form); e != nil {
		e.assertion = form.Get("client_assertion")
		return nil, e
	}
	asked, ok := splitScope(form.Get("scope"))
	if !ok {
		return nil, scopeError(b, "The scope holds characters outside RFC 6749 §3.3, or is too long.")
	}
	if len(asked) == 0 && !b.DefaultScope && !b.SilentDefaultScope && !b.GrantEverything {
		return nil, scopeError(b, "The scope is missing; ask for system/*.rs, for example.")
	}
	offline := b.OfflineRefresh && slices.Contains(asked, "offline_access")
	if offline {
		asked = append(asked, v.reg.Scopes...)
	}
	m := s.mediate(b, asked, v.reg.allowed)
	if len(m.granted) == 0 || b.StrictScope && m.refused {
		return nil, scopeError(b, "No scope asked for is pre-authorised for this client, for reading, on this server.")
	}
	if b.RefuseSecondToken && s.tokens.hasLive(v.reg.ID, now) {
		return nil, &tokenError{status: http.StatusBadRequest, code: "invalid_grant", description: "The client holds a token already."}
	}
	if b.BurnJtiOnSuccess && v.a != nil {
		if e := v.burn(true); e != nil {
			return nil, e
		}
	}
	body, e := s.issue(b, v, m)
	if b.SilentDefaultScope && len(asked) == 0 {
		delete(body, "scope")
	}
	if offline && e == nil {
		body["refresh_token"] = "a-refresh-token-that-nothing-accepts"
	}
	return body, e
}

// checkGrantType admits client_credentials (backend-services.html#request).
func checkGrantType(b *Behaviour, form url.Values) *tokenError {
	switch grant := form.Get("grant_type"); {
	case grant == grantClientCredentials:
	case grant == "" && !b.AcceptMissingGrantType:
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "grant_type is missing."}
	case grant != "" && !b.AcceptWrongGrantType:
		return &tokenError{status: http.StatusBadRequest, code: "unsupported_grant_type", description: "Only client_credentials is supported."}
	}
	return nil
}

// authenticateClient admits private_key_jwt as the one method of client authentication; on success v.reg is set.
func (s *Server) authenticateClient(v *verifier, form url.Values) *tokenError {
	b := v.b
	assertion := form.Get("client_assertion")
	scheme, _, _ := strings.Cut(v.r.Header.Get("Authorization"), " ")
	basic := strings.EqualFold(scheme, "Basic")
	switch {
	case assertion == "":
		if b.CrashOnMissingAssertion {
			crash()
		}
		if b.AcceptNoAssertion && v.clientID != "" {
			if v.reg = s.client(v.clientID); v.reg != nil {
				return nil
			}
		}
		e := v.bad(ReasonMissing, false, "there is no client_assertion; private_key_jwt is the one method here.")
		if basic { // RFC 6749 §5.2: 401 and the scheme that the client tried
			e.status, e.challenge = http.StatusUnauthorized, `Basic realm="token"`
		}
		return e
	case (basic || form.Get("client_secret") != "") && !b.AcceptSecondCredential:
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request",
			description: "More than one method of client authentication (RFC 6749 §2.3)."}
	case b.DemandClientID && v.clientID == "":
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "client_id is missing."}
	case b.RefuseClientID && v.clientID != "":
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "client_id is not allowed."}
	}
	switch kind := form.Get("client_assertion_type"); {
	case kind == assertionTypeJWT:
	case kind == "" && !b.AcceptMissingAssertionType:
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "client_assertion_type is missing."}
	case kind != "" && !b.AcceptWrongAssertionType:
		return &tokenError{status: http.StatusBadRequest, code: "invalid_client",
			description: "client_assertion_type has to be " + assertionTypeJWT + "."}
	}
	if b.AcceptServerToken {
		if g := s.tokens.find(assertion); g != nil {
			if v.reg = s.client(g.ClientID); v.reg != nil {
				return nil
			}
		}
	}
	return v.verify(assertion)
}

func scopeError(b *Behaviour, description string) *tokenError {
	e := &tokenError{status: http.StatusBadRequest, code: "invalid_scope", description: description}
	if b.WrongScopeErrorCode {
		e.code = "invalid_client"
	}
	return e
}

// issue makes the token and the members of RFC 6749 §5.1.
func (s *Server) issue(b *Behaviour, v *verifier, m mediation) (map[string]any, *tokenError) {
	lifetime := s.cfg.Lifetime
	if b.Lifetime > 0 {
		lifetime = b.Lifetime
	}
	if b.LongLifetime {
		lifetime = 25 * time.Hour
	}
	if b.CapByAssertion && v.a != nil && v.a.exp > 0 {
		if left := v.a.exp - float64(v.now.UnixNano())/1e9; left < lifetime.Seconds() {
			lifetime = time.Duration(max(1, left) * float64(time.Second))
		}
	}
	seconds := int64(lifetime / time.Second)
	if b.RevokeOlderTokens {
		s.tokens.revokeClient(v.reg.ID)
	}
	token, err := s.mint(b, v.reg.ID, m.granted, v.now, time.Duration(seconds)*time.Second)
	if err != nil {
		return nil, &tokenError{status: http.StatusInternalServerError, code: "server_error", description: "No token could be made; try again."}
	}
	body := map[string]any{"access_token": token, "token_type": "bearer", "expires_in": seconds, "scope": m.echo}
	b.breakToken(body, m.echo)
	return body, nil
}

// breakToken applies the defects and variations of the token answer.
func (b *Behaviour) breakToken(body map[string]any, scope string) {
	if b.ExpiresInString {
		body["expires_in"] = fmt.Sprint(body["expires_in"])
	}
	if b.WrongTokenType {
		body["token_type"] = "JWT"
	}
	if b.TokenTypeCapital {
		body["token_type"] = "Bearer"
	}
	if b.ScopeArray {
		body["scope"] = strings.Fields(scope)
	}
	if b.RefreshToken {
		body["refresh_token"] = "a-refresh-token-that-nothing-accepts"
	}
	if b.ExtraMembers {
		body["tenant"], body["not_before"], body["authorization_details"] = "synthetic", 0, []any{map[string]any{"type": "none"}}
	}
	for name, gone := range map[string]bool{"expires_in": b.NoExpiresIn, "token_type": b.NoTokenType, "scope": b.NoScope, "access_token": b.NoAccessToken} {
		if gone {
			delete(body, name)
		}
	}
}

// mint makes a token and stores its grant.
func (s *Server) mint(b *Behaviour, client string, granted Scopes, now time.Time, lifetime time.Duration) (string, error) {
	token, err := newToken(s.cfg.Rand)
	if err != nil {
		return "", err
	}
	if b.OddTokens {
		token += "!"
	}
	if b.HugeToken {
		token += strings.Repeat("x", 20_000)
	}
	if b.JWTTokens {
		token = jwtOf(token, client, granted, now, lifetime)
	}
	s.tokens.add(token, Grant{ClientID: client, Scopes: slices.Clone(granted), Expires: now.Add(lifetime), types: s.cfg.Types}, now)
	return token, nil
}

// jwtOf dresses a token up as a JWT. What counts is still the store: the random token is the MAC key, and is thrown away.
func jwtOf(token, client string, granted Scopes, now time.Time, lifetime time.Duration) string {
	claims, _ := json.Marshal(map[string]any{"client_id": client, "scope": granted.String(), "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"jti": fmt.Sprintf("%x", sha256.Sum256([]byte(token)))})
	enc := base64.RawURLEncoding.EncodeToString
	input := enc([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + enc(claims)
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(input))
	return input + "." + enc(mac.Sum(nil))
}

// IssueToken makes a token without a token request, for a static bearer token or the management listener. Scope is
// mediated as in a token request. It errs when the client is unknown, nothing is grantable, or lifetime is under a second.
func (s *Server) IssueToken(client, scope string, lifetime time.Duration) (string, error) {
	reg := s.client(client)
	if reg == nil {
		return "", fmt.Errorf("authz: client %q is not registered", client)
	}
	if lifetime < time.Second {
		return "", fmt.Errorf("authz: a token lifetime of %v is too short, give at least a second", lifetime)
	}
	asked, ok := splitScope(scope)
	b := s.behaviour()
	m := s.mediate(b, asked, reg.allowed)
	if !ok || len(m.granted) == 0 {
		return "", fmt.Errorf("authz: nothing in scope %q is pre-authorised for client %q", scope, client)
	}
	return s.mint(b, client, m.granted, s.cfg.Now(), lifetime)
}

func (s *Server) writeToken(b *Behaviour, w http.ResponseWriter, body map[string]any) {
	if b.EditTokenResponse != nil {
		b.EditTokenResponse(body)
	}
	if !b.NoCacheControl { // RFC 6749 §5.1
		w.Header().Set("Cache-Control", "no-store")
		if !b.NoPragma {
			w.Header().Set("Pragma", "no-cache")
		}
	}
	status := http.StatusOK
	if b.Answer201 {
		status = http.StatusCreated
	}
	switch {
	case b.AnswerAsForm:
		form := url.Values{}
		for name, value := range body {
			form.Set(name, fmt.Sprint(value))
		}
		write(w, status, "application/x-www-form-urlencoded", []byte(form.Encode()))
	case b.AnswerAsText:
		write(w, status, "text/plain;charset=UTF-8", encode(body))
	default:
		write(w, status, "application/json", encode(body))
	}
}

func (s *Server) writeError(b *Behaviour, w http.ResponseWriter, e *tokenError) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	if e.allow != "" {
		h.Set("Allow", e.allow)
	}
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	if b.InvalidClient401 && e.code == "invalid_client" && e.challenge == "" {
		e.status, e.challenge = http.StatusUnauthorized, `Bearer realm="token"`
	}
	if e.challenge != "" {
		h.Set("WWW-Authenticate", e.challenge)
	}
	if b.WrongErrorCode && e.code == "invalid_client" {
		e.code = "unauthorized_client"
	}
	if b.UndefinedErrorCode {
		e.code = "authentication_failed"
	}
	if b.EchoAssertion && e.assertion != "" {
		e.description += " " + e.assertion
	}
	body := map[string]any{"error": e.code, "error_description": ascii(e.description)}
	if b.NoErrorDescription {
		delete(body, "error_description")
	}
	if b.EditError != nil {
		b.EditError(&e.status, body, h)
	}
	switch {
	case b.ErrorStatus500:
		e.status = http.StatusInternalServerError
	case b.ErrorStatus403:
		e.status = http.StatusForbidden
	}
	switch {
	case b.ErrorsAs200Text:
		write(w, http.StatusOK, "text/plain;charset=UTF-8", []byte(fmt.Sprintf("%s: %s\n", e.code, e.description)))
	case b.ErrorsAs200:
		write(w, http.StatusOK, "application/json", encode(body))
	case b.ErrorNotJSON:
		write(w, e.status, "text/html;charset=UTF-8", []byte("<!doctype html><title>Error</title><h1>"+html.EscapeString(e.description)+"</h1>\n"))
	case b.ErrorOperationOutcome:
		write(w, e.status, "application/fhir+json", encode(map[string]any{"resourceType": "OperationOutcome",
			"issue": []any{map[string]any{"severity": "error", "code": "security", "diagnostics": e.description}}}))
	default:
		write(w, e.status, "application/json", encode(body))
	}
}

// ascii keeps error_description within the characters of RFC 6749 §5.2: printable ASCII without quote and backslash.
func ascii(s string) string {
	s = strings.ReplaceAll(s, "§", "section ")
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}

// encode writes JSON with sorted members, so that equal answers are equal bytes.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only an Edit hook can put something in that has no JSON form; show it rather than an empty body.
		return []byte(`{"error":"server_error","error_description":"the answer has no JSON form"}`)
	}
	return buf.Bytes()
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone; nobody is left to tell
}
