package checks

import (
	"time"

	"github.com/bulkproof/bulkproof/checks/spec"
)

// Outcome is how a check ended.
type Outcome string

// Outcomes. Inconclusive is never a skip and never conformant.
const (
	Pass         Outcome = "pass"
	Warn         Outcome = "warn"
	Fail         Outcome = "fail"
	Skip         Outcome = "skip"
	Inconclusive Outcome = "inconclusive"
	Error        Outcome = "error"
	NotRun       Outcome = "not-run"
	Waived       Outcome = "waived"
)

// Result is the result of one check.
type Result struct {
	Check    *Check
	Outcome  Outcome
	Reason   string
	Findings []Finding
	Notes    []string
	Examined string
	Took     time.Duration
	Stack    string // of a panic; for the log, never for a report
	Waiver   *Waiver
}

// Verdict sums results up.
type Verdict string

// Verdicts.
const (
	Conformant            Verdict = "conformant"
	ConformantWithWaivers Verdict = "conformant with waivers"
	NotConformant         Verdict = "not conformant"
	VerdictInconclusive   Verdict = "inconclusive"
	Incomplete            Verdict = "incomplete"
	NothingSelected       Verdict = "nothing selected"
)

// Exit codes of the binary.
const (
	ExitConformant   = 0
	ExitViolated     = 1
	ExitUsage        = 2
	ExitInconclusive = 3 // could not be judged, interrupted, or a defect of the suite
	ExitNothing      = 4
)

// Judge returns the verdict over all results and its exit code. With strict, a warning counts as a failure. Provisional
// checks do not count. A run in which every check was skipped has judged nothing. interrupted is set when the run was stopped before its end.
func Judge(results []Result, strict, interrupted bool) (Verdict, int) {
	var ran, failed, unsure, waived int
	for _, r := range results {
		if r.Outcome != NotRun && r.Outcome != Skip {
			ran++
		}
		if r.Check.Provisional && r.Outcome != Error {
			continue
		}
		switch r.Outcome {
		case Fail:
			failed++
		case Warn:
			if strict {
				failed++
			}
		case Inconclusive, Error:
			unsure++
		case Waived:
			waived++
		}
	}
	switch {
	case interrupted:
		return Incomplete, ExitInconclusive
	case ran == 0:
		return NothingSelected, ExitNothing
	case failed > 0:
		return NotConformant, ExitViolated
	case unsure > 0:
		return VerdictInconclusive, ExitInconclusive
	case waived > 0:
		return ConformantWithWaivers, ExitConformant
	}
	return Conformant, ExitConformant
}

// Expected returns the text of what the requirement asks in the version, worded by how firmly the specification says it.
func Expected(r spec.Requirement, v spec.Version) string {
	text := r.SummaryIn(v)
	if e, ok := r.In(v); ok && e.Basis == spec.Implied {
		return "Expected (the text has no keyword here): " + text
	}
	return text
}
