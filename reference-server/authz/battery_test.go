package authz

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/rand"

	"go.yaml.in/yaml/v3"
)

// variant is one request, or several in a row, of which the last is judged.
type variant struct {
	name  string
	want  string // what this server answers
	steps []*ready
}

const (
	ok      = "200"
	client  = "400 invalid_client"
	request = "400 invalid_request"
	scope   = "400 invalid_scope"
)

// batteryCase is one case of the list, in all its variants.
type batteryCase struct {
	key      string
	variants []variant
}

func one(name, want string, opts ...opt) variant {
	return variant{name, want, []*ready{newDraft(opts...).ready()}}
}

func many(want string, name func(v string) string, opts func(v string) []opt, values ...string) []variant {
	var out []variant
	for i, v := range values {
		out = append(out, one(fmt.Sprintf("%d %s", i+1, name(v)), want, opts(v)...))
	}
	return out
}

func short(v string) string {
	if len(v) > 30 {
		v = v[:30] + "…"
	}
	return v
}

// values makes a variant for each JSON text of a claim.
func claimValues(want, name string, values ...string) []variant {
	return many(want, func(v string) string { return name + " " + short(v) }, func(v string) []opt { return []opt{c(name, v)} }, values...)
}

func headValues(want, name string, values ...string) []variant {
	return many(want, func(v string) string { return name + " " + short(v) }, func(v string) []opt { return []opt{h(name, v)} }, values...)
}

func texts(want string, values ...string) []variant {
	return many(want, short, func(v string) []opt { return []opt{f("client_assertion", v)} }, values...)
}

func flip(s []byte) []byte { s = slices.Clone(s); s[len(s)/2] ^= 0xff; return s }

// repeat sends the same bytes again, over another connection unless told otherwise.
func repeat(name, want string, first *ready, change func(*ready)) variant {
	second := *first
	second.remote = "192.0.2.1:2000"
	if change != nil {
		change(&second)
	}
	return variant{name, want, []*ready{first, &second}}
}

func selfSigned() string {
	m := keysOnce()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rogue"},
		NotBefore: clockStart, NotAfter: clockStart.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, m.rogue.Public(), m.rogue)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// nested is JSON arrays inside each other.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// battery is every case of the list that the token endpoint can judge, built once: the requests are signed for the start
// of the test clock and can be sent to any number of fresh servers.
var battery = sync.OnceValue(func() []batteryCase {
	m := keysOnce()
	in := func(d time.Duration) string { return strconv.FormatInt(clockStart.Add(d).Unix(), 10) }
	spki, err := x509.MarshalPKIXPublicKey(m.rsaA.Public())
	if err != nil {
		panic(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&m.rsaA.PublicKey)
	zero := make([]byte, 96)
	order := slices.Concat(m.ecA.Params().N.Bytes(), m.ecA.Params().N.Bytes())
	hs := func(name string, secret []byte) variant {
		return one(name, client, h("alg", `"HS384"`), hmacWith(secret))
	}
	good := newDraft()
	replayed := func() *ready { return newDraft().ready() }
	rogueJWK := publicJWK(kidRSA, m.rogue)
	payloadAltered := func(s string) string {
		parts := strings.Split(s, ".")
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		return parts[0] + "." + b64(strings.Replace(string(raw), "nonce", "NONCE", 1)) + "." + parts[2]
	}
	dropSig := func(s string) string { return s[:strings.LastIndexByte(s, '.')] }
	body := func(s string) opt { return func(d *draft) { d.body = &s } }
	jsonBody := func() string {
		return fmt.Sprintf(`{"grant_type":%q,"scope":"system/*.read","client_assertion_type":%q,"client_assertion":%q}`,
			grantClientCredentials, assertionTypeJWT, newDraft().assertion())
	}
	multipart := func() string {
		var b strings.Builder
		for _, p := range append(newDraft().form, pair{"client_assertion", newDraft().assertion()}) {
			fmt.Fprintf(&b, "--xyz\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", p.name, p.value)
		}
		return b.String() + "--xyz--\r\n"
	}
	sameJti := q(freshJti())
	skewJti := newDraft(exp(30 * time.Second)).ready()
	farExp := newDraft(exp(time.Hour)).ready()
	b64false := func(head string) *ready {
		d := newDraft(rawHead(head))
		payload := objectText(d.claims)
		input := b64(head) + "." + payload
		signature := base64.RawURLEncoding.EncodeToString(mustSign("RS384", input, m.rsaA))
		return newDraft(f("client_assertion", input+"."+signature)).ready()
	}
	json3 := func(general bool) string {
		parts := strings.Split(newDraft().assertion(), ".")
		if general {
			return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2])
		}
		return fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2])
	}

	return []batteryCase{
		// signature
		{"NEG/sig-flipped", []variant{one("RSA", client, sig(flip)), one("EC", client, ecKeyA(), sig(flip))}},
		{"NEG/sig-other-key", []variant{one("RSA", client, signer(m.rogue)), one("EC", client, ecKeyA(), signer(m.rogueEC))}},
		{"NEG/payload-altered", []variant{one("jti", client, edit(payloadAltered))}},
		{"NEG/alg-none", append(many(client, short, func(v string) []opt {
			return []opt{h("alg", v), sig(func([]byte) []byte { return nil })}
		}, `"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`), one("old signature", client, h("alg", `"none"`)))},
		{"NEG/sig-missing", []variant{one("empty", client, sig(func([]byte) []byte { return nil })), one("two segments", client, edit(dropSig)),
			one("empty, EC", client, ecKeyA(), sig(func([]byte) []byte { return nil }))}},
		{"NEG/hmac-public-key", []variant{hs("SPKI PEM", pemOf("PUBLIC KEY", spki)),
			hs("SPKI PEM trimmed", []byte(strings.TrimSuffix(string(pemOf("PUBLIC KEY", spki)), "\n"))),
			hs("PKCS#1 PEM", pemOf("RSA PUBLIC KEY", pkcs1)), hs("DER", spki), hs("JWK", []byte(publicJWK(kidRSA, m.rsaA))),
			hs("modulus", m.rsaA.N.Bytes()), one("HS256", client, h("alg", `"HS256"`), hmacWith(pemOf("PUBLIC KEY", spki)))}},
		{"NEG/alg-key-confusion", []variant{one("ES384 with RSA kid", client, ecKeyA(), h("kid", q(kidRSA))), one("RS384 with EC kid", client, h("kid", q(kidEC)))}},
		{"NEG/alg-lies", []variant{one("RS256", client, signAs("RS256")), one("RS512", client, signAs("RS512"))}},
		{"NEG/ec-zero-signature", []variant{one("zero", client, ecKeyA(), sig(func([]byte) []byte { return zero })), one("order", client, ecKeyA(), sig(func([]byte) []byte { return order }))}},
		{"NEG/ec-der-signature", []variant{one("DER", client, ecKeyA(), sig(func(s []byte) []byte {
			der, _ := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:48]), new(big.Int).SetBytes(s[48:])})
			return der
		}))}},
		{"NEG/jwk-header", []variant{one("jwk", client, signer(m.rogue), h("jwk", rogueJWK))}},
		{"NEG/x5c-header", []variant{one("x5c", client, signer(m.rogue), h("x5c", `["`+selfSigned()+`"]`)), one("x5u", client, signer(m.rogue), h("x5u", `"https://keys.example/x5u-rogue.pem"`))}},
		{"NEG/other-alg", []variant{one("RS256", client, h("alg", `"RS256"`), signAs("RS256")), one("RS512", client, h("alg", `"RS512"`), signAs("RS512")), one("PS384", client, h("alg", `"PS384"`), signAs("PS384")), one("ES256K", client, ecKeyA(), h("alg", `"ES256K"`)), one("EdDSA", client, h("alg", `"EdDSA"`))}},

		// key choice
		{"NEG/kid-unknown", []variant{one("unknown", client, h("kid", `"nobody-has-this"`))}},
		{"NEG/kid-missing", []variant{one("missing", client, noH("kid")), one("empty", client, h("kid", `""`))}},
		{"NEG/kid-other-own-key", []variant{one("second", client, h("kid", q(kidRSA2)))}},
		{"NEG/kid-other-client", []variant{one("B for A", client, as("client-a", kidB, "ES384", m.ecB))}},
		{"NEG/kid-not-string", headValues(client, "kid", "1", "null", "true", `["`+kidRSA+`"]`, `{"a":1}`)},
		{"NEG/kid-hostile", append(headValues(client, "kid", `"../../../../dev/null"`, `"x' OR '1'='1"`, `"kid\u0000"`, `"%n%n"`, `"`+strings.Repeat("a", 65536)+`"`),
			one("dev null HMAC", client, h("kid", `"../../../../dev/null"`), h("alg", `"HS384"`), hmacWith([]byte{})))},
		{"NEG/kid-case", headValues(client, "kid", q(strings.ToUpper(kidRSA)))},
		{"NEG/jku-foreign-good-key", []variant{one("inline client", client, h("jku", `"https://rogue.example/other.json"`)), one("URL client", client, urlClient("u"), h("jku", `"https://rogue.example/other.json"`))}},
		{"NEG/jku-foreign-rogue-key", []variant{one("kid as registered", client, signer(m.rogue), h("jku", `"https://rogue.example/jwks.json"`)), one("new kid", client, signer(m.rogue), h("kid", `"rogue"`), h("jku", `"https://rogue.example/jwks.json"`))}},
		{"NEG/jku-near-miss", many(client, short, func(v string) []opt { return []opt{urlClient("u"), signer(m.rogue), h("jku", q(v))} },
			"https://keys.example/u.json/rogue", "https://keys.example@rogue.example/jwks.json", "https://keys.example/u.json#", "https://keys.example/u.json?x=1", "https://keys.example/sibling.json", "https://keys.example/redirect.json")},
		{"NEG/jku-scheme", headValues(client, "jku", `"http://keys.example/u.json"`, `"file:///etc/hosts"`, `"data:application/json,{}"`, `"http://169.254.169.254/"`, "42", "null", `["https://keys.example/u.json"]`)},
		{"NEG/jku-registered", []variant{one("URL client", ok, urlClient("u"), h("jku", `"https://keys.example/u.json"`))}},
		{"NEG/jwks-double-kid", []variant{one("first", client, urlClient("double")), one("second", client, urlClient("double"), signer(m.rsaA2))}},
		{"NEG/jwks-same-kid-other-kty", []variant{one("RSA", ok, urlClient("shared")), one("EC", ok, urlClient("shared"), h("alg", `"ES384"`), signer(m.ecA))}},
		{"NEG/jwks-odd-sibling", []variant{one("odd", ok, urlClient("odd"))}},
		{"NEG/jwks-broken", many(client, short, func(v string) []opt { return []opt{urlClient(v)} }, "500", "404", "html", "keys-object", "empty", "broken", "endless", "unreachable", "redirect")},
		// NEG/jwks-rotated needs the page to change between two requests: TestJWKSRotation.

		// time
		{"NEG/exp-past", []variant{one("hour", client, exp(-time.Hour))}},
		{"NEG/exp-just-past", []variant{one("30 s", client, exp(-30*time.Second))}},
		{"NEG/exp-missing", []variant{one("missing", client, noC("exp"))}},
		{"NEG/exp-far", claimValues(client, "exp", in(time.Hour), in(24*time.Hour), in(87600*time.Hour), strconv.FormatInt(clockStart.Add(time.Minute).UnixMilli(), 10))},
		{"NEG/exp-limit", []variant{one("300 s", ok, exp(300*time.Second))}},
		{"NEG/exp-digits-string", claimValues(client, "exp", q(in(2*time.Minute)))},
		{"NEG/exp-not-number", claimValues(client, "exp", "null", "true", "[]", "{}", `"soon"`, `""`)},
		{"NEG/exp-odd-number", claimValues(client, "exp", "1e400", "9007199254740993", "99999999999999999999")},
		{"NEG/exp-zero", claimValues(client, "exp", "0", "-1", "1e-400")},
		{"NEG/exp-fraction", claimValues(ok, "exp", in(2*time.Minute)+".5")},
		{"NEG/nbf-future", []variant{one("hour", client, c("nbf", in(time.Hour)), exp(time.Hour+time.Minute))}},
		{"NEG/iat-future", []variant{one("hour", ok, c("iat", in(time.Hour)))}},
		{"NEG/iat-old", []variant{one("day", ok, c("iat", in(-24*time.Hour)))}},
		{"NEG/iat-nbf-type", append(claimValues(client, "iat", `"x"`, "null", "[]"),
			append(claimValues(client, "nbf", `"x"`, "null", "[]"), one("iat fraction", ok, c("iat", in(0)+".5")), one("nbf fraction", ok, c("nbf", in(-time.Second)+".5")))...)},

		// identity
		{"NEG/iss-missing", []variant{one("missing", client, noC("iss"))}},
		{"NEG/sub-missing", []variant{one("missing", client, noC("sub"))}},
		{"NEG/sub-differs", claimValues(client, "sub", `"somebody"`)},
		{"NEG/iss-differs", claimValues(client, "iss", `"somebody"`)},
		{"NEG/client-unknown", []variant{one("unknown", client, c("iss", `"nobody-7"`), c("sub", `"nobody-7"`))}},
		{"NEG/client-id-near", many(client, short, func(v string) []opt { return []opt{c("iss", q(v)), c("sub", q(v))} }, "CLIENT-A", "client-a ", "client-a/", "client%2Da")},
		{"NEG/iss-sub-type", many(client, short, func(v string) []opt { return []opt{c("iss", v), c("sub", v)} }, `["client-a"]`, `{"id":"client-a"}`, "1", "null", `""`)},
		{"NEG/aud-foreign", claimValues(client, "aud", `"https://example.org/token"`)},
		{"NEG/aud-missing", []variant{one("missing", client, noC("aud"))}},
		{"NEG/aud-array-right", claimValues(ok, "aud", `["`+tokenURL+`"]`)},
		{"NEG/aud-array-mixed", claimValues(ok, "aud", `["`+tokenURL+`","https://example.org/token"]`)},
		{"NEG/aud-array-foreign", claimValues(client, "aud", `["https://example.org/token"]`)},
		{"NEG/aud-type", claimValues(client, "aud", `""`, "[]", "null", "1", "{}", `[["`+tokenURL+`"]]`, "[null,1]")},
		{"NEG/aud-issuer", claimValues(client, "aud", `"https://auth.example/realm"`)},
		{"NEG/aud-fhir-base", claimValues(client, "aud", q(fhirBase))},
		{"NEG/aud-equivalent", claimValues(client, "aud", q(tokenURL+"/"), `"https://auth.example:443/realm/token"`, `"https://AUTH.example/realm/token"`, q(tokenURL+"?"))},
		{"NEG/aud-near-miss", claimValues(client, "aud", q(tokenURL+".example.org"), q("https://example.org/?u="+tokenURL), `"https://auth.example/random-path"`, `"https://"`)},

		// replay
		{"NEG/jti-missing", []variant{one("once", client, noC("jti")), repeat("twice", client, newDraft(noC("jti")).ready(), nil)}},
		{"NEG/replay-same", []variant{repeat("same body", client, replayed(), nil), repeat("same connection", client, replayed(), func(r *ready) { r.remote = "192.0.2.1:1000" }),
			repeat("other scope", client, replayed(), func(r *ready) { r.bytes = strings.Replace(r.bytes, "system%2F%2A.read", "system%2FPatient.rs", 1) })}},
		{"NEG/replay-jti", []variant{{"other exp", client, []*ready{newDraft(c("jti", sameJti)).ready(), newDraft(c("jti", sameJti), exp(3*time.Minute), from("192.0.2.1:2000")).ready()}}}},
		{"NEG/replay-parallel", []variant{repeat("in a row", client, replayed(), nil)}}, // at once: TestReplayRace
		{"NEG/replay-skew", []variant{repeat("after 45 s", client, skewJti, func(r *ready) { r.advance = 45 * time.Second }), repeat("within the leeway", client, newDraft(exp(30*time.Second)).ready(), func(r *ready) { r.advance = 33 * time.Second })}},
		{"NEG/replay-long", []variant{repeat("after six minutes", client, farExp, func(r *ready) { r.advance = 6 * time.Minute })}},
		{"NEG/replay-after-refusal", []variant{{"bad scope first", client, func() []*ready {
			jti := c("jti", q(freshJti()))
			return []*ready{newDraft(jti, f("scope", "foo")).ready(), newDraft(jti).ready()}
		}()}}},
		{"NEG/jti-other-client", []variant{{"B after A", ok, func() []*ready {
			jti := c("jti", q(freshJti()))
			return []*ready{newDraft(jti).ready(), newDraft(as("client-b", kidB, "ES384", m.ecB), jti, f("scope", "system/Patient.rs")).ready()}
		}()}}},
		{"NEG/jti-type", claimValues(client, "jti", "1", "null", "[]", "{}", "true", `""`)},
		{"NEG/jti-long", claimValues(ok, "jti", q(strings.Repeat("j", 300)), q(strings.Repeat("k", 65536)))},

		// form
		{"NEG/crit-unknown", []variant{one("present", client, h("crit", `["http://example.org/x"]`), h("http://example.org/x", "1"))}},
		{"NEG/crit-malformed", headValues(client, "crit", "[]", `"x"`, `["alg"]`, `["absent"]`, "null")},
		{"NEG/b64-false", []variant{{"crit", client, []*ready{b64false(`{"alg":"RS384","kid":"` + kidRSA + `","typ":"JWT","b64":false,"crit":["b64"]}`)}}}},
		{"NEG/b64-false-no-crit", headValues(ok, "b64", "false")},
		{"NEG/jwe", texts(client, b64(`{"alg":"dir","enc":"A256GCM"}`)+".."+b64("iv")+"."+b64("x")+"."+b64("tag"),
			b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)+"."+b64("k")+"."+b64("iv")+"."+b64("x")+"."+b64("tag"),
			b64(`{"alg":"PBES2-HS512+A256KW","p2c":2000000000,"p2s":"AAAA","enc":"A256GCM"}`)+"."+b64("k")+"."+b64("iv")+"."+b64("x")+"."+b64("tag"))},
		{"NEG/json-serialization", texts(client, json3(false), json3(true))},
		{"NEG/garbage", append(texts(client, "not-a-jwt", ".", "..", "....", "a.b.c", "%%%", "eyJ", `{"iss":"client-a"}`), one("NUL", client, f("client_assertion", "\x00")))},
		{"NEG/not-object", append(many(client, func(v string) string { return "header " + v }, func(v string) []opt { return []opt{rawHead(v)} }, "[]", `"x"`, "1", "null", "true"),
			many(client, func(v string) string { return "payload " + v }, func(v string) []opt { return []opt{rawClaims(v)} }, "[]", `"x"`, "1", "null", "true")...)},
		{"NEG/bad-json", []variant{one("broken", client, rawClaims(`{"iss":`)), one("comma", client, rawClaims(strings.TrimSuffix(objectText(good.claims), "}")+",}")),
			one("trailing", client, rawClaims(objectText(good.claims)+"{}")), one("UTF-8", client, c("x", "\"\xff\"")), one("BOM", client, rawClaims("\ufeff"+objectText(good.claims))),
			one("header comma", client, rawHead(strings.TrimSuffix(objectText(good.head), "}")+",}"))}},
		{"NEG/white-space", many(client, strconv.Quote, func(v string) []opt {
			return []opt{edit(func(s string) string { return strings.Replace(s, ".", v, 1) })}
		}, ".\n", " .", ".\t", "\r\n.", "\n.")},
		{"NEG/base64-variants", []variant{one("padding", client, edit(func(s string) string { return strings.Replace(s, ".", "==.", 1) })),
			one("standard alphabet", client, sig(func(s []byte) []byte { return s }), edit(func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }))}},
		{"NEG/duplicate-claims-last-wrong", []variant{one("aud", client, addC("aud", `"https://example.org/token"`)), one("exp", client, addC("exp", in(-time.Hour))),
			one("sub", client, addC("sub", `"x"`)), one("iss", client, addC("iss", `"x"`))}},
		{"NEG/duplicate-claims-last-right", []variant{one("aud", client, preC("aud", `"https://example.org/token"`)), one("exp", client, preC("exp", in(-time.Hour)))}},
		{"NEG/duplicate-header", []variant{one("RS384 then none", client, addH("alg", `"none"`), sig(func([]byte) []byte { return nil })),
			one("kid", client, addH("kid", `"nobody"`))}},
		{"NEG/unicode", []variant{one("valid", ok, c("http://example.org/x", `"\ud83d\ude00 e\u0301 \u202e"`)), one("jti", ok, c("jti", `"😀-`+strings.Repeat("n", 30)+`"`)),
			one("NUL", ok, c("http://example.org/x", `"\u0000"`)), one("lone surrogate", client, c("http://example.org/x", `"\ud83d"`)),
			one("escaped name", ok, noC("exp"), c(`"\u0065xp"`, in(2*time.Minute))), one("escaped name, past", client, noC("exp"), c(`"\u0065xp"`, in(-time.Hour)))}},
		{"NEG/deep-nesting", []variant{one("100", ok, c("x", nested(100))), one("10000", client, c("x", nested(10001))), one("header", client, h("x", nested(10001)))}},
		{"NEG/huge", []variant{one("100 kB", ok, c("x", q(strings.Repeat("h", 100_000)))), one("1 MB", "413 invalid_request", c("x", q(strings.Repeat("h", 1<<20)))),
			one("10000 claims", ok, func(d *draft) {
				for i := range 10_000 {
					d.claims = append(d.claims, pair{fmt.Sprintf("x%d", i), "1"})
				}
			})}},
		{"NEG/extra-members", []variant{one("claim", ok, c("http://example.org/claim", "1")), one("header", ok, h("http://example.org/header", "1"))}},
		{"NEG/typ-variants", append(headValues(client, "typ", `"application/jwt"`, `"at+jwt"`, "1", "null"), one("missing", client, noH("typ")), one("lower case", ok, h("typ", `"jwt"`)))},
		{"NEG/alg-missing", append(headValues(client, "alg", "null", "1", `["RS384"]`, "{}"), one("missing", client, noH("alg")))},
		{"NEG/alg-case", headValues(client, "alg", `"rs384"`)},

		// request
		{"NEG/assertion-missing", []variant{one("empty", client, f("client_assertion", "")), one("left out", client, body("grant_type=client_credentials&scope=system%2F*.read&client_assertion_type="+assertionTypeJWT))}},
		{"NEG/client-id-only", []variant{one("client_id", client, body("grant_type=client_credentials&scope=system%2F*.read&client_id=client-a"))}},
		{"NEG/assertion-type-missing", []variant{one("left out", request, noF("client_assertion_type"))}},
		{"NEG/assertion-type-wrong", many(client, short, func(v string) []opt { return []opt{f("client_assertion_type", v)} }, "made-up", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", strings.ToUpper(assertionTypeJWT))},
		{"NEG/grant-type-missing", []variant{one("left out", request, noF("grant_type")), one("empty", request, f("grant_type", ""))}},
		{"NEG/grant-type-wrong", many("400 unsupported_grant_type", short, func(v string) []opt { return []opt{f("grant_type", v)} }, "foo", "authorization_code", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer")},
		{"NEG/scope-missing", []variant{one("left out", scope, noF("scope")), one("empty", scope, f("scope", ""))}},
		{"NEG/scope-unknown", []variant{one("with a good one", ok, f("scope", "system/Patient.rs system/NoSuchType.rs foo")), one("alone", scope, f("scope", "system/NoSuchType.rs foo"))}},
		{"NEG/scope-letters", append(many(scope, short, func(v string) []opt { return []opt{f("scope", v)} }, "system/Patient.sr", "system/Patient.dus", "system/Patient.x", "system/Patient."), one("read", ok, f("scope", "system/Patient.read")))},
		{"NEG/scope-excess", []variant{one("type", scope, as("client-b", kidB, "ES384", m.ecB), f("scope", "system/Condition.rs")), one("narrowed", ok, as("client-b", kidB, "ES384", m.ecB), f("scope", "system/*.rs")), one("write", scope, f("scope", "system/Patient.cud"))}},
		{"NEG/scope-other-kinds", many(scope, short, func(v string) []opt { return []opt{f("scope", v)} }, "user/*.rs", "patient/*.rs", "openid", "launch", "offline_access")},
		{"NEG/scope-characters", append(many(scope, short, func(v string) []opt { return []opt{f("scope", v)} }, `"system/Patient.rs"`, `system\Patient.rs`, "system/Patient.rs\r\nX: y", "system/Patïent.rs", "system/Patient.rs\tx", strings.Repeat("system/Observation.rs ", 4000)),
			one("100 kB of one type", ok, f("scope", strings.Repeat("system/Patient.rs ", 1900))))},
		{"NEG/get", []variant{one("query", "405 invalid_request", func(d *draft) { d.method, d.query, d.body = "GET", newDraft().encodeForm(), new(string); d.ctype = "" })}},
		{"NEG/query-params", []variant{one("all", request, func(d *draft) { d.query, d.body = newDraft().encodeForm(), new(string) })}},
		{"NEG/json-body", []variant{one("JSON", request, ctype("application/json"), body(jsonBody())), one("multipart", request, ctype("multipart/form-data; boundary=xyz"), body(multipart())),
			one("text", request, ctype("text/plain")), one("none", request, ctype(""))}},
		{"NEG/repeated-params", []variant{one("grant_type", request, addF("grant_type", grantClientCredentials)), one("scope", request, addF("scope", "system/*.read")),
			one("good then rogue", request, addF("client_assertion", newDraft().assertion()), addF("client_assertion", newDraft(signer(m.rogue)).assertion())),
			one("rogue then good", request, addF("client_assertion", newDraft(signer(m.rogue)).assertion()), addF("client_assertion", newDraft().assertion()))}},
		{"NEG/client-id-differs", []variant{one("made up", client, f("client_id", "somebody")), one("second client", client, f("client_id", "client-b"))}},
		{"NEG/second-credential", []variant{one("Basic", request, reqHeader("Authorization", "Basic Y2xpZW50LWE6d3Jvbmc=")), one("client_secret", request, f("client_secret", "wrong"))}},
		{"NEG/unknown-param", []variant{one("made up", ok, f("made_up", "1")), one("client_id empty", ok, f("client_id", ""))}},
		{"NEG/client-id-same", []variant{one("same", ok, f("client_id", "client-a"))}},
		{"NEG/charset", []variant{one("UTF-8", ok, ctype("application/x-www-form-urlencoded;charset=UTF-8"))}},

		// not of the list, for defects that have no case there
		{"own/baseline", []variant{one("RS384", ok), one("ES384", ok, ecKeyA()), one("second RSA key", ok, h("kid", q(kidRSA2)), signer(m.rsaA2)), one("URL client", ok, urlClient("u")), one("B", ok, as("client-b", kidB, "ES384", m.ecB), f("scope", "system/Patient.rs"))}},
		{"own/second-token", []variant{{"two in a row", ok, []*ready{newDraft().ready(), newDraft().ready()}}}},
		{"own/exp-relative-to-iat", []variant{one("old pair", client, c("iat", in(-time.Hour)), exp(-time.Hour+time.Minute))}},
		{"own/basic-only", []variant{one("Basic", "401 invalid_client", reqHeader("Authorization", "Basic Y2xpZW50LWE6d3Jvbmc="), body("grant_type=client_credentials&scope=system%2F*.read"))}},
		{"own/scope-v1", []variant{one("v1", ok, f("scope", "system/Patient.read"))}},
		{"own/scope-v2", []variant{one("v2", ok, f("scope", "system/Patient.rs"))}},
		{"own/scope-mixed", []variant{one("one bad", ok, f("scope", "system/Patient.rs foo"))}},
		{"own/nbf-soon", []variant{one("one minute ahead", client, c("nbf", in(time.Minute)))}},
		{"own/kid-unknown-client-of-key", []variant{one("key of B, no such client", client, as("nobody-8", kidB, "ES384", m.ecB))}},
	}
})

type expectation struct {
	ID       string   `yaml:"id"`
	Key      string   `yaml:"key"`
	Reaction string   `yaml:"reaction"`
	Status   []int    `yaml:"status"`
	Error    []string `yaml:"error"`
	Bare     []int    `yaml:"bare"`
}

// elsewhere names the cases that no single token request shows, and the test that has them.
var elsewhere = map[string]string{
	"NEG/jwks-rotated":              "TestJWKSRotation",
	"NEG/server-token-as-assertion": "TestServerTokenAsAssertion",
	"NEG/assertion-as-bearer":       "TestAssertionAsBearer",
	"NEG/plain-http":                "nothing here: which listener speaks TLS is up to the protocol server",
}

func run(t testing.TB, b *Behaviour, v variant) answer {
	w := newWorld(t, b)
	var a answer
	for _, step := range v.steps {
		a = w.send(step)
	}
	return a
}

// TestBattery sends every case of the list of negative assertions to a conformant server: each gets an answer that the
// list allows, and exactly the one that this package documents.
func TestBattery(t *testing.T) {
	data, err := os.ReadFile("testdata/negative-cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []expectation
	if err := yaml.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 116 {
		t.Fatalf("%d cases in the list, want 116", len(cases))
	}
	built := map[string]batteryCase{}
	for _, bc := range battery() {
		built[bc.key] = bc
	}
	for _, e := range cases {
		bc, have := built[e.Key]
		if reason, skip := elsewhere[e.Key]; skip == have {
			t.Errorf("%s %s: built %v, elsewhere %q", e.ID, e.Key, have, reason)
			continue
		}
		for _, v := range bc.variants {
			a := run(t, nil, v)
			if a.String() != v.want {
				t.Errorf("%s %s %s: %v, want %s (%.200s)", e.ID, e.Key, v.name, a, v.want, a.body)
			}
			checkAnswer(t, e, v.name, a)
		}
	}
	for _, bc := range battery() {
		if strings.HasPrefix(bc.key, "own/") {
			for _, v := range bc.variants {
				if a := run(t, nil, v); a.String() != v.want {
					t.Errorf("%s %s: %v, want %s (%.200s)", bc.key, v.name, a, v.want, a.body)
				}
			}
		}
	}
}

// checkAnswer holds an answer against the list.
func checkAnswer(t *testing.T, e expectation, name string, a answer) {
	t.Helper()
	if a.dropped || a.status >= 500 {
		t.Errorf("%s %s %s: %v: the server broke", e.ID, e.Key, name, a)
		return
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %s: headers %v", e.ID, e.Key, name, a.header)
	}
	if a.status == 200 {
		if e.Reaction == "refuse" || a.token() == "" {
			t.Errorf("%s %s %s: accepted (%s)", e.ID, e.Key, name, e.Reaction)
		}
		return
	}
	if e.Reaction == "accept" {
		t.Errorf("%s %s %s: refused: %s", e.ID, e.Key, name, a.body)
	}
	code, _ := a.json["error"].(string)
	if !slices.Contains(e.Bare, a.status) && (!slices.Contains(e.Status, a.status) || !slices.Contains(e.Error, code)) {
		t.Errorf("%s %s %s: %v is not among %v %v", e.ID, e.Key, name, a, e.Status, e.Error)
	}
	if description, _ := a.json["error_description"].(string); description == "" {
		t.Errorf("%s %s %s: no error_description", e.ID, e.Key, name)
	}
	if a.token() != "" {
		t.Errorf("%s %s %s: a token beside an error", e.ID, e.Key, name)
	}
}
