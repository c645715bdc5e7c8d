package refserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func TestTypeFilter(t *testing.T) {
	c := serve(t, Config{})
	all := c.export("/Patient/$export"+q("_type", "Patient,Observation,Encounter"), nil)
	match := func(typ string, in func(map[string]any) bool) []string {
		var out []string
		for _, ref := range all.of(typ) {
			if in(all.lines[ref]) {
				out = append(out, ref)
			}
		}
		return out
	}
	final := match("Observation", func(r map[string]any) bool { return r["status"] == "final" })
	amended := match("Observation", func(r map[string]any) bool { return r["status"] != "final" })
	female := match("Patient", func(r map[string]any) bool { return r["gender"] == "female" })
	if len(final) == 0 || len(amended) == 0 || len(female) == 0 || len(female) == len(all.of("Patient")) {
		t.Fatal("the data cannot tell a filter that works")
	}
	run := func(query string) exported { return c.export("/Patient/$export?_type=Patient,Observation"+query, nil) }
	one := run("&_typeFilter=Observation%3Fstatus%3Dfinal")
	if !slices.Equal(one.of("Observation"), final) || !slices.Equal(one.of("Patient"), all.of("Patient")) {
		t.Errorf("%d of %d Observations, %d Patients", len(one.of("Observation")), len(final), len(one.of("Patient")))
	}
	if or := run("&_typeFilter=Observation%3Fstatus%3Dfinal&_typeFilter=Observation%3Fstatus%3Anot%3Dfinal"); len(or.of("Observation")) != len(final)+len(amended) {
		t.Error("repeated filters are not joined by or")
	}
	if both := run("&_typeFilter=Patient%3Fgender%3Dfemale&_typeFilter=Observation%3Fstatus%3Dfinal"); !slices.Equal(both.of("Patient"), female) || !slices.Equal(both.of("Observation"), final) {
		t.Error("filters of two types are not independent")
	}
	if none := run("&_typeFilter=Observation%3Fcode%3Dno-such-code"); len(none.of("Observation")) != 0 || len(none.of("Patient")) == 0 {
		t.Error("a filter without match")
	}
	posted := c.exportPOST("/Patient/$export", body4("_type", "valueString", "Patient,Observation", "_typeFilter", "valueString", "Observation?status=final"))
	if !slices.Equal(posted.refs, one.refs) {
		t.Error("POST filters otherwise")
	}
	for query, mention := range map[string]string{
		"Patient?nosuchparam=1":                                "nosuchparam",
		"Patient?_sort=name":                                   "_sort",
		"Patient?_include=Patient:organization":                "_include",
		"Patient?_elements=id":                                 "_elements",
		"?_lastUpdated=gt2000-01-01":                           "no resource type",
		"Patient/1/Observation?status=final":                   "compartment",
		"NoSuchType?status=x":                                  "NoSuchType",
		"patient?gender=female":                                "resource type",
		"Observation?subject.name=x":                           "chained",
		"Observation?date=ap2024-01-01":                        "ap",
		"Observation?date=yesterday":                           "ye",
		"Observation?date=2024-1-1":                            "date",
		"Observation?status:text=final":                        ":text",
		"Patient?gender":                                       "no value",
		"Patient?gender:missing=maybe":                         "true or false",
		"Observation?status=final,Observation?status=active":   "second query",
		"Observation?status=%zz":                               "URL-encoded",
		"Observation?patient:Patient=" + all.of("Patient")[0]:  ":Patient",
		"Observation?_has:Provenance:target:agent=x":           "_has",
		"Patient?family:exact=A&birthdate=gt1900&_count=5":     "_count",
		"Observation?_summary=true":                            "_summary",
		"Patient?organization=Organization/x&_revinclude=none": "_revinclude",
	} {
		if text := c.refusal(c.get("/Patient/$export"+q("_typeFilter", query)), 400, "not-supported"); !strings.Contains(text, mention) {
			t.Errorf("%s: %q", query, text)
		}
	}

	old := serve(t, Config{IG: IG200})
	joined := "&_typeFilter=Observation%3Fstatus%3Dfinal,Patient%3Fgender%3Dfemale"
	repeated := "&_typeFilter=Observation%3Fstatus%3Dfinal&_typeFilter=Patient%3Fgender%3Dfemale"
	a, b := old.export("/Patient/$export?_type=Patient,Observation"+joined, nil), old.export("/Patient/$export?_type=Patient,Observation"+repeated, nil)
	if !slices.Equal(a.refs, b.refs) || !slices.Equal(a.of("Patient"), female) || !slices.Equal(a.of("Observation"), final) {
		t.Error("2.0.0: joined and repeated filters differ")
	}
}

// Every search parameter that is listed for a type is used on the data: whatever value a resource has,
// a search for it finds the resource, and no search finds everything.
func TestEverySearchParameterWorks(t *testing.T) {
	set, err := dataset.New(dataset.Config{BaseURL: "http://x.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range set.Types() {
		for _, p := range searchParamsOf(typ) {
			found := false
			for r := range set.Resources(typ) {
				var root map[string]any
				if err := json.Unmarshal(r.JSON, &root); err != nil {
					t.Fatal(err)
				}
				for _, path := range p.Paths {
					for _, element := range collect(nil, root, strings.Split(path, ".")) {
						value := searchValue(p.Kind, element)
						if value == "" {
							continue
						}
						f, err := newTypeFilter(typ, "", map[string][]string{p.Name: {value}})
						if err != nil {
							t.Fatalf("%s.%s=%s: %v", typ, p.Name, value, err)
						}
						if p.Target != "" && !strings.HasPrefix(value, p.Target+"/") {
							continue
						}
						found = true
						if !f.Matches(r.JSON) {
							t.Errorf("%s?%s=%s does not find the resource it was taken from", typ, p.Name, value)
						}
						if f.Matches([]byte(`{"resourceType":"` + typ + `"}`)) {
							t.Errorf("%s?%s matches an empty resource", typ, p.Name)
						}
					}
				}
			}
			if !found {
				t.Errorf("%s.%s: no resource has a value for it", typ, p.Name)
			}
		}
	}
}

// searchValue words an element as a search value that has to find it.
func searchValue(kind searchKind, element any) string {
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace
	object, _ := element.(map[string]any)
	text := func(key string) string { s, _ := object[key].(string); return s }
	switch kind {
	case referenceSearch:
		return text("reference")
	case dateSearch:
		if s, ok := element.(string); ok {
			return s
		}
		if start := text("start"); start != "" {
			return "sa1900-01-01"
		}
		return ""
	case tokenSearch:
		if object == nil {
			return fmt.Sprint(element)
		}
		if codings := list(object, "coding"); len(codings) > 0 {
			return escape(codings[0]["system"].(string) + "|" + codings[0]["code"].(string))
		}
		if v := text("value"); v != "" {
			return escape(text("system") + "|" + v)
		}
		if text("code") == "" {
			return ""
		}
		return text("system") + "|" + text("code")
	}
	s, _ := element.(string)
	return escape(s)
}

func TestMatching(t *testing.T) {
	resource := `{"resourceType":"Encounter","id":"a","status":"finished","class":{"system":"s","code":"AMB"},
		"type":[{"coding":[{"system":"t","code":"1"},{"code":"2"}]}],"subject":{"reference":"http://h.example/Patient/p/_history/2"},
		"period":{"start":"2024-03-10T23:30:00-05:00","end":"2024-03-12"},"meta":{"lastUpdated":"2024-05-01T10:00:00.250Z"}}`
	patient := `{"resourceType":"Patient","active":true,"birthDate":"1990-06","name":[{"family":"O'Neil, Jr","given":["Zoë","Mia"]}],
		"identifier":[{"system":"urn:x","value":"7"}]}`
	for query, want := range map[string]bool{
		"Encounter":                                             true,
		"Encounter?":                                            true,
		"Encounter?status=finished":                             true,
		"Encounter?status=planned,finished":                     true,
		"Encounter?status=Finished":                             false,
		"Encounter?status:not=finished":                         false,
		"Encounter?status=finished&_id=b":                       false,
		"Encounter?_id=a":                                       true,
		"Encounter?class=AMB":                                   true,
		"Encounter?class=s|AMB":                                 true,
		"Encounter?class=x|AMB":                                 false,
		"Encounter?class=s|":                                    true,
		"Encounter?class=|AMB":                                  false,
		"Encounter?type=2":                                      true,
		"Encounter?type=|2":                                     true,
		"Encounter?type=t|2":                                    false,
		"Encounter?patient=p":                                   true,
		"Encounter?patient=Patient/p":                           true,
		"Encounter?patient=Group/p":                             false,
		"Encounter?subject=p":                                   true,
		"Encounter?subject=Group/p":                             false,
		"Encounter?identifier:missing=true":                     true,
		"Encounter?status:missing=true":                         false,
		"Encounter?date=2024-03":                                true,
		"Encounter?date=2024-03-11":                             false,
		"Encounter?date=ne2024-03-11":                           true,
		"Encounter?date=gt2024-03-11":                           true,
		"Encounter?date=gt2024-03-12":                           false,
		"Encounter?date=ge2024-03-12":                           false,
		"Encounter?date=le2024-03-12":                           true,
		"Encounter?date=lt2024-03-11":                           false,
		"Encounter?date=lt2024-03-11T05:00:00Z":                 true,
		"Encounter?date=sa2024-03-10":                           true,
		"Encounter?date=sa2024-03-11":                           false,
		"Encounter?date=eb2024-03-13":                           true,
		"Encounter?date=eb2024-03-12":                           false,
		"Encounter?_lastUpdated=2024-05-01":                     true,
		"Encounter?_lastUpdated=2024-05-01T10:00:00Z":           true,
		"Encounter?_lastUpdated=gt2024-05-01T10:00:00.250Z":     false,
		"Encounter?_lastUpdated=gt2024-05-01T10:00:00.249Z":     true,
		"Encounter?_lastUpdated=ge2024-05-01T12:00:00%2B02:00":  true,
		"Encounter?_lastUpdated=ge2024-05-01T12:00:00.250+2:00": false,
		"Patient?name=zo":                                       true,
		"Patient?given=mia":                                     true,
		"Patient?given:exact=mia":                               false,
		"Patient?given:exact=Mia":                               true,
		"Patient?family:contains=eil":                           true,
		"Patient?family=eil":                                    false,
		`Patient?family=O'Neil\, Jr`:                            true,
		"Patient?active=true":                                   true,
		"Patient?active=false":                                  false,
		"Patient?identifier=urn:x|7":                            true,
		"Patient?identifier=7":                                  true,
		"Patient?identifier=urn:y|7":                            false,
		"Patient?birthdate=1990":                                true,
		"Patient?birthdate=1990-06-15":                          false,
	} {
		f, err := parseTypeFilter(query)
		if err != nil {
			if want {
				t.Errorf("%s: %v", query, err)
			}
			continue
		}
		text := resource
		if f.Type == "Patient" {
			text = patient
		}
		if got := f.Matches([]byte(text)); got != want {
			t.Errorf("%s matches: %t", query, got)
		}
	}
	f, _ := parseTypeFilter("Patient?active=true")
	if f.Matches([]byte("no JSON")) {
		t.Error("text that is no JSON matches")
	}
}
