package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// validateOptions are the options of `bulkproof validate`.
type validateOptions struct {
	fhirVersion, typ, failOn string
	format, out              string
	formats                  []string
	jobs, maxFindings        int
	maxLine                  int
	noDuplicates, showValues bool
	quiet                    bool
	packages                 []string
}

// judges makes the line judges and remembers them, for what they counted.
type judges struct {
	mu       sync.Mutex
	defs     *resource.Definitions
	profiles *resource.Profiles
	values   bool
	made     []*resource.Validator
}

func (j *judges) make() resource.Judge {
	v := resource.NewJudge(j.defs, resource.Options{Values: j.values, Profiles: j.profiles})
	j.mu.Lock()
	defer j.mu.Unlock()
	j.made = append(j.made, v)
	return v
}

// remarks says which must-support elements never occurred, over all files, and what of the profiles was not evaluated.
func (j *judges) remarks() (missing, notEvaluated []string) {
	if j.profiles == nil {
		return nil, nil
	}
	var sum *resource.Support
	for _, v := range j.made {
		if s := v.Support(); sum == nil {
			sum = s
		} else {
			sum.Merge(s)
		}
	}
	if sum != nil {
		for _, p := range sum.Report() {
			if len(p.Missing) > 0 {
				missing = append(missing, fmt.Sprintf("%s: of %d must-support elements, %d occur in none of the %d resources: %s", p.Profile.URL, len(p.Elements),
					len(p.Missing), p.Resources, strings.Join(p.Missing, ", ")))
			}
		}
	}
	return missing, j.profiles.NotEvaluated()
}

func validateCommand(ctx context.Context, e env, args []string) int {
	var o validateOptions
	fs := pflag.NewFlagSet("validate", pflag.ContinueOnError)
	fs.StringVar(&o.fhirVersion, "fhir-version", "4.0.1", "FHIR version of the resources: 4.0.1, 4.3.0 or 5.0.0; none judges JSON only")
	fs.StringVar(&o.typ, "type", "", "resourceType expected on every line (default: what a manifest says, otherwise any)")
	fs.StringVar(&o.failOn, "fail-on", "error", "least severity that fails: error, warning, note or never")
	fs.StringVar(&o.format, "format", "text", "what is printed: text (grouped), or jsonl (every finding as JSON on a line)")
	fs.StringVarP(&o.out, "out", "o", "", "also write reports to this folder")
	fs.StringSliceVar(&o.formats, "report", nil, "with --out, reports to write: json, junit, html (default all)")
	fs.StringArrayVar(&o.packages, "ig-package", nil, "FHIR package (.tgz) whose profiles are judged too, such as US Core (repeatable)")
	fs.IntVar(&o.jobs, "jobs", 0, "goroutines that judge (default: one for each processor)")
	fs.IntVar(&o.maxFindings, "max-findings", ndjson.DefaultMaxFindings, "examples kept for each rule and path; all are counted")
	fs.IntVar(&o.maxLine, "max-line", ndjson.DefaultMaxLine, "longest line that is judged, in bytes")
	fs.BoolVar(&o.noDuplicates, "no-duplicates", false, "leave out the uniqueness of type and id over all files")
	fs.BoolVar(&o.showValues, "show-values", false, "show offending values: they are health data")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "print the outcome only")
	if err := parse(e, fs, "validate PATH|URL|- [options]", args); err != nil {
		return exitOf(err)
	}
	if os.Getenv("GOGC") == "" && len(o.packages) == 0 {
		debug.SetGCPercent(30) // valid lines allocate nothing, so that small memory costs no time; profiles do allocate
	}
	j, failOn, err := o.check(fs.Args())
	if err != nil {
		return problems(e, "validate", err)
	}
	inputs, err := ndjson.Open(ctx, ndjson.InputOptions{Stdin: e.in}, fs.Args()...)
	if err != nil {
		return problems(e, "validate", err)
	}
	return o.run(ctx, e, inputs, j, failOn, args)
}

// check returns the judges to judge by.
func (o *validateOptions) check(args []string) (*judges, ndjson.FailOn, error) {
	var errs []error
	if len(args) == 0 {
		errs = append(errs, errors.New("name what to judge: a file, a folder, a saved manifest, a URL, or - for standard input"))
	}
	failOn, err := ndjson.ParseFailOn(o.failOn)
	if err != nil {
		errs = append(errs, fmt.Errorf("--fail-on: %w", err))
	}
	if o.format != "text" && o.format != "jsonl" {
		errs = append(errs, fmt.Errorf("--format %s: choose text or jsonl", o.format))
	}
	if _, err := reporters.Select(o.formats); err != nil {
		errs = append(errs, err)
	}
	if len(o.formats) > 0 && o.out == "" {
		errs = append(errs, errors.New("--report needs --out"))
	}
	if o.jobs < 0 || o.maxLine < 1 {
		errs = append(errs, errors.New("--jobs and --max-line are positive numbers"))
	}
	j := &judges{values: o.showValues}
	switch {
	case o.fhirVersion != "none":
		if j.defs, err = resource.For(o.fhirVersion); err != nil {
			errs = append(errs, fmt.Errorf("--fhir-version: %w", err))
		} else if len(o.packages) > 0 {
			if j.profiles, err = resource.LoadProfiles(j.defs, o.packages...); err != nil {
				errs = append(errs, fmt.Errorf("--ig-package: %w", err))
			}
		}
	case len(o.packages) > 0:
		errs = append(errs, errors.New("--ig-package needs a --fhir-version other than none"))
	}
	return j, failOn, errors.Join(errs...)
}

func (o *validateOptions) run(ctx context.Context, e env, inputs []ndjson.Input, j *judges, failOn ndjson.FailOn, args []string) int {
	started := time.Now()
	vo := ndjson.ValidateOptions{NoDuplicates: o.noDuplicates, Scan: ndjson.Options{MaxLine: o.maxLine, Jobs: o.jobs, Type: o.typ, MaxFindings: o.maxFindings,
		NewJudge: j.make}}
	var lines *ndjson.JSONLines
	if o.format == "jsonl" {
		lines = ndjson.NewJSONLines(e.out, o.showValues)
		vo.Scan.OnFinding = lines.Write
	}
	bar := o.bar(e)
	vo.Progress = bar.update
	result, verr := ndjson.Validate(ctx, inputs, vo)
	bar.end()
	if lines != nil {
		if err := lines.Flush(); err != nil {
			fmt.Fprintf(e.err, "bulkproof validate: the findings could not be written: %v\n", err)
			return checks.ExitInconclusive
		}
	} else {
		o.print(e, result, time.Since(started))
	}
	missing, notEvaluated := j.remarks()
	if !o.quiet && o.format == "text" {
		for _, m := range missing {
			fmt.Fprintf(e.out, "must-support  %s\n", m)
		}
		if len(notEvaluated) > 0 {
			fmt.Fprintf(e.out, "%d parts of the profiles are not evaluated; a report (--out) lists them\n", len(notEvaluated))
		}
	}
	code := checks.ExitConformant
	switch {
	case result.Failed(failOn):
		code = checks.ExitViolated
	case len(result.Incomplete) > 0 || verr != nil:
		code = checks.ExitInconclusive
	case result.Lines == 0:
		fmt.Fprintln(e.err, "bulkproof validate: nothing was judged: there is no line in the input")
		code = checks.ExitNothing
	}
	for _, s := range result.Incomplete {
		fmt.Fprintf(e.err, "bulkproof validate: %s\n", s)
	}
	if o.out == "" {
		return code
	}
	cat, err := spec.Load()
	if err == nil {
		r := validationReport(result, cat, failOn, started, redactedCommandLine(append([]string{"validate"}, args...)), verr != nil)
		r.Problems = append(r.Problems, missing...)
		for _, n := range notEvaluated {
			r.Problems = append(r.Problems, "Not evaluated: "+n)
		}
		err = reporters.WriteAll(o.out, r, o.formats)
	}
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof validate: %v\n", err)
		if code == checks.ExitConformant {
			code = checks.ExitInconclusive
		}
	}
	return code
}

// print writes the grouped findings.
func (o *validateOptions) print(e env, r ndjson.Result, took time.Duration) {
	if !o.quiet {
		for _, g := range r.Groups {
			path := g.Path
			if path == "" {
				path = "–"
			}
			fmt.Fprintf(e.out, "%-8s %s  %s  ×%d\n", strings.ToUpper(g.Severity.String()), g.Rule, path, g.Count)
			for i, f := range g.First {
				if i == 3 {
					fmt.Fprintf(e.out, "         … %d more\n", g.Count-int64(i))
					break
				}
				line := f.String()
				if o.showValues && f.Value != "" {
					line += fmt.Sprintf(" (%q)", f.Value)
				}
				fmt.Fprintf(e.out, "         %s\n", line)
			}
		}
	}
	rate := ""
	if s := took.Seconds(); s > 0.05 {
		rate = fmt.Sprintf(", %.0f MB/s", float64(r.Bytes)/1e6/s)
	}
	fmt.Fprintf(e.out, "%d files, %d resources, %d bytes: %d errors, %d warnings, %d notes (%s%s)\n", len(r.Files), r.Lines, r.Bytes, r.Errors, r.Warnings, r.Notes,
		took.Round(time.Millisecond), rate)
}

// progress is the bar on a terminal, and nothing elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar
	last time.Time
}

func (o *validateOptions) bar(e env) *progress {
	f, ok := e.err.(*os.File)
	if o.quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(-1, progressbar.OptionSetWriter(f), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))}
}

func (p *progress) update(u ndjson.Progress) {
	if p.bar == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	if u.StoredTotal > 0 && p.bar.GetMax64() != u.StoredTotal {
		p.bar.ChangeMax64(u.StoredTotal)
	}
	p.bar.Describe(fmt.Sprintf("%s (%d/%d)", filepath.Base(u.File), u.Index+1, u.Files))
	_ = p.bar.Set64(u.Stored)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// requirementOf says which requirement a rule of the line judges belongs to.
func requirementOf(rule string) string {
	switch rule {
	case ndjson.RuleDuplicateID, ndjson.RuleDuplicateIdentical:
		return "DATA-010" // only the latest version of each resource
	case ndjson.RuleTypeMismatch:
		return "FILE-017" // one type in each file
	}
	return "FILE-016" // one complete FHIR resource on each line
}

// validationReport puts the result into the form of a run's report: one check for each rule.
func validationReport(res ndjson.Result, cat *spec.Catalogue, failOn ndjson.FailOn, started time.Time, commandLine []string, interrupted bool) *reporters.Report {
	docs := map[string]string{}
	order := []string{}
	for _, r := range ndjson.Rules() {
		docs[r.ID] = r.Doc
		order = append(order, r.ID)
	}
	byRule := map[string][]ndjson.Group{}
	for _, g := range res.Groups {
		if _, known := docs[g.Rule]; !known && byRule[g.Rule] == nil {
			order = append(order, g.Rule)
		}
		byRule[g.Rule] = append(byRule[g.Rule], g)
	}
	r := &reporters.Report{SchemaVersion: reporters.SchemaVersion, IG: string(spec.V300), Strict: failOn == ndjson.FailOnWarning || failOn == ndjson.FailOnNote,
		Tool:    reporters.Tool{Name: "bulkproof", Version: toolVersion(), CatalogueDigest: cat.Digest()},
		Started: started.UTC(), Ended: time.Now().UTC(), CommandLine: commandLine,
		Target:      reporters.Target{BaseURL: "files", Authorization: "none", Facts: []reporters.Fact{}},
		Environment: environment(), Exchanges: []reporters.Exchange{}, Exports: []reporters.Export{}, Problems: append([]string{}, res.Incomplete...)}
	for _, f := range res.Files {
		r.Target.Facts = append(r.Target.Facts, reporters.Fact{Name: f.File, Value: fmt.Sprintf("%d resources, %d bytes", f.Lines, f.Bytes), Provenance: session.Probed, Source: "validate"})
	}
	r.Traffic.Resources = res.Lines
	for _, rule := range order {
		r.Checks = append(r.Checks, ruleCheck(rule, docs[rule], byRule[rule], cat, failOn, res))
	}
	for _, id := range []string{"DATA-010", "FILE-016", "FILE-017"} {
		req, _ := cat.Get(id)
		en, _ := req.In(spec.V300)
		q := reporters.Requirement{ID: id, Key: req.Key, Level: en.Keyword(), Summary: req.SummaryIn(spec.V300), Source: req.SourceIn(spec.V300)}
		for _, c := range r.Checks {
			if c.Requires[0] == id {
				q.Checks = append(q.Checks, c.ID)
			}
		}
		r.Requirements = append(r.Requirements, q)
	}
	r.Totals = reporters.Tally(r.Checks)
	switch {
	case interrupted:
		r.Verdict = reporters.Incomplete
	case r.Totals.Fail > 0 || r.Strict && r.Totals.Warn > 0:
		r.Verdict = reporters.NotConformant
	case r.Totals.Inconclusive > 0:
		r.Verdict = reporters.VerdictInconclusive
	default:
		r.Verdict = reporters.Conformant
	}
	r.ExitCode = r.Verdict.ExitCode()
	return r
}

func ruleCheck(rule, doc string, groups []ndjson.Group, cat *spec.Catalogue, failOn ndjson.FailOn, res ndjson.Result) reporters.Check {
	area, _, _ := strings.Cut(rule, ".")
	c := reporters.Check{ID: rule, Area: area, Title: "No finding of the rule " + rule, Doc: doc, Requires: []string{requirementOf(rule)}, Outcome: reporters.Pass,
		Findings: []reporters.Finding{}, Notes: []string{}, Examined: fmt.Sprintf("%d files, %d lines", len(res.Files), res.Lines)}
	req, _ := cat.Get(c.Requires[0])
	en, _ := req.In(spec.V300)
	for _, g := range groups {
		severity := map[resource.Severity]string{resource.Error: "fail", resource.Warning: "warn", resource.Note: "note"}[g.Severity]
		if failOn == ndjson.FailNever && severity == "fail" {
			severity = "warn"
		}
		f := reporters.Finding{Requirement: req.ID, Level: en.Keyword(), Severity: severity, Expected: req.SummaryIn(spec.V300),
			Observed: fmt.Sprintf("%d findings at %s", g.Count, g.Path), Count: int(g.Count)}
		if len(g.First) > 0 {
			first := g.First[0]
			f.Observed = strings.TrimSuffix(first.Message, ".")
			if g.Path != "" {
				f.Observed = g.Path + ": " + f.Observed
			}
			f.Evidence = reporters.Evidence{File: first.File, Line: first.Line, Offset: first.Pos(), Pointer: first.Pointer}
		}
		c.Findings = append(c.Findings, f)
		switch {
		case severity == "fail":
			c.Outcome = reporters.Fail
		case severity == "warn" && c.Outcome == reporters.Pass:
			c.Outcome = reporters.Warn
		}
	}
	if c.Outcome == reporters.Pass && len(res.Incomplete) > 0 {
		c.Outcome, c.Reason = reporters.Inconclusive, res.Incomplete[0]
	}
	return c
}
