package resource

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Eight bytes are examined at a time ("SIMD within a register").
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd scans the body of a JSON string, from the byte after the opening quote. It returns the index of
// the closing quote and whether the body holds escapes, or -1 if the string is not one that RFC 8259 and
// RFC 7493 allow: control character, bad escape, lone surrogate, invalid UTF-8, no closing quote.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	for {
		for {
			if i+8 > len(b) {
				for i < len(b) && b[i] >= 0x20 && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
					i++
				}
				if i >= len(b) {
					return -1, escaped
				}
				break
			}
			w := binary.LittleEndian.Uint64(b[i:])
			// A byte's high bit is set where the byte is a quote, a backslash, below 0x20 or above 0x7f. A borrow
			// can set it wrongly only in bytes above the first true one, which are not looked at.
			if m := ((w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones) | (w - ones*0x20) | w) & highs; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		switch c := b[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			escaped = true
			n := escapeLen(b, i)
			if n <= 0 {
				return -1, escaped
			}
			i += n
		case c < 0x20:
			return -1, escaped
		default:
			n := runeLen(b, i)
			if n == 0 {
				return -1, escaped
			}
			i += n
		}
	}
}

// runeLen returns the length of the UTF-8 sequence that starts at i, 0 if it is not valid.
func runeLen(b []byte, i int) int {
	if i+2 < len(b) { // the common cases, without a call
		c0, c1, c2 := b[i], b[i+1], b[i+2]
		if c0 >= 0xc2 && c0 <= 0xdf && c1&0xc0 == 0x80 {
			return 2
		}
		if c0 >= 0xe1 && c0 <= 0xec && c1&0xc0 == 0x80 && c2&0xc0 == 0x80 {
			return 3
		}
	}
	r, n := utf8.DecodeRune(b[i:])
	if r == utf8.RuneError && n <= 1 {
		return 0
	}
	return n
}

// escapeLen returns the length of the escape sequence that starts at i: 2, 6, or 12 for a surrogate pair.
// It returns 0 for a sequence that JSON does not know and -1 for a lone surrogate.
func escapeLen(b []byte, i int) int {
	if i+1 >= len(b) {
		return 0
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(b, i+2)
		switch {
		case r < 0:
			return 0
		case r < 0xd800 || r > 0xdfff:
			return 6
		case r >= 0xdc00:
			return -1
		}
		if i+7 < len(b) && b[i+6] == '\\' && b[i+7] == 'u' {
			if low := hex4(b, i+8); low >= 0xdc00 && low <= 0xdfff {
				return 12
			}
		}
		return -1
	}
	return 0
}

// hex4 returns the value of the four hexadecimal digits at i, -1 if they are not there.
func hex4(b []byte, i int) rune {
	if i+4 > len(b) {
		return -1
	}
	var v rune
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return v
}

// numberEnd returns the index after the JSON number (RFC 8259 section 6) that starts at i, -1 if none does.
// What follows the number is the caller's to judge.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i >= len(b) || b[i]-'0' > 9 {
		return -1
	}
	if b[i] == '0' {
		i++
	} else {
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
	}
	if i < len(b) && b[i] == '.' {
		i++
		first := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == first {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == first {
			return -1
		}
	}
	return i
}

// literalEnd returns the index after true, false or null at i, -1 if none of them is there.
func literalEnd(b []byte, i int) int {
	rest := b[i:]
	switch {
	case len(rest) >= 4 && (string(rest[:4]) == "true" || string(rest[:4]) == "null"):
		return i + 4
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return i + 5
	}
	return -1
}

// space returns the index of the first byte from i on that is not JSON white space.
func space(b []byte, i int) int {
	for i < len(b) {
		if c := b[i]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			break
		}
		i++
	}
	return i
}

// appendUnescaped appends the text that the body of a JSON string stands for. Sequences that are not valid
// are kept as U+FFFD, so that a line with errors can still be examined further.
func appendUnescaped(dst, body []byte) []byte {
	for i := 0; i < len(body); {
		c := body[i]
		if c != '\\' {
			if c < utf8.RuneSelf {
				dst = append(dst, c)
				i++
				continue
			}
			r, n := utf8.DecodeRune(body[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		switch n := escapeLen(body, i); n {
		case 2:
			dst = append(dst, unescapedByte(body[i+1]))
			i += 2
		case 6:
			dst = utf8.AppendRune(dst, hex4(body, i+2))
			i += 6
		case 12:
			high, low := hex4(body, i+2), hex4(body, i+8)
			dst = utf8.AppendRune(dst, (high-0xd800)<<10+low-0xdc00+0x10000)
			i += 12
		default:
			dst = utf8.AppendRune(dst, utf8.RuneError)
			if i+1 < len(body) && body[i+1] == 'u' && hex4(body, i+2) >= 0 {
				i += 6
			} else {
				i++
			}
		}
	}
	return dst
}

func unescapedByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
