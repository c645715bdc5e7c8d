package battery

func requestCases() []Case {
	return []Case{
		{
			Key: "assertion-missing", Ref: "NEG-093", Check: "token.assertion", Requirement: "TOKEN-008", Errors: clientOrForm,
			Change: "without a client assertion",
			Variants: []Variant{
				{Name: "left out", Edit: func(_ *World, a *Attempt) error { a.NoAssertion = true; return nil }},
				{Name: "empty", Edit: assertion("")},
			},
		},
		{
			Key: "assertion-type-missing", Ref: "NEG-095", Check: "token.assertion-type", Requirement: "TOKEN-007", Errors: clientOrForm,
			Change: "without client_assertion_type", Variants: one(noParam("client_assertion_type")),
		},
		{
			Key: "assertion-type-wrong", Ref: "NEG-096", Check: "token.assertion-type", Requirement: "TOKEN-007", Errors: clientOrForm,
			Change: "with a wrong client_assertion_type",
			Variants: []Variant{
				{Name: "made up", Edit: param("client_assertion_type", "urn:bulkproof:no-such-type")},
				{Name: "the SAML type", Edit: param("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")},
				{Name: "upper case", Strength: &notes, Edit: param("client_assertion_type", "URN:IETF:PARAMS:OAUTH:CLIENT-ASSERTION-TYPE:JWT-BEARER")},
			},
		},
		{
			Key: "grant-type-missing", Ref: "NEG-097", Check: "token.grant-type", Requirement: "TOKEN-006",
			Change:   "without grant_type",
			Variants: []Variant{{Name: "left out", Edit: noParam("grant_type")}, {Name: "empty", Edit: param("grant_type", "")}},
		},
		{
			Key: "grant-type-wrong", Ref: "NEG-098", Check: "token.grant-type", Requirement: "TOKEN-006",
			Change:   "with another grant_type",
			Variants: each(func(v string) edit { return param("grant_type", v) }, "foo", "authorization_code", "password"),
		},
	}
}
