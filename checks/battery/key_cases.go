package battery

import (
	"errors"
	"strings"
)

// longKid is longer than any field for it. It fits into a header line and a form.
var longKid = strings.Repeat("a", 65536)

func keyCases() []Case {
	return []Case{
		{
			Key: "alg-key-confusion", Ref: "NEG-007", Check: "jwt.key-type", Requirement: "JWT-046", Errors: clientOnly, Ready: needs("RS384", "ES384"),
			Change: "whose alg and kid are of different key types",
			Variants: []Variant{
				{Name: "ES384 under the kid of the RSA key", With: with("ES384"), Edit: kidOf("RS384")},
				{Name: "RS384 under the kid of the EC key", With: with("RS384"), Edit: kidOf("ES384")},
			},
		},
		{
			Key: "kid-unknown", Ref: "NEG-014", Check: "jwt.key-choice", Requirement: "JWT-046", Errors: clientOnly,
			Change:   "with a kid that is in no JWKS, signed with a registered key",
			Variants: one(func(_ *World, a *Attempt) error { a.Header.Set("kid", "bulkproof-"+random()); return nil }),
		},
		{
			Key: "kid-missing", Ref: "NEG-015", Check: "jwt.kid-required", Requirement: "JWT-023", Strength: Warns, Errors: clientOnly,
			Change: "without kid", Variants: one(noHeader("kid")),
		},
		{
			Key: "kid-other-own-key", Ref: "NEG-016", Check: "jwt.key-choice", Requirement: "JWT-046", Errors: clientOnly, Unless: []string{"sig-other-key"},
			Ready: func(w *World) string {
				if w.Baseline.Grant != nil {
					if _, _, ok := w.siblings(); !ok {
						return "no two keys for one algorithm are registered"
					}
				}
				return ""
			},
			Change: "with the kid of the client's second key for the same algorithm, signed with the first",
			Variants: []Variant{{With: func(w *World) *Attempt {
				first, second, _ := w.siblings()
				a := w.New(first)
				a.Header.Set("kid", second.ID)
				return a
			}}},
		},
		{
			Key: "kid-other-client", Ref: "NEG-017", Check: "jwt.client-known", Requirement: "JWT-042", Errors: clientOnly, Ready: secondClient,
			Unless: []string{"sig-other-key", "kid-unknown"},
			Change: "whose iss and sub are one client and whose kid and signature are another's",
			Variants: []Variant{{With: func(w *World) *Attempt {
				return w.New(w.s.Config().Second.Keys[0])
			}}},
		},
		{
			Key: "kid-not-string", Ref: "NEG-018", Check: "jwt.key-choice", Requirement: "JWT-046", Errors: clientOrForm, Unless: []string{"kid-missing", "kid-unknown"},
			Change: "whose kid is no string",
			Variants: append(each(func(raw string) edit { return rawHeader("kid", raw) }, "1", "true", `{"a":1}`),
				Variant{Name: "null", Strength: &warns, Edit: rawHeader("kid", "null")},
				Variant{Name: "an array with the kid", Edit: func(_ *World, a *Attempt) error { a.Header.Set("kid", []string{a.Key.ID}); return nil }}),
		},
		{
			Key: "kid-hostile", Ref: "NEG-019", Check: "jwt.key-choice", Requirement: "JWT-046", Errors: clientOrForm, Bare: []int{413, 431},
			Unless: []string{"kid-unknown"}, Change: "whose kid is hostile",
			Variants: append(each(func(kid string) edit { return header("kid", kid) }, "../../../../dev/null", "x' OR '1'='1", "kid\x00", "%n%n", longKid),
				Variant{Name: "../../../../dev/null, HS384 with an empty secret", Edit: func(w *World, a *Attempt) error {
					a.Header.Set("kid", "../../../../dev/null")
					a.Header.Set("alg", "HS384")
					a.SignInput = hs384(nil)
					return nil
				}}),
		},
		{
			Key: "kid-case", Ref: "NEG-020", Check: "jwt.key-choice", Requirement: "JWT-046", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "with the registered kid in other letter case",
			Variants: one(func(_ *World, a *Attempt) error {
				other := strings.ToUpper(a.Key.ID)
				if other == a.Key.ID {
					other = strings.ToLower(a.Key.ID)
				}
				if other == a.Key.ID {
					return errors.New("the registered kid has no letters")
				}
				a.Header.Set("kid", other)
				return nil
			}),
		},
		{
			Key: "jku-foreign-good-key", Ref: "NEG-021", Check: "jwt.jku-foreign", Requirement: "JWT-043", Strength: Warns, Errors: clientOnly,
			Omit:   func(w *World) bool { return w.s.Config().Hosted != nil && !w.s.Config().HostedSecond }, // a case of its own
			Change: "with a jku that is not registered, signed with a registered key",
			Variants: one(func(_ *World, a *Attempt) error {
				a.Header.Set("jku", "https://example.org/"+random()+".json")
				return nil
			}),
		},
		{
			Key: "jku-scheme", Ref: "NEG-024", Check: "jwt.jku-foreign", Requirement: "JWT-043", Strength: Warns, Errors: clientOrForm, Unless: []string{"jku-foreign-good-key"},
			Change: "whose jku is no https URL",
			Variants: append(each(func(v string) edit { return header("jku", v) }, "http://example.org/jwks.json", "file:///etc/hosts", "data:application/json,{}"),
				Variant{Name: "a number", Edit: rawHeader("jku", "42")}, Variant{Name: "null", Strength: &notes, Edit: rawHeader("jku", "null")},
				Variant{Name: "an array", Edit: rawHeader("jku", `["https://example.org/jwks.json"]`)}),
		},
	}
}

// kidOf replaces kid by that of the registered key for an algorithm.
func kidOf(alg string) edit {
	return func(w *World, a *Attempt) error {
		k, ok := w.KeyFor(alg)
		if !ok {
			return errors.New("no key for " + alg + " is registered")
		}
		a.Header.Set("kid", k.ID)
		return nil
	}
}

func secondClient(w *World) string {
	if c := w.s.Config().Second; c == nil || len(c.Keys) == 0 {
		return "no second client is configured; give --second-client-id and --second-key"
	}
	return ""
}
