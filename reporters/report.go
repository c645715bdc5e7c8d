// Package reporters is what the rest of Bulkproof needs to know of reports: the versioned Report model, the list
// of writers that turn a Report into files, and the operations on finished reports (seal, parse, verify,
// normalise, compare).
//
// A Report is plain data: complete, redacted and in a fixed order before any writer sees it. Writers never see the
// session.
package reporters

import "github.com/bulkproof/bulkproof/reporters/model"

// SchemaVersion is the version of the Report model and of its JSON Schema.
const SchemaVersion = model.SchemaVersion

// The Report model, defined and documented in package model.
type (
	// Report is everything a run found.
	Report = model.Report
	// Tool says what judged.
	Tool = model.Tool
	// Environment says where the tool ran.
	Environment = model.Environment
	// Target is the server under test.
	Target = model.Target
	// Profile is the named set of requirements that the run was to judge.
	Profile = model.Profile
	// Scenario is the table of a connectathon scenario.
	Scenario = model.Scenario
	// ScenarioStep is one row of it.
	ScenarioStep = model.ScenarioStep
	// Identity is the implementation under test, as its maker names it.
	Identity = model.Identity
	// Fact is one thing known of the target.
	Fact = model.Fact
	// Totals counts checks by outcome.
	Totals = model.Totals
	// Traffic is what the run cost the target.
	Traffic = model.Traffic
	// Check is the result of one check.
	Check = model.Check
	// Finding is one violation.
	Finding = model.Finding
	// Evidence points at where a finding was seen.
	Evidence = model.Evidence
	// Exchange is one request with its response.
	Exchange = model.Exchange
	// Message is one side of an exchange.
	Message = model.Message
	// Header is one header line.
	Header = model.Header
	// Export is one export the run started.
	Export = model.Export
	// Requirement is one row of the catalogue.
	Requirement = model.Requirement
	// Outcome is the result of one check.
	Outcome = model.Outcome
	// Verdict sums a run up.
	Verdict = model.Verdict
)

// Outcomes of a check.
const (
	Pass         = model.Pass
	Warn         = model.Warn
	Fail         = model.Fail
	Skip         = model.Skip
	Inconclusive = model.Inconclusive
	Error        = model.Error
	NotRun       = model.NotRun
	Waived       = model.Waived
)

// Verdicts of a run.
const (
	Conformant            = model.Conformant
	ConformantWithWaivers = model.ConformantWithWaivers
	NotConformant         = model.NotConformant
	VerdictInconclusive   = model.VerdictInconclusive
	Incomplete            = model.Incomplete
	NothingSelected       = model.NothingSelected
)

// Tally counts the checks by outcome, provisional ones included.
func Tally(checks []Check) Totals { return model.Tally(checks) }
