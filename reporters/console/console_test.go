package console

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// play runs a whole report through a console, as a run does.
func play(c *Console, r *model.Report) {
	c.Start(Plan{Tool: "bulkproof 1.0.0", Target: r.Target.BaseURL, IG: r.IG, Authorized: r.Target.Authorization, Checks: len(r.Checks),
		KickOffs: 14, Downloads: 9, Requirements: r.Requirements})
	for i, k := range r.Checks {
		c.CheckStarted(k.ID)
		if i == 9 {
			for range 3 {
				c.Status("waiting for export, 37%, next poll in 5 s")
			}
			c.Status("")
		}
		c.CheckDone(k)
	}
	c.Status("deleting 14 jobs")
	for _, p := range r.Problems {
		c.Problem(p)
	}
	c.Summary(r, []string{"bulkproof-report/report.html", "bulkproof-report/with two  spaces/report.json"})
}

func TestGolden(t *testing.T) {
	strict := reporttest.Sample()
	strict.Strict = true
	for name, c := range map[string]struct {
		o Options
		r *model.Report
	}{
		"plain":       {Options{Mode: Plain, Terminal: true, Colour: Never}, reporttest.Sample()},
		"file":        {Options{Width: 120}, reporttest.Sample()},
		"verbose":     {Options{Width: 100, Verbose: true}, reporttest.Sample()},
		"colour":      {Options{Mode: Plain, Colour: Always}, reporttest.Sample()},
		"live":        {Options{Terminal: true, Colour: Never}, reporttest.Sample()},
		"live-narrow": {Options{Terminal: true, Colour: Never, Width: 44}, reporttest.Sample()},
		"quiet":       {Options{Mode: Quiet, Terminal: true, Colour: Never}, strict},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			play(New(&b, c.o), c.r)
			// Escapes and returns in a form that a person can review.
			got := strings.NewReplacer("\x1b", "<ESC>", "\r", "<CR>\n").Replace(b.String())
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the output differs from %s; look at the difference, then go test ./reporters/console -update\n%s", golden, got)
			}
		})
	}
}

// screen plays a terminal's part: what is visible after carriage returns have overwritten lines.
func screen(s string) []string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		var cells []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			for len(cells) <= at {
				cells = append(cells, ' ')
			}
			cells[at] = r
			at++
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return lines
}

func TestBarLeavesNoTrace(t *testing.T) {
	var live, plain bytes.Buffer
	r := reporttest.Sample()
	play(New(&live, Options{Terminal: true, Colour: Never}), r)
	play(New(&plain, Options{Mode: Plain, Colour: Never}), r)
	seen := screen(live.String())
	for _, line := range seen {
		if strings.ContainsAny(line, "█░") {
			t.Errorf("a piece of the bar is left: %q", line)
		}
	}
	// What stays on the screen is what a log has, without the checks that need no attention and the passing statuses.
	var want []string
	for _, line := range strings.Split(plain.String(), "\n") {
		if strings.HasPrefix(line, "PASS ") || strings.HasPrefix(line, "SKIP ") || strings.HasPrefix(line, "NOT-RUN ") || strings.Contains(line, "waiting for export") {
			continue
		}
		want = append(want, line)
	}
	if got := strings.Join(seen, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if !strings.Contains(live.String(), "waiting for export, 37%") {
		t.Error("the status never showed beside the bar")
	}
}

func TestBarKeepsToTheWidth(t *testing.T) {
	for _, width := range []int{40, 60, 80, 200} {
		var b bytes.Buffer
		c := New(&b, Options{Terminal: true, Colour: Never, Width: width})
		c.Start(Plan{IG: "3.0.0", Checks: 9000})
		start := b.Len()
		for range 1234 {
			c.CheckDone(model.Check{ID: "x", Outcome: model.Pass})
		}
		c.CheckStarted(strings.Repeat("long-check-id.", 30))
		c.Status(strings.Repeat("体温", 200))
		for _, line := range strings.Split(b.String()[start:], "\r") {
			if w := uniseg.StringWidth(line); w >= width {
				t.Fatalf("%d columns in a terminal of %d would wrap: %q", w, width, line)
			}
		}
	}
}

func TestColour(t *testing.T) {
	for _, c := range []struct {
		name          string
		o             Options
		noColor, term string
		want          bool
	}{
		{"file", Options{}, "", "xterm", false},
		{"terminal", Options{Terminal: true}, "", "xterm", true},
		{"terminal with NO_COLOR", Options{Terminal: true}, "1", "xterm", false},
		{"dumb terminal", Options{Terminal: true}, "", "dumb", false},
		{"always", Options{Colour: Always}, "1", "dumb", true},
		{"never", Options{Terminal: true, Colour: Never}, "", "xterm", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			var b bytes.Buffer
			c.o.Mode = Plain
			play(New(&b, c.o), reporttest.Sample())
			if got := strings.Contains(b.String(), "\x1b["); got != c.want {
				t.Errorf("coloured: %v, want %v", got, c.want)
			}
		})
	}
}

func TestHostileTextNeverReachesTheTerminal(t *testing.T) {
	const attack = "\x1b]0;owned\a\x1b[2J\x1b[31m\r\nPASS   forged.check  all is well\n\u009b1A\u202e\u200b\xff\x00"
	for name, o := range map[string]Options{
		"plain": {Mode: Plain}, "verbose": {Verbose: true}, "quiet": {Mode: Quiet}, "live": {Terminal: true, Colour: Never},
	} {
		var b bytes.Buffer
		r := reporttest.Hostile(attack)
		// Reproduce alone keeps line breaks, which a command needs; it stays behind its indent.
		c := New(&b, o)
		play(c, r)
		c.Status(attack)
		c.Problem(attack)
		c.CheckStarted(attack)
		for _, bad := range []string{"\x1b", "\a", "\u009b", "\u202e", "\u200b", "\xff", "\x00"} {
			if strings.Contains(b.String(), bad) {
				t.Errorf("%s: %q reaches the terminal", name, bad)
			}
		}
		if !o.Terminal && strings.Contains(b.String(), "\r") {
			t.Errorf("%s: a carriage return reaches the terminal", name)
		}
		for _, line := range strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			if strings.HasPrefix(line, "PASS   forged") {
				t.Errorf("%s: a forged line: %q", name, line)
			}
		}
		if !strings.Contains(b.String(), `\u001b]0;owned\u0007`) {
			t.Errorf("%s: the attack is not shown as text", name)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	var b bytes.Buffer
	r := reporttest.Sample()
	c := New(&b, Options{Terminal: true, Colour: Never, Total: 400})
	c.Start(Plan{IG: r.IG, Requirements: r.Requirements})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				k := r.Checks[i%len(r.Checks)]
				c.CheckStarted(k.ID)
				c.Status("waiting")
				c.CheckDone(k)
				c.Problem("a problem")
			}
		})
	}
	wg.Wait()
	c.Summary(r, nil)
	if got := strings.Count(b.String(), "note: a problem"); got != 400 {
		t.Errorf("%d of 400 lines arrived", got)
	}
	for _, line := range screen(b.String()) {
		if strings.ContainsAny(line, "█░") {
			t.Errorf("a piece of the bar is left: %q", line)
		}
	}
}

func TestMoreOrFewerChecksThanAnnounced(t *testing.T) {
	for _, total := range []int{0, 1, 100} {
		var b bytes.Buffer
		c := New(&b, Options{Terminal: true, Colour: Never, Total: total})
		c.Start(Plan{IG: "3.0.0"})
		for range 5 {
			c.CheckDone(model.Check{ID: "x.y", Outcome: model.Pass})
		}
		c.Summary(&model.Report{Verdict: model.Incomplete, IG: "3.0.0"}, nil)
		if !strings.Contains(strings.Join(screen(b.String()), "\n"), "\nINCOMPLETE  ") {
			t.Errorf("announced %d: no verdict in %q", total, b.String())
		}
	}
}

// closedPipe takes some bytes and then nothing more, like head(1).
type closedPipe struct{ left, calls int }

func (w *closedPipe) Write(p []byte) (int, error) {
	w.calls++
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

func TestBrokenPipeSilences(t *testing.T) {
	for _, left := range []int{0, 300, 2000} {
		w := &closedPipe{left: left}
		c := New(w, Options{Terminal: true, Colour: Never})
		play(c, reporttest.Sample())
		before := w.calls
		c.Problem("anything")
		c.Summary(reporttest.Sample(), nil)
		if w.calls != before {
			t.Errorf("after %d bytes the pipe broke, and the console still writes", left)
		}
	}
}

func TestWrapAndShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 7, "one two|three"},
		{"https://a.example/very/long b", 8, "https://a.example/very/long|b"},
		{"体温 体温 体温", 9, "体温 体温|体温"},
	} {
		if got := strings.Join(wrap(c.in, c.width), "|"); got != c.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abcd", 0, ""}, {"abcd", -4, ""}, {"体温計", 5, "体温…"}, {"体温計", 4, "体…"},
	} {
		if got := shorten(c.in, c.width); got != c.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}
