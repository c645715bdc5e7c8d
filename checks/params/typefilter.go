package params

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/fixtures/compartment"
)

// filter is the export of a few types, most of them with a _typeFilter of its own kind.
type filter struct {
	*trial
	types   []string
	queries []learn.Query // in the order of the request
	roles   map[role]string
	why     string // why nothing is filtered
	legal   bool   // the reason is a freedom of the server
}

// role is what a type of the filtered export is there to show.
type role string

const (
	single  role = "a filter by one token"
	either  role = "two filters on one type"
	dated   role = "a filter by date"
	nothing role = "a filter that nothing matches"
	persons role = "a filter on Patient"
	free    role = "no filter"
)

var filteredCost = []checks.Observation{{Name: "an export of a few types with _typeFilter", Cost: checks.Cost{KickOffs: 1}}}

// of returns the queries about a type.
func (f *filter) of(typ string) []learn.Query {
	var out []learn.Query
	for _, q := range f.queries {
		if q.Type == typ {
			out = append(out, q)
		}
	}
	return out
}

// filtered returns the shared export with filters. The check is skipped where the server offers nothing to filter by, and
// inconclusive where the data do not.
func filtered(t *checks.T) *filter {
	f := selected(t)
	if f.why != "" && f.legal {
		t.Skipf("%s", f.why)
	}
	if f.why != "" {
		t.Inconclusivef("%s", f.why)
	}
	return f
}

// selected is filtered for checks that can do without a filter.
func selected(t *checks.T) *filter {
	base := Plain(t)
	return choose(t, "filter", func() *filter { return newFilter(t.Session(), base) })
}

// listed returns the search parameters that the CapabilityStatement lists for a type, nil if it lists none for any type.
func listed(s *session.Session) func(typ, code string) bool {
	params := map[string][]string{}
	some := false
	for _, r := range session.List(s.Discover().Capability, "rest") {
		for _, res := range session.List(r, "resource") {
			for _, p := range session.List(res, "searchParam") {
				params[session.Text(res, "type")] = append(params[session.Text(res, "type")], session.Text(p, "name"))
				some = true
			}
		}
	}
	return func(typ, code string) bool { return !some || slices.Contains(params[typ], code) }
}

// maxFiltered is how many resources a type may have to be asked for whole; larger ones are taken only if there is nothing
// else.
const maxFiltered = 200_000

func newFilter(s *session.Session, base *learn.Data) *filter {
	f := &filter{roles: map[role]string{}}
	allowed := listed(s)
	// What others of the chosen types refer to might come for context, so that a filter on it shows nothing.
	refers := map[string]map[string]bool{}
	err := base.Each(learn.Refs, func(e *learn.Entry) {
		to := base.TypeOf(e.Row)
		for _, r := range e.Refs {
			if refers[to] == nil {
				refers[to] = map[string]bool{}
			}
			refers[to][base.From(&r)] = true
		}
	})
	if err != nil {
		f.why, f.trial = err.Error(), &trial{reason: err.Error()}
		return f
	}
	var types []string
	for _, typ := range base.Types() {
		if typ != "Patient" && typ != "Provenance" && typ != "Group" && compartment.Has(typ) && base.Count(typ) > 2 && base.Count(typ) <= maxFiltered {
			types = append(types, typ)
		}
	}
	isolated := func(typ string) bool {
		for _, other := range f.types {
			if other != typ && (refers[typ][other] || refers[other][typ] && f.roles[free] != other) {
				return false
			}
		}
		return true
	}
	facets := func(typ, kind string) []learn.Facet {
		return slices.DeleteFunc(base.Facets(typ), func(x learn.Facet) bool { return x.Kind != kind || !allowed(typ, x.Param) })
	}
	take := func(r role, typ string, queries ...learn.Query) {
		f.roles[r] = typ
		f.types = append(f.types, typ)
		f.queries = append(f.queries, queries...)
	}
	each := func(kind string, try func(typ string, x learn.Facet) bool) {
		for _, typ := range types {
			if slices.Contains(f.types, typ) || !isolated(typ) {
				continue
			}
			for _, x := range facets(typ, kind) {
				if try(typ, x) {
					return
				}
			}
		}
	}
	plain := func(x learn.Facet) []learn.Value {
		return slices.DeleteFunc(slices.Clone(x.Values), func(v learn.Value) bool { return !v.Plain() })
	}
	// A type with three values of a token shows whether two filters are combined with OR, and a third value stays out.
	each(compartment.Token, func(typ string, x learn.Facet) bool {
		v := plain(x)
		if len(v) >= 3 {
			take(either, typ, x.Is(v[1]), x.Is(v[2]))
		}
		return len(v) >= 3
	})
	each(compartment.Token, func(typ string, x learn.Facet) bool {
		v := plain(x)
		if len(v) >= 2 {
			take(single, typ, x.Is(v[len(v)-1]))
		}
		return len(v) >= 2
	})
	each(compartment.Date, func(typ string, x learn.Facet) bool {
		if len(x.Values) < 2 {
			return false
		}
		var years []int
		for _, v := range x.Values {
			y, _ := strconv.Atoi(v.Text)
			years = append(years, y)
		}
		slices.Sort(years)
		take(dated, typ, x.From(years[(len(years)+1)/2]))
		return true
	})
	each(compartment.Token, func(typ string, x learn.Facet) bool {
		q, ok := x.Never("entered-in-error")
		if ok && x.Param == "status" {
			take(nothing, typ, q)
		}
		return ok && x.Param == "status"
	})
	for _, x := range facets("Patient", compartment.Token) {
		if v := plain(x); len(v) >= 2 && base.Patients() > 1 {
			take(persons, "Patient", x.Is(v[len(v)-1]))
			break
		}
	}
	if f.roles[persons] != "" {
		for _, typ := range types {
			// It must not refer to a filtered type other than Patient: the target would be there for context.
			if !slices.Contains(f.types, typ) && !slices.ContainsFunc(f.types, func(o string) bool { return o != "Patient" && refers[o][typ] }) {
				take(free, typ)
				break
			}
		}
	}
	if len(f.queries) == 0 {
		f.why = "no type of the plain export has two values of a search parameter, so there is nothing to filter by; data with two values of a status or category would do"
		if slices.ContainsFunc(types, func(typ string) bool {
			return slices.ContainsFunc(base.Facets(typ), func(x learn.Facet) bool { return !allowed(typ, x.Param) })
		}) {
			f.why = "the CapabilityStatement lists no search parameter that the exported data could be filtered by, so that _typeFilter is not offered"
			f.legal = true
		}
		f.trial = attempt(s, "filter", associatedOnly(base, latest))
		return f
	}
	types2 := session.Param{Name: "_type", Value: strings.Join(f.types, ",")}
	list := []session.Param{types2}
	for _, q := range f.queries {
		list = append(list, session.Param{Name: "_typeFilter", Value: q.Text})
	}
	f.trial = attempt(s, "filter", scenarios(session.Scenario{Level: base.Export.Scenario.Level},
		[][]session.Param{append(slices.Clone(list), latest), list, {types2, latest}})...)
	return f
}

// outcome of one type under its filters.
type sifted struct {
	matching, kept   int64 // of the plain export, and of these in the filtered one
	failing, through int64
	stray            *tally
	lost             *tally
	keys             map[uint64]int64
}

// sift compares the filtered export with the plain one, type by type. What cannot be said to match or not is left out, and
// so is what another returned resource refers to.
func (f *filter) sift(t *checks.T, base, d *learn.Data) map[string]*sifted {
	out := map[string]*sifted{}
	for _, typ := range f.types {
		out[typ] = &sifted{stray: newTally(d), lost: newTally(base), keys: map[uint64]int64{}}
	}
	tt, stamped := transactionTime(base.Export)
	must(t, learn.Both(base, d, learn.Refs, func(b, e *learn.Entry) {
		row := b.Row
		if row == nil {
			row = e.Row
		} else if stamped && row.Updated != learn.NoTime && row.Updated > tt {
			return
		}
		typ := base.TypeOf(row)
		s := out[typ]
		if s == nil {
			return
		}
		queries := f.of(typ)
		m, known := true, true
		if len(queries) > 0 {
			if e.Row != nil {
				row = e.Row // as it is now
			}
			m, known = learn.MatchesAny(queries, row)
		}
		switch {
		case !known:
		case m && b.Row != nil:
			if s.matching++; e.Row != nil {
				s.kept++
				return
			}
			s.lost.add(b.Row)
			if len(s.keys) < 1000 {
				s.keys[b.Row.Key] = b.Row.Updated
			}
		case !m:
			s.failing++
			if e.Row != nil && !slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return d.From(&r) != typ && d.From(&r) != "Provenance" }) {
				s.through++
				s.stray.add(e.Row)
			}
		}
	}))
	return out
}

// ignored reports whether no filter had any effect.
func (f *filter) ignored(all map[string]*sifted) bool {
	some := false
	for typ, s := range all {
		if len(f.of(typ)) == 0 || s.failing == 0 || typ == "Patient" {
			continue
		}
		some = true
		if s.through*10 < s.failing*9 {
			return false
		}
	}
	return some
}

const filterDoc = " The filters are chosen from the values that the plain export has of status, category, code, date and the like, among the search " +
	"parameters that the CapabilityStatement lists. Clients are told to expect servers that ignore _typeFilter, so that ignoring it is a warning " +
	"(param.typefilter-honoured), while a filter that works in part fails. Resources whose match cannot be told (several codings, periods, dates within a day of the " +
	"bound) and those that a returned resource of another type refers to are not judged. A server may refuse the parameter, which skips this check."

func filterCheck(c checks.Check, run func(ctx context.Context, t *checks.T, f *filter, base, d *learn.Data, all map[string]*sifted)) checks.Check {
	c.Exports, c.Observes, c.Learns, c.Spare = plainExport(), filteredCost, true, 1
	c.Doc += filterDoc
	c.Run = func(ctx context.Context, t *checks.T) {
		base, f := whole(t), filtered(t)
		d := f.data(t, "_typeFilter")
		run(ctx, t, f, base, d, f.sift(t, base, d))
	}
	return c
}

// part returns what became of the type that plays a role; the check is inconclusive if there is none, or if the filters
// have no effect at all.
func (f *filter) part(t *checks.T, r role, all map[string]*sifted) (string, *sifted) {
	typ := f.roles[r]
	if typ == "" {
		t.Inconclusivef("the plain export has no type fit for %s", r)
	}
	if f.ignored(all) {
		t.Inconclusivef("_typeFilter is ignored altogether (see param.typefilter-honoured)")
	}
	return typ, all[typ]
}

func filterHonoured() checks.Check {
	return filterCheck(checks.Check{
		ID:    "param.typefilter-honoured",
		Title: "_typeFilter is honoured or refused, not ignored",
		// export.html#query-parameters, _typeFilter: "A server unable to support the requested _typeFilter queries SHOULD return an error".
		Doc:      "Nine tenths of what matches no filter came, of every filtered type.",
		Requires: []string{"PARAM-075"},
	}, func(_ context.Context, t *checks.T, f *filter, _, d *learn.Data, all map[string]*sifted) {
		var failing, through int64
		for typ, s := range all {
			if typ != "Patient" {
				failing, through = failing+s.failing, through+s.through
			}
		}
		t.Examined("%d resources, %d that match no filter", d.Resources, failing)
		if failing == 0 {
			t.Inconclusivef("no resource fails to match")
		}
		if f.ignored(all) {
			t.Violates("PARAM-075", d.Export.KickOff.At(), "_typeFilter is accepted and ignored: %d of %d resources that match no filter came", through, failing)
		}
	})
}

func filterMatching() checks.Check {
	return filterCheck(checks.Check{
		ID:    "param.typefilter-matching",
		Title: "Resources that do not match a _typeFilter by token are left out",
		// export.html#_typefilter-query-parameter: "Resources with a resource type specified in this query that do not meet the criteria in
		// the search expression in the query SHALL NOT be returned".
		Doc:      "One type is filtered by one value of a token, such as status=active.",
		Requires: []string{"PARAM-065"},
	}, func(_ context.Context, t *checks.T, f *filter, _, _ *learn.Data, all map[string]*sifted) {
		typ, s := f.part(t, single, all)
		t.Examined("%s: %d match, %d do not", typ, s.matching, s.failing)
		if s.failing == 0 {
			t.Inconclusivef("all %s resources match", typ)
		}
		s.stray.violates(t, "PARAM-065", "came although it does not match the _typeFilter on its type")
	})
}

func filterDated() checks.Check {
	return filterCheck(checks.Check{
		ID:       "param.typefilter-date",
		Title:    "Resources that do not match a _typeFilter by date are left out, and others kept",
		Doc:      "One type is filtered by date with the prefix ge and the first day of a year.",
		Requires: []string{"PARAM-065", "PARAM-066"},
	}, func(ctx context.Context, t *checks.T, f *filter, base, _ *learn.Data, all map[string]*sifted) {
		typ, s := f.part(t, dated, all)
		t.Examined("%s: %d match, %d do not", typ, s.matching, s.failing)
		if s.failing == 0 || s.matching == 0 {
			t.Inconclusivef("the date does not divide the %s resources", typ)
		}
		s.stray.violates(t, "PARAM-065", "came although its date is before the one of the _typeFilter on its type")
		s.missing(ctx, t, base, "PARAM-066", "did not come although its date is not before the one of the _typeFilter on its type")
	})
}

// missing reports what matches and did not come, unless a few resources may just have changed.
func (s *sifted) missing(ctx context.Context, t *checks.T, base *learn.Data, requirement, what string) {
	if n := s.lost.total(); n > 0 && n*100 < s.matching && Gone(ctx, t, base, s.keys) {
		t.Note("%s that matches did not come; it may have changed meanwhile", plural(n, "resource"))
		return
	}
	s.lost.violates(t, requirement, what)
}

func filterKeeps() checks.Check {
	return filterCheck(checks.Check{
		ID:       "param.typefilter-keeps",
		Title:    "Resources that match a _typeFilter are exported",
		Doc:      "What matches in the plain export comes, of the type with one filter by token and of Patient. Dates and several filters are judged elsewhere.",
		Requires: []string{"PARAM-066"},
	}, func(ctx context.Context, t *checks.T, f *filter, base, _ *learn.Data, all map[string]*sifted) {
		var n int64
		for _, r := range []role{single, persons} {
			if typ := f.roles[r]; typ != "" {
				n += all[typ].matching
				all[typ].missing(ctx, t, base, "PARAM-066", "did not come although it matches the _typeFilter on its type")
			}
		}
		t.Examined("%d resources that match", n)
		if n == 0 {
			t.Inconclusivef("the plain export has no type fit for %s", single)
		}
	})
}

func filterEither() checks.Check {
	return filterCheck(checks.Check{
		ID:    "param.typefilter-or",
		Title: "Of several _typeFilter queries on one type it is enough to match one",
		// export.html#_typefilter-query-parameter: "the server SHALL include resources of that resource type that meet the criteria in any of
		// the parameters (a logical "or")."
		Doc:      "Two filters on one type, each with a value of its own, by repeating the parameter: what matches either comes, a third value stays out.",
		Requires: []string{"PARAM-068"},
	}, func(ctx context.Context, t *checks.T, f *filter, base, d *learn.Data, all map[string]*sifted) {
		typ, s := f.part(t, either, all)
		t.Examined("%s: %d match one of two filters, %d neither", typ, s.matching, s.failing)
		if s.matching == 0 {
			t.Inconclusivef("no %s resource matches", typ)
		}
		kept := map[string]int64{}
		must(t, d.Each(0, func(e *learn.Entry) {
			for _, q := range f.of(typ) {
				if d.TypeOf(e.Row) != typ {
					continue
				}
				if m, _ := q.Matches(e.Row); m {
					kept[q.Text]++
				}
			}
		}))
		if len(kept) == 0 && s.kept == 0 {
			t.Violates("PARAM-068", d.Export.Final().At(), "two filters on %s return nothing, although %d resources match one of them: they seem to be combined with AND", typ, s.matching)
			return
		}
		for i, q := range f.of(typ) {
			if kept[q.Text] == 0 {
				t.Violates("PARAM-068", d.Export.Final().At(), "of two filters on %s, the %s has no effect: nothing that matches it came", typ, []string{"first", "second"}[i])
				return
			}
		}
		s.missing(ctx, t, base, "PARAM-068", "did not come although it matches one of two filters on its type")
		s.stray.violates(t, "PARAM-068", "came although it matches neither of two filters on its type")
	})
}

func filterNothing() checks.Check {
	return filterCheck(checks.Check{
		ID:       "param.typefilter-no-match",
		Title:    "A _typeFilter that nothing matches returns nothing of its type",
		Doc:      "One type is filtered by a legal status that no resource of the plain export has. A server that takes an empty result for no filter returns everything.",
		Requires: []string{"PARAM-065"},
	}, func(_ context.Context, t *checks.T, f *filter, _, _ *learn.Data, all map[string]*sifted) {
		typ, s := f.part(t, nothing, all)
		t.Examined("%s: %d resources, none of which match", typ, s.failing)
		if s.failing == 0 {
			t.Inconclusivef("the plain export has no %s", typ)
		}
		s.stray.violates(t, "PARAM-065", "came although nothing of its type matches the _typeFilter")
	})
}

func filterIndependent() checks.Check {
	return filterCheck(checks.Check{
		ID:    "param.typefilter-independent",
		Title: "A _typeFilter leaves other types alone",
		// export.html#_typefilter-query-parameter: "filtering Patient resources to people born after the year 2000 will not filter Encounter
		// resources for patients born before the year 2000 from the export."
		Doc: "A filter on Patient excludes some patients; a type without a filter comes as completely as in the plain export, what belongs to those patients " +
			"included. 2.0.0 shows this by an example only: a warning there.",
		Requires: []string{"PARAM-067"},
	}, func(ctx context.Context, t *checks.T, f *filter, base, d *learn.Data, all map[string]*sifted) {
		typ, s := f.part(t, free, all)
		excluded := all["Patient"].failing
		t.Examined("%d %s resources, %d patients excluded by a filter", s.matching, typ, excluded)
		if s.matching == 0 || excluded == 0 {
			t.Inconclusivef("the filter on Patient excludes nobody")
		}
		if n := s.lost.total(); n == 0 || n*100 < s.matching && Gone(ctx, t, base, s.keys) {
			return
		}
		if t.IG() == spec.V200 {
			s.lost.warns(t, "PARAM-067", "did not come although there is no _typeFilter on its type")
		} else {
			s.lost.violates(t, "PARAM-067", "did not come although there is no _typeFilter on its type")
		}
	})
}

func filterComma() checks.Check {
	return checks.Check{
		ID:    "param.typefilter-comma",
		Title: "Under 2.0.0 queries of one _typeFilter are joined by commas",
		// 2.0.0 export.html#_typefilter-experimental-query-parameter: "a comma-separated list of FHIR REST API queries", and repeated values
		// are treated "as if they were comma delimited values within a single _typeFilter parameter".
		Doc: "The two filters on one type that param.typefilter-or sends by repeating the parameter are sent as one value: the same resources come. Where " +
			"repeating does not work either, that check fails and this one is inconclusive." + filterDoc,
		Requires: []string{"PARAM-069"}, Exports: plainExport(), Learns: true, Spare: 2,
		Observes: append(slices.Clone(filteredCost), checks.Observation{Name: "an export with two _typeFilter queries joined by a comma", Cost: checks.Cost{KickOffs: 1}}),
		Run: func(_ context.Context, t *checks.T) {
			base, f := whole(t), filtered(t)
			d := f.data(t, "_typeFilter")
			all := f.sift(t, base, d)
			typ, s := f.part(t, either, all)
			if s.lost.total() > 0 || s.through > 0 {
				t.Inconclusivef("repeating _typeFilter does not work either (see param.typefilter-or)")
			}
			q := f.of(typ)
			joined := attempt(t.Session(), "filter joined", session.Scenario{Level: base.Export.Scenario.Level}.With("_type", typ).With("_typeFilter", q[0].Text+","+q[1].Text))
			if joined.export == nil && joined.refused {
				t.Violates("PARAM-069", joined.last.At(), "two queries joined by a comma are refused with HTTP %d, the same by repeating _typeFilter are accepted", joined.last.Status)
				return
			}
			j := joined.data(t, "_typeFilter")
			only, other := newTally(d), newTally(j)
			must(t, learn.Both(d, j, 0, func(a, b *learn.Entry) {
				switch {
				case a.Row != nil && b.Row == nil && d.TypeOf(a.Row) == typ:
					only.add(a.Row)
				case a.Row == nil && b.Row != nil && j.TypeOf(b.Row) == typ:
					other.add(b.Row)
				}
			}))
			t.Examined("%d %s resources", j.Count(typ), typ)
			only.violates(t, "PARAM-069", "came with _typeFilter repeated and not with the queries joined by a comma")
			other.violates(t, "PARAM-069", "came with two queries joined by a comma and not with _typeFilter repeated")
		},
	}
}
