package battery

import (
	"errors"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks/session"
)

// asClient makes iss and sub another text.
func asClient(id func(string) string) edit {
	return func(w *World, a *Attempt) error {
		own := w.s.Config().ClientID
		other := id(own)
		if other == own {
			return errors.New("the client id has no letters to write otherwise")
		}
		a.Claims.Set("iss", other)
		a.Claims.Set("sub", other)
		return nil
	}
}

// identityJSON gives iss and sub a JSON text made of the client id.
func identityJSON(raw func(id string) string) edit {
	return func(w *World, a *Attempt) error {
		v := raw(text(w.s.Config().ClientID))
		a.Claims.Raw("iss", v)
		a.Claims.Raw("sub", v)
		return nil
	}
}

func otherCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

// percentEncoded writes the first letter of an id as %XX.
func percentEncoded(s string) string {
	if s == "" {
		return s
	}
	const hex = "0123456789ABCDEF"
	return "%" + string(hex[s[0]>>4]) + string(hex[s[0]&15]) + s[1:]
}

// aud sets aud to something made of the token endpoint.
func aud(of func(endpoint string) any) edit {
	return func(w *World, a *Attempt) error { a.Claims.Set("aud", of(w.Endpoint)); return nil }
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Scheme + "://" + u.Host
}

func identityCases() []Case {
	return []Case{
		{
			Key: "iss-missing", Ref: "NEG-045", Check: "jwt.issuer", Requirement: "JWT-028", Errors: clientOrForm,
			Change: "whose assertion has no iss", Variants: one(noClaim("iss")),
		},
		{
			Key: "sub-missing", Ref: "NEG-046", Check: "jwt.subject", Requirement: "JWT-029", Errors: clientOrForm,
			Change: "whose assertion has no sub", Variants: one(noClaim("sub")),
		},
		{
			Key: "sub-differs", Ref: "NEG-047", Check: "jwt.subject", Requirement: "JWT-029", Errors: clientOnly,
			Change: "whose sub is another text than iss", Variants: one(claim("sub", "bulkproof-somebody-else")),
		},
		{
			Key: "iss-differs", Ref: "NEG-048", Check: "jwt.issuer", Requirement: "JWT-028", Errors: clientOnly,
			Change: "whose iss is another text than the client id", Variants: one(claim("iss", "bulkproof-somebody-else")),
		},
		{
			Key: "client-unknown", Ref: "NEG-049", Check: "jwt.client-known", Requirement: "JWT-042", Errors: clientOnly,
			Change:   "whose iss and sub are an id that is not registered",
			Variants: one(asClient(func(string) string { return "bulkproof-" + random() })),
		},
		{
			Key: "client-id-near", Ref: "NEG-050", Check: "jwt.client-known", Requirement: "JWT-042", Strength: Warns, Errors: clientOnly, Unless: []string{"client-unknown"},
			Change: "whose iss and sub are nearly the client id",
			Variants: []Variant{
				{Name: "other letter case", Edit: asClient(otherCase)},
				{Name: "a blank at the end", Edit: asClient(func(s string) string { return s + " " })},
				{Name: "a slash at the end", Edit: asClient(func(s string) string { return s + "/" })},
				{Name: "percent-encoded", Edit: asClient(percentEncoded)},
			},
		},
		{
			Key: "iss-sub-type", Ref: "NEG-051", Check: "jwt.issuer", Requirement: "JWT-040", Errors: clientOrForm,
			Change: "whose iss and sub are no strings, or empty",
			Variants: []Variant{
				{Name: "an array with the client id", Edit: identityJSON(func(id string) string { return "[" + id + "]" })},
				{Name: "an object", Edit: identityJSON(func(id string) string { return `{"id":` + id + "}" })},
				{Name: "a number", Edit: identityJSON(func(string) string { return "1" })},
				{Name: "null", Edit: identityJSON(func(string) string { return "null" })},
				{Name: "empty", Edit: identityJSON(func(string) string { return `""` })},
			},
		},
		{
			Key: "aud-foreign", Ref: "NEG-052", Check: "jwt.audience", Requirement: "JWT-036", Errors: clientOnly,
			Change: "whose aud is the token endpoint of another server", Variants: one(claim("aud", "https://example.org/token")),
		},
		{
			Key: "aud-missing", Ref: "NEG-053", Check: "jwt.aud-required", Requirement: "JWT-030", Errors: clientOrForm,
			Change: "whose assertion has no aud", Variants: one(noClaim("aud")),
		},
		{
			Key: "aud-array-right", Ref: "NEG-054", Check: "jwt.audience", Requirement: "JWT-036", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose aud is an array with the token endpoint", Variants: one(aud(func(e string) any { return []string{e} })),
		},
		{
			Key: "aud-array-mixed", Ref: "NEG-055", Check: "jwt.audience", Requirement: "JWT-036", Want: Either, Strength: Notes, Errors: clientOnly,
			Change:   "whose aud is an array with the token endpoint and that of another server",
			Variants: one(aud(func(e string) any { return []string{e, "https://example.org/token"} })),
		},
		{
			Key: "aud-array-foreign", Ref: "NEG-056", Check: "jwt.audience", Requirement: "JWT-036", Errors: clientOnly,
			Change: "whose aud is an array without the token endpoint", Variants: one(claim("aud", []string{"https://example.org/token", "https://example.com/token"})),
		},
		{
			Key: "aud-type", Ref: "NEG-057", Check: "jwt.aud-required", Requirement: "JWT-036", Errors: clientOrForm, Unless: []string{"aud-foreign"},
			Change: "whose aud is empty or of a wrong type",
			Variants: append(each(func(raw string) edit { return rawClaim("aud", raw) }, `""`, "[]", "null", "1", "{}", "[null,1]"),
				Variant{Name: "an array in an array", Edit: aud(func(e string) any { return [][]string{{e}} })}),
		},
		{
			Key: "aud-issuer", Ref: "NEG-058", Check: "jwt.audience", Requirement: "JWT-036", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose aud is the issuer of the authorization server",
			Ready: func(w *World) string {
				if session.Text(w.s.Discover().Configuration, "issuer") == "" {
					return "smart-configuration names no issuer to use as aud"
				}
				return ""
			},
			Variants: one(func(w *World, a *Attempt) error {
				a.Claims.Set("aud", session.Text(w.s.Discover().Configuration, "issuer"))
				return nil
			}),
		},
		{
			Key: "aud-fhir-base", Ref: "NEG-059", Check: "jwt.audience", Requirement: "JWT-036", Strength: Warns, Errors: clientOnly, Unless: []string{"aud-foreign"},
			Change:   "whose aud is the FHIR base URL",
			Variants: one(func(w *World, a *Attempt) error { a.Claims.Set("aud", w.s.Config().BaseURL); return nil }),
		},
		{
			Key: "aud-equivalent", Ref: "NEG-060", Check: "jwt.audience", Requirement: "JWT-036", Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose aud is the token endpoint written otherwise",
			Variants: []Variant{
				{Name: "a slash at the end", Edit: aud(func(e string) any { return e + "/" })},
				{Name: "an empty query", Edit: aud(func(e string) any { return e + "?" })},
				{Name: "the host in upper case", Edit: aud(func(e string) any {
					o := origin(e)
					return strings.ToUpper(o) + strings.TrimPrefix(e, o)
				})},
			},
		},
		{
			Key: "aud-near-miss", Ref: "NEG-061", Check: "jwt.audience", Requirement: "JWT-036", Errors: clientOnly, Unless: []string{"aud-foreign"},
			Change: "whose aud only resembles the token endpoint",
			Variants: []Variant{
				{Name: "with .example.org behind it", Edit: aud(func(e string) any { return e + ".example.org" })},
				{Name: "as parameter of another URL", Edit: aud(func(e string) any { return "https://example.org/?u=" + e })},
				{Name: "another path on the same host", Edit: aud(func(e string) any { return origin(e) + "/" + random() })},
				{Name: "its scheme alone", Edit: aud(func(e string) any { return e[:strings.Index(e, ":")] + "://" })},
			},
		},
		{
			Key: "client-id-differs", Ref: "NEG-109", Check: "jwt.client-known", Requirement: "JWT-042", Errors: clientOrForm,
			Change: "with a client_id parameter that is another client's than the assertion",
			Variants: []Variant{
				{Name: "made up", Edit: param("client_id", "bulkproof-somebody-else")},
				{Name: "the second client's", Edit: func(w *World, a *Attempt) error {
					if why := secondClient(w); why != "" {
						return errors.New(why)
					}
					a.Form.Set("client_id", w.s.Config().Second.ID)
					return nil
				}},
			},
		},
	}
}
