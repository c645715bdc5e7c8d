package resource

import (
	"unicode/utf8"
)

// maxString is the size limit of strings in characters (datatypes.html#string).
const maxString = 1 << 20

// formats says what each kind of string or number must look like, for messages.
var formats = [...]string{
	stringKind:    "a string",
	markdownKind:  "a markdown string",
	uriKind:       "a URI: it is empty or holds white space",
	codeKind:      "a code: it is empty, starts or ends with white space, or holds more than single spaces",
	idKind:        "an id: 1 to 64 letters, digits, hyphens and dots",
	oidKind:       "an OID in the form urn:oid:1.2.3",
	uuidKind:      "a UUID in the form urn:uuid: and lower-case hexadecimal digits",
	dateKind:      "a date of the calendar in the form YYYY, YYYY-MM or YYYY-MM-DD",
	dateTimeKind:  "a dateTime in the form YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone",
	instantKind:   "an instant in the form YYYY-MM-DDThh:mm:ss with a time zone",
	timeKind:      "a time in the form hh:mm:ss",
	base64Kind:    "base64 content",
	integer64Kind: "a 64-bit integer in a string",
	integerKind:   "a 32-bit integer without fraction or exponent",
	positiveKind:  "a positive 32-bit integer (1 or more) without fraction or exponent",
	unsignedKind:  "a non-negative 32-bit integer without fraction or exponent",
	decimalKind:   "a decimal",
}

// formatOK judges the text of a non-empty primitive value. It takes the unescaped body of a string, or a
// number that follows the JSON grammar (datatypes.html#primitive).
func formatOK(k kind, b []byte) bool {
	switch k {
	case stringKind, markdownKind, decimalKind, xhtmlKind:
		return true
	case uriKind:
		for _, c := range b {
			if isSpace(c) {
				return false
			}
		}
		return len(b) > 0
	case codeKind:
		return codeOK(b)
	case idKind:
		return idOK(b)
	case oidKind:
		return oidOK(b)
	case uuidKind:
		return len(b) == 45 && string(b[:9]) == "urn:uuid:" && uuidOK(b[9:], false)
	case dateKind:
		return dateOK(b)
	case dateTimeKind:
		return dateOK(b) || instantOK(b)
	case instantKind:
		return instantOK(b)
	case timeKind:
		return timeLen(b) == len(b) && len(b) > 0
	case base64Kind:
		return base64OK(b)
	case integer64Kind:
		return integerOK(b, "9223372036854775807", "9223372036854775808")
	case integerKind:
		return integerOK(b, "2147483647", "2147483648")
	case positiveKind:
		return b[0] != '-' && b[0] != '0' && integerOK(b, "2147483647", "")
	case unsignedKind:
		return b[0] != '-' && integerOK(b, "2147483647", "")
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// codeOK: no leading or trailing white space, single spaces inside (datatypes.html#code).
func codeOK(b []byte) bool {
	before := true
	for _, c := range b {
		now := isSpace(c)
		if now && before {
			return false
		}
		before = now
	}
	return !before
}

func idOK(b []byte) bool {
	for _, c := range b {
		if !idByte[c] {
			return false
		}
	}
	return len(b) >= 1 && len(b) <= 64
}

// idByte marks the bytes that ids consist of.
var idByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b|0x20 >= 'a' && b|0x20 <= 'z' || b-'0' <= 9 || b == '-' || b == '.'
	}
	return
}()

// oidOK: urn:oid: and an OID of at least two arcs, without leading zeros.
func oidOK(b []byte) bool {
	if len(b) < 9 || string(b[:8]) != "urn:oid:" || b[8] < '0' || b[8] > '2' {
		return false
	}
	arcs := 0
	for b = b[9:]; len(b) > 0; arcs++ {
		if b[0] != '.' || len(b) < 2 {
			return false
		}
		n := 1
		for n < len(b) && b[n]-'0' <= 9 {
			n++
		}
		if n == 1 || n > 2 && b[1] == '0' {
			return false
		}
		b = b[n:]
	}
	return arcs > 0
}

func uuidOK(b []byte, anyCase bool) bool {
	if len(b) != 36 {
		return false
	}
	for k, c := range b {
		if k == 8 || k == 13 || k == 18 || k == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if anyCase {
			c |= 0x20 // digits have the bit already
		}
		if c-'0' > 9 && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

func two(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

var monthDays = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// dateOK: YYYY, YYYY-MM or YYYY-MM-DD, a day that the calendar has, the year not 0000.
func dateOK(b []byte) bool {
	switch len(b) {
	case 4, 7, 10:
	default:
		return false
	}
	if !digits(b[:4]) || string(b[:4]) == "0000" {
		return false
	}
	if len(b) == 4 {
		return true
	}
	if b[4] != '-' || !digits(b[5:7]) {
		return false
	}
	month := two(b[5:])
	if month < 1 || month > 12 {
		return false
	}
	if len(b) == 7 {
		return true
	}
	if b[7] != '-' || !digits(b[8:10]) {
		return false
	}
	day := two(b[8:])
	if day < 1 || day > monthDays[month] {
		return false
	}
	if month == 2 && day == 29 {
		year := two(b)*100 + two(b[2:])
		return year%4 == 0 && (year%100 != 0 || year%400 == 0)
	}
	return true
}

// timeLen returns the length of the time hh:mm:ss with optional fraction that b starts with, -1 if none. Leap
// seconds are allowed, 24:00 is not.
func timeLen(b []byte) int {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' || !digits(b[:2]) || !digits(b[3:5]) || !digits(b[6:8]) {
		return -1
	}
	if two(b) > 23 || two(b[3:]) > 59 || two(b[6:]) > 60 {
		return -1
	}
	if len(b) == 8 || b[8] != '.' {
		return 8
	}
	n := 9
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	if n == 9 {
		return -1
	}
	return n
}

// instantOK: a full date and time with a zone up to ±14:00.
func instantOK(b []byte) bool {
	if len(b) < 20 || b[10] != 'T' || !dateOK(b[:10]) {
		return false
	}
	n := timeLen(b[11:])
	if n < 0 {
		return false
	}
	zone := b[11+n:]
	if len(zone) == 1 {
		return zone[0] == 'Z'
	}
	if len(zone) != 6 || zone[0] != '+' && zone[0] != '-' || zone[3] != ':' || !digits(zone[1:3]) || !digits(zone[4:6]) {
		return false
	}
	h, m := two(zone[1:]), two(zone[4:])
	return m <= 59 && (h <= 13 || h == 14 && m == 0)
}

// base64OK: groups of four, padding at the end only. White space is ignored.
func base64OK(b []byte) bool {
	n, pad := 0, 0
	for _, c := range b {
		switch base64Byte[c] {
		case base64Char:
			if pad > 0 {
				return false
			}
			n++
		case base64Pad:
			pad++
		case base64Space:
		default:
			return false
		}
	}
	return n > 0 && pad <= 2 && (n+pad)%4 == 0
}

const (
	base64Char = iota + 1
	base64Pad
	base64Space
)

var base64Byte = func() (t [256]uint8) {
	for c := range t {
		switch b := byte(c); {
		case b|0x20 >= 'a' && b|0x20 <= 'z' || b-'0' <= 9 || b == '+' || b == '/':
			t[c] = base64Char
		case b == '=':
			t[c] = base64Pad
		case isSpace(b):
			t[c] = base64Space
		}
	}
	return
}()

// integerOK compares digits as text, so that no value is rounded. Its limits are those of the positive and the
// negative numbers.
func integerOK(b []byte, most, least string) bool {
	limit := most
	if len(b) > 0 && b[0] == '-' {
		b, limit = b[1:], least
	}
	if len(b) == 0 || !digits(b) || len(b) > 1 && b[0] == '0' {
		return false
	}
	return len(b) < len(limit) || len(b) == len(limit) && string(b) <= limit
}

// tooLong says whether a string of the type string or markdown exceeds the specification's limit.
func tooLong(b []byte) bool { return len(b) > maxString && utf8.RuneCount(b) > maxString }

// oddText says whether a string is one that the specification advises against: only white space, or with
// control characters other than tab, line feed and carriage return.
func oddText(b []byte) (blank, control bool) {
	blank = true
	for _, c := range b {
		if !isSpace(c) {
			blank = false
		}
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
			control = true
		}
	}
	return blank, control
}
