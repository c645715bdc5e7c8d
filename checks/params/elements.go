package params

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// slice is a small export cut to a few types and elements, of one member of the Group where that can be asked for.
type slice struct {
	*trial
	member   *record // nil if it is not of one patient
	types    []string
	prefixed string // asked for as Patient.<name>
	common   string // asked for as <name>, of all types
	why      string
}

var slicedCost = []checks.Observation{{Name: "an export of a few types and elements, of one member of the Group", Cost: checks.Cost{KickOffs: 1}}}

// likely are types worth a look in a small export, best first: nearly every server has them, and they have mandatory and
// optional elements.
var likely = []string{"Observation", "Condition", "Encounter", "Procedure", "MedicationRequest", "Immunization", "DiagnosticReport", "AllergyIntolerance", "DocumentReference"}

// base elements, which stay or go by rules of their own.
var ownRules = []string{"resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"}

var r4 = sync.OnceValues(func() (map[string][]definitions.Element, error) {
	set, err := definitions.Load("R4")
	if err != nil {
		return nil, err
	}
	out := map[string][]definitions.Element{}
	for _, n := range set.Resources {
		out[set.Nodes[n].Path] = set.Nodes[n].Elements
	}
	return out, nil
})

// mandatory returns the root elements of a type that R4 demands, choices by their stem. The base resource counts, not a
// profile.
func mandatory(typ string) []string {
	types, err := r4()
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range types[typ] {
		if e.Required {
			out = append(out, strings.TrimSuffix(e.Name, "[x]"))
		}
	}
	return out
}

// optional returns the optional root elements that resources of the type have in the export, sorted.
func optional(d *learn.Data, typ string) []string {
	types, err := r4()
	if err != nil {
		return nil
	}
	seen := d.Type(typ).Elements
	var out []string
	for _, e := range types[typ] {
		if !e.Required && !e.Choice() && !slices.Contains(ownRules, e.Name) && d.Words.Element(typ, e.Name)&seen != 0 {
			out = append(out, e.Name)
		}
	}
	slices.Sort(out)
	return out
}

// prefer returns the first of the wished names that is in the list, or else the list's first.
func prefer(list []string, wished ...string) string {
	for _, w := range wished {
		if slices.Contains(list, w) {
			return w
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return ""
}

func sliced(t *checks.T) *slice {
	base := Plain(t)
	sl := choose(t, "slice", func() *slice { return newSlice(t.Session(), base) })
	if sl.why != "" {
		t.Inconclusivef("%s", sl.why)
	}
	return sl
}

func newSlice(s *session.Session, base *learn.Data) *slice {
	sl := &slice{}
	have := map[string]int64{}
	if _, why := s.GroupID(); why == "" && !postIgnored(s) {
		if ex := s.Export(session.GroupLevel); ex.State == session.Completed && ex.Manifest.Tree != nil {
			if list, err := records(learn.Of(s, ex)); err == nil {
				sl.member = best(list, 0)
			}
		}
	}
	if sl.member != nil {
		have = sl.member.types
	} else {
		for _, typ := range base.Types() {
			have[typ] = base.Count(typ)
		}
	}
	if have["Patient"] > 0 {
		sl.types = append(sl.types, "Patient")
	}
	for _, typ := range likely {
		if have[typ] > 0 && len(sl.types) < 4 {
			sl.types = append(sl.types, typ)
		}
	}
	if len(sl.types) < 2 {
		sl.why = "the plain export has too few of the usual types (Patient, Observation, Condition, …) to cut a small export from"
		return sl
	}
	sl.prefixed = prefer(optional(base, sl.types[0]), "birthDate", "gender")
	count := map[string]int{}
	for _, typ := range sl.types {
		for _, e := range optional(base, typ) {
			count[e]++
		}
	}
	var common []string
	for e, n := range count {
		if n > 1 {
			common = append(common, e)
		}
	}
	slices.Sort(common)
	sl.common = prefer(common, "identifier", "encounter", "category")
	if sl.prefixed == "" || sl.common == "" {
		sl.why = "the plain export has no optional elements that two types share"
		return sl
	}
	var lists [][]session.Param
	full := append(sl.typeParams(), sl.elementsParam())
	lists = append(lists, append(slices.Clone(full), relevant), full, append(sl.typeParams(), relevant), sl.typeParams())
	if sl.member != nil {
		sl.trial = attempt(s, "slice", scenarios(session.Scenario{Level: session.Group, Post: true}.With("patient", "Patient/"+sl.member.id), lists)...)
	}
	if sl.trial == nil || sl.trial.export == nil {
		sl.member = nil
		sl.trial = attempt(s, "slice of all", scenarios(session.Scenario{Level: base.Export.Scenario.Level}, lists[:3])...)
	}
	return sl
}

func scenarios(sc session.Scenario, lists [][]session.Param) []session.Scenario {
	var out []session.Scenario
	for _, l := range lists {
		one := sc
		one.Params = append(slices.Clone(sc.Params), l...)
		out = append(out, one)
	}
	return out
}

// typeParams asks for the first type, and by repeating the parameter for the others as a comma list.
func (sl *slice) typeParams() []session.Param {
	return []session.Param{{Name: "_type", Value: sl.types[0]}, {Name: "_type", Value: strings.Join(sl.types[1:], ",")}}
}

func (sl *slice) elementsParam() session.Param {
	return session.Param{Name: "_elements", Value: sl.types[0] + "." + sl.prefixed + "," + sl.common}
}

// withElements returns the slice's export, or one of the same types at the level of the plain export, where the slice could
// not be had with _elements.
func withElements(t *checks.T) (*slice, *learn.Data) {
	sl := sliced(t)
	tr := sl.trial
	if tr.export != nil && !tr.has("_elements") && tr.has("patient") {
		tr = attempt(t.Session(), "elements of all", scenarios(session.Scenario{Level: Plain(t).Export.Scenario.Level}, [][]session.Param{append(sl.typeParams(), sl.elementsParam())})...)
	}
	return sl, tr.data(t, "_elements")
}

// reduction is one resource with and without _elements.
type reduction struct {
	typ       string
	full, cut *learn.Row
	lost      uint64 // root elements that are gone
	removable uint64 // root elements that could be gone: optional, not asked for, under no rule of their own
}

// reductions calls f for every resource that is in both exports in the same state.
func (sl *slice) reductions(t *checks.T, base, d *learn.Data, f func(reduction)) (n int64) {
	removable := map[string]uint64{}
	for _, typ := range sl.types {
		set := base.Type(typ).Elements
		for _, name := range append(append(mandatory(typ), ownRules...), sl.common) {
			set &^= base.Words.Element(typ, name)
		}
		if typ == sl.types[0] {
			set &^= base.Words.Element(typ, sl.prefixed)
		}
		removable[typ] = set
	}
	must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
		if b.Row == nil || e.Row == nil || e.Row.Updated != learn.NoTime && e.Row.Updated != b.Row.Updated {
			return
		}
		typ := d.TypeOf(e.Row)
		if !slices.Contains(sl.types, typ) {
			return
		}
		n++
		f(reduction{typ, b.Row, e.Row, b.Row.Elements &^ e.Row.Elements, b.Row.Elements & removable[typ]})
	}))
	if n == 0 {
		t.Inconclusivef("no resource is in both the plain export and the one with _elements")
	}
	return n
}

const elementsDoc = " A few types are exported with _elements naming one element with its type and one without; each resource is compared with itself in " +
	"the plain export. A server may return more than was asked for, and may refuse the parameter, which skips this check."

func elementsCheck(c checks.Check, run func(t *checks.T, sl *slice, base, d *learn.Data)) checks.Check {
	c.Exports, c.Observes, c.Learns, c.Spare = append(posting(), session.GroupLevel), slicedCost, true, 1
	c.Doc += elementsDoc
	c.Run = func(_ context.Context, t *checks.T) {
		base := whole(t)
		sl, d := withElements(t)
		run(t, sl, base, d)
	}
	return c
}

// unreduced returns by type how many resources could have lost elements and how many did.
func (sl *slice) unreduced(t *checks.T, base, d *learn.Data) (could, did map[string]int64) {
	could, did = map[string]int64{}, map[string]int64{}
	n := sl.reductions(t, base, d, func(r reduction) {
		if r.removable == 0 {
			return
		}
		if could[r.typ]++; r.lost != 0 {
			did[r.typ]++
		}
	})
	t.Examined("%d resources, %d with elements to leave out, %d reduced", n, sum(could), sum(did))
	if sum(could) == 0 {
		t.Inconclusivef("no resource has an optional element that was not asked for")
	}
	return could, did
}

func elementsHonoured() checks.Check {
	return elementsCheck(checks.Check{
		ID:    "param.elements-honoured",
		Title: "_elements is honoured or refused, not ignored",
		// export.html#query-parameters, _elements: "the server SHOULD omit unlisted, non-mandatory elements from the resources returned."
		Doc:      "No resource lost any optional element that was not asked for: the parameter was accepted and ignored.",
		Requires: []string{"PARAM-035", "PARAM-042"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		could, did := sl.unreduced(t, base, d)
		if sum(did) == 0 {
			t.Violates("PARAM-042", d.Export.KickOff.At(), "_elements is accepted and ignored: none of %d resources with further elements lost one", sum(could))
		}
	})
}

func elementsEveryType() checks.Check {
	return elementsCheck(checks.Check{
		ID:       "param.elements-every-type",
		Title:    "_elements cuts resources of every type",
		Doc:      "If resources of one type are cut and none of another, although there are elements to leave out, the parameter works in part.",
		Requires: []string{"PARAM-035"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		could, did := sl.unreduced(t, base, d)
		if sum(did) == 0 {
			t.Inconclusivef("_elements is ignored altogether (see param.elements-honoured)")
		}
		for _, typ := range sl.types {
			if could[typ] >= 1 && did[typ] == 0 {
				t.Violates("PARAM-035", d.Export.Final().At(), "_elements does not cut %s: none of %d resources lost an element, those of other types did", typ, could[typ])
			}
		}
	})
}

func elementsListed() checks.Check {
	return elementsCheck(checks.Check{
		ID:       "param.elements-listed-kept",
		Title:    "An element listed with its type in _elements is returned",
		Doc:      "The element asked for as Type.element is there on every resource of the type that has it in the plain export.",
		Requires: []string{"PARAM-035"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		typ, gone, had := sl.types[0], newTally(d), int64(0)
		want := base.Words.Element(typ, sl.prefixed)
		sl.reductions(t, base, d, func(r reduction) {
			if r.typ == typ && r.full.Elements&want != 0 {
				if had++; r.cut.Elements&want == 0 {
					gone.add(r.cut)
				}
			}
		})
		t.Examined("%d resources with %s.%s", had, typ, sl.prefixed)
		if had == 0 {
			t.Inconclusivef("no resource in both exports has %s.%s", typ, sl.prefixed)
		}
		gone.violates(t, "PARAM-035", "lost "+sl.prefixed+", which _elements lists as "+typ+"."+sl.prefixed)
	})
}

func elementsAllTypes() checks.Check {
	return elementsCheck(checks.Check{
		ID:    "param.elements-all-types",
		Title: "An element listed without a type in _elements is returned for all types",
		// export.html#query-parameters, _elements: "If the resource type is omitted, the element SHOULD be returned for all resources in
		// the response where it is applicable."
		Doc:      "The element asked for by its name alone is there on every resource, of whatever type, that has it in the plain export.",
		Requires: []string{"PARAM-038"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		gone, had := newTally(d), map[string]int64{}
		sl.reductions(t, base, d, func(r reduction) {
			want := base.Words.Element(r.typ, sl.common)
			if r.full.Elements&want != 0 {
				if had[r.typ]++; r.cut.Elements&want == 0 {
					gone.add(r.cut)
				}
			}
		})
		t.Examined("%d resources of %d types with %s", sum(had), len(had), sl.common)
		if len(had) < 2 {
			t.Inconclusivef("resources of fewer than two types in both exports have %s", sl.common)
		}
		gone.violates(t, "PARAM-038", "lost "+sl.common+", which _elements lists without a type")
	})
}

func elementsMandatory() checks.Check {
	return elementsCheck(checks.Check{
		ID:    "param.elements-mandatory",
		Title: "Mandatory elements are returned whether _elements lists them or not",
		// export.html#query-parameters, _elements: "A server SHOULD always return mandatory elements whether they are requested or not."
		Doc: "Root elements with a minimum of one in the R4 definition of the type are there if the plain export has them. Profiles do not count; an " +
			"extension in place of a primitive value does.",
		Requires: []string{"PARAM-040"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		gone, had := newTally(d), int64(0)
		names := map[string]bool{}
		sl.reductions(t, base, d, func(r reduction) {
			for _, name := range mandatory(r.typ) {
				set := base.Words.Element(r.typ, name)
				if r.full.Elements&set == 0 {
					continue
				}
				if had++; r.cut.Elements&set == 0 {
					names[r.typ+"."+name] = true
					gone.add(r.cut)
				}
			}
		})
		t.Examined("%d mandatory elements", had)
		if had == 0 {
			t.Inconclusivef("the types of the export have no mandatory root elements")
		}
		var list []string
		for n := range names {
			list = append(list, n)
		}
		slices.Sort(list)
		gone.each(func(typ string, o *offence) {
			t.Violates("PARAM-040", d.At(&o.first), "%s (%s)", gone.sentence(typ, o, "lack mandatory elements"), join(list))
		})
	})
}

func elementsSubsetted() checks.Check {
	return elementsCheck(checks.Check{
		ID:    "param.elements-subsetted",
		Title: "Resources cut by _elements carry the tag SUBSETTED",
		// export.html#query-parameters, _elements: "A server SHOULD mark the resources with the tag SUBSETTED to ensure that the incomplete
		// resource is not actually used to overwrite a complete resource."
		Doc:      "Each resource that lost a root element has SUBSETTED among the codes of meta.tag, of whatever system. One that lost nothing needs no tag.",
		Requires: []string{"PARAM-041"},
	}, func(t *checks.T, sl *slice, base, d *learn.Data) {
		bare, cut := newTally(d), int64(0)
		sl.reductions(t, base, d, func(r reduction) {
			if bits.OnesCount64(r.lost) == 0 {
				return
			}
			if cut++; !r.cut.Subsetted() {
				bare.add(r.cut)
			}
		})
		t.Examined("%s", plural(cut, "reduced resource"))
		if cut == 0 {
			t.Inconclusivef("no resource lost an element (see param.elements-honoured)")
		}
		bare.violates(t, "PARAM-041", "lost elements and lack the tag SUBSETTED")
	})
}

func typeRepeated() checks.Check {
	return checks.Check{
		ID:    "param.type-repeated",
		Title: "Each type of a repeated _type is exported",
		// export.html#bulk-data-kick-off-request: repeated parameters are treated "as if they were comma delimited values within a single
		// instance of the parameter."
		Doc: "_type once with one type and once with a list of others, in one request: resources of all of them come that the plain export has (of the " +
			"patient, where the request is for one). kickoff.repeat-equals-comma compares the manifests of two exports, this check the data. Where that " +
			"one finds a difference this one is inconclusive.",
		Requires: []string{"PARAM-025"}, Exports: append(posting(), session.GroupLevel, session.TwoTypes, session.RepeatedTypes), Observes: slicedCost, Learns: true, Spare: 1,
		Ahead: true,
		Run: func(_ context.Context, t *checks.T) {
			base, sl := Plain(t), sliced(t)
			d := sl.data(t, "_type")
			comma, repeated := t.Session().Export(session.TwoTypes), t.Session().Export(session.RepeatedTypes)
			if comma.State != repeated.State || fmt.Sprint(itemTypes(comma)) != fmt.Sprint(itemTypes(repeated)) {
				t.Inconclusivef("a repeated _type is not treated like a comma list in other exports either (see kickoff.repeat-equals-comma)")
			}
			expected := map[string]int64{}
			must(t, base.Each(learn.Patients, func(e *learn.Entry) {
				if sl.member == nil || slices.Contains(e.Patients, sl.member.key) {
					expected[base.TypeOf(e.Row)]++
				}
			}))
			if d.Resources == 0 {
				t.Inconclusivef("the export is empty")
			}
			for _, typ := range sl.types {
				if expected[typ] > 0 && d.Count(typ) == 0 {
					t.Violates("PARAM-025", d.Export.Final().At(), "_type=%s&_type=%s returns no %s, although the plain export has %d", sl.types[0], strings.Join(sl.types[1:], ","), typ, expected[typ])
				}
			}
			t.Examined("%d resources of %s", d.Resources, join(d.Types()))
		},
	}
}

// itemTypes returns the types of an export's output items, sorted, each once.
func itemTypes(ex *session.Export) []string {
	var out []string
	if ex.Manifest != nil {
		for _, it := range ex.Manifest.Output {
			out = append(out, it.Type)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
