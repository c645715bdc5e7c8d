package console

import (
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
	"github.com/bulkproof/bulkproof/reporters/model"
)

// Summary ends the progress and says how the run ended: verdict, counts, what it cost the target, where the
// reports are.
func (c *Console) Summary(r *model.Report, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endBar()
	var b strings.Builder
	if c.o.Mode == Quiet {
		for i := range r.Checks {
			if r.Checks[i].Outcome.NeedsAttention() {
				b.WriteString(c.head(&r.Checks[i]))
			}
		}
	} else if c.done > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(c.verdict(r))
	c.label(&b, "checks", c.countLine(r.Totals))
	if c.o.Mode == Quiet {
		c.write(b.String())
		return
	}
	says, _ := r.Verdict.Meaning()
	c.label(&b, "meaning", says)
	c.label(&b, "cost", cost(r.Traffic))
	for _, p := range r.Problems {
		c.label(&b, "note", p)
	}
	for i, p := range paths {
		l := ""
		if i == 0 {
			l = "reports"
		}
		// Not through label: a path must stay whole, spaces and all.
		fmt.Fprintf(&b, "  %s%s\n", c.colours.faint.Sprint(fmt.Sprintf("%-*s", labelWidth, l)), sanitise(p))
	}
	c.write(b.String())
}

func (c *Console) verdict(r *model.Report) string {
	colour := c.colours.unsure
	switch r.Verdict {
	case model.Conformant:
		colour = c.colours.pass
	case model.ConformantWithWaivers:
		colour = c.colours.warn
	case model.NotConformant:
		colour = c.colours.fail
	}
	v := strings.ToUpper(string(r.Verdict))
	if r.Strict {
		v += " (strict)"
	}
	return colour.Sprint(sanitise(v)) + "  " + sanitise(r.Target.BaseURL) + "  FHIR Bulk Data Access " + sanitise(r.IG) + "\n"
}

// countLine names every outcome that occurred, in the order a reader wants.
func (c *Console) countLine(t model.Totals) string {
	parts := []string{}
	for _, o := range model.Outcomes() {
		if n := t.Of(o); n > 0 {
			parts = append(parts, figures.Number(n)+" "+string(o))
		}
	}
	line := figures.Number(t.Checks)
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	return line
}

func cost(t model.Traffic) string {
	s := figures.Plural(t.KickOffs, "kick-off")
	if refused := t.KickOffAttempts - t.KickOffs; refused > 0 {
		s += fmt.Sprintf(" (and %s refused)", figures.Number(refused))
	}
	s += ", " + figures.Plural(t.CompletedExports, "completed export") + ", " + figures.Plural(t.Requests, "request") +
		", " + figures.Size(t.BytesReceived) + " received"
	if t.JobsDeleted > 0 {
		s += ", " + figures.Plural(t.JobsDeleted, "job") + " deleted"
	}
	return s
}
