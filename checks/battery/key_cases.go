package battery

func keyCases() []Case {
	return []Case{
		{
			Key: "kid-unknown", Ref: "NEG-014", Check: "jwt.key-choice", Requirement: "JWT-046", Errors: clientOnly,
			Change:   "with a kid that is in no JWKS, signed with a registered key",
			Variants: one(func(_ *World, a *Attempt) error { a.Header.Set("kid", "bulkproof-"+random()); return nil }),
		},
	}
}
