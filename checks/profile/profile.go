// Package profile holds the named sets of requirements that a run can be held to: `bulkproof run --profile NAME`. The
// sets are data, profiles.yaml; this package reads them, checks them against the catalogue, and answers what belongs to one.
package profile

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	"go.yaml.in/yaml/v3"
)

// Default is the profile of a run that names none.
const Default = "full"

//go:embed profiles.yaml
var source []byte

// Profile is a named set of requirements.
type Profile struct {
	Name    string `yaml:"name"`
	Title   string `yaml:"title"`
	Doc     string `yaml:"doc"` // a paragraph: what it stands for, and what it leaves out
	Include []Rule `yaml:"include"`
	Exclude []Rule `yaml:"exclude"`

	in map[spec.Version]map[string]bool
}

// Rule selects requirements by area, level and kind, or by id. Empty lists select everything.
type Rule struct {
	Why          string   `yaml:"why"` // what the rule stands for, in a sentence
	Areas        []string `yaml:"areas"`
	Levels       []string `yaml:"levels"` // SHALL, SHOULD, MAY; each stands for its negation too
	Kinds        []string `yaml:"kinds"`
	Requirements []string `yaml:"requirements"` // instead of areas, levels and kinds
}

// String returns what the rule selects, in a line.
func (r Rule) String() string {
	if len(r.Requirements) > 0 {
		return strings.Join(r.Requirements, ", ")
	}
	areas, levels := "every area", "every level"
	if len(r.Areas) > 0 {
		areas = "areas " + strings.Join(r.Areas, ", ")
	}
	if len(r.Levels) > 0 {
		levels = strings.Join(r.Levels, " and ")
	}
	return levels + " in " + areas
}

// Load returns all profiles in the order of the data file, checked against the catalogue. An error is a defect of the
// suite and lists everything that is wrong.
func Load(cat *spec.Catalogue) ([]*Profile, error) { return parse(source, cat) }

// Named returns the profile of that name, or nil.
func Named(list []*Profile, name string) *Profile {
	for _, p := range list {
		if p.Name == name {
			return p
		}
	}
	return nil
}

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	kinds       = []string{string(spec.Fail), string(spec.Warn), string(spec.Tolerate), string(spec.ClientReaction)}
)

func parse(b []byte, cat *spec.Catalogue) ([]*Profile, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var list []*Profile
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("the profiles cannot be read: %w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for i, p := range list {
		if p == nil {
			errs = append(errs, fmt.Errorf("entry %d is empty", i+1))
			continue
		}
		bad := func(format string, a ...any) {
			errs = append(errs, fmt.Errorf("profile %q: "+format, append([]any{p.Name}, a...)...))
		}
		if !namePattern.MatchString(p.Name) {
			bad("the name is not of lower-case words with dashes")
		}
		if seen[p.Name] {
			bad("the name is used twice")
		}
		seen[p.Name] = true
		if p.Title == "" || len(p.Doc) < 100 || len(p.Include) == 0 {
			bad("title, doc (100 characters or more) or include is missing")
		}
		for _, r := range p.Include {
			r.check(cat, bad)
		}
		for _, r := range p.Exclude {
			r.check(cat, bad)
		}
		p.settle(cat, bad)
	}
	if !seen[Default] {
		errs = append(errs, fmt.Errorf("the default profile %q is missing", Default))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("the profiles are broken:\n%w", errors.Join(errs...))
	}
	return list, nil
}

func (r Rule) check(cat *spec.Catalogue, bad func(string, ...any)) {
	if len(r.Why) < 10 {
		bad("the rule %q does not say why", r)
	}
	if len(r.Requirements) > 0 && len(r.Areas)+len(r.Levels)+len(r.Kinds) > 0 {
		bad("the rule %q names requirements and areas, levels or kinds; write two rules", r)
	}
	for i, id := range r.Requirements {
		if q, ok := cat.Get(id); !ok || q.ID != id {
			bad("there is no requirement %q", id)
		}
		if slices.Contains(r.Requirements[:i], id) {
			bad("the requirement %s stands twice in a rule", id)
		}
	}
	each := func(what string, list, known []string) {
		for _, v := range list {
			if !slices.Contains(known, v) {
				bad("there is no %s %q; known are %s", what, v, strings.Join(known, ", "))
			}
		}
	}
	each("area", r.Areas, cat.Areas())
	each("level", r.Levels, []string{spec.Shall.String(), spec.Should.String(), spec.May.String()})
	each("kind", r.Kinds, kinds)
}

// settle works out the sets for every version. A rule without effect is an error: it says something that is not so.
func (p *Profile) settle(cat *spec.Catalogue, bad func(string, ...any)) {
	p.in = map[spec.Version]map[string]bool{}
	used := map[string]bool{}
	for _, v := range spec.Versions() {
		set := map[string]bool{}
		for _, q := range cat.In(v) {
			e, _ := q.In(v)
			if !slices.Contains(kinds, string(e.Kind)) {
				continue
			}
			for i, r := range p.Include {
				if r.selects(q, e) {
					set[q.ID] = true
					used[fmt.Sprint("include", i)] = true
				}
			}
			for i, r := range p.Exclude {
				if set[q.ID] && r.selects(q, e) {
					used[fmt.Sprint("exclude", i)] = true
					delete(set, q.ID)
				}
			}
		}
		p.in[v] = set
	}
	idle := func(what string, rules []Rule) {
		for i, r := range rules {
			if !used[fmt.Sprint(what, i)] {
				bad("the rule %q of %s selects nothing in any version", r, what)
			}
		}
	}
	idle("include", p.Include)
	idle("exclude", p.Exclude)
}

func (r Rule) selects(q spec.Requirement, e spec.Entry) bool {
	if len(r.Requirements) > 0 {
		return slices.Contains(r.Requirements, q.ID)
	}
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return in(r.Areas, q.Area) && in(r.Levels, e.Level.String()) && in(r.Kinds, string(e.Kind))
}

// Has reports whether the requirement belongs to the profile under the version.
func (p *Profile) Has(v spec.Version, id string) bool { return p.in[v][id] }

// Requirements returns the ids that belong to the profile under the version, sorted.
func (p *Profile) Requirements(v spec.Version) []string {
	out := make([]string, 0, len(p.in[v]))
	for id := range p.in[v] {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Selects reports whether the check is run for the profile: it cites a requirement that belongs to it. Whatever such a
// check finds counts, also on other requirements it cites.
func (p *Profile) Selects(v spec.Version, c *checks.Check) bool {
	return slices.ContainsFunc(c.Requires, func(id string) bool { return p.in[v][id] })
}
