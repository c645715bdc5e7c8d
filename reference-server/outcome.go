package refserver

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Media types the server writes.
const (
	fhirJSON   = "application/fhir+json"
	fhirNDJSON = "application/fhir+ndjson"
	plainJSON  = "application/json"
)

// Issue is one problem of a request, as it goes into an OperationOutcome.
type Issue struct {
	// Parameter is the kick-off parameter concerned, "" if none is.
	Parameter string
	// Code is from https://hl7.org/fhir/R4/valueset-issue-type.html.
	Code string
	// Text says what is wrong and what to do.
	Text string
	// Status is the HTTP status this problem alone would be refused with; 0 means 400.
	Status int
}

func (i Issue) status() int {
	if i.Status == 0 {
		return http.StatusBadRequest
	}
	return i.Status
}

// outcome renders an OperationOutcome on one line, fit for a body and for a line of an error file.
func outcome(severity string, issues ...Issue) []byte {
	list := make([]map[string]any, 0, len(issues))
	for _, i := range issues {
		list = append(list, map[string]any{
			"severity": severity,
			"code":     i.Code,
			"details":  map[string]any{"text": i.Text},
		})
	}
	// Strings and maps only: this cannot fail.
	body, _ := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": list})
	return body
}

// refuse is an error answer: the status of the first issue, and an OperationOutcome with all of them.
func (s *Server) refuse(e Endpoint, r *http.Request, issues ...Issue) *Answer {
	a := &Answer{Endpoint: e, Request: r, Status: issues[0].status(), Header: http.Header{}, Body: outcome("error", issues...)}
	a.Header.Set("Content-Type", fhirJSON)
	if e == Status && s.cfg.IG == IG101 {
		// 1.0.1 asks for application/json on errors of the status request.
		a.Header.Set("Content-Type", plainJSON)
	}
	return a
}

// throttle is refuse with a Retry-After header in seconds.
func (s *Server) throttle(e Endpoint, r *http.Request, seconds int, issue Issue) *Answer {
	a := s.refuse(e, r, issue)
	a.Header.Set("Retry-After", strconv.Itoa(max(seconds, 1)))
	return a
}

// notFound is the answer for everything that does not exist, or does not exist for this client: the two
// are not told apart, so that tickets cannot be probed for.
func (s *Server) notFound(e Endpoint, r *http.Request, what string) *Answer {
	return s.refuse(e, r, Issue{Code: "not-found", Status: http.StatusNotFound, Text: what})
}

// methodNotAllowed names the methods that are.
func (s *Server) methodNotAllowed(e Endpoint, r *http.Request, allow string) *Answer {
	a := s.refuse(e, r, Issue{Code: "not-supported", Status: http.StatusMethodNotAllowed,
		Text: "The method " + strconv.Quote(clip(r.Method, 20)) + " is not supported here; use one of: " + allow + "."})
	a.Header.Set("Allow", allow)
	return a
}

// clip shortens text that a client sent before it is quoted back.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
