package resource

import (
	"fmt"
	"slices"
	"strings"
)

// evaluator judges lines against profiles. It keeps buffers between lines.
type evaluator struct {
	*Profiles
	tape    tape
	values  bool
	support *Support

	label    string   // what messages call the profile chosen for the line
	severity Severity // of a violation: Warning if the resource does not claim the profile
	quiet    int      // only count, for trying alternatives
	failures int
	root     string
	stack    []step
	problems []Problem
}

func newEvaluator(p *Profiles, o Options) *evaluator {
	return &evaluator{Profiles: p, values: o.Values, support: newSupport(p)}
}

// item is one value of an element: of its array, or the only one.
type item struct {
	at    int // in the tape; -1 if the value has only extensions
	twin  int // in the tape, of the extensions of a primitive; -1 for none
	name  string
	index int // in the array, -1 for none
	typ   string
}

// line judges a well-formed line against the profiles that its meta.profile claims, or that its type has. It leaves
// what it finds in e.problems.
func (e *evaluator) line(b []byte) {
	e.problems, e.stack = e.problems[:0], e.stack[:0]
	if !e.tape.read(b) {
		if len(e.tape.values) >= maxTape {
			e.add(0, Warning, "profile.too-large", "The line has too many values to judge it against profiles.", "")
		}
		return
	}
	if len(e.tape.values) == 0 || e.tape.values[0].kind != '{' {
		return
	}
	typ := e.resourceType(0)
	e.root = typ
	var judged []*profile
	for _, url := range e.claims() {
		url, _, _ = strings.Cut(url, "|")
		q := e.byURL[url]
		if q == nil || slices.Contains(judged, q) {
			continue
		}
		judged = append(judged, q)
		if q.Type != typ {
			at := e.tape.values[e.tape.member(e.tape.member(0, "meta"), "profile")].from
			e.stack = append(e.stack, step{name: "meta"}, step{name: "profile"})
			e.add(at, Error, "profile.claim", fmt.Sprintf("The resource claims the profile %s, which is for %s.", q.Name, q.Type), "")
			e.stack = e.stack[:0]
		}
	}
	claimed := len(judged)
	for _, q := range e.byType[typ] {
		if q.ByType && !slices.Contains(judged, q) {
			judged = append(judged, q)
		}
	}
	for k, q := range judged {
		if q.Type == typ {
			e.label, e.severity = q.Name, Error
			if k >= claimed {
				e.label, e.severity = q.Name+" (not claimed, but the only one for "+typ+")", Warning
			}
			e.support.resources[q.number]++
			e.object(q.root, 0)
		}
	}
}

func (e *evaluator) claims() []string {
	meta := e.tape.member(0, "meta")
	if meta < 0 {
		return nil
	}
	list := e.tape.member(meta, "profile")
	if list < 0 || e.tape.values[list].kind != '[' {
		return nil
	}
	var out []string
	for j := list + 1; j < e.tape.values[list].end; j = e.tape.values[j].end {
		out = append(out, string(e.tape.text(j)))
	}
	return out
}

// object judges the object at k against the children of a shape.
func (e *evaluator) object(s *shape, k int) {
	if e.tape.values[k].kind != '{' {
		return
	}
	for _, c := range s.children {
		items := e.items(c, k)
		e.count(c, k, len(items), "profile.cardinality")
		for _, it := range items {
			e.at(it, func() { e.item(c, it) })
		}
		e.slices(c, k, items)
	}
}

// items collects the values of an element of the object at k.
func (e *evaluator) items(c *shape, k int) []item {
	var out []item
	for n, name := range c.members {
		value, twin := e.tape.member(k, name), e.tape.member(k, "_"+name)
		if value < 0 && twin < 0 {
			continue
		}
		typ := c.typeNames[n]
		if value >= 0 && e.tape.values[value].kind == '[' || value < 0 && e.tape.values[twin].kind == '[' {
			values, twins := e.list(value), e.list(twin)
			for j := range max(len(values), len(twins)) {
				it := item{at: -1, twin: -1, name: name, index: j, typ: typ}
				if j < len(values) {
					it.at = values[j]
				}
				if j < len(twins) {
					it.twin = twins[j]
				}
				out = append(out, it)
			}
			continue
		}
		out = append(out, item{at: value, twin: twin, name: name, index: -1, typ: typ})
	}
	return out
}

// list returns the items of an array, -1 for those that are null.
func (e *evaluator) list(k int) []int {
	if k < 0 || e.tape.values[k].kind != '[' {
		return nil
	}
	var out []int
	for j := k + 1; j < e.tape.values[k].end; j = e.tape.values[j].end {
		if e.tape.values[j].kind == 'n' {
			out = append(out, -1)
		} else {
			out = append(out, j)
		}
	}
	return out
}

// at runs f with the pointer of an item.
func (e *evaluator) at(it item, f func()) {
	n := len(e.stack)
	name := it.name
	if it.at < 0 {
		name = "_" + name
	}
	e.stack = append(e.stack, step{name: name})
	if it.index >= 0 {
		e.stack = append(e.stack, step{index: it.index, array: true})
	}
	f()
	e.stack = e.stack[:n]
}

// count judges how often an element or slice occurs in the object at k.
func (e *evaluator) count(c *shape, k, n int, rule string) {
	what := "the element " + c.name
	if c.sliceName != "" {
		what = "the slice " + c.sliceName + " of the element " + c.name
	}
	switch {
	case n < c.min && c.min == 1:
		e.addMissing(c, k, rule+".min", fmt.Sprintf("The profile %s requires %s, which is missing.", e.label, what))
	case n < c.min:
		e.addMissing(c, k, rule+".min", fmt.Sprintf("The profile %s requires %s at least %d times; it occurs %d times.", e.label, what, c.min, n))
	case c.max == 0 && n > 0:
		e.addMissing(c, k, rule+".max", fmt.Sprintf("The profile %s does not allow %s.", e.label, what))
	case c.max >= 0 && n > c.max:
		e.addMissing(c, k, rule+".max", fmt.Sprintf("The profile %s allows %s at most %d times; it occurs %d times.", e.label, what, c.max, n))
	}
}

// item judges one value against a shape, except for slices.
func (e *evaluator) item(c *shape, it item) {
	if c.support >= 0 && e.quiet == 0 {
		e.support.seen[c.owner.number][c.support] = true
	}
	if c.types != nil && !slices.Contains(c.types, it.typ) {
		e.fail(it, "profile.type", fmt.Sprintf("The profile %s does not allow %s to be of type %s.", e.label, c.name, it.typ))
		return
	}
	if it.at < 0 {
		return // extensions stand in for the value
	}
	t := &e.tape
	switch {
	case c.fixed != nil && !t.fixed(it.at, c.fixed):
		e.fail(it, "profile.fixed", fmt.Sprintf("The value is not the one that the profile %s fixes.", e.label))
	case c.pattern != nil && !t.pattern(it.at, c.pattern):
		e.fail(it, "profile.pattern", fmt.Sprintf("The value does not match the pattern of the profile %s.", e.label))
	}
	if c.codes != nil && !e.coded(c.codes, it.at) {
		e.fail(it, "profile.code", fmt.Sprintf("The code is not in the value set %s that the profile %s requires.", c.codes.url, e.label))
	}
	if c.maxLength > 0 && t.values[it.at].kind == '"' && len([]rune(string(t.text(it.at)))) > c.maxLength {
		e.fail(it, "profile.max-length", fmt.Sprintf("The string is longer than the %d characters that the profile %s allows.", c.maxLength, e.label))
	}
	if c.targets != nil {
		e.target(c, it)
	}
	switch len(c.profiles) {
	case 0:
	case 1:
		e.object(c.profiles[0].root, it.at)
	default:
		if !e.meetsOne(c.profiles, it.at) {
			e.fail(it, "profile.type-profile", fmt.Sprintf("The value meets none of the profiles that the profile %s allows here.", e.label))
		}
	}
	e.object(c, it.at)
}

// target judges what a reference points to.
func (e *evaluator) target(c *shape, it item) {
	ref := e.tape.member(it.at, "reference")
	if ref < 0 || e.tape.values[ref].kind != '"' {
		return
	}
	_, named := e.d.parseReference(e.tape.text(ref))
	if named >= 0 && !c.targets.has(named) {
		e.stack = append(e.stack, step{name: "reference"})
		e.add(e.tape.values[ref].from, Warning, "profile.reference.target",
			fmt.Sprintf("The reference is to a type of resource that the profile %s does not allow here; allowed: %s.", e.label, strings.Join(c.targets.names, ", ")), string(e.tape.text(ref)))
		e.stack = e.stack[:len(e.stack)-1]
	}
}

// slices assigns the items of an element to its slices and judges those.
func (e *evaluator) slices(c *shape, k int, items []item) {
	if len(c.slices) == 0 {
		return
	}
	counts := make([]int, len(c.slices))
	for _, it := range items {
		e.at(it, func() {
			for n, s := range c.slices {
				if e.belongs(s, it) {
					counts[n]++
					e.item(s, it)
					return
				}
			}
			if c.closed {
				e.fail(it, "profile.slice.closed", fmt.Sprintf("The value belongs to none of the slices of %s, and the profile %s allows no others.", c.name, e.label))
			}
		})
	}
	for n, s := range c.slices {
		e.count(s, k, counts[n], "profile.slice")
	}
}

// meetsOne says whether the value at k meets one of several profiles.
func (e *evaluator) meetsOne(profiles []*profile, k int) bool {
	for _, q := range profiles {
		failures := e.failures
		e.quiet++
		e.failures = 0
		e.object(q.root, k)
		met := e.failures == 0
		e.quiet--
		e.failures = failures
		if met {
			return true
		}
	}
	return false
}

func (e *evaluator) fail(it item, rule, message string) {
	k := it.at
	if k < 0 {
		k = it.twin
	}
	if k < 0 {
		return
	}
	value := ""
	if e.values && e.tape.values[k].kind != '{' && e.tape.values[k].kind != '[' {
		value = string(e.tape.text(k))
	}
	e.add(e.tape.values[k].from, e.severity, rule, message, value)
}

// addMissing reports a problem with an element of the object at k as a whole; only Path names the element.
func (e *evaluator) addMissing(c *shape, k int, rule, message string) {
	n := len(e.problems)
	e.add(e.tape.values[k].from, e.severity, rule, message, "")
	if len(e.problems) > n {
		e.problems[n].Path += "." + c.name
		if c.sliceName != "" {
			e.problems[n].Path += ":" + c.sliceName
		}
	}
}

func (e *evaluator) add(offset int, severity Severity, rule, message, value string) {
	if rule != "profile.reference.target" {
		e.failures++
	}
	if e.quiet > 0 || len(e.problems) >= maxProblems {
		return
	}
	for k := len(e.problems) - 1; k >= max(0, len(e.problems)-8); k-- {
		if q := &e.problems[k]; q.Offset == offset && q.Rule == rule && q.Message == message {
			return // an element and a slice of it often say the same
		}
	}
	p := Problem{Offset: offset, Pointer: pointer(e.stack), Path: fhirPath(e.root, e.stack), Rule: rule, Severity: severity, Message: message}
	if e.values {
		p.Value = shorten(value)
	}
	e.problems = append(e.problems, p)
}
