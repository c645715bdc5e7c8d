package battery

import "time"

var (
	warns = Warns
	notes = Notes
)

func replayCases() []Case {
	return []Case{
		{
			Key: "jti-missing", Ref: "NEG-062", Check: "jwt.jti-required", Requirement: "JWT-032", Strength: Warns, Errors: clientOrForm,
			Change: "whose assertion has no jti", Variants: one(noClaim("jti")),
		},
		{
			Key: "replay-same", Ref: "NEG-063", Check: "jwt.replay", Requirement: "JWT-041", Errors: clientOnly,
			Change: "that was accepted a moment ago and is sent once more, over a new connection",
			Variants: []Variant{
				{Name: "the same body", Edit: frozen, Twice: func(*World, *Attempt) error { return nil }},
			},
		},
		{
			Key: "replay-jti", Ref: "NEG-064", Check: "jwt.replay", Requirement: "JWT-041", Errors: clientOnly,
			Change: "whose assertion is new but has the jti of one that was accepted a moment ago",
			Variants: []Variant{{Twice: func(w *World, a *Attempt) error {
				return expAt(life+7*time.Second)(w, a)
			}}},
		},
	}
}

// frozen signs the assertion once, so that every sending has the same text.
func frozen(_ *World, a *Attempt) error {
	signed, err := a.Assertion()
	if err != nil {
		return err
	}
	a.Join = func(Parts) string { return signed }
	return nil
}
