package battery

import (
	"context"
	"strings"
	"time"
)

// Strengths that a variant can have apart from its case.
var (
	warns = Warns
	notes = Notes
)

// frozen signs the assertion once, so that every sending has the same text.
func frozen(_ *World, a *Attempt) error {
	signed, err := a.Assertion()
	if err != nil {
		return err
	}
	a.Join = func(Parts) string { return signed }
	return nil
}

func again(*World, *Attempt) error { return nil }

// after waits by the session's clock before the second sending.
func after(d time.Duration, e edit) edit {
	return func(w *World, a *Attempt) error {
		if err := w.s.Sleep(w.s.Context(), d); err != nil {
			return err
		}
		return e(w, a)
	}
}

func slowAllowed(w *World) string {
	if !w.s.Config().AllowSlow {
		return "it waits for minutes; allow that with --allow-slow"
	}
	return ""
}

func heavyAllowed(w *World) string {
	if !w.s.Config().AllowHeavy {
		return "it is costly for the server; allow that with --allow-heavy"
	}
	return ""
}

func replayCases() []Case {
	return []Case{
		{
			Key: "jti-missing", Ref: "NEG-062", Check: "jwt.jti-required", Requirement: "JWT-032", Strength: Warns, Errors: clientOrForm,
			Change: "whose assertion has no jti", Variants: one(noClaim("jti")),
		},
		{
			Key: "jti-missing-twice", Ref: "NEG-062", Check: "jwt.jti-required", Requirement: "JWT-032", Errors: clientOrForm,
			Change:   "whose assertion has no jti and was accepted a moment ago",
			Variants: []Variant{{Edit: both(noClaim("jti"), frozen), Twice: again, Optional: true}},
		},
		{
			Key: "jti-type", Ref: "NEG-070", Check: "jwt.jti-required", Requirement: "JWT-032", Strength: Warns, Errors: clientOrForm,
			Change:   "whose jti is no string, or empty",
			Variants: each(func(raw string) edit { return rawClaim("jti", raw) }, "1", "null", "[]", "{}", "true", `""`),
		},
		{
			Key: "jti-long", Ref: "NEG-071", Check: "jwt.jti-required", Requirement: "JWT-032", Want: Either, Strength: Notes, Errors: clientOrForm, Bare: []int{413, 431},
			Change: "whose jti is very long",
			Variants: []Variant{
				{Name: "300 characters", Edit: func(_ *World, a *Attempt) error { a.Claims.Set("jti", random()+strings.Repeat("j", 268)); return nil }},
				{Name: "65536 characters", Edit: func(_ *World, a *Attempt) error {
					a.Claims.Set("jti", random()+strings.Repeat("j", 65504))
					return nil
				}},
			},
		},
		{
			Key: "replay-same", Ref: "NEG-063", Check: "jwt.replay", Requirement: "JWT-041", Errors: clientOnly,
			Change: "that was accepted a moment ago and is sent once more, over a new connection",
			Variants: []Variant{
				{Name: "the same body", Edit: frozen, Twice: again},
				{Name: "another scope in the body", Edit: frozen, Twice: func(w *World, a *Attempt) error {
					a.Form.Set("scope", w.Scope+" system/Patient.rs")
					return nil
				}},
			},
		},
		{
			Key: "replay-jti", Ref: "NEG-064", Check: "jwt.replay", Requirement: "JWT-041", Errors: clientOnly,
			Change:   "whose assertion is new but has the jti of one that was accepted a moment ago",
			Variants: []Variant{{Twice: expAt(life + 7*time.Second)}},
		},
		{
			Key: "replay-parallel", Ref: "NEG-065", Check: "jwt.replay", Requirement: "JWT-041", Strength: Warns, Errors: clientOnly, Ready: heavyAllowed,
			Change:   "that is sent twice at once, and of which the other copy got a token,",
			Variants: []Variant{{Edit: frozen, AtOnce: true}},
		},
		{
			Key: "replay-skew", Ref: "NEG-066", Check: "jwt.replay", Requirement: "JWT-041", Errors: clientOnly, Ready: slowAllowed,
			Change:   "whose assertion was accepted 45 seconds ago and expired 15 seconds ago",
			Variants: []Variant{{Edit: both(expAt(30*time.Second), frozen), Twice: after(45*time.Second, again)}},
		},
		{
			Key: "replay-long", Ref: "NEG-067", Check: "jwt.replay", Requirement: "JWT-041", Strength: Warns, Errors: clientOnly,
			Ready:    slowAllowed,
			Change:   "whose assertion lives for an hour and was accepted six minutes ago",
			Variants: []Variant{{Edit: both(expAt(time.Hour), frozen), Twice: after(6*time.Minute, again), Optional: true}},
		},
		{
			Key: "replay-after-refusal", Ref: "NEG-068", Check: "jwt.replay", Requirement: "JWT-041", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose jti was used in a request that was refused for its scope",
			Variants: []Variant{{Before: func(ctx context.Context, w *World, a *Attempt) error {
				scope := a.Form.Get("scope")
				a.Form.Set("scope", "bulkproof-no-such-scope")
				_, err := w.send(ctx, "jwt.replay", a)
				a.Form.Set("scope", scope)
				return err
			}, Edit: func(w *World, a *Attempt) error { return expAt(life+7*time.Second)(w, a) }}},
		},
		{
			Key: "jti-other-client", Ref: "NEG-069", Check: "jwt.replay", Requirement: "JWT-041", Want: Either, Strength: Notes, Errors: clientOnly, Ready: secondClient,
			Change: "of one client whose jti another client has just used",
			Variants: []Variant{{Before: func(ctx context.Context, w *World, a *Attempt) error {
				second := w.s.Config().Second
				other := w.newFor(second.ID, second.Keys[0])
				other.Form.Set("scope", second.Scope)
				for _, m := range a.Claims.members {
					if m.name == "jti" {
						other.Claims.Raw("jti", m.raw)
					}
				}
				_, err := w.send(ctx, "jwt.replay", other)
				return err
			}}},
		},
	}
}
