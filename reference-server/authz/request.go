package authz

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxRequestBytes bounds a token request. The largest honest one holds an RS512 assertion with a certificate chain
	// and a scope for each resource type, some 20 kB.
	maxRequestBytes = 256 << 10
	// maxParameters bounds the parameters of a token request; four are needed.
	maxParameters = 64

	grantClientCredentials = "client_credentials"
	assertionTypeJWT       = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// parameters that mean something to an OAuth token endpoint and must not stand in the URL (backend-services.html#request:
// POST, form-encoded; RFC 6749 §2.3.1).
var oauthParameters = []string{"grant_type", "scope", "client_id", "client_secret", "client_assertion_type", "client_assertion", "code", "refresh_token"}

// parseTokenRequest reads the form of a token request, or says why it is none.
func parseTokenRequest(b *Behaviour, w http.ResponseWriter, r *http.Request) (url.Values, *tokenError) {
	invalid := func(status int, description string) *tokenError {
		return &tokenError{status: status, code: "invalid_request", description: description}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid(http.StatusBadRequest, "The query of the URL cannot be read.")
	}
	if r.Method == http.MethodGet && b.AcceptGET {
		return once(b, query)
	}
	if r.Method != http.MethodPost {
		e := invalid(http.StatusMethodNotAllowed, "Ask for tokens with POST (RFC 6749 §3.2).")
		e.allow = http.MethodPost
		return nil, e
	}
	for _, name := range oauthParameters {
		if query.Has(name) && !b.AcceptQueryParameters {
			return nil, invalid(http.StatusBadRequest, "Parameters belong into the body, not into the URL.")
		}
	}
	form, e := parseBody(b, w, r)
	if e != nil {
		return nil, e
	}
	if b.AcceptQueryParameters {
		for name, values := range query {
			form[name] = append(form[name], values...)
		}
	}
	return once(b, form)
}

// parseBody reads the body as what Content-Type says it is.
func parseBody(b *Behaviour, w http.ResponseWriter, r *http.Request) (url.Values, *tokenError) {
	const wantForm = "Content-Type has to be application/x-www-form-urlencoded."
	invalid := func(description string) *tokenError {
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: description}
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isForm := err == nil && media == "application/x-www-form-urlencoded"
	isJSON := err == nil && media == "application/json" && b.AcceptJSONBody
	empty := r.ContentLength == 0 && b.AcceptQueryParameters
	if !isForm && !isJSON && !empty && !b.AcceptAnyContentType {
		return nil, invalid(wantForm)
	}
	if charset, ok := params["charset"]; ok && isForm && (b.RefuseCharset || !strings.EqualFold(charset, "utf-8")) {
		return nil, invalid("The charset has to be UTF-8.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	if media == "multipart/form-data" && b.AcceptAnyContentType {
		if err := r.ParseMultipartForm(maxRequestBytes); err != nil {
			return nil, invalid("The body cannot be read.")
		}
		return url.Values(r.MultipartForm.Value), nil
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		e := invalid("The body is larger than any token request.")
		e.status = http.StatusRequestEntityTooLarge
		return nil, e
	} else if err != nil {
		return nil, invalid("The body broke off.")
	}
	if isJSON || b.AcceptAnyContentType && strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		return formOfJSON(body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid("The body is not form-encoded.")
	}
	for name, values := range form {
		for _, value := range append([]string{name}, values...) {
			if !utf8.ValidString(value) {
				return nil, invalid("A parameter is not UTF-8 (RFC 6749 appendix B).")
			}
		}
	}
	return form, nil
}

func formOfJSON(body []byte) (url.Values, *tokenError) {
	o, err := decodeObject(body, false)
	if err != nil {
		return nil, &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: "The body is no JSON object."}
	}
	form := url.Values{}
	for _, m := range o {
		if value, ok := text(m.value); ok {
			form.Set(m.name, value)
		}
	}
	return form, nil
}

// once refuses repeated parameters (RFC 6749 §3.2) and drops those without a value, which count as absent.
func once(b *Behaviour, form url.Values) (url.Values, *tokenError) {
	invalid := func(description string) *tokenError {
		return &tokenError{status: http.StatusBadRequest, code: "invalid_request", description: description}
	}
	if len(form) > maxParameters {
		return nil, invalid("There are too many parameters.")
	}
	known := append(slices.Clone(oauthParameters), "resource", "audience")
	out := make(url.Values, len(form))
	for name, values := range form {
		if len(values) > 1 && !b.AcceptRepeated {
			return nil, invalid("A parameter occurs more than once.")
		}
		if b.RefuseUnknownParameters && (!slices.Contains(known, name) || values[0] == "") {
			return nil, invalid("A parameter is unknown or has no value.")
		}
		if values[0] != "" {
			out[name] = values[:1]
		}
	}
	return out, nil
}
