package session

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
)

// Key is one private key of the client under which the suite is registered.
type Key struct {
	ID        string // kid as registered
	Algorithm string // RS384 or ES384
	Private   crypto.Signer
}

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 1 << 20

// LoadKeys reads the private keys of a file: a JWK, a JWKS, or PEM (PKCS#8, PKCS#1, SEC 1). A PEM key has no kid, so
// kid names it; with JWKs, kid selects one of several, and "" takes all private ones. The errors never hold key
// material.
func LoadKeys(path, kid string) ([]Key, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	if st.IsDir() || st.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s is not a key file (a folder, or larger than %d bytes)", path, maxKeyFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key file cannot be read: %w", err)
	}
	keys, err := ParseKeys(b, kid)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// ParseKeys is LoadKeys for the content of a file.
func ParseKeys(b []byte, kid string) ([]Key, error) {
	if block, _ := pem.Decode(b); block != nil {
		signer, err := parsePEM(block)
		if err != nil {
			return nil, err
		}
		alg, err := algorithmFor(signer)
		if err != nil {
			return nil, err
		}
		if kid == "" {
			return nil, errors.New("a PEM file does not say the kid under which the key is registered; name it with --kid")
		}
		return []Key{{kid, alg, signer}}, nil
	}
	if !jsontext.Value(b).IsValid() {
		return nil, errors.New("it is neither PEM nor a valid JWK or JWKS in JSON")
	}
	var set jose.JSONWebKeySet
	var one jose.JSONWebKey
	if err := json.Unmarshal(b, &set); err != nil || len(set.Keys) == 0 {
		if err := one.UnmarshalJSON(b); err != nil {
			return nil, errors.New("it is JSON but holds no usable JWK (RFC 7517); kty, and for RSA n, e, d or for EC crv, x, y, d are needed")
		}
		set.Keys = []jose.JSONWebKey{one}
	}
	var keys []Key
	var skipped []error
	for _, k := range set.Keys {
		if kid != "" && k.KeyID != kid {
			continue
		}
		signer, ok := k.Key.(crypto.Signer)
		if !ok {
			skipped = append(skipped, fmt.Errorf("the key %q is a public key", k.KeyID))
			continue
		}
		alg, err := algorithmFor(signer)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("the key %q: %w", k.KeyID, err))
			continue
		}
		if k.KeyID == "" {
			skipped = append(skipped, errors.New("a key has no kid; SMART Backend Services needs one"))
			continue
		}
		keys = append(keys, Key{k.KeyID, alg, signer})
	}
	if len(keys) == 0 {
		if kid != "" && len(skipped) == 0 {
			return nil, fmt.Errorf("it holds no key with kid %q", kid)
		}
		return nil, fmt.Errorf("it holds no private key for RS384 or ES384: %w", errors.Join(skipped...))
	}
	return keys, nil
}

func parsePEM(block *pem.Block) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return nil, fmt.Errorf("the PEM block of type %q is not an unencrypted private key (PKCS#8, PKCS#1 or SEC 1)", block.Type)
}

func algorithmFor(k crypto.Signer) (string, error) {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return "", errors.New("an RSA key for RS384 needs at least 2048 bits (RFC 7518 section 3.3)")
		}
		return "RS384", nil
	case *ecdsa.PrivateKey:
		if k.Curve != elliptic.P384() {
			return "", errors.New("an EC key for ES384 is on the curve P-384 (RFC 7518 section 3.4)")
		}
		return "ES384", nil
	}
	return "", errors.New("only RSA (RS384) and EC P-384 (ES384) keys are used by SMART Backend Services")
}

// GenerateKeys makes a fresh RS384 and a fresh ES384 key. A kid is the label, the algorithm and the beginning of the key's
// thumbprint (RFC 7638). bits is 2048, 3072 or 4096.
func GenerateKeys(label string, bits int) ([]Key, error) {
	if bits != 2048 && bits != 3072 && bits != 4096 {
		return nil, fmt.Errorf("an RSA key of %d bits is not offered; take 2048, 3072 or 4096", bits)
	}
	r, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("the RSA key could not be made: %w", err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("the EC key could not be made: %w", err)
	}
	keys := []Key{{Algorithm: "RS384", Private: r}, {Algorithm: "ES384", Private: e}}
	for i := range keys {
		jwk := jose.JSONWebKey{Key: keys[i].Private.Public()}
		sum, err := jwk.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, err
		}
		keys[i].ID = fmt.Sprintf("%s-%s-%s", label, strings.ToLower(keys[i].Algorithm), base64.RawURLEncoding.EncodeToString(sum)[:8])
	}
	return keys, nil
}
