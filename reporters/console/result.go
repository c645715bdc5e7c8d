package console

import (
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
	"github.com/bulkproof/bulkproof/reporters/model"
)

// word is an outcome as the first column shows it.
func word(o model.Outcome) string { return strings.ToUpper(string(o)) }

// oneLine is a check that needs no attention.
func (c *Console) oneLine(k *model.Check) string {
	line := c.head(k)
	if c.o.Verbose && k.Reason != "" {
		line += c.field("reason", k.Reason)
	}
	return line
}

func (c *Console) head(k *model.Check) string {
	w := word(k.Outcome)
	title := sanitise(k.Title)
	if k.Provisional {
		title += " [provisional, does not count]"
	}
	pad := strings.Repeat(" ", max(1, 13-len(w)))
	return c.colours.of(k.Outcome).Sprint(w) + pad + c.colours.strong.Sprint(sanitise(k.ID)) + "  " + title + "\n"
}

// result is a check that needs attention, in full.
func (c *Console) result(k *model.Check) string {
	var b strings.Builder
	b.WriteString(c.head(k))
	if k.Reason != "" {
		b.WriteString(c.field("reason", k.Reason))
	}
	for i := range k.Findings {
		f := &k.Findings[i]
		if f.Severity == "note" {
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		c.finding(&b, f)
	}
	b.WriteByte('\n')
	return b.String()
}

func (c *Console) finding(b *strings.Builder, f *model.Finding) {
	q := c.requirements[f.Requirement]
	id := f.Requirement
	if q.Key != "" {
		id += " " + q.Key
	}
	b.WriteString(c.field("requirement", id+" ("+f.Level+")"))
	b.WriteString(c.field("source", q.Source))
	b.WriteString(c.field("expected", f.Expected))
	observed := f.Observed
	if f.Count > 1 {
		observed += fmt.Sprintf(" (seen %s times)", figures.Number(f.Count))
	}
	b.WriteString(c.field("observed", observed))
	b.WriteString(c.field("evidence", f.Evidence.String()))
	b.WriteString(c.field("at", f.Evidence.URL))
	if f.Reproduce != "" {
		b.WriteString(c.reproduce(f.Reproduce))
	}
}

const (
	indent     = 5
	labelWidth = 13
)

// field is one labelled, sanitised and wrapped line; nothing when value is empty.
func (c *Console) field(label, value string) string {
	if value == "" {
		return ""
	}
	lines := wrap(sanitise(value), c.o.Width-indent-labelWidth)
	return c.block(label, lines)
}

// reproduce keeps a command's own line breaks, so that it can be copied.
func (c *Console) reproduce(command string) string {
	lines := strings.Split(strings.TrimRight(command, "\n"), "\n")
	for i := range lines {
		lines[i] = sanitise(lines[i])
	}
	return c.block("reproduce", lines)
}

func (c *Console) block(label string, lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		l := ""
		if i == 0 {
			l = label
		}
		b.WriteString(strings.Repeat(" ", indent))
		b.WriteString(c.colours.faint.Sprint(fmt.Sprintf("%-*s", labelWidth, l)))
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// label is a line of the announcement and of the summary.
func (c *Console) label(b *strings.Builder, label, value string) {
	if value == "" {
		return
	}
	for i, line := range wrap(sanitise(value), c.o.Width-2-labelWidth) {
		l := ""
		if i == 0 {
			l = label
		}
		fmt.Fprintf(b, "  %s%s\n", c.colours.faint.Sprint(fmt.Sprintf("%-*s", labelWidth, l)), line)
	}
}
