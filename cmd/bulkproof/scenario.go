package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/bulkproof/bulkproof/suites/selftest"
)

// scenarioProfile is what the scenarios draw from.
const scenarioProfile = "connectathon"

// scenario is one scenario of the HL7 connectathon's bulk data track, with a data provider under test. A step names
// requirements rather than checks, so that a new check of them becomes part of it.
type scenario struct {
	name, title, doc string
	secured          bool // with SMART Backend Services; otherwise the server has to be open
	steps            []scenarioStep
}

type scenarioStep struct {
	title    string
	requires []string // requirement ids
}

// Steps that scenarios share.
var (
	stepKickOff = []scenarioStep{
		{"The kick-off request is answered with 202 Accepted", []string{"KICKOFF-023"}},
		{"The answer names an absolute polling location", []string{"KICKOFF-024", "KICKOFF-025"}},
	}
	stepStatus = []scenarioStep{
		{"The status request tells that the export is in progress", []string{"STATUS-008", "STATUS-005"}},
		{"The status request ends with 200 and a manifest", []string{"STATUS-020", "STATUS-022", "STATUS-023"}},
		{"The manifest has its mandatory fields", []string{"MANIFEST-001", "MANIFEST-002", "MANIFEST-005", "MANIFEST-007", "MANIFEST-010", "MANIFEST-029"}},
		{"Each output item has a type and an absolute URL", []string{"MANIFEST-012", "MANIFEST-014", "MANIFEST-015"}},
	}
	stepFiles = []scenarioStep{
		{"Every file can be downloaded as application/fhir+ndjson", []string{"MANIFEST-049", "FILE-013", "FILE-014", "FILE-015"}},
		{"Every line is one resource of the type that the manifest says", []string{"FILE-016", "FILE-017"}},
	}
	stepDelete = []scenarioStep{
		{"The export can be deleted, and is gone then", []string{"DELETE-002", "DELETE-003", "DELETE-005"}},
	}
)

// scenarios returns the track's scenarios.
func scenarios() []scenario {
	return []scenario{
		{
			name: "1-full-open", title: "1. Bulk data export, full, open endpoint",
			doc: "A client that needs no authorization asks for everything, waits until the export is complete, downloads every file that the manifest " +
				"lists, and deletes the export.",
			steps: slices.Concat(
				[]scenarioStep{{"The server says that it can export", []string{"CAPABILITY-002", "CAPABILITY-008"}}},
				stepKickOff, stepStatus, stepFiles, stepDelete),
		},
		{
			name: "2-targeted-open", title: "2. Bulk data export, targeted, open endpoint",
			doc: "A client that needs no authorization asks for some resource types with _type, for what changed after a start time with _since, and for " +
				"both in the forms that the guide allows, and looks at what comes.",
			steps: slices.Concat(stepKickOff,
				[]scenarioStep{
					{"A list of resource types is understood, repeated or with commas", []string{"KICKOFF-008", "PARAM-025"}},
					{"Only the resource types asked for come", []string{"PARAM-024", "FILE-017"}},
					{"A type that the server does not export is refused", []string{"PARAM-030"}},
					{"A start time is understood", []string{"PARAM-011"}},
					{"Nothing comes that has not changed since the start time", []string{"PARAM-012"}},
					{"Everything comes that has changed since the start time", []string{"PARAM-013"}},
				}, stepStatus[1:2], stepFiles),
		},
		{
			name: "3-secured", title: "3. Bulk data export, secured endpoint with SMART Backend Services", secured: true,
			doc: "A registered client finds the token endpoint, authenticates with a signed assertion, and exports with the access token; without a valid " +
				"token it gets nothing.",
			steps: slices.Concat(
				[]scenarioStep{
					{"smart-configuration is served and names the token endpoint", []string{"DISCOVERY-001", "DISCOVERY-002", "DISCOVERY-009"}},
					{"smart-configuration offers private_key_jwt with RS384 or ES384", []string{"DISCOVERY-011", "DISCOVERY-012"}},
					{"A valid assertion gets an access token", []string{"TOKEN-012", "TOKEN-014", "TOKEN-015", "TOKEN-016"}},
					{"An assertion with a wrong signature, audience or time is refused", []string{"JWT-035", "JWT-036", "JWT-037"}},
					{"No request for an export is served without a valid token", []string{"AUTHZ-004"}},
				}, stepKickOff, stepStatus,
				[]scenarioStep{
					{"The status is not told without a token", []string{"SECURITY-005"}},
					{"Files that need a token are refused without one", []string{"SECURITY-006"}},
				}, stepFiles, stepDelete),
		},
	}
}

func scenarioNames() []string {
	var out []string
	for _, s := range scenarios() {
		out = append(out, s.name)
	}
	return out
}

func scenarioNamed(name string) *scenario {
	for _, s := range scenarios() {
		if s.name == name {
			return &s
		}
	}
	return nil
}

// selects reports whether the check belongs to a step.
func (s *scenario) selects(c *checks.Check) bool {
	return slices.ContainsFunc(s.steps, func(p scenarioStep) bool { return p.has(c.Requires) })
}

func (p scenarioStep) has(requires []string) bool {
	return slices.ContainsFunc(requires, func(id string) bool { return slices.Contains(p.requires, id) })
}

// check returns why the scenario cannot be run with these options, or nil.
func (s *scenario) check(c session.Config, reference bool) error {
	authorized := c.ClientID != "" || c.Token != "" || len(c.Keys) > 0
	switch {
	case reference:
		return nil
	case s.secured && c.ClientID == "":
		return fmt.Errorf("the scenario %s authenticates with SMART Backend Services; give --client-id and --key", s.name)
	case !s.secured && authorized:
		return fmt.Errorf("the scenario %s is for an open server; leave out the options of authorization, or run 3-secured", s.name)
	}
	return nil
}

// table fills in the track's table from the finished checks.
func (s *scenario) table(r *reporters.Report) *reporters.Scenario {
	t := &reporters.Scenario{Name: s.name, Title: s.title, Role: "data provider", Doc: s.doc, Steps: []reporters.ScenarioStep{}}
	for _, p := range s.steps {
		step := reporters.ScenarioStep{Title: p.title, Checks: []string{}}
		var outcomes []reporters.Outcome
		var failed, open []string
		for i := range r.Checks {
			c := &r.Checks[i]
			if !p.has(c.Requires) {
				continue
			}
			step.Checks = append(step.Checks, c.ID)
			outcomes = append(outcomes, c.Outcome)
			switch c.Outcome {
			case reporters.Fail:
				failed = append(failed, decided(c))
			case reporters.Inconclusive, reporters.Error, reporters.NotRun, reporters.Skip:
				open = append(open, decided(c))
			}
		}
		step.Outcome = model.StepOf(outcomes)
		switch {
		case step.Outcome == model.StepPass:
		case len(outcomes) == 0:
			step.Reason = "no check of this version of the tool judges it"
		case step.Outcome == model.StepFail:
			step.Reason = strings.Join(failed, "; ")
		default:
			step.Reason = strings.Join(open, "; ")
		}
		t.Steps = append(t.Steps, step)
	}
	t.Outcome = model.WorstStep(t.Steps)
	return t
}

// decided says in a few words why a check did not pass.
func decided(c *reporters.Check) string {
	for _, f := range c.Findings {
		if f.Severity == "fail" {
			return c.ID + ": " + f.Observed
		}
	}
	if c.Reason != "" {
		return c.ID + ": " + c.Reason
	}
	return c.ID + " is " + string(c.Outcome)
}

func explainScenario(e env, s *scenario) {
	fmt.Fprintf(e.out, "%s (scenario of the connectathon's bulk data track; role under test: data provider)\n%s\n\n%s\n\nSteps:\n", s.name, s.title, wrap(s.doc, ""))
	for i, p := range s.steps {
		fmt.Fprintf(e.out, "  %2d  %s\n      %s\n", i+1, p.title, strings.Join(p.requires, ", "))
	}
	need := "an open server, without options of authorization"
	if s.secured {
		need = "--client-id and --key"
	}
	fmt.Fprintf(e.out, "\nNeeds: %s\nRun it: bulkproof run --server URL --scenario %s\n", need, s.name)
}

// referenceTarget is the bundled reference server in this process.
type referenceTarget interface {
	Configure(session.Config) session.Config
	Close(context.Context) error
}

// startReferenceFor starts the reference server that the run is for: open where the scenario asks for an open server.
func startReferenceFor(c chosen, ig spec.Version, f *refserver.Fault) (referenceTarget, error) {
	if c.scenario == nil || c.scenario.secured {
		return selftest.Start(ig, f, selftest.Real)
	}
	cfg := refserver.Config{IG: string(ig), NoManagement: true, PollsUntilDone: 1, RetryAfter: 1}
	if ig == spec.V400 {
		cfg.IG = string(spec.V300) // the closest version the reference server speaks
	}
	if f != nil {
		f.Apply(&cfg.Behaviour)
	}
	running, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return openReference{running}, nil
}

// openReference is a reference server without authorization.
type openReference struct{ *refserver.Running }

func (r openReference) Configure(c session.Config) session.Config {
	c.BaseURL = r.URL
	return c
}

// errNoStep says that filters left a scenario nothing to do.
var errNoStep = errors.New("a scenario selects its own checks; leave out --check, --skip-check and --area")
