package resource

import (
	"slices"
	"strings"
)

// matcher is one thing that makes a value belong to a slice (profiling.html#discriminator).
type matcher struct {
	kind string   // "value", "type", "exists" or "profile"
	path []string // of element names to what is compared; empty for the value itself

	conditions []condition // value: one value at the path must meet all
	types      []string    // type: one of these
	targets    *targetSet  // type: of what a reference at the path points to
	exists     bool        // exists: whether something must be there
	profiles   []*profile  // profile: one of these must be met
}

// condition is a fixed or pattern value, or a set of codes, somewhere below the path of a discriminator.
type condition struct {
	path    []string
	fixed   *constant
	pattern *constant
	codes   *codeSet
	url     string // of an extension
}

// slicing compiles how the slices of an element are told apart. Those for which that is impossible are left out, with
// a note.
func (c *profileCompiler) slicing(q *profile, sh *shape) {
	if len(sh.slices) == 0 {
		return
	}
	if sh.slicing == nil || len(sh.slicing.Discriminator) == 0 {
		c.note("The slices of %s in %s are not judged: there is no discriminator.", sh.id, q.URL)
		sh.slices = nil
		return
	}
	if sh.slicing.Rules == "openAtEnd" {
		c.note("The order of slices of %s in %s is not judged.", sh.id, q.URL)
	}
	sh.closed = sh.slicing.Rules == "closed"
	sh.slices = slices.DeleteFunc(sh.slices, func(s *shape) bool {
		for _, d := range sh.slicing.Discriminator {
			m, why := c.matcher(sh, s, d.Type, d.Path)
			if why != "" {
				c.note("The slice %s in %s is not judged: %s.", s.id, q.URL, why)
				sh.closed = false // what belongs to it cannot be told from what belongs to none
				return true
			}
			s.matches = append(s.matches, m)
		}
		return false
	})
}

// matcher compiles one discriminator of a slice. It returns why that is impossible, if it is.
func (c *profileCompiler) matcher(whole, s *shape, kind, path string) (matcher, string) {
	m := matcher{kind: kind}
	resolves := false
	for _, step := range splitPath(path) {
		switch {
		case step == "$this":
		case step == "resolve()" && kind == "type":
			resolves = true
		case strings.HasSuffix(step, ")"):
			return m, "its discriminator uses a function that is not supported"
		default:
			m.path = append(m.path, step)
		}
	}
	target := follow(s, m.path)
	switch kind {
	case "value", "pattern":
		m.kind = "value"
		if whole.name == "extension" || whole.name == "modifierExtension" {
			if len(m.path) == 1 && m.path[0] == "url" && s.extension != "" {
				m.conditions = []condition{{url: s.extension}}
				return m, ""
			}
		}
		if target == nil {
			return m, "it does not say what the value at its discriminator is"
		}
		m.conditions = gather(target, nil)
		if len(m.conditions) == 0 {
			return m, "it does not fix the value at its discriminator to something that can be evaluated"
		}
	case "type":
		if target == nil {
			return m, "it does not say what type its discriminator has"
		}
		if resolves {
			if target.targets == nil {
				return m, "it does not say what type its references are to"
			}
			m.targets = target.targets
			return m, ""
		}
		m.types = target.types
		if m.types == nil {
			m.types = target.declared
		}
		if len(m.types) == 0 {
			return m, "it does not say what type its discriminator has"
		}
	case "exists":
		switch {
		case target == nil:
			return m, "it does not say whether the value at its discriminator exists"
		case target.max == 0:
		case target.declaredMin > 0:
			m.exists = true
		default:
			return m, "it does not say whether the value at its discriminator exists"
		}
	case "profile":
		if target == nil || len(target.profiles) == 0 {
			return m, "it is told by a profile that is not in the packages given"
		}
		m.profiles = target.profiles
	default:
		return m, "its kind of discriminator is not supported"
	}
	return m, ""
}

// splitPath splits a discriminator's path at its dots, except those in parentheses.
func splitPath(path string) []string {
	var out []string
	depth, from := 0, 0
	for k, r := range path {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case '.':
			if depth == 0 {
				out = append(out, path[from:k])
				from = k + 1
			}
		}
	}
	return append(out, path[from:])
}

// follow finds the shape at a path of FHIRPath element names below s, also through the profiles of types.
func follow(s *shape, path []string) *shape {
	if len(path) == 0 {
		return s
	}
	for _, c := range s.children {
		if strings.TrimSuffix(c.name, "[x]") == path[0] {
			if found := follow(c, path[1:]); found != nil {
				return found
			}
		}
	}
	if len(s.profiles) == 1 && s.profiles[0].root != nil && s.profiles[0].root != s {
		return follow(s.profiles[0].root, path)
	}
	return nil
}

// gather collects what a shape fixes, itself or below.
func gather(s *shape, path []string) []condition {
	switch {
	case s.fixed != nil || s.pattern != nil:
		return []condition{{path: path, fixed: s.fixed, pattern: s.pattern}}
	case s.codes != nil:
		return []condition{{path: path, codes: s.codes}}
	}
	var out []condition
	for _, c := range s.children {
		if c.declaredMin > 0 || c.fixed != nil || c.pattern != nil {
			out = append(out, gather(c, append(slices.Clone(path), strings.TrimSuffix(c.name, "[x]")))...)
		}
	}
	return out
}

// belongs says whether the value of an item belongs to a slice.
func (e *evaluator) belongs(s *shape, it item) bool {
	for k := range s.matches {
		if !e.match(&s.matches[k], it) {
			return false
		}
	}
	return true
}

func (e *evaluator) match(m *matcher, it item) bool {
	if m.kind == "exists" {
		return e.any(it.at, m.path, func(int) bool { return true }) == m.exists
	}
	if m.kind == "type" && len(m.path) == 0 && m.targets == nil {
		return slices.Contains(m.types, it.typ) || slices.Contains(m.types, "Resource") || slices.Contains(m.types, e.resourceType(it.at))
	}
	return it.at >= 0 && e.any(it.at, m.path, func(k int) bool {
		switch m.kind {
		case "type":
			if m.targets != nil {
				_, named := e.d.parseReference([]byte(e.tape.str(k, "reference")))
				return named >= 0 && m.targets.has(named)
			}
			return slices.Contains(m.types, e.resourceType(k)) || e.typeByName(k, m)
		case "profile":
			return e.meetsOne(m.profiles, k)
		}
		for _, c := range m.conditions {
			if !e.any(k, c.path, func(j int) bool { return e.holds(&c, j) }) {
				return false
			}
		}
		return true
	})
}

func (e *evaluator) holds(c *condition, k int) bool {
	switch {
	case c.url != "":
		return string(e.tape.text(k)) == c.url
	case c.fixed != nil:
		return e.tape.fixed(k, c.fixed)
	case c.pattern != nil:
		return e.tape.pattern(k, c.pattern)
	}
	return e.coded(c.codes, k)
}

// typeByName tells the type of a choice element from its member name.
func (e *evaluator) typeByName(k int, m *matcher) bool {
	name := string(e.tape.name(k))
	last := m.path[len(m.path)-1]
	for _, t := range m.types {
		if t != "" && name == last+strings.ToUpper(t[:1])+t[1:] {
			return true
		}
	}
	return false
}

// any says whether f holds for a value at a path of FHIRPath element names from the value at k.
func (e *evaluator) any(k int, path []string, f func(int) bool) bool {
	if k < 0 {
		return false
	}
	t := &e.tape
	if t.values[k].kind == '[' {
		for j := k + 1; j < t.values[k].end; j = t.values[j].end {
			if e.any(j, path, f) {
				return true
			}
		}
		return false
	}
	if len(path) == 0 {
		return f(k)
	}
	if t.values[k].kind != '{' {
		return false
	}
	for j := k + 1; j < t.values[k].end; j = t.values[j].end {
		name := string(t.name(j))
		rest, ok := strings.CutPrefix(name, path[0])
		if ok && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z' && e.isType(rest)) && e.any(j, path[1:], f) {
			return true
		}
	}
	return false
}

// isType says whether the end of a member name is that of a type: valueString, with String for string.
func (e *evaluator) isType(name string) bool {
	_, primitive := kindOf[strings.ToLower(name[:1])+name[1:]]
	return primitive || e.d.types[name] != nil
}

func (e *evaluator) resourceType(k int) string {
	if k < 0 {
		return ""
	}
	return e.tape.str(k, "resourceType")
}

// coded says whether the value at k has a code of the set: a code, Coding, Quantity or CodeableConcept.
func (e *evaluator) coded(codes *codeSet, k int) bool {
	t := &e.tape
	switch t.values[k].kind {
	case '"':
		return codes.hasCode(t.text(k))
	case '{':
		if coding := t.member(k, "coding"); coding >= 0 {
			return e.any(coding, nil, func(j int) bool { return e.coding(codes, j) })
		}
		return e.coding(codes, k)
	}
	return false
}

func (e *evaluator) coding(codes *codeSet, k int) bool {
	code := e.tape.str(k, "code")
	return code != "" && codes.hasCoding([]byte(e.tape.str(k, "system")), []byte(code))
}
