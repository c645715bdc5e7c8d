package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
)

func load(t *testing.T) ([]*Profile, *spec.Catalogue) {
	t.Helper()
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	list, err := Load(cat)
	if err != nil {
		t.Fatal(err)
	}
	return list, cat
}

func TestProfiles(t *testing.T) {
	list, cat := load(t)
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	if want := []string{"full", "core", "onc-g10-multi-patient", "connectathon"}; !slices.Equal(names, want) {
		t.Errorf("profiles %v, want %v", names, want)
	}
	full := Named(list, Default)
	for _, v := range spec.Versions() {
		all := full.Requirements(v)
		for _, p := range list {
			ids := p.Requirements(v)
			if len(ids) < 20 || !slices.IsSorted(ids) {
				t.Errorf("%s has %d requirements under %s, sorted: %v", p.Name, len(ids), v, slices.IsSorted(ids))
			}
			for _, id := range ids {
				q, ok := cat.Get(id)
				e, in := q.In(v)
				if !ok || !in || e.Kind == spec.Client || e.Kind == spec.Untestable || !slices.Contains(all, id) {
					t.Errorf("%s under %s has %s, which no server can be held to there", p.Name, v, id)
				}
			}
		}
	}
}

// What each profile is for decides these.
func TestWhatBelongsToThem(t *testing.T) {
	list, _ := load(t)
	for _, c := range []struct {
		profile, id string
		want        bool
	}{
		{"full", "KICKOFF-024", true}, {"full", "KICKOFF-004", true}, {"full", "GROUP-003", true},
		{"core", "KICKOFF-024", true}, {"core", "STATUS-004", false}, {"core", "MANIFEST-040", false}, {"core", "TOKEN-012", false}, {"core", "SECURITY-006", true},
		{"onc-g10-multi-patient", "KICKOFF-011", true}, {"onc-g10-multi-patient", "KICKOFF-012", false}, {"onc-g10-multi-patient", "TOKEN-012", true},
		{"onc-g10-multi-patient", "PARAM-065", false}, {"onc-g10-multi-patient", "GROUP-003", false},
		{"connectathon", "STATUS-004", true}, {"connectathon", "PARAM-024", true}, {"connectathon", "PARAM-065", false}, {"connectathon", "DISCOVERY-001", true},
	} {
		if got := Named(list, c.profile).Has(spec.V300, c.id); got != c.want {
			t.Errorf("%s has %s: %v, want %v", c.profile, c.id, got, c.want)
		}
	}
	if Named(list, "nosuch") != nil {
		t.Error("a profile of a name that does not exist")
	}
	core := Named(list, "core")
	for id, want := range map[string]bool{"KICKOFF-024": true, "STATUS-004": false} {
		if got := core.Selects(spec.V300, &checks.Check{Requires: []string{"STATUS-013", id}}); got != want {
			t.Errorf("core selects a check of %s: %v", id, got)
		}
	}
}

func TestBrokenProfilesAreRefused(t *testing.T) {
	_, cat := load(t)
	doc := "  doc: " + strings.Repeat("word ", 30) + "\n"
	full := "- name: full\n  title: t\n" + doc + "  include:\n    - why: everything there is\n      kinds: [fail]\n"
	for _, c := range []struct{ name, in, want string }{
		{"no YAML", "{", "cannot be read"},
		{"unknown member", full + "  extra: 1\n", "extra not found"},
		{"empty entry", full + "-\n", "entry 2 is empty"},
		{"no default", strings.Replace(full, "name: full", "name: other", 1), `default profile "full" is missing`},
		{"twice", full + full, "used twice"},
		{"name", strings.Replace(full, "name: full", "name: Full One", 1), "lower-case words"},
		{"no doc", strings.Replace(full, doc, "", 1), "doc (100 characters"},
		{"no why", strings.Replace(full, "why: everything there is", "why: x", 1), "does not say why"},
		{"kind", strings.Replace(full, "[fail]", "[client]", 1), `no kind "client"`},
		{"area", full + "    - why: a part of it only\n      areas: [NOSUCH]\n", `no area "NOSUCH"`},
		{"level", full + "    - why: a part of it only\n      levels: [MUST]\n", `no level "MUST"`},
		{"requirement", full + "    - why: a part of it only\n      requirements: [KICKOFF-999]\n", `no requirement "KICKOFF-999"`},
		{"key instead of id", full + "    - why: a part of it only\n      requirements: [KICKOFF/async-pattern]\n", `no requirement "KICKOFF/async-pattern"`},
		{"requirement twice", full + "    - why: a part of it only\n      requirements: [KICKOFF-001, KICKOFF-001]\n", "stands twice"},
		{"both ways", full + "    - why: a part of it only\n      areas: [KICKOFF]\n      requirements: [KICKOFF-001]\n", "write two rules"},
		{"client only", full + "    - why: a part of it only\n      requirements: [KICKOFF-015]\n", "selects nothing"},
		{"idle exclude", full + "  exclude:\n    - why: was never in it\n      requirements: [STATUS-013]\n", "selects nothing"},
	} {
		if list, err := parse([]byte(c.in), cat); err == nil || list != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	cat, err := spec.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(source)
	f.Add([]byte("- name: full\n"))
	f.Add([]byte("- {name: a, include: [{why: b, kinds: [fail]}]}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := parse(b, cat); err == nil && Named(list, Default) == nil {
			t.Error("accepted without the default profile")
		}
	})
}
