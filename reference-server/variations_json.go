package refserver

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one member of a JSON object, its value as it is written.
type member struct {
	name  string
	value []byte
}

// editMembers rewrites the members of a JSON object in one line; what is no object is returned as it is.
func editMembers(line []byte, edit func([]member) []member) []byte {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return line
	}
	var members []member
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return line
		}
		m := member{name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return line
		}
		m.value = bytes.Clone(value)
		members = append(members, m)
	}
	if _, err := d.ReadToken(); err != nil {
		return line
	}
	out := []byte{'{'}
	for i, m := range edit(members) {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, m.name)
		out = append(append(out, ':'), m.value...)
	}
	return append(out, '}')
}

// isDomainResource tells whether the members are those of a resource that may have a narrative.
func isDomainResource(m []member) bool {
	for _, x := range m {
		if x.name == "resourceType" {
			switch string(x.value) {
			case `"Parameters"`, `"Bundle"`, `"Binary"`:
				return false
			}
			return true
		}
	}
	return false
}

// escapeASCII writes every character beyond ASCII, and the solidus, as an escape. Both stand in strings only.
func escapeASCII(line []byte) []byte {
	var b strings.Builder
	b.Grow(len(line) + len(line)/8)
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		i += n
		switch {
		case r == '/' && (i < 2 || line[i-2] != '\\'):
			b.WriteString(`\/`)
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	return []byte(b.String())
}
