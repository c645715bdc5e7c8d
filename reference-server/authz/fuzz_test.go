package authz

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzTokenRequest: whatever the body, Content-Type and query, the answer is a token or an OAuth error, never a panic,
// and without a valid assertion never a token.
func FuzzTokenRequest(f *testing.F) {
	keysOnce()
	for _, bc := range battery() {
		v := bc.variants[0]
		step := v.steps[0]
		if len(step.bytes) < 4096 {
			f.Add(step.bytes, step.ctype, step.query, false)
		}
	}
	f.Add("a=%zz&b", "application/x-www-form-urlencoded", "x;y", true)
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, body, ctype, query string, get bool) {
		method := "POST"
		if get {
			method = "GET"
		}
		r := httptest.NewRequest(method, tokenURL, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", ctype)
		a := serve(w.ServeToken, r)
		if a.dropped || a.status >= 500 || a.json == nil || a.status == 200 && a.token() == "" || a.status != 200 && a.json["error"] == nil {
			t.Errorf("%v %q", a, a.body)
		}
		if a.token() != "" {
			form, err := url.ParseQuery(body)
			if err != nil || strings.Count(form.Get("client_assertion"), ".") != 2 {
				t.Errorf("a token for %q", body)
			}
		}
	})
}

// FuzzAssertion: no header and payload make the verifier panic, and with a rogue signature none is accepted. The same
// holds for a server with every lax reading switched on, as far as panics go.
func FuzzAssertion(f *testing.F) {
	for _, d := range []*draft{newDraft(), newDraft(ecKeyA()), newDraft(urlClient("u"), h("jku", `"https://keys.example/u.json"`)), newDraft(c("aud", `["`+tokenURL+`"]`), c("nbf", "1"), c("iat", "1e400")), newDraft(h("crit", `["b64"]`), h("b64", "false"))} {
		f.Add(objectText(d.head), objectText(d.claims), []byte("signature"))
	}
	f.Add(`{"alg":"none"}`, `{"iss":"client-a","iss":"x"}`, []byte{})
	f.Add(`[]`, `null`, make([]byte, 96))
	strict := newWorld(f, nil)
	lax := newWorld(f, &Behaviour{LaxBase64: true, LaxTyp: true, AcceptNoKid: true, AcceptUnknownKid: true, AcceptNonStringKid: true, AcceptDuplicateMembers: true,
		AcceptJSONSerialization: true, AcceptIssArray: true, AcceptUnknownClient: true, AcceptMissingExp: true, AcceptMissingJti: true, AcceptUnencodedPayload: true,
		AcceptMissingIss: true, AcceptMissingSub: true, TrustJWKHeader: true, TrustX5CHeader: true, AcceptHMACWithPublicKey: true, AcceptAnyHash: true, AcceptZeroECDSA: true,
		CapByAssertion: true, FollowJKUPrefix: true, AcceptFarExp: true, AcceptExpString: true, AcceptExpZero: true, AcceptAudPrefix: true, ClientIDIgnoreCase: true})
	f.Fuzz(func(t *testing.T, head, claims string, signature []byte) {
		r := newDraft(rawHead(head+" "), rawClaims(claims+" "), func(d *draft) {
			d.sign = func(string) []byte { return signature }
		}).ready()
		if a := serveCopy(strict, r); a.String() != client {
			t.Errorf("header %q, claims %q: %v", head, claims, a)
		}
		if a := serveCopy(lax, r); a.dropped || a.status >= 500 {
			t.Errorf("lax, header %q, claims %q: %v", head, claims, a)
		}
	})
}

// FuzzJWKS: a set is refused or gives keys that are public, named and strong enough.
func FuzzJWKS(f *testing.F) {
	m := keysOnce()
	_, public := PublicTestKeys()
	f.Add(public)
	f.Add([]byte(jwks(publicJWK("k", m.rsaA), `{"kty":"quantum"}`, `7`)))
	f.Add([]byte(`{"keys":[{"kty":"EC","kid":"k","crv":"P-384","x":"AA","y":"AA","key_ops":{}}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"k","n":"","e":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ks, err := parseJWKS(data)
		if err != nil {
			return
		}
		for _, k := range ks.keys {
			if k.kid == "" || k.public == nil || k.kty != "RSA" && k.kty != "EC" {
				t.Errorf("unusable key %q %q", k.kid, k.kty)
			}
			_ = k.allows("ES384")
		}
	})
}

// FuzzScope: what is granted can be read back, is readable, and is never a write right.
func FuzzScope(f *testing.F) {
	for _, s := range []string{"system/*.rs", "system/Patient.read system/Patient.r", "system/*.*", "user/*.rs", "system/Group.cruds?a=b"} {
		f.Add(s)
	}
	w := newWorld(f, nil)
	allowed := Scopes{{Type: "*", Letters: Create | Read | Update | Delete | Search}}
	f.Fuzz(func(t *testing.T, text string) {
		asked, ok := splitScope(text)
		if !ok {
			return
		}
		m := w.mediate(&Behaviour{}, asked, allowed)
		for _, part := range strings.Fields(m.echo) {
			sc, ok := parseScope(part)
			if !ok || sc.Letters&^(Read|Search) != 0 || sc.Letters == 0 {
				t.Errorf("%q grants %q", text, part)
			}
		}
		if len(strings.Fields(m.echo)) != len(m.granted) {
			t.Errorf("%q: the answer %q is not the grant", text, m.echo)
		}
	})
}
