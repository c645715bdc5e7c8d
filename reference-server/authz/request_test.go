package authz

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRequestForm has the refusals below OAuth that the list of negative assertions does not name.
func TestRequestForm(t *testing.T) {
	w := newWorld(t, nil)
	raw := func(body string) opt { return func(d *draft) { d.body = &body } }
	many := make([]string, 70)
	for i := range many {
		many[i] = fmt.Sprintf("p%d=1", i)
	}
	for name, opts := range map[string][]opt{
		"broken escape":       {raw("grant_type=%zz")},
		"semicolon":           {raw("grant_type=client_credentials;scope=x")},
		"not UTF-8":           {raw("grant_type=client_credentials&x=%ff")},
		"not UTF-8, name":     {raw("grant_type=client_credentials&%ff=x")},
		"many parameters":     {raw(strings.Join(many, "&"))},
		"broken query":        {func(d *draft) { d.query = "x=%zz" }},
		"one in the query":    {func(d *draft) { d.query = "scope=x" }},
		"other charset":       {ctype("application/x-www-form-urlencoded;charset=ISO-8859-1")},
		"broken Content-Type": {ctype("application/x-www-form-urlencoded;=")},
		"repeated unknown":    {addF("made_up", "1"), addF("made_up", "2")},
		"repeated without value": {
			addF("made_up", ""), addF("made_up", "")},
	} {
		if a := w.try(opts...); a.String() != request {
			t.Errorf("%s: %v %s", name, a, a.body)
		}
	}
	if a := w.try(func(d *draft) { d.query = "tenant=7" }); a.String() != ok {
		t.Errorf("a query without OAuth parameters: %v", a)
	}
	if a := w.try(func(d *draft) { d.header.Set("Authorization", "Bearer of-a-gateway") }); a.String() != ok {
		t.Errorf("a header that is no client authentication: %v", a)
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "HEAD", "OPTIONS"} {
		if a := w.try(func(d *draft) { d.method = method }); a.status != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("%s: %v", method, a)
		}
	}
	r := httptest.NewRequest("POST", tokenURL, brokenBody{})
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := serve(w.ServeToken, r); a.String() != request {
		t.Errorf("a body that breaks off: %v", a)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestCurve: ES384 is ECDSA on P-384 and on nothing else (RFC 7518 §3.4).
func TestCurve(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, tc := range map[string]struct {
		b    Behaviour
		want string
	}{
		"ES384": {Behaviour{}, client},
		"ES256": {Behaviour{ExtraAlgs: []string{"ES256"}}, ok},
	} {
		w := newWorld(t, &tc.b)
		if err := w.Register(Client{ID: "client-a", JWKS: []byte(jwks(publicJWK("p256", p256))), Scopes: []string{"system/*.rs"}}); err != nil {
			t.Fatal(err)
		}
		if a := w.try(as("client-a", "p256", alg, p256), signAs("ES256")); a.String() != tc.want {
			t.Errorf("%s: %v, want %s (%s)", alg, a, tc.want, a.body)
		}
	}
}

// TestForgiveSeesTheAssertion: the general seam can tell cases apart by header and claims.
func TestForgiveSeesTheAssertion(t *testing.T) {
	w := newWorld(t, &Behaviour{Forgive: func(r Reason, a *Assertion) bool {
		typ, _ := a.Header("typ")
		aud, _ := a.Claim("aud")
		return r == ReasonSignature && typ == `"JWT"` && strings.Contains(aud, "realm") && a.ClientID == "client-a" && a.Kid == kidRSA && a.Alg == "RS384"
	}})
	if a := w.try(sig(flip)); a.String() != ok {
		t.Errorf("forgiven: %v", a)
	}
	if a := w.try(ecKeyA(), sig(flip)); a.String() != client {
		t.Errorf("not forgiven: %v", a)
	}
}

func TestTooManyKeys(t *testing.T) {
	keys := make([]string, maxKeys+1)
	for i := range keys {
		keys[i] = "{}"
	}
	if _, err := parseJWKS([]byte(jwks(keys...))); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%v", err)
	}
	if _, err := parseJWKS(make([]byte, maxJWKSBytes+1)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%v", err)
	}
}
