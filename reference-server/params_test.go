package refserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// patients returns ids of members and of others of the small group.
func patients(c *tester) (members, others []string) {
	set, _ := c.server.set(c.base)
	for r := range set.Resources("Patient") {
		if set.IsMember("few", r.ID) {
			members = append(members, r.ID)
		} else {
			others = append(others, r.ID)
		}
	}
	return members, others
}

// body is a Parameters resource; entries are "name", "valueX", value triples.
func body4(triples ...string) string {
	var list []any
	for i := 0; i < len(triples); i += 3 {
		var value any = triples[i+2]
		switch triples[i+1] {
		case "valueReference":
			value = map[string]any{"reference": triples[i+2]}
		case "valueBoolean":
			value = triples[i+2] == "true"
		}
		list = append(list, map[string]any{"name": triples[i], triples[i+1]: value})
	}
	text, _ := json.Marshal(map[string]any{"resourceType": "Parameters", "parameter": list})
	return string(text)
}

func TestOutputFormat(t *testing.T) {
	c := serve(t, Config{})
	for _, format := range []string{"application/fhir+ndjson", "application/ndjson", "ndjson"} {
		c.want(c.get("/Patient/$export"+q("_outputFormat", format)), 202)
		c.want(c.post("/Patient/$export", body4("_outputFormat", "valueString", format), nil), 202)
	}
	c.want(c.get("/$export?_outputFormat=application/fhir+ndjson"), 202) // the plus sign arrives as a space
	for _, format := range []string{"application/x-not-a-format", "", "application/fhir+json"} {
		c.refusal(c.get("/$export"+q("_outputFormat", format)), 400, "not-supported")
	}
	c.refusal(c.get("/$export?_outputFormat=ndjson&_outputFormat=ndjson"), 400, "invalid")
}

func TestSinceAndUntil(t *testing.T) {
	c := serve(t, Config{})
	all := c.export("/$export", nil)
	var times []time.Time
	updated := map[string]time.Time{}
	for ref, r := range all.lines {
		at, err := time.Parse(time.RFC3339Nano, r["meta"].(map[string]any)["lastUpdated"].(string))
		if err != nil {
			t.Fatal(err)
		}
		updated[ref] = at
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	// At the instant of a resource itself, so that the bound is tested.
	low, high := times[len(times)/3], times[2*len(times)/3]
	for _, test := range []struct {
		name, query string
		in          func(time.Time) bool
	}{
		{"since", q("_since", low.Format(time.RFC3339Nano)), func(at time.Time) bool { return at.After(low) }},
		{"until", q("_until", high.Format(time.RFC3339Nano)), func(at time.Time) bool { return at.Before(high) }},
		{"window", q("_since", low.Format(time.RFC3339Nano), "_until", high.Format(time.RFC3339Nano)),
			func(at time.Time) bool { return at.After(low) && at.Before(high) }},
		{"offset", q("_since", low.In(time.FixedZone("", 5400)).Format(time.RFC3339Nano)), func(at time.Time) bool { return at.After(low) }},
		{"future", q("_since", "2090-01-01T00:00:00Z"), func(time.Time) bool { return false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := c.export("/$export"+test.query, nil)
			var want []string
			for _, ref := range all.refs {
				if test.in(updated[ref]) {
					want = append(want, ref)
				}
			}
			if !slices.Equal(got.refs, want) {
				t.Errorf("%d resources, want %d", len(got.refs), len(want))
			}
		})
	}
	for _, bad := range []string{"not-a-date", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00Z", "2024-13-01T00:00:00Z", ""} {
		c.refusal(c.get("/$export"+q("_since", bad)), 400, "value")
		c.refusal(c.get("/$export"+q("_until", bad)), 400, "value")
	}
	c.want(c.get("/$export?_since=2024-01-01T00:00:00+02:00"), 202)
	empty := c.export("/$export"+q("_since", "2090-01-01T00:00:00Z"), nil)
	if out, ok := empty.manifest["output"].([]any); !ok || len(out) != 0 {
		t.Errorf("output of an empty export is %v", empty.manifest["output"])
	}
}

func TestTransactionTimeLimits(t *testing.T) {
	clk := &clock{at: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := serve(t, Config{Now: clk.now})
	early := c.export("/$export", nil)
	for ref, r := range early.lines {
		if r["meta"].(map[string]any)["lastUpdated"].(string) > "2023-01-01T00:00:00.000Z" {
			t.Errorf("%s is newer than the transaction time", ref)
		}
	}
	clk.advance(5 * 365 * 24 * time.Hour)
	if late := c.export("/$export", nil); len(late.refs) <= len(early.refs) || len(early.refs) == 0 {
		t.Errorf("%d resources then, %d now", len(early.refs), len(late.refs))
	}
}

func TestDeletions(t *testing.T) {
	c := serve(t, Config{})
	set, _ := c.server.set(c.base)
	members, _ := patients(c)
	deleted := func(e exported) []string {
		var out []string
		for _, item := range list(e.manifest, "deleted") {
			if item["type"] != "Bundle" {
				t.Errorf("a deleted file of type %v", item["type"])
			}
			lines := c.file(item["url"].(string))
			if len(lines) != int(item["count"].(float64)) {
				t.Errorf("count %v of %d Bundles", item["count"], len(lines))
			}
			for _, line := range lines {
				b := tree(c, line)
				if b["resourceType"] != "Bundle" || b["type"] != "transaction" || len(list(b, "entry")) == 0 {
					t.Errorf("no transaction: %s", line)
				}
				for _, entry := range list(b, "entry") {
					request := entry["request"].(map[string]any)
					if request["method"] != "DELETE" {
						t.Errorf("method %v", request["method"])
					}
					out = append(out, request["url"].(string))
				}
			}
		}
		slices.Sort(out)
		return out
	}
	since := "2020-01-01T00:00:00Z"
	from, _ := time.Parse(time.RFC3339, since)
	expect := func(in func(dataset.Deletion) bool) []string {
		var out []string
		for d := range set.Deletions() {
			if d.When.After(from) && in(d) {
				out = append(out, d.Type+"/"+d.ID)
			}
		}
		slices.Sort(out)
		return out
	}
	for _, test := range []struct {
		path string
		in   func(dataset.Deletion) bool
	}{
		{"/$export?_since=" + since, func(dataset.Deletion) bool { return true }},
		{"/$export?_type=Observation&_since=" + since, func(d dataset.Deletion) bool { return d.Type == "Observation" }},
		{"/Patient/$export?_since=" + since, func(d dataset.Deletion) bool { return d.Patient != "" }},
		{"/Group/few/$export?_since=" + since, func(d dataset.Deletion) bool { return slices.Contains(members, d.Patient) }},
	} {
		e := c.export(test.path, nil)
		got, want := deleted(e), expect(test.in)
		if !slices.Equal(got, want) {
			t.Errorf("%s: deleted %v, want %v", test.path, got, want)
		}
		for _, ref := range got {
			if e.lines[ref] != nil {
				t.Errorf("%s is deleted and exported", ref)
			}
		}
	}
	if len(expect(func(dataset.Deletion) bool { return true })) < deletionsPerBundle {
		t.Error("too few deletions to fill a Bundle")
	}
	if m := c.export("/$export", nil).manifest; m["deleted"] != nil {
		t.Error("deleted without _since")
	}
	old := serve(t, Config{IG: IG101})
	if m := old.export("/$export?_since="+since, nil).manifest; m["deleted"] != nil {
		t.Error("1.0.1 has no deleted array")
	}
}

func TestType(t *testing.T) {
	c := serve(t, Config{})
	want := c.export("/Patient/$export"+q("_type", "Patient,Observation"), nil)
	if !slices.Equal(want.types(), []string{"Observation", "Patient"}) {
		t.Fatalf("types %v", want.types())
	}
	for _, query := range []string{
		"?_type=Patient,Observation", "?_type=Patient%2CObservation", "?_type=Patient&_type=Observation",
		"?_type=Observation,%20Patient,&_type=Patient",
	} {
		if got := c.export("/Patient/$export"+query, nil); !slices.Equal(got.refs, want.refs) {
			t.Errorf("%s: %d resources, want %d", query, len(got.refs), len(want.refs))
		}
	}
	for _, parameters := range []string{
		body4("_type", "valueString", "Patient,Observation"),
		body4("_type", "valueString", "Patient", "_type", "valueString", "Observation"),
	} {
		if got := c.exportPOST("/Patient/$export", parameters); !slices.Equal(got.refs, want.refs) {
			t.Errorf("%s: %d resources, want %d", parameters, len(got.refs), len(want.refs))
		}
	}
	for path, mention := range map[string]string{
		"/$export?_type=NotAResource":                    "NotAResource",
		"/$export?_type=Patient,Appointment":             "Appointment",
		"/Patient/$export?_type=Organization":            "Organization",
		"/Patient/$export?_type=Patient,Organization":    "Organization",
		"/Group/few/$export?_type=CodeSystem,ValueSet":   "ValueSet",
		"/$export?_type=":                                "_type",
		"/$export?_type=,":                               "_type",
		"/$export?_type=patient":                         `"patient"`,
		"/Patient/$export?_type=Patient&_type=Nonsense1": "Nonsense1",
	} {
		status, code := 400, "not-supported"
		if mention == "_type" {
			code = "value"
		}
		if text := c.refusal(c.get(path), status, code); !strings.Contains(text, mention) {
			t.Errorf("%s: %q", path, text)
		}
	}
}

func TestElements(t *testing.T) {
	c := serve(t, Config{})
	full := c.export("/Patient/$export"+q("_type", "Patient,Observation,Condition"), nil)
	for name, query := range map[string]string{
		"comma":  q("_elements", "Patient.birthDate,identifier,value,Condition.onset"),
		"repeat": q("_elements", "Patient.birthDate", "_elements", "identifier", "_elements", "value", "_elements", "Condition.onset"),
	} {
		cut := c.export("/Patient/$export"+query+"&_type=Patient,Observation,Condition", nil)
		if !slices.Equal(cut.refs, full.refs) {
			t.Fatalf("%s: other resources", name)
		}
		values := 0
		for ref, r := range cut.lines {
			whole, typ := full.lines[ref], r["resourceType"].(string)
			lost := false
			for key := range whole {
				_, kept := r[key]
				element := strings.TrimPrefix(key, "_")
				want := slices.Contains(alwaysKept, element) || slices.Contains(mandatory[typ], element) || slices.Contains(invariants[typ], element) ||
					element == "identifier" || typ == "Patient" && element == "birthDate" ||
					strings.HasPrefix(element, "value") || typ == "Condition" && strings.HasPrefix(element, "onset")
				if kept != want {
					t.Fatalf("%s: %s.%s kept: %t", name, typ, key, kept)
				}
				lost = lost || !kept
			}
			if r["valueQuantity"] != nil {
				values++
			}
			tags, _ := json.Marshal(r["meta"].(map[string]any)["tag"])
			if strings.Contains(string(tags), `"SUBSETTED"`) != lost {
				t.Errorf("%s: lost elements: %t, tags %s", ref, lost, tags)
			}
		}
		if values == 0 {
			t.Error("no Observation kept its valueQuantity")
		}
	}
	for _, bad := range []string{"Patient.name.family", "name.family", "Nothing.name", "Patient.", ".name", "Name", "a b"} {
		c.refusal(c.get("/$export"+q("_elements", bad)), 400, "value")
	}
}

func TestMandatoryElementsCoverTheDataset(t *testing.T) {
	set, err := dataset.New(dataset.Config{BaseURL: "http://x.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range set.Types() {
		required, ok := mandatory[typ]
		if !ok {
			t.Errorf("%s is missing from mandatory", typ)
		}
		if searchParams[typ] == nil {
			t.Errorf("%s has no search parameters", typ)
		}
		for r := range set.Resources(typ) {
			var keys map[string]json.RawMessage
			if err := json.Unmarshal(subset(r.JSON, typ, []Element{{Name: "id"}}), &keys); err != nil {
				t.Fatal(err)
			}
			for _, m := range required {
				found := false
				for key := range keys {
					found = found || isElement(key, m)
				}
				if !found {
					t.Errorf("%s lost or lacks the mandatory %s", typ, m)
				}
			}
		}
	}
}

// The planner counts types without generating them, and blocks are made by walking types side by side:
// both lean on how the dataset is arranged.
func TestDatasetKeepsItsPromises(t *testing.T) {
	for seed := range uint64(3) {
		set, err := dataset.New(dataset.Config{BaseURL: "http://x.example", Seed: seed, Patients: 37})
		if err != nil {
			t.Fatal(err)
		}
		position := map[string]int{}
		for r := range set.Resources("Patient") {
			position[r.ID] = len(position)
		}
		for _, typ := range set.Types() {
			last, n := 0, 0
			for r := range set.Resources(typ) {
				n++
				if !r.LastUpdated.Before(dataset.Epoch) {
					t.Errorf("%s/%s is newer than Epoch", typ, r.ID)
				}
				if slices.Contains(compartmentTypes, typ) && typ != "Provenance" && len(r.Patients) == 0 {
					t.Errorf("%s/%s is in no compartment", typ, r.ID)
				}
				home := homeOf(r)
				if !walked(typ) || home == "" {
					continue
				}
				if position[home] < last {
					t.Errorf("%s/%s comes after patients behind its own", typ, r.ID)
				}
				last = position[home]
			}
			if n != set.Count(typ) {
				t.Errorf("%s: Count %d of %d", typ, set.Count(typ), n)
			}
		}
	}
}

func TestPatientParameter(t *testing.T) {
	c := serve(t, Config{})
	members, others := patients(c)
	whole := c.export("/Patient/$export", nil)
	belongs := func(r map[string]any, id string) bool {
		text, _ := json.Marshal(r)
		return strings.Contains(string(text), `"Patient/`+id+`"`) || r["id"] == id && r["resourceType"] == "Patient"
	}
	one := c.exportPOST("/Patient/$export", body4("patient", "valueReference", "Patient/"+others[0]))
	if !slices.Equal(one.of("Patient"), []string{"Patient/" + others[0]}) || len(one.refs) < 10 {
		t.Errorf("%d resources, patients %v", len(one.refs), one.of("Patient"))
	}
	for _, ref := range whole.refs {
		typ, _, _ := strings.Cut(ref, "/")
		if typ != "Provenance" && belongs(whole.lines[ref], others[0]) != (one.lines[ref] != nil) {
			t.Errorf("%s is exported: %t", ref, one.lines[ref] != nil)
		}
	}
	two := c.exportPOST("/Patient/$export", body4("patient", "valueReference", "Patient/"+others[0], "patient", "valueReference", c.base+"/Patient/"+others[1]))
	if len(two.of("Patient")) != 2 {
		t.Errorf("patients %v", two.of("Patient"))
	}
	group := c.exportPOST("/Group/few/$export", body4("patient", "valueReference", "Patient/"+members[0]))
	if !slices.Equal(group.of("Patient"), []string{"Patient/" + members[0]}) {
		t.Errorf("patients %v", group.of("Patient"))
	}
	for _, test := range []struct{ path, value, code string }{
		{"/Patient/$export", "Patient/does-not-exist", "not-found"},
		{"/Group/few/$export", "Patient/" + others[0], "not-found"},
		{"/Patient/$export", members[0], "value"},
		{"/Patient/$export", "Observation/" + members[0], "value"},
		{"/Patient/$export", "https://elsewhere.example/Patient/" + members[0], "value"},
		{"/$export", "Patient/" + members[0], "not-supported"},
	} {
		for _, prefer := range []string{"respond-async", "respond-async, handling=lenient"} {
			c.refusal(c.post(test.path, body4("patient", "valueReference", test.value), headers{"Prefer": prefer}), 400, test.code)
		}
	}
	c.refusal(c.get("/Patient/$export"+q("patient", "Patient/"+members[0])), 400, "not-supported")
}

// What is looked up for a few patients is what passing over all of them finds.
func TestFewPatientsAreLookedUp(t *testing.T) {
	c := serve(t, Config{Patients: 60})
	members, others := patients(c)
	set, _ := c.server.set(c.base)
	for name, ex := range map[string]*Export{
		"group":      {Level: GroupLevel, Group: "few"},
		"half":       {Level: GroupLevel, Group: "grp.Every-Other"},
		"patients":   {Level: PatientLevel, Patients: others[3:20]},
		"both":       {Level: GroupLevel, Group: "few", Patients: members[1:]},
		"associated": {Level: PatientLevel, Patients: others[:9], Associated: LatestProvenance, Types: []string{"Condition"}},
	} {
		fast := newSelection(set, ex, c.clock.now(), compartmentTypes, nil)
		slow := newSelection(set, ex, c.clock.now(), compartmentTypes, nil)
		if slow.few = nil; fast.few == nil {
			t.Errorf("%s: not few", name)
		}
		for _, typ := range fast.exportTypes() {
			var a, b []string
			for r := range fast.resources(t.Context(), typ) {
				a = append(a, r.ID)
			}
			for r := range slow.resources(t.Context(), typ) {
				b = append(b, r.ID)
			}
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) || len(b) == 0 && typ == "Patient" && ex.Types == nil {
				t.Errorf("%s: %s: %d looked up, %d found", name, typ, len(a), len(b))
			}
		}
	}
}

func TestProvenance(t *testing.T) {
	c := serve(t, Config{})
	set, _ := c.server.set(c.base)
	// expect works the set out from the resources that are exported otherwise.
	expect := func(e exported, latest bool) []string {
		var out []string
		for p := range set.Resources("Provenance") {
			for _, target := range p.Provenance.Targets {
				if e.lines[target.Ref] != nil && (!latest || target.Latest) {
					out = append(out, "Provenance/"+p.ID)
					break
				}
			}
		}
		slices.Sort(out)
		return out
	}
	for _, path := range []string{"/$export", "/Patient/$export", "/Group/few/$export"} {
		for _, types := range []string{"Patient", "Patient,Observation", "Condition,Provenance", ""} {
			query := "?_since=2022-01-01T00:00:00Z"
			if types != "" {
				query += "&_type=" + types
			}
			plain := c.export(path+query, nil)
			if types != "" && strings.Contains(types, "Provenance") != (len(plain.of("Provenance")) > 0) {
				t.Errorf("%s%s: %d Provenance by default", path, query, len(plain.of("Provenance")))
			}
			relevant := c.export(path+query+"&includeAssociatedData="+RelevantProvenance, nil)
			latest := c.export(path+query+"&includeAssociatedData="+LatestProvenance, nil)
			both := c.export(path+query+"&includeAssociatedData="+LatestProvenance+","+RelevantProvenance, nil)
			if want := expect(relevant, false); !slices.Equal(relevant.of("Provenance"), want) || len(want) == 0 && path != "/Group/few/$export" {
				t.Errorf("%s%s: relevant %d, want %d", path, query, len(relevant.of("Provenance")), len(want))
			}
			if want := expect(latest, true); !slices.Equal(latest.of("Provenance"), want) {
				t.Errorf("%s%s: latest %d, want %d", path, query, len(latest.of("Provenance")), len(want))
			}
			if !slices.Equal(both.refs, relevant.refs) {
				t.Errorf("%s%s: the least restrictive value does not win", path, query)
			}
			without := func(e exported) []string {
				return slices.DeleteFunc(slices.Clone(e.refs), func(ref string) bool { return strings.HasPrefix(ref, "Provenance/") })
			}
			if !slices.Equal(without(plain), without(relevant)) || !slices.Equal(without(plain), without(latest)) {
				t.Errorf("%s%s: other resources changed", path, query)
			}
		}
	}
	if e := c.export("/$export"+q("_type", "Observation", "includeAssociatedData", LatestProvenance), nil); len(e.of("Provenance")) == 0 ||
		len(e.of("Provenance")) >= len(expect(e, false)) {
		t.Error("no older Provenance was left out: the test shows nothing")
	}
	c.want(c.post("/$export", body4("includeAssociatedData", "valueCode", RelevantProvenance), nil), 202)
	c.refusal(c.get("/$export"+q("includeAssociatedData", "_custom")), 400, "not-supported")
}

func TestLenientHandling(t *testing.T) {
	c := serve(t, Config{})
	lenient := headers{"Prefer": `respond-async, handling="lenient"`}
	all := c.export("/Patient/$export", nil)
	for _, test := range []struct {
		query   string
		mention []string
		refs    func() []string
	}{
		{"?_x-unknown=1", []string{"_x-unknown"}, nil},
		{"?_typeFilter=Patient%3Fnosuch%3D1&_y=2", []string{"nosuch", "_y"}, nil},
		{"?includeAssociatedData=_custom", []string{"_custom"}, nil},
		{"?organizeOutputBy=CodeSystem", []string{"CodeSystem"}, nil},
		{"?_elements=Patient.name.family", []string{"_elements"}, nil},
		{"?_outputFormat=text/csv", []string{"text/csv"}, nil},
		{"?_since=never", []string{"_since"}, nil},
		{"?allowPartialManifests=perhaps", []string{"allowPartialManifests"}, nil},
		{"?_type=Patient,Organization", []string{"Organization"}, func() []string { return all.of("Patient") }},
		{"?_type=NotAResource", []string{"NotAResource"}, func() []string { return nil }},
		{"?_type=Patient&_since=2024-01-01T00:00:00Z&_since=1999-01-01T00:00:00Z", []string{"_since"},
			func() []string {
				return c.export("/Patient/$export"+q("_type", "Patient", "_since", "2024-01-01T00:00:00Z"), nil).refs
			}},
	} {
		c.want(c.get("/Patient/$export"+test.query), 400)
		e := c.export("/Patient/$export"+test.query, lenient)
		want := all.refs
		if test.refs != nil {
			want = test.refs()
		}
		if !slices.Equal(e.refs, want) {
			t.Errorf("%s: %d resources, want %d", test.query, len(e.refs), len(want))
		}
		texts := c.outcomes(e.manifest)
		if len(texts) != len(test.mention) {
			t.Errorf("%s: outcomes %q", test.query, texts)
			continue
		}
		for i, m := range test.mention {
			if !strings.Contains(texts[i], m) {
				t.Errorf("%s: outcome %q does not mention %s", test.query, texts[i], m)
			}
		}
	}
	c.want(c.do("GET", "/$export?_x=1", headers{"Prefer": "respond-async, handling=strict"}, ""), 400)
}

func TestVersions(t *testing.T) {
	for ig, unknown := range map[string][]string{
		IG300: nil,
		IG200: {"_until", "organizeOutputBy", "allowPartialManifests"},
		IG101: {"_until", "organizeOutputBy", "allowPartialManifests", "_elements", "includeAssociatedData"},
	} {
		c := serve(t, Config{IG: ig})
		for name, value := range map[string]string{
			"_outputFormat": "ndjson", "_since": "2024-01-01T00:00:00Z", "_type": "Patient", "_typeFilter": "Patient?gender=male",
			"_until": "2025-01-01T00:00:00Z", "organizeOutputBy": "Patient", "allowPartialManifests": "true", "_elements": "id",
			"includeAssociatedData": LatestProvenance,
		} {
			r := c.get("/Patient/$export" + q(name, value))
			if slices.Contains(unknown, name) {
				c.refusal(r, 400, "not-supported")
			} else {
				c.want(r, 202)
			}
		}
	}
	if _, err := New(Config{IG: "9.9"}); err == nil || !strings.Contains(err.Error(), "3.0.0") {
		t.Errorf("error %v", err)
	}
}
