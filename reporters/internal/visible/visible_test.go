package visible

import "testing"

func TestLineAndText(t *testing.T) {
	for _, c := range []struct{ in, line, text string }{
		{"", "", ""},
		{"plain Größe 体温 🌡 �", "plain Größe 体温 🌡 �", "plain Größe 体温 🌡 �"},
		{"a\nb\tc\rd", `a\nb\tc\rd`, "a\nb\tc" + `\rd`},
		{"\x1b]0;owned\a\x1b[2K", `\u001b]0;owned\u0007\u001b[2K`, `\u001b]0;owned\u0007\u001b[2K`},
		{"\u009b31m", `\u009b31m`, `\u009b31m`},                         // the one-byte form of ESC [
		{"safe\u202Efdp.exe", `safe\u202efdp.exe`, `safe\u202efdp.exe`}, // reorders what follows
		{"a\u200bb\ufeff", `a\u200bb\ufeff`, `a\u200bb\ufeff`},
		{"a\u2028b", `a\u2028b`, `a\u2028b`},
		{"\xff\xfeA", `\xff\xfeA`, `\xff\xfeA`},
		{"\U000e0041", `\U000e0041`, `\U000e0041`}, // a tag character: invisible
		{"\x00", `\u0000`, `\u0000`},
	} {
		if got := Line(c.in); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.in, got, c.line)
		}
		if got := Text(c.in); got != c.text {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.text)
		}
	}
}
