package refserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzEnvironment knows one patient, who is a member of every group.
var fuzzEnvironment = environment{
	ig: IG300, types: compartmentTypes, held: append([]string{"Organization", "Group"}, compartmentTypes...),
	base:       "http://h.example/r4",
	hasPatient: func(id string) bool { return id == "p" },
	isMember:   func(_, id string) bool { return id == "p" },
}

// checkRead reads parameters strictly and leniently and checks what holds for any input.
func checkRead(t *testing.T, method string, sent []Parameter) {
	strict := &Export{Level: PatientLevel, Method: method, Sent: sent}
	issues := readParams(fuzzEnvironment, strict)
	lenient := &Export{Level: PatientLevel, Method: method, Sent: sent, Lenient: true}
	fatal := readParams(fuzzEnvironment, lenient)
	if len(issues) == 0 && (len(fatal) > 0 || len(lenient.Ignored) > 0) {
		t.Error("what is accepted strictly is not accepted leniently")
	}
	if len(issues) != len(fatal)+len(lenient.Ignored) {
		t.Errorf("%d problems, but %d and %d passed over", len(issues), len(fatal), len(lenient.Ignored))
	}
	for _, i := range slices.Concat(issues, lenient.Ignored) {
		if i.Code == "" || i.Text == "" || len(i.Text) > 400 {
			t.Errorf("issue %+v", i)
		}
	}
	if body := outcome("error", append(issues, Issue{Code: "x", Text: "y"})...); !json.Valid(body) || !utf8.Valid(body) {
		t.Errorf("outcome %q", body)
	}
	for _, typ := range lenient.Types {
		if !slices.Contains(compartmentTypes, typ) {
			t.Errorf("type %q", typ)
		}
	}
}

func FuzzParametersBody(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Parameters"}`,
		`{"resourceType":"Parameters","parameter":[]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient,Observation"}]}`,
		`{"resourceType":"Parameters","id":"x","parameter":[{"id":"a","name":"patient","valueReference":{"reference":"Patient/p","display":"d"}},{"name":"patient","valueReference":{"reference":"Patient/q"}}]}`,
		`{"parameter":[{"valueInstant":"2024-01-01T00:00:00Z","name":"_since"},{"name":"allowPartialManifests","valueBoolean":true}],"resourceType":"Parameters"}`,
		`{"resourceType":"Parameters","parameter":[{"name":"_typeFilter","valueString":"Patient?birthdate=gt1990"},{"name":"includeAssociatedData","valueCode":"LatestProvenanceResources"}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"x","resource":{}}]}`,
		`{"resourceType":"Parameters","parameter":[{"name":"x","valueInteger":3}]}`,
		`{"resourceType":"Parameters","parameter":{}}`,
		`{"resourceType":"Parameters","resourceType":"Parameters"}`,
		`{"resourceType":"Parameters"}{}`, `[]`, `null`, `{`, "\ufeff{}", "{\"resourceType\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sent, err := parseParameters(body)
		if err != nil {
			if len(err.Error()) > 200 || sent != nil {
				t.Errorf("%d parameters and the error %.300q", len(sent), err)
			}
			return
		}
		if !json.Valid(body) {
			t.Error("accepted, but encoding/json does not even call it JSON")
		}
		for _, p := range sent {
			if p.Name == "" || p.Type == "" {
				t.Errorf("parameter %+v", p)
			}
		}
		checkRead(t, "POST", sent)
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "&&", "_type=Patient", "_type=Patient%2CObservation&_type=Condition", "_since=2024-01-01T00:00:00+02:00",
		"_elements=Patient.id,name&patient=Patient/p", "_typeFilter=Patient%3Fgender%3Dmale%26name%3Dx", "_outputFormat=application/fhir+ndjson",
		"organizeOutputBy=Patient&allowPartialManifests=true", "_x=%zz", "=", "a=b=c", "includeAssociatedData=_custom,LatestProvenanceResources", "_type=,",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		sent, err := parseQuery(query)
		if err != nil {
			return
		}
		checkRead(t, "GET", sent)
	})
}

func FuzzTypeFilter(f *testing.F) {
	for _, seed := range []string{
		"Patient?gender=male", "Observation?date=ge2024-01-01&status=final,amended", `Patient?name:contains=a\,b`, "Encounter?class=s|AMB",
		"Patient?_sort=name", "?x=y", "Patient/1/Observation?a=b", "Condition?onset-date=sa2020-02-30", "Observation?code:missing=true",
		"Patient?_id=a,Observation?_id=b", "Observation?patient=http://h/Patient/p/_history/1", "Patient?%zz", "Group?identifier=|x", "Patient?birthdate=2024-01-01T00:00:00.1234567890Z",
	} {
		f.Add(seed)
	}
	resource := []byte(`{"resourceType":"Patient","id":"a","gender":"male","birthDate":"1990-01-01","name":[{"family":"x"}],"meta":{"lastUpdated":"2024-01-01T00:00:00Z"}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		joined := splitJoinedQueries(raw)
		if strings.Join(joined, ",") != raw {
			t.Errorf("%q is split into %q", raw, joined)
		}
		filter, err := parseTypeFilter(raw)
		if err != nil {
			if len(err.Error()) > 500 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
			return
		}
		if !typeName.MatchString(filter.Type) {
			t.Errorf("type %q", filter.Type)
		}
		if first, again := filter.Matches(resource), filter.Matches(resource); first != again {
			t.Error("two answers")
		}
		filter.Matches([]byte(`{"name":[[{}],null,1],"birthDate":{},"meta":[]}`))
	})
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{
		"respond-async", "respond-async,separate-export-status", `handling="lenient"; x=y, respond-async`, "HANDLING=Lenient", "handling=strict, handling=lenient",
		`x="a,respond-async"`, `x="\"`, "", ",,;=", "respond-async; wait=10", "separate-export-status=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p := parsePrefer([]string{header})
		// Two headers are one list (RFC 9110 section 5.3).
		if !strings.ContainsRune(header, '"') && parsePrefer(strings.Split(header, ",")) != p {
			t.Errorf("%q means something else in several headers", header)
		}
		if p.async && !strings.Contains(strings.ToLower(header), "respond-async") {
			t.Errorf("%q has no respond-async", header)
		}
	})
}

func TestPrefer(t *testing.T) {
	for header, want := range map[string]preferences{
		"respond-async":                            {async: true},
		"respond-async,separate-export-status":     {async: true, separate: true},
		"Respond-Async; wait=5 , handling=lenient": {async: true, lenient: true},
		`handling="lenient"`:                       {lenient: true},
		`handling="len\ient"`:                      {lenient: true},
		"handling=strict, handling=lenient":        {},
		`x="respond-async, handling=lenient"`:      {},
		"return=minimal":                           {},
		"":                                         {},
	} {
		if got := parsePrefer([]string{header}); got != want {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
}

func FuzzSubset(f *testing.F) {
	for _, seed := range []string{`{"resourceType":"Patient","id":"a","meta":{"tag":[{"code":"x"}]},"name":[{}],"birthDate":"1","_birthDate":{}}`,
		`{"resourceType":"Patient","id":"a","name":[]}`, `{}`, `[]`, `{"a":1,"a":2}`, `{"meta":3,"name":1}`, `{"n\"":1}`, "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, resource []byte) {
		cut := subset(slices.Clone(resource), "Patient", []Element{{Name: "birthDate"}})
		if string(cut) != string(resource) && !json.Valid(cut) {
			t.Errorf("%q becomes %q", resource, cut)
		}
	})
}
