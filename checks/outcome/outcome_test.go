package outcome_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

func read(mediaType, body string) *outcome.Outcome {
	return outcome.Read(&session.Response{Status: 400, Header: http.Header{"Content-Type": {mediaType}}, Body: []byte(body)})
}

func TestRead(t *testing.T) {
	const fine = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}`
	for _, c := range []struct {
		name, body, pointer string
		kind                outcome.Kind
	}{
		{"valid", fine, "", outcome.Fine},
		{"white space around it", "\n " + fine + "\n", "", outcome.Fine},
		{"transient", strings.Replace(fine, "invalid", "throttled", 1), "", outcome.Fine},
		{"no body", "", "", outcome.Empty},
		{"white space only", " \n", "", outcome.Empty},
		{"HTML", "<html></html>", "", outcome.NotJSON},
		{"cut off", fine[:40], "", outcome.NotJSON},
		{"two values", fine + fine, "", outcome.NotJSON},
		{"a name twice", strings.Replace(fine, `{"severity"`, `{"severity":"fatal","severity"`, 1), "", outcome.Flawed},
		{"array", "[" + fine + "]", "", outcome.Foreign},
		{"null", "null", "", outcome.Foreign},
		{"other object", `{"error":"x"}`, "", outcome.Foreign},
		{"no issue", `{"resourceType":"OperationOutcome"}`, "/issue", outcome.Flawed},
		{"issue is an object", `{"resourceType":"OperationOutcome","issue":{}}`, "/issue", outcome.Flawed},
		{"issue is empty", `{"resourceType":"OperationOutcome","issue":[]}`, "/issue", outcome.Flawed},
		{"issue of a string", `{"resourceType":"OperationOutcome","issue":["x"]}`, "/issue/0", outcome.Flawed},
		{"no severity", `{"resourceType":"OperationOutcome","issue":[{"code":"invalid"}]}`, "/issue/0/severity", outcome.Flawed},
		{"numeric code", strings.Replace(fine, `"invalid"`, `400`, 1), "/issue/0/code", outcome.Flawed},
		{"unknown code", strings.Replace(fine, `"invalid"`, `"bad"`, 1), "/issue/0/code", outcome.Odd},
		{"flaw outweighs oddity", `{"resourceType":"OperationOutcome","issue":[{"severity":"ERROR","code":"invalid"},{"severity":"error"}]}`, "/issue/1/code", outcome.Flawed},
	} {
		o := read("application/fhir+json", c.body)
		if o.Kind != c.kind || o.Pointer != c.pointer || (o.Problem == "") != (c.kind == outcome.Fine) {
			t.Errorf("%s: kind %d at %q (%s), want %d at %q", c.name, o.Kind, o.Pointer, o.Problem, c.kind, c.pointer)
		}
	}
}

func TestMediaType(t *testing.T) {
	for mediaType, want := range map[string]bool{
		"application/fhir+json": true, "Application/FHIR+JSON; charset=utf-8": true, "application/json": true, "text/plain": false, "": false,
	} {
		if got := read(mediaType, "{}").JSONType; got != want {
			t.Errorf("%q is a JSON type: %v, want %v", mediaType, got, want)
		}
	}
	if !read("", "").JSONType {
		t.Error("an empty body needs no media type")
	}
}

func TestIssues(t *testing.T) {
	o := read("application/fhir+json", `{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"not-supported",
		"details":{"text":"one"},"diagnostics":"two","expression":["three"],"location":["four",5]}]}`)
	for _, word := range []string{"one", "two", "three", "four"} {
		if !o.Has(func(i outcome.Issue) bool { return strings.Contains(i.Text, word) }) {
			t.Errorf("%q is in no text of an issue", word)
		}
	}
	if !outcome.Transient("lock-error") || outcome.Transient("processing") {
		t.Error("lock-error is transient and processing is not")
	}
}

// FuzzRead looks for a body that makes the reader panic, or that it finds fine without an issue.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "null", "{", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid"}]}`,
		`{"resourceType":"OperationOutcome","issue":[[],{},null,{"severity":1,"code":{}}]}`, "\xef\xbb\xbf{}", strings.Repeat("[", 500)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if o := read("application/fhir+json", body); o.Kind == outcome.Fine && len(o.Issues) == 0 {
			t.Errorf("a body without issue is fine: %q", body)
		}
	})
}
