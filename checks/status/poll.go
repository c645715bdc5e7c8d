package status

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func pollGet() checks.Check {
	return checks.Check{
		ID:    "status.poll-get",
		Title: "The polling location answers a GET from the start",
		// export.html#endpoint-1: "GET [polling content location]".
		Doc: "The first status request comes right after the kick-off. 202, 200 or an error that tells of the job are its possible answers; 404, 405 " +
			"and 410 say that there is no such job, or no way to ask. A 404 that is gone when the request is repeated shortly after is a " +
			"warning: the job was not visible yet.",
		Requires: []string{"STATUS-001", "ASYNC-018"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := polled(t)
			first := ex.Polls[0]
			switch first.Status {
			case 0:
				t.Inconclusivef("the first status request got no answer: %v", first.Err)
			case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
				if After(t.Session()).Lived() {
					t.Warns("STATUS-001", first.At(), "the first status request is answered with HTTP %d, a later one finds the job", first.Status)
					return
				}
				t.Violates("STATUS-001", first.At(), "the first status request after the kick-off is answered with HTTP %d", first.Status)
			}
		},
	}
}

func acceptJSON() checks.Check {
	return checks.Check{
		ID:    "status.accept-json",
		Title: "Status requests with Accept: application/json are answered",
		// export.html#bulk-data-status-request: "When requesting status, the client SHOULD use an Accept header indicating a content
		// type of application/json."
		Doc: "Clients are told to ask for application/json, and so does the suite. A server that finds this not acceptable (406), or that answers 415, " +
			"cannot be polled by a client that does as it is told.",
		Requires: []string{"STATUS-007"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			for _, p := range polled(t).Polls {
				if p.Status == http.StatusNotAcceptable || p.Status == http.StatusUnsupportedMediaType {
					t.Violates("STATUS-007", p.At(), "a status request with Accept: application/json is answered with HTTP %d", p.Status)
				}
			}
		},
	}
}

func inProgress202() checks.Check {
	return checks.Check{
		ID:    "status.in-progress-202",
		Title: "While the export is running, status requests are answered with 202 Accepted",
		// export.html#response---in-progress-status: "HTTP Status Code of 202 Accepted".
		Doc: "Every answer before the manifest has to be 202. 200 without a manifest, or with fewer files than the same request yields a moment later, " +
			"is a violation: clients stop asking at 200. A job that is complete at the first request is legal, and the check is skipped then. " +
			"429 and 503 in between are legal too.",
		Requires: []string{"STATUS-008", "STATUS-026", "ASYNC-024"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := polled(t)
			if why := Unfinished(t.Session()); why != "" {
				t.Violates("STATUS-008", ex.Final().At(), "a status request was answered with 200 before the export was complete: %s", why)
				return
			}
			if last := ex.Final(); ex.State == session.Failed && last.Status >= 200 && last.Status <= 399 {
				if After(t.Session()).Lived() {
					t.Violates("STATUS-008", last.At(), "a status request was answered with HTTP %d while the export was running: a later answer shows that it went on", last.Status)
					return
				}
			}
			seen := progress(ex)
			if len(seen) == 0 {
				if ex.State == session.Completed {
					t.Skipf("the export was complete at the first status request, which is legal, so there is no in-progress answer to judge")
				}
				t.Inconclusivef("no in-progress answer was seen: %s", ex.Reason)
			}
			t.Examined("%d in-progress answers", len(seen))
		},
	}
}
