package resource

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxProblems bounds what one line can cost: a hostile line could otherwise be made of millions of errors.
const maxProblems = 10000

// reader reads a line that the fast path declined, recovers from what it can, and records every problem with
// its offset and pointer. It never recurses deeper than maxDepth.
type reader struct {
	d        *Definitions
	maxDepth int
	values   bool
	expected string // resourceType the caller expects, "" for any

	b        []byte
	problems []Problem
	dropped  int // problems beyond maxProblems
	stack    []step
	dead     bool // what follows cannot be read
	names    []nameRef
	seed     maphash.Seed
	head     Head
	root     string // first word of paths

	scope     *scope // of local references
	contained bool   // inside a contained resource
	codings   []coding
	xhtml     narrative
}

// step is one reference token of the current JSON pointer: a member name, or an index if name is "".
type step struct {
	name  string
	index int
	array bool
}

// nameRef is one member name of an open object.
type nameRef struct{ hash, offset uint32 }

func newReader(d *Definitions, maxDepth int, o Options) *reader {
	return &reader{d: d, maxDepth: maxDepth, values: o.Values, expected: o.Type, seed: maphash.MakeSeed()}
}

// line reads the line and leaves what it found in r.problems, sorted by offset.
func (r *reader) line(b []byte) Head {
	r.b, r.problems, r.dropped, r.stack, r.names = b, r.problems[:0], 0, r.stack[:0], r.names[:0]
	r.dead, r.head, r.root, r.scope, r.contained, r.codings = false, Head{}, "", nil, false, nil
	i := space(b, 0)
	switch {
	case i == len(b):
		r.add(0, "json.syntax", "The line is empty; one JSON object was expected.")
		return r.head
	case strings.HasPrefix(string(b[i:min(i+3, len(b))]), "\ufeff"):
		r.add(i, "json.syntax", "The line starts with a byte order mark, which JSON does not allow (RFC 8259 section 8.1).")
		i = space(b, i+3)
	}
	r.head.Object = i < len(b) && b[i] == '{'
	end := r.top(i)
	if !r.dead {
		if end = space(b, end); end < len(b) {
			if b[end] == '{' || b[end] == '[' {
				r.add(end, "json.trailing-data", "A second value follows on the line; each line must hold one resource.")
			} else {
				r.add(end, "json.trailing-data", "Data follows the JSON object on the line.")
			}
			r.head.Object = false
		}
	}
	r.head.Object = r.head.Object && !r.dead
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Offset, b.Offset) })
	if r.dropped > 0 {
		r.problems = append(r.problems, Problem{
			Offset: len(b), Path: strings.Clone(r.root), Rule: "line.more-problems", Severity: Error,
			Message: fmt.Sprintf("The line has %d further problems, which are not listed.", r.dropped),
		})
	}
	return r.head
}

// top reads the value of the whole line.
func (r *reader) top(i int) int {
	if !r.head.Object {
		at := i
		i = r.value(i, 0)
		if !r.dead && len(r.problems) == 0 {
			r.add(at, "json.not-object", "The line is valid JSON but not a JSON object; each line must hold one resource.")
		}
		return i
	}
	r.root, _ = r.resourceTypeOf(i)
	if r.d != nil {
		return r.resource(i, 0, onLine)
	}
	found := false
	end := r.object(i, 1, func(name string, _, at int) int {
		next := r.value(at, 1)
		found = found || name == "resourceType"
		r.noteHead(name, at, next)
		return next
	})
	if !found && !r.dead {
		r.add(i, ruleResourceType, "The object has no resourceType.")
	}
	return end
}

// noteHead keeps what Head holds of a member of the resource itself and judges resourceType.
func (r *reader) noteHead(name string, at, end int) {
	if r.dead || at >= end {
		return
	}
	switch name {
	case "resourceType":
		s, ok := r.text(at, end)
		switch {
		case !ok:
			r.add(at, ruleResourceType, "The resourceType is not a string.")
		case s == "":
			r.add(at, ruleResourceType, "The resourceType is empty.")
		case r.expected != "" && s != r.expected:
			r.addValue(at, ruleResourceType, fmt.Sprintf("The resource is not of type %s, as expected here.", r.expected), s)
		}
		r.head.ResourceType = cmp.Or(r.head.ResourceType, strings.Clone(s))
	case "id":
		s, _ := r.text(at, end)
		r.head.ID = cmp.Or(r.head.ID, s)
	case "meta":
		if r.b[at] == '{' {
			s, _ := lastUpdated(r.b[at:end])
			r.head.LastUpdated = cmp.Or(r.head.LastUpdated, string(s))
		}
	}
}

// resourceTypeOf looks ahead for the resourceType of the object at i. It returns "" if there is none that can
// be read, and the offset of the value, -1 if the member is absent.
func (r *reader) resourceTypeOf(i int) (string, int) {
	from, to := findResourceType(r.b, i)
	if from < 0 {
		return "", -1
	}
	s, _ := r.text(from, to)
	return s, from
}

// findResourceType returns where the value of resourceType begins and ends in the object at i, which need not be
// well-formed. The value begins at -1 if there is none, and is empty if it is no string.
func findResourceType(b []byte, i int) (from, to int) {
	depth := 0
	for k := i; k < len(b); k++ {
		switch b[k] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return -1, -1
			}
		case '"':
			end := looseStringEnd(b, k+1)
			name := b[k+1 : min(end, len(b))]
			k = end
			if depth != 1 || string(name) != "resourceType" {
				continue
			}
			at := space(b, min(end+1, len(b)))
			if at >= len(b) || b[at] != ':' {
				continue
			}
			at = space(b, at+1)
			if at >= len(b) || b[at] != '"' {
				return at, at
			}
			return at, min(looseStringEnd(b, at+1)+1, len(b))
		}
	}
	return -1, -1
}

// looseStringEnd returns the index of the quote that ends the string body at i, whatever is in the body,
// or len(b).
func looseStringEnd(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(b)
}

// text returns what the string value b[at:end] stands for; false if the value is not a string. The text may share
// the memory of the line.
func (r *reader) text(at, end int) (string, bool) {
	if end-at < 2 || r.b[at] != '"' || r.b[end-1] != '"' {
		return "", false
	}
	body := r.b[at+1 : end-1]
	if slices.Contains(body, '\\') || !utf8.Valid(body) {
		return alias(appendUnescaped(make([]byte, 0, len(body)), body)), true
	}
	return alias(body), true
}

// value reads any JSON value and returns the index after it.
func (r *reader) value(i, depth int) int {
	b := r.b
	if i >= len(b) {
		return r.stop(i, "The line ends where a JSON value was expected.")
	}
	switch c := b[i]; {
	case c == '"':
		return r.str(i)
	case c == '{':
		return r.object(i, depth+1, func(_ string, _, at int) int { return r.value(at, depth+1) })
	case c == '[':
		return r.array(i, depth+1, func(_, at int) int { return r.value(at, depth+1) })
	case c == '-' || c == '+' || c == '.' || c-'0' <= 9:
		return r.number(i)
	default:
		return r.word(i)
	}
}

// number reads a number, also one that is not in JSON's grammar.
func (r *reader) number(i int) int {
	b := r.b
	end := i
	for end < len(b) && (b[end]-'0' <= 9 || b[end] == '-' || b[end] == '+' || b[end] == '.' || b[end]|0x20 == 'e') {
		end++
	}
	if numberEnd(b, i) != end {
		r.addValue(i, "json.number", "The number does not follow the JSON grammar (RFC 8259 section 6).", string(b[i:end]))
	}
	return end
}

// word reads true, false, null or a word that is none of them.
func (r *reader) word(i int) int {
	b := r.b
	end := i
	for end < len(b) && (b[end]|0x20 >= 'a' && b[end]|0x20 <= 'z' || b[end] == '_' || end > i && b[end]-'0' <= 9) {
		end++
	}
	switch {
	case end == i:
		return r.stop(i, "A JSON value was expected.")
	case literalEnd(b, i) != end:
		r.addValue(i, "json.syntax", "A bare word that is not true, false or null stands where a JSON value was expected.", string(b[i:end]))
	}
	return end
}

// str reads a string and records what is wrong inside it, each kind once.
func (r *reader) str(i int) int {
	end, _ := stringEnd(r.b, i+1)
	if end >= 0 {
		return end + 1
	}
	b := r.b
	var control, escape, surrogate, encoding bool
	once := func(done *bool, at int, rule, message string) {
		if !*done {
			r.add(at, rule, message)
		}
		*done = true
	}
	for k := i + 1; k < len(b); {
		switch c := b[k]; {
		case c == '"':
			return k + 1
		case c == '\\':
			switch n := escapeLen(b, k); n {
			case 0:
				once(&escape, k, "json.escape", "The string holds an escape sequence that JSON does not know.")
				k += 2
			case -1:
				once(&surrogate, k, "json.surrogate", "The string holds a lone UTF-16 surrogate, which stands for no character (RFC 7493 section 2.1).")
				k += 6
			default:
				k += n
			}
		case c < 0x20:
			once(&control, k, "json.control-character", "The string holds a control character that is not escaped.")
			k++
		case c < utf8.RuneSelf:
			k++
		default:
			n := runeLen(b, k)
			if n == 0 {
				once(&encoding, k, "json.utf8", "The string holds bytes that are not valid UTF-8.")
				n = 1
			}
			k += n
		}
	}
	return r.stop(len(b), "The line ends inside a string.")
}

// array reads the array at i. It calls item with the index and position of each item; item returns the
// position after it.
func (r *reader) array(i, depth int, item func(index, at int) int) int {
	b := r.b
	if depth > r.maxDepth {
		return r.tooDeep(i)
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for k := 0; ; k++ {
		if i < len(b) && (b[i] == ']' || b[i] == ',') {
			r.add(i, "json.syntax", "A comma is not followed by a value.")
			if b[i] == ']' {
				return i + 1
			}
			i = space(b, i+1)
			continue
		}
		r.stack = append(r.stack, step{index: k, array: true})
		i = item(k, i)
		r.stack = r.stack[:len(r.stack)-1]
		if r.dead {
			return i
		}
		if i = space(b, i); i >= len(b) {
			return r.stop(i, "The line ends inside an array.")
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1
		default:
			return r.stop(i, "A comma or the end of the array was expected.")
		}
	}
}

// object reads the object at i. It calls member with each name, its position and the position of the value;
// member returns the position after the value. Duplicate names are reported, and member is called for them too.
func (r *reader) object(i, depth int, member func(name string, nameAt, at int) int) int {
	b := r.b
	if depth > r.maxDepth {
		return r.tooDeep(i)
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	first := len(r.names)
	defer func() {
		r.duplicates(first)
		r.names = r.names[:first]
	}()
	for {
		if i >= len(b) {
			return r.stop(i, "The line ends inside an object.")
		}
		switch b[i] {
		case '"':
		case '}', ',':
			r.add(i, "json.syntax", "A comma is not followed by a member name.")
			if b[i] == '}' {
				return i + 1
			}
			i = space(b, i+1)
			continue
		default:
			return r.stop(i, "A member name in double quotes was expected.")
		}
		nameAt := i
		if i = r.str(i); r.dead {
			return i
		}
		name, _ := r.text(nameAt, i)
		r.names = append(r.names, nameRef{uint32(maphash.String(r.seed, name)), uint32(nameAt)})
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return r.stop(i, "A colon was expected after a member name.")
		}
		i = space(b, i+1)
		r.stack = append(r.stack, step{name: name})
		i = member(name, nameAt, i)
		r.stack = r.stack[:len(r.stack)-1]
		if r.dead {
			return i
		}
		if i = space(b, i); i >= len(b) {
			return r.stop(i, "The line ends inside an object.")
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return i + 1
		default:
			return r.stop(i, "A comma or the end of the object was expected.")
		}
	}
}

// duplicates reports the names of r.names[first:] that occurred before.
func (r *reader) duplicates(first int) {
	own := r.names[first:]
	slices.SortFunc(own, func(a, b nameRef) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.offset, b.offset))
	})
	for k := 1; k < len(own); k++ {
		if own[k].hash != own[k-1].hash {
			continue
		}
		offset := int(own[k].offset)
		name := r.nameAt(offset)
		for j := k - 1; j >= 0 && own[j].hash == own[k].hash; j-- {
			if r.nameAt(int(own[j].offset)) == name {
				r.stack = append(r.stack, step{name: name})
				r.addValue(offset, "json.duplicate-key", "The member occurs more than once in its object.", name)
				r.stack = r.stack[:len(r.stack)-1]
				break
			}
		}
	}
}

func (r *reader) nameAt(offset int) string {
	s, _ := r.text(offset, min(looseStringEnd(r.b, offset+1)+1, len(r.b)))
	return s
}

// stop records a problem after which nothing more can be read.
func (r *reader) stop(i int, message string) int {
	r.add(i, "json.syntax", message)
	r.dead = true
	return len(r.b)
}

func (r *reader) tooDeep(i int) int {
	r.add(i, "json.depth", fmt.Sprintf("Objects and arrays are nested more than %d deep.", r.maxDepth))
	r.dead = true
	return len(r.b)
}

// add records an error at the current pointer.
func (r *reader) add(offset int, rule, message string) { r.addValue(offset, rule, message, "") }

func (r *reader) addValue(offset int, rule, message, value string) {
	r.report(Error, offset, rule, message, value)
}

func (r *reader) report(severity Severity, offset int, rule, message, value string) {
	if len(r.problems) >= maxProblems {
		r.dropped++
		return
	}
	p := Problem{
		Offset: offset, Pointer: pointer(r.stack), Path: fhirPath(r.root, r.stack),
		Rule: rule, Severity: severity, Message: message,
	}
	if r.values {
		p.Value = strings.Clone(shorten(value))
	}
	r.problems = append(r.problems, p)
}

// pointer writes the stack as a JSON pointer (RFC 6901).
func pointer(stack []step) string {
	var b strings.Builder
	for _, s := range stack {
		b.WriteByte('/')
		if s.array {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(pointerEscapes.Replace(s.name))
		}
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// fhirPath writes the stack in FHIR notation, without indices.
func fhirPath(root string, stack []step) string {
	var b strings.Builder
	b.WriteString(root)
	for _, s := range stack {
		if s.array {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
	}
	return b.String()
}

// shorten cuts a value to what a report can show.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
