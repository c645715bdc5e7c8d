package files_test

import (
	"context"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/attachment"
	"github.com/bulkproof/bulkproof/checks/files"
	"github.com/bulkproof/bulkproof/checks/lines"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// silent runs the checks of files, lines and attachments against a server and complains about every finding, and about
// every check that could not be judged unless unsure is set.
func silent(t *testing.T, cfg refserver.Config, unsure bool) *session.Session {
	t.Helper()
	ctx := context.Background()
	cfg.IG, cfg.NoManagement, cfg.PollsUntilDone = string(spec.V300), true, 1
	server, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(ctx) })
	s, err := session.Open(ctx, session.Config{BaseURL: server.URL, Clock: &session.SkipClock{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(ctx) })
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	areas := []checks.Area{files.Area(), lines.Area(), attachment.Area()}
	for _, r := range checks.RunAll(ctx, s, checks.NewPlan(areas, cat, spec.V300, nil), checks.Options{Parallel: 2}) {
		switch r.Outcome {
		case checks.Pass, checks.Skip:
		case checks.Inconclusive:
			if !unsure {
				t.Errorf("%s is inconclusive: %s", r.Check.ID, r.Reason)
			}
		default:
			t.Errorf("%s: %s %s", r.Check.ID, r.Outcome, r.Reason)
			for _, f := range r.Findings {
				t.Errorf("  %s: %s", f.Requirement, f.Observed)
			}
		}
	}
	return s
}

// What the guide leaves to the server gives no finding.
func TestLegalFilesAreAccepted(t *testing.T) {
	for _, name := range []string{"absolute-references", "one-file-per-type", "many-files-per-type", "charset-parameters", "chunked", "manifest-extension",
		"no-count", "gzip-always", "gzip-never", "files-other-origin"} {
		t.Run(name, func(t *testing.T) {
			cfg := refserver.Config{}
			found := false
			for _, v := range refserver.Variations() {
				if v.Name == name {
					found = true
					v.Apply(&cfg)
				}
			}
			if !found {
				t.Fatalf("there is no variation %q", name)
			}
			silent(t, cfg, false)
		})
	}
}

// A file that is answered with 503 first is asked for again after the time that Retry-After names.
func TestBusyFilesAreAskedForAgain(t *testing.T) {
	cfg := refserver.Config{}
	cfg.Behaviour.ThenAnswer(busyOnce())
	s := silent(t, cfg, false)
	n := 0
	for _, f := range s.Files(s.Export(session.Baseline)).Files {
		n += f.Busy
	}
	if n == 0 {
		t.Error("no file was asked for again")
	}
}
