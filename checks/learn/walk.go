package learn

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The walker goes through a line that a judge has found to be one JSON object already. It still trusts nothing: whatever
// the bytes are, it ends, within them, and says whether it understood them.

// maxDepth bounds nesting; FHIR resources stay below 20.
const maxDepth = 200

// space returns the index of the first byte at or behind i that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// text returns the bytes between the quotes of the string at i and the index behind it; -1 if there is none.
func text(b []byte, i int) (raw []byte, end int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	for j := i + 1; ; {
		k := bytes.IndexByte(b[j:], '"')
		if k < 0 {
			return nil, -1
		}
		j += k
		escapes := 0
		for j-1-escapes > i && b[j-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return b[i+1 : j], j + 1
		}
		j++
	}
}

// unescape returns the string that raw stands for.
func unescape(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	quoted := append(append([]byte{'"'}, raw...), '"')
	plain, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return ""
	}
	return string(plain)
}

// skip returns the index behind the value at i, -1 if it is cut off.
func skip(b []byte, i int) int {
	depth := 0
	for i = space(b, i); i < len(b); {
		switch b[i] {
		case '"':
			if _, i = text(b, i); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\r', '\n':
			i++
			continue
		default:
			for i < len(b) && !ends(b[i]) {
				i++
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return -1
}

// ends reports whether a number or literal cannot go on with c.
func ends(c byte) bool {
	switch c {
	case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// members calls f with each name of the object at i and the index of its value; f returns the index behind the value, or
// -1 to give up. It returns the index behind the object, or -1.
func members(b []byte, i int, f func(name []byte, at int) int) int {
	if i = space(b, i); i >= len(b) || b[i] != '{' {
		return -1
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		name, end := text(b, space(b, i))
		if end < 0 {
			return -1
		}
		if i = space(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = f(name, space(b, i+1)); i < 0 {
			return -1
		}
		switch i = space(b, i); {
		case i < len(b) && b[i] == ',':
			i++
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return -1
		}
	}
}

// items calls f with the index of each value of the array at i, or with i itself if there is no array; f returns the
// index behind the value, or -1 to give up. It returns the index behind all, or -1.
func items(b []byte, i int, f func(at int) int) int {
	if i = space(b, i); i >= len(b) || b[i] != '[' {
		return f(i)
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = f(space(b, i)); i < 0 {
			return -1
		}
		switch i = space(b, i); {
		case i < len(b) && b[i] == ',':
			i++
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return -1
		}
	}
}

// node is a place in the element tree of a type, as far as something is to be noticed there.
type node struct {
	kids        map[string]*node
	compartment bool // a reference to a Patient here puts the resource into that patient's compartment
	target      bool // Provenance.target
	security    bool // Binary.securityContext
}

func (n *node) at(path string) *node {
	for _, name := range strings.Split(path, ".") {
		if n.kids == nil {
			n.kids = map[string]*node{}
		}
		k := n.kids[name]
		if k == nil {
			k = &node{}
			n.kids[name] = k
		}
		n = k
	}
	return n
}

func (n *node) kid(name []byte) *node {
	if n == nil || n.kids == nil {
		return nil
	}
	return n.kids[string(name)]
}

// references goes through the value at i, which stands at n and is named name, and calls found for every
// Reference.reference and, with attachment set, for every Attachment.url. It returns the index behind the value, or -1.
func references(b []byte, i int, n *node, attachment bool, depth int, found func(raw []byte, n *node, attachment bool)) int {
	if depth > maxDepth || i >= len(b) {
		return -1
	}
	switch b[i] {
	case '{':
		return members(b, i, func(name []byte, at int) int {
			if at >= len(b) {
				return -1
			}
			if b[at] == '"' {
				raw, end := text(b, at)
				if end >= 0 && string(name) == "reference" {
					found(raw, n, false)
				} else if end >= 0 && attachment && string(name) == "url" {
					found(raw, n, true)
				}
				return end
			}
			return references(b, at, n.kid(name), string(name) == "attachment", depth+1, found)
		})
	case '[':
		return items(b, i, func(at int) int { return references(b, at, n, attachment, depth+1, found) })
	}
	return skip(b, i)
}
