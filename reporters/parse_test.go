package reporters

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/fixtures/schemas"
	"github.com/bulkproof/bulkproof/reporters/jsonreport"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

// sealed returns the sample as a file.
func sealed(t testing.TB, r *Report) []byte {
	t.Helper()
	if err := Seal(r); err != nil {
		t.Fatal(err)
	}
	data, err := jsonreport.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseReturnsWhatWasWritten(t *testing.T) {
	for name, r := range map[string]*Report{
		"sample":  reporttest.Sample(),
		"hostile": reporttest.Hostile("<script>\u2028\x00\"\\"),
	} {
		first := sealed(t, r)
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if second := sealed(t, again); !bytes.Equal(first, second) {
			t.Errorf("%s: written, read and written again, it is another report", name)
		}
	}
	// Nil lists become empty ones, and bytes that are no UTF-8 are replaced: a written report is always readable.
	empty := &Report{Verdict: NothingSelected, ExitCode: 4, IG: "3.0.0", Tool: Tool{Name: "bulkproof"}, Problems: []string{"\xff"},
		Started: time.Unix(0, 0).UTC(), Ended: time.Unix(0, 0).UTC()}
	data := sealed(t, empty)
	if err := Verify(data); err != nil {
		t.Errorf("an empty report does not verify: %v", err)
	}
	if !bytes.Contains(data, []byte(`"checks": []`)) || !bytes.Contains(data, []byte("\ufffd")) {
		t.Errorf("unexpected JSON: %s", data)
	}
}

func TestParseIsStrict(t *testing.T) {
	good := string(sealed(t, reporttest.Sample()))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "not a report"},
		{"no JSON", "<html>", "not a report"},
		{"array", "[]", "not a report"},
		{"other object", `{"resourceType":"Patient"}`, `no "schemaVersion"`},
		{"version is a number", replace(`"schemaVersion": "1.1"`, `"schemaVersion": 1`), "not a report"},
		{"later version", replace(`"schemaVersion": "1.1"`, `"schemaVersion": "1.7"`), `schema version "1.7", this tool reads 1.0 and 1.1`},
		{"two values", good + "{}", "not a report"},
		{"cut off", good[:len(good)/2], "not a report"},
		{"duplicate key", replace(`"exitCode": 1,`, `"exitCode": 1, "exitCode": 0,`), "duplicate"},
		{"duplicate key inside", replace(`"goVersion":`, `"goVersion": "x", "goVersion":`), "duplicate"},
		{"invalid UTF-8", replace("go1.26.8", "go\xff"), "UTF-8"},
		{"unknown member", replace(`"exitCode": 1,`, `"exitCode": 1, "extra": 0,`), "extra"},
		{"other case", replace(`"exitCode": 1,`, `"exitcode": 1,`), "exitCode is required"},
		{"null list", replace(`"problems": [`, `"problems": null, "x": [`), "problems: Invalid type"},
		{"outcome", replace(`"outcome": "pass"`, `"outcome": "passed"`), "outcome"},
		{"negative", replace(`"pass": 11`, `"pass": -1`), "totals.pass"},
		{"fraction", replace(`"pass": 11`, `"pass": 10.5`), "totals.pass"},
		{"beyond what JSON numbers hold", replace(`"pass": 11`, `"pass": 9007199254740993`), "totals.pass"},
		{"time", replace(`"2026-11-20T14:03:12.48Z"`, `"yesterday"`), "started"},
		{"digest", replace(`"digest": "sha256:`, `"digest": "md5:`), "digest"},
		{"deep", strings.Repeat("[", 1_000_000), "not a report"},
	} {
		r, err := Parse([]byte(c.data))
		if err == nil || r != nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q, want %q in it", c.name, err, c.want)
		}
	}
}

// Reports of earlier tools stay readable: 1.1 only added members.
func TestParseReadsEarlierVersions(t *testing.T) {
	r := reporttest.Sample()
	r.Profile, r.Scenario, r.Target.Identity, r.Target.Capture = nil, nil, nil, ""
	old := strings.Replace(string(sealed(t, r)), `"schemaVersion": "1.1"`, `"schemaVersion": "1.0"`, 1)
	got, err := Parse([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if got.SchemaVersion != "1.0" || len(got.Checks) != len(r.Checks) {
		t.Errorf("version %s, %d checks", got.SchemaVersion, len(got.Checks))
	}
	// What 1.0 does not have, a 1.0 report does not hold.
	newer := strings.Replace(string(sealed(t, reporttest.Sample())), `"schemaVersion": "1.1"`, `"schemaVersion": "1.0"`, 1)
	if _, err := Parse([]byte(newer)); err == nil || !strings.Contains(err.Error(), "profile") {
		t.Errorf("a 1.0 report with a profile: %v", err)
	}
}

func TestSchemaErrorsAreSortedAndBounded(t *testing.T) {
	bad := `{"schemaVersion":"1.1"}`
	_, first := Parse([]byte(bad))
	if first == nil {
		t.Fatal("accepted")
	}
	for range 20 {
		if _, err := Parse([]byte(bad)); err.Error() != first.Error() {
			t.Fatalf("the same file gives two errors:\n%v\n%v", first, err)
		}
	}
	var doc map[string]any
	if err := json.Unmarshal(sealed(t, reporttest.Sample()), &doc); err != nil {
		t.Fatal(err)
	}
	doc["problems"] = make([]int, 500)
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(data); err == nil || strings.Count(err.Error(), "\n") != maxSchemaErrors+1 || !strings.Contains(err.Error(), "and 480 more") {
		t.Errorf("500 errors give %v", err)
	}
}

// TestSchemaRequires removes each required member, one at a time, from every kind of object in the sample, and adds
// one that the schema does not know; each time the report has to be refused.
func TestSchemaRequires(t *testing.T) {
	var schema, doc map[string]any
	if err := json.Unmarshal(schemas.Report(), &schema); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(sealed(t, reporttest.Sample()), &doc); err != nil {
		t.Fatal(err)
	}
	if _, err := parseDoc(t, doc); err != nil {
		t.Fatalf("the sample itself is refused: %v", err)
	}
	tried := 0
	refused := func(what string) {
		t.Helper()
		tried++
		if _, err := parseDoc(t, doc); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	seen := map[string]bool{}
	walkSchema(schema, schema, doc, "", func(path string, node, object map[string]any) {
		if seen[path] {
			return // one object of each kind is enough
		}
		seen[path] = true
		required, _ := node["required"].([]any)
		for _, name := range required {
			key := name.(string)
			kept, ok := object[key]
			if !ok {
				t.Errorf("%s: the sample lacks %s", path, key)
				continue
			}
			delete(object, key)
			refused(path + " without " + key)
			object[key] = kept
		}
		object["unknownMember"] = 1
		refused(path + " with a member the schema does not know")
		delete(object, "unknownMember")
	})
	if tried < 90 {
		t.Errorf("only %d changes were tried, so the walk misses most of the schema", tried)
	}
}

func parseDoc(t *testing.T, doc map[string]any) (*Report, error) {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(data)
}

// walkSchema calls visit for each object of the document together with its schema. Items of a list share a path.
func walkSchema(root, node map[string]any, value any, path string, visit func(path string, node, object map[string]any)) {
	if ref, ok := node["$ref"].(string); ok {
		node = root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	switch v := value.(type) {
	case map[string]any:
		visit(path, node, v)
		properties, _ := node["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if p, ok := properties[key].(map[string]any); ok {
				walkSchema(root, p, v[key], path+"/"+key, visit)
			}
		}
	case []any:
		for _, item := range v {
			walkSchema(root, node["items"].(map[string]any), item, path+"/*", visit)
		}
	}
}

// TestSchemaMatchesModel holds the schema and the Go types together: the same members, and required exactly those
// that are always written.
func TestSchemaMatchesModel(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(schemas.Report(), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schema["properties"].(map[string]any)["schemaVersion"].(map[string]any)["const"]; got != SchemaVersion {
		t.Errorf("the schema describes version %v, the model is %s", got, SchemaVersion)
	}
	types := 0
	var compare func(path string, node map[string]any, typ reflect.Type)
	compare = func(path string, node map[string]any, typ reflect.Type) {
		if ref, ok := node["$ref"].(string); ok {
			node = schema["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		}
		switch typ.Kind() {
		case reflect.Pointer:
			compare(path, node, typ.Elem())
		case reflect.Slice:
			compare(path+"/*", node["items"].(map[string]any), typ.Elem())
		case reflect.Struct:
			if typ == reflect.TypeFor[time.Time]() {
				return
			}
			types++
			properties, _ := node["properties"].(map[string]any)
			required, _ := node["required"].([]any)
			var members []string
			for i := range typ.NumField() {
				tag, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				members = append(members, tag)
				p, ok := properties[tag].(map[string]any)
				if !ok {
					t.Errorf("%s: the schema lacks %s", path, tag)
					continue
				}
				if always := options == ""; always != slices.Contains(required, any(tag)) {
					t.Errorf("%s: %s is always written: %v, the schema requires it: %v", path, tag, always, !always)
				}
				compare(path+"/"+tag, p, typ.Field(i).Type)
			}
			for name := range properties {
				if !slices.Contains(members, name) {
					t.Errorf("%s: the model lacks %s", path, name)
				}
			}
		}
	}
	compare("", schema, reflect.TypeFor[Report]())
	if types < 15 {
		t.Errorf("only %d types were compared", types)
	}
}

func TestSealAndVerify(t *testing.T) {
	r := reporttest.Sample()
	data := sealed(t, r)
	if err := Verify(data); err != nil {
		t.Fatal(err)
	}
	// Whitespace and the order of members are no content.
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	compact, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(compact); err != nil {
		t.Errorf("the same content, written in another way, is refused: %v", err)
	}
	again := reporttest.Sample()
	if err := Seal(again); err != nil || again.Digest != r.Digest {
		t.Errorf("equal reports have digests %s and %s (%v)", r.Digest, again.Digest, err)
	}
	if err := Seal(again); err != nil || again.Digest != r.Digest {
		t.Errorf("sealing twice changes the digest (%v)", err)
	}
	for _, c := range []struct{ name, data, want string }{
		{"changed text", strings.Replace(string(data), "soon", "5", 1), "was changed after it was written"},
		{"no digest", strings.Replace(string(data), r.Digest, "", 1), "carries no digest"},
		{"changed verdict", strings.Replace(string(data), `"not conformant"`, `"conformant"`, 1), "was changed"},
		{"not a report", "{}", "not a report"},
	} {
		if err := Verify([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// Sealed again by a forger, it still has to make sense.
	r.Verdict, r.ExitCode = Conformant, 0
	if err := Verify(sealed(t, r)); err == nil || !strings.Contains(err.Error(), "does not follow from the checks") {
		t.Errorf("a forged verdict gives %v", err)
	}
}

// TestDigestIsRFC8785 pins the digest to its published definition, by an implementation of another kind: a file
// sealed today has to verify for as long as the format lives.
func TestDigestIsRFC8785(t *testing.T) {
	got, err := digestOf([]byte(`{ "b": [1, 2.50, "é\u0041"], "digest": "x", "a": {"z": null, "y": true} }`))
	if err != nil {
		t.Fatal(err)
	}
	// printf '%s' '{"a":{"y":true,"z":null},"b":[1,2.5,"éA"]}' | sha256sum
	const want = "sha256:aab5404ae2fb025b33cd6a22854fea1449a151ee90622759c4b383d52cc0b21c"
	if got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sealed(f, reporttest.Sample()))
	f.Add(sealed(f, &Report{Verdict: NothingSelected, ExitCode: 4, IG: "3.0.0", Tool: Tool{Name: "bulkproof"}}))
	f.Add([]byte(`{"schemaVersion":"1.1"}`))
	f.Add([]byte(`{"schemaVersion":"1.0","checks":[{"id":"x","findings":[{"evidence":{"line":1e400}}]}]}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			if r != nil {
				t.Error("a report and an error")
			}
			return
		}
		_ = Validate(r)
		_ = Verify(data)
		first := sealed(t, r)
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("what was read and written is refused: %v", err)
		}
		if second := sealed(t, again); !bytes.Equal(first, second) {
			t.Errorf("not stable: %s", fmt.Sprintf("%q", first))
		}
	})
}
