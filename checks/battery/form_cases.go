package battery

func formCases() []Case {
	return []Case{
		{
			Key: "garbage", Ref: "NEG-078", Check: "token.assertion", Requirement: "TOKEN-008", Errors: clientOrForm,
			Change:   "whose client_assertion is no JWT",
			Variants: each(assertion, "not-a-jwt", ".", "..", "....", "a.b.c", "%%%", "eyJ", `{"iss":"bulkproof"}`),
		},
	}
}
