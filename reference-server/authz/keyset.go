package authz

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxJWKSBytes bounds a JWKS; a hundred RSA keys of 4096 bits with certificates are about half of it.
	maxJWKSBytes = 512 << 10
	// maxKeys bounds the keys of one set.
	maxKeys = 100
	// minRSABits is the least that RFC 7518 §3.3 allows.
	minRSABits = 2048
)

// key is a usable public key of a JWK Set.
type key struct {
	kid, kty, use, alg string
	ops                []string
	public             any // *rsa.PublicKey or *ecdsa.PublicKey
	raw                []byte
}

// keySet is what could be used of a JWK Set.
type keySet struct {
	keys []key
	// odd says why further members of the set were skipped (RFC 7517 §5: keys that are not understood are ignored).
	odd []error
}

// parseJWKS reads a JWK Set strictly. Keys that are symmetric, private, without kid, too weak, or not understood are
// skipped; the set as a whole errs only when it is no JWK Set.
func parseJWKS(data []byte) (keySet, error) {
	if len(data) > maxJWKSBytes {
		return keySet{}, fmt.Errorf("more than %d bytes", maxJWKSBytes)
	}
	o, err := decodeObject(data, false)
	if err != nil {
		return keySet{}, fmt.Errorf("no strict JSON object: %w", err)
	}
	v, ok := o.get("keys")
	if !ok {
		return keySet{}, errors.New(`no member "keys" (RFC 7517 §5)`)
	}
	values, err := decodeArray(v)
	if err != nil {
		return keySet{}, fmt.Errorf(`member "keys": %w`, err)
	}
	if len(values) > maxKeys {
		return keySet{}, fmt.Errorf("%d keys, at most %d are taken", len(values), maxKeys)
	}
	var ks keySet
	for i, v := range values {
		k, err := parseKey(v)
		if err != nil {
			ks.odd = append(ks.odd, fmt.Errorf("keys[%d] %w", i, err))
			continue
		}
		ks.keys = append(ks.keys, k)
	}
	return ks, nil
}

func parseKey(v jsontext.Value) (key, error) {
	o, err := decodeObject(v, false)
	if err != nil {
		return key{}, err
	}
	k := key{raw: v}
	for _, f := range []struct {
		name string
		into *string
	}{{"kid", &k.kid}, {"kty", &k.kty}, {"use", &k.use}, {"alg", &k.alg}} {
		v, ok := o.get(f.name)
		if !ok {
			continue
		}
		if *f.into, ok = text(v); !ok {
			return key{}, fmt.Errorf("has a %s that is no string", f.name)
		}
	}
	if k.kid == "" {
		return key{}, errors.New("has no kid")
	}
	if k.kty != "RSA" && k.kty != "EC" {
		return key{}, errors.New("is neither RSA nor EC")
	}
	if _, private := o.get("d"); private {
		return key{}, errors.New("is a private key: publish the public part only")
	}
	if v, ok := o.get("key_ops"); ok {
		ops, err := decodeArray(v)
		if err != nil {
			return key{}, fmt.Errorf("has key_ops that %w", err)
		}
		k.ops = []string{} // present and empty: no operation is allowed
		for _, op := range ops {
			if s, ok := text(op); ok {
				k.ops = append(k.ops, s)
			}
		}
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(v); err != nil || !jwk.Valid() {
		return key{}, fmt.Errorf("is no valid %s key", k.kty)
	}
	switch pub := jwk.Key.(type) {
	case *rsa.PublicKey:
		if pub.N.BitLen() < minRSABits {
			return key{}, fmt.Errorf("is an RSA key of %d bits, at least %d are needed (RFC 7518 §3.3)", pub.N.BitLen(), minRSABits)
		}
		if pub.N.BitLen() > 8*minRSABits {
			return key{}, fmt.Errorf("is an RSA key of %d bits, more than are taken", pub.N.BitLen())
		}
		k.public = pub
	case *ecdsa.PublicKey:
		k.public = pub
	default:
		return key{}, fmt.Errorf("is no public %s key", k.kty)
	}
	return k, nil
}

// checkRegistration judges a set that is registered inline, while somebody is there to read the answer: every key has
// to be usable, and kids have to be unique (client-confidential-asymmetric.html#request, header kid).
func (ks keySet) checkRegistration() error {
	if len(ks.odd) > 0 {
		return ks.odd[0]
	}
	if len(ks.keys) == 0 {
		return errors.New("holds no key")
	}
	for i, k := range ks.keys {
		for _, other := range ks.keys[:i] {
			if k.kid == other.kid {
				return fmt.Errorf("holds the kid %q twice", k.kid)
			}
		}
	}
	return nil
}

// byKid returns the keys with the kid, of the key type when kty is not empty.
func (ks keySet) byKid(kid, kty string, ignoreCase bool) []key {
	var out []key
	for _, k := range ks.keys {
		same := k.kid == kid || ignoreCase && strings.EqualFold(k.kid, kid)
		if same && (kty == "" || k.kty == kty) {
			out = append(out, k)
		}
	}
	return out
}

// allows says why the key may not verify a signature of the algorithm, or returns nil.
func (k key) allows(alg string) error {
	switch {
	case k.use != "" && k.use != "sig":
		return errors.New("the use of the key is not sig")
	case k.ops != nil && !slices.Contains(k.ops, "verify"):
		return errors.New("the key_ops of the key do not hold verify")
	case k.alg != "" && k.alg != alg:
		return errors.New("the alg of the key is another one")
	}
	if pub, ok := k.public.(*ecdsa.PublicKey); ok && pub.Curve.Params().BitSize != curveBits[alg] {
		return errors.New("the key is on another curve than the algorithm needs")
	}
	return nil
}

// curveBits is the curve that each ECDSA algorithm of RFC 7518 §3.4 needs.
var curveBits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}
