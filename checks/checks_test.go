package checks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

func fixture(t *testing.T, v spec.Version) (*session.Session, *spec.Catalogue) {
	t.Helper()
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	s, err := session.Open(context.Background(), session.Config{BaseURL: srv.URL, IG: v, Clock: &session.SkipClock{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s, cat
}

// one runs a check with the given body. KICKOFF-024 is a SHALL, KICKOFF-027 a SHOULD, KICKOFF-004 a MAY.
func one(t *testing.T, v spec.Version, run func(context.Context, *T)) Result {
	t.Helper()
	s, cat := fixture(t, v)
	c := &Check{ID: "kickoff.x", Title: "x", Doc: "x", Requires: []string{"KICKOFF-024", "KICKOFF-027", "KICKOFF-004", "KICKOFF-021"}, Run: run}
	return Run(context.Background(), s, cat, c)
}

func TestLevelsBecomeOutcomes(t *testing.T) {
	at := Evidence{}
	for _, c := range []struct {
		name   string
		v      spec.Version
		run    func(context.Context, *T)
		want   Outcome
		finds  int
		reason string
	}{
		{"nothing", spec.V300, func(context.Context, *T) {}, Pass, 0, ""},
		{"SHALL", spec.V300, func(_ context.Context, t *T) { t.Violates("KICKOFF-024", at, "x") }, Fail, 1, ""},
		{"SHALL, disputed", spec.V300, func(_ context.Context, t *T) { t.Warns("KICKOFF-024", at, "x") }, Warn, 1, ""},
		{"SHOULD", spec.V300, func(_ context.Context, t *T) { t.Violates("KICKOFF-027", at, "x") }, Warn, 1, ""},
		{"MAY", spec.V300, func(_ context.Context, t *T) { t.Violates("KICKOFF-004", at, "x") }, Pass, 1, ""},
		{"SHOULD and SHALL", spec.V300, func(_ context.Context, t *T) {
			t.Violates("KICKOFF-027", at, "x")
			t.Violates("KICKOFF-024", at, "x")
		}, Fail, 2, ""},
		{"not in this version", spec.V200, func(_ context.Context, t *T) { t.Violates("KICKOFF-021", at, "x") }, Pass, 0, ""},
		{"equal findings fold", spec.V300, func(_ context.Context, t *T) {
			for range 5 {
				t.Violates("KICKOFF-024", at, "x")
			}
		}, Fail, 1, ""},
		{"skip", spec.V300, func(_ context.Context, t *T) { t.Skipf("why %d", 1) }, Skip, 0, "why 1"},
		{"inconclusive", spec.V300, func(_ context.Context, t *T) { t.Inconclusivef("why") }, Inconclusive, 0, "why"},
		{"failure stands", spec.V300, func(_ context.Context, t *T) {
			t.Violates("KICKOFF-024", at, "x")
			t.Inconclusivef("why")
		}, Fail, 1, "why"},
		{"a warning does not hide the gap", spec.V300, func(_ context.Context, t *T) {
			t.Warns("KICKOFF-024", at, "x")
			t.Inconclusivef("why")
		}, Inconclusive, 1, "why"},
		{"a skip does not hide a warning", spec.V300, func(_ context.Context, t *T) {
			t.Warns("KICKOFF-024", at, "x")
			t.Skipf("why")
		}, Warn, 1, "why"},
		{"panic", spec.V300, func(context.Context, *T) { panic("boom") }, Error, 0, "the check itself failed: boom"},
		{"cites what it does not require", spec.V300, func(_ context.Context, t *T) { t.Violates("STATUS-001", at, "x") }, Error, 0, "which it does not require"},
	} {
		r := one(t, c.v, c.run)
		if r.Outcome != c.want || len(r.Findings) != c.finds || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %s, %d findings, %q; want %s, %d, %q", c.name, r.Outcome, len(r.Findings), r.Reason, c.want, c.finds, c.reason)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	r := one(t, spec.V300, func(_ context.Context, t *T) {
		for i := range 3 * maxFindings {
			t.Violates("KICKOFF-024", Evidence{}, "finding %d", i)
			t.Note("note %d", i)
		}
	})
	if len(r.Findings) != maxFindings || !strings.Contains(r.Notes[len(r.Notes)-1], "100 further findings") {
		t.Errorf("%d findings, last note %q", len(r.Findings), r.Notes[len(r.Notes)-1])
	}
}

func TestJudge(t *testing.T) {
	results := func(os ...Outcome) (out []Result) {
		for _, o := range os {
			out = append(out, Result{Check: &Check{}, Outcome: o})
		}
		return out
	}
	provisional := []Result{{Check: &Check{Provisional: true}, Outcome: Fail}, {Check: &Check{}, Outcome: Pass}}
	for _, c := range []struct {
		name                string
		results             []Result
		strict, interrupted bool
		want                Verdict
		code                int
	}{
		{"passes", results(Pass, Skip, NotRun), false, false, Conformant, 0},
		{"warning", results(Pass, Warn), false, false, Conformant, 0},
		{"warning, strict", results(Pass, Warn), true, false, NotConformant, 1},
		{"failure beats inconclusive", results(Pass, Fail, Inconclusive), false, false, NotConformant, 1},
		{"inconclusive", results(Pass, Inconclusive), false, false, VerdictInconclusive, 3},
		{"error", results(Pass, Error), false, false, VerdictInconclusive, 3},
		{"waived", results(Pass, Waived), false, false, ConformantWithWaivers, 0},
		{"waived does not excuse error", results(Waived, Error), false, false, VerdictInconclusive, 3},
		{"interrupted", results(Pass, Fail), false, true, Incomplete, 3},
		{"nothing", results(NotRun), false, false, NothingSelected, 4},
		{"nothing applies", results(Skip, NotRun), false, false, NothingSelected, 4},
		{"provisional", provisional, false, false, Conformant, 0},
	} {
		if v, code := Judge(c.results, c.strict, c.interrupted); v != c.want || code != c.code {
			t.Errorf("%s: %s (%d), want %s (%d)", c.name, v, code, c.want, c.code)
		}
	}
}

func TestWaivers(t *testing.T) {
	known := func(id string) bool { return strings.HasPrefix(id, "a.") }
	for in, wrong := range map[string]string{
		"a.x because\n\n# comment\na.y: until=2027-01-31 ticket 7": "",
		"b.x because":           `line 1: there is no check "b.x"`,
		"a.x":                   "line 1: the waiver for a.x has no reason",
		"a.x until=soon reason": "not a date",
		"a.x r\na.x r":          "line 2: a.x is waived already in line 1",
		"a.x until=2027-01-31":  "has no reason",
	} {
		ws, err := ParseWaivers(strings.NewReader(in), known)
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v, want %q", in, err, wrong)
		}
		if wrong == "" && len(ws) != 2 {
			t.Errorf("%q: %d waivers", in, len(ws))
		}
	}
	ws, err := ParseWaivers(strings.NewReader("a.x until=2027-01-31 known\na.y known"), known)
	if err != nil {
		t.Fatal(err)
	}
	before, after := time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		id       string
		now      time.Time
		in, want Outcome
	}{
		{"a.x", before, Fail, Waived}, {"a.x", after, Fail, Fail}, {"a.x", before, Warn, Waived}, {"a.x", before, Pass, Fail},
		{"a.x", before, Inconclusive, Inconclusive}, {"a.x", before, Error, Error}, {"a.y", after, Fail, Waived}, {"a.z", before, Fail, Fail},
	} {
		if r := ws.apply(Result{Check: &Check{ID: c.id}, Outcome: c.in}, c.now); r.Outcome != c.want {
			t.Errorf("%s %s at %s: %s, want %s", c.id, c.in, c.now, r.Outcome, c.want)
		}
	}
	p := &Plan{Entries: []Entry{{Check: &Check{ID: "a.x"}, Selected: true}, {Check: &Check{ID: "a.y"}}}}
	if idle := ws.Idle(p); len(idle) != 1 || !strings.Contains(idle[0], "a.y") {
		t.Errorf("idle: %v", idle)
	}
}

func FuzzParseWaivers(f *testing.F) {
	f.Add("a.x because")
	f.Add("a.x until=2027-01-31 r\n#\n")
	f.Fuzz(func(t *testing.T, in string) {
		ws, err := ParseWaivers(strings.NewReader(in), func(string) bool { return true })
		if err != nil && ws != nil {
			t.Error("waivers and an error")
		}
		for _, w := range ws {
			if w.Reason == "" {
				t.Error("a waiver without reason")
			}
		}
	})
}

func TestValidateNamesEveryDefect(t *testing.T) {
	_, cat := fixture(t, spec.V300)
	run := func(context.Context, *T) {}
	doc := strings.Repeat("doc ", 20)
	bad := Validate([]Area{
		{Name: "a", Title: "A", Doc: "a", Checks: []Check{
			{ID: "a.good", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024"}, Run: run},
			{ID: "a.good", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024"}, Run: run},
			{ID: "b.other-area", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024"}, Run: run},
			{ID: "a.UPPER", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024"}, Run: run},
			{ID: "a.no-requirement", Title: "t", Doc: doc, Run: run},
			{ID: "a.unknown", Title: "t", Doc: doc, Requires: []string{"NOSUCH-1"}, Run: run},
			{ID: "a.twice", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024", "KICKOFF-024"}, Run: run},
			{ID: "a.no-run", Title: "t", Doc: doc, Requires: []string{"KICKOFF-024"}},
		}},
		{Name: "empty"},
	}, cat)
	for _, want := range []string{`"a.good": the id is used twice`, `"b.other-area": the id is not of the form`, `"a.UPPER": the id`, "cites no requirement",
		"NOSUCH-1 is not in the catalogue", "cited twice", `"a.no-run": title`, `the area "empty" lacks`} {
		if !slices.ContainsFunc(bad, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing says %q: %v", want, bad)
		}
	}
	if len(bad) != 8 {
		t.Errorf("%d defects: %v", len(bad), bad)
	}
}

func TestInterruptedChecksAreNotRun(t *testing.T) {
	s, cat := fixture(t, spec.V300)
	ctx, cancel := context.WithCancel(context.Background())
	c := &Check{ID: "a.x", Requires: []string{"KICKOFF-024"}, Run: func(_ context.Context, t *T) { cancel(); t.Inconclusivef("no answer") }}
	if r := Run(ctx, s, cat, c); r.Outcome != NotRun {
		t.Errorf("a check during which the run was interrupted: %s", r.Outcome)
	}
	if r := Run(ctx, s, cat, c); r.Outcome != NotRun || r.Reason == "" {
		t.Errorf("a check after the run was interrupted: %s %q", r.Outcome, r.Reason)
	}
}

func TestNeedsGiveReasons(t *testing.T) {
	s, _ := fixture(t, spec.V300)
	for _, n := range []Need{NeedAuth, NeedToken, NeedSMART, NeedGroup, "nosuch"} {
		if why := n.missing(s); len(why) < 20 {
			t.Errorf("%s: %q", n, why)
		}
	}
	for _, n := range []Need{NeedSystem, NeedPatient} {
		if why := n.missing(s); why != "" {
			t.Errorf("%s: without a CapabilityStatement the level is tried, not skipped: %q", n, why)
		}
	}
}
