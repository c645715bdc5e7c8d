package yamlsource

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
	"go.yaml.in/yaml/v3"
)

// rule is an entry of untested.yaml: one reason for the requirements it selects. Exactly one of requirements, kinds and
// areas selects. A rule that names requirements goes before one that names kinds, and that before one that names areas:
// that a sentence binds the client stays true, that an area is not judged yet will change.
type rule struct {
	status, reason string
	requirements   []string // ids or keys
	kinds          []string // requirements whose entries have no other kind in any version
	actors         []string // narrows kinds to requirements of these actors
	areas          []string
	except         []string // ids or keys that kinds or areas would select
	at             string
}

const (
	byArea = iota + 1
	byKind
	byName
)

func (rd *reader) rules(root *yaml.Node) []rule {
	var out []rule
	rd.items(root, "", func(n *yaml.Node) {
		r := rule{at: rd.at(n, "")}
		rd.fields(n, "", func(name string, v *yaml.Node) bool {
			switch name {
			case "status":
				rd.text(v, "", &r.status)
			case "reason":
				rd.text(v, "", &r.reason)
			case "requirements":
				rd.texts(v, "", &r.requirements)
			case "areas":
				rd.texts(v, "", &r.areas)
			case "kinds":
				rd.texts(v, "", &r.kinds)
			case "actors":
				rd.texts(v, "", &r.actors)
			case "except":
				rd.texts(v, "", &r.except)
			default:
				return false
			}
			return true
		})
		out = append(out, r)
	})
	return out
}

// applyUntested writes each rule's reason into the requirements it selects. A rule that selects nothing, names what does
// not exist or contests a requirement with another rule of its rank is an error: such an overlay excuses something other
// than its author meant.
func applyUntested(c *wire.Catalogue, rules []rule) error {
	o := &overlay{c: c, index: map[string]int{}, claims: map[int]claim{}}
	for i, r := range c.Requirements {
		o.index[r.ID], o.index[r.Key] = i, i
	}
	for _, r := range rules {
		o.apply(r)
	}
	return errors.Join(o.problems...)
}

// overlay is the state of applying the rules: which rule a requirement's reason came from.
type overlay struct {
	c        *wire.Catalogue
	index    map[string]int // id and key to position
	claims   map[int]claim
	problems []error
}

type claim struct {
	rank int
	by   string
}

func (o *overlay) addf(r rule, format string, a ...any) {
	o.problems = append(o.problems, fmt.Errorf("%s: %s", r.at, fmt.Sprintf(format, a...)))
}

func (o *overlay) apply(r rule) {
	if problem := wire.NotASentence(r.reason); problem != "" {
		o.addf(r, "reason %q %s", r.reason, problem)
	}
	selected, rank := o.selection(r)
	if rank == 0 {
		return
	}
	except := o.resolve(r, "except", r.except)
	for _, i := range except {
		if !slices.Contains(selected, i) {
			o.addf(r, "except names %s, which the rule does not select", o.c.Requirements[i].ID)
		}
	}
	selected = slices.DeleteFunc(selected, func(i int) bool { return slices.Contains(except, i) })
	if len(selected) == 0 {
		o.addf(r, "the rule selects no requirement: correct it or delete it")
	}
	for _, i := range selected {
		was := o.claims[i]
		if was.rank == rank {
			o.addf(r, "%s has a reason from %s already", o.c.Requirements[i].ID, was.by)
		}
		if was.rank >= rank {
			continue
		}
		o.claims[i] = claim{rank, r.at}
		o.c.Requirements[i].Untested, o.c.Requirements[i].UntestedStatus = r.reason, r.status
	}
}

// selection returns the positions of the requirements that the rule selects, before except, and its rank; 0 for a rule
// that cannot be applied.
func (o *overlay) selection(r rule) ([]int, int) {
	selectors := 0
	for _, s := range [][]string{r.requirements, r.kinds, r.areas} {
		if len(s) > 0 {
			selectors++
		}
	}
	if selectors != 1 {
		o.addf(r, "a rule needs exactly one of requirements, kinds and areas")
		return nil, 0
	}
	if len(r.actors) > 0 && len(r.kinds) == 0 {
		o.addf(r, "actors goes with kinds only")
	}
	switch {
	case len(r.requirements) > 0:
		return o.resolve(r, "requirements", r.requirements), byName
	case len(r.kinds) > 0:
		return matching(o.c, func(q wire.Requirement) bool {
			return onlyKinds(q, r.kinds) && (len(r.actors) == 0 || slices.Contains(r.actors, q.Actor))
		}), byKind
	}
	for _, a := range r.areas {
		if !slices.ContainsFunc(o.c.Areas, func(known wire.Area) bool { return known.Name == a }) {
			o.addf(r, "areas names %q, which is no area", a)
		}
	}
	return matching(o.c, func(q wire.Requirement) bool { return slices.Contains(r.areas, wire.AreaOf(q.ID)) }), byArea
}

// resolve returns the positions of requirements named by id or key.
func (o *overlay) resolve(r rule, field string, names []string) []int {
	var out []int
	for _, name := range names {
		i, ok := o.index[name]
		switch {
		case !ok:
			o.addf(r, "%s names %q, which is no requirement's id or key", field, name)
		case slices.Contains(out, i):
			o.addf(r, "%s names %s twice, by id and by key", field, o.c.Requirements[i].ID)
		default:
			out = append(out, i)
		}
	}
	return out
}

func matching(c *wire.Catalogue, want func(wire.Requirement) bool) []int {
	var out []int
	for i, r := range c.Requirements {
		if want(r) {
			out = append(out, i)
		}
	}
	return out
}

func onlyKinds(r wire.Requirement, kinds []string) bool {
	for _, e := range r.Entries {
		if !slices.Contains(kinds, e.Kind) {
			return false
		}
	}
	return len(r.Entries) > 0
}
