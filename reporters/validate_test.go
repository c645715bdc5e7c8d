package reporters

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

func TestValidate(t *testing.T) {
	if err := Validate(reporttest.Sample()); err != nil {
		t.Fatalf("the sample: %v", err)
	}
	find := func(r *Report, id string) *Check {
		for i := range r.Checks {
			if r.Checks[i].ID == id {
				return &r.Checks[i]
			}
		}
		t.Fatalf("the sample has no check %s", id)
		return nil
	}
	outcome := func(id string, o Outcome) func(*Report) {
		return func(r *Report) {
			find(r, id).Outcome = o
			r.Totals = Tally(r.Checks)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Report)
		want   string
	}{
		{"totals", func(r *Report) { r.Totals.Pass++ }, "totals say"},
		{"ended before it started", func(r *Report) { r.Ended = r.Started.Add(-time.Second) }, "before it started"},
		{"check twice", func(r *Report) { r.Checks[1].ID = r.Checks[0].ID }, "capability.instantiates is listed twice"},
		{"requirements unsorted", func(r *Report) { r.Requirements[0], r.Requirements[1] = r.Requirements[1], r.Requirements[0] }, "CAPABILITY-002 stands before CAPABILITY-001"},
		{"requirement twice", func(r *Report) { r.Requirements[1] = r.Requirements[0] }, "not unique"},
		{"facts unsorted", func(r *Report) {
			f := r.Target.Facts
			f[0], f[1] = f[1], f[0]
		}, "facts of the target are not sorted"},
		{"exchanges unsorted", func(r *Report) { r.Exchanges[2].Number = 1 }, "ascending order: 1 follows 2"},
		{"exchange without an end", func(r *Report) { r.Exchanges[2].Response = nil }, "exchange 3 has neither a response nor an error"},
		{"fail without a finding", func(r *Report) { find(r, "files.unique").Findings = nil }, "files.unique is \"fail\" with neither"},
		{"warn that fails", outcome("files.unique", Warn), "files.unique is \"warn\""},
		{"pass with a finding", outcome("files.unique", Pass), "files.unique is \"pass\" in spite of 1 findings"},
		{"skip without a reason", func(r *Report) { find(r, "kickoff.post").Reason = "" }, "kickoff.post is \"skip\" without a reason"},
		{"not-run without a reason", func(r *Report) { find(r, "cancel.then-404").Reason = "" }, "cancel.then-404 is \"not-run\" without a reason"},
		{"inconclusive without a reason", func(r *Report) { find(r, "data.since").Reason = "" }, "data.since is \"inconclusive\" without a reason"},
		{"finding of another requirement", func(r *Report) { find(r, "files.unique").Findings[0].Requirement = "DATA-002" }, "it may not cite DATA-002"},
		{"requirement not listed", func(r *Report) { r.Requirements = r.Requirements[:3] }, "requirement DATA-010 is not listed"},
		{"level", func(r *Report) { find(r, "files.unique").Findings[0].Level = "MAY" }, "level MAY, requirement DATA-010 has SHALL"},
		{"evidence not listed", func(r *Report) { find(r, "files.unique").Findings[0].Evidence.Exchange = 99 }, "exchange 99 is not listed"},
		{"heavier than its level", func(r *Report) {
			r.Checks[0].Findings[0].Severity, r.Checks[0].Outcome = "fail", Fail
			r.Totals = Tally(r.Checks)
		}, "severity fail with level SHOULD, which weighs warn at most"},
		{"note made a warning", func(r *Report) { find(r, "manifest.count").Findings[1].Severity = "warn" }, "level MAY, which weighs note at most"},
		{"requirement that hides a check", func(r *Report) { r.Requirements[0].Checks = nil }, "requirement CAPABILITY-001 names the checks []"},
		{"profile unsorted", func(r *Report) { p := r.Profile.Requirements; p[0], p[1] = p[1], p[0] }, "not sorted or not unique"},
		{"profile that hides a gap", func(r *Report) { r.Profile.Unjudged = nil }, "the checks give [DELETE-004 SECURITY-099]"},
		{"step better than its checks", func(r *Report) { r.Scenario.Steps[1].Outcome = "pass" }, `step 2 of the scenario is "pass", its checks give "fail"`},
		{"step on a check that is not there", func(r *Report) { r.Scenario.Steps[0].Checks[0] = "nosuch" }, "rests on check nosuch, which is not listed"},
		{"step without a reason", func(r *Report) { r.Scenario.Steps[2].Reason = "" }, `step 3 of the scenario is "inconclusive" without a reason`},
		{"scenario better than its steps", func(r *Report) { r.Scenario.Outcome = "pass" }, `the scenario is "pass", its steps give "fail"`},
		{"conformant with failures", func(r *Report) { r.Verdict, r.ExitCode = Conformant, 0 }, "4 failed, 3 could not be judged, 1 waived"},
		{"waivers in spite of failures", func(r *Report) { r.Verdict, r.ExitCode = ConformantWithWaivers, 0 }, "does not follow"},
		{"inconclusive in spite of failures", func(r *Report) { r.Verdict, r.ExitCode = VerdictInconclusive, 3 }, "does not follow"},
		{"nothing selected in spite of checks", func(r *Report) { r.Verdict, r.ExitCode = NothingSelected, 4 }, "does not follow"},
		{"conformant with an open scenario", func(r *Report) {
			only(r, "cancel.accepted")
			r.Scenario = &Scenario{Outcome: "inconclusive", Steps: []ScenarioStep{{Outcome: "inconclusive", Reason: "nothing judges it"}}}
			r.Verdict, r.ExitCode = Conformant, 0
		}, "1 could not be judged"},
		{"exit code", func(r *Report) { r.ExitCode = 0 }, "exit code 0 with verdict \"not conformant\", expected 1"},
		{"strict hides no warning", func(r *Report) {
			only(r, "token.lifetime")
			r.Strict, r.Verdict, r.ExitCode = true, Conformant, 0
		}, "1 failed"},
		{"suite error in a provisional check", func(r *Report) {
			only(r, "group.members-only")
			r.Checks[0].Provisional = true
			r.Verdict, r.ExitCode = Conformant, 0
		}, "1 could not be judged"},
	} {
		r := reporttest.Sample()
		c.change(r)
		if err := Validate(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for name, change := range map[string]func(*Report){
		"incomplete":   func(r *Report) { r.Verdict, r.ExitCode = Incomplete, 3 },
		"conformant":   func(r *Report) { only(r, "cancel.accepted"); r.Verdict, r.ExitCode = Conformant, 0 },
		"with waivers": func(r *Report) { only(r, "status.retry-after"); r.Verdict, r.ExitCode = ConformantWithWaivers, 0 },
		"inconclusive": func(r *Report) { only(r, "data.since"); r.Verdict, r.ExitCode = VerdictInconclusive, 3 },
		"nothing":      func(r *Report) { only(r, "cancel.then-404"); r.Verdict, r.ExitCode = NothingSelected, 4 },
		"strict":       func(r *Report) { only(r, "token.lifetime"); r.Strict = true },
		"warnings":     func(r *Report) { only(r, "token.lifetime"); r.Verdict, r.ExitCode = Conformant, 0 },
		"provisional failure": func(r *Report) {
			only(r, "files.unique")
			r.Checks[0].Provisional = true
			r.Verdict, r.ExitCode = Conformant, 0
		},
		"waived check that passes": func(r *Report) {
			only(r, "cancel.accepted")
			r.Checks[0].Outcome, r.Checks[0].Reason = Fail, "The check passes although it is waived."
			r.Totals = Tally(r.Checks)
		},
		"response whose body broke off": func(r *Report) { r.Exchanges[3].Error = "the body ended early" },
		"requirement of another version": func(r *Report) {
			find(r, "cancel.accepted").Requires = append(find(r, "cancel.accepted").Requires, "DELETE-099")
		},
	} {
		r := reporttest.Sample()
		change(r)
		if err := Validate(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// only leaves one check in the report.
func only(r *Report, id string) {
	for _, c := range r.Checks {
		if c.ID == id {
			r.Checks = []Check{c}
			r.Totals = Tally(r.Checks)
			r.Profile, r.Scenario = nil, nil
			for i := range r.Requirements {
				q := &r.Requirements[i]
				q.Checks = nil
				if slices.Contains(c.Requires, q.ID) {
					q.Checks = []string{c.ID}
				}
			}
			return
		}
	}
	panic("the sample has no check " + id)
}
