package authz

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestConfiguration(t *testing.T) {
	w := newWorld(t, nil)
	get := func(method string) answer {
		r := httptest.NewRequest(method, fhirBase+"/.well-known/smart-configuration", nil)
		r.Header.Set("Accept", "text/html")
		return serve(w.ServeConfiguration, r)
	}
	a := get("GET")
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	var doc struct {
		TokenEndpoint string   `json:"token_endpoint"`
		Methods       []string `json:"token_endpoint_auth_methods_supported"`
		Algs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
		Grants        []string `json:"grant_types_supported"`
		Scopes        []string `json:"scopes_supported"`
		Capabilities  []string `json:"capabilities"`
		PKCE          []string `json:"code_challenge_methods_supported"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ got, want []string }{
		"methods": {doc.Methods, []string{"private_key_jwt"}}, "algs": {doc.Algs, []string{"RS384", "ES384"}},
		"grants": {doc.Grants, []string{"client_credentials"}}, "PKCE": {doc.PKCE, []string{"S256"}},
		"capabilities": {doc.Capabilities, []string{"client-confidential-asymmetric", "permission-v1", "permission-v2"}},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s: %v", name, tc.got)
		}
	}
	if doc.TokenEndpoint != tokenURL {
		t.Errorf("token endpoint %s", doc.TokenEndpoint)
	}
	if len(a.json) != 7 {
		t.Errorf("members beyond what is true here: %s", a.body)
	}
	// It tells the truth: each scope and each algorithm works.
	for _, asked := range doc.Scopes {
		if got := w.try(f("scope", asked)); got.json["scope"] != asked {
			t.Errorf("%s is listed, but %v", asked, got)
		}
	}
	if !strings.Contains(strings.Join(doc.Scopes, " "), "system/Patient.rs") {
		t.Errorf("scopes %v", doc.Scopes)
	}
	if get("GET").body != a.body {
		t.Error("two answers differ")
	}
	if p := get("POST"); p.status != 405 || p.header.Get("Allow") == "" {
		t.Errorf("POST: %d", p.status)
	}
	if p := get("HEAD"); p.status != 200 {
		t.Errorf("HEAD: %d", p.status)
	}

	w.b = &Behaviour{EditConfiguration: func(doc map[string]any) { delete(doc, "token_endpoint") },
		EditConfigurationHeader: func(status *int, h http.Header) { h.Set("Content-Type", "text/plain") }}
	if p := get("GET"); strings.Contains(p.body, tokenURL) || p.header.Get("Content-Type") != "text/plain" {
		t.Errorf("edited: %v %s", p.header, p.body)
	}
	w.b = &Behaviour{ExtraAlgs: []string{"RS256"}}
	if p := get("GET"); !strings.Contains(p.body, "RS256") {
		t.Errorf("ExtraAlgs: %s", p.body)
	}
	w.b = nil
	w.cfg.IntrospectionURL = func(*http.Request) string { return "https://auth.example/introspect" }
	if p := get("GET"); p.json["introspection_endpoint"] != "https://auth.example/introspect" {
		t.Errorf("introspection: %s", p.body)
	}
}
