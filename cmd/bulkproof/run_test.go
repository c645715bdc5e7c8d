package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reporters"
)

func readReport(t *testing.T, dir string) *reporters.Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := reporters.Verify(b); err != nil {
		t.Errorf("the report does not verify: %v", err)
	}
	r, err := reporters.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An interrupted run stops politely: it writes the report with the rest as not run, deletes its jobs, and exits 3.
func TestInterruptedRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var once sync.Once
	cfg := refserver.Config{NoManagement: true, PollsUntilDone: 2}
	cfg.Behaviour.Answer = func(a *refserver.Answer) {
		if a.Endpoint == refserver.Status {
			once.Do(cancel)
		}
	}
	running, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close(context.Background())
	dir := t.TempDir()
	var out, errw bytes.Buffer
	code := Main(ctx, []string{"run", "--server", running.URL, "--plain", "--out", dir}, nil, &out, &errw)
	if code != 3 {
		t.Errorf("exit code %d\n%s%s", code, &out, &errw)
	}
	r := readReport(t, dir)
	if r.Verdict != reporters.Incomplete || r.Totals.NotRun == 0 || r.ExitCode != 3 {
		t.Errorf("verdict %s, totals %+v", r.Verdict, r.Totals)
	}
	if !slices.ContainsFunc(r.Problems, func(p string) bool { return strings.Contains(p, "interrupted") }) {
		t.Errorf("the report does not say that the run was interrupted: %v", r.Problems)
	}
	if s := running.Server.Stats(); s.KickOffs == 0 || s.Deleted != s.KickOffs {
		t.Errorf("%d jobs were started and %d deleted", s.KickOffs, s.Deleted)
	}
}

// README's first command: conformant, nothing but passes, three reports, every job deleted.
func TestReferenceRun(t *testing.T) {
	dir := t.TempDir()
	var out, errw bytes.Buffer
	if code := Main(context.Background(), []string{"run", "--reference", "--out", dir}, nil, &out, &errw); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errw)
	}
	r := readReport(t, dir)
	if r.Verdict != reporters.Conformant || r.Totals.Pass != r.Totals.Checks {
		t.Errorf("verdict %s, totals %+v", r.Verdict, r.Totals)
		for _, c := range r.Checks {
			if c.Outcome != reporters.Pass {
				t.Logf("%s %s: %s %+v", c.Outcome, c.ID, c.Reason, c.Findings)
			}
		}
	}
	if r.Traffic.JobsDeleted != r.Traffic.KickOffs {
		t.Errorf("%d kick-offs, %d jobs deleted", r.Traffic.KickOffs, r.Traffic.JobsDeleted)
	}
	for _, f := range []string{"report.json", "junit.xml", "report.html"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestRedactedCommandLine(t *testing.T) {
	in := []string{"run", "--server", "https://u:p@h/fhir", "--token", "abc", "--token=abc", "-H", "X: abc", "-HX: abc", "--header=X: abc", "--header", "X: abc", "--check", "kickoff.*"}
	got := strings.Join(redactedCommandLine(in), " ")
	if strings.Contains(got, "abc") || strings.Contains(got, "u:p") || !strings.Contains(got, "kickoff.*") {
		t.Errorf("got %s", got)
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"kickof": `; did you mean "kickoff"?`, "zzzzzz": "", "runn": `; did you mean "run"?`} {
		if got := nearest(word, []string{"run", "kickoff", "serve"}); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
