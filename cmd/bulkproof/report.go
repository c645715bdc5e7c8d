package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/spf13/pflag"
)

// maxReport bounds a report file that is read, in bytes.
const maxReport = 256 << 20

func reportCommand(_ context.Context, e env, args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "verify":
			return reportVerify(e, args[1:])
		case "diff":
			return reportDiff(e, args[1:])
		case "--help", "-h":
			fmt.Fprint(e.out, "Usage: bulkproof report verify FILE\n       bulkproof report diff OLD NEW [options]\n")
			return checks.ExitConformant
		}
	}
	return problems(e, "report", errors.New("say what to do: verify FILE, or diff OLD NEW"))
}

func reportVerify(e env, args []string) int {
	fs := pflag.NewFlagSet("report verify", pflag.ContinueOnError)
	if err := parse(e, fs, "report verify FILE", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() != 1 {
		return problems(e, "report verify", errors.New("name one report.json"))
	}
	b, err := readReportFile(fs.Arg(0))
	if err != nil {
		return problems(e, "report verify", err)
	}
	if err := reporters.Verify(b); err != nil {
		fmt.Fprintf(e.err, "bulkproof report verify: %s: %v\n", fs.Arg(0), err)
		return checks.ExitViolated
	}
	r, err := reporters.Parse(b)
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof report verify: %s: %v\n", fs.Arg(0), err)
		return checks.ExitViolated
	}
	printVerified(e, fs.Arg(0), r)
	return checks.ExitConformant
}

// printVerified says what an intact report stands for, and what it does not.
func printVerified(e env, file string, r *reporters.Report) {
	row := func(name, format string, a ...any) {
		fmt.Fprintf(e.out, "  %-15s %s\n", name, printable(fmt.Sprintf(format, a...)))
	}
	fmt.Fprintf(e.out, "%s: intact\n", file)
	row("verdict", "%s", r.Verdict)
	row("target", "%s", r.Target.BaseURL)
	if r.Target.Capture != "" {
		row("replayed from", "%s (a capture, no live server)", r.Target.Capture)
	}
	switch id := r.Target.Identity; {
	case id != nil:
		row("implementation", "%s %s", id.Name, id.Version)
		if id.Contact != "" {
			row("contact", "%s", id.Contact)
		}
	case r.Target.Implementation != "":
		row("implementation", "%s", r.Target.Implementation)
	}
	row("ig", "%s", r.IG)
	if p := r.Profile; p != nil {
		row("profile", "%s: %d requirements, %d not judged", p.Name, len(p.Requirements), len(p.Unjudged))
	}
	if s := r.Scenario; s != nil {
		row("scenario", "%s: %s", s.Name, s.Outcome)
	}
	t := r.Totals
	row("checks", "%d: %d judged, %d not applicable, %d not run, %d could not be judged", t.Checks, t.Pass+t.Warn+t.Fail+t.Waived, t.Skip, t.NotRun, t.Inconclusive+t.Error)
	row("started", "%s", r.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	row("ended", "%s", r.Ended.UTC().Format("2006-01-02 15:04:05 UTC"))
	row("tool", "%s %s (%s, %s)", r.Tool.Name, r.Tool.Version, r.Environment.Platform, r.Environment.GoVersion)
	row("catalogue", "%s", r.Tool.CatalogueDigest)
	if cat, err := spec.Load(); err == nil && cat.Digest() != r.Tool.CatalogueDigest {
		row("", "this tool has another catalogue of requirements: %s", cat.Digest())
	}
	row("digest", "%s", r.Digest)
}

// printable keeps a terminal safe from what a report may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func reportDiff(e env, args []string) int {
	fs := pflag.NewFlagSet("report diff", pflag.ContinueOnError)
	failOn := fs.String("fail-on", "new", "exit 1 on: new (what fails now and did not before), any (any difference), never")
	asJSON := fs.Bool("json", false, "print the differences as JSON")
	if err := parse(e, fs, "report diff OLD NEW [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() != 2 {
		return problems(e, "report diff", errors.New("name two report.json files, the older first"))
	}
	if *failOn != "new" && *failOn != "any" && *failOn != "never" {
		return problems(e, "report diff", fmt.Errorf("--fail-on %s: choose new, any or never", *failOn))
	}
	var both [2]*reporters.Report
	for i := range both {
		b, err := readReportFile(fs.Arg(i))
		if err == nil {
			both[i], err = reporters.Parse(b)
		}
		if err != nil {
			return problems(e, "report diff", fmt.Errorf("%s: %w", fs.Arg(i), err))
		}
	}
	d := reporters.Diff(both[0], both[1])
	if *asJSON {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		_ = enc.Encode(d)
	} else {
		printDiff(e, d)
	}
	if *failOn == "new" && len(d.Regressions()) > 0 || *failOn == "any" && !d.Same() {
		return checks.ExitViolated
	}
	return checks.ExitConformant
}

func printDiff(e env, d reporters.DiffResult) {
	for _, l := range []struct {
		name string
		list []reporters.Change
	}{{"newly failing", d.NewlyFailing}, {"fixed", d.Fixed}, {"appeared", d.Appeared}, {"disappeared", d.Disappeared}, {"changed otherwise", d.Changed}} {
		if len(l.list) == 0 {
			continue
		}
		fmt.Fprintf(e.out, "%s:\n", l.name)
		for _, c := range l.list {
			old, now := string(c.Old), string(c.New)
			if old == "" {
				old = "–"
			}
			if now == "" {
				now = "–"
			}
			fmt.Fprintf(e.out, "  %-44s %s → %s\n", c.ID, old, now)
		}
	}
	if d.Same() {
		fmt.Fprintln(e.out, "no check changed")
	}
	for _, r := range d.Remarks {
		fmt.Fprintf(e.out, "note: %s\n", r)
	}
}

func readReportFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the report cannot be read: %w", err)
	}
	if st.IsDir() || st.Size() > maxReport {
		return nil, fmt.Errorf("%s is not a report: a folder, or larger than %d bytes", path, maxReport)
	}
	return os.ReadFile(path)
}
