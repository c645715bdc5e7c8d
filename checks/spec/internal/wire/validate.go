package wire

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The words the catalogue may use. Anything else is a slip of the pen and refused.
var (
	levels   = []string{"MAY", "SHOULD", "SHOULD NOT", "SHALL", "SHALL NOT"}
	kinds    = []string{"fail", "warn", "tolerate", "client-reaction", "client", "untestable"}
	bases    = []string{"keyword", "table", "lowercase", "implied"}
	actors   = []string{"server", "client", "both"}
	statuses = []string{"client", "untestable", "open"}
	needs    = []string{"auth", "auth2", "scopes", "https", "group", "group_forbidden", "group_change", "patients", "nonmember",
		"unsupported_type", "since", "seeded", "search", "write", "typefilter", "provenance", "organize", "partial",
		"filesize", "slow", "fail", "fault", "burst", "time", "attachments", "async_both", "publish_url", "change", "submit",
		"proxy", "attest"}

	// kindLevel ties the kinds that a verdict follows from to their level, so that an entry cannot say SHALL and warn.
	kindLevel = map[string]string{"fail": "SHALL", "warn": "SHOULD", "tolerate": "MAY"}

	idForm   = regexp.MustCompile(`^([A-Z]+)-([0-9]{3})$`)
	slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	fileForm = regexp.MustCompile(`^[^:\s]+:[1-9][0-9]*$`)
	alsoForm = regexp.MustCompile(`^\S+ \([^:\s()]+:[1-9][0-9]*\)$`)
)

// validator collects every problem, so that one run lists them all.
type validator struct {
	problems []error
}

func (v *validator) addf(at, format string, a ...any) {
	v.problems = append(v.problems, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, a...)))
}

func (v *validator) oneOf(at, what, got string, known []string) {
	if !slices.Contains(known, got) {
		v.addf(at, "unknown %s %q, known are: %s", what, got, strings.Join(known, ", "))
	}
}

// Validate returns every way in which the catalogue is wrong, each naming the file and the entry, joined into one error.
// versions is every version there has to be a document for, ig those among them that are versions of the IG.
func (c *Catalogue) Validate(versions, ig []string) error {
	v := &validator{}
	areas := v.areas(c.Areas)
	v.documents(c.Documents, versions, ig)
	ids, keys := map[string]string{}, map[string]string{}
	for _, r := range c.Requirements {
		if first, dup := ids[r.ID]; dup {
			v.addf(r.At, "duplicate id %s, first used at %s", r.ID, first)
		}
		if first, dup := keys[r.Key]; dup {
			v.addf(r.At, "duplicate key %s, first used at %s", r.Key, first)
		}
		ids[r.ID], keys[r.Key] = r.At, r.At
	}
	count := map[string]int{}
	for _, r := range c.Requirements {
		v.requirement(r, areas, versions)
		for _, other := range r.Related {
			if _, ok := ids[other]; !ok {
				v.addf(r.At, "related names %q, which is no requirement's id", other)
			}
		}
		for name := range r.Entries {
			count[name]++
		}
	}
	for _, d := range c.Documents {
		if d.Count != count[d.Version] {
			v.addf(d.Version, "requirement_count says %d, the catalogue holds %d: adjust the count if the change is meant", d.Count, count[d.Version])
		}
	}
	return errors.Join(v.problems...)
}

func (v *validator) areas(areas []Area) map[string]Area {
	byName := map[string]Area{}
	for _, a := range areas {
		if _, dup := byName[a.Name]; dup {
			v.addf("areas", "area %s is listed twice", a.Name)
		}
		if a.Name == "" || a.Title == "" {
			v.addf("areas", "area %q needs a name and a title", a.Name)
		}
		byName[a.Name] = a
	}
	return byName
}

func (v *validator) documents(docs []Document, versions, ig []string) {
	seen := map[string]bool{}
	for _, d := range docs {
		if seen[d.Version] {
			v.addf(d.Version, "version is described twice")
		}
		seen[d.Version] = true
		v.oneOf("versions", "version", d.Version, versions)
		if d.IG == "" || d.Title == "" || d.Licence == "" {
			v.addf(d.Version, "ig, version and licence must be given")
		}
		if !strings.HasPrefix(d.Site, "http://") && !strings.HasPrefix(d.Site, "https://") {
			v.addf(d.Version, "site %q is not an http URL", d.Site)
		}
		for _, s := range d.Serves {
			if slices.Contains(ig, d.Version) {
				v.addf(d.Version, "serves is for specifications that an IG version relies on, not for an IG version")
			}
			if len(s.Versions) == 0 {
				v.addf(d.Version, "serves names no version")
			}
			for _, name := range s.Versions {
				v.oneOf(d.Version+" serves", "IG version", name, ig)
			}
		}
	}
	for _, name := range versions {
		if !seen[name] {
			v.addf("versions", "version %s is missing", name)
		}
	}
}

func (v *validator) requirement(r Requirement, areas map[string]Area, versions []string) {
	m := idForm.FindStringSubmatch(r.ID)
	if m == nil {
		v.addf(r.At, "id %q does not have the form AREA-001", r.ID)
	} else if a, ok := areas[m[1]]; !ok {
		v.addf(r.At, "id %s: unknown area %s", r.ID, m[1])
	} else if slug, ok := strings.CutPrefix(r.Key, a.KeyPrefix()+"/"); !ok || !slugForm.MatchString(slug) {
		v.addf(r.At, "key %q does not have the form %s/lower-case-words", r.Key, a.KeyPrefix())
	}
	v.oneOf(r.At, "actor", r.Actor, actors)
	if r.Summary == "" {
		v.addf(r.At, "summary is missing")
	}
	if r.Testable == "" {
		v.addf(r.At, "testable is missing")
	}
	for _, n := range r.Needs {
		v.oneOf(r.At, "need", n, needs)
	}
	if len(r.Entries) == 0 {
		v.addf(r.At, "no version has this requirement; delete it or give it an entry")
	}
	for _, name := range sortedKeys(r.Entries) {
		e := r.Entries[name]
		v.oneOf(e.At, "version", name, versions)
		v.entry(e)
	}
	v.untested(r)
}

func (v *validator) entry(e Entry) {
	v.oneOf(e.At, "level", e.Level, levels)
	v.oneOf(e.At, "kind", e.Kind, kinds)
	v.oneOf(e.At, "basis", e.Basis, bases)
	if want, ok := kindLevel[e.Kind]; ok && strings.TrimSuffix(e.Level, " NOT") != want {
		v.addf(e.At, "kind %s goes with %s, not with %s", e.Kind, want, e.Level)
	}
	if e.Source == "" || strings.ContainsAny(e.Source, " \t\n") {
		v.addf(e.At, "source %q is not page#anchor", e.Source)
	}
	if !fileForm.MatchString(e.File) {
		v.addf(e.At, "file %q is not path:line", e.File)
	}
	for _, a := range e.AlsoAt {
		if !alsoForm.MatchString(a) {
			v.addf(e.At, "also_at %q is not \"page (path:line)\"", a)
		}
		if a == e.Source+" ("+e.File+")" {
			v.addf(e.At, "also_at repeats the entry's own place %s", a)
		}
	}
}

func (v *validator) untested(r Requirement) {
	if r.Untested == "" && r.UntestedStatus == "" {
		return
	}
	v.oneOf(r.At, "untested status", r.UntestedStatus, statuses)
	if problem := NotASentence(r.Untested); problem != "" {
		v.addf(r.At, "untested reason %q %s", r.Untested, problem)
	}
}

// NotASentence returns what keeps a reason from being one that a reader can weigh, or "" if nothing does. The length is
// a floor against "n/a" and "client duty.", which assert instead of explaining.
func NotASentence(s string) string {
	switch {
	case len(strings.Fields(s)) < 6:
		return "is too short to explain anything: write a full sentence"
	case !strings.HasSuffix(s, "."):
		return "does not end with a full stop: write a full sentence"
	case s[0] >= 'a' && s[0] <= 'z':
		return "does not begin with a capital letter: write a full sentence"
	}
	return ""
}

// Sort puts requirements in the order of areas and numbers, and documents in the order of versions.
func (c *Catalogue) Sort() {
	rank := map[string]int{}
	for i, a := range c.Areas {
		rank[a.Name] = i + 1
	}
	slices.SortStableFunc(c.Requirements, func(a, b Requirement) int {
		ar, an := splitID(a.ID)
		br, bn := splitID(b.ID)
		if d := rank[ar] - rank[br]; d != 0 {
			return d
		}
		if d := an - bn; d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	slices.SortStableFunc(c.Documents, func(a, b Document) int { return strings.Compare(a.Version, b.Version) })
}

// AreaOf returns the area of an id, "KICKOFF" for "KICKOFF-001".
func AreaOf(id string) string {
	a, _ := splitID(id)
	return a
}

func splitID(id string) (string, int) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return id, 0
	}
	n, err := strconv.Atoi(id[i+1:])
	if err != nil {
		return id, 0
	}
	return id[:i], n
}
