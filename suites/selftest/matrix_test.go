package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// Hundreds of short sessions one after the other: memory is little, and the collector would take a fifth of the time.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}

func load(t *testing.T) Options {
	t.Helper()
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Areas: areas, Cat: cat, Faults: refserver.Faults(), IG: spec.V300, Parallel: 6, Quick: true}
}

// Every fault is caught by exactly the checks it names, every check is tripped by a fault, and the conformant server
// gives no finding.
func TestMatrix(t *testing.T) {
	o := load(t)
	for _, s := range UnknownChecks(o.Areas, o.Faults) {
		t.Error(s)
	}
	seen := newSites()
	versions := []spec.Version{spec.V200, spec.V300}
	for _, v := range versions {
		t.Run(string(v), func(t *testing.T) {
			o := o
			o.IG, o.OnFinding = v, seen.note
			if v == spec.V200 {
				o.Faults = sample(o.Faults)
			}
			m, err := Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			complain(t, m.Clean)
			if len(m.Clean.Skipped) > 0 {
				t.Errorf("on the conformant server, these checks have nothing to judge: %v", m.Clean.Skipped)
			}
			for _, r := range m.Rows {
				complain(t, r)
			}
			for _, id := range m.Untried {
				if v != spec.V200 {
					t.Errorf("no fault trips the check %s", id)
				}
			}
			t.Logf("%d checks, %d faults; the conformant run cost %d kick-offs (%d attempts), %d completed exports, %d requests", len(m.Checks), len(m.Rows),
				m.Clean.Traffic.KickOffs, m.Clean.Traffic.KickOffAttempts, m.Clean.Traffic.CompletedExports, m.Clean.Traffic.Requests)
			seen.runs++
		})
	}
	if seen.runs == len(versions) {
		seen.judge(t)
	}
}

// sample returns the faults of 2.0.0 alone and a third of the others, which 3.0.0 shows as well: .ci/run runs the whole
// matrix of 2.0.0 with the binary.
func sample(faults []refserver.Fault) []refserver.Fault {
	var out []refserver.Fault
	for i, f := range faults {
		if i%3 == 0 || !f.AppliesTo(string(spec.V300)) {
			out = append(out, f)
		}
	}
	return out
}

// What a tester may add to look further, also to wait for minutes, finds nothing on the conformant server either.
func TestConformantServerLookedAtClosely(t *testing.T) {
	o := load(t)
	o.Quick = false
	for _, waits := range []bool{false, true} {
		f := &refserver.Fault{Waits: waits, Options: []string{refserver.OptionThrottling, refserver.OptionLossyGroup, refserver.OptionDeleted}, Apply: func(*refserver.Behaviour) {}}
		results, _, err := RunOnce(context.Background(), o, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if waits && r.Outcome == checks.Skip {
				t.Logf("%s does not apply after long waits: %s", r.Check.ID, r.Reason)
			} else if r.Outcome != checks.Pass && r.Outcome != checks.NotRun {
				t.Errorf("waiting %v: %s %s: %s %v", waits, r.Outcome, r.Check.ID, r.Reason, r.Findings)
			}
		}
	}
}

func complain(t *testing.T, r Row) {
	t.Helper()
	if r.Exact() {
		return
	}
	name := r.Fault
	if name == "" {
		name = "the conformant server"
	}
	t.Errorf("%s: missing %v, extra %v, errors %v, %s", name, r.Missing, r.Extra, r.Errors, r.Problem)
	for _, res := range r.Results {
		if res.Outcome == checks.Pass || res.Outcome == checks.NotRun {
			continue
		}
		line := res.Reason
		for _, f := range res.Findings {
			line += " | " + f.Requirement + ": " + f.Observed
		}
		t.Logf("  %s %s: %s", res.Outcome, res.Check.ID, line)
		if res.Stack != "" {
			t.Log(res.Stack)
		}
	}
}

// The suite cannot shrink unnoticed.
func TestNumberOfChecks(t *testing.T) {
	o := load(t)
	for v, want := range map[spec.Version]int{spec.V101: wantV101, spec.V200: wantV200, spec.V300: wantV300, spec.V400: wantV400} {
		if got := len(checks.NewPlan(o.Areas, o.Cat, v, nil).Entries); got != want {
			t.Errorf("IG %s: %d checks; if that is meant, write it into counts_test.go (was %d)", v, got, want)
		}
	}
	if got := len(o.Faults); got != wantFaults {
		t.Errorf("%d faults; if that is meant, write it into counts_test.go (was %d)", got, wantFaults)
	}
}

// outcomes is what must not depend on the order of the checks.
func outcomes(results []checks.Result) map[string]string {
	out := map[string]string{}
	for _, r := range results {
		s := string(r.Outcome)
		for _, f := range r.Findings {
			s += " " + f.Requirement + "/" + string(f.Severity)
		}
		out[r.Check.ID] = s
	}
	return out
}

func differences(t *testing.T, what string, a, b map[string]string) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s: %d and %d results", what, len(a), len(b))
	}
	for id, s := range a {
		if b[id] != s {
			t.Errorf("%s: %s is %q here and %q there", what, id, s, b[id])
		}
	}
}

// Shuffled checks, one at a time, give what the plan order gives, on the conformant server and on a sample of faults.
func TestOrderDoesNotMatter(t *testing.T) {
	o := load(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	targets := []*refserver.Fault{nil}
	for i := 0; i < len(o.Faults); i += 1 + len(o.Faults)/25 {
		if f := o.Faults[i]; f.AppliesTo(string(o.IG)) {
			targets = append(targets, &f)
		}
	}
	for _, f := range targets {
		what := "conformant"
		if f != nil {
			what = f.Name
		}
		straight, cost, err := RunOnce(context.Background(), o, f)
		if err != nil {
			t.Fatal(err)
		}
		s, stop, err := Open(context.Background(), o.IG, f)
		if err != nil {
			t.Fatal(err)
		}
		plan := o.Plan(f)
		rnd.Shuffle(len(plan.Entries), func(i, j int) { plan.Entries[i], plan.Entries[j] = plan.Entries[j], plan.Entries[i] })
		var shuffled []checks.Result
		for i := range plan.Entries { // without prefetch: each export starts when a check asks for it
			shuffled = append(shuffled, plan.RunEntry(context.Background(), s, i, checks.Options{}))
		}
		if got := s.Traffic(); f == nil && (got.KickOffs != cost.KickOffs || got.KickOffAttempts != cost.KickOffAttempts || got.CompletedExports != cost.CompletedExports) {
			t.Errorf("what is started ahead of its check is not shared: %d kick-offs (%d attempts) and %d exports with it, %d (%d) and %d without",
				cost.KickOffs, cost.KickOffAttempts, cost.CompletedExports, got.KickOffs, got.KickOffAttempts, got.CompletedExports)
		}
		if err := stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		differences(t, what, outcomes(straight), outcomes(shuffled))
	}
}

// The machinery itself notices what it is for.
func TestRowsAreJudged(t *testing.T) {
	known := map[string]bool{"a.x": true, "a.y": true, "a.z": true}
	result := func(id string, o checks.Outcome) checks.Result {
		return checks.Result{Check: &checks.Check{ID: id}, Outcome: o}
	}
	for _, c := range []struct {
		name           string
		fault          *refserver.Fault
		results        []checks.Result
		missing, extra string
	}{
		{"caught", &refserver.Fault{Caught: []string{"a.x"}}, []checks.Result{result("a.x", checks.Fail), result("a.y", checks.Inconclusive)}, "", ""},
		{"not caught", &refserver.Fault{Caught: []string{"a.x"}}, []checks.Result{result("a.x", checks.Pass)}, "a.x", ""},
		{"inconclusive is not caught", &refserver.Fault{Caught: []string{"a.x"}}, []checks.Result{result("a.x", checks.Inconclusive)}, "a.x", ""},
		{"one too many", &refserver.Fault{Caught: []string{"a.x"}}, []checks.Result{result("a.x", checks.Fail), result("a.y", checks.Fail)}, "", "a.y"},
		{"warning instead of failure", &refserver.Fault{Caught: []string{"a.x"}}, []checks.Result{result("a.x", checks.Warn)}, "a.x", "a.x"},
		{"warned", &refserver.Fault{Warned: []string{"a.x"}}, []checks.Result{result("a.x", checks.Warn)}, "", ""},
		{"clean", nil, []checks.Result{result("a.x", checks.Pass), result("a.y", checks.Skip)}, "", ""},
		{"clean, inconclusive", nil, []checks.Result{result("a.x", checks.Inconclusive)}, "", "a.x"},
		{"clean, fails", nil, []checks.Result{result("a.x", checks.Fail)}, "", "a.x"},
	} {
		r := Row{Results: c.results}
		r.judge(c.fault, known)
		if got := strings.Join(r.Missing, " "); got != c.missing {
			t.Errorf("%s: missing %q, want %q", c.name, got, c.missing)
		}
		if got := strings.Join(r.Extra, " "); got != c.extra {
			t.Errorf("%s: extra %q, want %q", c.name, got, c.extra)
		}
		if r.Exact() != (c.missing == "" && c.extra == "") {
			t.Errorf("%s: exact is %v", c.name, r.Exact())
		}
	}
	r := Row{Results: []checks.Result{result("a.x", checks.Error)}}
	if r.judge(nil, known); r.Exact() {
		t.Error("a check that panics passes for exact")
	}
}

func TestMatrixDocuments(t *testing.T) {
	m := &Matrix{IG: spec.V300, Checks: []string{"a.x"}, Rows: []Row{{Fault: "f<script>", Failed: []string{"a.x"}}, {Fault: "g", Missing: []string{"a.x"}}}}
	var b bytes.Buffer
	if err := WriteHTML(&b, m); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>") || !strings.Contains(b.String(), `class="missing"`) {
		t.Errorf("the page is wrong:\n%s", b.String())
	}
	j, err := json.Marshal(Document(m))
	if err != nil || !bytes.Contains(j, []byte(`"missing":["a.x"]`)) || !bytes.Contains(j, []byte(`"exact":false`)) {
		t.Errorf("%v %s", err, j)
	}
}

// What a quick matrix leaves out of a row is never a check that the fault names, and it is less than everything.
func TestQuickRowsHoldWhatTheirFaultNames(t *testing.T) {
	o := load(t)
	for _, quick := range []bool{false, true} {
		o.Quick = quick
		smaller := 0
		for _, f := range o.Faults {
			o.IG = spec.V300
			if !f.AppliesTo(string(o.IG)) {
				o.IG = spec.V200
			}
			selected := map[string]bool{}
			for _, e := range o.Plan(&f).Entries {
				selected[e.Check.ID] = e.Selected
			}
			for _, id := range slices.Concat(f.Caught, f.Warned) {
				if !selected[id] {
					t.Errorf("%s: the row lacks %s", f.Name, id)
				}
			}
			if slices.Contains(slices.Collect(maps.Values(selected)), false) {
				smaller++
			}
		}
		if quick != (smaller > len(o.Faults)/2) {
			t.Errorf("quick %v: %d of %d rows are smaller", quick, smaller, len(o.Faults))
		}
	}
}
