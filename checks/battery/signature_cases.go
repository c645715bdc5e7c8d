package battery

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
)

const invalidClient = "invalid_client"

var (
	clientOnly   = []string{invalidClient}
	clientOrForm = []string{invalidClient, "invalid_request"}
)

// flipped inverts one byte in the middle of the signature. Changing the last character of its base64url form might change
// nothing, as some of its bits are unused.
func flipped(w *World, a *Attempt) error {
	a.SignInput = func(input string) ([]byte, error) {
		sig, err := signWith(a.Alg, a.Key, input)
		if err == nil {
			sig = slices.Clone(sig)
			sig[len(sig)/2] ^= 0xff
		}
		return sig, err
	}
	return nil
}

func signedBy(key func(session.Key) session.Key) edit {
	return func(_ *World, a *Attempt) error { a.Key = key(a.Key); return nil }
}

// noneWith makes an unsigned assertion whose header says alg.
func noneWith(alg string, keepSignature bool) edit {
	return func(_ *World, a *Attempt) error {
		real := a.Alg
		a.Header.Set("alg", alg)
		a.SignInput = func(input string) ([]byte, error) {
			if keepSignature {
				return signWith(real, a.Key, input)
			}
			return nil, nil
		}
		return nil
	}
}

// hs384 signs with a shared secret (RFC 7518 section 3.2).
func hs384(secret []byte) func(string) ([]byte, error) {
	return func(input string) ([]byte, error) {
		m := hmac.New(sha512.New384, secret)
		m.Write([]byte(input))
		return m.Sum(nil), nil
	}
}

func hmacCases() []Variant {
	var out []Variant
	for _, f := range publicForms {
		out = append(out, Variant{Name: f.name, With: func(w *World) *Attempt {
			if k, ok := w.KeyFor("RS384"); ok {
				return w.New(k)
			}
			return w.New(w.Key)
		}, Edit: func(_ *World, a *Attempt) error {
			secret, err := f.bytes(a.Key)
			if err != nil {
				return err
			}
			a.Header.Set("alg", "HS384")
			a.SignInput = hs384(secret)
			return nil
		}})
	}
	return out
}

// rawEC signs with the given r and s, each of 48 bytes.
func rawEC(pick func(*ecdsa.PublicKey) *big.Int) edit {
	return func(_ *World, a *Attempt) error {
		pub, ok := a.Key.Private.Public().(*ecdsa.PublicKey)
		if !ok {
			return errors.New("this needs an EC key")
		}
		a.SignInput = func(string) ([]byte, error) {
			out := make([]byte, 96)
			v := pick(pub)
			v.FillBytes(out[:48])
			v.FillBytes(out[48:])
			return out, nil
		}
		return nil
	}
}

func signatureCases() []Case {
	return []Case{
		{
			Key: "sig-flipped", Ref: "NEG-001", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOnly,
			Change: "with one byte of the signature inverted, under the registered kid", Variants: one(flipped),
		},
		{
			Key: "sig-other-key", Ref: "NEG-002", Check: "jwt.signature", Requirement: "JWT-047", Errors: clientOnly,
			Change: "signed with an unregistered key under the registered kid", Variants: one(signedBy(Rogue)),
		},
		{
			Key: "payload-altered", Ref: "NEG-003", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOnly,
			Change: "whose jti was changed after signing",
			Variants: one(func(_ *World, a *Attempt) error {
				a.Join = func(p Parts) string {
					a.Claims.Set("jti", random())
					p.Claims = a.Claims.String()
					return p.Compact()
				}
				return nil
			}),
		},
		{
			Key: "alg-none", Ref: "NEG-004", Check: "jwt.alg-none", Requirement: "JWT-035", Errors: clientOrForm,
			Change: "whose assertion says that it is unsigned",
			Variants: []Variant{
				{Name: "none", Edit: noneWith("none", false)},
				{Name: "None", Edit: noneWith("None", false)},
				{Name: "NONE", Edit: noneWith("NONE", false)},
				{Name: "nOnE", Edit: noneWith("nOnE", false)},
				{Name: "none, the old signature left in place", Edit: noneWith("none", true)},
				{Name: "an empty alg", Edit: noneWith("", false)},
			},
		},
		{
			Key: "sig-missing", Ref: "NEG-005", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOrForm,
			Change: "without a signature, under a registered algorithm and kid",
			Variants: []Variant{
				{Name: "empty third segment", Edit: func(_ *World, a *Attempt) error {
					a.SignInput = func(string) ([]byte, error) { return nil, nil }
					return nil
				}},
				{Name: "two segments", Edit: func(_ *World, a *Attempt) error { a.Join = Parts.Input; return nil }},
			},
		},
		{
			Key: "hmac-public-key", Ref: "NEG-006", Check: "jwt.hmac", Requirement: "JWT-035", Errors: clientOnly,
			Change: "signed with HS384 and the registered public key as secret", Variants: hmacCases(),
		},
		{
			Key: "alg-lies", Ref: "NEG-008", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOnly, Ready: needs("RS384"),
			Change: "whose header says RS384 and whose signature is by another hash",
			Variants: []Variant{
				{Name: "RS256", With: with("RS384"), Edit: signedAs("RS256")},
				{Name: "RS512", With: with("RS384"), Edit: signedAs("RS512")},
			},
		},
		{
			Key: "ec-zero-signature", Ref: "NEG-009", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOnly, Ready: needs("ES384"),
			Change: "with an ES384 signature that is a constant",
			Variants: []Variant{
				{Name: "r and s are zero", With: with("ES384"), Edit: rawEC(func(*ecdsa.PublicKey) *big.Int { return new(big.Int) })},
				{Name: "r and s are the order of the group", With: with("ES384"), Edit: rawEC(func(p *ecdsa.PublicKey) *big.Int { return p.Params().N })},
			},
		},
		{
			Key: "ec-der-signature", Ref: "NEG-010", Check: "jwt.signature", Requirement: "JWT-035", Errors: clientOnly, Ready: needs("ES384"),
			Want: Either, Strength: Notes, Change: "with an ES384 signature in DER",
			Variants: []Variant{{With: with("ES384"), Edit: func(_ *World, a *Attempt) error {
				a.SignInput = func(input string) ([]byte, error) {
					sig, err := signWith(a.Alg, a.Key, input)
					if err != nil {
						return nil, err
					}
					half := len(sig) / 2
					return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])})
				}
				return nil
			}}},
		},
		{
			Key: "jwk-header", Ref: "NEG-011", Check: "jwt.embedded-key", Requirement: "JWT-035", Errors: clientOnly, Unless: []string{"sig-other-key"},
			Change: "signed with an unregistered key that travels in the jwk header, under the registered kid",
			Variants: one(func(_ *World, a *Attempt) error {
				a.Key = Rogue(a.Key)
				jwk, err := Public(a.Key).MarshalJSON()
				a.Header.Raw("jwk", string(jwk))
				return err
			}),
		},
		{
			Key: "x5c-header", Ref: "NEG-012", Check: "jwt.embedded-key", Requirement: "JWT-035", Errors: clientOnly, Unless: []string{"sig-other-key"},
			Change: "signed with an unregistered key whose certificate travels in the header, under the registered kid",
			Variants: []Variant{
				{Name: "x5c", Edit: func(_ *World, a *Attempt) error {
					a.Key = Rogue(a.Key)
					cert, err := selfSigned(a.Key)
					a.Header.Set("x5c", []string{cert})
					return err
				}},
				{Name: "x5u", Edit: func(_ *World, a *Attempt) error {
					a.Key = Rogue(a.Key)
					a.Header.Set("x5u", "https://example.org/bulkproof-rogue.pem")
					return nil
				}},
			},
		},
		{
			Key: "other-alg", Ref: "NEG-013", Check: "jwt.algorithms", Requirement: "JWT-014", Errors: clientOnly, Ready: needs("RS384"),
			Want: Either, Strength: Notes, Change: "rightly signed with the registered key by an algorithm that SMART does not name",
			Variants: otherAlgorithms("RS256", "RS512", "PS384"),
		},
	}
}

func otherAlgorithms(algs ...string) []Variant {
	var out []Variant
	for _, alg := range algs {
		out = append(out, Variant{Name: alg, With: with("RS384"), Edit: both(signedAs(alg), header("alg", alg))})
	}
	return out
}

func signedAs(alg string) edit {
	return func(_ *World, a *Attempt) error { a.Alg = alg; return nil }
}

// selfSigned returns a certificate of the key by itself, in base64.
func selfSigned(k session.Key) (string, error) {
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bulkproof rogue"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Private.Public(), k.Private)
	return base64.StdEncoding.EncodeToString(der), err
}
