package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The embedded key pairs are known to everybody who has this repository. They exist because making an RSA key takes up
// to a second, which the in-process reference run has not got.
var (
	//go:embed publictestkeys/private.jwks.json
	publicTestPrivate []byte
	//go:embed publictestkeys/public.jwks.json
	publicTestPublic []byte
)

// PublicTestKeys returns a fixed JWK Set with one RS384 and one ES384 key, with and without the private part. These keys
// protect NOTHING: register them only for a server that lives inside a test run on a loopback address. Nothing in this
// package uses them unless it is asked to.
func PublicTestKeys() (private, public []byte) {
	return slices.Clone(publicTestPrivate), slices.Clone(publicTestPublic)
}

// GenerateKeys makes a fresh RS384 and a fresh ES384 key pair, as two JWK Sets: with the private parts, for the client,
// and without them, to be registered. A kid is the label, the algorithm, and the beginning of the RFC 7638 thumbprint.
// rsaBits is 2048, 3072 or 4096.
func GenerateKeys(label string, rsaBits int) (private, public []byte, err error) {
	if !slices.Contains([]int{2048, 3072, 4096}, rsaBits) {
		return nil, nil, fmt.Errorf("authz: an RSA key of %d bits: choose 2048, 3072 or 4096", rsaBits)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, nil, fmt.Errorf("authz: making an RSA key: %w", err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("authz: making a P-384 key: %w", err)
	}
	var secret, open jose.JSONWebKeySet
	for _, k := range []struct {
		alg string
		key any
	}{{"RS384", rsaKey}, {"ES384", ecKey}} {
		jwk := jose.JSONWebKey{Key: k.key, Algorithm: k.alg, Use: "sig"}
		thumb, err := jwk.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, nil, fmt.Errorf("authz: thumbprint of the %s key: %w", k.alg, err)
		}
		jwk.KeyID = strings.Trim(label+"-"+strings.ToLower(k.alg)+"-"+base64.RawURLEncoding.EncodeToString(thumb[:6]), "-")
		secret.Keys = append(secret.Keys, jwk)
		open.Keys = append(open.Keys, jwk.Public())
	}
	if private, err = json.MarshalIndent(secret, "", "  "); err != nil {
		return nil, nil, fmt.Errorf("authz: writing the private JWK Set: %w", err)
	}
	if public, err = json.MarshalIndent(open, "", "  "); err != nil {
		return nil, nil, fmt.Errorf("authz: writing the public JWK Set: %w", err)
	}
	return append(private, '\n'), append(public, '\n'), nil
}
