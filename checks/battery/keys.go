package battery

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/go-jose/go-jose/v4"
)

// Rogues are keys that no server knows, spares are keys that only a hosted JWKS ever holds. They are made once in a
// process, as an RSA key takes up to a second to make.
var (
	rogueRSA = sync.OnceValue(newRSA)
	rogueEC  = sync.OnceValue(newEC)
	spareRSA = []func() crypto.Signer{sync.OnceValue(newRSA), sync.OnceValue(newRSA)}
	spareEC  = []func() crypto.Signer{sync.OnceValue(newEC), sync.OnceValue(newEC)}
)

func newRSA() crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("no RSA key could be made: %v", err)) // the system's random source is gone
	}
	return k
}

func newEC() crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("no EC key could be made: %v", err))
	}
	return k
}

func isEC(k session.Key) bool { return strings.HasPrefix(k.Algorithm, "ES") }

// Rogue returns an unregistered key of the same type, under the same kid.
func Rogue(k session.Key) session.Key {
	if isEC(k) {
		return session.Key{ID: k.ID, Algorithm: k.Algorithm, Private: rogueEC()}
	}
	return session.Key{ID: k.ID, Algorithm: k.Algorithm, Private: rogueRSA()}
}

// Public returns the public JWK of a key, as it is registered.
func Public(k session.Key) jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: "sig", Algorithm: k.Algorithm}
}

// form is one way to write a public key down, which a confused verifier takes for a shared secret.
type form struct {
	name  string
	bytes func(session.Key) ([]byte, error)
}

var publicForms = []form{
	{"SPKI PEM", func(k session.Key) ([]byte, error) {
		der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
	}},
	{"SPKI PEM without last newline", func(k session.Key) ([]byte, error) {
		der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
		p := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		return p[:len(p)-1], err
	}},
	{"PKCS#1 PEM", func(k session.Key) ([]byte, error) {
		pub, ok := k.Private.Public().(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("the form PKCS#1 is for RSA keys")
		}
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(pub)}), nil
	}},
	{"DER", func(k session.Key) ([]byte, error) { return x509.MarshalPKIXPublicKey(k.Private.Public()) }},
	{"text of the JWK", func(k session.Key) ([]byte, error) { return Public(k).MarshalJSON() }},
	{"modulus bytes", func(k session.Key) ([]byte, error) {
		pub, ok := k.Private.Public().(*rsa.PublicKey)
		if !ok {
			return nil, errors.New("a modulus is for RSA keys")
		}
		return pub.N.Bytes(), nil
	}},
}
