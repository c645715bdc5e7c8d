package battery

import (
	"bytes"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks/session"
)

var formOrClient = []string{"invalid_request", invalidClient}

func contentType(v string) edit {
	return func(_ *World, a *Attempt) error {
		a.RequestHeader = http.Header{"Content-Type": {v}}
		if v == "" {
			a.RequestHeader = http.Header{"Content-Type": nil}
		}
		return nil
	}
}

// asJSON and asMultipart send the parameters in another format.
func asJSON(_ *World, a *Attempt) error {
	a.RequestHeader = http.Header{"Content-Type": {"application/json"}}
	a.Body = func(form url.Values) []byte {
		m := map[string]string{}
		for name := range form {
			m[name] = form.Get(name)
		}
		return []byte(text(m))
	}
	return nil
}

func asMultipart(_ *World, a *Attempt) error {
	var b bytes.Buffer
	mw := multipart.NewWriter(&b)
	a.RequestHeader = http.Header{"Content-Type": {mw.FormDataContentType()}}
	a.Body = func(form url.Values) []byte {
		for _, name := range []string{"grant_type", "scope", "client_assertion_type", "client_assertion"} {
			_ = mw.WriteField(name, form.Get(name)) // to memory
		}
		_ = mw.Close()
		return b.Bytes()
	}
	return nil
}

// pair sends two assertions in the given order.
func pair(rogueFirst bool) edit {
	return func(w *World, a *Attempt) error {
		good, err := a.Assertion()
		if err != nil {
			return err
		}
		bad := w.New(Rogue(a.Key))
		rogue, err := bad.Assertion()
		if err != nil {
			return err
		}
		a.NoAssertion = true
		a.Form["client_assertion"] = []string{good, rogue}
		if rogueFirst {
			a.Form["client_assertion"] = []string{rogue, good}
		}
		return nil
	}
}

func twiceParam(name string) edit {
	return func(_ *World, a *Attempt) error { a.Form.Add(name, a.Form.Get(name)); return nil }
}

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
			Key: "client-id-only", Ref: "NEG-094", Check: "token.confidential", Requirement: "TOKEN-003", Errors: []string{invalidClient, "invalid_request", "unauthorized_client"},
			Change: "with the client id alone and no proof of it",
			Variants: one(func(w *World, a *Attempt) error {
				a.NoAssertion = true
				a.Form.Del("client_assertion_type")
				a.Form.Set("client_id", w.s.Config().ClientID)
				return nil
			}),
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
			Change: "with another grant_type",
			Variants: append(each(func(v string) edit { return param("grant_type", v) }, "foo", "authorization_code", "password"),
				Variant{Name: "jwt-bearer, with the assertion as grant", Strength: &notes, Edit: func(_ *World, a *Attempt) error {
					signed, err := a.Assertion()
					a.NoAssertion = true
					a.Form.Del("client_assertion_type")
					a.Form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
					a.Form.Set("assertion", signed)
					return err
				}}),
		},
		{
			Key: "scope-other-kinds", Ref: "NEG-103", Check: "token.no-refresh", Requirement: "TOKEN-022", Want: Either, Strength: Notes,
			Errors: []string{"invalid_scope", "invalid_request"}, Change: "for a scope of another kind",
			Variants: each(func(v string) edit { return param("scope", v) }, "user/*.rs", "patient/*.rs", "openid", "launch", "offline_access"),
		},
		{
			Key: "scope-characters", Ref: "NEG-104", Check: "jwt.survives", Requirement: "TOKEN-010", Want: Either, Strength: Notes,
			Errors: []string{"invalid_scope", "invalid_request"}, Bare: []int{413, 414, 431}, Change: "whose scope has unusual characters",
			Variants: append(each(func(v string) edit { return param("scope", v) }, `"system/Patient.rs"`, `system\Patient.rs`, "system/Patiént.rs", "system/Patient.rs\tsystem/Group.rs"),
				Variant{Name: "a line break and a header", Edit: param("scope", "system/Patient.rs\r\nX-Bulkproof: 1")},
				Variant{Name: "100 kB of types", Edit: param("scope", strings.TrimSpace(strings.Repeat("system/Patient.rs ", 100_000/18)))}),
		},
		{
			Key: "get", Ref: "NEG-105", Check: "token.request-form", Requirement: "TOKEN-004", Strength: Warns, Errors: formOrClient, Bare: []int{404, 405, 501},
			Change: "that is a GET with the parameters in its query", Variants: one(func(_ *World, a *Attempt) error { a.Method = http.MethodGet; return contentType("")(nil, a) }),
		},
		{
			Key: "query-params", Ref: "NEG-106", Check: "token.request-form", Requirement: "TOKEN-004", Strength: Warns, Errors: formOrClient, Bare: []int{404, 405, 411, 415},
			Change: "that is a POST with the parameters in its query", Variants: one(func(_ *World, a *Attempt) error { a.Query = url.Values{}; return nil }),
		},
		{
			Key: "json-body", Ref: "NEG-107", Check: "token.request-form", Requirement: "TOKEN-004", Strength: Warns, Errors: formOrClient, Bare: []int{400, 415},
			Change: "whose body is in another format",
			Variants: []Variant{
				{Name: "JSON", Edit: asJSON}, {Name: "multipart/form-data", Edit: asMultipart},
				{Name: "a form sent as text/plain", Edit: contentType("text/plain")}, {Name: "a form without Content-Type", Edit: contentType("")},
			},
		},
		{
			Key: "charset", Ref: "NEG-113", Check: "token.request-form", Requirement: "TOKEN-004", Want: Accept, Strength: Warns,
			Change: "whose Content-Type has charset=UTF-8", Variants: one(contentType("application/x-www-form-urlencoded;charset=UTF-8")),
		},
		{
			Key: "repeated-params", Ref: "NEG-108", Check: "token.repeated-params", Requirement: "TOKEN-029", Strength: Warns, Errors: formOrClient,
			Change: "with a parameter twice",
			Variants: []Variant{
				{Name: "grant_type, equal values", Strength: &notes, Edit: twiceParam("grant_type")},
				{Name: "scope, equal values", Strength: &notes, Edit: twiceParam("scope")},
				{Name: "a good assertion, then a rogue one", Edit: pair(false)},
				{Name: "a rogue assertion, then a good one", Edit: pair(true)},
			},
		},
		{
			Key: "second-credential", Ref: "NEG-110", Check: "token.one-auth-method", Requirement: "TOKEN-030", Strength: Warns, Errors: formOrClient,
			Change: "with a good assertion and a wrong secret beside it",
			Variants: []Variant{
				{Name: "Basic", Edit: func(w *World, a *Attempt) error {
					a.RequestHeader = http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(w.s.Config().ClientID)+":bulkproof-wrong"))}}
					return nil
				}},
				{Name: "client_secret", Edit: param("client_secret", "bulkproof-wrong")},
			},
		},
		{
			Key: "unknown-param", Ref: "NEG-111", Check: "token.unknown-params", Requirement: "TOKEN-028", Want: Accept,
			Change: "with a parameter to be ignored",
			Variants: []Variant{
				{Name: "made up", Edit: param("bulkproof_made_up", "1")}, {Name: "client_id without a value", Edit: param("client_id", "")},
			},
		},
		{
			Key: "client-id-same", Ref: "NEG-112", Check: "token.client-id", Requirement: "TOKEN-027", Want: Accept,
			Change:   "with a client_id parameter that equals iss",
			Variants: one(func(w *World, a *Attempt) error { a.Form.Set("client_id", w.s.Config().ClientID); return nil }),
		},
		{
			Key: "server-token-as-assertion", Ref: "NEG-114", Check: "jwt.own-token", Requirement: "JWT-035", Errors: clientOrForm, Unless: []string{"garbage"},
			Change: "whose client assertion is an access token of the server itself",
			Variants: one(func(w *World, a *Attempt) error {
				token := w.Baseline.Grant.Token
				if res, err := w.send(w.s.Context(), "jwt.own-token", w.New(w.Key)); err == nil {
					if g := session.ReadGrant(res); g.Err == nil {
						token = g.Token // the newest, in case that an older one was revoked
					}
				}
				return assertion(token)(w, a)
			}),
		},
	}
}
