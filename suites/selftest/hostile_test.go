package selftest

import (
	"bytes"
	"context"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters/build"
	"github.com/bulkproof/bulkproof/reporters/html"
	"github.com/bulkproof/bulkproof/reporters/jsonreport"
	"github.com/bulkproof/bulkproof/reporters/junit"
)

const (
	// hostileTime is how long one hostile target may hold a run up. With six at a time on two busy cores the longest has
	// been seen to take 20 s.
	hostileTime = 2 * time.Minute
	// hostileHeap bounds the heap of all targets and runs that go on at a time, in bytes.
	hostileHeap = 1 << 30
)

// Whatever a target does, a run ends in bounded time and memory, no check panics, none passes that could not look, the
// token goes nowhere else, and reports show markup as text.
func TestHostileTargets(t *testing.T) {
	o := load(t)
	cases := hostileCases()
	if len(cases) < 40 {
		t.Errorf("%d hostile behaviours", len(cases))
	}
	known := map[string]bool{}
	for _, a := range o.Areas {
		for _, c := range a.Checks {
			known[c.ID] = true
		}
	}
	peak := watchHeap(t)
	t.Run("targets", func(t *testing.T) {
		for _, c := range cases {
			for _, id := range c.never {
				if !known[id] {
					t.Errorf("%s: there is no check %s", c.name, id)
				}
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				attack(t, o, c)
			})
		}
	})
	if got := peak(); got > hostileHeap {
		t.Errorf("the heap grew to %d MiB", got>>20)
	} else {
		t.Logf("%d hostile behaviours, heap up to %d MiB", len(cases), got>>20)
	}
}

func attack(t *testing.T, o Options, c hostileCase) {
	h := startHostile(t, c)
	s := h.open(t, c)
	if !c.whole {
		o.Keep = withoutAssertions
	}
	plan := checks.NewPlan(o.Areas, o.Cat, spec.V300, o.Keep)
	started := time.Now()
	var results []checks.Result
	err := within(hostileTime, func() {
		results = checks.RunAll(context.Background(), s, plan, checks.Options{Parallel: 4})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s.Close(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]checks.Outcome{}
	for _, r := range results {
		outcomes[r.Check.ID] = r.Outcome
		if r.Outcome == checks.Error {
			t.Errorf("%s: %s\n%s", r.Check.ID, r.Reason, r.Stack)
		}
	}
	for _, id := range c.never {
		if outcomes[id] == checks.Pass {
			t.Errorf("%s passes", id)
		}
	}
	verdict, code := checks.Judge(results, false, false)
	if code == checks.ExitConformant && len(c.never) > 0 {
		t.Errorf("the verdict is %s", verdict)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, leak := range h.sent {
		t.Errorf("the other origin was sent credentials at %s", leak)
	}
	report(t, s, plan, results, verdict, code, started, h.tokens)
}

// report writes the reports and looks for markup that is not escaped, and for tokens.
func report(t *testing.T, s *session.Session, plan *checks.Plan, results []checks.Result, verdict checks.Verdict, code int, started time.Time, tokens []string) {
	t.Helper()
	r := build.Report(build.Input{Session: s, Plan: plan, Results: results, Verdict: verdict, ExitCode: code, Started: started, Ended: time.Now(), ToolVersion: "test"})
	var page, suite bytes.Buffer
	if err := html.Write(&page, r); err != nil {
		t.Fatalf("the HTML report: %v", err)
	}
	if err := junit.Write(&suite, r); err != nil {
		t.Fatalf("the JUnit report: %v", err)
	}
	data, err := jsonreport.Marshal(r)
	if err != nil {
		t.Fatalf("the JSON report: %v", err)
	}
	for _, bad := range []string{"<script>bulkproof", "<img src=x"} {
		if bytes.Contains(page.Bytes(), []byte(bad)) || bytes.Contains(suite.Bytes(), []byte(bad)) {
			t.Errorf("a report has %s unescaped", bad)
		}
	}
	for _, out := range [][]byte{page.Bytes(), suite.Bytes(), data} {
		if slices.ContainsFunc(tokens, func(tok string) bool { return len(tok) > 10 && bytes.Contains(out, []byte(tok)) }) {
			t.Error("a report has an access token")
		}
	}
}

// watchHeap looks at the heap while a test runs; the function returned stops that and returns the largest size seen.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	stop := make(chan struct{})
	var most uint64
	var done sync.WaitGroup
	done.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return sync.OnceValue(func() uint64 {
		close(stop)
		done.Wait()
		return most
	})
}

// A target whose certificate nobody vouches for gets nothing, least of all the token.
func TestUntrustedCertificate(t *testing.T) {
	o := load(t)
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	s, err := session.Open(context.Background(), session.Config{BaseURL: srv.URL, IG: spec.V300, Access: session.Access{}, Token: "not-for-you-0123456789", Clock: &session.SkipClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	plan := checks.NewPlan(o.Areas, o.Cat, spec.V300, withoutAssertions)
	results := checks.RunAll(context.Background(), s, plan, checks.Options{Parallel: 4})
	said := false
	for _, r := range results {
		switch r.Outcome {
		case checks.Error:
			t.Errorf("%s: %s", r.Check.ID, r.Reason)
		case checks.Pass:
			if strings.HasPrefix(r.Check.ID, "kickoff.") || strings.HasPrefix(r.Check.ID, "status.") || strings.HasPrefix(r.Check.ID, "file.") {
				t.Errorf("%s passes", r.Check.ID)
			}
		}
		said = said || strings.Contains(r.Reason, "unknown authority")
		for _, f := range r.Findings {
			said = said || strings.Contains(f.Observed, "unknown authority")
		}
	}
	if !said {
		t.Error("nothing says that the certificate is not trusted")
	}
	if _, code := checks.Judge(results, false, false); code == checks.ExitConformant {
		t.Error("the verdict is conformant")
	}
}
