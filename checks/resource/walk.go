package resource

import (
	"fmt"
	"strings"
)

// place says where a resource stands, which decides what its local references refer to.
type place uint8

const (
	onLine    place = iota // the line itself
	inEntry                // in a Bundle or Parameters: a resource of its own
	contained              // in the element contained of another
)

// resource reads the resource at i.
func (r *reader) resource(i, depth int, at place) int {
	if i >= len(r.b) || r.b[i] != '{' {
		if i < len(r.b) {
			r.addType(i, "an object with a resource")
		}
		return r.value(i, depth)
	}
	name, nameAt := r.resourceTypeOf(i)
	n := r.d.resourceNode(name)
	if n == nil {
		end := r.object(i, depth+1, func(name string, _, valueAt int) int {
			next := r.value(valueAt, depth+1)
			if at == onLine {
				r.noteHead(name, valueAt, next)
			}
			return next
		})
		if r.dead && nameAt < 0 {
			return end
		}
		switch {
		case nameAt < 0:
			r.add(i, ruleResourceType, "The object has no resourceType.")
		case at == onLine && name == "":
			// noteHead has said what is wrong with it
		default:
			r.inside("resourceType", func() {
				r.addValue(nameAt, ruleResourceType, "The resourceType is not a resource type of FHIR "+r.d.version+".", name)
			})
		}
		return end
	}
	outer, outerContained := r.scope, r.contained
	r.contained = at == contained
	if !r.contained {
		r.scope = &scope{container: n.container, ids: map[string]int{}}
	}
	end := r.complex(n, element{place: at}, i, depth)
	if !r.contained {
		r.resolveLocal()
	}
	r.scope, r.contained = outer, outerContained
	return end
}

// inside runs f with a member name added to the current pointer.
func (r *reader) inside(name string, f func()) {
	r.stack = append(r.stack, step{name: name})
	f()
	r.stack = r.stack[:len(r.stack)-1]
}

// element is what the definition of an element says about its value beyond the type.
type element struct {
	codes   *codeSet
	targets *targetSet
	place   place // of a resource
}

// members is what complex has seen of an object.
type members struct {
	seen, twins uint64
	variants    map[uint8]string // name of the type that a choice element has, by bit
	primitives  []*sequence
	codings     []coding

	// The text of the members that the node's role needs; the offset is -1 for those that are not there.
	reference, typ, system, code, id located
}

// sequence tells which items of an array of primitives have a value and which have extensions.
type sequence struct {
	name                string
	bit                 uint8
	values, twins       []bool
	hasValues, hasTwins bool
	valuesAt, twinsAt   int
}

type located struct {
	text   string
	offset int
}

// keep notes the text of a member.
func (m *members) keep(name, text string, offset int) {
	var l *located
	switch name {
	case "reference":
		l = &m.reference
	case "type":
		l = &m.typ
	case "system":
		l = &m.system
	case "code":
		l = &m.code
	case "id":
		l = &m.id
	default:
		return
	}
	if l.offset < 0 {
		*l = located{text, offset}
	}
}

type coding struct{ system, code string }

// complex reads the object at i, which n describes.
func (r *reader) complex(n *node, e element, i, depth int) int {
	none := located{offset: -1}
	m := members{reference: none, typ: none, system: none, code: none, id: none}
	outer := r.codings
	r.codings = nil
	if space(r.b, i+1) < len(r.b) && r.b[space(r.b, i+1)] == '}' {
		r.add(i, "fhir.empty", "The object is empty; an element must have content.")
		r.codings = outer
		return space(r.b, i+1) + 1
	}
	end := r.object(i, depth+1, func(name string, nameAt, at int) int {
		if name == "resourceType" && n.role == resourceRole {
			next := r.value(at, depth+1)
			if e.place == onLine {
				r.noteHead(name, at, next)
			}
			return next
		}
		k := n.table.find([]byte(name))
		if k < 0 {
			r.unknown(n, name, nameAt)
			return r.value(at, depth+1)
		}
		f := &n.fields[k]
		r.mark(n, f, &m, nameAt)
		next := r.member(n, f, &m, e, at, depth+1)
		if e.place == onLine && n.role == resourceRole {
			r.noteHead(name, at, next)
		}
		if n.role != plainRole && !r.dead {
			if s, ok := r.text(at, next); ok {
				m.keep(name, s, at)
			}
		}
		return next
	})
	m.codings = r.codings
	r.codings = outer
	r.alignment(&m)
	if r.dead {
		return end // what is missing may come after the point where reading stopped
	}
	r.missing(n, &m, i)
	r.roleRules(n, &m, e, i)
	return end
}

// mark notes that a member was seen and reports a second type of a choice.
func (r *reader) mark(n *node, f *field, m *members, nameAt int) {
	bit := uint64(1) << f.bit
	if f.choice {
		variant := strings.TrimPrefix(f.name, "_")
		if other, ok := m.variants[f.bit]; ok && other != variant {
			r.add(nameAt, "fhir.choice.several", fmt.Sprintf("The element %s has more than one type; only one is allowed.", n.elements[f.bit]))
		} else if !ok {
			if m.variants == nil {
				m.variants = map[uint8]string{}
			}
			m.variants[f.bit] = variant
		}
	}
	if f.twin {
		m.twins |= bit
	} else {
		m.seen |= bit
	}
	switch {
	case f.name == "contained" && n.role == resourceRole && r.contained:
		r.add(nameAt, "fhir.contained.nested", "A contained resource contains resources itself, which FHIR does not allow (invariant dom-2).")
	case n.role == metaRole && r.contained && (f.name == "versionId" || f.name == "lastUpdated"):
		r.add(nameAt, "fhir.contained.meta", "A contained resource has meta."+f.name+", which FHIR does not allow (invariant dom-4).")
	case n.role == metaRole && r.contained && f.name == "security":
		r.add(nameAt, "fhir.contained.meta", "A contained resource has security labels, which FHIR does not allow (invariant dom-5).")
	}
}

// unknown reports a member that the node does not have.
func (r *reader) unknown(n *node, name string, at int) {
	for k := range n.fields {
		if f := &n.fields[k]; strings.EqualFold(f.name, name) {
			r.add(at, "fhir.unknown-element", fmt.Sprintf("The element is not defined here; its name differs from %s in case.", f.name))
			return
		}
		if rest, ok := strings.CutPrefix(name, "_"); ok && rest == n.fields[k].name && !n.fields[k].twin {
			r.add(at, "fhir.primitive-extension", "The member would hold the extensions of a primitive, but the element "+rest+" is not one that can have them there.")
			return
		}
	}
	for _, e := range n.elements {
		base, choice := strings.CutSuffix(e, "[x]")
		rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "_"), base)
		if choice && ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
			r.add(at, "fhir.choice.type", fmt.Sprintf("The element %s cannot have this type here.", e))
			return
		}
	}
	r.add(at, "fhir.unknown-element", fmt.Sprintf("The element is not defined in %s of FHIR %s.", n.path, r.d.version))
}

// missing reports required elements that are not there.
func (r *reader) missing(n *node, m *members, i int) {
	absent := n.required &^ (m.seen | m.twins)
	for bit, name := range n.elements {
		if absent>>bit&1 == 0 {
			continue
		}
		rule := "fhir.cardinality.min"
		if n.role == extensionRole && name == "url" {
			rule = "fhir.extension.url"
		}
		r.addAt(i, name, rule, fmt.Sprintf("The required element %s is missing.", name))
	}
}

// member reads the value of a field.
func (r *reader) member(n *node, f *field, m *members, e element, i, depth int) int {
	inner := element{codes: f.codes, targets: f.targets}
	if n.role == codeableReferenceRole { // its binding and targets are those of its parts
		switch f.name {
		case "reference":
			inner.targets = e.targets
		case "concept":
			inner.codes = e.codes
		}
	}
	if f.kind == anyResource {
		inner.place = inEntry
		if f.name == "contained" && n.role == resourceRole {
			inner.place = contained
		}
	}
	if i >= len(r.b) {
		return r.value(i, depth)
	}
	isArray := r.b[i] == '['
	if !f.array {
		if isArray {
			r.add(i, "fhir.array", "The element must be a single value, not an array.")
			return r.value(i, depth)
		}
		next, present := r.single(f, inner, i, depth)
		if !present {
			r.add(i, "fhir.null", "The element is null; an element without a value must be left out.")
		}
		return next
	}
	if !isArray {
		r.add(i, "fhir.array", "The element repeats and must be an array.")
		next, present := r.single(f, inner, i, depth)
		if !present {
			r.add(i, "fhir.null", "The element is null; an element without a value must be left out.")
		}
		return next
	}
	if k := space(r.b, i+1); k < len(r.b) && r.b[k] == ']' {
		r.add(i, "fhir.empty", "The array is empty; an element without a value must be left out.")
		return k + 1
	}
	mayBeNull := f.kind >= stringKind || f.twin
	var items []bool
	next := r.array(i, depth+1, func(_, at int) int {
		next, present := r.single(f, inner, at, depth+1)
		if !present && !mayBeNull {
			r.add(at, "fhir.null", "An item of the array is null, which only arrays of primitives may hold.")
		}
		if mayBeNull {
			items = append(items, present)
		}
		return next
	})
	if mayBeNull {
		r.keepSequence(f, m, items, i)
	}
	return next
}

// keepSequence notes the items of an array of primitives, or of the extensions of one.
func (r *reader) keepSequence(f *field, m *members, items []bool, at int) {
	var s *sequence
	for _, other := range m.primitives {
		if other.bit == f.bit {
			s = other
		}
	}
	if s == nil {
		s = &sequence{name: strings.TrimPrefix(f.name, "_"), bit: f.bit}
		m.primitives = append(m.primitives, s)
	}
	if f.twin {
		s.twins, s.hasTwins, s.twinsAt = items, true, at
	} else {
		s.values, s.hasValues, s.valuesAt = items, true, at
	}
}

// alignment checks arrays of primitives against the arrays of their extensions (json.html#primitive).
func (r *reader) alignment(m *members) {
	for _, s := range m.primitives {
		if s.hasValues && s.hasTwins && len(s.values) != len(s.twins) && !r.dead {
			r.inside("_"+s.name, func() {
				r.add(s.twinsAt, "fhir.primitive-extension", fmt.Sprintf("The arrays %s and _%s do not have the same number of items.", s.name, s.name))
			})
			continue
		}
		for k := range max(len(s.values), len(s.twins)) {
			if k < len(s.values) && s.values[k] || k < len(s.twins) && s.twins[k] {
				continue
			}
			name, at := s.name, s.valuesAt
			if !s.hasValues {
				name, at = "_"+s.name, s.twinsAt
			}
			r.stack = append(r.stack, step{name: name}, step{index: k, array: true})
			r.add(at, "fhir.null", "An item of the array is null and has no extensions either.")
			r.stack = r.stack[:len(r.stack)-2]
		}
	}
}

// single reads one value of a field. It reports false if the value is null.
func (r *reader) single(f *field, e element, i, depth int) (next int, present bool) {
	b := r.b
	if i >= len(b) {
		return r.value(i, depth), true
	}
	if b[i] == 'n' && literalEnd(b, i) == i+4 {
		return r.value(i, depth), false
	}
	switch {
	case f.kind == anyResource:
		return r.resource(i, depth, e.place), true
	case f.kind == complexKind:
		if b[i] != '{' {
			r.addType(i, "an object")
			return r.value(i, depth), true
		}
		return r.complex(f.element, e, i, depth), true
	}
	return r.primitive(f, i, depth), true
}

// addType reports a value of the wrong JSON type.
func (r *reader) addType(i int, want string) {
	is := "a word that is no JSON value"
	switch c := r.b[i]; {
	case c == '"':
		is = "a string"
	case c == '{':
		is = "an object"
	case c == '[':
		is = "an array"
	case c == 't' || c == 'f':
		is = "a boolean"
	case c == 'n':
		is = "null"
	case c == '-' || c-'0' <= 9:
		is = "a number"
	}
	r.add(i, "fhir.type", fmt.Sprintf("The value must be %s, not %s.", want, is))
}

// addAt is add for a member that is not there: only Path names it.
func (r *reader) addAt(i int, name, rule, message string) {
	count := len(r.problems)
	r.add(i, rule, message)
	if len(r.problems) > count {
		r.problems[count].Path += "." + name
	}
}
