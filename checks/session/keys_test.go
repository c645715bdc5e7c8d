package session

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestParseKeys(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(p384)
	sec1, _ := x509.MarshalECPrivateKey(p384)
	asPEM := func(typ string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: b}) }
	asJWKS := func(keys ...jose.JSONWebKey) []byte {
		b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private := jose.JSONWebKey{Key: p384, KeyID: "a"}
	one, _ := json.Marshal(private)
	for _, c := range []struct {
		name  string
		in    []byte
		kid   string
		want  int
		wrong string
	}{
		{"JWK", one, "", 1, ""},
		{"JWKS", asJWKS(private, jose.JSONWebKey{Key: p384, KeyID: "b"}), "", 2, ""},
		{"JWKS, one chosen", asJWKS(private, jose.JSONWebKey{Key: p384, KeyID: "b"}), "b", 1, ""},
		{"JWKS, unknown kid", asJWKS(private), "z", 0, `no key with kid "z"`},
		{"PKCS#8", asPEM("PRIVATE KEY", pkcs8), "k", 1, ""},
		{"SEC 1", asPEM("EC PRIVATE KEY", sec1), "k", 1, ""},
		{"PEM without kid", asPEM("PRIVATE KEY", pkcs8), "", 0, "--kid"},
		{"certificate", asPEM("CERTIFICATE", []byte("x")), "k", 0, "not an unencrypted private key"},
		{"public only", asJWKS(private.Public()), "", 0, "public key"},
		{"wrong curve", asJWKS(jose.JSONWebKey{Key: p256, KeyID: "a"}), "", 0, "P-384"},
		{"no kid", asJWKS(jose.JSONWebKey{Key: p384}), "", 0, "no kid"},
		{"rubbish", []byte("hello"), "", 0, "neither PEM nor"},
		{"other JSON", []byte(`{"a":1}`), "", 0, "no usable JWK"},
		{"duplicate name", []byte(`{"kty":"EC","kty":"EC"}`), "", 0, "neither PEM nor"},
	} {
		keys, err := ParseKeys(c.in, c.kid)
		if len(keys) != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %d keys, %v; want %d, %q", c.name, len(keys), err, c.want, c.wrong)
		}
	}
	if _, err := LoadKeys(filepath.Join(t.TempDir(), "none.json"), ""); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := LoadKeys(os.TempDir(), ""); err == nil {
		t.Error("a folder is not a key file")
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-384","kid":"a"}]}`), "")
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "k")
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQ"}`), "")
	f.Fuzz(func(t *testing.T, b []byte, kid string) {
		keys, err := ParseKeys(b, kid)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys and error %v", len(keys), err)
		}
	})
}

func TestAssertionIsWhatSMARTWants(t *testing.T) {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	s, url := open(t, nil, func(c *Config) { c.ClientID = "me"; c.Keys = []Key{{"kid-1", "ES384", p384}} })
	a, b := s.NewAssertion(s.cfg.Keys[0], url+"/token"), s.NewAssertion(s.cfg.Keys[0], url+"/token")
	if a.Claims["jti"] == b.Claims["jti"] {
		t.Error("two assertions share a jti")
	}
	signed, err := a.Sign()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := jwt.Parse(signed, func(*jwt.Token) (any, error) { return &p384.PublicKey, nil }, jwt.WithAudience(url+"/token"), jwt.WithIssuer("me"),
		jwt.WithSubject("me"), jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{"ES384"}))
	if err != nil || tok.Header["kid"] != "kid-1" || tok.Header["typ"] != "JWT" {
		t.Errorf("%v, header %v", err, tok.Header)
	}
}
