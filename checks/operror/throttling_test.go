package operror_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/operror"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// probe runs error.poll-429 with a burst against a server whose clock is the session's, so that waiting costs no time.
func probe(t *testing.T, burst int, edit func(*refserver.Answer)) checks.Result {
	t.Helper()
	clock := &session.SkipClock{}
	cfg := refserver.Config{NoManagement: true, PollsUntilDone: 100, PollBurst: burst, RetryAfter: 2, Now: clock.Now}
	if edit != nil {
		cfg.Behaviour.Answer = edit
	}
	run, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close(context.Background())
	s, err := session.Open(t.Context(), session.Config{BaseURL: run.URL, IG: spec.V300, Clock: clock, ProbeThrottling: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range operror.Area().Checks {
		if c.ID == "error.poll-429" {
			return checks.Run(t.Context(), s, cat, &c)
		}
	}
	t.Fatal("there is no check error.poll-429")
	return checks.Result{}
}

// hard holds for the polls of the export that the burst is sent to.
func hard(a *refserver.Answer) bool {
	return a.Endpoint == refserver.Status && a.Job != nil && a.Job.Export.Since.Year() == 1900
}

func TestBurstThatIsThrottledAndRecovers(t *testing.T) {
	r := probe(t, 5, nil)
	if r.Outcome != checks.Pass || r.Examined != "1 answers with 429" {
		t.Errorf("%s (%s): %v %s", r.Outcome, r.Examined, r.Findings, r.Reason)
	}
}

func TestBurstThatIsNotThrottled(t *testing.T) {
	if r := probe(t, -1, nil); r.Outcome != checks.Pass || r.Examined != "0 answers with 429" {
		t.Errorf("%s (%s): %v %s", r.Outcome, r.Examined, r.Findings, r.Reason)
	}
}

func TestBurstFindings(t *testing.T) {
	var throttled atomic.Bool // hooks run on the goroutines of requests
	for _, c := range []struct {
		name, want string
		edit       func(*refserver.Answer)
	}{
		{"no Retry-After", "no Retry-After", func(a *refserver.Answer) {
			if hard(a) && a.Status == http.StatusTooManyRequests {
				a.Header.Del("Retry-After")
			}
		}},
		{"throttled for ever", "429 again", func(a *refserver.Answer) {
			if hard(a) && a.Status == http.StatusTooManyRequests {
				throttled.Store(true)
			}
			if hard(a) && throttled.Load() {
				a.Status = http.StatusTooManyRequests
				a.Header.Set("Retry-After", "1")
			}
		}},
		{"job killed", "answers HTTP 410", func(a *refserver.Answer) {
			switch {
			case hard(a) && throttled.Load() && a.Status != http.StatusTooManyRequests:
				a.Status = http.StatusGone
			case hard(a) && a.Status == http.StatusTooManyRequests:
				throttled.Store(true)
			}
		}},
	} {
		throttled.Store(false)
		r := probe(t, 5, c.edit)
		if r.Outcome != checks.Warn || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Observed, c.want) {
			t.Errorf("%s: %s, %v %s", c.name, r.Outcome, r.Findings, r.Reason)
		}
	}
}
