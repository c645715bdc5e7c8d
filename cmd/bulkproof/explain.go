package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/spf13/pflag"
)

func explainCommand(_ context.Context, e env, args []string) int {
	fs := pflag.NewFlagSet("explain", pflag.ContinueOnError)
	if err := parse(e, fs, "explain ID (of a check, a requirement, a fault, a variation, a profile or a scenario)", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() != 1 {
		return problems(e, "explain", fmt.Errorf("name one check, requirement, fault or variation"))
	}
	areas, cat, err := all.Load()
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	id := fs.Arg(0)
	var known []string
	for _, a := range areas {
		for i := range a.Checks {
			if known = append(known, a.Checks[i].ID); a.Checks[i].ID == id {
				explainCheck(e, &a.Checks[i], cat)
				return checks.ExitConformant
			}
		}
	}
	for _, f := range refserver.Faults() {
		if known = append(known, f.Name); f.Name == id {
			explainFault(e, f)
			return checks.ExitConformant
		}
	}
	for _, v := range refserver.Variations() {
		if known = append(known, v.Name); v.Name == id {
			explainVariation(e, v)
			return checks.ExitConformant
		}
	}
	if r, ok := cat.Get(id); ok {
		explainRequirement(e, r, citations(areas)[r.ID])
		return checks.ExitConformant
	}
	if r, ok := cat.Get(strings.ToUpper(id)); ok {
		explainRequirement(e, r, citations(areas)[r.ID])
		return checks.ExitConformant
	}
	p, err := profileNamed(cat, id, &known)
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	if p != nil {
		explainProfile(e, p, areas, cat)
		return checks.ExitConformant
	}
	if s := scenarioNamed(id); s != nil {
		explainScenario(e, s)
		return checks.ExitConformant
	}
	return problems(e, "explain", fmt.Errorf("there is no check, requirement, fault, variation, profile or scenario %q%s", id, nearest(id, known)))
}

func explainCheck(e env, c *checks.Check, cat *spec.Catalogue) {
	fmt.Fprintf(e.out, "%s\n%s\n\n%s\n", c.ID, c.Title, wrap(c.Doc, ""))
	for _, n := range c.Needs {
		fmt.Fprintf(e.out, "\nNeeds: %s", n)
	}
	fmt.Fprint(e.out, "\nRequirements:\n")
	for _, id := range c.Requires {
		r, _ := cat.Get(id)
		fmt.Fprintf(e.out, "  %s %s (%s)\n%s\n", r.ID, r.Key, shortLevels(levelsOf(r)), wrap(r.Summary, "    "))
		if en, v := shownIn(r); en != nil {
			fmt.Fprintf(e.out, "    %s\n", r.SourceIn(v))
		}
	}
	fmt.Fprint(e.out, "\nFaults that trip it:\n")
	for _, f := range refserver.Faults() {
		if slices.Contains(f.Caught, c.ID) || slices.Contains(f.Warned, c.ID) {
			fmt.Fprintf(e.out, "  %s\n%s\n", f.Name, wrap(f.Doc, "    "))
		}
	}
	fmt.Fprintf(e.out, "\nRun it alone: bulkproof run --server URL --check %s\n", c.ID)
}

func explainRequirement(e env, r spec.Requirement, cited []string) {
	fmt.Fprintf(e.out, "%s %s\n\n%s\n\n", r.ID, r.Key, wrap(r.Summary, ""))
	for _, v := range spec.Versions() {
		en, ok := r.In(v)
		if !ok {
			continue
		}
		fmt.Fprintf(e.out, "  %-13s %-10s %-15s %s\n", v, en.Keyword(), en.Kind, r.SourceIn(v))
		if s := r.SummaryIn(v); s != r.Summary {
			fmt.Fprintln(e.out, wrap(s, "    "))
		}
	}
	for _, p := range []struct{ name, text string }{{"Condition", r.Conditional}, {"Changes", r.Changes}, {"How it can be observed", r.Testable},
		{"What breaks it", r.Negative}, {"What a check has to tolerate", r.Leniency}} {
		if p.text != "" {
			fmt.Fprintf(e.out, "\n%s:\n%s\n", p.name, wrap(p.text, "  "))
		}
	}
	switch {
	case len(cited) > 0:
		fmt.Fprintf(e.out, "\nJudged by: %s\n", strings.Join(cited, ", "))
	case r.Untested != "":
		fmt.Fprintf(e.out, "\nNot judged:\n%s\n", wrap(r.Untested, "  "))
	default:
		fmt.Fprint(e.out, "\nNot judged yet.\n")
	}
}

func explainFault(e env, f refserver.Fault) {
	versions := f.Versions
	if len(versions) == 0 {
		versions = []string{"2.0.0", "3.0.0"}
	}
	fmt.Fprintf(e.out, "%s (area %s, IG %s)\n\n%s\n\n", f.Name, f.Area, strings.Join(versions, ", "), wrap(f.Doc, ""))
	for _, id := range f.Caught {
		fmt.Fprintf(e.out, "  fails %s\n", id)
	}
	for _, id := range f.Warned {
		fmt.Fprintf(e.out, "  warns %s\n", id)
	}
	if len(f.Options) > 0 {
		fmt.Fprintf(e.out, "\nIt shows with %s.\n", strings.Join(f.Options, " and "))
	}
	fmt.Fprintf(e.out, "\nSee it: bulkproof serve --fault %s\nProve it: bulkproof selftest --fault %s\n", f.Name, f.Name)
}

func explainVariation(e env, v refserver.Variation) {
	versions := v.Versions
	if len(versions) == 0 {
		versions = []string{"2.0.0", "3.0.0"}
	}
	fmt.Fprintf(e.out, "%s (area %s, legal under IG %s)\n\n%s\n\nPermitted:\n%s\n", v.Name, v.Area, strings.Join(versions, ", "), wrap(v.Doc, ""), wrap(v.Permits, "  "))
	if len(v.Unsure) > 0 {
		fmt.Fprintf(e.out, "\nNothing to look at on such a server: %s\n", strings.Join(v.Unsure, ", "))
	}
	auth := ""
	if v.NeedsAuth {
		auth = "--auth "
	}
	fmt.Fprintf(e.out, "\nSee it: bulkproof serve %s--variation %s\n", auth, v.Name)
}

func levelsOf(r spec.Requirement) map[string]string {
	out := map[string]string{}
	for _, v := range spec.Versions() {
		if en, ok := r.In(v); ok {
			out[string(v)] = en.Keyword()
		}
	}
	return out
}

// shownIn returns the version whose source is shown where only one is: 3.0.0, or the first that has the requirement.
func shownIn(r spec.Requirement) (*spec.Entry, spec.Version) {
	for _, v := range append([]spec.Version{spec.V300}, spec.Versions()...) {
		if en, ok := r.In(v); ok {
			return &en, v
		}
	}
	return nil, ""
}

// wrap breaks text at spaces so that lines stay within 100 columns.
func wrap(text, indent string) string {
	var b strings.Builder
	col := 0
	for _, word := range strings.Fields(text) {
		switch {
		case col == 0:
			b.WriteString(indent)
			col = len(indent)
		case col+1+len(word) > 100:
			b.WriteString("\n" + indent)
			col = len(indent)
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	return b.String()
}
