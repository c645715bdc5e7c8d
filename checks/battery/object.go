package battery

import (
	"encoding/json"
	"strings"
)

// Object is a JSON object whose members keep their order, may be of any text, and may repeat: what a negative test needs
// and a map cannot hold.
type Object struct{ members []member }

type member struct{ name, raw string }

// Set gives a member a value, in its old place if it is there already.
func (o *Object) Set(name string, value any) { o.Raw(name, text(value)) }

// Raw gives a member a JSON text as value, well-formed or not.
func (o *Object) Raw(name, raw string) {
	for i := range o.members {
		if o.members[i].name == name {
			o.members[i].raw = raw
			return
		}
	}
	o.Add(name, raw)
}

// Add appends a member even if there is one of that name.
func (o *Object) Add(name, raw string) { o.members = append(o.members, member{name, raw}) }

// Del removes every member of the name.
func (o *Object) Del(name string) {
	var kept []member
	for _, m := range o.members {
		if m.name != name {
			kept = append(kept, m)
		}
	}
	o.members = kept
}

// String returns the object as JSON.
func (o *Object) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(m.name) + ":" + m.raw)
	}
	b.WriteByte('}')
	return b.String()
}

// text is the JSON of a value that has one.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}
