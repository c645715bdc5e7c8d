// Package outcome reads the answers that have to be FHIR OperationOutcomes, and says what is wrong with one that is
// none. It judges nothing by itself: which requirement a problem violates depends on what was asked for.
package outcome

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/checks/session"
)

// Kind says how far an answer is from an OperationOutcome.
type Kind uint8

// Kinds, from harmless to hopeless.
const (
	Fine    Kind = iota
	Odd          // an OperationOutcome with a value that the value set of R4 lacks
	Flawed       // an OperationOutcome that breaks a rule of the resource
	Foreign      // JSON, but no OperationOutcome
	NotJSON      // a body that is not JSON
	Empty        // no body
)

// Outcome is an answer as read.
type Outcome struct {
	Kind     Kind
	Problem  string // what is wrong, a clause such as "its body is empty"; "" if Fine
	Pointer  string // where, if inside the document
	Issues   []Issue
	JSONType bool // the media type is a JSON one, or there is no body
}

// Issue is one issue as far as it could be read.
type Issue struct {
	Severity, Code string
	Text           string // details.text, diagnostics and expressions: for looking up a name, not for print
}

// severities and codes are the required bindings of OperationOutcome.issue in R4
// (https://hl7.org/fhir/R4/valueset-issue-severity.html, valueset-issue-type.html); R5 added success and
// limited-filter, which a server of that version may use.
var (
	severities = []string{"fatal", "error", "warning", "information", "success"}
	codes      = append([]string{"invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden",
		"suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long", "code-invalid",
		"extension", "too-costly", "business-rule", "conflict", "informational", "limited-filter", "success"}, transient...)
	transient = []string{"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"}
)

// Transient reports whether the code is transient or one below it (https://hl7.org/fhir/R4/codesystem-issue-type.html).
func Transient(code string) bool { return slices.Contains(transient, code) }

// Read reads the body of an answer.
func Read(res *session.Response) *Outcome {
	o := &Outcome{JSONType: isJSON(res.MediaType())}
	if len(bytes.TrimSpace(res.Body)) == 0 && !res.Truncated {
		o.Kind, o.Problem, o.JSONType = Empty, "its body is empty", true
		return o
	}
	v, err := res.JSON()
	if err != nil {
		o.Kind, o.Problem = NotJSON, "its body is not JSON: "+err.Error()
		if json.Valid(res.Body) {
			o.Kind = Flawed // valid by RFC 8259's letter, but not what two readers understand alike
		}
		return o
	}
	o.judge(v)
	return o
}

func isJSON(mediaType string) bool {
	return slices.Contains([]string{"application/fhir+json", "application/json", "application/json+fhir", "text/json"}, mediaType)
}

// FHIRType reports whether the media type is the one of FHIR JSON.
func FHIRType(res *session.Response) bool { return res.MediaType() == "application/fhir+json" }

// Judge reads a decoded value, such as a line of an error file.
func Judge(v any) *Outcome {
	o := &Outcome{JSONType: true}
	o.judge(v)
	return o
}

func (o *Outcome) judge(v any) {
	if session.Text(v, "resourceType") != "OperationOutcome" {
		o.Kind, o.Problem = Foreign, "its body is JSON, but no OperationOutcome"
		return
	}
	m := v.(map[string]any)
	raw, present := m["issue"]
	list, isList := raw.([]any)
	switch {
	case !present:
		o.worse(Flawed, "/issue", "the OperationOutcome has no issue, and at least one is required")
	case !isList:
		o.worse(Flawed, "/issue", "issue is not an array")
	case len(list) == 0:
		o.worse(Flawed, "/issue", "issue is empty, and at least one is required")
	}
	for i, is := range list {
		at := fmt.Sprintf("/issue/%d", i)
		m, ok := is.(map[string]any)
		if !ok {
			o.worse(Flawed, at, "an issue is not an object")
			continue
		}
		o.code(m, "severity", at, severities)
		o.code(m, "code", at, codes)
		issue := Issue{Severity: session.Text(m, "severity"), Code: session.Text(m, "code")}
		issue.Text = session.Text(session.Object(m, "details"), "text") + "\n" + session.Text(m, "diagnostics")
		for _, name := range []string{"expression", "location"} {
			for _, e := range session.List(m, name) {
				if s, ok := e.(string); ok {
					issue.Text += "\n" + s
				}
			}
		}
		o.Issues = append(o.Issues, issue)
	}
}

func (o *Outcome) code(m map[string]any, name, at string, allowed []string) {
	raw, present := m[name]
	s, isString := raw.(string)
	switch {
	case !present:
		o.worse(Flawed, at+"/"+name, "an issue has no %s, which is required", name)
	case !isString:
		o.worse(Flawed, at+"/"+name, "the %s of an issue is not a string", name)
	case !slices.Contains(allowed, s):
		o.worse(Odd, at+"/"+name, "the %s of an issue is not one of the value set that FHIR requires", name)
	}
}

// worse keeps the worst problem, the first of its kind.
func (o *Outcome) worse(k Kind, pointer, format string, a ...any) {
	if k > o.Kind {
		o.Kind, o.Pointer, o.Problem = k, pointer, fmt.Sprintf(format, a...)
	}
}

// Has reports whether any issue satisfies the condition.
func (o *Outcome) Has(cond func(Issue) bool) bool { return slices.ContainsFunc(o.Issues, cond) }

// Gateway reports whether an error status usually comes from a layer in front of the FHIR server, which knows no
// OperationOutcome.
func Gateway(status int) bool {
	switch status {
	case 401, 403, 413, 414, 429, 502, 503, 504:
		return true
	}
	return false
}
