package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/suites/selftest"
	"github.com/spf13/pflag"
)

func selftestCommand(ctx context.Context, e env, args []string) int {
	fs := pflag.NewFlagSet("selftest", pflag.ContinueOnError)
	var (
		thorough      bool
		ig, matrix    string
		faults, only  []string
		areas         []string
		quiet, asJSON bool
		parallel      int
	)
	fs.StringVar(&ig, "ig", string(spec.V300), "version of the Bulk Data IG: 2.0.0 or 3.0.0")
	fs.StringArrayVar(&faults, "fault", nil, "only this fault (repeatable)")
	fs.StringArrayVar(&only, "check", nil, "run only checks whose id matches (repeatable)")
	fs.StringArrayVar(&areas, "area", nil, "only faults of this area (repeatable)")
	fs.StringVar(&matrix, "matrix", "", "write the matrix to this file, .html or .json")
	fs.BoolVarP(&quiet, "quiet", "q", false, "print only rows that are not exact, and the totals")
	fs.BoolVar(&asJSON, "json", false, "print the matrix as JSON")
	fs.IntVar(&parallel, "parallel", 4, "servers at a time")
	fs.BoolVar(&thorough, "thorough", false, "run every check in every row, also those that the fault cannot concern: takes three times as long")
	if err := parse(e, fs, "selftest [options]", args); err != nil {
		return exitOf(err)
	}
	v, err := spec.ParseVersion(ig)
	if err != nil {
		return problems(e, "selftest", err)
	}
	list, cat, err := all.Load()
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	o := selftest.Options{IG: v, Areas: list, Cat: cat, Parallel: parallel}
	var errs []error
	if len(only) > 0 {
		keep, err := selectChecks(list, nil, only, nil)
		errs = append(errs, err)
		o.Keep = keep
	}
	if ext := filepath.Ext(matrix); matrix != "" && ext != ".html" && ext != ".json" {
		errs = append(errs, fmt.Errorf("--matrix %s: the file's name ends in .html or .json", matrix))
	}
	o.Faults, err = selectFaults(faults, areas)
	errs = append(errs, err)
	errs = append(errs, unknownIDs(list, o.Faults)...)
	if err := errors.Join(errs...); err != nil {
		return problems(e, "selftest", err)
	}
	if !asJSON {
		o.Done = func(r selftest.Row) { printRow(e, r, quiet) }
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // hundreds of short sessions: memory is little, and the collector would take a fifth of the time
	}
	whole := len(faults) == 0 && len(areas) == 0
	o.Quick = whole && !thorough // a single row may take its time
	started := time.Now()
	m, err := selftest.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(e.err, "bulkproof selftest: interrupted; the matrix is incomplete")
		return checks.ExitInconclusive
	}
	if !whole {
		m.Untried = nil // a part of the faults says nothing about checks that none of them trips
	}
	if matrix != "" {
		if err := writeMatrix(m, matrix); err != nil {
			fmt.Fprintf(e.err, "bulkproof selftest: %v\n", err)
			return checks.ExitInconclusive
		}
	}
	if asJSON {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		_ = enc.Encode(selftest.Document(m))
	} else {
		printTotals(e, m, time.Since(started))
	}
	if !m.Exact() {
		return checks.ExitViolated
	}
	return checks.ExitConformant
}

func selectFaults(names, areas []string) ([]refserver.Fault, error) {
	var out []refserver.Fault
	var errs []error
	if len(names) == 0 && len(areas) == 0 {
		return refserver.Faults(), nil
	}
	for _, n := range names {
		f, ok := refserver.FaultNamed(n)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no fault %q; `bulkproof list faults` names them", n))
			continue
		}
		out = append(out, f)
	}
	for _, a := range areas {
		before := len(out)
		for _, f := range refserver.Faults() {
			if strings.EqualFold(f.Area, a) {
				out = append(out, f)
			}
		}
		if len(out) == before {
			errs = append(errs, fmt.Errorf("there is no fault in an area %q", a))
		}
	}
	return out, errors.Join(errs...)
}

func unknownIDs(areas []checks.Area, faults []refserver.Fault) []error {
	var errs []error
	for _, s := range selftest.UnknownChecks(areas, faults) {
		errs = append(errs, errors.New(s))
	}
	return errs
}

func printRow(e env, r selftest.Row, quiet bool) {
	name := r.Fault
	if name == "" {
		name = "(conformant server)"
	}
	if r.Exact() {
		if !quiet {
			found := len(r.Failed) + len(r.Warned)
			fmt.Fprintf(e.out, "ok    %-48s %2d found, %2d inconclusive  %s\n", name, found, len(r.Inconclusive), strings.Join(append(append([]string{}, r.Failed...), suffix(r.Warned, " (warns)")...), " "))
		}
		return
	}
	fmt.Fprintf(e.out, "WRONG %s\n", name)
	for _, l := range []struct {
		what string
		ids  []string
	}{{"missing", r.Missing}, {"extra", r.Extra}, {"error", r.Errors}} {
		for _, id := range l.ids {
			fmt.Fprintf(e.out, "      %-8s %s%s\n", l.what, id, why(r, id))
		}
	}
	if r.Problem != "" {
		fmt.Fprintf(e.out, "      problem  %s\n", r.Problem)
	}
}

// why says what the check said.
func why(r selftest.Row, id string) string {
	for _, res := range r.Results {
		if res.Check.ID != id {
			continue
		}
		s := string(res.Outcome)
		if len(res.Findings) > 0 {
			s += ": " + res.Findings[0].Requirement + " " + res.Findings[0].Observed
		} else if res.Reason != "" {
			s += ": " + res.Reason
		}
		return " (" + s + ")"
	}
	return ""
}

func printTotals(e env, m *selftest.Matrix, took time.Duration) {
	exact := 0
	for _, r := range m.Rows {
		if r.Exact() {
			exact++
		}
	}
	for _, id := range m.Untried {
		fmt.Fprintf(e.out, "WRONG no fault trips the check %s\n", id)
	}
	clean := "no finding on the conformant server"
	if !m.Clean.Exact() {
		clean = "FINDINGS on the conformant server"
	}
	fmt.Fprintf(e.out, "\nIG %s: %d checks, %d faults, %d caught exactly as named; %s (%d passed, %d skipped; %d kick-offs, %d completed exports). %s\n",
		m.IG, len(m.Checks), len(m.Rows), exact, clean, len(m.Checks)-len(m.Clean.Skipped)-len(m.Clean.Extra), len(m.Clean.Skipped),
		m.Clean.Traffic.KickOffs, m.Clean.Traffic.CompletedExports, took.Round(100*time.Millisecond))
}

func writeMatrix(m *selftest.Matrix, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("the matrix cannot be written: %w", err)
	}
	if filepath.Ext(file) == ".html" {
		err = selftest.WriteHTML(f, m)
	} else {
		enc := json.NewEncoder(f)
		enc.SetIndent("", "  ")
		err = enc.Encode(selftest.Document(m))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("the matrix cannot be written: %w", err)
	}
	return nil
}
