package resource

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// writePackage writes a FHIR package with these files and returns its path.
func writePackage(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const manifestR4 = `{"name":"test.ig","version":"1.0.0","fhirVersions":["4.0.1"]}`

// structure writes a StructureDefinition; elements are the members of each ElementDefinition after its id.
func structure(name, typ string, elements ...[2]string) string {
	var list []string
	for _, e := range elements {
		list = append(list, `{"id":"`+e[0]+`","path":"`+e[0]+`",`+e[1]+`}`)
	}
	return `{"resourceType":"StructureDefinition","id":"` + name + `","url":"http://x/` + name + `","name":"` + name + `","kind":"resource","type":"` + typ +
		`","derivation":"constraint","snapshot":{"element":[` + strings.Join(list, ",") + `]}}`
}

func testPackage(t testing.TB) string {
	return writePackage(t, map[string]string{
		"package.json": manifestR4,
		"StructureDefinition-obs.json": structure("obs", "Observation",
			[2]string{"Observation", `"min":0,"max":"*","constraint":[{"key":"obs-x-1","expression":"true","source":"http://x/obs"}]`},
			[2]string{"Observation.extension", `"min":1,"max":"*","type":[{"code":"Extension"}],"slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"}`},
			[2]string{"Observation.extension:why", `"sliceName":"why","min":1,"max":"1","type":[{"code":"Extension","profile":["http://x/why"]}],"mustSupport":true`},
			[2]string{"Observation.status", `"min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"final"`},
			[2]string{"Observation.category", `"min":1,"max":"2","type":[{"code":"CodeableConcept"}],"slicing":{"discriminator":[{"type":"pattern","path":"$this"}],"rules":"closed"}`},
			[2]string{"Observation.category:lab", `"sliceName":"lab","min":1,"max":"1","type":[{"code":"CodeableConcept"}],"patternCodeableConcept":{"coding":[{"system":"http://c","code":"lab"}]}`},
			[2]string{"Observation.category:other", `"sliceName":"other","min":0,"max":"*","type":[{"code":"CodeableConcept"}],"binding":{"strength":"required","valueSet":"http://x/vs|1"}`},
			[2]string{"Observation.code", `"min":1,"max":"1","type":[{"code":"CodeableConcept"}],"mustSupport":true,"binding":{"strength":"required","valueSet":"http://x/vs"}`},
			[2]string{"Observation.code.text", `"min":0,"max":"0","type":[{"code":"string"}]`},
			[2]string{"Observation.subject", `"min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Group"]}]`},
			[2]string{"Observation.value[x]", `"min":0,"max":"1","type":[{"code":"Quantity"},{"code":"string"}],"mustSupport":true,"slicing":{"discriminator":[{"type":"type","path":"$this"}],"rules":"open"}`},
			[2]string{"Observation.value[x]:valueQuantity", `"sliceName":"valueQuantity","min":0,"max":"1","type":[{"code":"Quantity"}]`},
			[2]string{"Observation.value[x]:valueQuantity.unit", `"min":1,"max":"1","type":[{"code":"string"}],"maxLength":3`},
			[2]string{"Observation.dataAbsentReason", `"min":0,"max":"1","type":[{"code":"CodeableConcept"}],"mustSupport":true`},
			[2]string{"Observation.component", `"min":0,"max":"*","type":[{"code":"BackboneElement"}],"slicing":{"discriminator":[{"type":"value","path":"code.coding.code"},{"type":"exists","path":"dataAbsentReason"}],"rules":"open"}`},
			[2]string{"Observation.component:a", `"sliceName":"a","min":0,"max":"1","type":[{"code":"BackboneElement"}]`},
			[2]string{"Observation.component:a.code", `"min":1,"max":"1","type":[{"code":"CodeableConcept"}]`},
			[2]string{"Observation.component:a.code.coding", `"min":1,"max":"*","type":[{"code":"Coding"}]`},
			[2]string{"Observation.component:a.code.coding.code", `"min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"a"`},
			[2]string{"Observation.component:a.dataAbsentReason", `"min":0,"max":"0","type":[{"code":"CodeableConcept"}]`},
			[2]string{"Observation.component:b", `"sliceName":"b","min":0,"max":"1","type":[{"code":"BackboneElement"}]`},
			[2]string{"Observation.component:b.code", `"min":1,"max":"1","type":[{"code":"CodeableConcept"}]`},
		),
		"StructureDefinition-why.json": structure("why", "Extension",
			[2]string{"Extension", `"min":0,"max":"*"`},
			[2]string{"Extension.url", `"min":1,"max":"1","type":[{"code":"http://hl7.org/fhirpath/System.String"}],"fixedUri":"http://x/why"`},
			[2]string{"Extension.value[x]", `"min":1,"max":"1","type":[{"code":"code"}]`},
		),
		"StructureDefinition-person.json": structure("person", "Patient",
			[2]string{"Patient", `"min":0,"max":"*"`},
			[2]string{"Patient.gender", `"min":1,"max":"1","type":[{"code":"code"}],"mustSupport":true`},
			[2]string{"Patient.name", `"min":2,"max":"*","type":[{"code":"HumanName"}]`},
			[2]string{"Patient.name.given", `"min":1,"max":"*","type":[{"code":"string"}],"mustSupport":true`},
			[2]string{"Patient.contact", `"min":0,"max":"*","type":[{"code":"BackboneElement"}],"binding":{"strength":"required","valueSet":"http://x/unknown"}`},
		),
		"StructureDefinition-other.json": structure("other", "Observation",
			[2]string{"Observation", `"min":0,"max":"*"`},
			[2]string{"Observation.subject", `"min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://x/person"]}]`},
			[2]string{"Observation.performer", `"min":0,"max":"*","type":[{"code":"Reference"}],"slicing":{"discriminator":[{"type":"type","path":"resolve()"}],"rules":"open"}`},
			[2]string{"Observation.performer:org", `"sliceName":"org","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Organization"]}]`},
			[2]string{"Observation.note", `"min":0,"max":"*","type":[{"code":"Annotation"}],"slicing":{"discriminator":[{"type":"value","path":"text"}],"rules":"open"}`},
			[2]string{"Observation.note:x", `"sliceName":"x","min":1,"max":"1","type":[{"code":"Annotation"}]`},
		),
		"StructureDefinition-bytype.json": structure("bytype", "Bundle",
			[2]string{"Bundle", `"min":0,"max":"*"`},
			[2]string{"Bundle.entry", `"min":0,"max":"*","type":[{"code":"BackboneElement"}],"slicing":{"discriminator":[{"type":"type","path":"resource"}],"rules":"closed"}`},
			[2]string{"Bundle.entry:pat", `"sliceName":"pat","min":1,"max":"1","type":[{"code":"BackboneElement"}]`},
			[2]string{"Bundle.entry:pat.resource", `"min":1,"max":"1","type":[{"code":"Patient"}]`},
		),
		"StructureDefinition-byprofile.json": structure("byprofile", "Bundle",
			[2]string{"Bundle", `"min":0,"max":"*"`},
			[2]string{"Bundle.entry", `"min":0,"max":"*","type":[{"code":"BackboneElement"}],"slicing":{"discriminator":[{"type":"profile","path":"resource"}],"rules":"open"}`},
			[2]string{"Bundle.entry:p", `"sliceName":"p","min":1,"max":"1","type":[{"code":"BackboneElement"}]`},
			[2]string{"Bundle.entry:p.resource", `"min":1,"max":"1","type":[{"code":"Patient","profile":["http://x/person"]}]`},
		),
		"StructureDefinition-deep.json": structure("deep", "Observation",
			[2]string{"Observation", `"min":0,"max":"*"`},
			[2]string{"Observation.identifier", `"min":0,"max":"*","type":[{"code":"Identifier"}],"slicing":{"discriminator":[{"type":"value","path":"type"}],"rules":"open"}`},
			[2]string{"Observation.identifier:mr", `"sliceName":"mr","min":1,"max":"1","type":[{"code":"Identifier"}]`},
			[2]string{"Observation.identifier:mr.type", `"min":1,"max":"1","type":[{"code":"CodeableConcept"}]`},
			[2]string{"Observation.identifier:mr.type.coding", `"min":1,"max":"*","type":[{"code":"Coding"}]`},
			[2]string{"Observation.identifier:mr.type.coding.code", `"min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"MR"`},
			[2]string{"Observation.component", `"min":0,"max":"*","type":[{"code":"BackboneElement"}],"slicing":{"discriminator":[{"type":"type","path":"value"}],"rules":"open"}`},
			[2]string{"Observation.component:q", `"sliceName":"q","min":1,"max":"1","type":[{"code":"BackboneElement"}]`},
			[2]string{"Observation.component:q.value[x]", `"min":1,"max":"1","type":[{"code":"Quantity"}]`},
			[2]string{"Observation.device", `"min":0,"max":"1","type":[{"code":"Reference","profile":["http://x/refa","http://x/refb"]}]`},
			[2]string{"Observation.note", `"min":0,"max":"*","type":[{"code":"Annotation"}],"slicing":{"rules":"open"}`},
			[2]string{"Observation.note:y", `"sliceName":"y","min":1,"max":"1","type":[{"code":"Annotation"}]`},
		),
		"StructureDefinition-refa.json": structure("refa", "Reference", [2]string{"Reference", `"min":0,"max":"*"`}, [2]string{"Reference.display", `"min":1,"max":"1","type":[{"code":"string"}]`}),
		"StructureDefinition-refb.json": structure("refb", "Reference", [2]string{"Reference", `"min":0,"max":"*"`}, [2]string{"Reference.identifier", `"min":1,"max":"1","type":[{"code":"Identifier"}]`}),
		"ValueSet-vs.json":              `{"resourceType":"ValueSet","url":"http://x/vs","compose":{"include":[{"system":"http://c","concept":[{"code":"one"}]},{"system":"http://open"}]}}`,
		"CodeSystem-x.json":             `{"resourceType":"CodeSystem","url":"http://x/cs","content":"complete"}`,
		".index.json":                   `not json`,
		"ValueSet/ignored.txt":          `x`,
	})
}

func TestProfiles(t *testing.T) {
	d := definitionsFor(t, "R4")
	p, err := LoadProfiles(d, testPackage(t))
	if err != nil {
		t.Fatal(err)
	}
	const (
		why  = `"extension":[{"url":"http://x/why","valueCode":"a"}],`
		cat  = `"category":[{"coding":[{"system":"http://c","code":"lab"},{"system":"http://d","code":"x"}]}],`
		code = `"code":{"coding":[{"system":"http://c","code":"one"}]},`
		meta = `{"resourceType":"Observation","meta":{"profile":["http://x/obs|1.0.0"]},`
		deep = `{"resourceType":"Observation","meta":{"profile":["http://x/deep"]},"status":"final","code":{"text":"x"},`
		good = meta + why + `"status":"final",` + cat + code + `"subject":{"reference":"Group/1"}`
	)
	tests := []struct {
		line string
		want []string
	}{
		{good + `}`, nil},
		{good + `,"valueQuantity":{"value":1,"unit":"kg"},"component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]}`, nil},
		{strings.Replace(good, `"code":"one"`, `"code":"two"`, 1) + `}`, []string{"profile.code /code"}},
		{strings.Replace(good, `{"system":"http://c","code":"one"}`, `{"system":"http://open","code":"any"}`, 1) + `}`, nil},
		{strings.Replace(good, `"final"`, `"amended"`, 1) + `}`, []string{"profile.fixed /status"}},
		{strings.Replace(good, why, "", 1) + `}`, []string{"profile.cardinality.min ", "profile.slice.min "}},
		{strings.Replace(good, "http://x/why", "http://x/else", 1) + `}`, []string{"profile.slice.min "}},
		{strings.Replace(good, `valueCode`, `valueString`, 1) + `}`, []string{"profile.type /extension/0/valueString"}},
		{strings.Replace(good, cat, `"category":[{"text":"x"}],`, 1) + `}`, []string{"profile.slice.closed /category/0", "profile.slice.min "}},
		{strings.Replace(good, cat, strings.Replace(cat, `}],`, `},{"coding":[{"system":"http://c","code":"one"}]},{"coding":[{"system":"http://c","code":"one"}]}],`, 1), 1) + `}`, []string{"profile.cardinality.max "}},
		{strings.Replace(good, cat, strings.Replace(cat, `}],`, `},{"coding":[{"system":"http://c","code":"lab"}]}],`, 1), 1) + `}`, []string{"profile.slice.max "}},
		{strings.Replace(good, `}]},"subject"`, `}],"text":"t"},"subject"`, 1) + `}`, []string{"profile.cardinality.max /code"}},
		{strings.Replace(good, "Group/1", "Patient/1", 1) + `}`, []string{"profile.reference.target /subject/reference"}},
		{good + `,"valueBoolean":true}`, []string{"profile.type /valueBoolean"}},
		{good + `,"valueQuantity":{"value":1}}`, []string{"profile.cardinality.min /valueQuantity"}},
		{good + `,"valueQuantity":{"value":1,"unit":"long"}}`, []string{"profile.max-length /valueQuantity/unit"}},
		{good + `,"_valueString":{"extension":[{"url":"http://y","valueCode":"z"}]}}`, nil},
		{good + `,"component":[{"code":{"coding":[{"code":"a"}]}},{"code":{"coding":[{"code":"a"}]}}]}`, []string{"profile.slice.max "}},
		{good + `,"component":[{"code":{"coding":[{"code":"a"}]},"dataAbsentReason":{"text":"x"}},{"code":{"coding":[{"code":"a"}]}}]}`, nil},
		{`{"resourceType":"Observation","meta":{"profile":["http://x/person"]},"status":"final","code":{"text":"x"}}`, []string{"profile.claim /meta/profile"}},
		{`{"resourceType":"Observation","status":"final","code":{"text":"x"}}`, nil}, // two profiles, none claimed
		{`{"resourceType":"Patient","name":[{"given":["a"]},{"family":"b"}]}`, []string{"profile.cardinality.min ", "profile.cardinality.min /name/1"}},
		{`{"resourceType":"Patient","gender":"male","name":[{"given":["a"]},{"_given":[{"extension":[{"url":"http://y","valueCode":"z"}]}]}]}`, nil},
		{`{"resourceType":"Observation","meta":{"profile":["http://x/other"]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"},"performer":[{"reference":"Organization/1"},{"reference":"Patient/1"}]}`, nil},
		{`{"resourceType":"Observation","meta":{"profile":["http://x/other"]},"status":"final","code":{"text":"x"},"performer":[{"reference":"Patient/1"}]}`, []string{"profile.cardinality.min ", "profile.slice.min "}},
		{`{"resourceType":"Bundle","type":"collection","meta":{"profile":["http://x/bytype"]},"entry":[{"resource":{"resourceType":"Patient"}}]}`, nil},
		{`{"resourceType":"Bundle","type":"collection","meta":{"profile":["http://x/bytype"]},"entry":[{"resource":{"resourceType":"Binary","contentType":"a/b"}}]}`,
			[]string{"profile.slice.closed /entry/0", "profile.slice.min "}},
		{`{"resourceType":"Bundle","type":"collection","meta":{"profile":["http://x/byprofile"]},"entry":[{"resource":{"resourceType":"Patient","gender":"male","name":[{"given":["a"]},{"given":["b"]}]}}]}`, nil},
		{`{"resourceType":"Bundle","type":"collection","meta":{"profile":["http://x/byprofile"]},"entry":[{"resource":{"resourceType":"Patient"}}]}`, []string{"profile.slice.min "}},
		{deep + `"identifier":[{"type":{"coding":[{"code":"XX"},{"code":"MR"}]},"value":"1"}],"component":[{"code":{"text":"x"},"valueQuantity":{"value":1}}],"device":{"display":"x"}}`,
			[]string{"profile.fixed /identifier/0/type/coding/0/code"}},
		{deep + `"identifier":[{"type":{"coding":[{"code":"XX"}]},"value":"1"}],"component":[{"code":{"text":"x"},"valueString":"y"}],"device":{"reference":"Device/1"}}`,
			[]string{"profile.slice.min ", "profile.slice.min ", "profile.type-profile /device"}},
		{deep + `"identifier":[{"type":{"coding":[{"code":"MR"}]}}],"component":[{"code":{"text":"x"},"valueQuantity":{"value":1}}],"device":{"identifier":{"value":"x"}}}`, nil},
		{good + `,"foo":1}`, []string{"fhir.unknown-element /foo"}},
		{good + `,"issued":01}`, []string{"fhir.type /issued", "json.number /issued"}},
	}
	v := NewJudge(d, Options{Profiles: p, Values: true})
	for _, tt := range tests {
		if got := rules(v, []byte(tt.line)); !slices.Equal(got, tt.want) {
			t.Errorf("%s\n got %q\nwant %q", tt.line, got, tt.want)
		}
	}
	for _, s := range samples {
		rules(v, []byte(s)) // must not panic
	}
}

func TestProfileSeverity(t *testing.T) {
	d := definitionsFor(t, "R4")
	p, err := LoadProfiles(d, testPackage(t))
	if err != nil {
		t.Fatal(err)
	}
	v := NewJudge(d, Options{Profiles: p})
	for line, want := range map[string]string{
		`{"resourceType":"Patient","name":[{"given":["a"]},{"given":["b"]}]}`:                                        "warning profile.cardinality.min  0 The profile person (not claimed, but the only one for Patient) requires the element gender, which is missing. Patient.gender",
		`{"resourceType":"Patient","meta":{"profile":["http://x/person"]},"gender":"male","name":[{"given":["a"]}]}`: "error profile.cardinality.min  0 The profile person requires the element name at least 2 times; it occurs 1 times. Patient.name",
	} {
		var got []string
		v.Line([]byte(line), func(p Problem) { got = append(got, describe(p)+" "+p.Path) })
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

func TestMustSupport(t *testing.T) {
	d := definitionsFor(t, "R4")
	p, err := LoadProfiles(d, testPackage(t))
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewJudge(d, Options{Profiles: p}), NewJudge(d, Options{Profiles: p})
	ignore := func(Problem) {}
	a.Line([]byte(`{"resourceType":"Patient","gender":"male"}`), ignore)
	a.Line([]byte(`{"resourceType":"Patient","name":[{"family":"x"}]}`), ignore)
	b.Line([]byte(`{"resourceType":"Observation","meta":{"profile":["http://x/obs"]},"code":{"text":"x"},"valueString":"x","extension":[{"url":"http://x/why","valueCode":"y"}]}`), ignore)
	a.Support().Merge(b.Support())
	var got []string
	for _, r := range a.Support().Report() {
		got = append(got, r.Profile.Name+": "+strings.Join(r.Missing, " "))
		if r.Profile.Name == "person" && (r.Resources != 2 || len(r.Elements) != 2 || !r.Profile.ByType) {
			t.Errorf("got %+v", r)
		}
	}
	want := []string{"obs: Observation.dataAbsentReason", "person: Patient.name.given"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if NewJudge(d, Options{}).Support() != nil {
		t.Error("a judge without profiles counts must-support elements")
	}
}

func TestNotEvaluated(t *testing.T) {
	p, err := LoadProfiles(definitionsFor(t, "R4"), testPackage(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"The FHIRPath invariant obs-x-1 of http://x/obs is not judged.",
		"The required binding to http://x/unknown is not judged: value set http://x/unknown is not in the definitions.",
		"The slice Observation.component:b in http://x/obs is not judged: it does not say what the value at its discriminator is.",
		"The slice Observation.note:x in http://x/other is not judged: it does not say what the value at its discriminator is.",
		"The slices of Observation.note in http://x/deep are not judged: there is no discriminator.",
	}
	if got := p.NotEvaluated(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if list := p.List(); len(list) != 6 || list[3].Name != "obs" || list[3].Type != "Observation" {
		t.Errorf("got %+v", list)
	}
}

func TestLoadProfilesErrors(t *testing.T) {
	d := definitionsFor(t, "R4")
	for want, file := range map[string]string{
		"no such file":                     "missing.tgz",
		"not a FHIR package":               "profile_test.go",
		"no profiles found":                writePackage(t, map[string]string{"package.json": manifestR4}),
		"give the matching --fhir-version": writePackage(t, map[string]string{"package.json": `{"name":"x","fhirVersions":["5.0.0"]}`}),
		"package.json":                     writePackage(t, map[string]string{"StructureDefinition-x.json": "{}"}),
		"StructureDefinition-x.json":       writePackage(t, map[string]string{"package.json": manifestR4, "StructureDefinition-x.json": `{"resourceType":"StructureDefinition","snapshot":1}`}),
	} {
		if _, err := LoadProfiles(d, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

// TestUSCore judges the examples of the published packages. Two alarms are true: a hash that is no base64, and an
// Encounter without type, which does not claim its profile.
func TestUSCore(t *testing.T) {
	d := definitionsFor(t, "R4")
	want := map[string][]string{
		"3.1.1": {
			"DiagnosticReport-cardiology-report.json error fhir.format.base64Binary /presentedForm/0/hash",
			"Encounter-1036.json warning profile.cardinality.min ",
		},
		"4.0.0": nil,
		"6.1.0": nil,
	}
	for version, want := range want {
		file := filepath.Join(sharedData, "hl7.fhir.us.core-"+version+".tgz")
		if _, err := os.Stat(file); err != nil {
			t.Skip("the reference data is not here")
		}
		p, err := LoadProfiles(d, file)
		if err != nil {
			t.Fatal(err)
		}
		src, err := definitions.ReadSource(file)
		if err != nil {
			t.Fatal(err)
		}
		v := NewJudge(d, Options{Profiles: p})
		var got []string
		judged := 0
		for _, ex := range src.Examples {
			var line bytes.Buffer
			if err := json.Compact(&line, ex.JSON); err != nil || !bytes.Contains(line.Bytes(), []byte(`"resourceType"`)) {
				continue
			}
			judged++
			v.Line(line.Bytes(), func(p Problem) {
				got = append(got, ex.Name+" "+p.Severity.String()+" "+p.Rule+" "+p.Pointer)
			})
		}
		if !slices.Equal(got, want) {
			t.Errorf("US Core %s\n got %q\nwant %q", version, got, want)
		}
		if judged < 80 || len(p.List()) < 26 || len(v.Support().Report()) < 20 {
			t.Errorf("US Core %s: %d examples, %d profiles, %d of them met", version, judged, len(p.List()), len(v.Support().Report()))
		}
	}
}

// FuzzProfiles feeds any bytes: nothing may panic, and offsets ascend.
func FuzzProfiles(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"resourceType":"Observation","meta":{"profile":["http://x/obs","http://x/other"]},"extension":[{"url":"http://x/why"}],"category":[{"coding":[{"system":"http://c","code":"lab"}]}],"component":[{"code":{"coding":[{"code":"a"}]}}],"_status":{},"valueQuantity":{"unit":"\u00e9"}}`))
	f.Add([]byte(`{"resourceType":"Patient","meta":{"profile":{}},"name":[null,{"_given":[null]}],"gender":[],"contact":{"a":[[]]}}`))
	d := definitionsFor(f, "R4")
	p, err := LoadProfiles(d, testPackage(f))
	if err != nil {
		f.Fatal(err)
	}
	v := NewJudge(d, Options{Profiles: p, Values: true})
	f.Fuzz(func(t *testing.T, line []byte) {
		last := 0
		v.Line(line, func(p Problem) {
			if p.Offset < last || p.Offset > len(line) {
				t.Fatalf("offset %d after %d in %d bytes", p.Offset, last, len(line))
			}
			last = p.Offset
		})
		v.evaluator.line(line) // also what is no JSON
	})
}
