// Package visible makes text that a target wrote safe to show: what a terminal or a browser would obey, hide or
// reorder becomes text that can be seen.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line: every control character, line break, bidirectional override, invisible character
// and byte that is not UTF-8 becomes a visible escape such as \n, \u001b or \xff. Everything else stays as it is.
func Line(s string) string { return escape(s, "") }

// Text is Line with line feeds and tabs kept.
func Text(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	safe := func(r rune) bool {
		// unicode.IsPrint excludes controls (Cc), format characters such as bidirectional overrides and
		// zero-width joiners (Cf), separators other than the plain space, private use and unassigned code points.
		return unicode.IsPrint(r) || strings.ContainsRune(keep, r)
	}
	// U+FFFD is printable, and it is also what ranging yields for a broken byte.
	if !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !safe(r) }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case safe(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}
