package battery

import "time"

// expAt moves exp.
func expAt(d time.Duration) edit {
	return func(w *World, a *Attempt) error { a.Claims.Set("exp", w.Now().Add(d).Unix()); return nil }
}

func timeCases() []Case {
	return []Case{
		{
			Key: "exp-past", Ref: "NEG-031", Check: "jwt.expired", Requirement: "JWT-037", Errors: clientOnly, Ready: clockKnown,
			Change: "whose assertion expired an hour ago", Variants: one(expAt(-time.Hour)),
		},
		{
			Key: "exp-missing", Ref: "NEG-033", Check: "jwt.exp-required", Requirement: "JWT-031", Errors: clientOrForm,
			Change: "whose assertion has no exp", Variants: one(noClaim("exp")),
		},
	}
}
