package params_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// run runs the areas param and data against a conforming, open reference server.
func run(t *testing.T, v spec.Version, cfg refserver.Config) []checks.Result {
	t.Helper()
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	cfg.IG, cfg.NoManagement, cfg.PollsUntilDone = string(v), true, 1
	server, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(context.Background())
	s, err := session.Open(context.Background(), session.Config{BaseURL: server.URL, IG: v, Clock: &session.SkipClock{}, RequestTimeout: 20 * time.Second, ExportTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	plan := checks.NewPlan(areas, cat, v, func(c *checks.Check) (bool, string) {
		return c.Area() == "param" || c.Area() == "data", "not in this test"
	})
	var out []checks.Result
	for _, r := range checks.RunAll(context.Background(), s, plan, checks.Options{Parallel: 2}) {
		if r.Outcome != checks.NotRun {
			out = append(out, r)
		}
	}
	return out
}

// silent complains about findings on a conforming server, and about gaps without a reason.
func silent(t *testing.T, results []checks.Result) (passed, unsure int) {
	t.Helper()
	for _, r := range results {
		switch r.Outcome {
		case checks.Pass:
			passed++
		case checks.Inconclusive:
			unsure++
			fallthrough
		case checks.Skip:
			if len(strings.Fields(r.Reason)) < 5 {
				t.Errorf("%s is %s and gives no reason", r.Check.ID, r.Outcome)
			}
			t.Logf("%s %s: %s", r.Outcome, r.Check.ID, r.Reason)
		default:
			t.Errorf("%s on a conforming server: %s %+v %s", r.Check.ID, r.Outcome, r.Findings, r.Reason)
		}
	}
	return passed, unsure
}

// Other data give other instants, patients and filters, and no finding.
func TestThreeSeeds(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		passed, unsure := silent(t, run(t, spec.V300, refserver.Config{Seed: seed}))
		t.Logf("seed %d: %d passed, %d inconclusive", seed, passed, unsure)
		if passed < 60 {
			t.Errorf("seed %d: only %d checks pass", seed, passed)
		}
	}
}

// With five patients nothing is found either. The set is small but complete by design, so that most can still be told.
func TestFivePatients(t *testing.T) {
	for _, v := range []spec.Version{spec.V200, spec.V300} {
		passed, unsure := silent(t, run(t, v, refserver.Config{Patients: 5, Seed: 4}))
		t.Logf("IG %s, five patients: %d passed, %d inconclusive", v, passed, unsure)
		passed, unsure = silent(t, run(t, v, refserver.Config{Patients: 5, Seed: 4, Levels: []refserver.Level{refserver.GroupLevel}}))
		t.Logf("IG %s, a Group of five patients: %d passed, %d inconclusive", v, passed, unsure)
	}
}

// Five patients who have nothing but Conditions, all changed at one moment, show little: the oracles that lack a contrast say
// so, and none of them passes.
func TestThinData(t *testing.T) {
	moment := regexp.MustCompile(`"lastUpdated":"[^"]*"`)
	thin := refserver.Config{Patients: 5, Seed: 4, Behaviour: refserver.Behaviour{
		Keep: func(_ refserver.JobInfo, r *dataset.Resource, include bool) bool {
			return include && slices.Contains([]string{"Patient", "Condition", "Organization", "Practitioner"}, r.Type)
		},
		Answer: func(a *refserver.Answer) {
			at := []byte(`"lastUpdated":"2024-05-01T10:00:00Z"`)
			if a.Endpoint == refserver.Read {
				a.Body = moment.ReplaceAll(a.Body, at)
			}
			if a.Endpoint == refserver.File && a.Streamed() {
				a.Line = func(_ int, line []byte) []byte {
					return moment.ReplaceAll(line, at)
				}
			}
		},
	}}
	starved := []string{"param.since-excludes", "param.since-every-file", "param.since-boundary", "param.since-includes",
		"param.associated-latest-only", "param.associated-latest-complete", "param.associated-relevant", "param.associated-conflict",
		"param.provenance-patient", "param.provenance-system", "param.typefilter-date", "param.typefilter-independent"}
	for _, v := range []spec.Version{spec.V200, spec.V300} {
		results := run(t, v, thin)
		passed, unsure := silent(t, results)
		t.Logf("IG %s, thin data: %d passed, %d inconclusive", v, passed, unsure)
		for _, id := range starved {
			i := slices.IndexFunc(results, func(r checks.Result) bool { return r.Check.ID == id })
			if i < 0 || results[i].Outcome != checks.Inconclusive {
				t.Errorf("IG %s: %s is not inconclusive, although nothing bites", v, id)
			}
		}
	}
}
