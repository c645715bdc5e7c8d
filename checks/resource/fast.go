package resource

import "encoding/binary"

// fast walks a line along the definitions. Like plain it only says yes or no: a line that it declines is read again
// by reader, which decides. So it may decline whatever is rare, but it must never accept what reader finds a
// problem in; a differential fuzz test holds the two together.
//
// What makes it fast: strings are scanned eight bytes at a time; the member that follows is predicted from what
// followed last time and compared, name and colon, with two words; elements seen are bits of a word.
type fast struct {
	d        *Definitions
	maxDepth int

	b        []byte
	head     Head
	next     []uint16 // by node.base and member: the member that followed last time, plus one
	lastType int      // index of the resource type of the line before
	targets  []uint16 // by field.slot: resource type of the last reference, plus one
	lastCode []string // by field.slot: the last code that was in the field's set

	inside  bool // a contained resource
	refs    []fastRef
	ids     []fastID
	scratch []byte
	xhtml   narrative
}

type fastRef struct {
	from, to int // the id, in the line
	targets  *targetSet
}

type fastID struct {
	from, to int
	typ      int
}

func newFast(d *Definitions, maxDepth int) *fast {
	w := &fast{d: d, maxDepth: maxDepth, lastType: -1}
	members, fields := 0, 0
	for _, n := range d.nodes {
		members += len(n.fields) + 1
		fields += len(n.fields)
	}
	w.next = make([]uint16, members)
	w.targets = make([]uint16, fields)
	w.lastCode = make([]string, fields)
	return w
}

// line reports whether b is a resource without any problem.
func (w *fast) line(b []byte) bool {
	w.b, w.head = b, Head{}
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	k := typeAt(w.d, b, i)
	if k < 0 && w.lastType >= 0 && w.top(w.lastType, i) {
		return true // resourceType is not the first member, but what it was on the line before
	}
	if k < 0 {
		k = w.typeOf(i)
	}
	return k >= 0 && w.top(k, i)
}

// top walks the resource of the line, at i, as one of the k-th type.
func (w *fast) top(k, i int) bool {
	w.refs, w.ids, w.inside = w.refs[:0], w.ids[:0], false
	end := w.object(w.d.byType[k], nil, i, 1)
	w.lastType = k
	w.head.ResourceType = w.d.resources.names[k]
	w.head.Object = true
	return end > 0 && space(w.b, end) == len(w.b) && w.resolve(0, 0)
}

const typeFirst = `{"resourceType":"`

// typeAt returns the index of the type of the resource at i if resourceType is its first member, else -1.
func typeAt(d *Definitions, b []byte, i int) int {
	from := i + len(typeFirst)
	if from >= len(b) || string(b[i:from]) != typeFirst {
		return -1
	}
	to := from
	for to < len(b) && b[to] != '"' {
		to++
	}
	return d.resources.find(b[from:to])
}

// typeOf looks ahead for the type of the resource at i.
func (w *fast) typeOf(i int) int {
	from, to := findResourceType(w.b, i)
	if from < 0 || to-from < 2 || w.b[to-1] != '"' {
		return -1
	}
	return w.d.resources.find(w.b[from+1 : to-1])
}

// resource walks a resource inside another.
func (w *fast) resource(i, depth int, isContained bool) int {
	b := w.b
	if i >= len(b) || b[i] != '{' {
		return -1
	}
	k := typeAt(w.d, b, i)
	if k < 0 {
		if k = w.typeOf(i); k < 0 {
			return -1
		}
	}
	n := w.d.byType[k]
	if isContained {
		if w.inside {
			return -1
		}
		w.inside = true
		known := len(w.ids)
		end := w.object(n, nil, i, depth+1)
		w.inside = false
		if len(w.ids) != known+1 {
			return -1 // without an id
		}
		w.ids[known].typ = k
		return end
	}
	if w.inside {
		return -1 // a Bundle or Parameters in contained: left to reader
	}
	refs, ids := len(w.refs), len(w.ids)
	end := w.object(n, nil, i, depth+1)
	if end > 0 && !w.resolve(refs, ids) {
		return -1
	}
	w.refs, w.ids = w.refs[:refs], w.ids[:ids]
	return end
}

// resolve checks the local references since refs against the contained resources since ids.
func (w *fast) resolve(refs, ids int) bool {
	for _, r := range w.refs[refs:] {
		ok := false
		for _, id := range w.ids[ids:] {
			if string(w.b[r.from:r.to]) == string(w.b[id.from:id.to]) {
				ok = r.targets == nil || r.targets.has(id.typ)
				break
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// containedID notes the id of a contained resource, w.b[from:to]. It reports false if the id is not unique.
func (w *fast) containedID(from, to int) bool {
	if len(w.ids) > 64 {
		return false
	}
	for _, id := range w.ids {
		if string(w.b[id.from:id.to]) == string(w.b[from:to]) {
			return false
		}
	}
	w.ids = append(w.ids, fastID{from: from, to: to, typ: -1})
	return true
}

// object walks the object at i, whose first byte is known to be a brace, along n. The field of the parent it is the
// value of, if any, tells what a reference or a code may be. It returns the index after the object, -1 to decline.
func (w *fast) object(n *node, parent *field, i, depth int) int {
	b := w.b
	if depth > w.maxDepth {
		return -1
	}
	start := i
	next := w.next[n.base : n.base+len(n.fields)+1]
	prev := 0
	var seen, twins uint64
	named, typ := -1, -1 // of a Reference: the types that reference and type give
	i++
	for {
		if i+8 > len(b) {
			return -1 // too short for any member and what must follow; reader decides
		}
		word := binary.LittleEndian.Uint64(b[i:])
		if byte(word) != '"' {
			if i = space(b, i); i+8 > len(b) || b[i] != '"' {
				return -1
			}
			word = binary.LittleEndian.Uint64(b[i:])
		}
		var f *field
		before := prev
		if p := next[prev]; p > 0 {
			g := &n.fields[p-1]
			t := &g.tok
			end := i + len(t.text)
			if (word^t.first)&t.m0 == 0 && end <= len(b) &&
				(binary.LittleEndian.Uint64(b[i+t.offset:])^t.last)&t.m0 == 0 &&
				(len(t.text) <= 16 || string(b[i:end]) == t.text) {
				f, prev, i = g, int(p), end
			}
		}
		if f == nil {
			end, escaped := stringEnd(b, i+1)
			if end < 0 || escaped {
				return -1
			}
			k := n.table.find(b[i+1 : end])
			if k < 0 {
				return -1
			}
			next[prev] = uint16(k + 1)
			f, prev = &n.fields[k], k+1
			if i = space(b, end+1); i >= len(b) || b[i] != ':' {
				return -1
			}
			i++
		}
		bit := uint64(1) << f.bit
		if f.choiceOrTwin {
			was := (seen | twins) & bit
			if f.twin {
				if twins&bit != 0 || f.array {
					return -1
				}
				twins |= bit
			} else {
				if seen&bit != 0 {
					return -1
				}
				seen |= bit
			}
			if was != 0 && f.choice && before != f.pair+1 {
				return -1 // not the twin of what was seen, or not right after it
			}
		} else {
			if seen&bit != 0 {
				return -1
			}
			seen |= bit
		}
		if i >= len(b) {
			return -1
		}
		c := b[i]
		if c <= ' ' {
			if i = space(b, i); i >= len(b) {
				return -1
			}
			c = b[i]
		}
		if f.array {
			if c != '[' || depth >= w.maxDepth {
				return -1
			}
			i++
			for {
				if i < len(b) && b[i] <= ' ' {
					i = space(b, i)
				}
				if i >= len(b) {
					return -1
				}
				if f.op == opComplex {
					if b[i] != '{' {
						return -1
					}
					i = w.object(f.element, f, i, depth+2)
				} else {
					i = w.value(f, i, depth+1)
				}
				if uint(i) >= uint(len(b)) {
					return -1
				}
				c := b[i]
				if c <= ' ' {
					if i = space(b, i); i >= len(b) {
						return -1
					}
					c = b[i]
				}
				i++
				if c == ',' {
					continue
				}
				if c != ']' {
					return -1
				}
				break
			}
		} else {
			switch f.op {
			case opComplex:
				if c != '{' {
					return -1
				}
				i = w.object(f.element, f, i, depth+1)
			case opPassedOn:
				if c != '{' {
					return -1
				}
				i = w.object(f.element, parent, i, depth+1)
			case opReference:
				i, named = w.reference(parent, i)
			case opReferenceType:
				if i, typ = w.typeName(i); typ < 0 {
					return -1
				}
			default:
				i = w.value(f, i, depth)
			}
		}
		if uint(i) >= uint(len(b)) {
			return -1
		}
		if c = b[i]; c <= ' ' {
			if i = space(b, i); i >= len(b) {
				return -1
			}
			c = b[i]
		}
		i++
		if c == ',' {
			continue
		}
		if c != '}' {
			return -1
		}
		break
	}
	if n.need&^(seen|twins) != 0 {
		return -1
	}
	if n.role != plainRole && !w.roleRules(n, parent, seen, twins, named, typ, start, i) {
		return -1
	}
	return i
}

// roleRules judges what goes beyond the elements of some types, as reader.roleRules does.
func (w *fast) roleRules(n *node, parent *field, seen, twins uint64, named, typ, start, end int) bool {
	switch n.role {
	case extensionRole:
		return (seen|twins)&n.valueBit != 0 != (seen&n.nestedBit != 0)
	case referenceRole:
		if typ >= 0 {
			if parent != nil && parent.targets != nil && !parent.targets.has(typ) {
				return false
			}
			return named < 0 && named != localTarget || named == typ
		}
	case codeableConceptRole, codingRole, quantityRole:
		if parent != nil && parent.codes != nil {
			return w.bound(n, parent, start, end)
		}
	case metaRole:
		return !w.inside || seen&n.forbidden == 0
	}
	return true
}
