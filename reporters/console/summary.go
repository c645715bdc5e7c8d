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
	if p := r.Profile; p != nil {
		c.label(&b, "profile", fmt.Sprintf("%s: %s, %s of them not judged", p.Name, figures.Plural(len(p.Requirements), "requirement"), figures.Number(len(p.Unjudged))))
	}
	c.scenario(&b, r.Scenario)
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

// scenario prints the track's own table.
func (c *Console) scenario(b *strings.Builder, s *model.Scenario) {
	if s == nil {
		return
	}
	c.label(b, "scenario", fmt.Sprintf("%s (%s): %s", s.Title, s.Role, strings.ToUpper(string(s.Outcome))))
	for i, p := range s.Steps {
		colour := c.colours.unsure
		switch p.Outcome {
		case model.StepPass:
			colour = c.colours.pass
		case model.StepFail:
			colour = c.colours.fail
		}
		text := p.Title
		if p.Reason != "" {
			text += ": " + p.Reason
		}
		text = sanitise(text)
		head := colour.Sprint(fmt.Sprintf("%-12s", p.Outcome))
		for n, line := range wrap(text, c.o.Width-22) {
			if n == 0 {
				fmt.Fprintf(b, "    %2d  %s  %s\n", i+1, head, line)
			} else {
				fmt.Fprintf(b, "%22s%s\n", "", line)
			}
		}
	}
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
