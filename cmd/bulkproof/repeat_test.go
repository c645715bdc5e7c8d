package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/bulkproof/bulkproof/reporters/build"
	"github.com/bulkproof/bulkproof/reporters/jsonreport"
	"github.com/bulkproof/bulkproof/suites/selftest"
)

// normalised runs every check against a fresh reference server, four at a time, and returns the report as Normalise
// leaves it.
func normalised(t *testing.T, o selftest.Options, f *refserver.Fault) string {
	t.Helper()
	ctx := context.Background()
	started := time.Now()
	s, stop, err := selftest.Open(ctx, o.IG, f)
	if err != nil {
		t.Fatal(err)
	}
	plan := checks.NewPlan(o.Areas, o.Cat, o.IG, nil)
	results := checks.RunAll(ctx, s, plan, checks.Options{Parallel: 4})
	if err := stop(ctx); err != nil {
		t.Fatal(err)
	}
	verdict, code := checks.Judge(results, false, false)
	r := build.Report(build.Input{Session: s, Plan: plan, Results: results, Verdict: verdict, ExitCode: code, Started: started, Ended: time.Now(),
		ToolVersion: "test", CommandLine: []string{"bulkproof", "run", "--server", s.Config().BaseURL}})
	c, err := selectionOptions{}.choose(o.Cat)
	if err != nil {
		t.Fatal(err)
	}
	c.complete(r, o.IG)
	if err := reporters.Validate(r); err != nil {
		t.Errorf("the report is not sound: %v", err)
	}
	reporters.Normalise(r)
	b, err := jsonreport.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Repeated runs give identical reports after normalisation, checks side by side or not: on the conformant server twenty
// times, and on a broken one, whose findings point at exchanges.
func TestRepeatedRunsAreIdentical(t *testing.T) {
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	o := selftest.Options{Areas: areas, Cat: cat, IG: spec.V300}
	broken, ok := refserver.FaultNamed("kickoff-relative-content-location")
	if !ok {
		t.Fatal("the fault has another name now")
	}
	for _, c := range []struct {
		name  string
		fault *refserver.Fault
		runs  int
	}{{"conformant", nil, 20}, {broken.Name, &broken, 5}} {
		runs := c.runs
		if testing.Short() {
			runs = 3
		}
		first := normalised(t, o, c.fault)
		for i := 1; i < runs; i++ {
			if again := normalised(t, o, c.fault); again != first {
				t.Errorf("%s: run %d differs from the first:\n%s", c.name, i+1, firstDifferences(first, again, 12))
				break
			}
		}
	}
}

// firstDifferences returns the lines that differ, at most n of them.
func firstDifferences(a, b string, n int) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out []string
	for i := 0; i < min(len(x), len(y)) && len(out) < n; i++ {
		if x[i] != y[i] {
			from := max(0, i-3)
			out = append(out, strings.Join(x[from:i], " ")+"\n- "+x[i]+"\n+ "+y[i])
			if len(x) != len(y) {
				break // everything behind is shifted
			}
		}
	}
	return strings.Join(out, "\n")
}
