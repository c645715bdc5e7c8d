package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/checks/session"
)

func TestParseReference(t *testing.T) {
	const base = "https://a.example/r4/"
	for _, c := range []struct {
		ref, typ, id string
		f            form
	}{
		{"Patient/1", "Patient", "1", formRelative},
		{"Patient/1/_history/2", "Patient", "1", formRelative},
		{base + "Patient/a.b-c", "Patient", "a.b-c", formAbsolute},
		{"HTTPS://A.example/r4/Patient/1", "Patient", "1", formAbsolute},
		{"https://b.example/r4/Patient/1", "", "", formForeign},
		{"#x", "", "", formFragment},
		{"urn:uuid:2", "", "", formURN},
		{"Patient?identifier=x", "", "", formCondition},
		{"12345", "", "", formBare},
		{"Patient/" + strings.Repeat("x", 65), "", "", formOther},
		{"Patient/1/2", "", "", formOther},
		{"patient/1", "", "", formOther},
		{"", "", "", formOther},
	} {
		typ, id, f := parseReference(c.ref, base)
		if typ != c.typ || id != c.id || f != c.f {
			t.Errorf("%q: %q %q %d, want %q %q %d", c.ref, typ, id, f, c.typ, c.id, c.f)
		}
	}
}

func TestYears(t *testing.T) {
	for _, c := range []struct {
		date           string
		year           int
		matches, known bool
	}{
		{"1980", 1980, true, true}, {"1979", 1980, false, true}, {"1980-05", 1980, true, true}, {"1979-12-30", 1980, false, true},
		{"1979-12-31", 1980, false, false}, {"1980-01-01T10:00:00Z", 1980, false, false}, {"1980-01-02", 1980, true, true},
		{"1979-12-31", 1979, true, true}, {"1980-01-01", 1981, false, true}, {"1850-01-01", 1950, false, true},
		{"2999", 1980, false, false}, {"x", 1980, false, false}, {"2035-12-31", 2035, true, true}, {"2036-05-01", 2036, false, false},
	} {
		if m, k := fromYear(yearValue([]byte(c.date)), c.year); m != c.matches || k != c.known {
			t.Errorf("%s from %d: %v %v, want %v %v", c.date, c.year, m, k, c.matches, c.known)
		}
	}
	if m, k := fromYear(facetAbsent, 1980); m || !k {
		t.Error("what has no date matches no date")
	}
}

// A table gives back what it was given, sorted, whether it is in memory or on disk.
func TestTable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 100, 1000, 60_000} {
		tab := &table[member, *member]{limit: 900}
		want := map[member]int{}
		var batch []member
		for range n {
			m := member{rnd.Uint64() >> uint(rnd.IntN(3)), rnd.Uint64()}
			want[m]++
			if batch = append(batch, m); len(batch) == 77 {
				tab.add(batch)
				batch = batch[:0]
			}
		}
		tab.add(batch)
		if tab.count() != int64(n) {
			t.Fatalf("%d of %d records", tab.count(), n)
		}
		var into []member
		last, got := uint64(0), 0
		for p := range partitions {
			var err error
			if into, err = tab.part(p, into); err != nil {
				t.Fatal(err)
			}
			for _, m := range into {
				if m.resource < last || int(m.resource>>56) != p {
					t.Fatalf("%d records: part %d is not in order", n, p)
				}
				last = m.resource
				want[m]--
				got++
			}
		}
		if got != n {
			t.Errorf("%d of %d records came back", got, n)
		}
		for m, c := range want {
			if c != 0 {
				t.Fatalf("record %v is out by %d", m, c)
			}
		}
		tab.close()
		if _, err := tab.part(0, nil); err == nil {
			t.Error("a closed table gives records")
		}
	}
}

func TestSampleDoesNotDependOnOrder(t *testing.T) {
	ids := make([]string, 5000)
	for i := range ids {
		ids[i] = fmt.Sprintf("id-%d", i)
	}
	first := sample{k: 50}
	for _, id := range ids {
		first.add(id)
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	parts := []sample{{k: 50}, {k: 50}}
	for i, id := range ids {
		parts[i%2].add(id)
		parts[i%2].add(id)
	}
	parts[0].merge(&parts[1])
	if a, b := first.texts(), parts[0].texts(); !slices.Equal(a, b) || len(a) != 50 {
		t.Errorf("%d and %d ids, or others", len(a), len(b))
	}
}

func TestThinned(t *testing.T) {
	th := thinned{k: 8}
	for i := range 1000 {
		th.add(int64(i))
	}
	if len(th.list) < 8 || len(th.list) > 16 || th.list[0] != 0 || th.list[len(th.list)-1] < 800 {
		t.Errorf("%v", th.list)
	}
}

// collect learns from lines, one file for each list.
func collect(files ...[]string) *Data {
	d := newData(&session.Session{}, &session.Export{}, newVocabulary())
	d.base = "https://a.example/r4/"
	fs := &session.FileSet{}
	for i, lines := range files {
		it := session.Item{Kind: "output", Index: i, Type: "x"}
		fs.Files = append(fs.Files, &session.File{Item: it, Read: true})
		line, end := d.File(i, it)
		text := strings.NewReader(strings.Join(lines, "\n"))
		if _, err := ndjson.Scan(context.Background(), "f", text, ndjson.Options{Jobs: 1, OnLine: line}); err != nil {
			panic(err)
		}
		end()
	}
	d.Done(fs)
	return d
}

func TestCollect(t *testing.T) {
	d := collect([]string{
		`{"resourceType":"Patient","id":"p","meta":{"lastUpdated":"2020-01-01T00:00:00Z","tag":[{"code":"SUBSETTED"}]},"gender":"male","birthDate":"1980-05-01","managingOrganization":{"reference":"Organization\/o"}}`,
		`{"resourceType":"Patient","id":"q","gender":"female","link":[{"other":{"reference":"https://a.example/r4/Patient/p"}}]}`,
	}, []string{
		` {"resourceType":"Observation","id":"1","meta":{"lastUpdated":"2021-01-01T01:00:00+01:00"},"status":"final","category":[{"coding":[{"system":"s","code":"lab"},{"code":"exam"}]}],"subject":{"reference":"Patient/p"},"performer":[{"reference":"Patient/q"},{"reference":"Practitioner/d"}],"contained":[{"resourceType":"Observation","subject":{"reference":"Patient/r"}}]}`,
		`{"resourceType":"Provenance","id":"v","target":[{"reference":"Observation/1"},{"reference":"Patient/q/_history/1"}],"recorded":"2022-01-01T00:00:00Z"}`,
		`{"resourceType":"Binary","id":"b","securityContext":{"reference":"Patient/p"}}`,
		`{"resourceType":"DocumentReference","id":"c","content":[{"attachment":{"url":"https://a.example/r4/Binary/b"}}],"subject":{"identifier":{"value":"x"}}}`,
		`{"resourceType":"Observation"`, `[]`, `{"resourceType":"Observation"}`,
	})
	if d.Resources != 6 || d.Patients() != 2 || d.Dated() != 2 || !strings.Contains(d.Incomplete, "3 lines") {
		t.Errorf("%d resources, %d patients, %d dated, %q", d.Resources, d.Patients(), d.Dated(), d.Incomplete)
	}
	if got := fmt.Sprint(d.Types()); got != "[Binary DocumentReference Observation Patient Provenance]" {
		t.Error(got)
	}
	names := map[uint64]string{}
	for _, r := range []string{"Patient/p", "Patient/q", "Patient/r", "Observation/1", "Provenance/v", "Organization/o", "Practitioner/d", "Binary/b", "DocumentReference/c"} {
		typ, id, _ := strings.Cut(r, "/")
		names[Key(typ, id)] = r
	}
	got := map[string]string{}
	err := d.EachKnown(Patients|Refs|Witnesses, func(e *Entry) {
		var patients, refs []string
		for _, p := range e.Patients {
			patients = append(patients, names[p])
		}
		for _, r := range e.Refs {
			refs = append(refs, fmt.Sprintf("%s %v", d.From(&r), r.Attachment()))
		}
		slices.Sort(patients)
		slices.Sort(refs)
		key := uint64(0)
		switch {
		case e.Row != nil:
			key = e.Row.Key
		case len(e.Refs) > 0:
			key = e.Refs[0].to
		case len(e.Witnesses) > 0:
			key = e.Witnesses[0].target
		}
		got[names[key]] = fmt.Sprint(e.Row != nil, patients, refs, len(e.Witnesses))
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Patient/p":           "true [Patient/p] [Binary false Observation false Patient false] 0",
		"Patient/q":           "true [Patient/p Patient/q] [Observation false Provenance false] 1",
		"Patient/r":           "false [] [Observation false] 0",
		"Observation/1":       "true [Patient/p Patient/q] [Provenance false] 1",
		"Provenance/v":        "true [Patient/q] [] 0",
		"Organization/o":      "false [] [Patient false] 0",
		"Practitioner/d":      "false [] [Observation false] 0",
		"Binary/b":            "true [] [DocumentReference true] 0",
		"DocumentReference/c": "true [] [] 0",
	} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	facets := d.Facets("Patient")
	if len(facets) != 2 || facets[0].Param != "gender" || facets[1].Param != "birthdate" || facets[1].Values[0].Text != "1980" {
		t.Errorf("%+v", facets)
	}
	q := facets[0].Is(facets[0].Values[0])
	if q.Text != "Patient?gender=female" {
		t.Error(q.Text)
	}
	for _, f := range d.Facets("Observation") {
		if f.Param == "category" {
			t.Errorf("two categories on one resource, and yet %+v", f)
		}
	}
	n := 0
	_ = d.Each(0, func(e *Entry) {
		if d.TypeOf(e.Row) == "Patient" {
			m, known := q.Matches(e.Row)
			if !known || m == e.Row.Subsetted() {
				t.Error("the query matches the wrong patient")
			}
			n++
		}
	})
	if n != 2 {
		t.Error(n, "patients in the pass")
	}
	if got := fmt.Sprint(d.ReferencedTypes()); got != "[Binary Observation Organization Patient Practitioner]" {
		t.Error(got)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[{"reference":"Patient/1"}]}`, `{"meta":{"tag":[{"code":"SUBSETTED"}]}}`, `{"a":"\"`, `{"a":tru}`, `{"a":[[[`, `{"a":{"b":1}`, "{\"a\"\x00:1}", `{"gender":["a",{"coding":{"code":"x"}}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		d := newData(&session.Session{}, &session.Export{}, newVocabulary())
		see, end := d.File(0, session.Item{Kind: "output"})
		see(ndjson.Line{Number: 1, Head: resource.Head{ResourceType: "Patient", ID: "1", Object: true}, Bytes: line})
		end()
		d.deletedLine(ndjson.Line{Head: resource.Head{Object: true}, Bytes: line})
		if d.Resources+d.unusable != 1 {
			t.Error("the line was not counted once")
		}
	})
}
