package suites_test

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/suites"
	"github.com/bulkproof/bulkproof/suites/selftest"
)

// Hundreds of short sessions one after the other: memory is little, and the collector would take a fifth of the time.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}

func summary(results []checks.Result) []string {
	var out []string
	for _, r := range results {
		s := r.Check.ID + " " + string(r.Outcome)
		for _, f := range r.Findings {
			s += " " + f.Requirement + "/" + string(f.Severity)
		}
		out = append(out, s)
	}
	return out
}

// sampled is every how many faults the two drivers are compared result by result.
const sampled = 8

// The Ginkgo driver and the direct driver agree. Through Ginkgo too, each fault is caught by exactly the checks it names,
// as TestMatrix of the direct driver says; on the conformant server and on a sample of the faults every result is compared.
func TestDriversAgree(t *testing.T) {
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	targets := []*refserver.Fault{nil}
	for _, f := range refserver.Faults() {
		if f.AppliesTo(string(spec.V300)) {
			targets = append(targets, &f)
		}
	}
	// The direct runs go on in the background: only Ginkgo is bound to one run at a time.
	o := selftest.Options{Areas: areas, Cat: cat, IG: spec.V300, Quick: true}
	type run struct {
		results []checks.Result
		err     error
	}
	direct := make([]chan run, len(targets))
	for i := range direct {
		direct[i] = make(chan run, 1)
	}
	go func() {
		for i := 0; i < len(targets); i += sampled {
			results, _, err := selftest.RunOnce(ctx, o, targets[i])
			direct[i] <- run{results, err}
		}
	}()
	for i, f := range targets {
		what := "conformant"
		if f != nil {
			what = f.Name
		}
		s, stop, err := selftest.Open(ctx, spec.V300, f)
		if err != nil {
			t.Fatal(err)
		}
		ginkgo, err := suites.Run(ctx, s, o.Plan(f), checks.Options{})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := stop(ctx); err != nil {
			t.Fatal(err)
		}
		if row := o.RowOf(f, ginkgo); !row.Exact() {
			t.Errorf("%s, through Ginkgo: missing %v, extra %v, errors %v", what, row.Missing, row.Extra, row.Errors)
		}
		if i%sampled != 0 {
			continue
		}
		d := <-direct[i]
		if d.err != nil {
			t.Fatalf("%s: %v", what, d.err)
		}
		a, b := summary(d.results), summary(ginkgo)
		if len(a) != len(b) {
			t.Fatalf("%s: %d results directly, %d through Ginkgo", what, len(a), len(b))
		}
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("%s: directly %q, through Ginkgo %q", what, a[i], b[i])
			}
		}
	}
}

// An interrupted run lists what was not judged, and an empty selection runs nothing.
func TestInterruptedAndEmptyRuns(t *testing.T) {
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, stop, err := selftest.Open(context.Background(), spec.V300, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(context.Background())
	done := 0
	watch := observer{func() {
		if done++; done == 3 {
			cancel()
			s.Stop()
		}
	}}
	results, err := suites.Run(ctx, s, checks.NewPlan(areas, cat, spec.V300, nil), checks.Options{Observer: watch})
	if err != nil {
		t.Fatal(err)
	}
	notRun := 0
	for _, r := range results {
		if r.Outcome == checks.NotRun {
			notRun++
			if r.Reason == "" {
				t.Errorf("%s was not run for no reason", r.Check.ID)
			}
		}
	}
	if notRun != len(results)-3 {
		t.Errorf("%d of %d checks were not run; 3 were", notRun, len(results))
	}
	if v, code := checks.Judge(results, false, true); v != checks.Incomplete || code != checks.ExitInconclusive {
		t.Errorf("the verdict of an interrupted run is %s (%d)", v, code)
	}

	none := checks.NewPlan(areas, cat, spec.V300, func(*checks.Check) (bool, string) { return false, "not wanted" })
	results, err = suites.Run(context.Background(), s, none, checks.Options{})
	if v, code := checks.Judge(results, false, false); err != nil || v != checks.NothingSelected || code != checks.ExitNothing {
		t.Errorf("an empty selection: %s (%d), %v", v, code, err)
	}
}

type observer struct{ done func() }

func (o observer) CheckStarted(*checks.Check) {}
func (o observer) CheckDone(checks.Result)    { o.done() }

func TestSentence(t *testing.T) {
	r := checks.Result{Outcome: checks.Fail, Reason: "r", Findings: []checks.Finding{{Requirement: "X-1", Entry: spec.Entry{Level: spec.Shall}, Observed: "o"}}}
	if got, want := suites.Sentence(r), "X-1 (SHALL): o\nr"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := suites.Sentence(checks.Result{Outcome: checks.Pass}); got != fmt.Sprint(checks.Pass) {
		t.Errorf("got %q", got)
	}
}
