package operror_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/operror"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// lossy runs error.partial-success with a Group that the tester names.
func lossy(t *testing.T, group string, b refserver.Behaviour) checks.Result {
	t.Helper()
	run, err := refserver.Start(refserver.Config{NoManagement: true, PollsUntilDone: 1, RehearsalGroups: true, Behaviour: b}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close(context.Background())
	s, err := session.Open(t.Context(), session.Config{BaseURL: run.URL, IG: spec.V300, Clock: &session.SkipClock{}, Known: session.Known{LossyGroup: group}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range operror.Area().Checks {
		if c.ID == "error.partial-success" {
			return checks.Run(t.Context(), s, cat, &c)
		}
	}
	t.Fatal("there is no check error.partial-success")
	return checks.Result{}
}

func TestLossyGroup(t *testing.T) {
	isLossy := func(j refserver.JobInfo) bool { return j.Export.Group == refserver.RehearseLoss }
	silent := refserver.Behaviour{Manifest: func(m map[string]any, j refserver.JobInfo) {
		if isLossy(j) {
			m["error"] = []any{}
		}
	}}
	as206 := refserver.Behaviour{Answer: func(a *refserver.Answer) {
		if a.Endpoint == refserver.Manifest && isLossy(*a.Job) {
			a.Status = http.StatusPartialContent
		}
	}}
	for _, c := range []struct {
		name, group string
		behaviour   refserver.Behaviour
		want        checks.Outcome
		says        string
	}{
		{"nothing known", "", refserver.Behaviour{}, checks.Pass, ""},
		{"tells of the loss", refserver.RehearseLoss, refserver.Behaviour{}, checks.Pass, ""},
		{"fails as a whole", refserver.RehearseFailure, refserver.Behaviour{}, checks.Pass, ""},
		{"silent about the loss", refserver.RehearseLoss, silent, checks.Fail, "error array is empty"},
		{"206", refserver.RehearseLoss, as206, checks.Fail, "HTTP 206"},
		{"no such Group", "nobody", refserver.Behaviour{}, checks.Inconclusive, ""},
	} {
		r := lossy(t, c.group, c.behaviour)
		if r.Outcome != c.want {
			t.Errorf("%s: %s, want %s: %v %s", c.name, r.Outcome, c.want, r.Findings, r.Reason)
		}
		if c.says != "" && (len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Observed, c.says)) {
			t.Errorf("%s: %v", c.name, r.Findings)
		}
	}
}
