package params

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// asked are the types of session.TwoTypes.
var asked = []string{"Patient", "Condition"}

func twoTypes() []session.Scenario { return []session.Scenario{session.Baseline, session.TwoTypes} }

// typed returns what was learned of the export with _type=Patient,Condition.
func typed(t *checks.T) *learn.Data {
	ex := t.Session().Export(session.TwoTypes)
	if ex.State == session.Refused && !AboutAccess(ex.KickOff.Status) && ex.KickOff.Status >= 400 {
		t.Skipf("the server refuses _type, which it may: %s", ex.Reason)
	}
	d := learn.Of(t.Session(), t.Export(session.TwoTypes))
	if d.Incomplete != "" {
		t.Inconclusivef("not all of the export with _type could be read: %s", d.Incomplete)
	}
	return d
}

// Unasked returns the resources of types that were not asked for and that no resource asked for refers to, directly or
// through others that came for context.
func Unasked(d *learn.Data, types []string) (*tally, error) {
	legit := map[string]bool{}
	for _, t := range types {
		legit[t] = true
	}
	// A type comes for context if some resource of it is referred to by one that may be there; what refers to it may itself
	// have come for context. As few types come so, this is settled after a few passes.
	for {
		offenders := newTally(d)
		kept := map[string]bool{}
		err := d.Each(learn.Refs, func(e *learn.Entry) {
			typ := d.TypeOf(e.Row)
			if slices.Contains(types, typ) {
				return
			}
			if slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return d.From(&r) != typ && legit[d.From(&r)] }) {
				kept[typ] = true
				return
			}
			offenders.add(e.Row)
		})
		if err != nil {
			return nil, err
		}
		grown := false
		for typ := range kept {
			if offenders.types[typ] == nil && !legit[typ] {
				legit[typ], grown = true, true
			}
		}
		if !grown {
			return offenders, nil
		}
	}
}

func typeOnly() checks.Check {
	return checks.Check{
		ID:    "param.type-only",
		Title: "With _type only resources of the types asked for come",
		// export.html#query-parameters, _type: "The response SHALL be filtered to only include resources of the specified resource
		// types(s)." export.html#processing-model: other resources may be added for context, last.
		Doc: "_type=Patient,Condition: every line of every file is looked at, whatever the manifest says. Resources of another type pass with a note if one " +
			"that was asked for refers to each of them, since the guide lets servers add what helps to read the data; all others fail. A server that " +
			"cannot filter refuses the parameter, which skips this check.",
		Requires: []string{"PARAM-024", "PARAM-029"}, Exports: twoTypes(), Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := Plain(t), typed(t)
			t.Examined("%d resources of %s", d.Resources, join(d.Types()))
			if d.Resources == 0 {
				t.Inconclusivef("the export with _type is empty")
			}
			if !slices.ContainsFunc(base.Types(), func(s string) bool { return !slices.Contains(asked, s) }) {
				t.Inconclusivef("the plain export has nothing but %s, so there is nothing to leave out", join(base.Types()))
			}
			extra, err := Unasked(d, asked)
			must(t, err)
			if extra.total() == 0 {
				for _, typ := range d.Types() {
					if !slices.Contains(asked, typ) {
						t.Note("%d %s resources came for context, each referred to by a resource that may be there", d.Count(typ), typ)
					}
				}
				return
			}
			if d.Resources >= base.Resources*9/10 {
				t.Violates("PARAM-024", d.Export.Final().At(), "_type=Patient,Condition is accepted and ignored: %d resources of %d types come", d.Resources, len(d.Types()))
				t.Violates("PARAM-029", d.Export.KickOff.At(), "a server that cannot filter by _type should refuse it")
				return
			}
			extra.violates(t, "PARAM-024", "came with _type=Patient,Condition, and no resource that was asked for refers to them")
		},
	}
}

func typeList() checks.Check {
	return checks.Check{
		ID:    "param.type-list",
		Title: "Each type of a comma list in _type is exported",
		// export.html#query-parameters, _type: "string of comma-delimited FHIR resource types".
		Doc: "_type=Patient,Condition, with the comma percent-encoded, returns resources of both types if the plain export has them. A server may refuse " +
			"_type, which skips this check, and a type that the plain export lacks need not appear.",
		Requires: []string{"PARAM-025"}, Exports: twoTypes(), Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := Plain(t), typed(t)
			var have []string
			for _, typ := range asked {
				if base.Count(typ) > 0 {
					have = append(have, typ)
				}
			}
			if len(have) < 2 {
				t.Inconclusivef("the plain export does not have both types of the list, but %s", join(have))
			}
			for _, typ := range have {
				if d.Count(typ) == 0 {
					t.Violates("PARAM-025", d.Export.Final().At(), "_type=Patient,Condition returns no %s, although the plain export has %d", typ, base.Count(typ))
				}
			}
			t.Examined("%d resources, against %d of these types in the plain export", d.Resources, base.Count(asked[0])+base.Count(asked[1]))
		},
	}
}

func typeComplete() checks.Check {
	return checks.Check{
		ID:    "param.type-complete",
		Title: "Asked for by name, a type is exported as completely as without _type",
		Doc: "Every Patient and Condition of the plain export is in the one with _type=Patient,Condition. A type that is missing altogether is judged by " +
			"param.type-list. Where something is missing, up to five resources are read over REST to see whether they changed meanwhile; missing ones " +
			"that cannot be read count if they are more than one in a hundred.",
		Requires: []string{"PARAM-025"}, Exports: twoTypes(), Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base, d := whole(t), typed(t)
			expected := missingFrom(ctx, t, base, d, "PARAM-025", "of the plain export did not come with _type=Patient,Condition", func(e *learn.Entry) bool {
				typ := base.TypeOf(e.Row)
				return slices.Contains(asked, typ) && d.Count(typ) > 0
			})
			t.Examined("%d resources, %d expected", d.Resources, expected)
			if expected == 0 {
				t.Inconclusivef("no type of the list is in both exports")
			}
		},
	}
}

// missingFrom reports what the plain export has, belongs into the other by the rule, and is not there. It returns the
// number of resources expected.
func missingFrom(ctx context.Context, t *checks.T, base, d *learn.Data, requirement, what string, belongs func(*learn.Entry) bool) int64 {
	missing := newTally(base)
	lost := map[uint64]int64{}
	var expected int64
	tt, dated := transactionTime(base.Export)
	must(t, learn.Both(base, d, learn.Patients, func(b, e *learn.Entry) {
		if b.Row == nil || dated && b.Row.Updated != learn.NoTime && b.Row.Updated > tt || !belongs(b) {
			return
		}
		if expected++; e.Row == nil {
			missing.add(b.Row)
			if len(lost) < 1000 {
				lost[b.Row.Key] = b.Row.Updated
			}
		}
	}))
	if n := missing.total(); n > 0 && n*100 < expected && Gone(ctx, t, base, lost) {
		t.Note("%s of the plain export did not come; they may have changed or been deleted meanwhile", plural(n, "resource"))
	} else if n > 0 {
		missing.violates(t, requirement, what)
	}
	return expected
}

func typeOmitted() checks.Check {
	return checks.Check{
		ID:    "param.type-omitted",
		Title: "Without _type everything comes that comes with it",
		// export.html#query-parameters, _type: "If this parameter is omitted, the server SHALL return all supported resources within the
		// scope of the client authorization, though implementations MAY limit the resources returned to specific subsets".
		Doc: "What the export with _type=Patient,Condition returns is in the plain export too. A server may limit its default export to a subset such as US " +
			"Core, so a type that comes on request only is a warning; so are single resources of a type. Types that the tester knows to be part of " +
			"the default export are judged by data.default-types.",
		Requires: []string{"PARAM-026"}, Exports: twoTypes(), Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := whole(t), typed(t)
			tt, dated := transactionTime(base.Export)
			missing := newTally(d)
			var n int64
			must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
				if e.Row == nil || dated && e.Row.Updated != learn.NoTime && e.Row.Updated > tt-second || !slices.Contains(asked, d.TypeOf(e.Row)) {
					return
				}
				if n++; b.Row == nil {
					missing.add(e.Row)
				}
			}))
			missing.each(func(typ string, o *offence) {
				if base.Count(typ) == 0 {
					t.Warns("PARAM-026", d.At(&o.first), "%s comes with _type only: %d resources, none of them in the plain export", typ, o.n)
				} else {
					t.Warns("PARAM-026", d.At(&o.first), "%s", missing.sentence(typ, o, "came with _type only, and the plain export lacks them"))
				}
			})
			t.Examined("%d resources asked for by type", n)
			if n == 0 {
				t.Inconclusivef("nothing came with _type")
			}
		},
	}
}

// choose is session.Shared with what the check's area knows.
func choose[V any](t *checks.T, key string, make func() V) V {
	return session.Shared(t.Session(), "param choice "+key, func(context.Context) V { return make() })
}

// record is one patient with what the plain export has of him.
type record struct {
	id    string
	key   uint64
	types map[string]int64
	about int64 // Provenance resources about anything of his
	twice int64 // resources of his with two Provenance resources or more
}

func (r *record) total() int64 {
	var n int64
	for _, c := range r.types {
		n += c
	}
	return n
}

// records looks at up to 256 patients of an export, in the order of their ids.
func records(d *learn.Data) ([]*record, error) {
	byKey := map[uint64]*record{}
	var out []*record
	ids := d.IDs("Patient")
	slices.Sort(ids)
	for _, id := range ids {
		r := &record{id: id, key: learn.Key("Patient", id), types: map[string]int64{}}
		byKey[r.key] = r
		out = append(out, r)
	}
	err := d.Each(learn.Patients|learn.Witnesses, func(e *learn.Entry) {
		for _, p := range e.Patients {
			if r := byKey[p]; r != nil {
				r.types[d.TypeOf(e.Row)]++
				r.about += int64(len(e.Witnesses))
				if len(e.Witnesses) > 1 {
					r.twice++
				}
			}
		}
	})
	return out, err
}

// best returns the patient with the most types, then with Provenance, then with the fewest resources, leaving one out.
func best(list []*record, except uint64) *record {
	var out *record
	better := func(a, b *record) bool {
		if x, y := len(a.types), len(b.types); x != y {
			return x > y
		}
		if x, y := min(a.twice, 1), min(b.twice, 1); x != y {
			return x > y
		}
		if x, y := min(a.about, 3), min(b.about, 3); x != y {
			return x > y
		}
		return a.total() < b.total()
	}
	for _, r := range list {
		if r.key != except && (out == nil || better(r, out)) {
			out = r
		}
	}
	return out
}
