package dataset

import "strconv"

// writer appends JSON to a buffer that is reused from resource to resource. Property order is the order of the
// calls. A key of "" stands for a list element. Separators come from looking at the last byte: a value never ends in
// one of '{', '[' and ':', because strings end in a quotation mark.
type writer struct{ j []byte }

func (w *writer) key(k string) {
	if n := len(w.j); n > 0 {
		if c := w.j[n-1]; c != '{' && c != '[' {
			w.j = append(w.j, ',')
		}
	}
	if k != "" {
		w.j = append(w.j, '"')
		w.j = append(w.j, k...)
		w.j = append(w.j, '"', ':')
	}
}

func (w *writer) open(k string) { w.key(k); w.j = append(w.j, '{') }
func (w *writer) list(k string) { w.key(k); w.j = append(w.j, '[') }
func (w *writer) end()          { w.j = append(w.j, '}') }
func (w *writer) endList()      { w.j = append(w.j, ']') }

// raw writes a number, true, false or null, and decimals with the digits given (FHIR keeps trailing zeros).
func (w *writer) raw(k, literal string) { w.key(k); w.j = append(w.j, literal...) }
func (w *writer) int(k string, n int)   { w.key(k); w.j = strconv.AppendInt(w.j, int64(n), 10) }
func (w *writer) bool(k string, v bool) { w.key(k); w.j = strconv.AppendBool(w.j, v) }

func (w *writer) str(k, v string) {
	w.key(k)
	w.j = append(w.j, '"')
	w.j = appendEscaped(w.j, v)
	w.j = append(w.j, '"')
}

// decimal writes n / 10^places.
func (w *writer) decimal(k string, n, places int) {
	w.key(k)
	w.j = appendDecimal(w.j, n, places)
}

func appendDecimal(dst []byte, n, places int) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	unit := 1
	for range places {
		unit *= 10
	}
	dst = strconv.AppendInt(dst, int64(n/unit), 10)
	if places > 0 {
		dst = append(dst, '.')
		for unit /= 10; unit > 0; unit /= 10 {
			dst = append(dst, byte('0'+n/unit%10))
		}
	}
	return dst
}

// appendEscaped appends v, which is valid UTF-8, as the inside of a JSON string (RFC 8259, section 7).
func appendEscaped(dst []byte, v string) []byte {
	const hex = "0123456789abcdef"
	from := 0
	for i := range len(v) {
		c := v[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, v[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, v[from:]...)
}
