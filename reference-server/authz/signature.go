package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// announced are the algorithms of smart-configuration (client-confidential-asymmetric.html#registering-a-client-communicating-public-keys).
func (b *Behaviour) announced() []string {
	return append([]string{"RS384", "ES384"}, b.ExtraAlgs...)
}

// ktyOf is the key type an algorithm needs (RFC 7518 §3.1); empty for those that no Behaviour can admit.
func ktyOf(alg string) string {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return "RSA"
	case "ES256", "ES384", "ES512":
		return "EC"
	}
	return ""
}

// verifies reports whether the signature of the assertion is right for the key, alg being that of the header.
func (a *Assertion) verifies(b *Behaviour, k key) bool {
	if b.AcceptBadSignature || b.AcceptEmptySignature && len(a.signature) == 0 {
		return true
	}
	if b.AcceptZeroECDSA && k.kty == "EC" && len(strings.Trim(string(a.signature), "\x00")) == 0 && len(a.signature) > 0 {
		return true
	}
	algs := []string{a.Alg}
	if b.AcceptAnyHash && k.kty == "RSA" {
		algs = append(algs, "RS256", "RS384", "RS512")
	}
	for _, alg := range algs {
		if ktyOf(alg) != k.kty {
			continue
		}
		if m := jwt.GetSigningMethod(alg); m != nil && m.Verify(a.signingInput, a.signature, k.public) == nil {
			return true
		}
	}
	return false
}

// verifiesHMAC is the classic confusion: the public key, in whatever form a library stored it, as the shared secret.
func (a *Assertion) verifiesHMAC(k key) bool {
	m, ok := jwt.GetSigningMethod(a.Alg).(*jwt.SigningMethodHMAC)
	if !ok {
		return false
	}
	for _, secret := range publicAsSecret(k) {
		if m.Verify(a.signingInput, a.signature, secret) == nil {
			return true
		}
	}
	return false
}

func publicAsSecret(k key) [][]byte {
	out := [][]byte{k.raw}
	if text, err := (jose.JSONWebKey{Key: k.public, KeyID: k.kid, Use: k.use, Algorithm: k.alg}).MarshalJSON(); err == nil {
		out = append(out, text)
	}
	add := func(kind string, der []byte) {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		out = append(out, text, []byte(strings.TrimSuffix(string(text), "\n")), der)
	}
	if der, err := x509.MarshalPKIXPublicKey(k.public); err == nil {
		add("PUBLIC KEY", der)
	}
	if pub, ok := k.public.(*rsa.PublicKey); ok {
		add("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub))
		out = append(out, pub.N.Bytes())
	}
	return out
}

// travellingKey is the key that the assertion brings along in its header, for the defects that trust it.
func (a *Assertion) travellingKey(b *Behaviour) (key, bool) {
	if v, ok := a.header.get("jwk"); ok && b.TrustJWKHeader {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(v) == nil {
			return keyOf(jwk.Key)
		}
	}
	if v, ok := a.header.get("x5c"); ok && b.TrustX5CHeader {
		chain, err := decodeArray(v)
		if err != nil || len(chain) == 0 {
			return key{}, false
		}
		encoded, _ := text(chain[0])
		der, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return key{}, false
		}
		if cert, err := x509.ParseCertificate(der); err == nil {
			return keyOf(cert.PublicKey)
		}
	}
	return key{}, false
}

func keyOf(public crypto.PublicKey) (key, bool) {
	switch public.(type) {
	case *rsa.PublicKey:
		return key{kty: "RSA", public: public}, true
	case *ecdsa.PublicKey:
		return key{kty: "EC", public: public}, true
	}
	return key{}, false
}
