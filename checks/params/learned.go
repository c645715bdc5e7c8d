package params

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Plain returns the shared plain export and what was learned of it; the check is inconclusive without resources to learn
// from.
func Plain(t *checks.T) *learn.Data {
	d := learn.Of(t.Session(), t.Export(session.Baseline))
	if d.Resources == 0 {
		why := d.Incomplete
		if why == "" {
			why = "it is empty"
		}
		t.Inconclusivef("the plain export has nothing to learn from: %s", why)
	}
	return d
}

// whole is Plain, and inconclusive if not every line could be read: what is missing there cannot be told from what the
// server leaves out.
func whole(t *checks.T) *learn.Data {
	d := Plain(t)
	if d.Incomplete != "" {
		t.Inconclusivef("not all of the plain export could be learned: %s", d.Incomplete)
	}
	return d
}

// must ends the check where what was learned cannot be read back.
func must(t *checks.T, err error) {
	if err != nil {
		t.Inconclusivef("%v", err)
	}
}

// transactionTime returns the transactionTime of an export in nanoseconds, and whether it is an instant.
func transactionTime(ex *session.Export) (int64, bool) {
	at, err := time.Parse(time.RFC3339Nano, ex.Manifest.TransactionTime)
	if err != nil {
		return 0, false
	}
	return at.UnixNano(), true
}

// AboutAccess reports whether a refusal says nothing about the request itself.
func AboutAccess(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// trial is the first of several requests for the same thing that the server takes; each asks for less than the one before.
type trial struct {
	scenario session.Scenario
	export   *session.Export
	step     int    // which one it was, from 0
	reason   string // why there is none
	refused  bool   // all were refused, and not for want of access
	last     *session.Response
}

// attempt runs the scenarios until one is not refused, once for all who ask under the key.
func attempt(s *session.Session, key string, scenarios ...session.Scenario) *trial {
	return session.Shared(s, "param trial "+key, func(context.Context) *trial {
		tr := &trial{reason: "there is nothing to ask for"}
		for i, sc := range scenarios {
			ex := s.Export(sc)
			tr.last = ex.KickOff
			switch {
			case ex.State == session.Completed && ex.Manifest.Tree != nil:
				return &trial{scenario: ex.Scenario, export: ex, step: i, last: ex.KickOff}
			case ex.State == session.Refused && !AboutAccess(ex.KickOff.Status) && ex.KickOff.Status >= 400:
				tr.refused = true
				tr.reason = fmt.Sprintf("the kick-off (%s) is refused with HTTP %d", ex.Scenario, ex.KickOff.Status)
			case ex.State == session.Failed:
				tr.refused = false
				tr.reason = fmt.Sprintf("the export (%s) failed: %s", ex.Scenario, ex.Reason)
			default:
				tr.refused = false
				tr.reason = fmt.Sprintf("the export (%s) did not complete: %s", ex.Scenario, ex.Reason)
				if ex.State == session.Completed {
					tr.reason = fmt.Sprintf("the manifest of the export (%s) cannot be read: %v", ex.Scenario, ex.Manifest.Err)
				}
				return tr
			}
		}
		return tr
	})
}

// has reports whether a parameter was in the request that was taken.
func (tr *trial) has(name string) bool {
	return slices.ContainsFunc(tr.scenario.Params, func(p session.Param) bool { return p.Name == name })
}

// data returns what was learned of the trial's export. The check is skipped if the parameter was refused, which is legal,
// and inconclusive if the export could not be had or read.
func (tr *trial) data(t *checks.T, parameter string) *learn.Data {
	switch {
	case tr.export == nil && tr.refused:
		t.Skipf("the server refuses %s: %s", parameter, tr.reason)
	case tr.export == nil:
		t.Inconclusivef("%s", tr.reason)
	case !tr.has(parameter):
		t.Skipf("the server refuses %s, which it may: a kick-off with it is refused, and the same without is accepted", parameter)
	}
	d := learn.Of(t.Session(), tr.export)
	if d.Incomplete != "" {
		t.Inconclusivef("not all of the export (%s) could be read: %s", tr.scenario, d.Incomplete)
	}
	return d
}

// postIgnored reports whether the server takes a POST and passes over the parameters in its body: then nothing can be said of
// what is asked for by POST. kickoff.post judges that.
func postIgnored(s *session.Session) bool {
	ex := s.Export(session.Posted)
	return ex.State == session.Completed && ex.Manifest.Tree != nil && slices.ContainsFunc(itemTypes(ex), func(typ string) bool { return typ != "Patient" && typ != "" })
}

// needPost ends the check as inconclusive where postIgnored.
func needPost(t *checks.T) {
	if postIgnored(t.Session()) {
		t.Inconclusivef("the parameters in the body of a POST are ignored (see kickoff.post)")
	}
}

// tally counts what is wrong by type, and remembers the first of each.
type tally struct {
	d     *learn.Data
	types map[string]*offence
}

type offence struct {
	n     int64
	first learn.Row
}

func newTally(d *learn.Data) *tally { return &tally{d: d, types: map[string]*offence{}} }

func (y *tally) add(r *learn.Row) {
	typ := y.d.TypeOf(r)
	o := y.types[typ]
	if o == nil {
		o = &offence{first: *r}
		y.types[typ] = o
	}
	o.n++
	if r.Before(&o.first) {
		o.first = *r
	}
}

func (y *tally) total() int64 {
	var n int64
	for _, o := range y.types {
		n += o.n
	}
	return n
}

// each calls f for every type, sorted.
func (y *tally) each(f func(typ string, o *offence)) {
	var names []string
	for n := range y.types {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		f(n, y.types[n])
	}
}

// violates makes a finding of each type: "3 Observation resources <what>, the first on line 4 of output[2] Observation".
func (y *tally) violates(t *checks.T, requirement, what string) {
	y.each(func(typ string, o *offence) {
		t.Violates(requirement, y.d.At(&o.first), "%s", y.sentence(typ, o, what))
	})
}

// warns is violates for warnings.
func (y *tally) warns(t *checks.T, requirement, what string) {
	y.each(func(typ string, o *offence) { t.Warns(requirement, y.d.At(&o.first), "%s", y.sentence(typ, o, what)) })
}

func (y *tally) sentence(typ string, o *offence, what string) string {
	if o.n == 1 {
		return fmt.Sprintf("one %s resource %s: %s", typ, what, y.d.Place(&o.first))
	}
	return fmt.Sprintf("%d %s resources %s, the first on %s", o.n, typ, what, y.d.Place(&o.first))
}

// plural writes a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func join(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
