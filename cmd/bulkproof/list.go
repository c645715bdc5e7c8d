package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/spf13/pflag"
)

// Rows of `bulkproof list --json`.
type (
	requirementRow struct {
		ID       string            `json:"id"`
		Key      string            `json:"key"`
		Area     string            `json:"area"`
		Actor    string            `json:"actor"`
		Kind     string            `json:"kind"`
		Levels   map[string]string `json:"levels"` // by version
		Summary  string            `json:"summary"`
		Source   string            `json:"source"`
		Checks   []string          `json:"checks"`
		Untested string            `json:"untested"` // the reason why no check cites it
	}
	checkRow struct {
		ID          string   `json:"id"`
		Area        string   `json:"area"`
		Title       string   `json:"title"`
		Requires    []string `json:"requires"`
		IGs         []string `json:"igs"`
		Provisional bool     `json:"provisional"`
	}
	faultRow struct {
		Name     string   `json:"name"`
		Area     string   `json:"area"`
		Doc      string   `json:"doc"`
		Caught   []string `json:"caught"` // checks that fail
		Warned   []string `json:"warned"` // checks that warn
		Versions []string `json:"versions"`
	}
	variationRow struct {
		Name     string   `json:"name"`
		Area     string   `json:"area"`
		Doc      string   `json:"doc"`
		Permits  string   `json:"permits"`  // what the specification says, with its source
		Needs    string   `json:"needs"`    // "authorization", "an open server" or ""
		Unsure   []string `json:"unsure"`   // checks that such a server leaves nothing to look at
		Versions []string `json:"versions"` // of the IG, under which it is legal
	}
)

type listOptions struct {
	ig, area, level, kind string
	uncovered, json       bool
}

func listCommand(_ context.Context, e env, args []string) int {
	fs := pflag.NewFlagSet("list", pflag.ContinueOnError)
	var o listOptions
	fs.StringVar(&o.ig, "ig", "", "only what exists in this IG version: 1.0.1, 2.0.0, 3.0.0 or 4.0.0-ballot")
	fs.StringVar(&o.area, "area", "", "only this area, such as KICKOFF")
	fs.StringVar(&o.level, "level", "", "only this level: SHALL, SHOULD or MAY (requirements only)")
	fs.StringVar(&o.kind, "kind", "", "only this kind: fail, warn, tolerate, client-reaction, client or untestable (requirements only)")
	fs.BoolVar(&o.uncovered, "uncovered", false, "only requirements that no check cites; only checks that no fault trips")
	fs.BoolVar(&o.json, "json", false, "print a JSON array")
	if err := parse(e, fs, "list requirements|checks|faults|variations|profiles [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() != 1 || !slices.Contains([]string{"requirements", "checks", "faults", "variations", "profiles"}, fs.Arg(0)) {
		return problems(e, "list", fmt.Errorf("say what to list: requirements, checks, faults, variations or profiles"))
	}
	areas, cat, err := all.Load()
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	if err := o.check(cat, areas); err != nil {
		return problems(e, "list", err)
	}
	switch fs.Arg(0) {
	case "requirements":
		return printRows(e, o, requirementRows(o, areas, cat), func(r requirementRow) []string {
			return []string{r.ID, r.Key, shortLevels(r.Levels), r.Kind, coverage(r), r.Summary}
		}, "ID\tKEY\tLEVEL\tKIND\tCHECKS\tSUMMARY")
	case "checks":
		return printRows(e, o, checkRows(o, areas, cat), func(c checkRow) []string {
			return []string{c.ID, strings.Join(c.Requires, " "), c.Title}
		}, "ID\tREQUIREMENTS\tTITLE")
	case "profiles":
		rows, err := profileRows(o, areas, cat)
		if err != nil {
			fmt.Fprintf(e.err, "bulkproof: %v\n", err)
			return checks.ExitInconclusive
		}
		return printRows(e, o, rows, func(p profileRow) []string {
			return []string{p.Name, fmt.Sprint(len(p.Requirements)), fmt.Sprint(len(p.Checks)), p.Title}
		}, "NAME\tREQUIREMENTS\tCHECKS\tTITLE")
	case "variations":
		return printRows(e, o, variationRows(o), func(v variationRow) []string {
			return []string{v.Name, v.Doc, v.Permits}
		}, "NAME\tWHAT IT DOES\tWHAT PERMITS IT")
	default:
		return printRows(e, o, faultRows(o), func(f faultRow) []string {
			return []string{f.Name, strings.Join(append(slices.Clone(f.Caught), suffix(f.Warned, " (warns)")...), " "), f.Doc}
		}, "NAME\tCAUGHT BY\tWHAT IT DOES")
	}
}

func (o listOptions) check(cat *spec.Catalogue, areas []checks.Area) error {
	if o.ig != "" {
		if _, err := spec.ParseVersion(o.ig); err != nil {
			return err
		}
	}
	if o.level != "" && !slices.Contains([]string{"SHALL", "SHOULD", "MAY"}, strings.ToUpper(o.level)) {
		return fmt.Errorf("--level %s: the levels are SHALL, SHOULD and MAY", o.level)
	}
	if o.kind != "" && !slices.Contains([]string{"fail", "warn", "tolerate", "client-reaction", "client", "untestable"}, o.kind) {
		return fmt.Errorf("--kind %s: the kinds are fail, warn, tolerate, client-reaction, client and untestable", o.kind)
	}
	if o.area != "" {
		known := slices.Clone(cat.Areas())
		for _, a := range areas {
			known = append(known, strings.ToUpper(a.Name))
		}
		for _, v := range refserver.Variations() {
			known = append(known, strings.ToUpper(v.Area))
		}
		if !slices.Contains(known, strings.ToUpper(o.area)) {
			return fmt.Errorf("there is no area %q%s", o.area, nearest(strings.ToUpper(o.area), known))
		}
	}
	return nil
}

func requirementRows(o listOptions, areas []checks.Area, cat *spec.Catalogue) []requirementRow {
	cited := citations(areas)
	rows := []requirementRow{}
	for _, r := range cat.All() {
		if o.area != "" && !strings.EqualFold(r.Area, o.area) || o.uncovered && len(cited[r.ID]) > 0 {
			continue
		}
		row := requirementRow{ID: r.ID, Key: r.Key, Area: r.Area, Actor: r.Actor, Levels: map[string]string{}, Summary: r.Summary, Checks: cited[r.ID], Untested: r.Untested}
		if row.Checks == nil {
			row.Checks = []string{}
		} else {
			row.Untested = ""
		}
		shown := spec.V300
		if o.ig != "" {
			shown = spec.Version(o.ig)
		}
		matches := false
		for _, v := range spec.Versions() {
			en, ok := r.In(v)
			if !ok {
				continue
			}
			row.Levels[string(v)] = en.Keyword()
			if row.Kind == "" || v == shown {
				row.Kind, row.Summary, row.Source = string(en.Kind), r.SummaryIn(v), r.SourceIn(v)
			}
			if (o.ig == "" || string(v) == o.ig) && (o.level == "" || strings.EqualFold(en.Level.String(), o.level)) && (o.kind == "" || string(en.Kind) == o.kind) {
				matches = true
			}
		}
		if matches || (len(row.Levels) == 0 && o.ig == "" && o.level == "" && o.kind == "") {
			rows = append(rows, row)
		}
	}
	return rows
}

// citations returns the ids of the checks that cite each requirement.
func citations(areas []checks.Area) map[string][]string {
	out := map[string][]string{}
	for _, a := range areas {
		for _, c := range a.Checks {
			for _, r := range c.Requires {
				out[r] = append(out[r], c.ID)
			}
		}
	}
	return out
}

func checkRows(o listOptions, areas []checks.Area, cat *spec.Catalogue) []checkRow {
	tripped := map[string]bool{}
	for _, f := range refserver.Faults() {
		for _, id := range append(slices.Clone(f.Caught), f.Warned...) {
			tripped[id] = true
		}
	}
	rows := []checkRow{}
	for _, a := range areas {
		for i := range a.Checks {
			c := &a.Checks[i]
			row := checkRow{ID: c.ID, Area: a.Name, Title: c.Title, Requires: c.Requires, IGs: []string{}, Provisional: c.Provisional}
			for _, v := range spec.Versions() {
				if c.In(cat, v) {
					row.IGs = append(row.IGs, string(v))
				}
			}
			if (o.area == "" || strings.EqualFold(a.Name, o.area)) && (o.ig == "" || slices.Contains(row.IGs, o.ig)) && !(o.uncovered && tripped[c.ID]) {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func faultRows(o listOptions) []faultRow {
	rows := []faultRow{}
	for _, f := range refserver.Faults() {
		versions := f.Versions
		if len(versions) == 0 {
			versions = []string{"2.0.0", "3.0.0"}
		}
		if (o.area == "" || strings.EqualFold(f.Area, o.area)) && (o.ig == "" || slices.Contains(versions, o.ig)) {
			row := faultRow{f.Name, f.Area, f.Doc, f.Caught, f.Warned, versions}
			if row.Caught == nil {
				row.Caught = []string{}
			}
			if row.Warned == nil {
				row.Warned = []string{}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func variationRows(o listOptions) []variationRow {
	rows := []variationRow{}
	for _, v := range refserver.Variations() {
		if o.area != "" && !strings.EqualFold(v.Area, o.area) || o.ig != "" && !v.LegalUnder(o.ig) {
			continue
		}
		row := variationRow{Name: v.Name, Area: v.Area, Doc: v.Doc, Permits: v.Permits, Unsure: v.Unsure, Versions: []string{}}
		for _, ig := range spec.Versions() {
			if v.LegalUnder(string(ig)) {
				row.Versions = append(row.Versions, string(ig))
			}
		}
		switch {
		case v.NeedsAuth:
			row.Needs = "authorization"
		case v.NeedsOpen:
			row.Needs = "an open server"
		}
		if row.Unsure == nil {
			row.Unsure = []string{}
		}
		rows = append(rows, row)
	}
	return rows
}

func printRows[T any](e env, o listOptions, rows []T, columns func(T) []string, header string) int {
	if o.json {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		_ = enc.Encode(rows)
		return checks.ExitConformant
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, header)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(columns(r), "\t"))
	}
	w.Flush()
	fmt.Fprintf(e.out, "%d rows\n", len(rows))
	return checks.ExitConformant
}

// shortLevels prints one level where all versions agree, otherwise all.
func shortLevels(levels map[string]string) string {
	var parts, values []string
	for _, v := range spec.Versions() {
		if l, ok := levels[string(v)]; ok {
			parts = append(parts, string(v)+" "+l)
			if !slices.Contains(values, l) {
				values = append(values, l)
			}
		}
	}
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(parts, ", ")
}

func coverage(r requirementRow) string {
	switch {
	case len(r.Checks) > 0:
		return strings.Join(r.Checks, " ")
	case r.Untested != "":
		return "(" + r.Untested + ")"
	}
	return "open"
}

func suffix(list []string, s string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v + s
	}
	return out
}
