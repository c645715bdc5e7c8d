// Package console tells a person at a terminal how a run goes and how it ended.
//
// Nothing that comes from the target reaches the terminal unsanitised.
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/fatih/color"
	"github.com/schollz/progressbar/v3"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
	"github.com/bulkproof/bulkproof/reporters/model"
)

// Mode says how much the console tells.
type Mode uint8

// Modes.
const (
	Normal Mode = iota // progress bar on a terminal, otherwise as Plain; what needs attention as it happens
	Plain              // one line for each check and each status, no redrawing: for logs
	Quiet              // nothing but problems before the end, then one line for each check that needs attention, and the verdict
)

// Colour says when to colour.
type Colour uint8

// Colours. Auto colours on a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is "dumb".
const (
	Auto Colour = iota
	Always
	Never
)

// Options of a Console. The zero value is right for a file.
type Options struct {
	Mode     Mode
	Colour   Colour
	Width    int  // columns; 0 means 80
	Terminal bool // the writer is a terminal, so lines can be redrawn
	Total    int  // checks that will report CheckDone, if known before Start
	Verbose  bool // in Plain and Normal mode, say more about skipped checks: their reason
}

// Plan is what Start announces.
type Plan struct {
	Tool         string              // "bulkproof 1.2.0"
	Target       string              // base URL
	IG           string              // version under test
	Authorized   string              // "smart-backend-services"; "" is left out
	Checks       int                 // checks selected; overrides Options.Total when greater than 0
	KickOffs     int                 // the most kick-offs the plan foresees
	Downloads    int                 // the most complete downloads of an export the plan foresees; 0 is left out
	Requirements []model.Requirement // those the checks cite, for key and source in findings
}

// Console is safe for concurrent use. A failing writer silences it: a closed pipe must not end a run.
type Console struct {
	mu           sync.Mutex
	w            io.Writer
	o            Options
	colours      palette
	requirements map[string]model.Requirement
	bar          *progressbar.ProgressBar
	barWidth     int
	total, done  int
	counts       model.Totals
	running      []string // ids started and not done, oldest first
	status       string
	lastStatus   string // the last one printed in a mode without redrawing
	broken       bool
}

// New returns a Console that writes to w.
func New(w io.Writer, o Options) *Console {
	if o.Width <= 0 {
		o.Width = 80
	}
	// Narrower than this, wrapping at the label's indent leaves no room for words.
	o.Width = max(o.Width, 40)
	coloured := o.Colour == Always ||
		o.Colour == Auto && o.Terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &Console{w: w, o: o, colours: newPalette(coloured), total: o.Total}
}

// Start announces the plan and, on a terminal, draws the progress bar.
func (c *Console) Start(p Plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requirements = (&model.Report{Requirements: p.Requirements}).RequirementByID()
	if p.Checks > 0 {
		c.total = p.Checks
	}
	if c.o.Mode == Quiet {
		return
	}
	var b strings.Builder
	if p.Tool != "" {
		fmt.Fprintf(&b, "%s\n", c.colours.strong.Sprint(sanitise(p.Tool)))
	}
	c.label(&b, "target", p.Target)
	c.label(&b, "ig", "FHIR Bulk Data Access "+p.IG)
	c.label(&b, "access", p.Authorized)
	cost := figures.Plural(c.total, "check")
	if p.KickOffs > 0 {
		cost += ", at most " + figures.Plural(p.KickOffs, "kick-off")
	}
	if p.Downloads > 0 {
		cost += ", at most " + figures.Plural(p.Downloads, "download")
	}
	c.label(&b, "plan", cost)
	b.WriteByte('\n')
	c.print(b.String())
	if c.live() && c.total > 0 {
		c.newBar()
		c.redraw()
	}
}

// CheckStarted notes that a check runs, for the progress line.
func (c *Console) CheckStarted(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, id)
	c.redraw()
}

// CheckDone counts a finished check and prints it if the mode says so: in full if it needs attention.
func (c *Console) CheckDone(check model.Check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, id := range c.running {
		if id == check.ID {
			c.running = append(c.running[:i], c.running[i+1:]...)
			break
		}
	}
	c.done++
	one := model.Tally([]model.Check{check})
	c.counts.Fail += one.Fail
	c.counts.Warn += one.Warn
	c.counts.Inconclusive += one.Inconclusive
	c.counts.Error += one.Error
	if c.bar != nil {
		_ = c.bar.Add(1) // its writer never fails, and more checks than announced only fill the bar
		if c.done >= c.total {
			c.endBar() // the library draws nothing more; what is left to say (clean-up) gets lines of its own
		} else {
			c.redraw()
		}
	}
	switch {
	case c.o.Mode == Quiet:
	case check.Outcome.NeedsAttention():
		c.print(c.result(&check))
	case c.live():
		// The bar shows that it passed.
	default:
		c.print(c.oneLine(&check))
	}
}

// Status says what the run waits for ("waiting for export, 37 %, next poll in 5 s"); "" ends it. Without a
// terminal it is printed only when it changes.
func (c *Console) Status(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = sanitise(s)
	switch {
	case c.o.Mode == Quiet:
	case c.bar != nil:
		c.redraw()
	case c.status != "" && c.status != c.lastStatus:
		c.lastStatus = c.status
		c.print(c.colours.faint.Sprint("   …   "+c.status) + "\n")
	}
}

// Problem prints a remark on the run itself, such as a clean-up that failed, in every mode.
func (c *Console) Problem(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(c.colours.warn.Sprint("note: ") + sanitise(s) + "\n")
}

// live reports whether lines are redrawn.
func (c *Console) live() bool { return c.o.Mode == Normal && c.o.Terminal }

// print writes text above the progress bar, if there is one.
func (c *Console) print(text string) {
	if c.bar != nil {
		c.eraseBar()
	}
	c.write(text)
	c.redraw()
}

func (c *Console) write(text string) {
	if c.broken {
		return
	}
	if _, err := io.WriteString(c.w, text); err != nil {
		c.broken = true
	}
}

// palette is the colours of one console; each prints plainly when colour is off. The library decides by a
// package-level variable otherwise, which looks at os.Stdout and not at our writer.
type palette struct {
	strong, faint, pass, warn, fail, unsure *color.Color
}

func newPalette(on bool) palette {
	make := func(a ...color.Attribute) *color.Color {
		k := color.New(a...)
		if on {
			k.EnableColor()
		} else {
			k.DisableColor()
		}
		return k
	}
	return palette{
		strong: make(color.Bold),
		faint:  make(color.Faint),
		pass:   make(color.FgGreen, color.Bold),
		warn:   make(color.FgYellow, color.Bold),
		fail:   make(color.FgRed, color.Bold),
		unsure: make(color.FgMagenta, color.Bold),
	}
}

func (p palette) of(o model.Outcome) *color.Color {
	switch o {
	case model.Pass:
		return p.pass
	case model.Warn, model.Waived:
		return p.warn
	case model.Fail:
		return p.fail
	case model.Inconclusive, model.Error:
		return p.unsure
	default:
		return p.faint
	}
}
