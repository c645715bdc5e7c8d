package dataset_test

import (
	"testing"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// TestMemoryDoesNotGrow compares what one pass over a type allocates, per resource and for the Set itself, at two
// sizes.
func TestMemoryDoesNotGrow(t *testing.T) {
	small, large := newSet(t, 1, 500), newSet(t, 1, 10_000)
	for _, typ := range small.Types() {
		if typ == "Group" {
			continue // holds a member list up to MaxListedMembers
		}
		per := func(s *dataset.Set) float64 {
			return testing.AllocsPerRun(1, func() {
				for range s.Resources(typ) {
				}
			}) / float64(s.Count(typ))
		}
		a, b := per(small), per(large)
		if b > a*1.25+0.05 {
			t.Errorf("%s: %.2f allocations per resource with 500 patients, %.2f with 10,000", typ, a, b)
		}
	}
	cfg := dataset.Config{Seed: 1, Patients: 5, BaseURL: base}
	make5 := testing.AllocsPerRun(5, func() { _, _ = dataset.New(cfg) })
	cfg.Patients = dataset.MaxPatients
	if makeMillion := testing.AllocsPerRun(5, func() { _, _ = dataset.New(cfg) }); makeMillion != make5 {
		t.Errorf("New allocates %v times for 5 patients, %v times for a million", make5, makeMillion)
	}
}

// TestMillion takes samples from the largest set: everything but Resources is arithmetic.
func TestMillion(t *testing.T) {
	s := newSet(t, 1, dataset.MaxPatients)
	total := 0
	for _, typ := range s.Types() {
		total += s.Count(typ)
		n := 0
		for r := range s.Resources(typ) {
			h := hold(t, r)
			got, ok := s.Get(typ, h.ID)
			if !ok || string(got.JSON) != string(h.JSON) {
				t.Fatalf("%s/%s: Get differs from Resources", typ, h.ID)
			}
			for _, ref := range h.Refs {
				if typ, id := split(ref); !s.Has(typ, id) {
					t.Errorf("%s refers to %s, which is missing", h.ref(), ref)
				}
			}
			if n++; n == 50 {
				break
			}
		}
	}
	if total < 40*s.Patients() || total > 60*s.Patients() {
		t.Errorf("%d resources", total)
	}
}

// BenchmarkPatients passes over 200,000 patients; B/op divided by 200,000 stays that of a few strings.
func BenchmarkPatients(b *testing.B) {
	s := newSet(b, 1, 200_000)
	b.ReportAllocs()
	for b.Loop() {
		for range s.Resources("Patient") {
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}

// BenchmarkAll generates all types of 1,000 patients.
func BenchmarkAll(b *testing.B) {
	s := newSet(b, 1, 1000)
	n, size := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		for _, typ := range s.Types() {
			for r := range s.Resources(typ) {
				n++
				size += len(r.JSON)
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "resources/s")
	b.ReportMetric(float64(size)/float64(n), "B/resource")
}
