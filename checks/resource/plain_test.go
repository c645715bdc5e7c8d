package resource

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// judged returns what v finds in line, as "offset pointer rule".
func judged(v *Validator, line string) []string {
	var found []string
	v.Line([]byte(line), func(p Problem) {
		found = append(found, strings.Join(strings.Fields(fmt.Sprintf("%d %s %s", p.Offset, p.Pointer, p.Rule)), " "))
	})
	return found
}

func TestJSONProblems(t *testing.T) {
	const rt = `"resourceType":"Patient"`
	tests := []struct {
		line string
		want []string
	}{
		{`{"resourceType":"Patient","id":"a","n":[1,-0.5e+3,{"a":true,"b":null,"c":[]}]}`, nil},
		{` { "resourceType" : "Patient" } `, nil},
		{`{"n":"é漢😀\u00e9\ud83d\ude00\n",` + rt + `}`, nil},
		{``, []string{"0 json.syntax"}},
		{"\ufeff{" + rt + `}`, []string{"0 json.syntax"}},
		{`hello`, []string{"0 json.syntax"}},
		{`[{` + rt + `}]`, []string{"0 json.not-object"}},
		{`null`, []string{"0 json.not-object"}},
		{`{"a":1}`, []string{"0 fhir.resource-type"}},
		{`{"resourceType":1}`, []string{"16 /resourceType fhir.resource-type"}},
		{`{"resourceType":""}`, []string{"16 /resourceType fhir.resource-type"}},
		{`{` + rt + `,"a":1,"a":2,"b":3,"b":4}`, []string{"32 /a json.duplicate-key", "44 /b json.duplicate-key"}},
		{`{` + rt + `,"a":1,"\u0061":2}`, []string{"32 /a json.duplicate-key"}},
		{`{` + rt + `,"a":[{"x/y":1,"x/y":2}]}`, []string{"40 /a/0/x~1y json.duplicate-key"}},
		{`{` + rt + `,"a":"\ud800","b":"\udc00x","c":"\ud800\u0041"}`, []string{"31 /a json.surrogate", "44 /b json.surrogate", "58 /c json.surrogate"}},
		{`{` + rt + `,"a":"\x\q","b":"\u12g4"}`, []string{"31 /a json.escape", "42 /b json.escape"}},
		{`{` + rt + `,"a":"` + "\t\n" + `","b":"` + "\xc3(\xff" + `"}`, []string{"31 /a json.control-character", "40 /b json.utf8"}},
		{`{` + rt + `,"a":01,"b":+1,"c":.5,"d":1.,"e":1e,"f":-}`, []string{"30 /a json.number", "37 /b json.number", "44 /c json.number", "51 /d json.number", "58 /e json.number", "65 /f json.number"}},
		{`{` + rt + `,"a":NaN,"b":True}`, []string{"30 /a json.syntax", "38 /b json.syntax"}},
		{`{` + rt + `,}`, []string{"26 json.syntax"}},
		{`{` + rt + `,"a":[1,,2,]}`, []string{"33 /a json.syntax", "36 /a json.syntax"}},
		{`{` + rt + `}{` + rt + `}`, []string{"26 json.trailing-data"}},
		{`{` + rt + `} x`, []string{"27 json.trailing-data"}},
		{`{` + rt + `,"a":[1 2]}`, []string{"33 /a json.syntax"}},
		{`{` + rt + `,"a":{"b":"c`, []string{"37 /a/b json.syntax"}},
		{`{` + rt, []string{"25 json.syntax"}},
		{`{` + rt + `,"a"`, []string{"29 json.syntax"}},
		{`{` + rt + `,'a':1}`, []string{"26 json.syntax"}},
		{`{` + rt + `,"a":[[[[1]]]]}`, []string{"33 /a/0/0/0 json.depth"}},
	}
	v := NewJudge(nil, Options{MaxDepth: 4})
	for _, tt := range tests {
		if got := judged(v, tt.line); !slices.Equal(got, tt.want) {
			t.Errorf("%s\n got %q\nwant %q", tt.line, got, tt.want)
		}
	}
}

func TestHead(t *testing.T) {
	v := NewJudge(nil, Options{})
	ignore := func(Problem) {}
	tests := []struct {
		line string
		want Head
	}{
		{`{"resourceType":"Patient","id":"p1","meta":{"x":{"lastUpdated":"no"},"lastUpdated":"2020-01-01T00:00:00Z"}}`,
			Head{"Patient", "p1", "2020-01-01T00:00:00Z", true}},
		{`{"contained":[{"resourceType":"Group","id":"c"}],"id":"a\u0062","resourceType":"P\u0061tient"}`, Head{"Patient", "ab", "", true}},
		{`{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2020"},"a":01}`, Head{"Patient", "p1", "2020", true}},
		{`{"resourceType":"Patient","id":"p1"`, Head{"Patient", "p1", "", false}},
		{`{"resourceType":"Patient","id":"p1"}{}`, Head{"Patient", "p1", "", false}},
		{`{"id":7}`, Head{"", "", "", true}},
		{`[]`, Head{}},
	}
	for _, tt := range tests {
		if got := v.Line([]byte(tt.line), ignore); got != tt.want {
			t.Errorf("%s\n got %+v\nwant %+v", tt.line, got, tt.want)
		}
	}
}

func TestExpectedType(t *testing.T) {
	v := NewJudge(nil, Options{Type: "Patient", Values: true})
	var got []Problem
	v.Line([]byte(`{"id":"a","resourceType":"Group"}`), func(p Problem) { got = append(got, p) })
	want := Problem{Offset: 25, Pointer: "/resourceType", Path: "Group.resourceType", Rule: "fhir.resource-type", Severity: Error,
		Message: "The resource is not of type Patient, as expected here.", Value: "Group"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestManyMembers(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"resourceType":"X"`)
	for k := range 1000 {
		fmt.Fprintf(&b, `,"member%d":%d`, k, k)
	}
	v := NewJudge(nil, Options{})
	if !v.plain.line([]byte(b.String() + "}")) {
		t.Error("a large object without duplicates was declined")
	}
	if got := judged(v, b.String()+`,"member500":1}`); len(got) != 1 || !strings.HasSuffix(got[0], "/member500 json.duplicate-key") {
		t.Errorf("got %q", got)
	}
}

func TestManyProblems(t *testing.T) {
	v := NewJudge(nil, Options{})
	got := judged(v, `{"resourceType":"X","a":[`+strings.Repeat("01,", 3*maxProblems)+`1]}`)
	if len(got) != maxProblems+1 || !strings.HasSuffix(got[maxProblems], "line.more-problems") {
		t.Errorf("%d problems, the last is %q", len(got), got[len(got)-1])
	}
}

func TestPlainAllocations(t *testing.T) {
	v := NewJudge(nil, Options{})
	line := []byte(`{"resourceType":"Patient","id":"a","meta":{"lastUpdated":"2020-01-01T00:00:00Z"},"name":[{"given":["é","\n"]}]}`)
	ignore := func(Problem) {}
	v.Line(line, ignore)
	if n := testing.AllocsPerRun(100, func() { v.Line(line, ignore) }); n != 0 {
		t.Errorf("%v allocations per line", n)
	}
}

// wellFormed is the oracle for JSON itself.
func wellFormed(line []byte) bool { return jsontext.Value(line).IsValid() }

func FuzzPlain(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, `[1,2,{"a":"\u00e9\ud83d\ude00"}]`, `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\"", `-0.0e-0`, `01`, `{"a":[1,]}`,
		`{"a":1,"\u0061":2}`, `null`, ` tru`, `{"":{"":{}}}`, "[\"\t\"]", `{"resourceType":"Patient","id":"x","meta":{"lastUpdated":"2020"}}`,
		`"12345678\"12345678\\"`, "\"漢字漢字漢字é\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", `{"a":1}{"b":2}`, `[[[[[[[[]]]]]]]]`,
	} {
		f.Add([]byte(s))
	}
	v := NewJudge(nil, Options{MaxDepth: 10000})
	f.Fuzz(func(t *testing.T, line []byte) {
		rejected := false
		last := 0
		v.Line(line, func(p Problem) {
			rejected = rejected || strings.HasPrefix(p.Rule, "json.") && p.Rule != "json.not-object"
			if p.Offset < last || p.Offset > len(line) {
				t.Fatalf("offset %d after %d in %d bytes", p.Offset, last, len(line))
			}
			last = p.Offset
		})
		if want := wellFormed(line); rejected == want {
			t.Fatalf("%q: rejected %v, jsontext accepts %v", line, rejected, want)
		}
		if len(bytes.TrimSpace(line)) > 0 && v.plain.line(line) && !wellFormed(line) {
			t.Fatalf("%q: accepted by the fast path only", line)
		}
	})
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.Text == "" || !strings.HasSuffix(r.Text, ".") {
			t.Errorf("rule %q is listed twice or without a sentence", r.ID)
		}
		seen[r.ID] = true
	}
	Rules()[0].ID = ""
	if Rules()[0].ID == "" {
		t.Error("callers can change the catalogue")
	}
}

func TestFor(t *testing.T) {
	a, b := definitionsFor(t, "R4"), definitionsFor(t, "4.0.1")
	if a != b || a.Version() != "4.0.1" || len(a.ResourceTypes()) != 146 || a.ResourceTypes()[0] != "Account" {
		t.Errorf("version %s, %d resource types", a.Version(), len(a.ResourceTypes()))
	}
	if _, err := For("3.0.2"); err == nil || !strings.Contains(err.Error(), "use 4.0.1") {
		t.Errorf("unknown version: %v", err)
	}
}
