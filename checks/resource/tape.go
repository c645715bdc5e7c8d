package resource

import (
	"bytes"
	"slices"
)

// maxTape bounds the values of one line that are kept for profiles: at 48 bytes each about 200 MB.
const maxTape = 1 << 22

// tape holds the values of a well-formed line in the order in which they begin, each before what it contains. It is
// what profiles are judged on. It can be filled again without allocating.
type tape struct {
	b       []byte
	values  []value
	scratch []byte
}

// value is one JSON value. Its members or items are the values from its index plus one to end, each followed by the
// one at its own end.
type value struct {
	kind             byte // first byte: { [ " t f n, or 0 for numbers
	from, to         int  // in the line
	nameFrom, nameTo int  // of the member name, without quotes; equal if there is none
	end              int  // index after the value and all it contains
}

// read fills the tape from a well-formed line. It reports false if the line has too many values, or is not
// well-formed after all.
func (t *tape) read(b []byte) bool {
	t.b, t.values = b, t.values[:0]
	i := t.value(space(b, 0), 0, 0)
	return i > 0 && len(t.values) < maxTape
}

func (t *tape) value(i, nameFrom, nameTo int) int {
	b := t.b
	if i >= len(b) || len(t.values) >= maxTape {
		return -1
	}
	k := len(t.values)
	t.values = append(t.values, value{kind: b[i], from: i, nameFrom: nameFrom, nameTo: nameTo})
	end := -1
	switch b[i] {
	case '"':
		if end, _ = stringEnd(b, i+1); end >= 0 {
			end++
		}
	case '{', '[':
		end = t.inside(i)
	case 't', 'f', 'n':
		end = literalEnd(b, i)
	default:
		t.values[k].kind = '0'
		end = numberEnd(b, i)
	}
	t.values[k].to, t.values[k].end = end, len(t.values)
	return end
}

// inside reads the members or items of the object or array at i.
func (t *tape) inside(i int) int {
	b := t.b
	object := b[i] == '{'
	i = space(b, i+1)
	if i < len(b) && b[i] == b[i-1]+2 && (b[i] == '}' || b[i] == ']') {
		return i + 1
	}
	for {
		var nameFrom, nameTo int
		if i >= len(b) || b[i] == '}' || b[i] == ']' {
			return min(i+1, len(b))
		}
		if object {
			end, _ := stringEnd(b, i+1)
			if b[i] != '"' || end < 0 {
				return -1
			}
			nameFrom, nameTo = i+1, end
			i = space(b, min(space(b, end+1)+1, len(b)))
		}
		if i = t.value(i, nameFrom, nameTo); i < 0 {
			return -1
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		if b[i] != ',' {
			return i + 1
		}
		i = space(b, i+1)
	}
}

// name returns the member name of a value.
func (t *tape) name(k int) []byte {
	v := &t.values[k]
	name := t.b[v.nameFrom:v.nameTo]
	if slices.Contains(name, '\\') {
		return appendUnescaped(nil, name)
	}
	return name
}

// text returns what a string stands for, and a number or word as it is written. It is valid until the next call.
func (t *tape) text(k int) []byte {
	v := &t.values[k]
	if v.kind != '"' {
		return t.b[v.from:v.to]
	}
	body := t.b[v.from+1 : v.to-1]
	if slices.Contains(body, '\\') {
		t.scratch = appendUnescaped(t.scratch[:0], body)
		return t.scratch
	}
	return body
}

// member returns the index of an object's member, -1 if it has none of that name.
func (t *tape) member(k int, name string) int {
	if t.values[k].kind != '{' {
		return -1
	}
	for j := k + 1; j < t.values[k].end; j = t.values[j].end {
		if string(t.name(j)) == name {
			return j
		}
	}
	return -1
}

// str returns the text of a string member, "" if there is none.
func (t *tape) str(k int, name string) string {
	if j := t.member(k, name); j >= 0 && t.values[j].kind == '"' {
		return string(t.text(j))
	}
	return ""
}

// constant is a fixed or pattern value of a profile.
type constant struct {
	kind  byte
	text  []byte
	names []string
	items []*constant
}

// newConstant reads a well-formed JSON value.
func newConstant(raw []byte) *constant {
	t := &tape{}
	if !t.read(raw) {
		return nil
	}
	var build func(k int) *constant
	build = func(k int) *constant {
		v := t.values[k]
		c := &constant{kind: v.kind}
		if v.kind != '{' && v.kind != '[' {
			c.text = bytes.Clone(t.text(k))
			return c
		}
		for j := k + 1; j < v.end; j = t.values[j].end {
			if v.kind == '{' {
				c.names = append(c.names, string(t.name(j)))
			}
			c.items = append(c.items, build(j))
		}
		return c
	}
	return build(0)
}

// fixed says whether a value is exactly c; the order of members does not matter.
func (t *tape) fixed(k int, c *constant) bool {
	v := t.values[k]
	if v.kind != c.kind {
		return false
	}
	switch v.kind {
	case '{':
		n := 0
		for j := k + 1; j < v.end; j = t.values[j].end {
			at := slices.Index(c.names, string(t.name(j)))
			if at < 0 || !t.fixed(j, c.items[at]) {
				return false
			}
			n++
		}
		return n == len(c.names)
	case '[':
		n := 0
		for j := k + 1; j < v.end; j = t.values[j].end {
			if n == len(c.items) || !t.fixed(j, c.items[n]) {
				return false
			}
			n++
		}
		return n == len(c.items)
	}
	return bytes.Equal(t.text(k), c.text)
}

// pattern says whether a value has at least what c has: all its members, and for each of its items one that
// matches (elementdefinition-definitions.html#ElementDefinition.pattern_x_).
func (t *tape) pattern(k int, c *constant) bool {
	v := t.values[k]
	if v.kind != c.kind {
		return false
	}
	switch v.kind {
	case '{':
		for n, name := range c.names {
			if j := t.member(k, name); j < 0 || !t.pattern(j, c.items[n]) {
				return false
			}
		}
		return true
	case '[':
		for _, item := range c.items {
			found := false
			for j := k + 1; j < v.end && !found; j = t.values[j].end {
				found = t.pattern(j, item)
			}
			if !found {
				return false
			}
		}
		return true
	}
	return bytes.Equal(t.text(k), c.text)
}
