package battery

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// joined puts the assertion together in another way.
func joined(join func(Parts) string) edit {
	return func(_ *World, a *Attempt) error { a.Join = join; return nil }
}

// standardAlphabet writes + and / for - and _. An assertion in which neither occurs is made again: it would be the same in
// both alphabets, and the case would not be one.
func standardAlphabet(w *World, a *Attempt) error {
	for range 100 {
		signed, err := a.Assertion()
		if err != nil {
			return err
		}
		if strings.ContainsAny(signed, "-_") {
			a.Join = func(Parts) string { return strings.NewReplacer("-", "+", "_", "/").Replace(signed) }
			return nil
		}
		w.renew(a)
	}
	return errors.New("no assertion came out that the two alphabets write differently")
}

func headerText(make func(a *Attempt) string) edit {
	return func(_ *World, a *Attempt) error { s := make(a); a.HeaderText = &s; return nil }
}

func claimsText(make func(a *Attempt) string) edit {
	return func(_ *World, a *Attempt) error { s := make(a); a.ClaimsText = &s; return nil }
}

// flattened and general are the JSON serializations of RFC 7515 section 7.2.
func flattened(p Parts) string {
	return fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, b64(p.Claims), b64(p.Header), b64(string(p.Signature)))
}

func general(p Parts) string {
	return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, b64(p.Claims), b64(p.Header), b64(string(p.Signature)))
}

// encrypted are texts of five segments (RFC 7516) that hold nothing. The last asks for two billion rounds of PBKDF2.
var encrypted = []struct{ name, header string }{
	{"dir", `{"alg":"dir","enc":"A256GCM"}`},
	{"RSA-OAEP with a made-up key", `{"alg":"RSA-OAEP","enc":"A256GCM"}`},
	{"PBES2 with a huge p2c", `{"alg":"PBES2-HS512+A256KW","p2c":2000000000,"p2s":"AAAA","enc":"A256GCM"}`},
}

func encryptedVariants() []Variant {
	var out []Variant
	for _, e := range encrypted {
		key := b64("key")
		if e.name == "dir" {
			key = ""
		}
		out = append(out, Variant{Name: e.name, Edit: assertion(strings.Join([]string{b64(e.header), key, b64("initvector12"), b64("x"), b64("tag0123456789abc")}, "."))})
	}
	return out
}

// twiceClaim gives a claim a second value behind the right one; twiceFirst puts a wrong one before it.
func twiceClaim(name string, wrong func(*World) any) edit {
	return func(w *World, a *Attempt) error { a.Claims.Add(name, text(wrong(w))); return nil }
}

func twiceFirst(name string, wrong func(*World) any) edit {
	return func(w *World, a *Attempt) error {
		a.Claims.members = append([]member{{name, text(wrong(w))}}, a.Claims.members...)
		return nil
	}
}

func fixed(v any) func(*World) any { return func(*World) any { return v } }

func hourAgo(w *World) any { return w.Now().Add(-time.Hour).Unix() }

// nested is JSON arrays inside each other.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

const ownName = "https://example.org/bulkproof"

func formCases() []Case {
	json := func(raw string) (string, edit, edit) {
		return raw, headerText(func(*Attempt) string { return raw }), claimsText(func(*Attempt) string { return raw })
	}
	var notObjects []Variant
	for _, raw := range []string{"[]", `"x"`, "1", "null", "true"} {
		name, h, c := json(raw)
		notObjects = append(notObjects, Variant{Name: "header " + name, Edit: h}, Variant{Name: "payload " + name, Edit: c})
	}
	return []Case{
		{
			Key: "crit-unknown", Ref: "NEG-072", Check: "jwt.critical", Requirement: "JWT-053", Errors: clientOrForm,
			Change:   "whose crit names an extension that nobody knows",
			Variants: one(both(header("crit", []string{ownName}), header(ownName, 1))),
		},
		{
			Key: "crit-malformed", Ref: "NEG-073", Check: "jwt.critical", Requirement: "JWT-053", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change:   "whose crit is malformed",
			Variants: each(func(raw string) edit { return rawHeader("crit", raw) }, "[]", `"x"`, `["alg"]`, `["absent"]`, "null"),
		},
		{
			Key: "b64-false", Ref: "NEG-074", Check: "jwt.critical", Requirement: "JWT-053", Strength: Warns, Errors: clientOrForm, Unless: []string{"crit-unknown"},
			Change: "whose payload is not encoded (RFC 7797), as its crit says",
			Variants: one(func(_ *World, a *Attempt) error {
				a.Header.Raw("b64", "false")
				a.Header.Set("crit", []string{"b64"})
				alg, key := a.Alg, a.Key
				a.Join = func(p Parts) string {
					input := b64(p.Header) + "." + p.Claims
					sig, err := signWith(alg, key, input)
					if err != nil {
						return ""
					}
					return input + "." + b64(string(sig))
				}
				return nil
			}),
		},
		{
			Key: "b64-false-no-crit", Ref: "NEG-075", Check: "jwt.critical", Requirement: "JWT-053", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change: "with b64 false and without crit, encoded as usual", Variants: one(rawHeader("b64", "false")),
		},
		{
			Key: "jwe", Ref: "NEG-076", Check: "jwt.serialization", Requirement: "JWT-053", Errors: clientOrForm,
			Change: "whose assertion is an encrypted token with nothing in it", Variants: encryptedVariants(),
		},
		{
			Key: "json-serialization", Ref: "NEG-077", Check: "jwt.serialization", Requirement: "JWT-053", Errors: clientOrForm,
			Change:   "whose assertion is a JWS in JSON serialization",
			Variants: []Variant{{Name: "flattened", Edit: joined(flattened)}, {Name: "general", Edit: joined(general)}},
		},
		{
			Key: "garbage", Ref: "NEG-078", Check: "token.assertion", Requirement: "TOKEN-008", Errors: clientOrForm,
			Change:   "whose client_assertion is no JWT",
			Variants: each(assertion, "not-a-jwt", ".", "..", "....", "a.b.c", "%%%", "eyJ", `{"iss":"bulkproof"}`),
		},
		{
			Key: "not-object", Ref: "NEG-079", Check: "jwt.serialization", Requirement: "JWT-053", Errors: clientOrForm,
			Change: "whose header or payload is JSON and no object", Variants: notObjects,
		},
		{
			Key: "bad-json", Ref: "NEG-080", Check: "jwt.serialization", Requirement: "JWT-053", Strength: Warns, Errors: clientOrForm,
			Change: "whose header or payload is broken JSON, rightly signed",
			Variants: []Variant{
				{Name: "cut off", Edit: claimsText(func(a *Attempt) string { return strings.TrimSuffix(a.Claims.String(), "}") })},
				{Name: "trailing comma", Edit: claimsText(func(a *Attempt) string { return strings.TrimSuffix(a.Claims.String(), "}") + ",}" })},
				{Name: "trailing data", Edit: claimsText(func(a *Attempt) string { return a.Claims.String() + "{}" })},
				{Name: "invalid UTF-8", Edit: rawClaim(ownName, "\"\xff\"")},
				{Name: "byte order mark", Strength: &notes, Edit: claimsText(func(a *Attempt) string { return "\ufeff" + a.Claims.String() })},
				{Name: "trailing comma in the header", Edit: headerText(func(a *Attempt) string { return strings.TrimSuffix(a.Header.String(), "}") + ",}" })},
			},
		},
		{
			Key: "white-space", Ref: "NEG-081", Check: "jwt.serialization", Requirement: "JWT-053", Strength: Warns, Errors: clientOrForm,
			Change: "with white space in the assertion",
			Variants: []Variant{
				{Name: "a line break inside a segment", Edit: joined(func(p Parts) string { s := p.Compact(); return s[:20] + "\n" + s[20:] })},
				{Name: "a blank before a dot", Edit: joined(func(p Parts) string { return strings.Replace(p.Compact(), ".", " .", 1) })},
				{Name: "a tab after a dot", Edit: joined(func(p Parts) string { return strings.Replace(p.Compact(), ".", ".\t", 1) })},
				{Name: "around the value", Strength: &notes, Edit: joined(func(p Parts) string { return " " + p.Compact() + "\n" })},
			},
		},
		{
			Key: "base64-variants", Ref: "NEG-082", Check: "jwt.serialization", Requirement: "JWT-053", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change: "whose segments are in another form of base64",
			Variants: []Variant{
				{Name: "padded", Edit: joined(func(p Parts) string {
					e := base64.URLEncoding.EncodeToString
					return e([]byte(p.Header)) + "." + e([]byte(p.Claims)) + "." + e(p.Signature)
				})},
				{Name: "the standard alphabet", Edit: standardAlphabet},
			},
		},
		{
			Key: "duplicate-claims-last-wrong", Ref: "NEG-083", Check: "jwt.duplicate-members", Requirement: "JWT-053", Errors: clientOrForm,
			Unless: []string{"aud-foreign", "exp-past", "sub-differs", "iss-differs"}, Change: "with a claim twice, of which the last is wrong",
			Variants: []Variant{
				{Name: "aud", Edit: twiceClaim("aud", fixed("https://example.org/token"))}, {Name: "exp", Edit: twiceClaim("exp", hourAgo)},
				{Name: "sub", Edit: twiceClaim("sub", fixed("bulkproof-somebody-else"))}, {Name: "iss", Edit: twiceClaim("iss", fixed("bulkproof-somebody-else"))},
			},
		},
		{
			Key: "duplicate-claims-last-right", Ref: "NEG-084", Check: "jwt.duplicate-members", Requirement: "JWT-053", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change:   "with a claim twice, of which the last is right",
			Variants: []Variant{{Name: "aud", Edit: twiceFirst("aud", fixed("https://example.org/token"))}, {Name: "exp", Edit: twiceFirst("exp", hourAgo)}},
		},
		{
			Key: "duplicate-header", Ref: "NEG-085", Check: "jwt.duplicate-members", Requirement: "JWT-053", Errors: clientOrForm,
			Unless: []string{"alg-none", "sig-missing", "kid-unknown"}, Change: "with a header member twice, of which the last is wrong",
			Variants: []Variant{
				{Name: "alg, then none with an empty signature", Edit: func(_ *World, a *Attempt) error {
					a.Header.Add("alg", `"none"`)
					a.SignInput = func(string) ([]byte, error) { return nil, nil }
					return nil
				}},
				{Name: "kid", Edit: func(_ *World, a *Attempt) error { a.Header.Add("kid", `"bulkproof-no-such-kid"`); return nil }},
			},
		},
		{
			Key: "exp-escaped", Ref: "NEG-086", Check: "jwt.duplicate-members", Requirement: "JWT-053", Errors: clientOrForm, Ready: clockKnown,
			Unless: []string{"exp-missing", "exp-past"}, Change: "whose exp is an hour past, and whose name is written with an escape",
			Variants: one(func(w *World, a *Attempt) error {
				a.ClaimsText = new(string)
				*a.ClaimsText = strings.Replace(replaced(a, "exp", text(hourAgo(w))), `"exp"`, `"\u0065xp"`, 1)
				return nil
			}),
		},
		{
			Key: "unicode", Ref: "NEG-086", Check: "jwt.unknown-members", Requirement: "JWT-054", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change: "with unusual characters in an unknown claim or in jti",
			Variants: []Variant{
				{Name: "emoji, combining and right-to-left", Edit: rawClaim(ownName, `"\ud83d\ude00 e\u0301 \u202e"`)},
				{Name: "NUL", Edit: rawClaim(ownName, `"\u0000"`)},
				{Name: "lone surrogate", Edit: rawClaim(ownName, `"\ud83d"`)},
				{Name: "emoji in jti", Edit: func(_ *World, a *Attempt) error { a.Claims.Set("jti", "😀"+random()); return nil }},
				{Name: "NUL in jti", Edit: func(_ *World, a *Attempt) error { a.Claims.Set("jti", "\x00"+random()); return nil }},
			},
		},
		{
			Key: "extra-members", Ref: "NEG-089", Check: "jwt.unknown-members", Requirement: "JWT-054", Want: Accept,
			Change:   "with a member that the server cannot know",
			Variants: []Variant{{Name: "a claim", Edit: claim(ownName, "1")}, {Name: "a header member", Edit: header(ownName, "1")}},
		},
		{
			Key: "typ-variants", Ref: "NEG-090", Check: "jwt.serialization", Requirement: "JWT-053", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change: "whose typ is not JWT",
			Variants: append(each(func(raw string) edit { return rawHeader("typ", raw) }, `"jwt"`, `"application/jwt"`, `"at+jwt"`, "1", "null"),
				Variant{Name: "missing", Edit: noHeader("typ")}),
		},
		{
			Key: "alg-missing", Ref: "NEG-091", Check: "jwt.alg-required", Requirement: "JWT-022", Errors: clientOrForm,
			Change: "whose alg is missing or no string",
			Variants: append(each(func(raw string) edit { return rawHeader("alg", raw) }, "null", "1", `["RS384"]`, "{}"),
				Variant{Name: "missing", Edit: noHeader("alg")}),
		},
		{
			Key: "alg-case", Ref: "NEG-092", Check: "jwt.alg-required", Requirement: "JWT-022", Strength: Warns, Errors: clientOnly,
			Change:   "whose alg is written in lower case",
			Variants: one(func(_ *World, a *Attempt) error { a.Header.Set("alg", strings.ToLower(a.Key.Algorithm)); return nil }),
		},
		{
			Key: "deep-nesting", Ref: "NEG-087", Check: "jwt.unknown-members", Requirement: "JWT-054", Want: Either, Strength: Notes, Errors: clientOrForm,
			Bare: []int{413, 431}, Ready: heavyAllowed, Change: "with an unknown claim of nested arrays",
			Variants: append(each(func(n int) edit { return rawClaim(ownName, nested(n)) }, 100, 1000, 10000), Variant{Name: "10000 in the header", Edit: rawHeader(ownName, nested(10000))}),
		},
		{
			Key: "huge", Ref: "NEG-088", Check: "jwt.unknown-members", Requirement: "JWT-054", Want: Either, Strength: Notes, Errors: clientOrForm,
			Bare: []int{400, 413, 414, 431}, Ready: heavyAllowed, Change: "with unknown claims of great size",
			Variants: []Variant{
				{Name: "100 kB", Edit: claim(ownName, strings.Repeat("h", 100_000))}, {Name: "1 MB", Edit: claim(ownName, strings.Repeat("h", 1<<20))},
				{Name: "10000 claims", Edit: func(_ *World, a *Attempt) error {
					for i := range 10_000 {
						a.Claims.Add(fmt.Sprintf("%s/%d", ownName, i), "1")
					}
					return nil
				}},
			},
		},
	}
}

// replaced returns the claims with one of them replaced, without changing the attempt.
func replaced(a *Attempt, name, raw string) string {
	o := Object{members: append([]member(nil), a.Claims.members...)}
	o.Raw(name, raw)
	return o.String()
}
