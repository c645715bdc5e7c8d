package resource

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// plain accepts JSON without knowing FHIR. It only says yes or no: a line it does not accept is read again by
// reader, which finds out what is wrong, if anything. It may therefore decline whatever is rare.
type plain struct {
	b        []byte
	maxDepth int
	names    []uint64 // signatures of the member names of all open objects
	head     Head
	types    interner
}

// line reports whether b is one JSON object with a resourceType that plain need not look at twice.
func (p *plain) line(b []byte) bool {
	p.b, p.names, p.head = b, p.names[:0], Head{}
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	p.head.Object = true
	i = p.object(i, 1)
	return i > 0 && space(b, i) == len(b) && p.head.ResourceType != ""
}

// value returns the index after the value at i, -1 to decline.
func (p *plain) value(i, depth int) int {
	b := p.b
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; c {
	case '"':
		end, _ := stringEnd(b, i+1)
		return end + 1 - b2i(end < 0)
	case '{':
		return p.object(i, depth+1)
	case '[':
		return p.array(i, depth+1)
	case 't', 'f', 'n':
		return literalEnd(b, i)
	default:
		return numberEnd(b, i)
	}
}

func (p *plain) array(i, depth int) int {
	b := p.b
	if depth > p.maxDepth {
		return -1
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = p.value(i, depth); i < 0 {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

func (p *plain) object(i, depth int) int {
	b := p.b
	if depth > p.maxDepth {
		return -1
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	first := len(p.names)
	var bloom uint64
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		end, escaped := stringEnd(b, i+1)
		if end < 0 || escaped {
			return -1
		}
		name := b[i+1 : end]
		sig := signature(name)
		bit := uint64(1) << (sig * 0x9e3779b97f4a7c15 >> 58)
		if own := p.names[first:]; bloom&bit != 0 && len(own) < 64 && slices.Contains(own, sig) {
			return -1
		}
		bloom |= bit
		p.names = append(p.names, sig)
		i = space(b, end+1)
		if i >= len(b) || b[i] != ':' {
			return -1
		}
		i = space(b, i+1)
		start := i
		if depth == 1 && string(name) == "meta" && i < len(b) && b[i] == '{' {
			i = p.meta(i)
		} else {
			i = p.value(i, depth)
		}
		if i < 0 {
			return -1
		}
		if depth == 1 && !p.note(name, start, i) {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			ok := p.distinct(first)
			p.names = p.names[:first]
			if !ok {
				return -1
			}
			return i + 1
		default:
			return -1
		}
	}
}

// distinct checks the names of large objects, which are not compared one by one as they come.
func (p *plain) distinct(first int) bool {
	own := p.names[first:]
	if len(own) <= 64 {
		return true
	}
	slices.Sort(own)
	for k := 1; k < len(own); k++ {
		if own[k] == own[k-1] {
			return false
		}
	}
	return true
}

// note keeps what the head needs of a member of the resource itself.
func (p *plain) note(name []byte, start, end int) bool {
	switch string(name) {
	case "resourceType":
		s, ok := plainString(p.b, start, end)
		p.head.ResourceType = p.types.intern(s)
		return ok
	case "id":
		s, ok := plainString(p.b, start, end)
		p.head.ID = alias(s)
		return ok
	}
	return true
}

// meta is object for the resource's own meta element.
func (p *plain) meta(i int) int {
	end := p.object(i, 2)
	if end > 0 {
		if s, ok := lastUpdated(p.b[i:end]); ok {
			p.head.LastUpdated = alias(s)
		}
	}
	return end
}

// lastUpdated finds the member lastUpdated in a well-formed JSON object.
func lastUpdated(b []byte) ([]byte, bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end, _ := stringEnd(b, i+1)
			if end < 0 {
				return nil, false
			}
			name := b[i+1 : end]
			i = end
			if depth != 1 || string(name) != "lastUpdated" {
				continue
			}
			k := space(b, end+1)
			if k >= len(b) || b[k] != ':' {
				continue
			}
			k = space(b, k+1)
			if k < len(b) && b[k] == '"' {
				if e, escaped := stringEnd(b, k+1); e >= 0 && !escaped {
					return b[k+1 : e], true
				}
			}
			return nil, false
		}
	}
	return nil, false
}

// plainString returns the body of the string value b[start:end] if it is a non-empty one without escapes.
func plainString(b []byte, start, end int) ([]byte, bool) {
	if b[start] != '"' || end-start < 3 {
		return nil, false
	}
	body := b[start+1 : end-1]
	return body, !slices.Contains(body, '\\')
}

// signature maps a name to a word. Two equal names have one signature; different names mostly do not.
func signature(b []byte) uint64 {
	n := len(b)
	switch {
	case n >= 8:
		return binary.LittleEndian.Uint64(b) ^ binary.LittleEndian.Uint64(b[n-8:])*0x9e3779b97f4a7c15 ^ uint64(n)<<56
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<29 ^ uint64(n)<<61
	}
	w := uint64(n) << 48
	for k, c := range b {
		w |= uint64(c) << (8 * k)
	}
	return w
}

// alias returns the bytes as a string without copying them: it lives only as long as they are not changed.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf returns the bytes of a string without copying them; they must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// interner keeps the few strings that recur on every line, so that they are allocated once.
type interner struct {
	last  string
	known []string
}

func (n *interner) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if n.last == string(b) {
		return n.last
	}
	for _, s := range n.known {
		if s == string(b) {
			n.last = s
			return s
		}
	}
	s := string(b)
	if len(n.known) < 256 && len(s) < 64 {
		n.known = append(n.known, s)
	}
	return s
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
