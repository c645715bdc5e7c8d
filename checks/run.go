package checks

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// Observer is told of progress. Its methods may be called from several goroutines.
type Observer interface {
	CheckStarted(*Check)
	CheckDone(Result)
}

// Options say how a plan is run.
type Options struct {
	Parallel int // checks at a time; default 1
	Observer Observer
	Waivers  Waivers
	// OnFinding, if set, is told of the source line of every finding: so that tests learn which lines ever find
	// anything. It may be called from several goroutines.
	OnFinding func(file string, line int)
}

// Run runs one check of the plan against the session and returns its result. A panic in the check becomes the outcome
// error; the end of ctx becomes not-run.
func Run(ctx context.Context, s *session.Session, cat *spec.Catalogue, c *Check) Result {
	return run(ctx, &T{s: s, cat: cat, check: c})
}

func run(ctx context.Context, t *T) (res Result) {
	c := t.check
	if ctx.Err() != nil {
		return Result{Check: c, Outcome: NotRun, Reason: "the run was interrupted before this check"}
	}
	started := time.Now()
	defer func() {
		res = t.finish(recover(), started)
		if ctx.Err() != nil && res.Outcome != Fail {
			res.Outcome, res.Reason = NotRun, "the run was interrupted during this check"
		}
	}()
	for _, n := range c.Needs {
		if why := n.missing(t.s); why != "" {
			t.Skipf("%s", why)
		}
	}
	c.Run(ctx, t)
	return
}

// RunAll runs every selected check of the plan and returns the results of all its entries, in plan order. It is the
// direct driver; package suites runs the same through Ginkgo.
func RunAll(ctx context.Context, s *session.Session, p *Plan, o Options) []Result {
	results := make([]Result, len(p.Entries))
	stop := p.Prefetch(s)
	defer stop()
	sem := make(chan struct{}, max(1, o.Parallel))
	var wg sync.WaitGroup
	for i := range p.Entries {
		sem <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-sem; wg.Done() }()
			results[i] = p.RunEntry(ctx, s, i, o)
		}()
	}
	wg.Wait()
	return results
}

// RunEntry runs the i-th entry of the plan, with waivers applied.
func (p *Plan) RunEntry(ctx context.Context, s *session.Session, i int, o Options) Result {
	e := &p.Entries[i]
	if !e.Selected {
		return Result{Check: e.Check, Outcome: NotRun, Reason: e.Reason}
	}
	if p.learns() {
		learn.Attach(s) // before any check has files read
	}
	if o.Observer != nil {
		o.Observer.CheckStarted(e.Check)
	}
	r := o.Waivers.apply(run(ctx, &T{s: s, cat: p.Catalogue, check: e.Check, onFinding: o.OnFinding}), s.Now())
	if o.Observer != nil {
		o.Observer.CheckDone(r)
	}
	return r
}

// Entry is one check of a plan.
type Entry struct {
	Check    *Check
	Selected bool
	Reason   string // why not
}

// Plan is what a run is going to do.
type Plan struct {
	IG        spec.Version
	Catalogue *spec.Catalogue
	Entries   []Entry
}

// NewPlan returns the plan for all checks that have something to judge under the version. keep decides which of them
// are selected; its second result says why one is not. A nil keep selects all.
func NewPlan(areas []Area, cat *spec.Catalogue, v spec.Version, keep func(*Check) (bool, string)) *Plan {
	p := &Plan{IG: v, Catalogue: cat}
	for _, a := range areas {
		for i := range a.Checks {
			c := &a.Checks[i]
			if !c.In(cat, v) {
				continue
			}
			e := Entry{Check: c, Selected: true}
			if keep != nil {
				e.Selected, e.Reason = keep(c)
			}
			p.Entries = append(p.Entries, e)
		}
	}
	return p
}

// Selected returns the number of selected checks.
func (p *Plan) Selected() int {
	n := 0
	for _, e := range p.Entries {
		if e.Selected {
			n++
		}
	}
	return n
}

// learns reports whether a selected check needs what package learn finds out.
func (p *Plan) learns() bool {
	return slices.ContainsFunc(p.Entries, func(e Entry) bool { return e.Selected && e.Check.Learns })
}

// LimitKickOffs leaves checks out until the plan costs at most n kick-offs at the target of the session. What costs
// kick-offs goes as a whole, with all checks that need it: first what serves only checks that can be spared (Spare), of
// equals what serves the fewest checks, and of those the later one. The checks stay in the plan, with the reason.
func (p *Plan) LimitKickOffs(s *session.Session, n int) {
	for p.Cost(s).KickOffs > n {
		var worst *expense
		for _, x := range p.expenses(s) {
			if worst == nil || x.spare > worst.spare || x.spare == worst.spare && len(x.entries) <= len(worst.entries) {
				worst = x
			}
		}
		if worst == nil {
			return
		}
		for _, i := range worst.entries {
			p.Entries[i].Selected = false
			p.Entries[i].Reason = fmt.Sprintf("left out to stay within %d kick-offs (--budget-kickoffs)", n)
		}
	}
}

// expense is something that costs kick-offs, and who needs it.
type expense struct {
	entries []int
	spare   int // the least of the checks that need it
}

// expenses returns what costs the plan kick-offs, in plan order.
func (p *Plan) expenses(s *session.Session) []*expense {
	var out []*expense
	byName := map[string]*expense{}
	need := func(name string, i int) {
		x := byName[name]
		if x == nil {
			x = &expense{spare: p.Entries[i].Check.Spare}
			byName[name] = x
			out = append(out, x)
		}
		x.entries = append(x.entries, i)
		x.spare = min(x.spare, p.Entries[i].Check.Spare)
	}
	for i, e := range p.Entries {
		if !e.Selected || !e.Check.possible(s) {
			continue
		}
		for _, sc := range e.Check.spending(s) {
			need("export "+sc.String(), i)
		}
		for _, o := range e.Check.Observes {
			if o.Cost.KickOffs > 0 {
				need("observation "+o.Name, i)
			}
		}
		if e.Check.Cost.KickOffs > 0 {
			need("check "+e.Check.ID, i)
		}
	}
	return out
}

// spending is scenarios with the plain export, at whose level whatever else the check causes is asked for.
func (c *Check) spending(s *session.Session) []session.Scenario {
	list := c.scenarios(s)
	if len(list) == 0 && c.Cost.KickOffs == 0 && len(c.Observes) == 0 {
		return nil
	}
	return append(list, session.Baseline)
}

// possible reports whether the check's needs are met by the session.
func (c *Check) possible(s *session.Session) bool {
	return !slices.ContainsFunc(c.Needs, func(n Need) bool { return n.missing(s) != "" })
}

// scenarios returns the shared exports of the check at levels that the target offers: a check that looks at all levels does
// not ask for the others.
func (c *Check) scenarios(s *session.Session) []session.Scenario {
	return slices.DeleteFunc(slices.Clone(c.Exports), func(sc session.Scenario) bool {
		n := levelNeeds[sc.Level]
		return n != "" && n.missing(s) != ""
	})
}

// levelNeeds says what an export at a level cannot do without.
var levelNeeds = map[session.Level]Need{session.System: NeedSystem, session.Patient: NeedPatient, session.Group: NeedGroup}

// Scenarios returns the shared exports of the selected checks whose needs are met, each once, in plan order.
func (p *Plan) Scenarios(s *session.Session) []session.Scenario {
	var out []session.Scenario
	var seen []string
	for _, e := range p.Entries {
		if !e.Selected || !e.Check.possible(s) {
			continue
		}
		for _, sc := range e.Check.scenarios(s) {
			if k := sc.String(); !slices.Contains(seen, k) {
				seen = append(seen, k)
				out = append(out, sc)
			}
		}
	}
	return out
}

// PlannedCost is what a run may cause at the target.
type PlannedCost struct {
	Exports   []string // shared exports, by name
	KickOffs  int      // at most, shared exports included
	Downloads int      // output file requests beyond one for each file of an export
	EachFile  int      // and besides for each file of the plain export
	// Times is how many times the bytes of a plain export's files may be expected altogether: once for each shared export of
	// everything, and three times for what the smaller ones hold together, for exports that are not shared, and for what is
	// fetched again or in part. On the reference server that is a sixth more than what comes.
	Times int
}

// Cost returns what the plan may cause at the target of the session.
func (p *Plan) Cost(s *session.Session) PlannedCost {
	c := PlannedCost{Times: 3}
	for _, sc := range p.Scenarios(s) {
		c.Exports = append(c.Exports, sc.String())
		if !slices.ContainsFunc(sc.Params, func(x session.Param) bool { return x.Name == "_type" }) {
			c.Times++
		}
	}
	c.KickOffs = len(c.Exports)
	seen := map[string]bool{}
	plain := slices.Contains(c.Exports, session.Baseline.String())
	add := func(x Cost) {
		c.KickOffs += x.KickOffs
		c.Downloads += x.Downloads
		c.EachFile += x.EachFile
	}
	for _, e := range p.Entries {
		if !e.Selected || !e.Check.possible(s) {
			continue
		}
		if !plain && len(e.Check.spending(s)) > 0 {
			plain = true
			c.KickOffs++
		}
		add(e.Check.Cost)
		for _, o := range e.Check.Observes {
			if !seen[o.Name] {
				seen[o.Name] = true
				add(o.Cost)
			}
		}
	}
	return c
}

// Prefetch starts the plan's shared exports in the background, and the checks that wait for exports which only the data
// tell, so that their waiting times overlap. The function returned waits for those in progress.
func (p *Plan) Prefetch(s *session.Session) (wait func()) {
	if p.learns() {
		learn.Attach(s)
	}
	var wg sync.WaitGroup
	for _, sc := range p.Scenarios(s) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.Export(sc)
		}()
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Selected && e.Check.Ahead {
			wg.Add(1)
			go func() {
				defer wg.Done()
				run(s.Context(), &T{s: s, cat: p.Catalogue, check: e.Check})
			}()
		}
	}
	return wg.Wait
}
