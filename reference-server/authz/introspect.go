package authz

import "net/http"

// ServeIntrospection answers token introspection (RFC 7662; SMART token-introspection.html). A client asks with its own
// live access token as bearer and learns about the tokens issued to itself; all others are inactive to it.
func (s *Server) ServeIntrospection(w http.ResponseWriter, r *http.Request) {
	b := s.behaviour()
	g, f := s.authenticate(b, r)
	if f != nil {
		if f.Challenge != "" {
			w.Header().Set("WWW-Authenticate", f.Challenge)
		}
		// RFC 7662 §2.3: refused as the bearer token usage of RFC 6750 says.
		write(w, f.Status, "application/json", encode(map[string]any{"error": "invalid_token", "error_description": ascii(f.Description)}))
		return
	}
	form, e := parseTokenRequest(b, w, r)
	if e == nil && form.Get("token") == "" {
		e = &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "token is missing."}
	}
	if e != nil {
		s.writeError(b, w, e)
		return
	}
	body := map[string]any{"active": false}
	t := s.tokens.find(form.Get("token"))
	if t != nil && t.ClientID == g.ClientID && (s.cfg.Now().Before(t.Expires) || b.IntrospectDead) {
		body = map[string]any{"active": true, "scope": t.Scopes.String(), "client_id": t.ClientID, "exp": t.Expires.Unix(), "token_type": "bearer"}
	}
	if b.EditIntrospection != nil {
		b.EditIntrospection(body)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	write(w, http.StatusOK, "application/json", encode(body))
}
