package kickoff_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/kickoff"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// run runs one check against an open reference server, with a Group that the user names.
func run(t *testing.T, id string, edit func(*refserver.Answer)) checks.Result {
	t.Helper()
	cfg := refserver.Config{NoManagement: true, PollsUntilDone: 1}
	cfg.Behaviour.Answer = edit
	server, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(context.Background())
	s, err := session.Open(t.Context(), session.Config{BaseURL: server.URL, IG: spec.V300, Clock: &session.SkipClock{}, Group: dataset.GroupFew})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kickoff.Area().Checks {
		if c.ID == id {
			return checks.Run(t.Context(), s, cat, &c)
		}
	}
	t.Fatalf("there is no check %s", id)
	return checks.Result{}
}

// search returns a hook that empties the answers to searches whose query begins with one of the names.
func search(names ...string) func(*refserver.Answer) {
	return func(a *refserver.Answer) {
		if a.Endpoint != refserver.Read || !strings.HasSuffix(a.Request.URL.Path, "/Group") {
			return
		}
		for _, n := range names {
			if strings.HasPrefix(a.Request.URL.RawQuery, n+"=") {
				a.Body = []byte(`{"resourceType":"Bundle","type":"searchset"}`)
			}
		}
	}
}

func TestOneSearchThatFindsTheGroupIsEnough(t *testing.T) {
	if r := run(t, "kickoff.group-search", nil); r.Outcome != checks.Pass || r.Examined != "search by _id" {
		t.Errorf("%s %q %v", r.Outcome, r.Examined, r.Findings)
	}
	if r := run(t, "kickoff.group-search", search("_id")); r.Outcome != checks.Pass || r.Examined != "search by identifier" {
		t.Errorf("without _id: %s %q %v", r.Outcome, r.Examined, r.Findings)
	}
	if r := run(t, "kickoff.group-search", search("_id", "identifier", "name")); r.Outcome != checks.Pass || r.Examined != "search by _count" {
		t.Errorf("without parameters: %s %q %v", r.Outcome, r.Examined, r.Findings)
	}
	if r := run(t, "kickoff.group-search", search("_id", "identifier", "name", "_count")); r.Outcome != checks.Warn {
		t.Errorf("no search finds it: %s %v", r.Outcome, r.Findings)
	}
}

// A level that is neither declared nor there is skipped, not failed.
func TestLevelThatIsNotOffered(t *testing.T) {
	hidden := func(a *refserver.Answer) {
		switch {
		case a.Endpoint == refserver.Metadata:
			a.Status, a.Body = http.StatusServiceUnavailable, []byte("down")
		case a.Endpoint == refserver.KickOff && strings.HasSuffix(a.Request.URL.Path, "/Patient/$export"):
			a.Status = http.StatusNotFound
		}
	}
	if r := run(t, "kickoff.get-patient", hidden); r.Outcome != checks.Skip {
		t.Errorf("%s %q %v", r.Outcome, r.Reason, r.Findings)
	}
	if r := run(t, "kickoff.get-system", hidden); r.Outcome != checks.Pass {
		t.Errorf("the level beside it: %s %q %v", r.Outcome, r.Reason, r.Findings)
	}
}
