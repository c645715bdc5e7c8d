package model

// Profile is the named set of requirements that the run was to judge.
type Profile struct {
	Name         string   `json:"name"` // "core"
	Title        string   `json:"title"`
	Doc          string   `json:"doc"`          // what it stands for, and by which rule it selects
	Requirements []string `json:"requirements"` // ids in the version under test, sorted
	Unjudged     []string `json:"unjudged"`     // those of them that no check of this run judged, sorted
}

// Scenario is a run after a script of the HL7 Bulk Data connectathon track, with the track's own table.
type Scenario struct {
	Name    string         `json:"name"` // "1-full-open"
	Title   string         `json:"title"`
	Role    string         `json:"role"` // who is under test: "data provider"
	Doc     string         `json:"doc"`
	Outcome StepOutcome    `json:"outcome"` // the worst of its steps
	Steps   []ScenarioStep `json:"steps"`   // in the script's order
}

// ScenarioStep is one row of the track's table.
type ScenarioStep struct {
	Title   string      `json:"title"`
	Outcome StepOutcome `json:"outcome"`
	Reason  string      `json:"reason,omitempty"` // what decided, unless it passed
	Checks  []string    `json:"checks"`           // the checks it rests on, in plan order
}

// StepOutcome is the result of a step, in the track's three words.
type StepOutcome string

// Outcomes of steps.
const (
	StepPass         StepOutcome = "pass"
	StepFail         StepOutcome = "fail"
	StepInconclusive StepOutcome = "inconclusive"
)

// StepOf returns what a step comes out as whose checks came out like this. One failure fails it. A check that could
// not be judged or was not run leaves it open. Checks that do not apply say nothing, but a step of a script cannot be
// skipped: where no check is left that saw it work, it is inconclusive. Warnings and waived failures pass.
func StepOf(outcomes []Outcome) StepOutcome {
	seen, open := false, false
	for _, o := range outcomes {
		switch o {
		case Fail:
			return StepFail
		case Pass, Warn, Waived:
			seen = true
		case Skip:
		default:
			open = true
		}
	}
	if open || !seen {
		return StepInconclusive
	}
	return StepPass
}

// WorstStep returns the outcome of a whole scenario: fail before inconclusive before pass, inconclusive without steps.
func WorstStep(steps []ScenarioStep) StepOutcome {
	out := StepInconclusive
	if len(steps) > 0 {
		out = StepPass
	}
	for _, s := range steps {
		switch s.Outcome {
		case StepFail:
			return StepFail
		case StepPass:
		default:
			out = StepInconclusive
		}
	}
	return out
}

// Identity is the implementation under test, as its maker names it.
type Identity struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Contact string `json:"contact"`
}
