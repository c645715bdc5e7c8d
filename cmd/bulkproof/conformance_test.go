package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

//go:generate go test -run TestConformanceDocument -update .

var update = flag.Bool("update", false, "write the generated parts of CONFORMANCE.md")

const (
	conformanceFile = "../../CONFORMANCE.md"
	beginMarker     = "<!-- generated: begin; `go generate ./cmd/bulkproof` writes this part -->"
	endMarker       = "<!-- generated: end -->"
)

// The generated part of CONFORMANCE.md says what the code says.
func TestConformanceDocument(t *testing.T) {
	areas, cat, err := all.Load()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(conformanceFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), beginMarker)
	_, tail, ok2 := strings.Cut(rest, endMarker)
	if !ok || !ok2 {
		t.Fatalf("%s has lost its markers", conformanceFile)
	}
	want := head + beginMarker + "\n\n" + coverageTables(areas, cat) + endMarker + tail
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatal("CONFORMANCE.md is stale; run `go generate ./cmd/bulkproof`")
	}
	if err := os.WriteFile(conformanceFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// binding are the kinds of requirements that a server can violate in a way that a client sees.
func binding(k spec.Kind) bool { return k == spec.Fail || k == spec.Warn || k == spec.ClientReaction }

func coverageTables(areas []checks.Area, cat *spec.Catalogue) string {
	var b strings.Builder
	cited := citations(areas)
	faults := refserver.Faults()
	total := 0
	for _, a := range areas {
		total += len(a.Checks)
	}
	fmt.Fprintf(&b, "%d checks, %d faults, %d requirements in the catalogue.\n\n", total, len(faults), len(cat.All()))

	b.WriteString("### Coverage in numbers\n\nRequirements that a server can violate so that a client sees it (kinds fail, warn and client-reaction): covered by a check / not testable, with a reason / open.\n\n")
	b.WriteString("| IG | checks | SHALL | SHOULD |\n| --- | --- | --- | --- |\n")
	for _, v := range spec.Versions() {
		counts := map[spec.Level][3]int{}
		for _, r := range cat.In(v) {
			e, _ := r.In(v)
			if !binding(e.Kind) {
				continue
			}
			c := counts[e.Level]
			switch {
			case len(cited[r.ID]) > 0:
				c[0]++
			case r.Untested != "" && r.UntestedStatus != spec.UntestedOpen:
				c[1]++
			default:
				c[2]++
			}
			counts[e.Level] = c
		}
		show := func(l spec.Level) string { c := counts[l]; return fmt.Sprintf("%d / %d / %d", c[0], c[1], c[2]) }
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", v, len(checks.NewPlan(areas, cat, v, nil).Entries), show(spec.Shall), show(spec.Should))
	}

	b.WriteString("\n### Requirement, checks, faults\n\nLevels are those of 2.0.0 and 3.0.0; a dash: not in that version. Requirements of the client alone are left out.\n")
	for _, area := range cat.Areas() {
		var rows []string
		for _, r := range cat.All() {
			if r.Area != area {
				continue
			}
			if row, ok := conformanceRow(r, cited[r.ID], faults); ok {
				rows = append(rows, row)
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(&b, "\n#### %s\n\n| requirement | 2.0.0 | 3.0.0 | checks | faults |\n| --- | --- | --- | --- | --- |\n%s", cat.AreaTitle(area), strings.Join(rows, ""))
		}
	}
	b.WriteString("\n### Checks and the faults that trip them\n\n| check | faults |\n| --- | --- |\n")
	for _, a := range areas {
		for _, c := range a.Checks {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.ID, strings.Join(faultsOf(c.ID, faults), ", "))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func conformanceRow(r spec.Requirement, cited []string, faults []refserver.Fault) (string, bool) {
	level := func(v spec.Version) (string, bool) {
		e, ok := r.In(v)
		if !ok {
			return "–", false
		}
		return e.Keyword(), e.Kind != spec.Client
	}
	l2, s2 := level(spec.V200)
	l3, s3 := level(spec.V300)
	if !s2 && !s3 && len(cited) == 0 {
		return "", false
	}
	judged := "open"
	switch {
	case len(cited) > 0:
		ids := make([]string, len(cited))
		for i, id := range cited {
			ids[i] = "`" + id + "`"
		}
		judged = strings.Join(ids, " ")
	case r.Untested != "":
		judged = r.Untested
	default:
		if e, ok := r.In(spec.V300); ok && e.Kind == spec.Tolerate {
			judged = "tolerated: both behaviours conform"
		}
	}
	n := map[string]bool{}
	for _, id := range cited {
		for _, f := range faultsOf(id, faults) {
			n[f] = true
		}
	}
	count := ""
	if len(n) > 0 {
		count = fmt.Sprint(len(n))
	}
	return fmt.Sprintf("| %s %s | %s | %s | %s | %s |\n", r.ID, escape(r.SummaryIn(spec.V300)), l2, l3, escape(judged), count), true
}

func faultsOf(id string, faults []refserver.Fault) []string {
	var out []string
	for _, f := range faults {
		if slices.Contains(f.Caught, id) || slices.Contains(f.Warned, id) {
			out = append(out, f.Name)
		}
	}
	return out
}

func escape(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ") }
