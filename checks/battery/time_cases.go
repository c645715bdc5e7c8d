package battery

import (
	"fmt"
	"time"
)

// expAt moves exp.
func expAt(d time.Duration) edit {
	return func(w *World, a *Attempt) error { a.Claims.Set("exp", w.Now().Add(d).Unix()); return nil }
}

// at sets a claim to a time relative to now.
func at(name string, d time.Duration) edit {
	return func(w *World, a *Attempt) error { a.Claims.Set(name, w.Now().Add(d).Unix()); return nil }
}

func both(edits ...edit) edit {
	return func(w *World, a *Attempt) error {
		for _, e := range edits {
			if err := e(w, a); err != nil {
				return err
			}
		}
		return nil
	}
}

func timeCases() []Case {
	return []Case{
		{
			Key: "exp-past", Ref: "NEG-031", Check: "jwt.expired", Requirement: "JWT-037", Errors: clientOnly, Ready: clockKnown,
			Change: "whose assertion expired an hour ago", Variants: one(expAt(-time.Hour)),
		},
		{
			Key: "exp-past-iat", Check: "jwt.expired", Requirement: "JWT-037", Errors: clientOnly, Ready: clockKnown, Unless: []string{"exp-past"},
			Change:   "whose assertion expired an hour ago, one minute after its iat",
			Variants: one(both(expAt(-time.Hour), at("iat", -time.Hour-time.Minute))),
		},
		{
			Key: "exp-just-past", Ref: "NEG-032", Check: "jwt.expired", Requirement: "JWT-037", Want: Either, Strength: Notes, Errors: clientOnly, Ready: clockKnown,
			Change: "whose assertion expired 30 seconds ago", Variants: one(expAt(-30 * time.Second)),
		},
		{
			Key: "exp-missing", Ref: "NEG-033", Check: "jwt.exp-required", Requirement: "JWT-031", Errors: clientOrForm,
			Change: "whose assertion has no exp", Variants: one(noClaim("exp")),
		},
		{
			Key: "exp-far", Ref: "NEG-034", Check: "jwt.exp-limit", Requirement: "JWT-033", Strength: Warns, Errors: clientOnly, Ready: clockKnown,
			Unless: []string{"exp-past"}, Change: "whose exp is more than five minutes ahead",
			Variants: []Variant{
				{Name: "an hour", Edit: expAt(time.Hour)}, {Name: "a day", Edit: expAt(24 * time.Hour)}, {Name: "ten years", Edit: expAt(87600 * time.Hour)},
				{Name: "in milliseconds", Edit: func(w *World, a *Attempt) error { a.Claims.Set("exp", w.Now().Add(life).UnixMilli()); return nil }},
			},
		},
		{
			Key: "exp-limit", Ref: "NEG-035", Check: "jwt.exp-limit", Requirement: "JWT-033", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose exp is five minutes ahead exactly", Variants: one(expAt(5 * time.Minute)),
		},
		{
			Key: "exp-digits-string", Ref: "NEG-036", Check: "jwt.exp-type", Requirement: "JWT-031", Strength: Warns, Errors: clientOrForm,
			Change: "whose exp is a string of digits",
			Variants: one(func(w *World, a *Attempt) error {
				a.Claims.Set("exp", fmt.Sprint(w.Now().Add(life).Unix()))
				return nil
			}),
		},
		{
			Key: "exp-not-number", Ref: "NEG-037", Check: "jwt.exp-type", Requirement: "JWT-031", Errors: clientOrForm,
			Change:   "whose exp is no number",
			Variants: each(func(raw string) edit { return rawClaim("exp", raw) }, "null", "true", "[]", "{}", `"soon"`, `""`),
		},
		{
			Key: "exp-odd-number", Ref: "NEG-038", Check: "jwt.exp-type", Requirement: "JWT-031", Strength: Warns, Errors: clientOrForm, Unless: []string{"exp-far"},
			Change:   "whose exp is a number out of the ordinary",
			Variants: each(func(raw string) edit { return rawClaim("exp", raw) }, "1e400", "9007199254740993", "99999999999999999999"),
		},
		{
			Key: "exp-zero", Ref: "NEG-039", Check: "jwt.exp-type", Requirement: "JWT-031", Errors: clientOrForm, Unless: []string{"exp-past"},
			Change:   "whose exp is at or before the epoch",
			Variants: each(func(raw string) edit { return rawClaim("exp", raw) }, "0", "-1", "1e-400"),
		},
		{
			Key: "exp-fraction", Ref: "NEG-040", Check: "jwt.exp-type", Requirement: "JWT-031", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose exp has a fraction",
			Variants: one(func(w *World, a *Attempt) error {
				a.Claims.Raw("exp", fmt.Sprintf("%d.5", w.Now().Add(life).Unix()))
				return nil
			}),
		},
		{
			Key: "nbf-future", Ref: "NEG-041", Check: "jwt.not-before", Requirement: "JWT-038", Errors: clientOnly, Ready: clockKnown,
			Change:   "whose nbf is an hour ahead",
			Variants: one(both(at("nbf", time.Hour), expAt(time.Hour+time.Minute))),
		},
		{
			Key: "iat-future", Ref: "NEG-042", Check: "jwt.not-before", Requirement: "JWT-038", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose iat is an hour ahead", Variants: one(at("iat", time.Hour)),
		},
		{
			Key: "iat-old", Ref: "NEG-043", Check: "jwt.not-before", Requirement: "JWT-038", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose iat is a day ago", Variants: one(at("iat", -24*time.Hour)),
		},
		{
			Key: "iat-nbf-type", Ref: "NEG-044", Check: "jwt.not-before", Requirement: "JWT-038", Want: Either, Strength: Notes, Errors: clientOrForm,
			Change: "whose iat or nbf is of an odd type",
			Variants: []Variant{
				{Name: "iat a string", Edit: rawClaim("iat", `"x"`)}, {Name: "iat null", Edit: rawClaim("iat", "null")}, {Name: "iat an array", Edit: rawClaim("iat", "[]")},
				{Name: "nbf a string", Edit: rawClaim("nbf", `"x"`)}, {Name: "nbf null", Edit: rawClaim("nbf", "null")}, {Name: "nbf an array", Edit: rawClaim("nbf", "[]")},
				{Name: "iat with a fraction", Edit: func(w *World, a *Attempt) error {
					a.Claims.Raw("iat", fmt.Sprintf("%d.5", w.Now().Unix()-1))
					return nil
				}},
			},
		},
	}
}
