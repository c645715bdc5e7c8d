package resource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// Profiles are the profiles of one or more FHIR packages, compiled. They never change and may be shared.
type Profiles struct {
	d       *Definitions
	all     []*profile // in order of their URLs
	byURL   map[string]*profile
	byType  map[string][]*profile // the profiles of a resource type
	missing []string              // what is not evaluated
}

// Profile describes one profile on a resource type.
type Profile struct {
	URL, Version, Name, Title, Type string
	Abstract                        bool
	ByType                          bool // judged for every resource of the type, because the package has no other for it
}

// profile is a compiled StructureDefinition.
type profile struct {
	Profile
	number  int // among all, for counting
	root    *shape
	support []string // ids of the must-support elements, in order of the definition
}

// shape is what a profile says about one element or slice, beyond what the definition of its type says.
type shape struct {
	id          string // of the ElementDefinition, such as "Observation.category:VSCat.coding"
	name        string // of the element: "value[x]" for a choice
	members     []string
	typeNames   []string // of each of members
	min, max    int      // max is -1 for any number
	declaredMin int      // also if the type demands as much
	declared    []string // the types of the ElementDefinition
	fixed       *constant
	pattern     *constant
	codes       *codeSet   // required binding
	valueSet    string     // of the required binding, also if it cannot be evaluated
	types       []string   // allowed types, nil if the profile does not restrict them
	profiles    []*profile // one of them must be met
	targets     *targetSet
	maxLength   int // 0 for any
	owner       *profile
	support     int // index in owner.support, -1 for none
	children    []*shape

	slicing   *definitions.Slicing
	slices    []*shape
	closed    bool
	sliceName string    // of a slice
	extension string    // of a slice of extensions: the URL
	matches   []matcher // of a slice: all that makes a value belong to it; nil if it cannot be told
}

// LoadProfiles compiles the StructureDefinitions of FHIR packages (.tgz files) for use with d. It fails if a file
// cannot be read, is no package, is for another FHIR version, or has no profile.
func LoadProfiles(d *Definitions, files ...string) (*Profiles, error) {
	p := &Profiles{d: d, byURL: map[string]*profile{}, byType: map[string][]*profile{}}
	c := &profileCompiler{Profiles: p, structures: map[string]*definitions.StructureDefinition{}}
	for _, file := range files {
		src, err := definitions.ReadSource(file)
		if err != nil {
			return nil, fmt.Errorf("FHIR package %s: %w", file, err)
		}
		if len(src.FHIR) > 0 && !slices.ContainsFunc(src.FHIR, func(v string) bool { return sameRelease(v, d.version) }) {
			return nil, fmt.Errorf("FHIR package %s is for FHIR %s, not for FHIR %s; give the matching --fhir-version", file, strings.Join(src.FHIR, ", "), d.version)
		}
		c.terms = append(c.terms, src)
		for _, s := range src.Structures {
			if s.Derivation != "constraint" || s.Kind == "logical" || c.structures[s.URL] != nil {
				continue
			}
			c.structures[s.URL] = s
			c.order = append(c.order, s.URL)
		}
	}
	if len(c.order) == 0 {
		return nil, fmt.Errorf("%s: no profiles found; a FHIR package with StructureDefinitions is needed", strings.Join(files, ", "))
	}
	slices.Sort(c.order)
	for _, url := range c.order {
		c.profile(url)
	}
	// A profile that another uses has been compiled before its turn.
	slices.SortFunc(p.all, func(a, b *profile) int { return strings.Compare(a.URL, b.URL) })
	for k, q := range p.all {
		q.number = k
		if !q.Abstract && d.resources.find([]byte(q.Type)) >= 0 {
			p.byType[q.Type] = append(p.byType[q.Type], q)
		}
	}
	for _, list := range p.byType {
		if len(list) == 1 {
			list[0].ByType = true
		}
	}
	slices.Sort(p.missing)
	p.missing = slices.Compact(p.missing)
	return p, nil
}

// sameRelease compares the first two numbers of versions: 4.0.0 and 4.0.1 are both R4.
func sameRelease(a, b string) bool {
	cut := func(s string) string {
		parts := strings.SplitN(s, ".", 3)
		return strings.Join(parts[:min(2, len(parts))], ".")
	}
	return cut(a) == cut(b)
}

// List describes the profiles on resource types, in order of their URLs.
func (p *Profiles) List() []Profile {
	var out []Profile
	for _, q := range p.all {
		if p.d.resources.find([]byte(q.Type)) >= 0 {
			out = append(out, q.Profile)
		}
	}
	return out
}

// NotEvaluated returns one sentence for each part of the profiles that is not judged: FHIRPath invariants, value sets
// that would need a terminology server, slices that cannot be told apart, profiles of other packages.
func (p *Profiles) NotEvaluated() []string { return slices.Clone(p.missing) }

// Support counts, for each profile, the resources judged against it and the must-support elements that occurred.
type Support struct {
	p         *Profiles
	resources []int
	seen      [][]bool
}

func newSupport(p *Profiles) *Support {
	s := &Support{p: p, resources: make([]int, len(p.all)), seen: make([][]bool, len(p.all))}
	for k, q := range p.all {
		s.seen[k] = make([]bool, len(q.support))
	}
	return s
}

// Merge adds what another Support of the same Profiles has counted.
func (s *Support) Merge(other *Support) {
	for k := range s.resources {
		s.resources[k] += other.resources[k]
		for j, seen := range other.seen[k] {
			s.seen[k][j] = s.seen[k][j] || seen
		}
	}
}

// Presence tells, for one profile, which must-support elements occurred.
type Presence struct {
	Profile   Profile
	Resources int      // judged against the profile
	Elements  []string // ids of all must-support elements, in the order of the definition
	Missing   []string // those that occurred in none of the resources
}

// Report returns the presence of must-support elements for every profile that resources were judged against.
func (s *Support) Report() []Presence {
	var out []Presence
	for k, q := range s.p.all {
		if s.resources[k] == 0 || q.Type == "Extension" {
			continue
		}
		r := Presence{Profile: q.Profile, Resources: s.resources[k], Elements: slices.Clone(q.support)}
		for j, id := range q.support {
			if !s.seen[k][j] {
				r.Missing = append(r.Missing, id)
			}
		}
		out = append(out, r)
	}
	return out
}
