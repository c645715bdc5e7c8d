package params

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// window is the export of what changed between two instants of the plain export's data.
type window struct {
	*trial
	since, until int64 // exclusive; until is set where the version has _until
	why          string
}

// both are the two values of includeAssociatedData, of which the greater has to win.
var both = []session.Param{{Name: "includeAssociatedData", Value: "LatestProvenanceResources,RelevantProvenanceResources"}}

// maxWindow is how many resources a window holds where there are more to choose from: enough to judge by, and polite.
const maxWindow = 20_000

const second = int64(time.Second)

// instants chooses the bounds among the values of meta.lastUpdated in ascending order: each is itself such a value, so that
// it shows whether the bound is exclusive; something lies below, between and above. Values of whole milliseconds go first.
func instants(times []int64, resources int64, known time.Time) (since, until int64, ok bool) {
	n := len(times)
	if n < 3 {
		return 0, 0, false
	}
	share := 0.3
	if resources > maxWindow {
		share = min(share, float64(maxWindow)/float64(resources))
	}
	near := func(i int, fits func(int64) bool) (int64, bool) {
		best, found := int64(0), false
		for _, whole := range []int64{int64(time.Millisecond), 1} {
			for off := 0; off < n && !found; off++ {
				for _, j := range []int{i - off, i + off} {
					if j >= 0 && j < n && times[j]%whole == 0 && fits(times[j]) {
						best, found = times[j], true
						break
					}
				}
				if whole > 1 && off > n/20+2 {
					break
				}
			}
			if found {
				return best, true
			}
		}
		return 0, false
	}
	until, ok = near(n*9/10, func(v int64) bool { return v > times[0]+second && v < times[n-1] })
	if !ok {
		return 0, 0, false
	}
	i, _ := slices.BinarySearch(times, until)
	if ns := known.UnixNano(); !known.IsZero() && ns > times[0] && ns < until-2*second {
		return ns, until, true
	}
	since, ok = near(i-max(1, int(share*float64(n))), func(v int64) bool {
		at, _ := slices.BinarySearch(times, v+second+1)
		return v < until-2*second && v > times[0] && at < i && times[at] < until-second
	})
	return since, until, ok
}

// carried returns the values of meta.lastUpdated that a resource other than Provenance has: one that has to stay out of a
// window at whose bound it lies, whatever else comes.
func carried(d *learn.Data) ([]int64, error) {
	has := map[int64]bool{}
	for _, at := range d.Times() {
		has[at] = false
	}
	err := d.Each(0, func(e *learn.Entry) {
		if seen, ok := has[e.Row.Updated]; ok && !seen && d.TypeOf(e.Row) != "Provenance" {
			has[e.Row.Updated] = true
		}
	})
	return slices.DeleteFunc(slices.Clone(d.Times()), func(at int64) bool { return !has[at] }), err
}

func inWindow(t *checks.T) *window {
	base := Plain(t)
	w := session.Shared(t.Session(), "param window", func(context.Context) *window {
		s := t.Session()
		w := &window{trial: &trial{}}
		times, err := carried(base)
		if err != nil {
			w.why = err.Error()
			return w
		}
		since, until, ok := instants(times, base.Resources, s.Config().Known.Instant)
		if !ok {
			w.why = fmt.Sprintf("the %d resources of the plain export with meta.lastUpdated (of %d) have too few different values for an instant with changes before and after it; name one with --known-instant, or use data that changed at several times", base.Dated(), base.Resources)
			return w
		}
		w.since, w.until = since, until
		level := base.Export.Scenario.Level
		// The offset and the fraction are legal forms of an instant that some servers stumble over.
		odd := session.Scenario{Level: level}.With("_since", oddInstant(since))
		plain := session.Scenario{Level: level}.With("_since", learn.Instant(since))
		list := []session.Scenario{odd, plain}
		if t.IG() != spec.V200 {
			list = append([]session.Scenario{odd.With("_until", learn.Instant(until))}, list...)
		}
		full := list[0]
		full.Params = append(slices.Clone(full.Params), both...)
		w.trial = attempt(s, "window", append([]session.Scenario{full}, list...)...)
		return w
	})
	if w.why != "" {
		t.Inconclusivef("%s", w.why)
	}
	return w
}

// oddInstant writes an instant two hours east of UTC, with at least three digits of a second.
func oddInstant(ns int64) string {
	at := time.Unix(0, ns).In(time.FixedZone("", 2*3600))
	layout := "2006-01-02T15:04:05.000-07:00"
	if ns%int64(time.Millisecond) != 0 {
		layout = "2006-01-02T15:04:05.999999999-07:00"
	}
	return at.Format(layout)
}

var windowCost = []checks.Observation{{Name: "an export of what changed between two instants", Cost: checks.Cost{KickOffs: 1}}}

func plainExport() []session.Scenario { return []session.Scenario{session.Baseline} }

// fresh reports whether something changed inside the window, as far as it has bounds.
func (w *window) fresh(ns int64) bool { return ns > w.since && (!w.has("_until") || ns < w.until) }

// exempt reports whether a resource may be in the window whatever its age: a Provenance that accompanies others.
func (w *window) exempt(d *learn.Data, r *learn.Row) bool {
	return w.has("includeAssociatedData") && d.TypeOf(r) == "Provenance"
}

// excused reports whether an older (or newer) resource comes along because a returned one inside the window refers to it.
func (w *window) excused(e *learn.Entry) bool {
	return slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return r.Updated == learn.NoTime || w.fresh(r.Updated) })
}

func sinceAccepted() checks.Check {
	return checks.Check{
		ID:    "param.since-accepted",
		Title: "A kick-off with _since is accepted",
		// export.html#query-parameters, _since: required for servers from 2.0.0.
		Doc: "_since is the one filter that every server has to support. An instant in the middle of the data is sent, with an offset and a fraction and, " +
			"where that is refused, as UTC. Refusals for access, rate or size are inconclusive.",
		Requires: []string{"PARAM-011"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		Ahead: true,
		Run: func(_ context.Context, t *checks.T) {
			w := inWindow(t)
			if w.export == nil && w.refused {
				t.Violates("PARAM-011", w.last.At(), "every kick-off with _since is refused (HTTP %d), the same without is accepted", w.last.Status)
				return
			}
			if w.export == nil {
				t.Inconclusivef("%s", w.reason)
			}
			t.Examined("%s", w.scenario)
		},
	}
}

func sinceForms() checks.Check {
	return checks.Check{
		ID:    "param.since-forms",
		Title: "_since may have an offset and a fraction of a second",
		// OperationDefinition-export.html: _since is an instant, and https://hl7.org/fhir/R4/datatypes.html#instant allows both.
		Doc: "Every FHIR instant is good, not only one in UTC with whole seconds. The plus sign of the offset is sent percent-encoded. Looked at is " +
			"acceptance; whether the offset is taken into account shows in what is exported.",
		Requires: []string{"PARAM-010"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			w := inWindow(t)
			if w.export == nil {
				t.Inconclusivef("%s", w.reason)
			}
			if w.scenario.Params[0].Value == learn.Instant(w.since) {
				t.Violates("PARAM-010", w.last.At(), "_since is refused with an offset and a fraction of a second, and accepted in UTC")
			}
			t.Examined("_since=%s", w.scenario.Params[0].Value)
		},
	}
}

const windowDoc = " Judged is by meta.lastUpdated, which is only an example of what a server may go by: strays are warnings, a whole type or file that " +
	"is not filtered is the failure. Not judged are resources without lastUpdated, those that a returned resource inside the bounds refers to, " +
	"Provenance that came with includeAssociatedData, and at the Group level everything of members, who may have joined since."

// outside collects what the window returned from outside a bound, and how much of each type there was to leave out: what
// may come along whatever its age is in neither.
func (w *window) outside(t *checks.T, base, d *learn.Data, outside func(ns int64) bool) (stray *tally, all map[string]int64) {
	stray, all = newTally(d), map[string]int64{}
	group := d.Export.Scenario.Level == session.Group
	must(t, learn.Both(base, d, learn.Patients|learn.Refs, func(b, e *learn.Entry) {
		if e.Row != nil && (e.Row.Updated == learn.NoTime || w.exempt(d, e.Row) || w.excused(e) || group && len(e.Patients) > 0) {
			return
		}
		if b.Row != nil && b.Row.Updated != learn.NoTime && outside(b.Row.Updated) && !w.exempt(base, b.Row) {
			all[base.TypeOf(b.Row)]++
		}
		if e.Row != nil && outside(e.Row.Updated) {
			stray.add(e.Row)
		}
	}))
	return stray, all
}

// unfiltered reports whether about everything of a type came that should have stayed out.
func unfiltered(o *offence, all int64) bool { return o != nil && o.n >= few && o.n*10 >= all*9 }

// unfilteredFiles returns the files that hold mostly old resources, of types that are filtered otherwise, by the first of
// these resources and their number, and how many resources each has.
func (w *window) unfilteredFiles(t *checks.T, d *learn.Data, stray *tally, all map[string]int64) (bad map[int]*offence, size map[int]int64) {
	bad, size = map[int]*offence{}, map[int]int64{}
	group := d.Export.Scenario.Level == session.Group
	must(t, d.Each(learn.Patients|learn.Refs, func(e *learn.Entry) {
		f := e.Row.File()
		size[f]++
		if e.Row.Updated == learn.NoTime || e.Row.Updated >= w.since || w.exempt(d, e.Row) || w.excused(e) || group && len(e.Patients) > 0 {
			return
		}
		if o := bad[f]; o == nil {
			bad[f] = &offence{1, *e.Row}
		} else if o.n++; e.Row.Before(&o.first) {
			o.first = *e.Row
		}
	}))
	for f, o := range bad {
		typ := d.TypeOf(&o.first)
		if o.n < few || o.n*2 < size[f] || unfiltered(stray.types[typ], all[typ]) {
			delete(bad, f)
		}
	}
	return bad, size
}

// few is how many strays are needed to call a type unfiltered, so that a chance is not taken for a rule.
const few = 3

func sinceExcludes() checks.Check {
	return checks.Check{
		ID:    "param.since-excludes",
		Title: "With _since nothing comes that has not changed since",
		Doc: "An instant with changes before and after it is chosen from the plain export. A type of which nine tenths of the unchanged resources come " +
			"back all the same (at least three) is not filtered." + windowDoc,
		Requires: []string{"PARAM-012"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		// export.html#query-parameters, _since: "Resources will be included in the response if their state has changed after the
		// supplied time".
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_since")
			stray, all := w.outside(t, base, d, func(ns int64) bool { return ns < w.since })
			files, _ := w.unfilteredFiles(t, d, stray, all)
			stray.each(func(typ string, o *offence) {
				at, place := d.At(&o.first), d.Place(&o.first)
				if unfiltered(o, all[typ]) {
					t.Violates("PARAM-012", at, "%s is not filtered by _since: %d of %d resources that were last updated before it come back, the first on %s", typ, o.n, all[typ], place)
					return
				}
				n := o.n
				for _, f := range files {
					if d.TypeOf(&f.first) == typ {
						n -= f.n // param.since-every-file judges them
					}
				}
				if n > 0 {
					t.Warns("PARAM-012", at, "%s: %s last updated before _since, and no returned resource refers to it; the first is %s", typ, plural(n, "resource"), place)
				}
			})
			t.Examined("%d resources, of %d that could have come back unchanged", d.Resources, sum(all))
			if sum(all) == 0 {
				t.Inconclusivef("the plain export has no resource that was last updated before the instant")
			}
		},
	}
}

func sinceEveryFile() checks.Check {
	return checks.Check{
		ID:    "param.since-every-file",
		Title: "_since filters every file, not only the first of a type",
		Doc: "A file in which at least half of the resources, and at least three, were last updated before _since was not filtered, whatever the other " +
			"files of the type show. A type that is not filtered at all is judged by param.since-excludes." + windowDoc,
		Requires: []string{"PARAM-012"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_since")
			stray, all := w.outside(t, base, d, func(ns int64) bool { return ns < w.since })
			files, size := w.unfilteredFiles(t, d, stray, all)
			for f, file := range d.Files {
				if o := files[f]; o != nil {
					t.Violates("PARAM-012", d.At(&o.first), "%s is not filtered by _since: %d of its %d resources were last updated before it, while other files of the type are filtered", file.Item.Name(), o.n, size[f])
				}
			}
			t.Examined("%d files, %d resources", len(size), d.Resources)
			if sum(all) == 0 {
				t.Inconclusivef("the plain export has no resource that was last updated before the instant")
			}
		},
	}
}

func sinceBoundary() checks.Check {
	return checks.Check{
		ID:    "param.since-boundary",
		Title: "A resource last updated exactly at _since does not come",
		Doc: "\"After the supplied time\" leaves the instant itself out. _since is the meta.lastUpdated of a resource of the plain export; if that resource " +
			"comes back, a client that passes on transactionTime gets it twice. It loses nothing, and a server may go by finer time than it shows: a warning." + windowDoc,
		Requires: []string{"PARAM-012"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_since")
			stray, all := w.outside(t, base, d, func(ns int64) bool { return ns < w.since })
			if n := stray.total(); n >= few && n*2 >= sum(all) {
				t.Inconclusivef("_since does not filter anyway (see param.since-excludes)")
			}
			stray, all = w.outside(t, base, d, func(ns int64) bool { return ns == w.since })
			if sum(all) == 0 {
				t.Inconclusivef("no resource was last updated exactly at the instant")
			}
			stray.warns(t, "PARAM-012", "last updated exactly at _since came back")
			t.Examined("%d resources, %d of the plain export last updated at the instant", d.Resources, sum(all))
		},
	}
}

func sinceIncludes() checks.Check {
	return checks.Check{
		ID:    "param.since-includes",
		Title: "With _since everything comes that has changed since",
		Doc: "Every resource of the plain export that was last updated after _since (and, where _until was sent too and taken, before that) has to be in " +
			"the filtered export: in both cases a client that missed it would never learn of the change. Not judged are resources within a second " +
			"of a bound, without lastUpdated, in no patient's compartment below the system level (such come for context), or deleted or changed between the two exports: where something is missing, up to five are read " +
			"over REST to see. Missing ones that cannot be read count if they are more than one in a hundred.",
		Requires: []string{"PARAM-013"}, Exports: plainExport(), Observes: windowCost, Learns: true,
		// export.html#query-parameters, _since and _until: "Resources will be included in the response if their state has changed".
		Run: func(ctx context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_since")
			tt, dated := transactionTime(base.Export)
			missing := newTally(base)
			lost := map[uint64]int64{}
			var expected int64
			level := d.Export.Scenario.Level
			must(t, learn.Both(base, d, learn.Patients, func(b, e *learn.Entry) {
				if b.Row == nil || b.Row.Updated == learn.NoTime || w.has("includeAssociatedData") && base.TypeOf(b.Row) == "Provenance" {
					return
				}
				// Below the system level what lies in no compartment comes for context, so only with what refers to it
				// (export.html#bulk-data-kick-off-request).
				if level != session.System && len(b.Patients) == 0 {
					return
				}
				u := b.Row.Updated
				if u <= w.since+second || w.has("_until") && u >= w.until-second || dated && u > tt {
					return
				}
				if expected++; e.Row == nil {
					missing.add(b.Row)
					if len(lost) < 1000 {
						lost[b.Row.Key] = u
					}
				}
			}))
			t.Examined("%d resources, %d expected", d.Resources, expected)
			if expected == 0 {
				t.Inconclusivef("the plain export has no resource that was clearly last updated between the bounds")
			}
			if missing.total() > 0 && Gone(ctx, t, base, lost) && missing.total()*100 < expected {
				t.Note("%s missing; they may have changed or been deleted meanwhile", plural(missing.total(), "resource"))
				return
			}
			between := "after _since"
			if w.has("_until") {
				between = "after _since and before _until"
			}
			missing.violates(t, "PARAM-013", "of the plain export, last updated "+between+", did not come")
		},
	}
}

func sum(m map[string]int64) int64 {
	var n int64
	for _, v := range m {
		n += v
	}
	return n
}

func untilHonoured() checks.Check {
	return checks.Check{
		ID:    "param.until-honoured",
		Title: "_until is honoured or refused, not ignored",
		Doc: "_until is optional, and no sentence says what a server without it answers. Where it is accepted and everything later comes all the same, a " +
			"client takes the export for one as of an earlier moment: a warning. Refusing it is legal, and skips this check." + windowDoc,
		Requires: []string{"PARAM-020"}, Exports: plainExport(), Observes: windowCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_until")
			later, all := w.outside(t, base, d, func(ns int64) bool { return ns > w.until })
			if sum(all) == 0 {
				t.Inconclusivef("the plain export has no resource that was last updated after the instant")
			}
			if w.ignoresUntil(later, all) {
				t.Warns("PARAM-020", d.Export.Final().At(), "_until is accepted and ignored: %d of %d resources last updated after it came", later.total(), sum(all))
			}
			t.Examined("%d resources, of %d later ones", d.Resources, sum(all))
		},
	}
}

// ignoresUntil reports whether about everything later came.
func (w *window) ignoresUntil(later *tally, all map[string]int64) bool {
	return later.total() >= few && later.total()*10 >= sum(all)*9
}

func untilExcludes() checks.Check {
	return checks.Check{
		ID:    "param.until-excludes",
		Title: "Where _until takes effect, nothing comes that changed later",
		// export.html#query-parameters, _until: "Resources will be included in the response if their state has changed before the
		// supplied time".
		Doc: "Some later resources left out and others exported show a filter that works in part. A server that ignores _until altogether is judged by " +
			"param.until-honoured. As with _since, a type of which nine tenths come unfiltered is the failure, and strays are warnings." + windowDoc,
		Requires: []string{"PARAM-020"}, Exports: plainExport(), Observes: windowCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_until")
			later, all := w.outside(t, base, d, func(ns int64) bool { return ns > w.until })
			if sum(all) == 0 {
				t.Inconclusivef("the plain export has no resource that was last updated after the instant")
			}
			if w.ignoresUntil(later, all) {
				t.Inconclusivef("_until is ignored altogether (see param.until-honoured)")
			}
			later.each(func(typ string, o *offence) {
				at, place := d.At(&o.first), d.Place(&o.first)
				if unfiltered(o, all[typ]) {
					t.Violates("PARAM-020", at, "%s is not filtered by _until: %d of %d resources that were last updated after it come, the first on %s", typ, o.n, all[typ], place)
				} else {
					t.Warns("PARAM-020", at, "%s: %s last updated after _until, and no returned resource refers to it; the first is %s", typ, plural(o.n, "resource"), place)
				}
			})
			t.Examined("%d resources, of %d later ones", d.Resources, sum(all))
		},
	}
}

func untilBoundary() checks.Check {
	return checks.Check{
		ID:    "param.until-boundary",
		Title: "A resource last updated exactly at _until does not come",
		Doc: "\"Before the supplied time\" leaves the instant itself out. Coming back it is a warning, as with _since; a server that ignores _until is " +
			"judged by param.until-honoured." + windowDoc,
		Requires: []string{"PARAM-020"}, Exports: plainExport(), Observes: windowCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			d := w.data(t, "_until")
			later, all := w.outside(t, base, d, func(ns int64) bool { return ns > w.until })
			if sum(all) > 0 && w.ignoresUntil(later, all) {
				t.Inconclusivef("_until is ignored altogether (see param.until-honoured)")
			}
			stray, at := w.outside(t, base, d, func(ns int64) bool { return ns == w.until })
			if sum(at) == 0 {
				t.Inconclusivef("no resource was last updated exactly at the instant")
			}
			stray.warns(t, "PARAM-020", "last updated exactly at _until came")
			t.Examined("%d resources, %d of the plain export last updated at the instant", d.Resources, sum(at))
		},
	}
}

// increment is the export of what changed since the transactionTime of the plain export, as a client asks for it.
func increment(t *checks.T) *trial {
	base := Plain(t)
	if _, ok := transactionTime(base.Export); !ok {
		t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
	}
	return attempt(t.Session(), "increment", session.Scenario{Level: base.Export.Scenario.Level}.With("_since", base.Export.Manifest.TransactionTime))
}

func sinceIncremental() checks.Check {
	return checks.Check{
		ID:    "param.since-incremental",
		Title: "An export since the transactionTime of another one repeats nothing of it",
		// export.html#response---output-manifest, transactionTime: "can be used as the _since parameter in a subsequent request".
		Doc: "The everyday use of _since: transactionTime is handed back as it was written, and nothing comes that was exported before and is unchanged. " +
			"At least three resources, and a tenth of a type, make a failure, fewer a warning; a refusal of the server's own value is one too." + windowDoc,
		Requires: []string{"PARAM-012", "PARAM-010"}, Exports: plainExport(), Learns: true, Spare: 2,
		Observes: append(slices.Clone(windowCost), checks.Observation{Name: "an export since the transactionTime of the plain one", Cost: checks.Cost{KickOffs: 1}}),
		Ahead:    true,
		Run: func(_ context.Context, t *checks.T) {
			base, inc := whole(t), increment(t)
			if inc.export == nil && inc.refused {
				if w := inWindow(t); w.export != nil {
					t.Violates("PARAM-010", inc.last.At(), "_since with the server's own transactionTime is refused with HTTP %d, another instant is accepted", inc.last.Status)
					return
				}
			}
			d := inc.data(t, "_since")
			if w := inWindow(t); w.export != nil {
				stray, all := w.outside(t, base, learn.Of(t.Session(), w.export), func(ns int64) bool { return ns < w.since })
				if n := stray.total(); n >= few && n*2 >= sum(all) {
					t.Inconclusivef("_since does not filter at other instants either (see param.since-excludes)")
				}
			}
			tt, _ := transactionTime(base.Export)
			repeated := newTally(d)
			old := map[string]int64{}
			group := d.Export.Scenario.Level == session.Group
			must(t, learn.Both(base, d, learn.Patients|learn.Refs, func(b, e *learn.Entry) {
				if b.Row == nil || b.Row.Updated == learn.NoTime || b.Row.Updated > tt-second {
					return
				}
				old[base.TypeOf(b.Row)]++
				if e.Row == nil || e.Row.Updated != b.Row.Updated || group && len(e.Patients) > 0 {
					return
				}
				if slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return r.Updated == learn.NoTime || r.Updated > tt }) {
					return
				}
				repeated.add(e.Row)
			}))
			if sum(old) == 0 {
				t.Inconclusivef("no resource of the plain export has a meta.lastUpdated before its transactionTime")
			}
			repeated.each(func(typ string, o *offence) {
				if o.n >= few && o.n*10 >= old[typ] {
					t.Violates("PARAM-012", d.At(&o.first), "%s: %d of %d resources come again, unchanged, with _since set to the transactionTime of the export that had them; the first on %s", typ, o.n, old[typ], d.Place(&o.first))
				} else {
					t.Warns("PARAM-012", d.At(&o.first), "%s: %s again, unchanged, with _since set to the transactionTime of the export that had them: %s", typ, plural(o.n, "resource")+" came", d.Place(&o.first))
				}
			})
			t.Examined("%d resources since then, against %d before", d.Resources, sum(old))
		},
	}
}

func untilMalformed() checks.Check {
	return refusal(checks.Check{
		ID: "param.until-malformed", Observes: windowCost, Title: "A _until that is no instant is refused",
		Doc: "_until=not-a-date cannot be read generously, and a server that does not know the parameter may refuse it as well. That follows from the rule for " +
			"lenient handling, and as FHIR lets servers ignore what they do not know, it is a warning where _until is supported and not judged otherwise.",
	}, "PARAM-020", "a kick-off with _until=not-a-date", func(t *checks.T) session.Scenario {
		w := inWindow(t)
		if w.export != nil && !w.has("_until") {
			t.Skipf("the server refuses _until, which it may")
		}
		return session.Scenario{}.With("_type", "Patient").With("_until", "not-a-date")
	})
}
