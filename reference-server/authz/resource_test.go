package authz

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// probes are the credentials of resource requests and what a conformant server says to them: "ok", or status and error.
func probes(t *testing.T, w *world) map[string]string {
	t.Helper()
	saved := w.b
	w.b = nil
	good := w.mustToken(t, f("scope", "system/Patient.rs"))
	w.now = w.now.Add(-10 * time.Minute)
	old := newDraft(exp(-8 * time.Minute)) // a token of ten minutes ago
	expired := w.send(old.ready()).token()
	w.now = w.now.Add(10 * time.Minute)
	w.b = saved
	if expired == "" {
		t.Fatal("no token to let expire")
	}
	middle := len(good) / 2
	tampered := good[:middle] + map[bool]string{true: "B", false: "A"}[good[middle] == 'A'] + good[middle+1:]
	out := map[string]string{}
	for name, r := range map[string]*http.Request{
		"good":         resourceRequest(fhirBase+"/$export", "Bearer "+good),
		"lower case":   resourceRequest(fhirBase+"/$export", "bearer "+good),
		"none":         resourceRequest(fhirBase+"/$export", ""),
		"empty bearer": resourceRequest(fhirBase+"/$export", "Bearer "),
		"random":       resourceRequest(fhirBase+"/$export", "Bearer some-random-text"),
		"tampered":     resourceRequest(fhirBase+"/$export", "Bearer "+tampered),
		"truncated":    resourceRequest(fhirBase+"/$export", "Bearer "+good[:len(good)-8]),
		"expired":      resourceRequest(fhirBase+"/$export", "Bearer "+expired),
		"query":        resourceRequest(fhirBase+"/$export?access_token="+url.QueryEscape(good), ""),
		"basic token":  resourceRequest(fhirBase+"/$export", "Basic "+good),
		"basic pair":   resourceRequest(fhirBase+"/$export", "Basic "+base64.StdEncoding.EncodeToString([]byte("client-a:"+good))),
		"basic client": resourceRequest(fhirBase+"/$export", "Basic "+base64.StdEncoding.EncodeToString([]byte("client-a:x"))),
		"basic junk":   resourceRequest(fhirBase+"/$export", "Basic %%%"),
		"client id":    resourceRequest(fhirBase+"/$export", "Bearer client-a"),
		"assertion":    resourceRequest(fhirBase+"/$export", "Bearer "+newDraft().assertion()),
		"own alg none": resourceRequest(fhirBase+"/$export", "Bearer "+b64(`{"alg":"none"}`)+"."+b64(`{"scope":"system/*.*"}`)+"."),
		"two headers": func() *http.Request {
			r := resourceRequest(fhirBase, "Bearer "+good)
			r.Header.Add("Authorization", "Bearer x")
			return r
		}(),
	} {
		g, refusal := w.Authenticate(r)
		switch {
		case (g == nil) == (refusal == nil):
			t.Fatalf("%s: grant %v and refusal %v", name, g, refusal)
		case g != nil:
			out[name] = "ok"
			if g.MayReadAll() {
				out[name] = "ok all"
			}
		default:
			out[name] = strings.TrimSpace(http.StatusText(refusal.Status) + " " + refusal.Error)
			if strings.Contains(refusal.Challenge+refusal.Description, good) {
				t.Errorf("%s: the refusal quotes the token", name)
			}
		}
	}
	return out
}

var conformantProbes = map[string]string{
	"good": "ok", "lower case": "ok", "none": "Unauthorized", "empty bearer": "Unauthorized invalid_token", "random": "Unauthorized invalid_token",
	"tampered": "Unauthorized invalid_token", "truncated": "Unauthorized invalid_token", "expired": "Unauthorized invalid_token",
	"query": "Unauthorized", "basic token": "Unauthorized", "basic pair": "Unauthorized", "basic client": "Unauthorized", "basic junk": "Unauthorized",
	"client id": "Unauthorized invalid_token", "assertion": "Unauthorized invalid_token", "own alg none": "Unauthorized invalid_token",
	"two headers": "Unauthorized invalid_token",
}

func TestAuthenticate(t *testing.T) {
	for name, tc := range map[string]struct {
		b       Behaviour
		changed map[string]string
	}{
		"conformant":            {},
		"AcceptAnyToken":        {Behaviour{AcceptAnyToken: true}, map[string]string{"random": "ok all", "tampered": "ok all", "truncated": "ok all", "client id": "ok all", "assertion": "ok all", "own alg none": "ok all"}},
		"AnyJWTAsToken":         {Behaviour{AnyJWTAsToken: true}, map[string]string{"assertion": "ok all", "own alg none": "ok all"}},
		"AcceptExpiredToken":    {Behaviour{AcceptExpiredToken: true}, map[string]string{"expired": "ok all"}},
		"AcceptTamperedToken":   {Behaviour{AcceptTamperedToken: true}, map[string]string{"tampered": "ok", "truncated": "ok"}},
		"AcceptQueryToken":      {Behaviour{AcceptQueryToken: true}, map[string]string{"query": "ok"}},
		"AcceptBasic":           {Behaviour{AcceptBasic: true}, map[string]string{"basic token": "ok", "basic pair": "ok", "basic client": "ok all", "basic junk": "Unauthorized invalid_token"}},
		"AcceptClientIDAsToken": {Behaviour{AcceptClientIDAsToken: true}, map[string]string{"client id": "ok all"}},
		"AcceptNoToken":         {Behaviour{AcceptNoToken: true}, map[string]string{"none": "ok all", "query": "ok all"}},
		"IgnoreTokenScope":      {Behaviour{IgnoreTokenScope: true}, map[string]string{"good": "ok all", "lower case": "ok all"}},
		"CapitalSchemeOnly":     {Behaviour{CapitalSchemeOnly: true}, map[string]string{"lower case": "Unauthorized"}},
		"LowerCaseSchemeOnly": {Behaviour{LowerCaseSchemeOnly: true}, map[string]string{"good": "Unauthorized", "random": "Unauthorized", "empty bearer": "Unauthorized",
			"tampered": "Unauthorized", "truncated": "Unauthorized", "expired": "Unauthorized", "client id": "Unauthorized", "assertion": "Unauthorized", "own alg none": "Unauthorized"}},
		"InvalidTokenStatus": {Behaviour{InvalidTokenStatus: 400}, map[string]string{"random": "Bad Request invalid_token", "empty bearer": "Bad Request invalid_token",
			"tampered": "Bad Request invalid_token", "truncated": "Bad Request invalid_token", "expired": "Bad Request invalid_token", "client id": "Bad Request invalid_token",
			"assertion": "Bad Request invalid_token", "own alg none": "Bad Request invalid_token", "two headers": "Bad Request invalid_token"}},
	} {
		w := newWorld(t, &tc.b)
		for probe, got := range probes(t, w) {
			want, changed := tc.changed[probe]
			if !changed {
				want = conformantProbes[probe]
			}
			if got != want {
				t.Errorf("%s, %s: %s, want %s", name, probe, got, want)
			}
		}
	}
}

// TestScopeAtKickOffOnly shows the hook for defects that depend on the request.
func TestScopeAtKickOffOnly(t *testing.T) {
	w := newWorld(t, &Behaviour{})
	w.b.AfterAuthenticate = func(r *http.Request, g *Grant, f *Refusal) (*Grant, *Refusal) {
		if g != nil && !strings.HasSuffix(r.URL.Path, "/$export") {
			return Unlimited(g.ClientID, g.Expires), nil
		}
		return g, f
	}
	token := w.mustToken(t, f("scope", "system/Patient.rs"))
	if g, _ := w.Authenticate(resourceRequest(fhirBase+"/$export", "Bearer "+token)); g == nil || g.MayRead("Observation") {
		t.Errorf("kick-off: %+v", g)
	}
	if g, _ := w.Authenticate(resourceRequest(fhirBase+"/files/1", "Bearer "+token)); g == nil || !g.MayRead("Observation") {
		t.Errorf("file: %+v", g)
	}
	if _, refusal := w.Authenticate(resourceRequest(fhirBase+"/files/1", "")); refusal == nil {
		t.Error("no token, yet no refusal")
	}
}

func TestChallenge(t *testing.T) {
	w := newWorld(t, nil)
	_, refusal := w.Authenticate(resourceRequest(fhirBase, ""))
	if refusal.Challenge != `Bearer realm="fhir"` { // RFC 6750 §3.1: no error code without credentials
		t.Errorf("none: %s", refusal.Challenge)
	}
	_, refusal = w.Authenticate(resourceRequest(fhirBase, "Bearer x"))
	if !strings.HasPrefix(refusal.Challenge, `Bearer realm="fhir", error="invalid_token", error_description="`) {
		t.Errorf("wrong: %s", refusal.Challenge)
	}
	refusal = w.InsufficientScope(`The token does not cover "Observation".`, "system/Observation.rs")
	if refusal.Status != 403 || refusal.Challenge != `Bearer realm="fhir", error="insufficient_scope", error_description="The token does not cover 'Observation'.", scope="system/Observation.rs"` {
		t.Errorf("%+v", refusal)
	}
	w.b = &Behaviour{NoChallenge: true}
	if refusal = w.InsufficientScope("x", "y"); refusal.Challenge != "" {
		t.Errorf("NoChallenge: %+v", refusal)
	}
	w.b = &Behaviour{BasicChallenge: true}
	if refusal = w.InsufficientScope("x", "y"); refusal.Challenge != `Basic realm="fhir"` {
		t.Errorf("BasicChallenge: %+v", refusal)
	}
}

func TestAssertionAsBearer(t *testing.T) {
	w := newWorld(t, nil)
	if _, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+newDraft().assertion())); refusal == nil || refusal.Status != 401 {
		t.Errorf("%+v", refusal)
	}
}

// TestJWTTokenIsStillOpaque: a token in JWT form is judged by the store, not by what it says about itself.
func TestJWTTokenIsStillOpaque(t *testing.T) {
	w := newWorld(t, &Behaviour{JWTTokens: true})
	token := w.mustToken(t)
	parts := strings.Split(token, ".")
	forged := parts[0] + "." + b64(`{"client_id":"client-a","scope":"system/*.*","exp":9999999999}`) + "." + parts[2]
	if _, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+forged)); refusal == nil {
		t.Error("a forged token is accepted")
	}
	w.now = w.now.Add(301 * time.Second)
	if _, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+token)); refusal == nil || !strings.Contains(refusal.Description, "expired") {
		t.Errorf("an expired token: %+v", refusal)
	}
}

func TestRemoveRevokes(t *testing.T) {
	w := newWorld(t, nil)
	token := w.mustToken(t)
	if !w.Remove("client-a") || w.Remove("client-a") {
		t.Error("Remove says the wrong thing")
	}
	if _, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+token)); refusal == nil {
		t.Error("a token outlives its client")
	}
	if a := w.try(); a.String() != client {
		t.Errorf("a removed client: %v", a)
	}
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t, nil)
	token := w.mustToken(t, f("scope", "system/Patient.rs"))
	foreign := w.mustToken(t, as("client-b", kidB, "ES384", keysOnce().ecB), f("scope", "system/Patient.rs"))
	ask := func(bearer, about string) answer {
		r := httptest.NewRequest("POST", "https://auth.example/introspect", strings.NewReader(url.Values{"token": {about}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		return serve(w.ServeIntrospection, r)
	}
	a := ask(token, token)
	if a.status != 200 || a.json["active"] != true || a.json["scope"] != "system/Patient.rs" || a.json["client_id"] != "client-a" || a.json["exp"] != float64(clockStart.Unix()+300) {
		t.Errorf("own: %v %s", a, a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.header)
	}
	for name, about := range map[string]string{"foreign": foreign, "junk": "junk"} {
		if a := ask(token, about); a.status != 200 || len(a.json) != 1 || a.json["active"] != false {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := ask("", token); a.status != 401 || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("no bearer: %v", a)
	}
	if a := ask(token, ""); a.String() != request {
		t.Errorf("no token: %v", a)
	}
	w.b = &Behaviour{EditIntrospection: func(body map[string]any) { delete(body, "exp") }}
	if a := ask(token, token); a.json["exp"] != nil {
		t.Errorf("EditIntrospection: %s", a.body)
	}
	w.b = &Behaviour{}
	w.now = w.now.Add(200 * time.Second)
	fresh := w.mustToken(t, exp(4*time.Minute))
	w.now = w.now.Add(200 * time.Second)
	if a := ask(fresh, token); a.json["active"] != false {
		t.Errorf("expired: %s", a.body)
	}
	w.b = &Behaviour{IntrospectDead: true}
	if a := ask(fresh, token); a.json["active"] != true {
		t.Errorf("IntrospectDead: %s", a.body)
	}
}
