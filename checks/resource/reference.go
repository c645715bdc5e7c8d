package resource

import (
	"fmt"
	"slices"
	"strings"
)

// scope is what references of the form #id can refer to: one resource and those it contains.
type scope struct {
	container bool           // the type of the resource has the element contained
	ids       map[string]int // index of the type by id of the contained resources
	refs      []localRef
}

// localRef is a reference of the form #id, kept until all contained resources are known.
type localRef struct {
	id      string
	offset  int
	stack   []step
	targets *targetSet
	typ     int // index of the type that Reference.type gives, -1 for none
}

// reference judges a Reference: the shape of its literal, the type it points to, and Reference.type.
func (r *reader) reference(m *members, targets *targetSet, i int) {
	typ, typeIndex := m.typ, -1
	if typ.text != "" { // an empty one has been reported
		name := strings.TrimPrefix(typ.text, "http://hl7.org/fhir/StructureDefinition/")
		typeIndex = r.d.resources.find([]byte(name))
		switch {
		case typeIndex < 0 && !strings.Contains(name, ":"):
			r.inside("type", func() {
				r.addValue(typ.offset, "fhir.reference.type", "The type of the reference is not a resource type of FHIR "+r.d.version+".", typ.text)
			})
		case typeIndex >= 0 && targets != nil && !targets.has(typeIndex):
			r.inside("type", func() {
				r.report(Warning, typ.offset, "fhir.reference.target", notATarget(targets), typ.text)
			})
		}
	}
	if m.reference.text != "" {
		r.inside("reference", func() { r.literal(m.reference, targets, typeIndex) })
	}
}

// literal judges Reference.reference. The type is the index of the one that Reference.type gives, -1 for none.
func (r *reader) literal(ref located, targets *targetSet, typ int) {
	shape, named := r.d.parseReference([]byte(ref.text))
	report := func(severity Severity, rule, message string) { r.report(severity, ref.offset, rule, message, ref.text) }
	switch shape {
	case refBad:
		report(Error, "fhir.reference.shape", "The reference is neither Type/id, nor #id, nor an absolute URI.")
	case refUnknownType:
		report(Error, "fhir.reference.shape", "The reference does not start with a resource type of FHIR "+r.d.version+".")
	case refBadID:
		report(Error, "fhir.reference.shape", "The reference does not end with an id: 1 to 64 letters, digits, hyphens and dots.")
	case refBadURN:
		report(Error, "fhir.reference.shape", "The reference is a urn:uuid: or urn:oid: without a UUID or OID.")
	case refLongID:
		report(Warning, "fhir.reference.long-id", "The reference ends with an id of more than 64 characters.")
	case refLocal:
		r.scope.refs = append(r.scope.refs, localRef{ref.text[1:], ref.offset, slices.Clone(r.stack), targets, typ})
	}
	r.judgeTarget(ref, named, typ, targets)
}

// judgeTarget judges the type that a literal names against the definition and against Reference.type.
func (r *reader) judgeTarget(ref located, named, typ int, targets *targetSet) {
	switch {
	case named < 0:
	case targets != nil && !targets.has(named):
		// A warning: four of the official examples do it (DeviceMetric.parent to a DeviceDefinition, ...).
		r.report(Warning, ref.offset, "fhir.reference.target", notATarget(targets), ref.text)
	case typ >= 0 && typ != named:
		r.addValue(ref.offset, "fhir.reference.type", "The reference is to another type of resource than its type element says.", ref.text)
	}
}

func notATarget(targets *targetSet) string {
	return fmt.Sprintf("The reference is to a type of resource that is not allowed here; allowed: %s.", strings.Join(targets.names, ", "))
}

// containedID notes a contained resource under its id.
func (r *reader) containedID(n *node, m *members, i int) {
	id := m.id
	if id.offset < 0 {
		r.report(Warning, i, "fhir.contained.id", "The contained resource has no id, so nothing can refer to it (invariant dom-3).", "")
		return
	}
	if _, twice := r.scope.ids[id.text]; twice {
		r.inside("id", func() {
			r.addValue(id.offset, "fhir.contained.id", "The id of the contained resource is not unique among the contained resources.", id.text)
		})
		return
	}
	r.scope.ids[id.text] = r.d.resources.find([]byte(n.path))
}

// resolveLocal judges the references of the form #id in a resource that has been read (invariant ref-1).
func (r *reader) resolveLocal() {
	if r.dead {
		return // the contained resource may come after the point where reading stopped
	}
	stack := r.stack
	for _, ref := range r.scope.refs {
		r.stack = ref.stack
		k, ok := r.scope.ids[ref.id]
		switch {
		case ok:
			r.judgeTarget(located{"#" + ref.id, ref.offset}, k, ref.typ, ref.targets)
		case r.scope.container:
			r.addValue(ref.offset, "fhir.reference.contained", "The reference is to a contained resource that is not there (invariant ref-1).", "#"+ref.id)
		}
	}
	r.stack = stack
}

// refShape is what the text of Reference.reference looks like (references.html#literal).
type refShape uint8

const (
	refBad         refShape = iota // none of the following
	refTyped                       // Type/id, relative or at the end of an absolute URL
	refLocal                       // #id of a contained resource
	refSelf                        // # for the resource that contains this one
	refAbsolute                    // a URL or URN that does not tell the type
	refConditional                 // Type?search, which only transactions may hold; Synthea's files are full of them: not judged
	refUnknownType                 // X/id where X is no resource type
	refBadID                       // Type/x where x is no id
	refLongID                      // Type/id where the id has more than 64 characters
	refBadURN                      // urn:uuid: or urn:oid: without a UUID or OID
)

// parseReference tells the shape of a reference and the index of the resource type that it names, -1 if it names
// none.
func (d *Definitions) parseReference(b []byte) (refShape, int) {
	if len(b) == 0 {
		return refBad, -1
	}
	if b[0] == '#' {
		if len(b) == 1 {
			return refSelf, -1
		}
		return refLocal, -1
	}
	for k, c := range b {
		switch {
		case c == ':':
			return d.parseAbsolute(b, k)
		case c == '?':
			if t := d.resources.find(b[:k]); t >= 0 {
				return refConditional, t
			}
			return refBad, -1
		case c == '/':
			return d.parseTyped(b, k)
		case c|0x20 < 'a' || c|0x20 > 'z':
			return refBad, -1
		}
	}
	return refBad, -1
}

// parseTyped judges Type/id or Type/id/_history/id, where b[slash] is the first slash.
func (d *Definitions) parseTyped(b []byte, slash int) (refShape, int) {
	id := b[slash+1:]
	if slash == 0 {
		return refBad, -1
	}
	if k := slices.Index(id, '/'); k >= 0 {
		const history = "/_history/"
		if len(id) < k+len(history) || string(id[k:k+len(history)]) != history || !idOK(id[k+len(history):]) {
			return refBad, -1
		}
		id = id[:k]
	}
	t := d.resources.find(b[:slash])
	switch {
	case t < 0:
		return refUnknownType, -1
	case idOK(id):
		return refTyped, t
	case len(id) > 64 && idOK(id[:64]) && idOK(id[len(id)-64:]):
		return refLongID, t
	}
	return refBadID, t
}

// parseAbsolute judges an absolute URI, where b[colon] ends the scheme.
func (d *Definitions) parseAbsolute(b []byte, colon int) (refShape, int) {
	for _, c := range b {
		if isSpace(c) {
			return refBad, -1
		}
	}
	if colon == 0 || colon == len(b)-1 {
		return refBad, -1
	}
	switch scheme := b[:colon]; {
	case string(scheme) == "urn":
		if len(b) >= 9 && string(b[:9]) == "urn:uuid:" && !uuidOK(b[9:], true) || len(b) >= 8 && string(b[:8]) == "urn:oid:" && !oidOK(b) {
			return refBadURN, -1
		}
		return refAbsolute, -1
	case string(scheme) != "http" && string(scheme) != "https":
		return refAbsolute, -1
	}
	// The last two path segments tell the type, before /_history/ and a version.
	last := lastSlash(b, len(b))
	if before := lastSlash(b, last); before >= 0 && string(b[before:last]) == "/_history" {
		b = b[:before]
		last = lastSlash(b, len(b))
	}
	before := lastSlash(b, last)
	if before <= colon+2 || !idOK(b[last+1:]) {
		return refAbsolute, -1
	}
	if t := d.resources.find(b[before+1 : last]); t >= 0 {
		return refTyped, t
	}
	return refAbsolute, -1
}

// lastSlash returns the index of the last slash in b[:end], -1 if there is none.
func lastSlash(b []byte, end int) int {
	for k := end - 1; k >= 0; k-- {
		if b[k] == '/' {
			return k
		}
	}
	return -1
}
