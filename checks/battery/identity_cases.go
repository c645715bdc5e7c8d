package battery

// asClient makes iss and sub another client's.
func asClient(id string) edit {
	return func(_ *World, a *Attempt) error {
		a.Claims.Set("iss", id)
		a.Claims.Set("sub", id)
		return nil
	}
}

func identityCases() []Case {
	return []Case{
		{
			Key: "client-unknown", Ref: "NEG-049", Check: "jwt.client-known", Requirement: "JWT-042", Errors: clientOnly,
			Change:   "whose iss and sub are an id that is not registered",
			Variants: one(func(w *World, a *Attempt) error { return asClient("bulkproof-"+random())(w, a) }),
		},
		{
			Key: "aud-foreign", Ref: "NEG-052", Check: "jwt.audience", Requirement: "JWT-036", Errors: clientOnly,
			Change: "whose aud is the token endpoint of another server", Variants: one(claim("aud", "https://example.org/token")),
		},
	}
}
