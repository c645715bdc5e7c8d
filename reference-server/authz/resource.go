package authz

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Refusal is why a resource request may not go on (RFC 6750 §3).
type Refusal struct {
	// Status is 401 (no usable token) or 403 (the token's scope is too small).
	Status int
	// Error is invalid_token or insufficient_scope, or empty when no credentials were sent (RFC 6750 §3.1).
	Error string
	// Description is a sentence for people. It never contains the token.
	Description string
	// Challenge is the value of WWW-Authenticate; empty means that the header is not sent.
	Challenge string
}

// Authenticate judges the bearer token of a resource request (backend-services.html#access-fhir-api). Exactly one of its
// results is not nil. Whether the scope covers what is asked for is the caller's question to the Grant; refuse with
// InsufficientScope.
func (s *Server) Authenticate(r *http.Request) (*Grant, *Refusal) {
	b := s.behaviour()
	g, f := s.authenticate(b, r)
	if g != nil && b.IgnoreTokenScope {
		g = Unlimited(g.ClientID, g.Expires)
	}
	if b.AfterAuthenticate != nil {
		g, f = b.AfterAuthenticate(r, g, f)
	}
	return g, f
}

func (s *Server) authenticate(b *Behaviour, r *http.Request) (*Grant, *Refusal) {
	now := s.cfg.Now()
	credentials := r.Header.Values("Authorization")
	if len(credentials) == 0 || credentials[0] == "" {
		if q := r.URL.Query().Get("access_token"); q != "" && b.AcceptQueryToken {
			return s.bearer(b, q)
		}
		if b.AcceptNoToken {
			return Unlimited("", now.Add(s.cfg.Lifetime)), nil
		}
		return nil, s.refuse(b, http.StatusUnauthorized, "", "This request needs an access token in the Authorization header.")
	}
	if len(credentials) > 1 {
		return nil, s.refuse(b, http.StatusUnauthorized, "invalid_token", "There is more than one Authorization header.")
	}
	scheme, token, _ := strings.Cut(credentials[0], " ")
	token = strings.TrimLeft(token, " ")
	switch {
	case b.LowerCaseSchemeOnly && scheme != "bearer", b.CapitalSchemeOnly && scheme != "Bearer":
	case strings.EqualFold(scheme, "Bearer"):
		return s.bearer(b, token)
	case strings.EqualFold(scheme, "Basic") && b.AcceptBasic:
		return s.basic(b, token)
	}
	return nil, s.refuse(b, http.StatusUnauthorized, "", "The Authorization header has to be: Bearer, a blank, the access token.")
}

// bearer looks a token up.
func (s *Server) bearer(b *Behaviour, token string) (*Grant, *Refusal) {
	now := s.cfg.Now()
	g := s.tokens.find(token)
	if g == nil && b.AcceptTamperedToken {
		g = s.tokens.findStart(token)
	}
	switch {
	case g != nil && (now.Before(g.Expires) || b.AcceptExpiredToken):
		return g, nil
	case g != nil:
		return nil, s.refuse(b, http.StatusUnauthorized, "invalid_token", "The access token has expired; ask for a new one.")
	case b.AcceptAnyToken && token != "":
		return Unlimited("", now.Add(s.cfg.Lifetime)), nil
	case b.AnyJWTAsToken && looksLikeJWT(token):
		return Unlimited("", now.Add(s.cfg.Lifetime)), nil
	case b.AcceptClientIDAsToken && s.client(token) != nil:
		return Unlimited(token, now.Add(s.cfg.Lifetime)), nil
	}
	return nil, s.refuse(b, http.StatusUnauthorized, "invalid_token", "The access token is not one of this server, or was revoked.")
}

// basic takes what a careless gateway takes: a token behind the wrong scheme, or inside the credentials, or a client id.
func (s *Server) basic(b *Behaviour, credentials string) (*Grant, *Refusal) {
	if g, f := s.bearer(b, credentials); f == nil {
		return g, nil
	}
	if raw, err := base64.StdEncoding.DecodeString(credentials); err == nil {
		user, password, _ := strings.Cut(string(raw), ":")
		for _, token := range []string{user, password} {
			if g, f := s.bearer(b, token); f == nil {
				return g, nil
			}
		}
		if s.client(user) != nil {
			return Unlimited(user, s.cfg.Now().Add(s.cfg.Lifetime)), nil
		}
	}
	return nil, s.refuse(b, http.StatusUnauthorized, "invalid_token", "The credentials are not known here.")
}

func looksLikeJWT(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts[:2] {
		raw, err := decodeSegment(part)
		if err != nil {
			return false
		}
		if _, err := decodeObject(raw, true); err != nil {
			return false
		}
	}
	return true
}

// InsufficientScope is the refusal for a valid token that does not cover the request: 403 insufficient_scope, with the
// scope that would do, "system/Observation.rs" (RFC 6750 §3.1). description is a sentence for people.
func (s *Server) InsufficientScope(description string, needed ...string) *Refusal {
	b := s.behaviour()
	f := s.refuse(b, http.StatusForbidden, "insufficient_scope", description)
	if len(needed) > 0 && f.Challenge != "" && !b.BasicChallenge {
		f.Challenge += `, scope="` + quotable(strings.Join(needed, " ")) + `"`
	}
	return f
}

func (s *Server) refuse(b *Behaviour, status int, code, description string) *Refusal {
	if status == http.StatusUnauthorized && code != "" && b.InvalidTokenStatus != 0 {
		status = b.InvalidTokenStatus
	}
	f := &Refusal{Status: status, Error: code, Description: description}
	switch {
	case b.NoChallenge:
	case b.BasicChallenge:
		f.Challenge = `Basic realm="fhir"`
	default:
		f.Challenge = `Bearer realm="fhir"`
		if code != "" {
			f.Challenge += `, error="` + code + `", error_description="` + quotable(description) + `"`
		}
	}
	return f
}

// quotable keeps a value within the characters of RFC 6750 §3 for error_description and scope.
func quotable(s string) string { return ascii(s) }
