package cancel_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/cancel"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// A server may answer every kick-off with the job that is there already. Its job is everybody's: no check may delete it.
func TestAJobThatIsSharedIsNeverDeleted(t *testing.T) {
	var mu sync.Mutex
	first := ""
	cfg := refserver.Config{NoManagement: true, PollsUntilDone: 1}
	cfg.Behaviour.Answer = func(a *refserver.Answer) {
		mu.Lock()
		defer mu.Unlock()
		if a.Endpoint != refserver.KickOff || a.Status != http.StatusAccepted {
			return
		}
		if first == "" {
			first = a.Header.Get("Content-Location")
		}
		a.Header.Set("Content-Location", first)
	}
	server, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(context.Background())
	s, err := session.Open(t.Context(), session.Config{BaseURL: server.URL, IG: spec.V300, Clock: &session.SkipClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	// First the probes, which delete what they start.
	s.Export(session.Baseline)
	s.Probe(session.Scenario{}.With("_outputFormat", "ndjson"))
	for _, c := range cancel.Area().Checks {
		r := checks.Run(t.Context(), s, cat, &c)
		if r.Outcome == checks.Fail || r.Outcome == checks.Warn || r.Outcome == checks.Error {
			t.Errorf("%s: %s %v %s", c.ID, r.Outcome, r.Findings, r.Reason)
		}
	}
	for _, e := range s.Exchanges() {
		if e.Method == http.MethodDelete && e.URL == session.RedactURL(first) {
			t.Errorf("request %d deletes the job that all exports share", e.Number)
		}
	}
}
