package console

import (
	"io"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
)

// barWriter hands the progress bar's output to the console, so that a broken writer silences both. It is used
// under the console's lock.
type barWriter struct{ c *Console }

func (w barWriter) Write(p []byte) (int, error) {
	w.c.write(string(p))
	return len(p), nil
}

var _ io.Writer = barWriter{}

// The bar itself takes a fixed share; what runs and the counts stand before it.
const (
	barColumns  = 20
	barOverhead = len(" 100% ") + len("[]") + len(" (9999/9999) ")
)

func (c *Console) newBar() {
	c.barWidth = barColumns
	if c.o.Width < 70 {
		c.barWidth = 8
	}
	c.bar = progressbar.NewOptions(c.total,
		progressbar.OptionSetWriter(barWriter{c}),
		progressbar.OptionSetWidth(c.barWidth),
		progressbar.OptionShowCount(),
		// Checks differ a thousandfold in duration, so any prediction would be wrong.
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		// The target's text ends up in the description and must not be read as colour mark-up.
		progressbar.OptionEnableColorCodes(false),
		// Rendering is ours to decide: a throttle would drop the last status before a long wait.
		progressbar.OptionThrottle(0),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: "",
		}),
		progressbar.OptionClearOnFinish(),
	)
}

// redraw draws the progress line anew, with what runs now.
func (c *Console) redraw() {
	if c.bar == nil || c.broken {
		return
	}
	text := c.status
	if text == "" && len(c.running) > 0 {
		text = sanitise(c.running[len(c.running)-1])
	}
	room := c.o.Width - c.barWidth - barOverhead - 1
	counts := ""
	if c.counts.Fail > 0 {
		counts += "  " + plain(c.counts.Fail, "failed")
	}
	if n := c.counts.Inconclusive + c.counts.Error; n > 0 {
		counts += "  " + plain(n, "unclear")
	}
	room -= uniseg.StringWidth(counts)
	text = shorten(text, room)
	// Padding keeps the bar in its place while ids of different lengths come and go.
	for n := room - uniseg.StringWidth(text); n > 0; n-- {
		text += " "
	}
	c.bar.Describe(text + counts)
}

func (c *Console) eraseBar() {
	_ = c.bar.Clear() // its writer never fails
}

// endBar removes the bar for good.
func (c *Console) endBar() {
	if c.bar == nil {
		return
	}
	c.eraseBar()
	c.bar = nil
}

func plain(n int, what string) string { return figures.Number(n) + " " + what }
