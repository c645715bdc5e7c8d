package reporters

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/reporters/model"
)

// Validate checks that a report does not contradict itself: totals are those of the checks, each outcome is backed
// by findings or a reason, findings cite requirements the report lists and weigh no more than those, requirements name
// the checks that cite them, evidence points at exchanges it holds, the profile and the scenario's table follow from the
// checks, the verdict and the exit code follow from the outcomes, and lists are in their documented order. The error names
// every contradiction. A report that this tool wrote and nobody edited has none.
func Validate(r *Report) error {
	v := validator{r: r, requirements: r.RequirementByID(), exchanges: map[int]bool{}}
	v.lists()
	v.checks()
	v.citations()
	v.profile()
	v.scenario()
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
	if most := heaviest(f.Level); f.Severity == "fail" && most != "fail" || f.Severity == "warn" && most == "note" {
		v.wrong("check %s, finding %d: severity %s with level %s, which weighs %s at most", c.ID, n, f.Severity, f.Level, most)
	}
	if e := f.Evidence.Exchange; e != 0 && !v.exchanges[e] {
		v.wrong("check %s, finding %d: exchange %d is not listed", c.ID, n, e)
	}
}

// heaviest returns the severity that a finding of a level can have.
func heaviest(level string) string {
	switch model.BaseLevel(level) {
	case "SHALL":
		return "fail"
	case "SHOULD":
		return "warn"
	}
	return "note"
}

// citations compares what the requirements say of the checks with what the checks say of the requirements.
func (v *validator) citations() {
	cited := map[string][]string{}
	for _, c := range v.r.Checks {
		for _, id := range c.Requires {
			cited[id] = append(cited[id], c.ID)
		}
	}
	for _, q := range v.r.Requirements {
		if !slices.Equal(q.Checks, cited[q.ID]) {
			v.wrong("requirement %s names the checks %v, the checks that cite it are %v", q.ID, q.Checks, cited[q.ID])
		}
	}
}

// profile compares what the profile says was not judged with what was.
func (v *validator) profile() {
	p := v.r.Profile
	if p == nil {
		return
	}
	if !slices.IsSorted(p.Requirements) || len(slices.Compact(slices.Clone(p.Requirements))) != len(p.Requirements) {
		v.wrong("the requirements of the profile %s are not sorted or not unique", p.Name)
	}
	if got := Unjudged(p.Requirements, v.r.Checks); !slices.Equal(got, p.Unjudged) {
		v.wrong("the profile %s says that %v were not judged, the checks give %v", p.Name, p.Unjudged, got)
	}
}

// scenario compares the track's table with the checks it rests on.
func (v *validator) scenario() {
	s := v.r.Scenario
	if s == nil {
		return
	}
	byID := map[string]Outcome{}
	for _, c := range v.r.Checks {
		byID[c.ID] = c.Outcome
	}
	for i, p := range s.Steps {
		var outcomes []Outcome
		for _, id := range p.Checks {
			o, ok := byID[id]
			if !ok {
				v.wrong("step %d of the scenario rests on check %s, which is not listed", i+1, id)
			}
			outcomes = append(outcomes, o)
		}
		if want := model.StepOf(outcomes); p.Outcome != want {
			v.wrong("step %d of the scenario is %q, its checks give %q", i+1, p.Outcome, want)
		}
		if p.Outcome != model.StepPass && p.Reason == "" {
			v.wrong("step %d of the scenario is %q without a reason", i+1, p.Outcome)
		}
	}
	if want := model.WorstStep(s.Steps); s.Outcome != want {
		v.wrong("the scenario is %q, its steps give %q", s.Outcome, want)
	}
}

// Unjudged returns those of the requirements, which are sorted, that no check judged: none of those that cite them was
// run to an outcome that says something about them.
func Unjudged(requirements []string, checks []Check) []string {
	judged := map[string]bool{}
	for _, c := range checks {
		switch c.Outcome {
		case Pass, Warn, Fail, Waived:
			for _, id := range c.Requires {
				judged[id] = true
			}
		}
	}
	out := []string{}
	for _, id := range requirements {
		if !judged[id] {
			out = append(out, id)
		}
	}
	return out
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
	if s := r.Scenario; s != nil && s.Outcome == model.StepInconclusive {
		unsure++ // a step that nobody saw work
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
