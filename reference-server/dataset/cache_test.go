package dataset

import (
	"reflect"
	"testing"
)

// What a small set keeps is what it would compute, and nobody who got a resource can change what the next one gets.
func TestKeptResourcesAreThoseComputed(t *testing.T) {
	for seed := range uint64(maxTemplates + 2) { // with a template and, beyond the bound, without
		for _, absolute := range []bool{false, true} {
			s, err := New(Config{Seed: seed, Patients: 12, BaseURL: "http://x.example", AbsoluteReferences: absolute})
			if err != nil {
				t.Fatal(err)
			}
			keptAsComputed(t, s)
		}
	}
	large, err := New(Config{Patients: cachedPatients + 1, BaseURL: "http://x.example"})
	if err != nil {
		t.Fatal(err)
	}
	if list, _ := large.all(kPatient); list != nil || large.kept(loc{k: kPatient}) != nil {
		t.Error("a large set keeps resources")
	}
}

func keptAsComputed(t *testing.T, s *Set) {
	t.Helper()
	for k := range kindCount {
		list, first := s.all(k)
		n := 0
		b := newBuilder(s)
		for p := range s.counts[k].owners {
			if first[p] != n {
				t.Fatalf("%s: owner %d begins at %d, want %d", kinds[k].name, p, first[p], n)
			}
			for o := range s.counts[k].of(p) {
				if want := b.build(loc{k, p, o}).clone(); !reflect.DeepEqual(list[n], want) {
					t.Fatalf("%s %d/%d is kept otherwise than it is computed", kinds[k].name, p, o)
				}
				n++
			}
		}
		if n != len(list) {
			t.Errorf("%s: %d are kept, %d computed", kinds[k].name, len(list), n)
		}
	}
	got, _ := s.Get("Patient", s.id(loc{k: kPatient}))
	got.JSON[0] = 'x'
	if again, _ := s.Get("Patient", got.ID); again.JSON[0] != '{' {
		t.Error("a resource that was handed out is kept")
	}
}
