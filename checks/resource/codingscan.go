package resource

// codingScan looks in well-formed JSON, without escapes where it matters, for a coding of a set.
type codingScan struct {
	b     []byte
	codes *codeSet
}

// concept says whether the CodeableConcept at i has a coding of the set.
func (s codingScan) concept(i int) bool {
	found := false
	s.members(i, func(name []byte, at int) int {
		if string(name) != "coding" || s.b[at] != '[' {
			return s.skip(at)
		}
		for at++; ; {
			at = space(s.b, at)
			if s.b[at] == ']' {
				return at + 1
			}
			if s.b[at] == ',' {
				at++
				continue
			}
			next, ok := s.coding(at)
			found = found || ok
			at = next
		}
	})
	return found
}

// coding says whether the Coding or Quantity at i is of the set, and returns the index after it.
func (s codingScan) coding(i int) (int, bool) {
	var system, code []byte
	end := s.members(i, func(name []byte, at int) int {
		next := s.skip(at)
		switch string(name) {
		case "system":
			system = s.b[at+1 : next-1]
		case "code":
			code = s.b[at+1 : next-1]
		}
		return next
	})
	return end, len(code) > 0 && s.codes.hasCoding(system, code)
}

// members calls f with the name and the position of the value of each member of the object at i; f returns the
// position after the value.
func (s codingScan) members(i int, f func(name []byte, at int) int) int {
	for i++; ; {
		i = space(s.b, i)
		switch s.b[i] {
		case '}':
			return i + 1
		case ',':
			i++
			continue
		}
		end := looseStringEnd(s.b, i+1)
		i = f(s.b[i+1:end], space(s.b, space(s.b, end+1)+1))
	}
}

// skip returns the index after the value at i.
func (s codingScan) skip(i int) int {
	depth := 0
	for ; i < len(s.b); i++ {
		switch s.b[i] {
		case '"':
			i = looseStringEnd(s.b, i+1)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 || i+1 < len(s.b) && s.b[i+1] != ',' && s.b[i+1] != '}' && s.b[i+1] != ']' && s.b[i+1] > ' ' {
				continue
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}
