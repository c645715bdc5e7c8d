package learn

import (
	"bytes"
	"strings"
	"time"
)

// form is how a reference is written.
type form uint8

const (
	formRelative  form = iota // Type/id
	formAbsolute              // below the base of the server
	formForeign               // below another base
	formFragment              // a contained resource
	formURN                   // urn:uuid:…, urn:oid:…
	formCondition             // Type?query
	formBare                  // an id without its type
	formOther
	forms
)

// parseReference returns what a reference points to, with "" for what it does not say. base is the FHIR base of the
// server with a slash at its end.
func parseReference(ref, base string) (typ, id string, f form) {
	switch {
	case ref == "":
		return "", "", formOther
	case ref[0] == '#':
		return "", "", formFragment
	case strings.HasPrefix(ref, "urn:"):
		return "", "", formURN
	}
	f = formRelative
	rest := ref
	if len(ref) > len(base) && strings.EqualFold(ref[:len(base)], base) {
		f, rest = formAbsolute, ref[len(base):]
	} else if strings.Contains(ref, "://") {
		return "", "", formForeign
	}
	if t, _, ok := strings.Cut(rest, "?"); ok {
		if isType(t) {
			return "", "", formCondition
		}
		return "", "", formOther
	}
	typ, id, ok := strings.Cut(rest, "/")
	if !ok {
		if isID(rest) {
			return "", "", formBare
		}
		return "", "", formOther
	}
	id, version, versioned := strings.Cut(id, "/_history/")
	if !isType(typ) || !isID(id) || versioned && !isID(version) {
		return "", "", formOther
	}
	return typ, id, f
}

func isType(s string) bool {
	if len(s) < 2 || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// instant returns a FHIR instant or dateTime in nanoseconds, NoTime if it is none with a time zone.
func instant(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1700 || t.Year() > 2200 {
		return NoTime
	}
	return t.UnixNano()
}

// tokens calls f with each code of the value at i: a code, string or boolean itself, the code of a Coding, the codes of a
// CodeableConcept. It returns the index behind the value.
func tokens(b []byte, i, depth int, f func([]byte)) int {
	if i >= len(b) || depth > 4 {
		return -1
	}
	switch b[i] {
	case '"':
		raw, end := text(b, i)
		if end >= 0 && bytes.IndexByte(raw, '\\') < 0 {
			f(raw)
		}
		return end
	case 't', 'f':
		end := skip(b, i)
		if end > i {
			f(b[i:end])
		}
		return end
	case '[':
		return items(b, i, func(at int) int { return tokens(b, at, depth+1, f) })
	case '{':
		return members(b, i, func(name []byte, at int) int {
			switch string(name) {
			case "coding":
				return tokens(b, at, depth+1, f)
			case "code":
				if at < len(b) && b[at] == '"' {
					return tokens(b, at, depth+1, f)
				}
			}
			return skip(b, at)
		})
	}
	return skip(b, i)
}

// The years that dates are learned for. A value between two years' turns has an odd number, one within a day of a turn,
// where time zones decide, an even one.
const firstYear, lastYear = 1910, 2035

// yearValue returns the facet value of a date or dateTime.
func yearValue(s []byte) uint8 {
	if len(s) < 4 {
		return facetUnknown
	}
	year := 0
	for _, c := range s[:4] {
		if c < '0' || c > '9' {
			return facetUnknown
		}
		year = 10*year + int(c-'0')
	}
	if year < firstYear {
		return 1
	}
	if year > lastYear {
		return facetUnknown
	}
	v := uint8(1 + 2*(year-firstYear))
	if len(s) >= 10 {
		switch string(s[4:10]) {
		case "-01-01":
			return max(1, v-1)
		case "-12-31":
			return v + 1
		}
	}
	return v
}

// fromYear reports whether a date facet's value is on or after the first of January of the year, and whether that can
// be said.
func fromYear(value uint8, year int) (matches, known bool) {
	turn := uint8(2 * (year - firstYear))
	switch value {
	case facetAbsent, facetOther:
		return false, true
	case facetUnknown, turn:
		return false, false
	}
	return value > turn, true
}
