package dataset_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]dataset.Config{
		"too few":      {Patients: 4, BaseURL: base},
		"negative":     {Patients: -1, BaseURL: base},
		"too many":     {Patients: 1_000_001, BaseURL: base},
		"no base":      {},
		"relative":     {BaseURL: "/fhir"},
		"wrong scheme": {BaseURL: "ftp://example.org/fhir"},
		"query":        {BaseURL: "http://example.org/fhir?x=1"},
		"not a URL":    {BaseURL: "http://exa mple.org"},
	} {
		if _, err := dataset.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("%s: %v does not say where it comes from", name, err)
		}
	}
	s, err := dataset.New(dataset.Config{BaseURL: base + "/"})
	if err != nil || s.Patients() != dataset.DefaultPatients || s.Count("Patient") != dataset.DefaultPatients {
		t.Errorf("zero Patients: %v, %v", s, err)
	}
}

var fhirID = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

// instant is the pattern of https://hl7.org/fhir/R4/datatypes.html#instant.
var instant = regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))$`)

func TestEveryResource(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		seen := map[string]bool{}
		count := map[string]int{}
		for _, h := range list {
			count[h.Type]++
			if seen[h.ref()] {
				t.Errorf("%s is there twice", h.ref())
			}
			seen[h.ref()] = true
			if !fhirID.MatchString(h.ID) || regexp.MustCompile(`^\d+$`).MatchString(h.ID) {
				t.Errorf("%s: not an id as wanted", h.ref())
			}
			if h.tree["resourceType"] != h.Type || h.tree["id"] != h.ID {
				t.Errorf("%s says it is %v/%v", h.ref(), h.tree["resourceType"], h.tree["id"])
			}
			if !bytes.HasPrefix(h.JSON, []byte(`{"resourceType":"`+h.Type+`","id":"`+h.ID+`","meta":{`)) || bytes.ContainsAny(h.JSON, "\r\n") {
				t.Errorf("%s: not on one line with resourceType, id and meta first", h.ref())
			}
			updated := at(h.tree, "meta.lastUpdated")[0].(string)
			if !instant.MatchString(updated) {
				t.Errorf("%s: lastUpdated %s is not an instant", h.ref(), updated)
			}
			parsed, err := time.Parse(time.RFC3339Nano, updated)
			if err != nil || !parsed.Equal(h.LastUpdated) || h.LastUpdated.Location() != time.UTC {
				t.Errorf("%s: lastUpdated is %s in the JSON, %v outside (%v)", h.ref(), updated, h.LastUpdated, err)
			}
			if !h.LastUpdated.Before(dataset.Epoch) || h.LastUpdated.Year() < 2019 {
				t.Errorf("%s: lastUpdated %v out of range", h.ref(), h.LastUpdated)
			}
			if !fhirID.MatchString(at(h.tree, "meta.versionId")[0].(string)) {
				t.Errorf("%s: bad versionId", h.ref())
			}
			for _, div := range at(h.tree, "text.div") {
				checkNarrative(t, h.ref(), div.(string))
			}

			got, ok := s.Get(h.Type, h.ID)
			if !ok || !bytes.Equal(got.JSON, h.JSON) || got.ID != h.ID || !got.LastUpdated.Equal(h.LastUpdated) ||
				!slices.Equal(got.Refs, h.Refs) || !slices.Equal(got.Patients, h.Patients) {
				t.Errorf("%s: Get differs from Resources", h.ref())
			}
			if !s.Has(h.Type, h.ID) {
				t.Errorf("%s: Has says no", h.ref())
			}
		}
		for _, typ := range s.Types() {
			if count[typ] == 0 || count[typ] != s.Count(typ) {
				t.Errorf("%s: %d resources, Count says %d", typ, count[typ], s.Count(typ))
			}
		}
		if len(s.Types()) != len(count) || s.Count("Basic") != 0 {
			t.Errorf("Types lists %d, %d were found", len(s.Types()), len(count))
		}
		if per := len(list) / s.Patients(); s.Patients() == 25 && (per < 40 || per > 60) {
			t.Errorf("%d resources per patient", per)
		}
	})
}

// checkNarrative checks that a div is well-formed XHTML (https://hl7.org/fhir/R4/narrative.html).
func checkNarrative(t *testing.T, ref, div string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(div))
	first := true
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("%s: narrative: %v", ref, err)
			return
		}
		if e, ok := token.(xml.StartElement); ok && first {
			first = false
			if e.Name.Local != "div" || e.Name.Space != "http://www.w3.org/1999/xhtml" {
				t.Errorf("%s: narrative starts with %v", ref, e.Name)
			}
		}
	}
}

func TestUnknownIDs(t *testing.T) {
	s := newSet(t, 1, 25)
	for r := range s.Resources("Patient") {
		swapped := strings.Map(func(c rune) rune {
			switch {
			case c >= 'a' && c <= 'z':
				return c - 32
			case c >= 'A' && c <= 'Z':
				return c + 32
			}
			return c
		}, r.ID)
		for _, id := range []string{"", r.ID + "x", r.ID[1:], swapped, "pt-aeiou", strings.Replace(r.ID, ".", "-", 1)} {
			if got, ok := s.Get("Patient", id); ok {
				t.Errorf("Get finds %s under %q", got.ID, id)
			}
		}
		if _, ok := s.Get("Observation", r.ID); ok {
			t.Error("Get finds an Observation under a Patient's id")
		}
	}
	if _, ok := s.Get("Basic", "1"); ok {
		t.Error("Get finds a Basic")
	}
	for range s.Resources("Basic") {
		t.Error("Resources yields a Basic")
	}
}

func TestCountsAreExactAtAnySize(t *testing.T) {
	for n := 5; n < 60; n += 3 {
		for seed := range uint64(4) {
			s := newSet(t, seed, n)
			for _, typ := range s.Types() {
				got := 0
				for range s.Resources(typ) {
					got++
				}
				if got != s.Count(typ) || got == 0 {
					t.Fatalf("seed %d, %d patients: %d %s, Count says %d", seed, n, got, typ, s.Count(typ))
				}
			}
		}
	}
}

var updateGolden = flag.Bool("update", false, "rewrite testdata/golden.txt")

// TestGolden holds the bytes of seed 1 in place: whoever changes the data on purpose runs go test -update and says so.
func TestGolden(t *testing.T) {
	s := newSet(t, 1, 25)
	var got strings.Builder
	for _, typ := range s.Types() {
		h := sha256.New()
		for r := range s.Resources(typ) {
			h.Write(r.JSON)
			h.Write([]byte{'\n'})
		}
		fmt.Fprintf(&got, "%x %s %d\n", h.Sum(nil), typ, s.Count(typ))
	}
	if *updateGolden {
		if err := os.WriteFile("testdata/golden.txt", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the data of seed 1 changed; if that was meant, run go test ./reference-server/dataset -update\ngot:\n%swant:\n%s", got.String(), want)
	}
}

func TestSetIsSafeForConcurrentUse(t *testing.T) {
	s := newSet(t, 2, 25)
	var sums [3][32]byte
	var wait sync.WaitGroup
	for i := range sums {
		wait.Go(func() {
			h := sha256.New()
			for _, typ := range s.Types() {
				for r := range s.Resources(typ) {
					h.Write(r.JSON)
				}
			}
			sums[i] = [32]byte(h.Sum(nil))
		})
	}
	wait.Wait()
	if sums[0] != sums[1] || sums[1] != sums[2] {
		t.Error("three readers at once saw different data")
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, b := newSet(t, 1, 25), newSet(t, 2, 25)
	for r := range a.Resources("Observation") {
		if b.Has("Observation", r.ID) {
			t.Fatalf("Observation/%s is in both sets", r.ID)
		}
	}
}

// TestIDShapes pins what makes the ids unusual.
func TestIDShapes(t *testing.T) {
	longest, shortest := 0, 99
	folded := map[string]string{}
	collision := false
	for _, h := range all(t, newSet(t, 1, 25)) {
		longest, shortest = max(longest, len(h.ID)), min(shortest, len(h.ID))
		key := strings.ToLower(h.ref())
		if folded[key] != "" && folded[key] != h.ref() {
			collision = true
		}
		folded[key] = h.ref()
	}
	if longest != 64 || shortest != 1 || !collision {
		t.Errorf("ids have %d to %d characters, some differ by case alone: %v", shortest, longest, collision)
	}
}

// TestVariety makes sure that filters, times and odd but valid forms have something to bite on.
func TestVariety(t *testing.T) {
	list := all(t, newSet(t, 1, 25))
	wanted := map[string][]string{
		"Observation.status":                               {"final", "amended", "preliminary", "cancelled"},
		"Observation.category.coding.code":                 {"laboratory", "vital-signs", "social-history", "survey"},
		"Condition.clinicalStatus.coding.code":             {"active", "inactive", "resolved"},
		"Condition.verificationStatus.coding.code":         {"confirmed", "entered-in-error"},
		"Condition.category.coding.code":                   {"problem-list-item", "encounter-diagnosis"},
		"Encounter.status":                                 {"finished", "in-progress", "cancelled"},
		"Encounter.class.code":                             {"AMB", "IMP", "EMER"},
		"MedicationRequest.status":                         {"active", "completed", "stopped"},
		"MedicationRequest.intent":                         {"order", "plan"},
		"Procedure.status":                                 {"completed", "in-progress"},
		"Immunization.status":                              {"completed", "not-done"},
		"AllergyIntolerance.criticality":                   {"high", "low"},
		"DiagnosticReport.category.coding.code":            {"LAB", "LP29684-5"},
		"DocumentReference.status":                         {"current", "superseded"},
		"DocumentReference.content.attachment.contentType": {"text/plain; charset=utf-8", "application/pdf"},
		"CarePlan.status":                                  {"active", "completed"},
		"Goal.lifecycleStatus":                             {"active", "completed"},
		"Coverage.status":                                  {"active", "cancelled"},
		"Claim.use":                                        {"claim", "preauthorization"},
		"ExplanationOfBenefit.outcome":                     {"complete", "partial"},
		"Patient.gender":                                   {"female", "male"},
	}
	seen := map[string]bool{}
	zones, digits, instants := map[string]bool{}, map[int]bool{}, map[int64]int{}
	years := map[int]bool{}
	features := map[string]int{}
	for _, h := range list {
		for path := range wanted {
			typ, rest, _ := strings.Cut(path, ".")
			if typ == h.Type {
				for _, v := range at(h.tree, rest) {
					seen[path+"="+v.(string)] = true
				}
			}
		}
		text := at(h.tree, "meta.lastUpdated")[0].(string)
		tail := strings.TrimLeft(text[19:], ".0123456789")
		zones[tail] = true
		digits[max(0, len(text)-len(tail)-20)] = true
		instants[h.LastUpdated.UnixNano()]++
		years[h.LastUpdated.Year()] = true
		if len(h.Patients) > 1 {
			features["two patients: "+h.Type]++
		}
		if h.tree["text"] != nil {
			features["narrative"]++
		}
		if h.tree["contained"] != nil {
			features["contained"]++
		}
		walk(h.tree, h.Type, func(path string, o map[string]any) {
			for k := range o {
				if strings.HasPrefix(k, "_") {
					features["primitive extension "+k]++
				}
			}
		})
		for _, c := range string(h.JSON) {
			if c > 0xFFFF {
				features["beyond the BMP"]++
				break
			}
		}
		if bytes.Contains(h.JSON, []byte(`\"`)) && bytes.Contains(h.JSON, []byte(`\t`)) {
			features["escapes"]++
		}
	}
	for path, values := range wanted {
		for _, v := range values {
			if !seen[path+"="+v] {
				t.Errorf("no %s is %s", path, v)
			}
		}
	}
	if len(zones) < 6 || !zones["Z"] || !zones["+00:00"] || len(digits) < 6 || !digits[0] || !digits[9] {
		t.Errorf("zones %v, fraction digits %v", zones, digits)
	}
	for y := 2019; y <= 2025; y++ {
		if !years[y] {
			t.Errorf("nothing was updated in %d", y)
		}
	}
	tied := 0
	for _, n := range instants {
		if n > 1 {
			tied += n
		}
	}
	if tied < 10 || tied > len(list)/10 {
		t.Errorf("%d of %d resources share their lastUpdated", tied, len(list))
	}
	for _, f := range []string{"two patients: Coverage", "two patients: Provenance", "two patients: Group", "narrative", "contained",
		"primitive extension _birthDate", "primitive extension _family", "primitive extension _given", "beyond the BMP", "escapes"} {
		if features[f] == 0 {
			t.Errorf("nothing has: %s", f)
		}
	}
}

func TestAbsoluteReferences(t *testing.T) {
	relative := index(all(t, newSet(t, 3, 5)))
	s, err := dataset.New(dataset.Config{Seed: 3, Patients: 5, BaseURL: base, AbsoluteReferences: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all(t, s) {
		other := relative[h.ref()]
		if other == nil || !slices.Equal(other.Refs, h.Refs) || !slices.Equal(other.Patients, h.Patients) {
			t.Fatalf("%s: other id, Refs or Patients than with relative references", h.ref())
		}
		short := bytes.ReplaceAll(h.JSON, []byte(`"reference":"`+base+`/`), []byte(`"reference":"`))
		if !bytes.Equal(short, other.JSON) {
			t.Errorf("%s differs in more than its references", h.ref())
		}
		if n := bytes.Count(h.JSON, []byte(`"reference":"`)); len(h.Refs) > 0 && n-bytes.Count(h.JSON, []byte(`"reference":"`+base)) > bytes.Count(h.JSON, []byte(`"reference":"#`)) {
			t.Errorf("%s keeps relative references", h.ref())
		}
	}
}

func FuzzGet(f *testing.F) {
	s := newSet(f, 1, 5)
	for _, typ := range s.Types() {
		for r := range s.Resources(typ) {
			f.Add(typ, r.ID)
			break
		}
	}
	f.Add("Patient", "pt-\xff\xff\xff.\x00\x00\x00")
	f.Add("DocumentReference", "sheet_bbb~bbb")
	f.Fuzz(func(t *testing.T, typ, id string) {
		if r, ok := s.Get(typ, id); ok != s.Has(typ, id) || ok && (r.ID != id || r.Type != typ) {
			t.Errorf("Get(%q, %q): %v, %v", typ, id, r, ok)
		}
		s.IsMember(id, id)
		s.ProvenancesOf(typ, id)
		if _, data, ok := s.Attachment(id); ok && len(data) == 0 {
			t.Errorf("attachment %q is empty", id)
		}
	})
}
