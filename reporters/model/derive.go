package model

import (
	"fmt"
	"strings"
)

// Outcomes returns every outcome in the order a reader wants them: what needs attention first.
func Outcomes() []Outcome {
	return []Outcome{Fail, Error, Inconclusive, Warn, Waived, Pass, Skip, NotRun}
}

// Verdicts returns every verdict.
func Verdicts() []Verdict {
	return []Verdict{Conformant, ConformantWithWaivers, NotConformant, VerdictInconclusive, Incomplete, NothingSelected}
}

// NeedsAttention reports whether a reader has to look at checks of this outcome: everything that is not a
// clean pass and not a reasoned omission.
func (o Outcome) NeedsAttention() bool {
	switch o {
	case Pass, Skip, NotRun:
		return false
	default:
		return true
	}
}

// Tally counts the checks by outcome, provisional ones included. A check of an unknown outcome is counted in
// Checks only, so that Validate finds it.
func Tally(checks []Check) Totals {
	t := Totals{Checks: len(checks)}
	for i := range checks {
		switch checks[i].Outcome {
		case Pass:
			t.Pass++
		case Warn:
			t.Warn++
		case Fail:
			t.Fail++
		case Skip:
			t.Skip++
		case Inconclusive:
			t.Inconclusive++
		case Error:
			t.Error++
		case NotRun:
			t.NotRun++
		case Waived:
			t.Waived++
		}
	}
	return t
}

// Of returns the number of checks with the given outcome, 0 for an unknown one.
func (t Totals) Of(o Outcome) int {
	switch o {
	case Pass:
		return t.Pass
	case Warn:
		return t.Warn
	case Fail:
		return t.Fail
	case Skip:
		return t.Skip
	case Inconclusive:
		return t.Inconclusive
	case Error:
		return t.Error
	case NotRun:
		return t.NotRun
	case Waived:
		return t.Waived
	default:
		return 0
	}
}

// ExitCode returns the exit code that belongs to a verdict: 0 conformant, 1 a SHALL is violated, 3 not judged
// completely, 4 nothing selected. (2, a usage error, never comes with a report.)
func (v Verdict) ExitCode() int {
	switch v {
	case Conformant, ConformantWithWaivers:
		return 0
	case NotConformant:
		return 1
	case NothingSelected:
		return 4
	default:
		return 3
	}
}

// Meaning returns two sentences for a reader who was not there: what the verdict says, and what it does not.
func (v Verdict) Meaning() (says, saysNot string) {
	const notMore = "It speaks for this server, this configuration and these data at this time only; requirements that no listed " +
		"check cites were not examined, and it is not a security assessment or an endorsement."
	switch v {
	case Conformant:
		return "Every check that applies to this server was judged, and no violation of a mandatory requirement was found.", notMore
	case ConformantWithWaivers:
		return "Every check that applies to this server was judged. Some fail, exactly those that a waiver names beforehand; " +
			"without the waivers this server would not conform.", notMore
	case NotConformant:
		return "At least one check that counts towards the verdict did not come out as required. Each is listed with what " +
				"the requirement asks, what the server did, and where it was seen.",
			"It does not say that everything else is wrong: checks that passed were judged on their own. " +
				"One defect can keep other checks from being judged; those are listed as inconclusive."
	case VerdictInconclusive:
		return "No violation decides this run, but at least one check could not be judged: the server, the network or the suite itself " +
				"made it impossible.",
			"It is neither a pass nor a failure. Remove the cause that the report names and run again."
	case Incomplete:
		return "The run was interrupted before every selected check had been judged.",
			"It says nothing about the checks that were not run, so it can never stand for conformance."
	case NothingSelected:
		return "No check was selected, or none of those selected applies to this server: nothing was judged.", "It says nothing about this server."
	default:
		return "This verdict is not known to this version of the tool.", "Read the outcomes of the checks themselves."
	}
}

// BaseLevel returns a level without its negation ("SHALL NOT" gives "SHALL"), in upper case.
func BaseLevel(level string) string {
	return strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(level)), " NOT")
}

// Levels returns the base levels, strongest first.
func Levels() []string { return []string{"SHALL", "SHOULD", "MAY"} }

// RequirementByID indexes the requirements of a report.
func (r *Report) RequirementByID() map[string]Requirement {
	m := make(map[string]Requirement, len(r.Requirements))
	for _, q := range r.Requirements {
		m[q.ID] = q
	}
	return m
}

// StrongestLevel returns the strongest base level among the requirements a check cites, "" when none of them
// is in the index.
func (c *Check) StrongestLevel(byID map[string]Requirement) string {
	for _, level := range Levels() {
		for _, id := range c.Requires {
			if q, ok := byID[id]; ok && BaseLevel(q.Level) == level {
				return level
			}
		}
	}
	return ""
}

// String returns where a finding was seen, in one line and without the URL: "exchange 7, output[3] Patient,
// line 12 (byte 4410), /birthDate"; "" when nothing is known.
func (e Evidence) String() string {
	var parts []string
	if e.Exchange > 0 {
		parts = append(parts, fmt.Sprintf("exchange %d", e.Exchange))
	}
	if e.File != "" {
		parts = append(parts, e.File)
	}
	switch {
	case e.Line > 0 && e.Offset > 0:
		parts = append(parts, fmt.Sprintf("line %d (byte %d)", e.Line, e.Offset))
	case e.Line > 0:
		parts = append(parts, fmt.Sprintf("line %d", e.Line))
	case e.Offset > 0:
		parts = append(parts, fmt.Sprintf("byte %d", e.Offset))
	}
	if e.Pointer != "" {
		parts = append(parts, e.Pointer)
	}
	return strings.Join(parts, ", ")
}
