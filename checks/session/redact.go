package session

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// secretHeaders never reach a record, whatever their value.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Amz-Security-Token", "X-Api-Key"}

// plainQuery names the query parameters whose values are recorded: those of $export, of FHIR search as the suite
// itself uses it, and nothing else. The values of all others, such as those of signed URLs, are secrets until
// proven otherwise.
var plainQuery = []string{"_outputFormat", "_since", "_until", "_type", "_elements", "_typeFilter", "includeAssociatedData",
	"organizeOutputBy", "allowPartialManifests", "_count", "_summary", "_format", "_bulkproofUnknownParameter"}

// RedactURL returns u as it may be shown: without user information and fragment, and with the values of query
// parameters other than those of $export replaced.
func RedactURL(u string) string {
	p, err := url.Parse(u)
	if err != nil {
		return "[unparseable URL]"
	}
	if p.User != nil {
		p.User = url.User(Redacted)
	}
	p.Fragment, p.RawFragment = "", ""
	if p.RawQuery != "" {
		p.RawQuery = redactQuery(p.RawQuery)
	}
	if p.Opaque != "" {
		return p.Scheme + ":" + Redacted
	}
	return p.String()
}

func redactQuery(raw string) string {
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, _, has := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if has && (err != nil || !slices.Contains(plainQuery, plain)) {
			parts[i] = name + "=" + Redacted
		} else if !has && len(part) > 32 {
			parts[i] = Redacted // a bare token used as the whole query
		}
	}
	return strings.Join(parts, "&")
}

// secretsIn returns what a request carries that must not show: credentials and the values of the tester's own headers.
func secretsIn(h http.Header, own http.Header) []string {
	var out []string
	add := func(s string) {
		if len(s) >= 8 { // shorter ones are found by chance in what means something else
			out = append(out, s)
		}
	}
	if scheme, credentials, ok := strings.Cut(h.Get("Authorization"), " "); ok {
		add(credentials)
	} else {
		add(scheme)
	}
	for name := range own {
		for _, v := range h.Values(name) {
			add(v)
		}
	}
	return out
}

// hide replaces the secrets in a text.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, Redacted)
	}
	return text
}

// withoutEcho returns the header with the secrets in it replaced: some servers and proxies send back what they got.
func withoutEcho(h http.Header, secrets []string) http.Header {
	if len(secrets) == 0 {
		return h
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			out[name] = append(out[name], hide(v, secrets))
		}
	}
	return out
}

// redactHeader returns a copy fit for the record. Headers the user added are his own secrets.
func redactHeader(h http.Header, own http.Header) http.Header {
	out := make(http.Header, len(h))
	for k, vs := range h {
		_, userHeader := own[k]
		if slices.Contains(secretHeaders, k) || userHeader {
			scheme, _, ok := strings.Cut(vs[0], " ")
			if k == "Authorization" && ok && len(scheme) < 12 {
				out[k] = []string{scheme + " " + Redacted}
			} else {
				out[k] = []string{Redacted}
			}
			continue
		}
		if k == "Location" || k == "Content-Location" || k == "Referer" || k == "Link" {
			ws := make([]string, len(vs))
			for i, v := range vs {
				ws[i] = RedactURL(v)
			}
			out[k] = ws
			continue
		}
		out[k] = slices.Clone(vs)
	}
	return out
}
