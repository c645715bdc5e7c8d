package reporters

import (
	"errors"
	"fmt"
	"slices"
)

// Validate checks that a report does not contradict itself: totals are those of the checks, each outcome is backed
// by findings or a reason, findings cite requirements the report lists, evidence points at exchanges it holds, the
// verdict and the exit code follow from the outcomes, and lists are in their documented order. The error names
// every contradiction. A report that this tool wrote and nobody edited has none.
func Validate(r *Report) error {
	v := validator{r: r, requirements: r.RequirementByID(), exchanges: map[int]bool{}}
	v.lists()
	v.checks()
	v.verdict()
	if len(v.errs) == 0 {
		return nil
	}
	return fmt.Errorf("the report contradicts itself:\n%w", errors.Join(v.errs...))
}

type validator struct {
	r            *Report
	requirements map[string]Requirement
	exchanges    map[int]bool
	errs         []error
}

func (v *validator) wrong(format string, a ...any) {
	v.errs = append(v.errs, fmt.Errorf("  "+format, a...))
}

func (v *validator) lists() {
	r := v.r
	if r.Ended.Before(r.Started) {
		v.wrong("it ended (%s) before it started (%s)", r.Ended, r.Started)
	}
	for i := 1; i < len(r.Requirements); i++ {
		if r.Requirements[i-1].ID >= r.Requirements[i].ID {
			v.wrong("requirements are not sorted or not unique: %s stands before %s", r.Requirements[i-1].ID, r.Requirements[i].ID)
		}
	}
	for i := 1; i < len(r.Target.Facts); i++ {
		if r.Target.Facts[i-1].Name > r.Target.Facts[i].Name {
			v.wrong("facts of the target are not sorted: %q stands before %q", r.Target.Facts[i-1].Name, r.Target.Facts[i].Name)
		}
	}
	last := 0
	for _, e := range r.Exchanges {
		if e.Number <= last {
			v.wrong("exchanges are not numbered in ascending order: %d follows %d", e.Number, last)
		}
		if e.Response == nil && e.Error == "" {
			v.wrong("exchange %d has neither a response nor an error", e.Number)
		}
		last = e.Number
		v.exchanges[e.Number] = true
	}
}

func (v *validator) checks() {
	r := v.r
	if got := Tally(r.Checks); got != r.Totals {
		v.wrong("totals say %+v, the checks give %+v", r.Totals, got)
	}
	seen := map[string]bool{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if seen[c.ID] {
			v.wrong("check %s is listed twice", c.ID)
		}
		seen[c.ID] = true
		fails, warns := 0, 0
		for n, f := range c.Findings {
			switch f.Severity {
			case "fail":
				fails++
			case "warn":
				warns++
			}
			v.finding(c, n+1, &f)
		}
		switch {
		case c.Outcome == Fail && fails == 0 && c.Reason == "":
			v.wrong("check %s is %q with neither a finding of severity fail nor a reason", c.ID, c.Outcome)
		case c.Outcome == Warn && (fails > 0 || warns == 0):
			v.wrong("check %s is %q, its findings say otherwise (%d fail, %d warn)", c.ID, c.Outcome, fails, warns)
		case c.Outcome == Pass && fails+warns > 0:
			v.wrong("check %s is %q in spite of %d findings", c.ID, c.Outcome, fails+warns)
		}
		if slices.Contains([]Outcome{Skip, Inconclusive, Error, NotRun, Waived}, c.Outcome) && c.Reason == "" {
			v.wrong("check %s is %q without a reason", c.ID, c.Outcome)
		}
	}
}

func (v *validator) finding(c *Check, n int, f *Finding) {
	if !slices.Contains(c.Requires, f.Requirement) {
		v.wrong("check %s, finding %d: it may not cite %s, the check requires %v", c.ID, n, f.Requirement, c.Requires)
	}
	if q, ok := v.requirements[f.Requirement]; !ok {
		v.wrong("check %s, finding %d: requirement %s is not listed", c.ID, n, f.Requirement)
	} else if q.Level != f.Level {
		v.wrong("check %s, finding %d: level %s, requirement %s has %s", c.ID, n, f.Level, f.Requirement, q.Level)
	}
	if e := f.Evidence.Exchange; e != 0 && !v.exchanges[e] {
		v.wrong("check %s, finding %d: exchange %d is not listed", c.ID, n, e)
	}
}

// verdict holds the report to the rules of its verdicts. Provisional checks do not count, but a defect of the
// suite does wherever it shows.
func (v *validator) verdict() {
	r := v.r
	failed, unsure, waived := 0, 0, 0
	for _, c := range r.Checks {
		switch {
		case c.Outcome == Error:
			unsure++
		case c.Provisional:
		case c.Outcome == Fail, c.Outcome == Warn && r.Strict:
			failed++
		case c.Outcome == Inconclusive:
			unsure++
		case c.Outcome == Waived:
			waived++
		}
	}
	wrong := false
	switch r.Verdict {
	case Conformant:
		wrong = failed+unsure+waived > 0
	case ConformantWithWaivers:
		wrong = failed+unsure > 0 || waived == 0
	case NotConformant:
		wrong = failed == 0
	case VerdictInconclusive:
		wrong = failed > 0 || unsure == 0
	case NothingSelected:
		wrong = r.Totals.NotRun+r.Totals.Skip != len(r.Checks)
	}
	if wrong {
		v.wrong("verdict %q does not follow from the checks that count: %d failed, %d could not be judged, %d waived",
			r.Verdict, failed, unsure, waived)
	}
	if want := r.Verdict.ExitCode(); r.ExitCode != want {
		v.wrong("exit code %d with verdict %q, expected %d", r.ExitCode, r.Verdict, want)
	}
}
