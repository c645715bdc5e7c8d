package yamlsource

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
	"go.yaml.in/yaml/v3"
)

// rule is an entry of untested.yaml: one reason for the requirements it selects. Exactly one of requirements, areas and
// kinds selects; a rule that names requirements goes before one that names areas, and that before one that names kinds.
type rule struct {
	status, reason string
	requirements   []string // ids or keys
	areas          []string
	kinds          []string // requirements whose entries have no other kind in any version
	except         []string // ids or keys that areas or kinds would select
	at             string
}

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
	var problems []error
	addf := func(r rule, format string, a ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", r.at, fmt.Sprintf(format, a...)))
	}
	byName := map[string]int{}
	for i, r := range c.Requirements {
		byName[r.ID], byName[r.Key] = i, i
	}
	resolve := func(r rule, field string, names []string) []int {
		var out []int
		for _, name := range names {
			i, ok := byName[name]
			switch {
			case !ok:
				addf(r, "%s names %q, which is no requirement's id or key", field, name)
			case slices.Contains(out, i):
				addf(r, "%s names %s twice, by id and by key", field, c.Requirements[i].ID)
			default:
				out = append(out, i)
			}
		}
		return out
	}
	// rank 1: kinds, 2: areas, 3: requirements
	type claim struct {
		rank int
		by   string
	}
	claims := map[int]claim{}
	for _, r := range rules {
		selectors := 0
		for _, s := range [][]string{r.requirements, r.areas, r.kinds} {
			if len(s) > 0 {
				selectors++
			}
		}
		if selectors != 1 {
			addf(r, "a rule needs exactly one of requirements, areas and kinds")
			continue
		}
		if problem := wire.NotASentence(r.reason); problem != "" {
			addf(r, "reason %q %s", r.reason, problem)
			continue
		}
		except := resolve(r, "except", r.except)
		var selected []int
		rank := 1
		switch {
		case len(r.requirements) > 0:
			rank = 3
			selected = resolve(r, "requirements", r.requirements)
			if len(except) > 0 {
				addf(r, "except goes with areas or kinds, not with requirements")
			}
		case len(r.areas) > 0:
			rank = 2
			for _, a := range r.areas {
				if !slices.ContainsFunc(c.Areas, func(known wire.Area) bool { return known.Name == a }) {
					addf(r, "areas names %q, which is no area", a)
				}
			}
			selected = matching(c, func(q wire.Requirement) bool { return slices.Contains(r.areas, wire.AreaOf(q.ID)) })
		default:
			selected = matching(c, func(q wire.Requirement) bool { return onlyKinds(q, r.kinds) })
		}
		for _, i := range except {
			if !slices.Contains(selected, i) {
				addf(r, "except names %s, which the rule does not select", c.Requirements[i].ID)
			}
		}
		selected = slices.DeleteFunc(selected, func(i int) bool { return slices.Contains(except, i) })
		if len(selected) == 0 {
			addf(r, "the rule selects no requirement: correct it or delete it")
		}
		for _, i := range selected {
			was := claims[i]
			if was.rank == rank {
				addf(r, "%s has a reason from %s already", c.Requirements[i].ID, was.by)
			}
			if was.rank >= rank {
				continue
			}
			claims[i] = claim{rank, r.at}
			c.Requirements[i].Untested, c.Requirements[i].UntestedStatus = r.reason, r.status
		}
	}
	return errors.Join(problems...)
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
