package selftest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// How many combinations are tried, over both versions.
const (
	combinations      = 200
	combinationsShort = 20
)

// The battery of client assertions signs some hundred JWTs a run, which is most of its time. It is left out where no
// variation of the set can make a difference to it, and from most combinations.
func withoutAssertions(c *checks.Check) (bool, string) {
	return c.Area() != "jwt" && c.Area() != "token", "no variation of the set touches the token endpoint"
}

// concernsTokens reports whether the variation can make a difference to the token endpoint.
func concernsTokens(v refserver.Variation) bool {
	switch v.Area {
	case "http", "tls", "authz", "discovery", "token", "jwt", "scope", "security":
		return true
	}
	return false
}

// Every legal variation of the reference server, alone and combined with others, gives no finding and leaves nothing
// undecided that it does not name itself: the guard against false failures.
func TestVariations(t *testing.T) {
	o := load(t)
	o.Parallel = 4
	whole, partly := [][]refserver.Variation{}, [][]refserver.Variation{}
	try := func(t *testing.T, o Options) {
		for _, sets := range [][][]refserver.Variation{whole, partly} {
			for _, r := range RunVariedAll(context.Background(), o, sets) {
				if !r.Silent() {
					t.Errorf("%s:\n  %s", strings.Join(r.Names, " + "), strings.Join(r.Sentences(), "\n  "))
				}
			}
			o.Keep = withoutAssertions
		}
	}
	for _, v := range []spec.Version{spec.V300, spec.V200} {
		t.Run(string(v)+" alone", func(t *testing.T) {
			o := o
			o.IG = v
			whole, partly = nil, nil
			for _, x := range refserver.Variations() {
				switch {
				case !x.LegalUnder(string(v)):
				case !concernsTokens(x):
					partly = append(partly, []refserver.Variation{x})
				case v == spec.V300:
					whole = append(whole, []refserver.Variation{x})
				} // SMART is the same under 2.0.0, where the combinations have its variations
			}
			if v == spec.V200 && testing.Short() {
				t.Skip("one version is enough for -short")
			}
			try(t, o)
			t.Logf("%d variations", len(whole)+len(partly))
		})
	}
	for _, v := range []spec.Version{spec.V300, spec.V200} {
		t.Run(string(v)+" combined", func(t *testing.T) {
			o := o
			o.IG = v
			n := combinations / 2
			if testing.Short() {
				n = combinationsShort / 2
			}
			sets := Combinations(refserver.Variations(), v, n, 6, 20260419)
			if len(sets) != n {
				t.Fatalf("%d combinations, want %d", len(sets), n)
			}
			whole, partly = sets[:n/5], sets[n/5:]
			try(t, o)
		})
	}
}

func TestCombinationsAreReproducible(t *testing.T) {
	all := refserver.Variations()
	a, b := Combinations(all, spec.V200, 50, 5, 7), Combinations(all, spec.V200, 50, 5, 7)
	if len(a) != 50 || len(b) != 50 {
		t.Fatalf("%d and %d combinations", len(a), len(b))
	}
	names := func(set []refserver.Variation) (out []string) {
		for _, v := range set {
			out = append(out, v.Name)
		}
		return out
	}
	for i, set := range a {
		if !slices.Equal(names(set), names(b[i])) {
			t.Errorf("%v and %v", names(set), names(b[i]))
		}
		for j, v := range set {
			if !v.LegalUnder("2.0.0") {
				t.Errorf("%s is not legal under 2.0.0", v.Name)
			}
			for _, w := range set[:j] {
				if !v.Compatible(w) {
					t.Errorf("%s and %s are combined", v.Name, w.Name)
				}
			}
		}
	}
}

func TestVariationsOfAFewAreNotInvented(t *testing.T) {
	two := refserver.Variations()[:1]
	if got := Combinations(two, spec.V300, 5, 4, 1); len(got) != 0 {
		t.Errorf("one variation was combined: %v", got)
	}
	r := RunVaried(context.Background(), load(t), refserver.Variation{Name: "x", Versions: []string{"1.0.1"}})
	if r.Silent() || !strings.Contains(r.Problem, "no legal variation") {
		t.Errorf("%q", r.Problem)
	}
}
