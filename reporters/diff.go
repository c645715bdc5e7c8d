package reporters

import (
	"fmt"
	"slices"
)

// Change is a check whose outcome differs between two reports.
type Change struct {
	ID    string  `json:"id"`
	Title string  `json:"title"`
	Old   Outcome `json:"old,omitempty"` // "" if the check is not in the old report
	New   Outcome `json:"new,omitempty"` // "" if it is not in the new one
}

// DiffResult says what changed from one report to another, each list in the order of the plan.
type DiffResult struct {
	NewlyFailing []Change `json:"newlyFailing"` // fails now and did not before
	Fixed        []Change `json:"fixed"`        // failed before; now judged, and neither failing nor waived
	Appeared     []Change `json:"appeared"`     // only in the new report
	Disappeared  []Change `json:"disappeared"`  // only in the old report
	Changed      []Change `json:"changed"`      // every other change, such as from pass to inconclusive
	Remarks      []string `json:"remarks"`      // why the two may not be comparable
}

// Same reports whether no check changed, appeared or disappeared.
func (d DiffResult) Same() bool {
	return len(d.NewlyFailing)+len(d.Fixed)+len(d.Appeared)+len(d.Disappeared)+len(d.Changed) == 0
}

// Regressions returns the changes for the worse that a build should stop at: what fails now and did not before,
// checks that appeared and fail included.
func (d DiffResult) Regressions() []Change {
	out := slices.Clone(d.NewlyFailing)
	for _, c := range d.Appeared {
		if c.New == Fail {
			out = append(out, c)
		}
	}
	return out
}

// Diff compares two reports check by check. Provisional checks are compared like the others, since a regression
// is one before it counts.
func Diff(old, new *Report) DiffResult {
	d := DiffResult{NewlyFailing: []Change{}, Fixed: []Change{}, Appeared: []Change{}, Disappeared: []Change{},
		Changed: []Change{}, Remarks: remarks(old, new)}
	before := map[string]*Check{}
	for i := range old.Checks {
		before[old.Checks[i].ID] = &old.Checks[i]
	}
	after := map[string]bool{}
	for i := range new.Checks {
		n := &new.Checks[i]
		after[n.ID] = true
		o, known := before[n.ID]
		if !known {
			d.Appeared = append(d.Appeared, Change{ID: n.ID, Title: n.Title, New: n.Outcome})
			continue
		}
		c := Change{ID: n.ID, Title: n.Title, Old: o.Outcome, New: n.Outcome}
		switch {
		case o.Outcome == n.Outcome:
		case n.Outcome == Fail:
			d.NewlyFailing = append(d.NewlyFailing, c)
		case o.Outcome == Fail && (n.Outcome == Pass || n.Outcome == Warn):
			d.Fixed = append(d.Fixed, c)
		default:
			d.Changed = append(d.Changed, c)
		}
	}
	for i := range old.Checks {
		if o := &old.Checks[i]; !after[o.ID] {
			d.Disappeared = append(d.Disappeared, Change{ID: o.ID, Title: o.Title, Old: o.Outcome})
		}
	}
	return d
}

func remarks(old, new *Report) []string {
	out := []string{}
	differ := func(what, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("The two runs differ in the %s: %q and %q.", what, a, b))
		}
	}
	differ("version under test", old.IG, new.IG)
	differ("target", old.Target.BaseURL, new.Target.BaseURL)
	differ("authorization", old.Target.Authorization, new.Target.Authorization)
	differ("version of the tool", old.Tool.Version, new.Tool.Version)
	differ("requirement catalogue", old.Tool.CatalogueDigest, new.Tool.CatalogueDigest)
	for _, r := range []*Report{old, new} {
		if r.Verdict == Incomplete {
			which := "old"
			if r == new {
				which = "new"
			}
			out = append(out, fmt.Sprintf("The %s run was interrupted.", which))
		}
	}
	return out
}
