package checks

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// Waiver says that a check is known to fail, why, and until when that is accepted.
type Waiver struct {
	Check  string
	Reason string
	Until  time.Time // zero: no end
	Line   int
}

// Waivers is a parsed waiver file.
type Waivers []*Waiver

// ParseWaivers reads a waiver file: a line each with a check id, optionally until=YYYY-MM-DD, and a reason. Empty lines
// and lines that begin with # are passed over. The error names the line.
func ParseWaivers(r io.Reader, known func(id string) bool) (Waivers, error) {
	var ws Waivers
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, rest, _ := strings.Cut(line, " ")
		w := &Waiver{Check: strings.TrimSuffix(id, ":"), Line: n}
		rest = strings.TrimSpace(rest)
		if after, ok := strings.CutPrefix(rest, "until="); ok {
			date, reason, _ := strings.Cut(after, " ")
			t, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return nil, fmt.Errorf("line %d: until=%s is not a date like until=2027-03-31", n, date)
			}
			w.Until, rest = t.AddDate(0, 0, 1), strings.TrimSpace(reason)
		}
		w.Reason = rest
		switch {
		case !known(w.Check):
			return nil, fmt.Errorf("line %d: there is no check %q; `bulkproof list checks` names them", n, w.Check)
		case w.Reason == "":
			return nil, fmt.Errorf("line %d: the waiver for %s has no reason", n, w.Check)
		}
		for _, other := range ws {
			if other.Check == w.Check {
				return nil, fmt.Errorf("line %d: %s is waived already in line %d", n, w.Check, other.Line)
			}
		}
		ws = append(ws, w)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("the waivers cannot be read: %w", err)
	}
	return ws, nil
}

// apply turns a failure into waived where a waiver in force says so, and an unexpected pass into a failure. It never
// excuses inconclusive or error.
func (ws Waivers) apply(r Result, now time.Time) Result {
	for _, w := range ws {
		if w.Check != r.Check.ID {
			continue
		}
		r.Waiver = w
		expired := !w.Until.IsZero() && !now.Before(w.Until)
		switch r.Outcome {
		case Fail, Warn:
			if expired {
				r.Notes = append(r.Notes, "a waiver for this check expired on "+w.Until.AddDate(0, 0, -1).Format(time.DateOnly))
				break
			}
			r.Outcome, r.Reason = Waived, w.Reason
		case Pass:
			r.Outcome, r.Reason = Fail, "the check passes although it is waived; remove the waiver in line "+fmt.Sprint(w.Line)
		}
	}
	return r
}

// Idle returns a sentence for each waiver whose check the plan does not select: it would excuse nothing, and hides a
// misunderstanding.
func (ws Waivers) Idle(p *Plan) []string {
	selected := map[string]bool{}
	for _, e := range p.Entries {
		selected[e.Check.ID] = e.Selected
	}
	var out []string
	for _, w := range ws {
		if !selected[w.Check] {
			out = append(out, fmt.Sprintf("the waiver in line %d matches nothing: %s is not selected", w.Line, w.Check))
		}
	}
	return out
}
