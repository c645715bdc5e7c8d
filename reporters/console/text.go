package console

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// sanitise returns s as one line that a terminal shows and does not obey: every control character, escape
// sequence, bidirectional override, invisible character and byte that is not UTF-8 becomes visible text. A target
// writes much of what a finding quotes, and a terminal that reads "ESC ] 0 ;" or a carriage return out of it
// would rename the window or overwrite a verdict.
func sanitise(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !safe(r) {
			clean = false
			break
		}
	}
	if clean {
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

// safe reports whether a terminal shows r as itself. unicode.IsPrint excludes controls (Cc), format characters
// such as bidirectional overrides and zero-width joiners (Cf), separators other than the plain space, private
// use and unassigned code points.
func safe(r rune) bool { return unicode.IsPrint(r) }

// wrap breaks a sanitised line at spaces so that no piece is wider than width columns. A word that is wider on
// its own (a URL) stays whole: broken, it could not be copied.
func wrap(s string, width int) []string {
	var lines []string
	var line strings.Builder
	used := 0
	for _, word := range strings.Fields(s) {
		w := uniseg.StringWidth(word)
		if used > 0 && used+1+w > width {
			lines = append(lines, line.String())
			line.Reset()
			used = 0
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		line.WriteString(word)
		used += w
	}
	return append(lines, line.String())
}

// shorten cuts a sanitised line to width columns, with an ellipsis where something is missing.
func shorten(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	var b strings.Builder
	used := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		if used+g.Width() > width-1 {
			break
		}
		b.WriteString(g.Str())
		used += g.Width()
	}
	return b.String() + "…"
}
