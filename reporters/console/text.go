package console

import (
	"strings"

	"github.com/rivo/uniseg"

	"github.com/bulkproof/bulkproof/reporters/internal/visible"
)

// sanitise returns s as one line that a terminal shows and does not obey. A target writes much of what a finding
// quotes, and a terminal that reads "ESC ] 0 ;" or a carriage return out of it would rename the window or
// overwrite a verdict.
func sanitise(s string) string { return visible.Line(s) }

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
