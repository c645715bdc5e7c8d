package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/bulkproof/bulkproof/reporters/model"
)

func TestParseIdentity(t *testing.T) {
	for _, c := range []struct {
		in   string
		want reporters.Identity
		bad  bool
	}{
		{"Example EHR,2026.3,interop@example.org", reporters.Identity{Name: "Example EHR", Version: "2026.3", Contact: "interop@example.org"}, false},
		{" Example EHR ", reporters.Identity{Name: "Example EHR"}, false},
		{"EHR, 1", reporters.Identity{Name: "EHR", Version: "1"}, false},
		{"EHR, , Doe, Jane", reporters.Identity{Name: "EHR", Contact: "Doe, Jane"}, false},
		{",1,x", reporters.Identity{}, true}, {" ", reporters.Identity{}, true}, {"a\nb", reporters.Identity{}, true},
	} {
		got, err := parseIdentity(c.in)
		if (err != nil) != c.bad || err == nil && *got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
	}
	if got, err := parseIdentity(""); got != nil || err != nil {
		t.Errorf("nothing given: %v, %v", got, err)
	}
}

// Every step names requirements that exist in 3.0.0, belong to the connectathon profile, and stand in no step twice.
func TestScenariosAreSound(t *testing.T) {
	_, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	c, err := selectionOptions{profile: scenarioProfile}.choose(cat)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios() {
		if len(s.doc) < 80 || s.title == "" || len(s.steps) < 8 {
			t.Errorf("%s lacks a title, a doc or steps", s.name)
		}
		for _, p := range s.steps {
			if p.title == "" || len(p.requires) == 0 {
				t.Errorf("%s has an empty step", s.name)
			}
			for _, id := range p.requires {
				if !c.profile.Has(spec.V300, id) {
					t.Errorf("%s, %q: %s does not belong to the profile %s", s.name, p.title, id, scenarioProfile)
				}
			}
		}
	}
	for _, c := range []struct {
		name      string
		config    session.Config
		reference bool
		ok        bool
	}{
		{"1-full-open", session.Config{}, false, true}, {"1-full-open", session.Config{Token: "x"}, false, false},
		{"3-secured", session.Config{}, false, false}, {"3-secured", session.Config{ClientID: "x"}, false, true}, {"3-secured", session.Config{}, true, true},
		{"3-secured", session.Config{Token: "x"}, false, false},
	} {
		if err := scenarioNamed(c.name).check(c.config, c.reference); (err == nil) != c.ok {
			t.Errorf("%s with %+v: %v", c.name, c.config, err)
		}
	}
}

// On the reference server every step that a check judges passes; a step that none judges is open, and so is the run.
func TestScenariosOnTheReferenceServer(t *testing.T) {
	for _, name := range scenarioNames() {
		dir := t.TempDir()
		var out, errw bytes.Buffer
		code := Main(context.Background(), []string{"run", "--reference", "--scenario", name, "-q", "--out", dir, "--format", "json"}, nil, &out, &errw)
		r := readReport(t, dir)
		if r.Scenario == nil || r.Scenario.Name != name {
			t.Fatalf("%s: the report has no table\n%s", name, &errw)
		}
		want := 0
		for _, p := range r.Scenario.Steps {
			switch {
			case len(p.Checks) == 0:
				want = 3
				t.Logf("%s: no check judges %q", name, p.Title)
			case p.Outcome != model.StepPass:
				t.Errorf("%s: %q is %s: %s", name, p.Title, p.Outcome, p.Reason)
			}
		}
		if code != want || r.ExitCode != want {
			t.Errorf("%s: exit code %d, in the report %d, want %d", name, code, r.ExitCode, want)
		}
	}
}
