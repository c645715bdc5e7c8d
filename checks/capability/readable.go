package capability

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func readable() checks.Check {
	return checks.Check{
		ID:    "capability.readable",
		Title: "[base]/metadata gives a CapabilityStatement in FHIR JSON",
		Doc: "A GET of [base]/metadata with Accept: application/fhir+json is answered with 200 and a CapabilityStatement in JSON. The body is " +
			"decoded strictly: no duplicate names, valid UTF-8, nothing behind the value. Notes only: a Content-Type of application/json, a " +
			"format list without JSON, and a /metadata that asks for a token.",
		Requires: []string{"CAPABILITY-008"},
		Run: func(_ context.Context, t *checks.T) {
			d := t.Discovery()
			res := d.Metadata
			if res.Err != nil && res.Status == 0 {
				t.Inconclusivef("the CapabilityStatement could not be asked for: %v", res.Err)
			}
			// CapabilityStatement-bulk-data.html: format json.
			if d.Capability == nil {
				t.Violates("CAPABILITY-008", res.At(), "no CapabilityStatement in JSON can be read from [base]/metadata: %v", d.CapabilityErr)
				return
			}
			if m := res.MediaType(); m != "application/fhir+json" {
				t.Note("the CapabilityStatement is sent as %s in place of application/fhir+json", quoted(m))
			}
			if res.SentToken {
				t.Note("[base]/metadata asks for an access token, which is legal and keeps clients from finding out how to get one")
			}
			if !slices.ContainsFunc(session.List(d.Capability, "format"), isJSONFormat) {
				t.Note("CapabilityStatement.format lists no form of JSON")
			}
			t.Examined("%s", res.Describe())
		},
	}
}

func isJSONFormat(v any) bool {
	s, _ := v.(string)
	return strings.Contains(strings.ToLower(s), "json")
}

func quoted(mediaType string) string {
	if mediaType == "" {
		return "nothing"
	}
	return mediaType
}

// success reports whether a kick-off was taken: 202, or another success status with a polling location. Any other 2xx or
// 3xx answer is neither acceptance nor refusal.
func success(res *session.Response) bool {
	return res != nil && (res.Status == http.StatusAccepted ||
		res.Status >= http.StatusOK && res.Status < http.StatusMultipleChoices && res.Header.Get("Content-Location") != "")
}

// aboutAccess reports whether a refusal says nothing about the request itself: authorization, size, rate, or a server
// out of service.
func aboutAccess(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
