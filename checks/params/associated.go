package params

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

var (
	relevant = session.Param{Name: "includeAssociatedData", Value: "RelevantProvenanceResources"}
	latest   = session.Param{Name: "includeAssociatedData", Value: "LatestProvenanceResources"}
)

const associatedDoc = " Which Provenance is about what is taken from the plain export. A server may refuse the parameter, which skips this check."

// associated returns an export with the parameter: that of the trial, or where the server took it without, a small one of
// its own.
func associated(t *checks.T, tr *trial, value session.Param) *learn.Data {
	if tr.export != nil && !tr.has("includeAssociatedData") {
		tr = attempt(t.Session(), "associated "+value.Value, associatedOnly(Plain(t), value))
	}
	return tr.data(t, "includeAssociatedData")
}

// associatedOnly is a small export with nothing but the parameter.
func associatedOnly(base *learn.Data, value session.Param) session.Scenario {
	sc := session.Scenario{Level: base.Export.Scenario.Level}.With("_type", "Patient,Condition,Observation")
	sc.Params = append(sc.Params, value)
	return sc
}

// newest reports which of a target's Provenance may count as the most recent: by recorded, by occurred, or by lastUpdated.
func newest(list []learn.Witness) map[uint64]bool {
	out := map[uint64]bool{}
	for _, by := range []func(learn.Witness) int64{
		func(w learn.Witness) int64 { return w.Recorded },
		func(w learn.Witness) int64 { return w.Occurred },
		func(w learn.Witness) int64 { return w.Updated },
	} {
		top := int64(learn.NoTime)
		for _, w := range list {
			top = max(top, by(w))
		}
		for _, w := range list {
			if by(w) == top && top != learn.NoTime {
				out[w.Provenance] = true
			}
		}
	}
	if len(out) == 0 { // undated: any may be the newest
		for _, w := range list {
			out[w.Provenance] = true
		}
	}
	return out
}

// generations goes through the Provenance about what an export returned.
func generations(t *checks.T, base, d *learn.Data, f func(e *learn.Entry, all []learn.Witness)) {
	must(t, learn.Both(base, d, learn.Witnesses, func(b, e *learn.Entry) {
		if e.Row == nil || d.TypeOf(e.Row) == "Provenance" || len(b.Witnesses) == 0 {
			return
		}
		seen := map[uint64]bool{}
		var once []learn.Witness
		for _, w := range b.Witnesses {
			if !seen[w.Provenance] {
				seen[w.Provenance] = true
				once = append(once, w)
			}
		}
		f(e, once)
	}))
}

func latestOnly() checks.Check {
	return checks.Check{
		ID:    "param.associated-latest-only",
		Title: "LatestProvenanceResources returns no Provenance but the most recent",
		// export.html#query-parameters, includeAssociatedData: "Export will include the most recent Provenance resources associated with
		// each of the non-provenance resources being returned. Other Provenance resources will not be returned."
		Doc: "Every Provenance in the export is the most recent one about some returned resource: by recorded, by occurred or by lastUpdated, ties " +
			"included. It may be older for another target. What is about nothing that was returned fails too." + associatedDoc,
		Requires: []string{"PARAM-054"}, Exports: plainExport(), Observes: filteredCost, Learns: true, Spare: 1,
		Ahead: true,
		Run: func(_ context.Context, t *checks.T) {
			base, f := whole(t), selected(t)
			d := associated(t, f.trial, latest)
			good, older := map[uint64]bool{}, map[uint64]bool{}
			generations(t, base, d, func(_ *learn.Entry, all []learn.Witness) {
				top := newest(all)
				for _, w := range all {
					if top[w.Provenance] {
						good[w.Provenance] = true
					} else {
						older[w.Provenance] = true
					}
				}
			})
			for k := range good {
				delete(older, k)
			}
			bad := newTally(d)
			must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
				if b.Row != nil && e.Row != nil && d.TypeOf(e.Row) == "Provenance" && !good[e.Row.Key] {
					bad.add(e.Row)
				}
			}))
			t.Examined("%d Provenance resources, %d older ones that must not come", d.Count("Provenance"), len(older))
			if len(older) == 0 && base.Count("Provenance") == int64(len(good)) {
				t.Inconclusivef("no returned resource has two Provenance resources of different age")
			}
			if n := bad.total(); n > 0 && d.Count("Provenance") == base.Count("Provenance") && n >= few && int64(len(good)) < base.Count("Provenance") && !slices.Contains(f.types, "Provenance") {
				bad.violates(t, "PARAM-054", "came with LatestProvenanceResources that is not the most recent about anything returned (all Provenance of the server came)")
				return
			}
			bad.violates(t, "PARAM-054", "came with LatestProvenanceResources that is not the most recent about anything returned")
		},
	}
}

func latestComplete() checks.Check {
	return checks.Check{
		ID:    "param.associated-latest-complete",
		Title: "LatestProvenanceResources returns the most recent Provenance of each returned resource",
		Doc: "For each returned resource with Provenance in the plain export, one that may count as the most recent came. None at all means that the " +
			"parameter was accepted and ignored, which is a warning, single missing ones are a failure: the parameter works in part." + associatedDoc,
		Requires: []string{"PARAM-053", "PARAM-057"}, Exports: plainExport(), Observes: filteredCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base, f := whole(t), selected(t)
			d := associated(t, f.trial, latest)
			var tops []map[uint64]bool
			all := map[uint64]bool{}
			generations(t, base, d, func(e *learn.Entry, list []learn.Witness) {
				top := newest(list)
				if slices.ContainsFunc(e.Witnesses, func(w learn.Witness) bool {
					return !slices.ContainsFunc(list, func(b learn.Witness) bool { return b.Provenance == w.Provenance })
				}) {
					return // about this one the plain export does not tell all
				}
				tops = append(tops, top)
				for k := range top {
					all[k] = true
				}
			})
			have, err := d.Has(all)
			must(t, err)
			missing := 0
			for _, top := range tops {
				found := false
				for k := range top {
					found = found || have[k]
				}
				if !found {
					missing++
				}
			}
			t.Examined("%d returned resources with Provenance, %d Provenance resources", len(tops), d.Count("Provenance"))
			switch {
			case len(tops) == 0:
				t.Inconclusivef("no returned resource has Provenance in the plain export")
			case d.Count("Provenance") == 0:
				t.Warns("PARAM-057", d.Export.KickOff.At(), "LatestProvenanceResources is accepted and ignored: no Provenance came, although %d returned resources have some", len(tops))
			case missing > 0:
				t.Violates("PARAM-053", d.Export.Final().At(), "the most recent Provenance of %d of %d returned resources did not come with LatestProvenanceResources", missing, len(tops))
			}
		},
	}
}

func relevantComplete() checks.Check {
	return checks.Check{
		ID:    "param.associated-relevant",
		Title: "RelevantProvenanceResources returns all Provenance of each returned resource",
		// export.html#query-parameters, includeAssociatedData: "Export will include all Provenance resources associated with each of the
		// non-provenance resources being returned."
		Doc: "All Provenance that the plain export has about returned resources came, older generations included. No Provenance at all means that the " +
			"parameter was accepted and ignored, which is a warning." + associatedDoc,
		Requires: []string{"PARAM-055", "PARAM-057"}, Exports: append(posting(), session.GroupLevel), Observes: slicedCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base := whole(t)
			d := associated(t, sliced(t).trial, relevant)
			need, have := provenanceOf(t, base, d, func(_, _ *learn.Entry) bool { return true })
			t.Examined("%d of %d Provenance resources", len(have), len(need))
			switch {
			case len(need) == 0:
				t.Inconclusivef("no returned resource has Provenance in the plain export")
			case d.Count("Provenance") == 0:
				t.Warns("PARAM-057", d.Export.KickOff.At(), "RelevantProvenanceResources is accepted and ignored: no Provenance came, although the plain export has %d about returned resources", len(need))
			case len(have) < len(need):
				t.Violates("PARAM-055", d.Export.Final().At(), "%d of %d Provenance resources about returned resources did not come with RelevantProvenanceResources", len(need)-len(have), len(need))
			}
		},
	}
}

func associatedConflict() checks.Check {
	return checks.Check{
		ID:    "param.associated-conflict",
		Title: "Of conflicting includeAssociatedData values the one that returns most applies",
		// export.html#query-parameters, includeAssociatedData: "If multiple conflicting values are included, the server SHALL apply the least
		// restrictive value".
		Doc: "LatestProvenanceResources and RelevantProvenanceResources in one request, the narrower first: all Provenance about returned resources comes, " +
			"older generations included. Where RelevantProvenanceResources alone does not work either, this check is inconclusive." + associatedDoc,
		Requires: []string{"PARAM-060"}, Exports: append(posting(), session.GroupLevel), Learns: true, Spare: 2,
		Observes: append(slices.Clone(windowCost), slicedCost...),
		Run: func(_ context.Context, t *checks.T) {
			base, w := whole(t), inWindow(t)
			if w.export != nil && !w.has("includeAssociatedData") {
				t.Skipf("the server refuses includeAssociatedData with both values, which it may if it supports one of them only")
			}
			d := w.data(t, "includeAssociatedData")
			inside := func(_, e *learn.Entry) bool { return e.Row.Updated != learn.NoTime && w.fresh(e.Row.Updated) }
			need, have := provenanceOf(t, base, d, inside)
			older := 0
			generations(t, base, d, func(e *learn.Entry, all []learn.Witness) {
				if inside(nil, e) {
					older += len(all) - len(newest(all))
				}
			})
			t.Examined("%d of %d Provenance resources, %d of them older ones", len(have), len(need), older)
			if older == 0 {
				t.Inconclusivef("no returned resource has two Provenance resources of different age")
			}
			if len(have) == len(need) {
				return
			}
			alone := associated(t, sliced(t).trial, relevant)
			n, h := provenanceOf(t, base, alone, func(_, _ *learn.Entry) bool { return true })
			if len(h) < len(n) {
				t.Inconclusivef("RelevantProvenanceResources alone does not return all Provenance either (see param.associated-relevant)")
			}
			t.Violates("PARAM-060", d.Export.Final().At(), "with LatestProvenanceResources and RelevantProvenanceResources %d of %d Provenance resources about returned resources did not come", len(need)-len(have), len(need))
		},
	}
}

func associatedCode() checks.Check {
	return checks.Check{
		ID:    "param.associated-code",
		Title: "In a POST includeAssociatedData is taken as a code",
		// OperationDefinition-export.html and its siblings: includeAssociatedData has the type code.
		Doc: "The OperationDefinitions of 2.0.0 and 3.0.0 give the parameter the type code, the narrative calls it a string. A server that takes valueString " +
			"and refuses valueCode has read the narrative only: a warning." + associatedDoc,
		Requires: []string{"PARAM-061"}, Needs: []checks.Need{checks.NeedGroup}, Exports: append(posting(), session.GroupLevel), Observes: slicedCost, Learns: true, Spare: 2,
		Run: func(_ context.Context, t *checks.T) {
			sl := sliced(t)
			switch {
			case sl.export == nil:
				t.Inconclusivef("%s", sl.reason)
			case !sl.scenario.Post:
				t.Skipf("the server refuses exports of one patient by POST, with which this is tried")
			case sl.has("includeAssociatedData"):
				t.Examined("valueCode is accepted")
				return
			}
			text := sl.scenario
			text.Params = append(slices.Clone(text.Params), relevant)
			p := t.Session().ProbeEdited(text, "string", func(r *session.Request) { r.Body = asString(r.Body) })
			switch {
			case p.KickOff == nil:
				t.Inconclusivef("%s", p.Reason)
			case p.Accepted():
				t.Warns("PARAM-061", p.KickOff.At(), "includeAssociatedData is accepted as valueString and refused as valueCode")
			default:
				t.Skipf("the server refuses includeAssociatedData, as a code and as a string (HTTP %d)", p.KickOff.Status)
			}
		},
	}
}
