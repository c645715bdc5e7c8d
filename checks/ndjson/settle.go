package ndjson

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// settle completes w.problems for a line that is not plainly fine. The first own problems are this package's,
// the others the judge's, whose offsets count from skip. What belongs to the line rather than to the value on it
// gets a rule of this package, so that a rule id does not depend on which judge was used.
func (w *worker) settle(line []byte, skip, own int, head resource.Head) {
	judged := w.problems[own:]
	text := line[skip:]
	syntax, errors, aboutType, aboutUTF8 := false, false, false, false
	for i := range judged {
		p := &judged[i]
		switch p.Rule {
		case "json.trailing-data":
			*p = trailing(text, p.Offset)
		case "json.not-object":
			*p = problem(RuleNotObject, p.Offset, "", "", notObject(text))
		case "fhir.resource-type":
			if p.Pointer == "" || p.Pointer == "/resourceType" {
				if head.ResourceType == "" {
					p.Rule = RuleTypeMissing
				} else if w.typ != "" && head.ResourceType != w.typ && strings.Contains(p.Message, w.typ) {
					p.Rule, p.Message = RuleTypeMismatch, mismatch(head.ResourceType, w.typ)
				}
				aboutType = true
			}
		case "json.utf8":
			p.Rule, aboutUTF8 = RuleInvalidUTF8, true
		}
		syntax = syntax || strings.HasPrefix(p.Rule, "json.")
		errors = errors || p.Severity == resource.Error
		p.Offset += skip
	}
	if !aboutUTF8 && errors && !utf8.Valid(text) {
		w.emit(problem(RuleInvalidUTF8, skip+invalidUTF8(text), "", "", "The line holds bytes that are not valid UTF-8."))
		syntax = true
	}
	if cr := bytes.IndexByte(text, '\r'); cr >= 0 && !syntax {
		w.emit(problem(RuleBareCR, skip+cr, "", "", "A carriage return stands within the line; a JSON text in NDJSON has none."))
	}
	path := ""
	if typeName(head.ResourceType) {
		path = head.ResourceType
	}
	switch {
	case !head.Object:
		if !errors {
			w.emit(problem(RuleNotObject, skip, "", "", notObject(text)))
		}
	case head.ResourceType == "":
		if !aboutType {
			w.emit(problem(RuleTypeMissing, skip, "", "", "The object has no resourceType that is a string."))
		}
	case w.typ != "" && head.ResourceType != w.typ:
		if !hasRule(w.problems[own:], RuleTypeMismatch) {
			w.emit(problem(RuleTypeMismatch, skip+memberOffset(text, "resourceType"), "/resourceType", strings.TrimPrefix(path+".resourceType", "."), mismatch(head.ResourceType, w.typ)))
		}
	}
	if head.Object && head.ID == "" && path != "" && !needsNoID(path) && !hasPointer(w.problems[own:], "/id") {
		w.emit(problem(RuleIDMissing, skip, "", path, "The resource has no id."))
	}
	if w.dropped > 0 {
		w.problems = append(w.problems, problem(RuleMoreProblems, len(line), "", "", fmt.Sprintf("The line has %d more problems, which are not listed.", w.dropped)))
	}
	sortProblems(w.problems)
}

// needsNoID names the types that an export holds without being asked for them by id: error files, files of
// deletions, and the headers of organised output.
func needsNoID(typ string) bool {
	return typ == "OperationOutcome" || typ == "Bundle" || typ == "Parameters"
}

func mismatch(is, want string) string {
	if !typeName(is) {
		return fmt.Sprintf("The resourceType is not %s, the type that the file is said to hold.", want)
	}
	return fmt.Sprintf("The resource is of type %s, the file is said to hold %s.", is, want)
}

func hasRule(ps []resource.Problem, rule string) bool {
	for _, p := range ps {
		if p.Rule == rule {
			return true
		}
	}
	return false
}

func hasPointer(ps []resource.Problem, pointer string) bool {
	for _, p := range ps {
		if p.Pointer == pointer {
			return true
		}
	}
	return false
}

// trailing says what follows the first value of a line.
func trailing(text []byte, offset int) resource.Problem {
	rest := text[min(max(offset, 0), len(text)):]
	if len(rest) > 0 && (rest[0] == '{' || rest[0] == '[') {
		d := jsontext.NewDecoder(bytes.NewReader(rest))
		if d.SkipValue() == nil {
			return problem(RuleTwoValues, offset, "", "", "A second JSON value follows on the same line; each resource needs a line of its own.")
		}
	}
	return problem(RuleTrailingData, offset, "", "", "Something that is no complete JSON value follows the first value on its line.")
}

func notObject(text []byte) string {
	what := "a JSON value"
	if t := bytes.TrimLeft(text, " \t\r"); len(t) > 0 {
		switch t[0] {
		case '[':
			what = "a JSON array"
		case '"':
			what = "a JSON string"
		case 't', 'f':
			what = "a JSON boolean"
		case 'n':
			what = "null"
		default:
			what = "a JSON number"
		}
	}
	return "The line is " + what + "; each line must be one JSON object, a resource."
}

// invalidUTF8 returns the offset of the first byte that is not part of valid UTF-8.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// memberOffset returns the offset of the value of a member of the object on the line, 0 if it cannot be found.
func memberOffset(text []byte, name string) int {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return 0
	}
	for {
		t, err := d.ReadToken()
		if err != nil || t.Kind() != '"' {
			return 0
		}
		found := t.String() == name
		if v, err := d.ReadValue(); err != nil {
			return 0
		} else if found {
			return int(d.InputOffset()) - len(v)
		}
	}
}

// refuse looks at the first bytes of a stream and returns a refusal if it makes no sense to cut them into lines.
func refuse(head []byte) error {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return &refusal{problem(m.rule, 0, "", "", m.message)}
		}
	}
	if len(head) >= 4 && (head[0] == 0) != (head[1] == 0) && head[0]|head[1] == '{' && (head[2] == 0) != (head[3] == 0) {
		return &refusal{problem(RuleUTF16, 0, "", "", "The stream is UTF-16; NDJSON is UTF-8. It was not read any further.")}
	}
	return nil
}

var magics = []struct{ bytes, rule, message string }{
	{"\xff\xfe", RuleUTF16, "The stream starts with a UTF-16 byte order mark; NDJSON is UTF-8. It was not read any further."},
	{"\xfe\xff", RuleUTF16, "The stream starts with a UTF-16 byte order mark; NDJSON is UTF-8. It was not read any further."},
	{"\x1f\x8b", RuleCompressed, "The content is gzip data, not text: it was compressed twice or sent without Content-Encoding. It was not read any further."},
	{"\x28\xb5\x2f\xfd", RuleCompressed, "The content is Zstandard data, not text: it was compressed twice or sent without Content-Encoding. It was not read any further."},
	{"PK\x03\x04", RuleCompressed, "The content is a ZIP archive, not text. It was not read any further; unpack it first."},
	{"BZh", RuleCompressed, "The content is bzip2 data, not text. It was not read any further; unpack it first."},
	{"\xfd7zXZ\x00", RuleCompressed, "The content is xz data, not text. It was not read any further; unpack it first."},
}

// refusal ends a scan with a finding instead of an error.
type refusal struct{ p resource.Problem }

func (r *refusal) Error() string { return r.p.Message }
