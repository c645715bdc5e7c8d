// Package selftest proves the suite on itself: it runs the checks against the reference server, whole and broken in
// every named way, and compares what they found with what each fault says they must find.
package selftest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// Options of a matrix run.
type Options struct {
	IG       spec.Version
	Areas    []checks.Area
	Cat      *spec.Catalogue
	Faults   []refserver.Fault // those that apply to IG are run
	Parallel int               // rows at a time; default 2
	Keep     func(*checks.Check) (bool, string)
	Done     func(Row) // told of each row as it ends, from one goroutine at a time
	// Quick leaves out of a row what its fault cannot concern: the areas jwt and token where it has nothing to do with
	// authorization, since their battery of some two hundred signed assertions is more than half of a row's work; and what
	// is done with a token where it shows in the token endpoint alone.
	Quick bool
	// OnFinding, if set, is told of the source line of every finding, from several goroutines.
	OnFinding func(file string, line int)
}

// Row is the result of one fault, or of the clean server.
type Row struct {
	Fault        string // "" for the clean server
	Area         string
	Doc          string
	Failed       []string // checks that failed, sorted
	Warned       []string
	Inconclusive []string
	Skipped      []string
	Missing      []string // checks that the fault names and that did not end as it says
	Extra        []string // checks that found something though the fault does not name them; or, on the clean server, did not pass
	Errors       []string // checks that ended in error: defects of the suite
	Took         time.Duration
	Results      []checks.Result
	Traffic      session.Traffic
	Problem      string // why the row could not be run
}

// Exact reports whether the row is as it must be.
func (r Row) Exact() bool {
	return len(r.Missing) == 0 && len(r.Extra) == 0 && len(r.Errors) == 0 && r.Problem == ""
}

// Matrix is a whole run: the clean server first, then the faults in their order.
type Matrix struct {
	IG      spec.Version
	Checks  []string // ids, in plan order
	Clean   Row
	Rows    []Row
	Untried []string // checks that no fault of the run names
}

// Exact reports whether every row is as it must be and every check was tripped by some fault.
func (m *Matrix) Exact() bool {
	return m.Clean.Exact() && len(m.Untried) == 0 && !slices.ContainsFunc(m.Rows, func(r Row) bool { return !r.Exact() })
}

// Run runs the matrix. The error says that it could not be run at all; what the rows found is in the Matrix.
func Run(ctx context.Context, o Options) (*Matrix, error) {
	m := &Matrix{IG: o.IG}
	plan := checks.NewPlan(o.Areas, o.Cat, o.IG, o.Keep)
	known := map[string]bool{}
	for _, e := range plan.Entries {
		if e.Selected {
			m.Checks = append(m.Checks, e.Check.ID)
			known[e.Check.ID] = true
		}
	}
	var faults []refserver.Fault
	tried := map[string]bool{}
	for _, f := range o.Faults {
		if !f.AppliesTo(string(o.IG)) {
			continue
		}
		// With a selection of checks, a fault of others has nothing to show.
		named := slices.Concat(f.Caught, f.Warned)
		if o.Keep != nil && !slices.ContainsFunc(named, func(id string) bool { return known[id] }) {
			continue
		}
		faults = append(faults, f)
		for _, id := range named {
			tried[id] = true
		}
	}
	for _, id := range m.Checks {
		if !tried[id] {
			m.Untried = append(m.Untried, id)
		}
	}
	var mu sync.Mutex
	done := func(r Row) {
		mu.Lock()
		defer mu.Unlock()
		if o.Done != nil {
			o.Done(r)
		}
	}
	m.Clean = runRow(ctx, o, nil, known)
	done(m.Clean)
	m.Rows = make([]Row, len(faults))
	sem := make(chan struct{}, max(1, o.Parallel))
	var wg sync.WaitGroup
	for i := range faults {
		sem <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-sem; wg.Done() }()
			m.Rows[i] = runRow(ctx, o, &faults[i], known)
			done(m.Rows[i])
		}()
	}
	wg.Wait()
	return m, ctx.Err()
}

func runRow(ctx context.Context, o Options, f *refserver.Fault, known map[string]bool) (row Row) {
	started := time.Now()
	defer func() { row.Took = time.Since(started) }()
	if f != nil {
		row.Fault, row.Area, row.Doc = f.Name, f.Area, f.Doc
	}
	results, traffic, err := RunOnce(ctx, o, f)
	row.Results, row.Traffic = results, traffic
	if err != nil {
		row.Problem = err.Error()
		return row
	}
	row.judge(f, known)
	return row
}

// RowOf returns the row that results of another driver make: the fault, nil for none, against what they found.
func (o Options) RowOf(f *refserver.Fault, results []checks.Result) Row {
	known := map[string]bool{}
	for _, r := range results {
		known[r.Check.ID] = true
	}
	row := Row{Results: results}
	if f != nil {
		row.Fault, row.Area, row.Doc = f.Name, f.Area, f.Doc
	}
	row.judge(f, known)
	return row
}

// judge compares the results with what the fault says, or for a nil fault with a conformant server.
func (r *Row) judge(f *refserver.Fault, known map[string]bool) {
	for _, res := range r.Results {
		id := res.Check.ID
		switch res.Outcome {
		case checks.Fail:
			r.Failed = append(r.Failed, id)
		case checks.Warn:
			r.Warned = append(r.Warned, id)
		case checks.Inconclusive:
			r.Inconclusive = append(r.Inconclusive, id)
		case checks.Skip:
			r.Skipped = append(r.Skipped, id)
		case checks.Error:
			r.Errors = append(r.Errors, id+": "+res.Reason)
		}
	}
	for _, list := range [][]string{r.Failed, r.Warned, r.Inconclusive, r.Skipped, r.Errors} {
		slices.Sort(list)
	}
	var mustFail, mustWarn []string
	if f != nil {
		mustFail, mustWarn = f.Caught, f.Warned
	} else {
		r.Extra = append(r.Extra, r.Inconclusive...)
	}
	compare := func(must, got []string) {
		for _, id := range must {
			if known[id] && !slices.Contains(got, id) {
				r.Missing = append(r.Missing, id)
			} else if !known[id] {
				// An id that no check has is a misspelling; one that was merely not selected is none of this run's business.
				continue
			}
		}
		for _, id := range got {
			if !slices.Contains(must, id) {
				r.Extra = append(r.Extra, id)
			}
		}
	}
	compare(mustFail, r.Failed)
	compare(mustWarn, r.Warned)
}

// RunOnce runs the plan once against a fresh reference server with the given fault, nil for none, directly and in
// parallel, with a clock that never waits.
func RunOnce(ctx context.Context, o Options, f *refserver.Fault) (results []checks.Result, traffic session.Traffic, err error) {
	s, stop, err := Open(ctx, o.IG, f)
	if err != nil {
		return nil, traffic, err
	}
	defer func() {
		traffic = s.Traffic()
		err = errors.Join(err, stop(ctx))
	}()
	plan, opts := o.Plan(f), checks.Options{Parallel: 4, OnFinding: o.OnFinding}
	if f == nil || !f.Waits {
		return checks.RunAll(ctx, s, plan, opts), traffic, nil
	}
	// One check at a time and nothing beside it: a wait of one would make the assertions of another expire before they are sent.
	for i := range plan.Entries {
		results = append(results, plan.RunEntry(ctx, s, i, opts))
	}
	return results, traffic, nil
}

// Areas by what their faults can concern.
var (
	authorization = []string{"discovery", "jwt", "scope", "security", "tls", "token"}
	tokenEndpoint = []string{"jwt", "token"}
	// apart are the areas that a fault in the token endpoint's judgement of a request cannot concern: they look at what a
	// server does for who has a token.
	apart = []string{"attachment", "capability", "data", "delete", "error", "file", "manifest", "ndjson", "param", "status"}
)

// keepFor returns which checks a row with the fault runs.
func (o Options) keepFor(f *refserver.Fault) func(*checks.Check) (bool, string) {
	if !o.Quick || f == nil {
		return o.Keep
	}
	concerned := []string{f.Area}
	for _, id := range slices.Concat(f.Caught, f.Warned) {
		area, _, _ := strings.Cut(id, ".")
		concerned = append(concerned, area)
	}
	outside := func(list []string) func(string) bool {
		return func(area string) bool { return !slices.Contains(list, area) }
	}
	var left []string
	var why string
	switch {
	case !slices.Contains(authorization, f.Area) && !slices.ContainsFunc(concerned, func(a string) bool { return slices.Contains(tokenEndpoint, a) }):
		left, why = tokenEndpoint, "the fault has nothing to do with client assertions"
	case !slices.ContainsFunc(concerned, outside(tokenEndpoint)):
		left, why = apart, "the fault shows in the token endpoint alone"
	}
	return func(c *checks.Check) (bool, string) {
		if slices.Contains(left, c.Area()) {
			return false, why
		}
		if o.Keep != nil {
			return o.Keep(c)
		}
		return true, ""
	}
}

// Plan returns the plan of a row with the fault, nil for none.
func (o Options) Plan(f *refserver.Fault) *checks.Plan {
	return checks.NewPlan(o.Areas, o.Cat, o.IG, o.keepFor(f))
}

// UnknownChecks returns a sentence for each check id that a fault names and no check has.
func UnknownChecks(areas []checks.Area, faults []refserver.Fault) []string {
	known := map[string]bool{}
	for _, a := range areas {
		for _, c := range a.Checks {
			known[c.ID] = true
		}
	}
	var out []string
	for _, f := range faults {
		for _, id := range slices.Concat(f.Caught, f.Warned) {
			if !known[id] {
				out = append(out, fmt.Sprintf("the fault %s names the check %q, which does not exist", f.Name, id))
			}
		}
	}
	return out
}
