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
