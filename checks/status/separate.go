package status

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// separate returns the shared export that asked for separate-export-status; the check is skipped if the server does not
// support the preference. It does if Preference-Applied names it or if a running export is answered with 200.
func separate(t *checks.T) *session.Export {
	ex := t.Session().Export(session.Separate)
	if ex.State == session.Refused {
		t.Skipf("the server refuses a kick-off with separate-export-status: %s", ex.Reason)
	}
	if len(ex.Polls) == 0 {
		t.Inconclusivef("the status of an export with separate-export-status was never asked for: %s", ex.Reason)
	}
	applied := strings.Contains(strings.ToLower(strings.Join(ex.KickOff.Header.Values("Preference-Applied"), ",")), "separate-export-status")
	for _, p := range ex.Polls {
		if p.Status == http.StatusOK && strings.HasPrefix(exportStatus(p), "202") {
			applied = true
		}
	}
	if !applied {
		t.Skipf("the server does not support separate-export-status, which is legal")
	}
	return ex
}

func exportStatus(p *session.Response) string {
	return strings.TrimSpace(p.Header.Get("X-Export-Status"))
}

// code returns the status code that X-Export-Status begins with, and whether it begins with one.
func code(v string) (int, bool) {
	first, _, _ := strings.Cut(v, " ")
	n, err := strconv.Atoi(first)
	return n, err == nil && len(first) == 3 && n >= 100 && n <= 599
}

// carriesManifest reports whether the body is an object that is meant for a manifest.
func carriesManifest(p *session.Response) bool {
	m := session.ReadManifest(p)
	return m.Tree != nil && isManifest(m.Tree)
}

// ownTrouble reports whether a status tells about the status request itself under any way of reporting.
func ownTrouble(status int) bool {
	switch status {
	case 401, 403, 404, 410, 429, 502, 503, 504:
		return true
	}
	return false
}

const separateDoc = " Skipped where the server does not support separate-export-status, which is its choice."

func separateInProgress() checks.Check {
	return checks.Check{
		ID:    "status.separate-in-progress",
		Title: "With separate-export-status a running export is answered with 200 and X-Export-Status: 202",
		// export.html#response---in-progress-status: "HTTP status code of 200 OK and an X-Export-Status header of 202 Accepted".
		Doc: "The HTTP status tells about the status request, which succeeded; the export's own status stands in X-Export-Status. 202 as HTTP status is " +
			"a violation once Preference-Applied has named the preference. The reason phrase is optional. An export that is complete at the first " +
			"request leaves nothing to judge." + separateDoc,
		Requires: []string{"STATUS-009"},
		Exports:  []session.Scenario{session.Separate},
		Run: func(_ context.Context, t *checks.T) {
			ex := separate(t)
			seen := 0
			for _, p := range ex.Polls {
				switch {
				case p.Status == http.StatusAccepted:
					seen++
					t.Violates("STATUS-009", p.At(), "a running export is answered with HTTP 202 although separate-export-status is in effect")
				case p.Status == http.StatusOK && strings.HasPrefix(exportStatus(p), "202"):
					seen++
				}
			}
			if seen == 0 && ex.State == session.Completed {
				t.Skipf("the export was complete at the first status request, which is legal")
			}
			t.Examined("%d in-progress answers", seen)
		},
	}
}

func separateHeader() checks.Check {
	return checks.Check{
		ID:    "status.separate-header",
		Title: "With separate-export-status each 200 before the end names the export's status in X-Export-Status",
		// export.html#headers, Prefer: "when the HTTP status code of the bulk data status request is 200 OK, the response SHALL also
		// include an X-Export-Status header with an HTTP status code that reflects the status of the export job".
		Doc: "The header begins with a status code of three digits; a reason phrase may follow. Any code that fits passes. The answer with the manifest " +
			"is judged by status.separate-complete." + separateDoc,
		Requires: []string{"STATUS-011"},
		Exports:  []session.Scenario{session.Separate},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, p := range separate(t).Polls {
				if p.Status != http.StatusOK || carriesManifest(p) {
					continue
				}
				n++
				v := exportStatus(p)
				if v == "" {
					t.Violates("STATUS-011", p.At(), "a status request is answered with 200 and no X-Export-Status")
				} else if _, ok := code(v); !ok {
					t.Violates("STATUS-011", p.At(), "X-Export-Status does not begin with an HTTP status code: %q", short(v))
				}
			}
			t.Examined("%d answers with 200 before the manifest", n)
		},
	}
}

func separateComplete() checks.Check {
	return checks.Check{
		ID:    "status.separate-complete",
		Title: "With separate-export-status the manifest comes with X-Export-Status: 200",
		// export.html#response---complete-status: "an X-Export-Status header of 200 OK".
		Doc:      "The answer that carries the manifest says in X-Export-Status that the export is complete. The reason phrase is optional." + separateDoc,
		Requires: []string{"STATUS-021", "STATUS-011"},
		Exports:  []session.Scenario{session.Separate},
		Run: func(_ context.Context, t *checks.T) {
			ex := separate(t)
			for _, p := range ex.Polls {
				if p.Status != http.StatusOK || !carriesManifest(p) {
					continue
				}
				v := exportStatus(p)
				if n, ok := code(v); !ok || n != http.StatusOK {
					if v == "" {
						t.Violates("STATUS-021", p.At(), "the manifest comes without X-Export-Status")
					} else {
						t.Violates("STATUS-021", p.At(), "the manifest comes with X-Export-Status: %s", short(v))
					}
				}
				return
			}
			t.Inconclusivef("no answer with a manifest was seen: %s", ex.Reason)
		},
	}
}

func separateRequestStatus() checks.Check {
	return checks.Check{
		ID:    "status.separate-request-status",
		Title: "With separate-export-status the HTTP status tells about the status request, not about the export",
		Doc: "An export that fails is answered with 200 and X-Export-Status 4XX or 5XX. A violation is an error status of HTTP that tells the fate of the " +
			"export: one that carries X-Export-Status, or one that persists. 401, 403, 404, 410, 429 and 502 to 504 tell about the request itself " +
			"and stay legal." + separateDoc,
		Requires: []string{"STATUS-010", "ERROR-004"},
		Exports:  []session.Scenario{session.Separate},
		Run: func(_ context.Context, t *checks.T) {
			ex := separate(t)
			for _, p := range ex.Polls {
				n, ok := code(exportStatus(p))
				// export.html#headers, Prefer: "the HTTP status code in the response to an bulk data status request SHALL reflect the
				// status request itself, and not the export job".
				if p.Status >= 400 && ok && n == p.Status && !ownTrouble(p.Status) {
					t.Violates("STATUS-010", p.At(), "a status request is answered with HTTP %d, the status of the export", p.Status)
				}
			}
			if last := ex.Final(); ex.State == session.Failed && last.Status >= 400 && !ownTrouble(last.Status) && !AfterOf(t.Session(), session.Separate).Lived() {
				if _, ok := code(exportStatus(last)); !ok {
					// export.html#response---error-status-1: "HTTP status code of 200 OK and an X-Export-Status header of 4XX or 5XX".
					t.Violates("ERROR-004", last.At(), "the export ended with HTTP %d and without X-Export-Status, where 200 and X-Export-Status with the error are expected", last.Status)
				}
			}
			t.Examined("%d status answers", len(ex.Polls))
		},
	}
}
