// Package suites drives the checks through Ginkgo. It is the only importer of Ginkgo in the product.
//
// Verdicts never travel through Ginkgo's own state: each spec runs one entry of a plan and keeps the result beside it.
package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/extensions/globals"
	"github.com/onsi/ginkgo/v2/formatter"
)

// running guards Ginkgo's package-level state: two runs at once are impossible.
var running sync.Mutex

// Run runs the plan's selected checks one after the other as a Ginkgo suite and returns the results of all entries in
// plan order. It may be called any number of times in a process, one call at a time. The error says that Ginkgo itself
// could not run; the results are then incomplete.
func Run(ctx context.Context, s *session.Session, p *checks.Plan, o checks.Options) ([]checks.Result, error) {
	running.Lock()
	defer running.Unlock()
	// Ginkgo exits the process at a second RunSpecs unless its globals were reset.
	globals.Reset()

	results := make([]checks.Result, len(p.Entries))
	for i, e := range p.Entries {
		results[i] = checks.Result{Check: e.Check, Outcome: checks.NotRun, Reason: e.Reason}
		if e.Selected {
			results[i].Reason = "the run was interrupted before this check"
		}
	}
	if p.Selected() == 0 {
		return results, nil
	}
	wait := p.Prefetch(s)
	defer wait()

	describe(p, func(i int) checks.Result {
		// The run's own context, not Ginkgo's: a spec that Ginkgo has given up on must not write elsewhere.
		results[i] = p.RunEntry(ctx, s, i, o)
		return results[i]
	})

	// Ginkgo prints to this writer and to nowhere else; the console reporter tells the user what happens.
	out := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	defer func() { formatter.ColorableStdOut = out }()

	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.Timeout = 1000 * time.Hour // each wait has a bound of its own
	suite.RandomizeAllSpecs, suite.FailFast, suite.FailOnEmpty = false, false, false
	suite.PollProgressAfter = 0
	reporter.NoColor, reporter.Succinct = true, true
	t := &outcome{}
	ginkgo.RunSpecs(t, "Bulkproof", suite, reporter)

	for i, e := range p.Entries {
		if e.Selected && results[i].Outcome == checks.NotRun && ctx.Err() == nil {
			return results, fmt.Errorf("the Ginkgo driver did not run %s", e.Check.ID)
		}
	}
	return results, nil
}

// outcome is what RunSpecs needs of a testing.T.
type outcome struct{ failed bool }

func (o *outcome) Fail() { o.failed = true }

// describe turns the plan into specs: one Ordered container, so that they run in plan order, which goes on after a
// failure.
func describe(p *checks.Plan, run func(i int) checks.Result) {
	ginkgo.Describe("Bulk Data "+string(p.IG), ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		for i, e := range p.Entries {
			if !e.Selected {
				continue
			}
			ginkgo.It(e.Check.ID+": "+e.Check.Title, ginkgo.Label(e.Check.Area()), func() {
				switch r := run(i); r.Outcome {
				case checks.Skip, checks.NotRun:
					ginkgo.Skip(r.Reason)
				case checks.Fail, checks.Inconclusive, checks.Error:
					ginkgo.Fail(Sentence(r))
				case checks.Warn, checks.Waived:
					ginkgo.AddReportEntry(string(r.Outcome), Sentence(r))
				}
			})
		}
	})
}

// Describe adds the checks to a Ginkgo suite of the caller's own: one spec for each check of the plan. open is called
// once, before the first of them, and returns the session to use; the session is closed after the last one.
//
//	var _ = suites.Describe(plan, func() (*session.Session, error) { return session.Open(ctx, config) })
func Describe(p *checks.Plan, open func() (*session.Session, error)) bool {
	return ginkgo.Describe("Bulkproof", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		var s *session.Session
		ginkgo.BeforeAll(func() {
			var err error
			if s, err = open(); err != nil {
				ginkgo.Fail("the session with the server under test cannot be opened: " + err.Error())
			}
		})
		ginkgo.AfterAll(func() {
			if s == nil {
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			for _, problem := range s.Close(ctx) {
				ginkgo.AddReportEntry("clean-up", problem)
			}
		})
		describe(p, func(i int) checks.Result {
			if s == nil {
				return checks.Result{Check: p.Entries[i].Check, Outcome: checks.Inconclusive, Reason: "there is no session"}
			}
			return p.RunEntry(s.Context(), s, i, checks.Options{})
		})
	})
}

// Sentence says in a line or more why a check did not pass.
func Sentence(r checks.Result) string {
	var errs []error
	for _, f := range r.Findings {
		errs = append(errs, fmt.Errorf("%s (%s): %s", f.Requirement, f.Entry.Keyword(), f.Observed))
	}
	if r.Reason != "" {
		errs = append(errs, errors.New(r.Reason))
	}
	if len(errs) == 0 {
		return string(r.Outcome)
	}
	return errors.Join(errs...).Error()
}
