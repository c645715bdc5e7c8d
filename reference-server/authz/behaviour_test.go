package authz

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// change is the exact effect of one Behaviour field on the battery: which variants are answered in another way, and how.
// "key/variant=answer", or "key=answer" for all variants of a case.
type change struct {
	field string
	set   func(*Behaviour)
	// rest, when not empty, is the answer to every variant that passes client authentication and is not listed in want.
	rest string
	want []string
}

// outcomes runs the battery against fresh servers with the Behaviour and returns "key/variant" to answer.
func outcomes(t testing.TB, b *Behaviour) map[string]string {
	out := map[string]string{}
	for _, bc := range battery() {
		for _, v := range bc.variants {
			if _, double := out[bc.key+"/"+v.name]; double {
				t.Fatalf("two variants are called %s/%s", bc.key, v.name)
			}
			out[bc.key+"/"+v.name] = run(t, b, v).String()
		}
	}
	return out
}

func TestBehavioursChangeExactlyWhatTheySay(t *testing.T) {
	base := outcomes(t, nil)
	if len(base) < 250 {
		t.Fatalf("%d variants, expected more than 250", len(base))
	}
	tested := map[string]bool{}
	for _, ch := range changes {
		tested[ch.field] = true
		t.Run(ch.field, func(t *testing.T) {
			t.Parallel()
			var b Behaviour
			ch.set(&b)
			want := map[string]string{}
			for _, w := range ch.want {
				name, answer, found := strings.Cut(w, "=>")
				if !found {
					t.Fatalf("bad row %q", w)
				}
				n := 0
				for key := range base {
					if key == name || strings.HasPrefix(key, name+"/") {
						want[key] = answer
						n++
					}
				}
				if n == 0 {
					t.Fatalf("row %q matches no variant", w)
				}
			}
			var wrong []string
			for key, got := range outcomes(t, &b) {
				expected, listed := want[key]
				if !listed && ch.rest != "" && (base[key] == ok || base[key] == scope) {
					expected = ch.rest
				} else if !listed {
					expected = base[key]
				} else if expected == base[key] && ch.rest == "" {
					wrong = append(wrong, fmt.Sprintf("%s is listed as changed to %s, which it is anyway", key, expected))
				}
				if got != expected {
					wrong = append(wrong, fmt.Sprintf("%s=>%s (expected %s)", key, got, expected))
				}
			}
			slices.Sort(wrong)
			if len(wrong) > 0 {
				t.Errorf("%s", strings.Join(wrong, "\n"))
			}
		})
	}
	t.Run("every field is tested", func(t *testing.T) {
		var elsewhere strings.Builder
		files, err := filepath.Glob("*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && file != "behaviour_test.go" {
				elsewhere.Write(text)
			}
		}
		typ := reflect.TypeFor[Behaviour]()
		for i := range typ.NumField() {
			name := typ.Field(i).Name
			use := regexp.MustCompile(`[{ \t.]` + name + `(:| = )`)
			if !tested[name] && !use.MatchString(elsewhere.String()) {
				t.Errorf("no test sets the field %s", name)
			}
		}
	})
}

// TestZeroBehaviourIsNil: a nil and a zero Behaviour are the same server.
func TestZeroBehaviourIsNil(t *testing.T) {
	base := outcomes(t, nil)
	for key, got := range outcomes(t, &Behaviour{}) {
		if got != base[key] {
			t.Errorf("%s: %s with a zero Behaviour, %s without", key, got, base[key])
		}
	}
}

func minute() *time.Duration { d := time.Minute; return &d }

var changes = []change{
	{"AcceptBadSignature", func(b *Behaviour) { b.AcceptBadSignature = true }, "", []string{
		`NEG/alg-lies=>200`,
		`NEG/ec-der-signature=>200`,
		`NEG/ec-zero-signature=>200`,
		`NEG/jwk-header=>200`,
		`NEG/kid-other-own-key=>200`,
		`NEG/payload-altered=>200`,
		`NEG/sig-flipped=>200`,
		`NEG/sig-missing/empty, EC=>200`,
		`NEG/sig-missing/empty=>200`,
		`NEG/sig-other-key=>200`,
		`NEG/x5c-header=>200`,
	}},
	{"AcceptEmptySignature", func(b *Behaviour) { b.AcceptEmptySignature = true }, "", []string{`NEG/sig-missing=>200`}},
	{"AcceptAlgNone", func(b *Behaviour) { b.AcceptAlgNone = true }, "", []string{`NEG/alg-none=>200`}},
	{"AcceptHMACWithPublicKey", func(b *Behaviour) { b.AcceptHMACWithPublicKey = true }, "", []string{`NEG/hmac-public-key=>200`}},
	{"AcceptAnyHash", func(b *Behaviour) { b.AcceptAnyHash = true }, "", []string{`NEG/alg-lies=>200`}},
	{"AcceptZeroECDSA", func(b *Behaviour) { b.AcceptZeroECDSA = true }, "", []string{`NEG/ec-zero-signature/zero=>200`}},
	{"TrustJWKHeader", func(b *Behaviour) { b.TrustJWKHeader = true }, "", []string{`NEG/jwk-header=>200`}},
	{"TrustX5CHeader", func(b *Behaviour) { b.TrustX5CHeader = true }, "", []string{`NEG/x5c-header/x5c=>200`}},
	{"ExtraAlgs", func(b *Behaviour) { b.ExtraAlgs = []string{"RS256"} }, "", []string{`NEG/other-alg/RS256=>200`}},
	{"RefuseAlgs", func(b *Behaviour) { b.RefuseAlgs = []string{"ES384"} }, "", []string{
		`NEG/jti-other-client=>400 invalid_client`,
		`NEG/jwks-same-kid-other-kty/EC=>400 invalid_client`,
		`NEG/scope-excess/narrowed=>400 invalid_client`,
		`NEG/scope-excess/type=>400 invalid_client`,
		`own/baseline/B=>400 invalid_client`,
		`own/baseline/ES384=>400 invalid_client`,
	}},
	{"AcceptNoKid", func(b *Behaviour) { b.AcceptNoKid = true }, "", []string{`NEG/kid-missing=>200`}},
	{"AcceptUnknownKid", func(b *Behaviour) { b.AcceptUnknownKid = true }, "", []string{
		`NEG/kid-case=>200`,
		`NEG/kid-hostile/1 kid "../../../../dev/null"=>200`,
		`NEG/kid-hostile/2 kid "x' OR '1'='1"=>200`,
		`NEG/kid-hostile/3 kid "kid\u0000"=>200`,
		`NEG/kid-hostile/4 kid "%n%n"=>200`,
		`NEG/kid-hostile/5 kid "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa…=>200`,
		`NEG/kid-unknown=>200`,
	}},
	{"AcceptNonStringKid", func(b *Behaviour) { b.AcceptNonStringKid = true }, "", []string{`NEG/kid-not-string=>200`}},
	{"AcceptWrongKid", func(b *Behaviour) { b.AcceptWrongKid = true }, "", []string{`NEG/kid-other-own-key=>200`}},
	{"AcceptKeyTypeConfusion", func(b *Behaviour) { b.AcceptKeyTypeConfusion = true }, "", []string{`NEG/alg-key-confusion=>200`}},
	{"AcceptAnyRegisteredKey", func(b *Behaviour) { b.AcceptAnyRegisteredKey = true }, "", []string{`NEG/jwks-broken/5 empty=>200`, `NEG/kid-other-client=>200`}},
	{"AcceptDuplicateKid", func(b *Behaviour) { b.AcceptDuplicateKid = true }, "", []string{`NEG/jwks-double-kid=>200`}},
	{"RefuseSharedKid", func(b *Behaviour) { b.RefuseSharedKid = true }, "", []string{`NEG/jwks-same-kid-other-kty=>400 invalid_client`}},
	{"KidIgnoreCase", func(b *Behaviour) { b.KidIgnoreCase = true }, "", []string{`NEG/kid-case=>200`}},
	{"IgnoreJKU", func(b *Behaviour) { b.IgnoreJKU = true }, "", []string{`NEG/jku-foreign-good-key=>200`, `NEG/jku-scheme=>200`}},
	{"FollowAnyJKU", func(b *Behaviour) { b.FollowAnyJKU = true }, "", []string{
		`NEG/jku-foreign-rogue-key=>200`,
		`NEG/jku-near-miss/1 https://keys.example/u.json/ro…=>200`,
		`NEG/jku-near-miss/5 https://keys.example/sibling.j…=>200`,
	}},
	{"FollowJKUPrefix", func(b *Behaviour) { b.FollowJKUPrefix = true }, "", []string{
		`NEG/jku-near-miss/1 https://keys.example/u.json/ro…=>200`,
		`NEG/jku-near-miss/5 https://keys.example/sibling.j…=>200`,
	}},
	{"RefuseRegisteredJKU", func(b *Behaviour) { b.RefuseRegisteredJKU = true }, "", []string{`NEG/jku-registered=>400 invalid_client`}},
	{"DemandJKU", func(b *Behaviour) { b.DemandJKU = true }, "", []string{
		`NEG/jwks-odd-sibling=>400 invalid_client`,
		`NEG/jwks-same-kid-other-kty=>400 invalid_client`,
		`own/baseline/URL client=>400 invalid_client`,
	}},
	{"DemandKeyAlg", func(b *Behaviour) { b.DemandKeyAlg = true }, client, []string{}},
	{"RefuseFetchedKeys", func(b *Behaviour) { b.RefuseFetchedKeys = true }, "", []string{
		`NEG/jku-registered=>400 invalid_client`,
		`NEG/jwks-odd-sibling=>400 invalid_client`,
		`NEG/jwks-same-kid-other-kty=>400 invalid_client`,
		`own/baseline/URL client=>400 invalid_client`,
	}},
	{"OddTokens", func(b *Behaviour) { b.OddTokens = true }, "", []string{}}, // seen in the token alone
	{"SilentDefaultScope", func(b *Behaviour) { b.SilentDefaultScope = true }, "", []string{`NEG/scope-missing=>200`}},
	{"OfflineRefresh", func(b *Behaviour) { b.OfflineRefresh = true }, "", []string{`NEG/scope-other-kinds/5 offline_access=>200`}},
	{"FetchJWKSWithBody", func(b *Behaviour) { b.FetchJWKSWithBody = true }, "", []string{}}, // seen by the host only
	{"IgnoreJKUOfJWKS", func(b *Behaviour) { b.IgnoreJKUOfJWKS = true }, "", []string{`NEG/jku-foreign-good-key/inline client=>200`, `NEG/jku-scheme=>200`}},
	{"RefuseOddKeys", func(b *Behaviour) { b.RefuseOddKeys = true }, "", []string{`NEG/jwks-odd-sibling=>400 invalid_client`}},
	{"OnlyFirstKey", func(b *Behaviour) { b.OnlyFirstKey = true }, "", []string{
		`own/baseline/ES384=>400 invalid_client`,
		`own/baseline/second RSA key=>400 invalid_client`,
	}},
	{"RefuseJWKSURL", func(b *Behaviour) { b.RefuseJWKSURL = true }, "", []string{
		`NEG/jku-registered=>400 invalid_client`,
		`NEG/jwks-odd-sibling=>400 invalid_client`,
		`NEG/jwks-same-kid-other-kty=>400 invalid_client`,
		`own/baseline/URL client=>400 invalid_client`,
	}},
	{"RefuseInlineJWKS", func(b *Behaviour) { b.RefuseInlineJWKS = true }, client, []string{`NEG/jku-registered=>200`, `NEG/jwks-odd-sibling=>200`, `NEG/jwks-same-kid-other-kty=>200`, `own/baseline/URL client=>200`}},
	{"AcceptExpired", func(b *Behaviour) { b.AcceptExpired = true }, "", []string{
		`NEG/exp-just-past=>200`,
		`NEG/exp-past=>200`,
		`NEG/exp-zero=>200`,
		`NEG/unicode/escaped name, past=>200`,
		`own/exp-relative-to-iat=>200`,
	}},
	{"AcceptFarExp", func(b *Behaviour) { b.AcceptFarExp = true }, "", []string{`NEG/exp-far=>200`, `NEG/exp-odd-number=>200`}},
	{"AcceptMissingExp", func(b *Behaviour) { b.AcceptMissingExp = true }, "", []string{`NEG/exp-missing=>200`}},
	{"AcceptExpString", func(b *Behaviour) { b.AcceptExpString = true }, "", []string{`NEG/exp-digits-string=>200`}},
	{"AcceptExpWrongType", func(b *Behaviour) { b.AcceptExpWrongType = true }, "", []string{`NEG/exp-not-number=>200`}},
	{"AcceptExpZero", func(b *Behaviour) { b.AcceptExpZero = true }, "", []string{`NEG/exp-zero=>200`}},
	{"ExpRelativeToIat", func(b *Behaviour) { b.ExpRelativeToIat = true }, "", []string{
		`NEG/exp-far=>200`,
		`NEG/exp-just-past=>200`,
		`NEG/exp-odd-number=>200`,
		`NEG/exp-past=>200`,
		`NEG/exp-zero=>200`,
		`NEG/iat-future=>400 invalid_client`,
		`NEG/iat-old=>400 invalid_client`,
		`NEG/unicode/escaped name, past=>200`,
		`own/exp-relative-to-iat=>200`,
	}},
	{"AcceptFutureNbf", func(b *Behaviour) { b.AcceptFutureNbf = true }, "", []string{
		`NEG/iat-nbf-type/1 nbf "x"=>200`,
		`NEG/iat-nbf-type/2 nbf null=>200`,
		`NEG/iat-nbf-type/3 nbf []=>200`,
		`own/nbf-soon=>200`,
	}},
	{"Leeway", func(b *Behaviour) { b.Leeway = minute() }, "", []string{`NEG/exp-just-past=>200`, `own/nbf-soon=>200`}},
	{"RefuseFutureIat", func(b *Behaviour) { b.RefuseFutureIat = true }, "", []string{`NEG/iat-future=>400 invalid_client`}},
	{"RefuseOldIat", func(b *Behaviour) { b.RefuseOldIat = true }, "", []string{`NEG/iat-old=>400 invalid_client`}},
	{"DemandIat", func(b *Behaviour) { b.DemandIat = true }, client, []string{`NEG/iat-future=>200`, `NEG/iat-nbf-type/iat fraction=>200`, `NEG/iat-old=>200`}},
	{"DemandNbf", func(b *Behaviour) { b.DemandNbf = true }, client, []string{`NEG/iat-nbf-type/nbf fraction=>200`}},
	{"AcceptMissingIss", func(b *Behaviour) { b.AcceptMissingIss = true }, "", []string{`NEG/iss-missing=>200`}},
	{"AcceptMissingSub", func(b *Behaviour) { b.AcceptMissingSub = true }, "", []string{`NEG/sub-missing=>200`}},
	{"AcceptSubDiffers", func(b *Behaviour) { b.AcceptSubDiffers = true }, "", []string{`NEG/sub-differs=>200`}},
	{"AcceptIssDiffers", func(b *Behaviour) { b.AcceptIssDiffers = true }, "", []string{`NEG/iss-differs=>200`}},
	{"AcceptUnknownClient", func(b *Behaviour) { b.AcceptUnknownClient = true }, "", []string{`NEG/client-id-near=>200`, `NEG/client-unknown=>200`, `own/kid-unknown-client-of-key=>200`}},
	{"ClientIDIgnoreCase", func(b *Behaviour) { b.ClientIDIgnoreCase = true }, "", []string{
		`NEG/client-id-near/1 CLIENT-A=>200`,
		`NEG/client-id-near/2 client-a =>200`,
		`NEG/client-id-near/3 client-a/=>200`,
	}},
	{"AcceptIssArray", func(b *Behaviour) { b.AcceptIssArray = true }, "", []string{`NEG/iss-sub-type/1 ["client-a"]=>200`}},
	{"AcceptMissingAud", func(b *Behaviour) { b.AcceptMissingAud = true }, "", []string{`NEG/aud-missing=>200`}},
	{"AcceptWrongAud", func(b *Behaviour) { b.AcceptWrongAud = true }, "", []string{
		`NEG/aud-array-foreign=>200`,
		`NEG/aud-equivalent=>200`,
		`NEG/aud-fhir-base=>200`,
		`NEG/aud-foreign=>200`,
		`NEG/aud-issuer=>200`,
		`NEG/aud-near-miss=>200`,
	}},
	{"AcceptAudPrefix", func(b *Behaviour) { b.AcceptAudPrefix = true }, "", []string{
		`NEG/aud-equivalent/1 aud "https://auth.example/realm/to…=>200`,
		`NEG/aud-equivalent/4 aud "https://auth.example/realm/to…=>200`,
		`NEG/aud-issuer=>200`,
		`NEG/aud-near-miss/1 aud "https://auth.example/realm/to…=>200`,
		`NEG/aud-near-miss/2 aud "https://example.org/?u=https:…=>200`,
		`NEG/aud-near-miss/4 aud "https://"=>200`,
	}},
	{"AcceptAudFHIRBase", func(b *Behaviour) { b.AcceptAudFHIRBase = true }, "", []string{`NEG/aud-fhir-base=>200`}},
	{"AcceptAudWrongType", func(b *Behaviour) { b.AcceptAudWrongType = true }, "", []string{`NEG/aud-type=>200`}},
	{"RefuseArrayAud", func(b *Behaviour) { b.RefuseArrayAud = true }, "", []string{`NEG/aud-array-mixed=>400 invalid_client`, `NEG/aud-array-right=>400 invalid_client`}},
	{"AcceptMissingJti", func(b *Behaviour) { b.AcceptMissingJti = true }, "", []string{`NEG/jti-missing=>200`}},
	{"AcceptJtiWrongType", func(b *Behaviour) { b.AcceptJtiWrongType = true }, "", []string{`NEG/jti-type=>200`}},
	{"AcceptReplay", func(b *Behaviour) { b.AcceptReplay = true }, "", []string{
		`NEG/replay-after-refusal=>200`,
		`NEG/replay-jti=>200`,
		`NEG/replay-parallel=>200`,
		`NEG/replay-same=>200`,
		`NEG/replay-skew/within the leeway=>200`,
	}},
	{"ReplayPerConnection", func(b *Behaviour) { b.ReplayPerConnection = true }, "", []string{
		`NEG/replay-jti=>200`,
		`NEG/replay-parallel=>200`,
		`NEG/replay-same/other scope=>200`,
		`NEG/replay-same/same body=>200`,
		`NEG/replay-skew/within the leeway=>200`,
	}},
	{"ReplayByText", func(b *Behaviour) { b.ReplayByText = true }, "", []string{`NEG/replay-jti=>200`}},
	{"ReplayUntilExp", func(b *Behaviour) { b.ReplayUntilExp = true }, "", []string{`NEG/replay-skew/within the leeway=>200`}},
	{"ReplayAcrossClients", func(b *Behaviour) { b.ReplayAcrossClients = true }, "", []string{`NEG/jti-other-client=>400 invalid_client`}},
	{"BurnJtiOnSuccess", func(b *Behaviour) { b.BurnJtiOnSuccess = true }, "", []string{`NEG/replay-after-refusal=>200`}},
	{"AcceptCrit", func(b *Behaviour) { b.AcceptCrit = true }, "", []string{`NEG/crit-malformed=>200`, `NEG/crit-unknown=>200`}},
	{"AcceptUnencodedPayload", func(b *Behaviour) { b.AcceptUnencodedPayload = true }, "", []string{`NEG/b64-false=>200`}},
	{"AcceptDuplicateMembers", func(b *Behaviour) { b.AcceptDuplicateMembers = true }, "", []string{`NEG/duplicate-claims-last-wrong=>200`, `NEG/duplicate-header/kid=>200`}},
	{"AcceptJSONSerialization", func(b *Behaviour) { b.AcceptJSONSerialization = true }, "", []string{`NEG/json-serialization=>200`}},
	{"AcceptGarbage", func(b *Behaviour) { b.AcceptGarbage = true }, "", []string{
		`NEG/garbage/1 not-a-jwt=>200`,
		`NEG/garbage/2 .=>200`,
		`NEG/garbage/3 ..=>200`,
		`NEG/garbage/4 ....=>200`,
		`NEG/garbage/5 a.b.c=>200`,
		`NEG/garbage/6 %%%=>200`,
		`NEG/garbage/7 eyJ=>200`,
		`NEG/garbage/NUL=>200`,
	}},
	{"LaxBase64", func(b *Behaviour) { b.LaxBase64 = true }, "", []string{`NEG/base64-variants=>200`, `NEG/white-space=>200`}},
	{"LaxTyp", func(b *Behaviour) { b.LaxTyp = true }, "", []string{
		`NEG/typ-variants/1 typ "application/jwt"=>200`,
		`NEG/typ-variants/2 typ "at+jwt"=>200`,
		`NEG/typ-variants/3 typ 1=>200`,
		`NEG/typ-variants/4 typ null=>200`,
		`NEG/typ-variants/missing=>200`,
	}},
	{"RefuseUnknownMembers", func(b *Behaviour) { b.RefuseUnknownMembers = true }, "", []string{
		`NEG/deep-nesting/100=>400 invalid_client`,
		`NEG/extra-members=>400 invalid_client`,
		`NEG/huge/100 kB=>400 invalid_client`,
		`NEG/huge/10000 claims=>400 invalid_client`,
		`NEG/unicode/NUL=>400 invalid_client`,
		`NEG/unicode/valid=>400 invalid_client`,
	}},
	{"AcceptGET", func(b *Behaviour) { b.AcceptGET = true }, "", []string{`NEG/get=>200`}},
	{"AcceptQueryParameters", func(b *Behaviour) { b.AcceptQueryParameters = true }, "", []string{`NEG/query-params=>200`}},
	{"AcceptJSONBody", func(b *Behaviour) { b.AcceptJSONBody = true }, "", []string{`NEG/json-body/JSON=>200`}},
	{"AcceptAnyContentType", func(b *Behaviour) { b.AcceptAnyContentType = true }, "", []string{`NEG/json-body=>200`}},
	{"RefuseCharset", func(b *Behaviour) { b.RefuseCharset = true }, "", []string{`NEG/charset=>400 invalid_request`}},
	{"AcceptRepeated", func(b *Behaviour) { b.AcceptRepeated = true }, "", []string{
		`NEG/repeated-params/good then rogue=>200`,
		`NEG/repeated-params/grant_type=>200`,
		`NEG/repeated-params/rogue then good=>400 invalid_client`,
		`NEG/repeated-params/scope=>200`,
	}},
	{"AcceptMissingGrantType", func(b *Behaviour) { b.AcceptMissingGrantType = true }, "", []string{`NEG/grant-type-missing=>200`}},
	{"AcceptWrongGrantType", func(b *Behaviour) { b.AcceptWrongGrantType = true }, "", []string{`NEG/grant-type-wrong=>200`}},
	{"AcceptMissingAssertionType", func(b *Behaviour) { b.AcceptMissingAssertionType = true }, "", []string{`NEG/assertion-type-missing=>200`}},
	{"AcceptWrongAssertionType", func(b *Behaviour) { b.AcceptWrongAssertionType = true }, "", []string{`NEG/assertion-type-wrong=>200`}},
	{"AcceptNoAssertion", func(b *Behaviour) { b.AcceptNoAssertion = true }, "", []string{`NEG/client-id-only=>200`}},
	{"AcceptClientIDDiffers", func(b *Behaviour) { b.AcceptClientIDDiffers = true }, "", []string{`NEG/client-id-differs=>200`}},
	{"AcceptSecondCredential", func(b *Behaviour) { b.AcceptSecondCredential = true }, "", []string{`NEG/second-credential=>200`}},
	{"RefuseClientID", func(b *Behaviour) { b.RefuseClientID = true }, "", []string{`NEG/client-id-differs=>400 invalid_request`, `NEG/client-id-same=>400 invalid_request`}},
	{"RefuseUnknownParameters", func(b *Behaviour) { b.RefuseUnknownParameters = true }, "", []string{
		`NEG/assertion-missing/empty=>400 invalid_request`,
		`NEG/scope-missing/empty=>400 invalid_request`,
		`NEG/unknown-param=>400 invalid_request`,
	}},
	{"RefuseSecondToken", func(b *Behaviour) { b.RefuseSecondToken = true }, "", []string{`own/second-token=>400 invalid_grant`}},
	{"CrashOnMissingExp", func(b *Behaviour) { b.CrashOnMissingExp = true }, "", []string{`NEG/exp-missing=>drop`}},
	{"CrashOnArrayAud", func(b *Behaviour) { b.CrashOnArrayAud = true }, "", []string{
		`NEG/aud-array-foreign=>drop`,
		`NEG/aud-array-mixed=>drop`,
		`NEG/aud-array-right=>drop`,
		`NEG/aud-type/2 aud []=>drop`,
		`NEG/aud-type/6 aud [["https://auth.example/realm/…=>drop`,
		`NEG/aud-type/7 aud [null,1]=>drop`,
	}},
	{"CrashOnNonStringKid", func(b *Behaviour) { b.CrashOnNonStringKid = true }, "", []string{`NEG/kid-not-string=>drop`}},
	{"CrashOnGarbage", func(b *Behaviour) { b.CrashOnGarbage = true }, "", []string{
		`NEG/garbage/1 not-a-jwt=>drop`,
		`NEG/garbage/2 .=>drop`,
		`NEG/garbage/3 ..=>drop`,
		`NEG/garbage/4 ....=>drop`,
		`NEG/garbage/5 a.b.c=>drop`,
		`NEG/garbage/6 %%%=>drop`,
		`NEG/garbage/7 eyJ=>drop`,
		`NEG/garbage/NUL=>drop`,
	}},
	{"CrashOnMissingAssertion", func(b *Behaviour) { b.CrashOnMissingAssertion = true }, "", []string{`NEG/assertion-missing=>drop`, `NEG/client-id-only=>drop`, `own/basic-only=>drop`}},
	{"CrashOn", func(b *Behaviour) { b.CrashOn = func(r Reason) bool { return r == ReasonSubDiffers } }, "", []string{`NEG/iss-differs=>drop`, `NEG/sub-differs=>drop`}},
	{"Forgive", func(b *Behaviour) {
		b.Forgive = func(r Reason, a *Assertion) bool { return r == ReasonExpPast && a.ClientID == "client-a" }
	}, "", []string{`NEG/exp-just-past=>200`, `NEG/exp-past=>200`, `NEG/exp-zero=>200`, `NEG/unicode/escaped name, past=>200`, `own/exp-relative-to-iat=>200`}},
	{"GrantExcess", func(b *Behaviour) { b.GrantExcess = true }, "", []string{`NEG/scope-excess/type=>200`}},
	{"GrantWriteAsked", func(b *Behaviour) { b.GrantWriteAsked = true }, "", []string{`NEG/scope-excess/write=>200`}},
	{"RefuseV1", func(b *Behaviour) { b.RefuseV1 = true }, scope, []string{`NEG/jti-other-client=>200`, `NEG/scope-characters/100 kB of one type=>200`, `NEG/scope-excess/narrowed=>200`, `NEG/scope-unknown/with a good one=>200`, `own/baseline/B=>200`, `own/scope-mixed=>200`, `own/scope-v2=>200`}},
	{"RefuseV2", func(b *Behaviour) { b.RefuseV2 = true }, "", []string{
		`NEG/jti-other-client=>400 invalid_scope`,
		`NEG/scope-characters/100 kB of one type=>400 invalid_scope`,
		`NEG/scope-excess/narrowed=>400 invalid_scope`,
		`NEG/scope-unknown/with a good one=>400 invalid_scope`,
		`own/baseline/B=>400 invalid_scope`,
		`own/scope-mixed=>400 invalid_scope`,
		`own/scope-v2=>400 invalid_scope`,
	}},
	{"GrantEverything", func(b *Behaviour) { b.GrantEverything = true }, "", []string{
		`NEG/scope-excess/type=>200`,
		`NEG/scope-excess/write=>200`,
		`NEG/scope-letters/1 system/Patient.sr=>200`,
		`NEG/scope-letters/2 system/Patient.dus=>200`,
		`NEG/scope-letters/3 system/Patient.x=>200`,
		`NEG/scope-letters/4 system/Patient.=>200`,
		`NEG/scope-missing=>200`,
		`NEG/scope-other-kinds=>200`,
		`NEG/scope-unknown/alone=>200`,
	}},
	{"StrictScope", func(b *Behaviour) { b.StrictScope = true }, "", []string{`NEG/scope-unknown/with a good one=>400 invalid_scope`, `own/scope-mixed=>400 invalid_scope`}},
	{"DefaultScope", func(b *Behaviour) { b.DefaultScope = true }, "", []string{`NEG/scope-missing=>200`}},
}
