package resource

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// op says how the fast walk reads the value of a field.
type op uint8

const (
	opComplex       op = iota // an object
	opPassedOn                // a part of a CodeableReference, to which the rules of the whole apply
	opReference               // Reference.reference
	opReferenceType           // Reference.type
	opResource                // a resource in a Bundle or Parameters
	opContained               // a contained resource
	opTypeName                // resourceType
	opString
	opURI
	opCode
	opBoundCode
	opID
	opResourceID
	opDate
	opDateTime
	opInstant
	opLastUpdated
	opXHTML
	opBoolean
	opDecimal
	opInteger // integer, positiveInt, unsignedInt
	opOther   // strings of rare kinds
)

// prepare chooses the ops of a node's fields.
func (n *node) prepare() {
	n.valueBit, n.nestedBit = n.bit("value[x]"), n.bit("extension")
	n.forbidden = n.bit("versionId") | n.bit("lastUpdated") | n.bit("security")
	for k := range n.fields {
		f := &n.fields[k]
		f.tok = newToken(f.name)
		f.choiceOrTwin = f.choice || f.twin
		switch f.kind {
		case complexKind:
			f.op = opComplex
			if n.role == codeableReferenceRole && (f.name == "concept" || f.name == "reference") {
				f.op = opPassedOn
			}
		case anyResource:
			f.op = opResource
			if n.role == resourceRole && f.name == "contained" {
				f.op = opContained
			}
		case typeNameKind:
			f.op = opTypeName
		case stringKind, markdownKind:
			f.op = opString
			if f.codes != nil {
				f.op = opOther
			}
			if n.role == referenceRole && f.name == "reference" {
				f.op = opReference
			}
		case uriKind:
			f.op = opURI
			if f.codes != nil {
				f.op = opOther
			}
			if n.role == referenceRole && f.name == "type" {
				f.op = opReferenceType
			}
		case codeKind:
			f.op = opCode
			if f.codes != nil {
				f.op = opBoundCode
			}
		case idKind:
			f.op = opID
			if n.role == resourceRole && f.name == "id" {
				f.op = opResourceID
			}
		case dateKind:
			f.op = opDate
		case dateTimeKind:
			f.op = opDateTime
		case instantKind:
			f.op = opInstant
			if n.role == metaRole && f.name == "lastUpdated" {
				f.op = opLastUpdated
			}
		case xhtmlKind:
			f.op = opXHTML
		case booleanKind:
			f.op = opBoolean
		case decimalKind:
			f.op = opDecimal
		case integerKind, positiveKind, unsignedKind:
			f.op = opInteger
		default:
			f.op = opOther
		}
	}
}

// value walks one value of a field at i, which is inside the line. It returns the index after it, -1 to decline.
func (w *fast) value(f *field, i, depth int) int {
	b := w.b
	switch f.op {
	case opString:
		return w.stringValue(i)
	case opBoundCode:
		// Most codes are the ones of the line before.
		last := w.lastCode[f.slot]
		if end := i + 1 + len(last); end < len(b) && last != "" && b[end] == '"' && string(b[i+1:end]) == last && b[i] == '"' {
			return end + 1
		}
		return w.boundCode(f, i)
	case opURI:
		if b[i] == '"' {
			if end := wordEnd(b, i+1); end > i+1 && end < len(b) && b[end] == '"' {
				return end + 1
			}
		}
		return w.other(f, i)
	case opCode:
		if b[i] == '"' {
			if end := wordEnd(b, i+1); end > i+1 && end < len(b) && b[end] == '"' {
				return end + 1
			}
		}
		return w.other(f, i)
	case opComplex:
		if b[i] != '{' {
			return -1
		}
		return w.object(f.element, f, i, depth+1)
	case opDateTime, opInstant, opDate:
		if end := dateEnd(b, i, f.op); end > 0 {
			return end
		}
		return w.other(f, i)
	case opLastUpdated:
		end := dateEnd(b, i, f.op)
		if end > 0 && depth == 2 {
			w.head.LastUpdated = alias(b[i+1 : end-1])
		}
		return end
	case opDecimal:
		return numberEnd(b, i)
	case opID:
		return w.id(i)
	case opResourceID:
		end := w.id(i)
		switch {
		case end < 0:
		case depth == 1:
			w.head.ID = alias(b[i+1 : end-1])
		case w.inside && !w.containedID(i+1, end-1):
			return -1
		}
		return end
	case opTypeName:
		end := i + 2 + len(f.typ)
		if end > len(b) || b[i] != '"' || string(b[i+1:end-1]) != f.typ || b[end-1] != '"' {
			return -1
		}
		return end
	case opBoolean:
		switch {
		case i+4 <= len(b) && string(b[i:i+4]) == "true":
			return i + 4
		case i+5 <= len(b) && string(b[i:i+5]) == "false":
			return i + 5
		}
		return -1
	case opInteger:
		end := numberEnd(b, i)
		if end < 0 || !formatOK(f.kind, b[i:end]) {
			return -1
		}
		return end
	case opContained:
		return w.resource(i, depth, true)
	case opResource:
		return w.resource(i, depth, false)
	case opXHTML:
		return w.div(i)
	default:
		return w.other(f, i)
	}
}

// stringValue walks a string or markdown.
func (w *fast) stringValue(i int) int {
	b := w.b
	if b[i] != '"' {
		return -1
	}
	i++
	end, escaped := stringEnd(b, i)
	if end <= i || end-i > maxString {
		return -1 // malformed, empty, or maybe too long
	}
	if b[i] <= ' ' || escaped {
		w.scratch = appendUnescaped(slices.Grow(w.scratch[:0], end-i), b[i:end])
		if blank, control := oddText(w.scratch); blank || control {
			return -1
		}
	}
	return end + 1
}

// boundCode walks a code with a required binding.
func (w *fast) boundCode(f *field, i int) int {
	b := w.b
	if b[i] != '"' {
		return -1
	}
	end, escaped := stringEnd(b, i+1)
	if end < 0 || escaped {
		return -1
	}
	code := b[i+1 : end]
	if k := f.codes.codes.find(code); k >= 0 {
		w.lastCode[f.slot] = f.codes.codes.names[k]
	} else if !codeOK(code) || !f.codes.hasCode(code) {
		return -1
	}
	return end + 1
}

// id walks an id.
func (w *fast) id(i int) int {
	b := w.b
	if b[i] != '"' {
		return -1
	}
	end := idEnd(b, i+1)
	if end >= len(b) || b[end] != '"' || end == i+1 || end-i-1 > 64 {
		return -1
	}
	return end + 1
}

// other walks strings of rare kinds or shapes, all of which formatOK knows.
func (w *fast) other(f *field, i int) int {
	b := w.b
	if b[i] != '"' || f.kind > integer64Kind {
		return -1
	}
	end, escaped := stringEnd(b, i+1)
	if end < 0 {
		return -1
	}
	text := b[i+1 : end]
	if escaped {
		w.scratch = appendUnescaped(slices.Grow(w.scratch[:0], len(text)), text)
		text = w.scratch
	}
	if len(text) == 0 || !formatOK(f.kind, text) || f.codes != nil && !f.codes.hasCode(text) {
		return -1
	}
	if f.kind == stringKind || f.kind == markdownKind {
		if blank, control := oddText(text); blank || control || len(text) > maxString {
			return -1
		}
	}
	return end + 1
}

// div walks Narrative.div.
func (w *fast) div(i int) int {
	b := w.b
	if b[i] != '"' {
		return -1
	}
	end, escaped := stringEnd(b, i+1)
	if end < 0 {
		return -1
	}
	text := b[i+1 : end]
	if escaped {
		w.scratch = appendUnescaped(slices.Grow(w.scratch[:0], len(text)), text)
		text = w.scratch
	}
	if !w.xhtml.judge(text, nil) || !w.xhtml.content {
		return -1
	}
	return end + 1
}

// localTarget stands for a reference of the form #id in place of the type it names.
const localTarget = -2

// reference walks Reference.reference; f is the field that the Reference is the value of. It also returns the type
// that the reference names, -1 for none, or localTarget.
func (w *fast) reference(f *field, i int) (end, named int) {
	b := w.b
	if b[i] != '"' || f == nil {
		return -1, -1
	}
	if k := int(w.targets[f.slot]) - 1; k >= 0 {
		name := w.d.resources.names[k]
		slash := i + 1 + len(name)
		if slash < len(b) && b[slash] == '/' && string(b[i+1:slash]) == name {
			if end = idEnd(b, slash+1); end < len(b) && b[end] == '"' && end > slash+1 && end-slash <= 65 {
				return end + 1, k
			}
		}
	}
	end, escaped := stringEnd(b, i+1)
	if end < 0 || escaped {
		return -1, -1
	}
	shape, named := w.d.parseReference(b[i+1 : end])
	switch shape {
	case refTyped, refConditional:
		if f.targets != nil && !f.targets.has(named) {
			return -1, -1
		}
		w.targets[f.slot] = uint16(named + 1)
	case refLocal:
		w.refs = append(w.refs, fastRef{i + 2, end, f.targets})
		named = localTarget
	case refSelf, refAbsolute:
	default:
		return -1, -1
	}
	return end + 1, named
}

// typeName walks Reference.type. It returns the index of the type, -1 to decline.
func (w *fast) typeName(i int) (end, typ int) {
	b := w.b
	if b[i] != '"' {
		return -1, -1
	}
	end = wordEnd(b, i+1)
	if end >= len(b) || b[end] != '"' {
		return -1, -1
	}
	return end + 1, w.d.resources.find(b[i+1 : end])
}

// wordEnd returns the index of the first byte from i on that is a quote, a backslash, white space, a control
// character, or not ASCII.
func wordEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		if m := ((w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones) | (w - ones*0x21) | w) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] > ' ' && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// idEnd returns the index of the first byte from i on that cannot be in an id.
func idEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		// For bytes below 0x80, adding 0x80-c sets the high bit where the byte is c or more, without carry.
		lower := w | ones*0x20
		letter := (lower + ones*(0x80-'a')) &^ (lower + ones*(0x80-'z'-1))
		digit := (w + ones*(0x80-'0')) &^ (w + ones*(0x80-'9'-1))
		mark := (w + ones*(0x80-'-')) &^ (w + ones*(0x80-'.'-1))
		if m := (w | ^(letter | digit | mark)) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && idByte[b[i]] {
		i++
	}
	return i
}

// eightDigits checks that the bytes of w are digits where pattern has a zero and equal pattern elsewhere.
func matches(w, pattern, limits uint64) bool {
	x := w ^ pattern
	return ((x+limits)|x)&highs == 0
}

// The words of a date and time as they are in memory, and what to add to make the high bit show a mismatch: 0x76 for
// digits (10 or more), 0x7f for other characters (1 or more).
var (
	dateWord, dateLimits = pattern("0000-00-")
	midWord, midLimits   = pattern("00T00:00")
	zoneWord, zoneLimits = pattern("00:00\"")
)

func pattern(s string) (word, limits uint64) {
	for k := range len(s) {
		word |= uint64(s[k]) << (8 * k)
		if s[k] == '0' {
			limits |= 0x76 << (8 * k)
		} else {
			limits |= 0x7f << (8 * k)
		}
	}
	return
}

// dateEnd walks the usual forms of date, dateTime and instant, quotes included. It returns -1 for all others.
func dateEnd(b []byte, i int, as op) int {
	if i+28 > len(b) || b[i] != '"' {
		return -1
	}
	i++
	w := binary.LittleEndian.Uint64(b[i:])
	if !matches(w, dateWord, dateLimits) {
		return -1
	}
	month := int(w>>40&0xf)*10 + int(w>>48&0xf)
	if month-1 > 11 || month < 1 || uint32(w) == 0x30303030 {
		return -1
	}
	if b[i+10] == '"' { // a date alone
		if as == opInstant || as == opLastUpdated || b[i+8]-'0' > 9 || b[i+9]-'0' > 9 {
			return -1
		}
		if day := two(b[i+8:]); day > 28 && !dateOK(b[i:i+10]) || day < 1 {
			return -1
		}
		return i + 11
	}
	mid := binary.LittleEndian.Uint64(b[i+8:])
	if as == opDate || !matches(mid, midWord, midLimits) {
		return -1
	}
	day := int(mid&0xf)*10 + int(mid>>8&0xf)
	hour := int(mid>>24&0xf)*10 + int(mid>>32&0xf)
	minuteTens := mid >> 48 & 0xf
	if day < 1 || day > 28 && !dateOK(b[i:i+10]) || hour > 23 || minuteTens > 5 {
		return -1
	}
	if b[i+16] != ':' || b[i+17]-'0' > 5 || b[i+18]-'0' > 9 { // second 60 is left to the caller
		return -1
	}
	i += 19
	if b[i] == '.' {
		first := i + 1
		for i = first; i < len(b) && b[i]-'0' <= 9; i++ {
		}
		if i == first || i+8 > len(b) {
			return -1
		}
	}
	if b[i] == 'Z' {
		if b[i+1] != '"' {
			return -1
		}
		return i + 2
	}
	if b[i] != '+' && b[i] != '-' || i+9 > len(b) {
		return -1
	}
	zone := binary.LittleEndian.Uint64(b[i+1:])
	if !matches(zone&(1<<48-1), zoneWord, zoneLimits) {
		return -1
	}
	zoneHour := int(zone&0xf)*10 + int(zone>>8&0xf)
	if zoneHour > 13 || zone>>24&0xf > 5 { // ±14:00 is left to the caller
		return -1
	}
	return i + 7
}

// bound judges a coded element with a required binding, b[start:end], that has been walked.
func (w *fast) bound(n *node, f *field, start, end int) bool {
	s := codingScan{b: w.b[:end], codes: f.codes}
	if n.role == codeableConceptRole {
		return s.concept(start)
	}
	_, ok := s.coding(start)
	return ok
}
