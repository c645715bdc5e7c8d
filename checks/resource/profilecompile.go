package resource

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

const coreStructures = "http://hl7.org/fhir/StructureDefinition/"

type profileCompiler struct {
	*Profiles
	structures map[string]*definitions.StructureDefinition
	order      []string
	terms      definitions.Terminology
	codes      map[string]*codeSet
}

func (c *profileCompiler) note(format string, args ...any) {
	c.missing = append(c.missing, fmt.Sprintf(format, args...))
}

// profile compiles the profile with a canonical URL, or returns it if it has been. It returns nil, with a note, if it
// cannot be judged.
func (c *profileCompiler) profile(url string) *profile {
	url, _, _ = strings.Cut(url, "|")
	if q, ok := c.byURL[url]; ok {
		return q
	}
	s := c.structures[url]
	if s == nil {
		c.byURL[url] = nil
		if c.d.types[strings.TrimPrefix(url, coreStructures)] == nil { // the base types are judged anyway
			c.note("The profile %s is not in the packages given and is not judged.", url)
		}
		return nil
	}
	if len(s.Snapshot.Element) == 0 {
		c.byURL[url] = nil
		c.note("The profile %s has no snapshot and is not judged.", url)
		return nil
	}
	q := &profile{Profile: Profile{URL: url, Version: s.Version, Name: s.ID, Title: s.Title, Type: s.Type, Abstract: s.Abstract}}
	if q.Name == "" {
		q.Name = s.Name
	}
	c.byURL[url] = q // before its elements, which may refer to it
	c.all = append(c.all, q)
	c.shapes(q, s)
	return q
}

// shapes compiles the snapshot to a tree. The ids of its elements say where each belongs.
func (c *profileCompiler) shapes(q *profile, s *definitions.StructureDefinition) {
	byID := map[string]*shape{}
	nodes := map[string]*node{}
	var order []*shape
	for k := range s.Snapshot.Element {
		e := &s.Snapshot.Element[k]
		id := e.ID
		if id == "" {
			c.note("The profile %s has elements without id; they are not judged.", q.URL)
			continue
		}
		sh := &shape{id: id, owner: q, support: -1}
		if k == 0 {
			q.root = sh
			nodes[id] = c.d.types[s.Type]
			sh.max = -1
			byID[id] = sh
			c.invariants(q, e)
			continue
		}
		dot := strings.LastIndexByte(id, '.')
		if dot < 0 {
			continue
		}
		parent, last := byID[id[:dot]], id[dot+1:]
		if parent == nil {
			continue // below an element that is left out
		}
		name, sliceName, isSlice := strings.Cut(last, ":")
		sh.name, sh.sliceName, sh.slicing = name, sliceName, e.Slicing
		base := nodes[id[:dot]]
		c.constrain(q, sh, e, base, isSlice)
		if isSlice {
			whole := byID[id[:dot]+"."+name]
			if whole == nil || strings.Contains(sliceName, "/") {
				c.note("The slice %s of %s is not judged.", id, q.URL)
				continue
			}
			whole.slices = append(whole.slices, sh)
		} else {
			parent.children = append(parent.children, sh)
		}
		byID[id] = sh
		nodes[id] = childNode(base, sh, e)
		order = append(order, sh)
		if e.MustSupport {
			sh.support = len(q.support)
			q.support = append(q.support, id)
		}
		c.invariants(q, e)
	}
	for _, sh := range order {
		c.slicing(q, sh)
	}
	q.root.prune()
}

// childNode returns the definition of what an element contains, nil if it depends on the type.
func childNode(base *node, sh *shape, e *definitions.ElementDefinition) *node {
	if base == nil {
		return nil
	}
	var only *node
	for k := range base.fields {
		f := &base.fields[k]
		if f.twin || !slices.Contains(sh.members, f.name) || f.element == nil {
			continue
		}
		if len(e.Type) == 1 && f.choice && f.typ != e.Type[0].Code {
			continue
		}
		if only != nil {
			return nil
		}
		only = f.element
	}
	return only
}

// constrain fills a shape with what an ElementDefinition says beyond the definition of the type.
func (c *profileCompiler) constrain(q *profile, sh *shape, e *definitions.ElementDefinition, base *node, isSlice bool) {
	sh.min, sh.max, sh.declaredMin = e.Min, -1, e.Min
	if n, err := strconv.Atoi(e.Max); err == nil {
		sh.max = n
	}
	var field0 *field
	if base != nil {
		for k := range base.fields {
			f := &base.fields[k]
			if f.twin || base.nameOf(f) != sh.name {
				continue
			}
			sh.members, sh.typeNames = append(sh.members, f.name), append(sh.typeNames, f.typ)
			if field0 == nil {
				field0 = f
			}
		}
	}
	if len(sh.members) == 0 {
		sh.members, sh.typeNames = c.guessMembers(sh.name, e)
	}
	if field0 != nil && !isSlice { // what the type demands has been judged
		if base.required>>field0.bit&1 != 0 && sh.min == 1 {
			sh.min = 0
		}
		if !field0.array && sh.max == 1 {
			sh.max = -1
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Other)) {
		raw := e.Other[name]
		switch {
		case strings.HasPrefix(name, "fixed"):
			sh.fixed = newConstant(raw)
		case strings.HasPrefix(name, "pattern"):
			sh.pattern = newConstant(raw)
		case name == "maxLength":
			sh.maxLength, _ = strconv.Atoi(string(raw))
		case strings.HasPrefix(name, "minValue") || strings.HasPrefix(name, "maxValue"):
			c.note("%s of %s in %s is not judged.", name, e.ID, q.URL)
		}
	}
	c.binding(q, sh, e, field0)
	c.types(sh, e)
}

// nameOf returns the name of the element that a member belongs to: "value[x]" for valueString.
func (n *node) nameOf(f *field) string {
	if int(f.bit) >= len(n.elements) {
		return f.name
	}
	return n.elements[f.bit]
}

// guessMembers names the members of an element whose type's definition is not at hand.
func (c *profileCompiler) guessMembers(name string, e *definitions.ElementDefinition) (members, types []string) {
	base, choice := strings.CutSuffix(name, "[x]")
	if !choice {
		typ := ""
		if len(e.Type) == 1 {
			typ = e.Type[0].Code
		}
		return []string{name}, []string{typ}
	}
	for _, t := range e.Type {
		if t.Code != "" {
			members = append(members, base+strings.ToUpper(t.Code[:1])+t.Code[1:])
			types = append(types, t.Code)
		}
	}
	return members, types
}

func (c *profileCompiler) binding(q *profile, sh *shape, e *definitions.ElementDefinition, base *field) {
	if e.Binding == nil || e.Binding.Strength != "required" || e.Binding.ValueSet == "" {
		return
	}
	url, _, _ := strings.Cut(e.Binding.ValueSet, "|")
	sh.valueSet = url
	if base != nil && base.codes != nil && base.codes.url == url {
		return // judged with the type
	}
	if c.codes == nil {
		c.codes = map[string]*codeSet{}
	}
	set, ok := c.codes[url]
	if !ok {
		if expanded, err := append(slices.Clone(c.terms), c.d.expanded).Expand(url); err == nil {
			set = newCodeSet(expanded)
		} else {
			c.note("The required binding to %s is not judged: %v.", url, err)
		}
		c.codes[url] = set
	}
	sh.codes = set
}

// types compiles the types that an element may have, their profiles, and what references may point to.
func (c *profileCompiler) types(sh *shape, e *definitions.ElementDefinition) {
	var allowed []string
	targets := &targetSet{}
	anyTarget := false
	judged := true
	for _, t := range e.Type {
		code := t.Code
		if strings.HasPrefix(code, "http://hl7.org/fhirpath/") {
			return
		}
		allowed = append(allowed, code)
		sh.declared = allowed
		if code == "Extension" && len(t.Profile) == 1 {
			sh.extension, _, _ = strings.Cut(t.Profile[0], "|")
		}
		for _, url := range t.Profile {
			if p := c.profile(url); p != nil {
				sh.profiles = append(sh.profiles, p)
			} else {
				judged = false // another profile of the list may be met
			}
		}
		if code == "Reference" || code == "CodeableReference" {
			anyTarget = anyTarget || len(t.TargetProfile) == 0
			for _, url := range t.TargetProfile {
				typ := c.typeOf(url)
				k := c.d.resources.find([]byte(typ))
				if k < 0 {
					anyTarget = true
					continue
				}
				targets.bits[k>>6] |= 1 << (k & 63)
				targets.names = append(targets.names, typ)
			}
		}
	}
	if !judged {
		sh.profiles = nil
	}
	if len(targets.names) > 0 && !anyTarget {
		slices.Sort(targets.names)
		targets.names = slices.Compact(targets.names)
		sh.targets = targets
	}
	if len(sh.typeNames) > 1 && len(allowed) < len(sh.typeNames) {
		sh.types = allowed
	}
}

// typeOf returns the resource type that a profile URL is about, "" if that is unknown or any.
func (c *profileCompiler) typeOf(url string) string {
	url, _, _ = strings.Cut(url, "|")
	if s := c.structures[url]; s != nil {
		return s.Type
	}
	return strings.TrimPrefix(url, coreStructures)
}

// invariants notes the FHIRPath constraints of the package's own; those of the base types recur in every profile.
func (c *profileCompiler) invariants(q *profile, e *definitions.ElementDefinition) {
	for _, k := range e.Constraint {
		if c.structures[k.Source] != nil || k.Source == "" && !baseInvariant(k.Key) {
			c.note("The FHIRPath invariant %s of %s is not judged.", k.Key, q.URL)
		}
	}
}

// baseInvariant says whether a key is one that FHIR's own types use: three letters, a hyphen, a number.
func baseInvariant(key string) bool {
	name, number, ok := strings.Cut(key, "-")
	_, err := strconv.Atoi(strings.TrimRight(number, "abcdefghijkl"))
	return ok && len(name) == 3 && err == nil
}

// prune removes the shapes that say nothing beyond the type, and reports whether this one says anything.
func (s *shape) prune() bool {
	s.children = slices.DeleteFunc(s.children, func(c *shape) bool { return !c.prune() })
	for _, sl := range s.slices {
		sl.prune()
	}
	return len(s.children) > 0 || len(s.slices) > 0 || s.min > 0 || s.max >= 0 || s.fixed != nil || s.pattern != nil ||
		s.codes != nil || s.types != nil || len(s.profiles) > 0 || s.targets != nil || s.maxLength > 0 || s.support >= 0
}
