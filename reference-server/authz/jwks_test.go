package authz

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestJWKSRotation is NEG/jwks-rotated: after max-age the old key is out and the new key is in, without a registration.
func TestJWKSRotation(t *testing.T) {
	m := keysOnce()
	const u = "https://keys.example/rotated.json"
	old := func() []opt { return []opt{urlClient("rotated")} }
	fresh := func() []opt { return []opt{urlClient("rotated"), h("kid", `"fresh"`), signer(m.rsaA2)} }
	for name, tc := range map[string]struct {
		b        Behaviour
		old, new string
		visits   int
	}{
		"conformant":       {Behaviour{}, client, ok, 2},
		"CacheJWKSForever": {Behaviour{CacheJWKSForever: true}, ok, client, 1},
		"KeepRemovedKeys":  {Behaviour{KeepRemovedKeys: true}, ok, ok, 2},
	} {
		w := newWorld(t, &tc.b)
		if a := w.try(old()...); a.String() != ok {
			t.Fatalf("%s, before: %v %s", name, a, a.body)
		}
		w.web.pages[u] = page{body: jwks(publicJWK("fresh", m.rsaA2)), header: cacheFor(60)}
		w.now = w.now.Add(59 * time.Second)
		if a := w.try(old()...); a.String() != ok || w.web.visits[u] != 1 {
			t.Errorf("%s, within max-age: %v after %d visits", name, a, w.web.visits[u])
		}
		w.now = w.now.Add(2 * time.Second)
		if a := w.try(old()...); a.String() != tc.old {
			t.Errorf("%s, old key: %v, want %s", name, a, tc.old)
		}
		w.now = w.now.Add(jwksRefetchEvery)
		if a := w.try(fresh()...); a.String() != tc.new {
			t.Errorf("%s, new key: %v, want %s", name, a, tc.new)
		}
		if n := w.web.visits[u]; n < tc.visits || n > tc.visits+1 {
			t.Errorf("%s: %d visits", name, n)
		}
	}
}

// TestJWKSUnknownKid: a new kid causes one new fetch within max-age, and then none for a while.
func TestJWKSUnknownKid(t *testing.T) {
	m := keysOnce()
	const u = "https://keys.example/u.json"
	w := newWorld(t, nil)
	w.mustToken(t, urlClient("u"))
	w.web.pages[u] = page{body: jwks(publicJWK("fresh", m.rsaA2)), header: cacheFor(3600)}
	if a := w.try(urlClient("u"), h("kid", `"fresh"`), signer(m.rsaA2)); a.String() != ok || w.web.visits[u] != 2 {
		t.Errorf("new kid: %v after %d visits", a, w.web.visits[u])
	}
	for range 10 {
		if a := w.try(urlClient("u"), h("kid", `"made-up"`)); a.String() != client {
			t.Errorf("made-up kid: %v", a)
		}
	}
	if w.web.visits[u] != 2 {
		t.Errorf("%d visits: anybody can make the server fetch", w.web.visits[u])
	}
	w.now = w.now.Add(jwksRefetchEvery)
	w.try(urlClient("u"), h("kid", `"made-up"`))
	if w.web.visits[u] != 3 {
		t.Errorf("%d visits after a pause", w.web.visits[u])
	}
}

func TestJWKSCaching(t *testing.T) {
	visits := func(b *Behaviour, name string, header http.Header) int {
		t.Helper()
		w := newWorld(t, b)
		u := "https://keys.example/" + name + ".json"
		if header != nil {
			p := w.web.pages[u]
			p.header = header
			w.web.pages[u] = p
		}
		for range 5 {
			w.mustToken(t, urlClient(name))
			w.now = w.now.Add(10 * time.Second)
		}
		return w.web.visits[u]
	}
	hdr := func(name, value string) http.Header { return http.Header{name: {value}} }
	for _, tc := range []struct {
		header http.Header
		b      Behaviour
		want   int
	}{
		{nil, Behaviour{}, 1},
		{http.Header{}, Behaviour{}, 1},
		{nil, Behaviour{NeverCacheJWKS: true}, 5},
		{hdr("Cache-Control", "no-store"), Behaviour{}, 5},
		{hdr("Cache-Control", "No-Cache, max-age=600"), Behaviour{}, 5},
		{hdr("Cache-Control", "max-age=0"), Behaviour{}, 5},
		{hdr("Cache-Control", "public, max-age=15"), Behaviour{}, 3},
		{hdr("Cache-Control", "max-age=nonsense"), Behaviour{}, 5},
		{http.Header{"Cache-Control": {"max-age=600"}, "Age": {"595"}}, Behaviour{}, 5},
		{hdr("Expires", clockStart.Add(25*time.Second).Format(http.TimeFormat)), Behaviour{}, 3},
		{hdr("Expires", "0"), Behaviour{}, 5},
	} {
		if got := visits(&tc.b, "u", tc.header); got != tc.want {
			t.Errorf("%v: %d fetches for five requests, want %d", tc.header, got, tc.want)
		}
	}
	if d := cacheAge(hdr("Cache-Control", "max-age=4294967295"), clockStart); d != jwksMaxAge {
		t.Errorf("a year-long max-age gives %v", d)
	}
}

func TestJWKSRequest(t *testing.T) {
	w := newWorld(t, nil)
	w.mustToken(t, urlClient("u"))
	if r := w.web.seen[0]; r.Method != "GET" || r.Header.Get("Accept") != "application/json" || r.Body != nil {
		t.Errorf("%s %v", r.Method, r.Header)
	}
	w = newWorld(t, &Behaviour{FetchJWKSByPOST: true})
	w.mustToken(t, urlClient("u"))
	if r := w.web.seen[0]; r.Method != "POST" {
		t.Errorf("FetchJWKSByPOST: %s", r.Method)
	}
}

// TestForeignURLsAreNeverFetched: jku, x5u and a redirect lead nowhere.
func TestForeignURLsAreNeverFetched(t *testing.T) {
	foreign := func(b *Behaviour) (urls []string) {
		w := newWorld(t, b)
		w.try(signer(keysOnce().rogue), h("jku", `"https://rogue.example/jwks.json"`), h("x5u", `"https://rogue.example/cert.pem"`))
		w.try(signer(keysOnce().rogue), urlClient("u"), h("jku", `"https://keys.example/u.json/rogue"`))
		w.try(urlClient("redirect"))
		for u := range w.web.visits {
			if u != "https://keys.example/redirect.json" {
				urls = append(urls, u)
			}
		}
		return urls
	}
	if urls := foreign(nil); len(urls) != 0 {
		t.Errorf("fetched %v", urls)
	}
	if urls := foreign(&Behaviour{FetchForeignJKU: true}); len(urls) != 2 {
		t.Errorf("FetchForeignJKU: fetched %v", urls)
	}
	w := newWorld(t, &Behaviour{FetchForeignJKU: true})
	if a := w.try(signer(keysOnce().rogue), h("jku", `"https://rogue.example/jwks.json"`)); a.String() != client {
		t.Errorf("FetchForeignJKU: %v", a)
	}
}

func TestRegister(t *testing.T) {
	m := keysOnce()
	good := jwks(publicJWK("k", m.rsaA))
	private, _ := PublicTestKeys()
	for _, tc := range []struct {
		c    Client
		want string // part of the error
	}{
		{Client{ID: "x", JWKS: []byte(good), Scopes: []string{"system/*.rs"}}, ""},
		{Client{ID: "x", JWKSURL: "https://keys.example/x.json"}, ""},
		{Client{ID: "x", JWKSURL: "http://127.0.0.1:8080/x.json"}, ""},
		{Client{ID: "x", JWKSURL: "http://[::1]:8080/x.json"}, ""},
		{Client{ID: "https://client.example/app?x=1", JWKS: []byte(good)}, ""},
		{Client{JWKS: []byte(good)}, "0 characters"},
		{Client{ID: strings.Repeat("x", 256), JWKS: []byte(good)}, "256 characters"},
		{Client{ID: "ä", JWKS: []byte(good)}, "visible ASCII"},
		{Client{ID: "x"}, "neither"},
		{Client{ID: "x", JWKS: []byte(good), JWKSURL: "https://keys.example/x.json"}, "both"},
		{Client{ID: "x", JWKSURL: "http://keys.example/x.json"}, "use https"},
		{Client{ID: "x", JWKSURL: "file:///etc/hosts"}, "absolute URL"},
		{Client{ID: "x", JWKSURL: "https://user:pw@keys.example/x.json"}, "without user"},
		{Client{ID: "x", JWKSURL: "/x.json"}, "absolute URL"},
		{Client{ID: "x", JWKS: []byte(good), Scopes: []string{"patient/*.rs"}}, "not of the form"},
		{Client{ID: "x", JWKS: []byte(good), Scopes: []string{"system/Patient.rs?a=b"}}, "not of the form"},
		{Client{ID: "x", JWKS: private}, "private key"},
		{Client{ID: "x", JWKS: []byte("{}")}, `no member "keys"`},
		{Client{ID: "x", JWKS: []byte("[]")}, "no strict JSON object"},
		{Client{ID: "x", JWKS: []byte(`{"keys":[],"keys":[]}`)}, "duplicate"},
		{Client{ID: "x", JWKS: []byte(`{"keys":[]}`)}, "no key"},
		{Client{ID: "x", JWKS: []byte(`{"keys":{}}`)}, "no JSON array"},
		{Client{ID: "x", JWKS: []byte(jwks(strings.Replace(publicJWK("k", m.rsaA), `"kid":"k",`, "", 1)))}, "no kid"},
		{Client{ID: "x", JWKS: []byte(jwks(publicJWK("k", m.rsaA), publicJWK("k", m.ecA)))}, "twice"},
		{Client{ID: "x", JWKS: []byte(jwks(`{"kty":"oct","kid":"k","k":"AAAA"}`))}, "neither RSA nor EC"},
		{Client{ID: "x", JWKS: []byte(jwks(`{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}`))}, "17 bits"},
		{Client{ID: "x", JWKS: []byte(jwks(`{"kty":"EC","kid":"k","crv":"P-384","x":"AA","y":"AA"}`))}, "no valid EC key"},
		{Client{ID: "x", JWKS: []byte(jwks(`{"kty":"RSA","kid":1}`))}, "no string"},
	} {
		w := newWorld(t, nil)
		err := w.Register(tc.c)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%.60q %.60q: %v, want %q", tc.c.ID, tc.c.JWKS, err, tc.want)
		}
		if (w.client(tc.c.ID) != nil) != (err == nil) {
			t.Errorf("%.60q: registered %v with error %v", tc.c.ID, w.client(tc.c.ID) != nil, err)
		}
	}
}

func TestRegisterReplaces(t *testing.T) {
	m := keysOnce()
	w := newWorld(t, nil)
	token := w.mustToken(t)
	if err := w.Register(Client{ID: "client-a", JWKS: []byte(jwks(publicJWK("new", m.rsaA2))), Scopes: []string{"system/*.rs"}}); err != nil {
		t.Fatal(err)
	}
	if a := w.try(); a.String() != client {
		t.Errorf("old key: %v", a)
	}
	if a := w.try(h("kid", `"new"`), signer(m.rsaA2)); a.String() != ok {
		t.Errorf("new key: %v", a)
	}
	if _, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+token)); refusal != nil {
		t.Errorf("the token died: %+v", refusal)
	}
	ids := w.Clients()
	for i := 1; i < len(ids); i++ {
		if ids[i-1].ID >= ids[i].ID {
			t.Errorf("clients out of order: %s, %s", ids[i-1].ID, ids[i].ID)
		}
	}
}

// TestKeyMetadata: use, key_ops, alg and the curve of a key bind (RFC 7517 §4.2 to §4.4).
func TestKeyMetadata(t *testing.T) {
	m := keysOnce()
	with := func(extra string) string { return strings.Replace(publicJWK("k", m.rsaA), "{", "{"+extra+",", 1) }
	for extra, want := range map[string]string{
		`"use":"sig"`: ok, `"use":"enc"`: client, `"alg":"RS384"`: ok, `"alg":"RS256"`: client,
		`"key_ops":["verify"]`: ok, `"key_ops":["sign","verify"]`: ok, `"key_ops":[]`: client, `"key_ops":["encrypt"]`: client,
		`"note":"unknown members are ignored"`: ok,
	} {
		w := newWorld(t, nil)
		if err := w.Register(Client{ID: "client-a", JWKS: []byte(jwks(with(extra))), Scopes: []string{"system/*.rs"}}); err != nil {
			t.Fatal(extra, err)
		}
		if a := w.try(h("kid", `"k"`)); a.String() != want {
			t.Errorf("%s: %v, want %s", extra, a, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tokens := func(*http.Request) string { return tokenURL }
	for want, cfg := range map[string]Config{
		"TokenURL": {},
		"Lifetime": {TokenURL: tokens, Lifetime: time.Millisecond},
		"Types":    {TokenURL: tokens, Types: []string{"patient"}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if s, err := New(Config{TokenURL: tokens}); err != nil || s.cfg.Lifetime != DefaultLifetime {
		t.Errorf("%v %v", s, err)
	}
}
