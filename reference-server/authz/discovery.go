package authz

import (
	"net/http"
	"slices"
)

// Configuration returns the smart-configuration document (conformance.html#metadata): every member that is required of
// a Backend Services server, and of the others those that are true here. There is no authorization_endpoint, no issuer
// and no launch capability, because nobody can launch an app here.
func (s *Server) Configuration(r *http.Request) map[string]any {
	b := s.behaviour()
	doc := map[string]any{
		"token_endpoint":                                   s.cfg.TokenURL(r),
		"token_endpoint_auth_methods_supported":            []string{"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": b.announced(),
		"grant_types_supported":                            []string{grantClientCredentials},
		"scopes_supported":                                 s.scopesSupported(),
		"capabilities":                                     []string{"client-confidential-asymmetric", "permission-v1", "permission-v2"},
		// Required of every server, though no grant here makes use of PKCE.
		"code_challenge_methods_supported": []string{"S256"},
	}
	if s.cfg.IntrospectionURL != nil {
		doc["introspection_endpoint"] = s.cfg.IntrospectionURL(r)
	}
	if b.EditConfiguration != nil {
		b.EditConfiguration(doc)
	}
	return doc
}

// scopesSupported lists scopes that each work for a client pre-authorised for them.
func (s *Server) scopesSupported() []string {
	out := []string{"system/*.read", "system/*.rs"}
	types := slices.Clone(s.cfg.Types)
	slices.Sort(types)
	for _, typ := range slices.Compact(types) {
		out = append(out, "system/"+typ+".read", "system/"+typ+".rs")
	}
	return out
}

// ServeConfiguration answers [base]/.well-known/smart-configuration: application/json whatever Accept says
// (conformance.html#using-well-known), to GET and HEAD.
func (s *Server) ServeConfiguration(w http.ResponseWriter, r *http.Request) {
	b := s.behaviour()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		write(w, http.StatusMethodNotAllowed, "text/plain;charset=UTF-8", []byte("Read this document with GET.\n"))
		return
	}
	status := http.StatusOK
	w.Header().Set("Content-Type", "application/json")
	if b.EditConfigurationHeader != nil {
		b.EditConfigurationHeader(&status, w.Header())
	}
	write(w, status, w.Header().Get("Content-Type"), encode(s.Configuration(r)))
}
