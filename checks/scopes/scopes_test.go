package scopes

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	s := Parse("system/Patient.rs  system/*.read openid system/Observation.sr system/Observation.rs?category=lab system/Group.cud system/X.")
	if len(s.System) != 4 || len(s.Other) != 3 {
		t.Fatalf("%d system, %d other: %v", len(s.System), len(s.Other), s)
	}
	for _, c := range []struct {
		typ, free, constrained string
	}{{"Patient", "rs", "rs"}, {"Group", "cruds", "cruds"}, {"Observation", "rs", "rs"}, {"*", "rs", "rs"}} {
		if got := s.Letters(c.typ, false); got != c.free {
			t.Errorf("%s: %q, want %q", c.typ, got, c.free)
		}
		if got := s.Letters(c.typ, true); got != c.constrained {
			t.Errorf("%s, constrained: %q, want %q", c.typ, got, c.constrained)
		}
	}
	if w := s.Writes(); len(w) != 1 || w[0] != "system/Group.cud" {
		t.Errorf("writes: %v", w)
	}
}

func TestReadingByMeaning(t *testing.T) {
	for _, c := range []struct {
		scope       string
		reads, some bool
	}{
		{"system/Patient.rs", true, true}, {"system/Patient.read", true, true}, {"system/Patient.r system/Patient.s", true, true},
		{"system/*.*", true, true}, {"system/Patient.r", false, true}, {"system/Patient.rs?birthdate=2000", false, true},
		{"system/Patient.write", false, false}, {"system/Observation.rs", false, false}, {"user/Patient.rs", false, false}, {"", false, false},
	} {
		s := Parse(c.scope)
		if s.Reads("Patient") != c.reads || s.MayRead("Patient") != c.some {
			t.Errorf("%q: reads %v, may read %v", c.scope, s.Reads("Patient"), s.MayRead("Patient"))
		}
	}
}

func TestBeyond(t *testing.T) {
	for _, c := range []struct {
		granted, asked string
		want           string
	}{
		{"system/Patient.read", "system/Patient.rs", ""}, {"system/Patient.r", "system/Patient.rs", ""}, {"system/Patient.rs openid launch", "system/Patient.rs", ""},
		{"system/*.rs", "system/Patient.rs", "system/*.rs"}, {"system/Patient.cruds", "system/Patient.rs", "system/Patient.cruds"},
		{"system/Patient.rs system/Observation.rs", "system/*.rs", ""}, {"system/Observation.r", "system/Patient.rs", "system/Observation.r"},
	} {
		if got := strings.Join(Parse(c.granted).Beyond(Parse(c.asked)), " "); got != c.want {
			t.Errorf("%s for %s: %q, want %q", c.granted, c.asked, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"system/Patient.rs", "system/*.read openid", "system/X.?", "system/.", "system/A.cruds?x=y z", "\x00 \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		set := Parse(s)
		if len(set.System)+len(set.Other) != len(strings.Fields(s)) {
			t.Fatal("a part was lost")
		}
		for _, sc := range set.System {
			if sc.Type == "" || sc.Letters == "" || !set.MayRead(sc.Type) && strings.ContainsAny(sc.Letters, "rs") {
				t.Fatalf("%+v", sc)
			}
		}
		if len(set.Beyond(set)) != 0 {
			t.Fatal("a set goes beyond itself")
		}
	})
}
