package resource

import (
	"fmt"
	"slices"
)

// primitive reads the value of a primitive element.
func (r *reader) primitive(f *field, i, depth int) int {
	b := r.b
	isString := b[i] == '"'
	switch {
	case f.kind <= integer64Kind && !isString:
		r.addType(i, "a string")
		return r.value(i, depth)
	case f.kind == booleanKind && b[i] != 't' && b[i] != 'f':
		r.addType(i, "true or false")
		return r.value(i, depth)
	case f.kind >= integerKind && b[i] != '-' && b[i]-'0' > 9:
		r.addType(i, "a number")
		return r.value(i, depth)
	}
	count := len(r.problems) + r.dropped
	next := r.value(i, depth)
	if r.dead || len(r.problems)+r.dropped > count || f.kind == booleanKind {
		return next // damaged JSON has been reported; its content would be guesswork
	}
	if f.kind >= integerKind {
		if !formatOK(f.kind, b[i:next]) {
			r.addFormat(f, i, string(b[i:next]))
		}
		return next
	}
	text, _ := r.text(i, next)
	r.stringValue(f, text, i, next)
	return next
}

func (r *reader) addFormat(f *field, i int, value string) {
	r.addValue(i, "fhir.format."+f.typ, fmt.Sprintf("The value is not %s.", formats[f.kind]), value)
}

// stringValue judges the text of a primitive that JSON represents as a string.
func (r *reader) stringValue(f *field, text string, i, end int) {
	switch {
	case text == "":
		r.add(i, "fhir.empty", "The string is empty; an element without a value must be left out.")
		return
	case f.kind == xhtmlKind:
		r.narrative(text, i, end)
		return
	case !formatOK(f.kind, bytesOf(text)):
		r.addFormat(f, i, text)
		return
	case f.codes != nil && !f.codes.hasCode(bytesOf(text)):
		r.addValue(i, "fhir.code", fmt.Sprintf("The code is not in the required value set %s.", f.codes.url), text)
	}
	if f.kind != stringKind && f.kind != markdownKind {
		return
	}
	if tooLong(bytesOf(text)) {
		r.add(i, "fhir.size", fmt.Sprintf("The string has more than %d characters.", maxString))
	}
	blank, control := oddText(bytesOf(text))
	if blank {
		r.report(Warning, i, "fhir.blank", "The string holds only white space.", text)
	}
	if control {
		r.report(Warning, i, "fhir.control-character", "The string holds control characters other than tab, line feed and carriage return.", text)
	}
}

// narrative judges the text of an xhtml element.
func (r *reader) narrative(text string, i, end int) {
	body := r.b[i+1 : end-1]
	ok := r.xhtml.judge(bytesOf(text), func(offset int, rule, message string) {
		r.add(i+1+rawOffset(body, offset), rule, message)
	})
	if ok && !r.xhtml.content {
		r.report(Warning, i, "fhir.narrative.empty", "The narrative has neither text nor an image (invariant txt-2).", "")
	}
}

// rawOffset returns where in the body of a JSON string the byte at offset of its unescaped text comes from.
func rawOffset(body []byte, offset int) int {
	if !slices.Contains(body, '\\') {
		return offset
	}
	var scratch [8]byte
	for i := 0; i < len(body); {
		n := 1
		if body[i] == '\\' {
			if n = escapeLen(body, i); n <= 0 {
				return i
			}
			offset -= len(appendUnescaped(scratch[:0], body[i:i+n]))
		} else {
			offset--
		}
		if offset < 0 {
			return i
		}
		i += n
	}
	return len(body)
}

// roleRules judges what goes beyond the elements of some types.
func (r *reader) roleRules(n *node, m *members, e element, i int) {
	switch n.role {
	case extensionRole:
		r.extension(n, m, i)
	case referenceRole:
		r.reference(m, e.targets, i)
	case codingRole, quantityRole:
		c := coding{m.system.text, m.code.text}
		r.codings = append(r.codings, c)
		if e.codes != nil {
			r.bound(e.codes, []coding{c}, i)
		}
	case codeableConceptRole:
		if e.codes != nil && (len(m.codings) > 0 || m.seen&n.bit("extension") == 0) {
			r.bound(e.codes, m.codings, i)
		}
	case resourceRole:
		if e.place == contained {
			r.containedID(n, m, i)
		}
	}
}

// extension checks that an extension has either a value or extensions (invariant ext-1).
func (r *reader) extension(n *node, m *members, i int) {
	value, nested := n.bit("value[x]"), n.bit("extension")
	hasValue, hasNested := (m.seen|m.twins)&value != 0, m.seen&nested != 0
	switch {
	case hasValue && hasNested:
		r.add(i, "fhir.extension.value", "The extension has both a value and extensions; it must have exactly one of them (invariant ext-1).")
	case !hasValue && !hasNested:
		r.add(i, "fhir.extension.value", "The extension has neither a value nor extensions; it must have exactly one of them (invariant ext-1).")
	}
}

// bit returns the bit of an element.
func (n *node) bit(name string) uint64 {
	if k := slices.Index(n.elements, name); k >= 0 {
		return 1 << k
	}
	return 0
}

// bound judges a coded element with a required binding: one of its codings must be in the value set
// (terminologies.html#required).
func (r *reader) bound(codes *codeSet, codings []coding, i int) {
	unsystematic := false
	for _, c := range codings {
		if c.code != "" && codes.hasCoding([]byte(c.system), []byte(c.code)) {
			return
		}
		unsystematic = unsystematic || c.system == "" && codes.hasCode([]byte(c.code))
	}
	switch {
	case unsystematic:
		r.report(Warning, i, "fhir.code.system", fmt.Sprintf("The code is one of the required value set %s, but names no code system.", codes.url), "")
	case !slices.ContainsFunc(codings, func(c coding) bool { return c.code != "" }):
		r.add(i, "fhir.code", fmt.Sprintf("The element has no code; one of the required value set %s is needed.", codes.url))
	default:
		r.addValue(i, "fhir.code", fmt.Sprintf("None of the codes is in the required value set %s.", codes.url), codings[0].code)
	}
}
