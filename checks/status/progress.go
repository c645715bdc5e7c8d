package status

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// inProgress returns the in-progress answers of the plain export; the check is skipped if there were none.
func inProgress(t *checks.T) []*session.Response {
	ex := polled(t)
	seen := progress(ex)
	if len(seen) == 0 {
		if ex.State == session.Completed {
			t.Skipf("the export was complete at the first status request, which is legal, so there is no in-progress answer to judge")
		}
		t.Inconclusivef("no in-progress answer was seen: %s", ex.Reason)
	}
	return seen
}

func retryAfter() checks.Check {
	return checks.Check{
		ID:    "status.retry-after",
		Title: "In-progress answers say in Retry-After when to ask again",
		// export.html#bulk-data-status-request: "A server SHOULD supply a Retry-After header".
		Doc: "Without Retry-After a client has to guess how long to wait, and polls too often or too seldom. Only in-progress answers count; a header " +
			"on some of them but not on all is a note. Its form is judged by status.retry-after-format.",
		Requires: []string{"STATUS-004", "ASYNC-020"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			seen := inProgress(t)
			without := 0
			for _, p := range seen {
				if p.Header.Get("Retry-After") == "" {
					without++
				}
			}
			switch {
			case without == len(seen):
				t.Violates("STATUS-004", seen[0].At(), "no in-progress answer has a Retry-After header")
			case without > 0:
				t.Note("%d of %d in-progress answers have no Retry-After header", without, len(seen))
			}
			t.Examined("%d in-progress answers", len(seen))
		},
	}
}

// tooLong is the wait beyond which a Retry-After is more likely a moment in time than a number of seconds. Exports of
// days exist, but then servers ask for a poll every hour or so, not for one after a day.
const tooLong = 24 * time.Hour

func retryAfterFormat() checks.Check {
	return checks.Check{
		ID:    "status.retry-after-format",
		Title: "Retry-After is a whole number of seconds or an HTTP-date, and sane",
		// export.html#bulk-data-status-request: "a delay time in seconds (e.g., 120 to represent two minutes) or a http-date";
		// RFC 9110 section 10.2.3.
		Doc: "Looked at on every answer of the polling location that carries the header, 429 and 503 included. Digits only, or one of the three forms " +
			"of an HTTP-date; 0 and dates in the past are valid. A wait of more than a day is a warning: it is most often a time since 1970, " +
			"perhaps in milliseconds, and no client waits that long.",
		Requires: []string{"STATUS-005"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, p := range polled(t).Polls {
				v := strings.TrimSpace(p.Header.Get("Retry-After"))
				if v == "" {
					continue
				}
				n++
				digits := strings.Trim(v, "0123456789") == ""
				d, ok := session.RetryAfter(p, p.Received)
				switch {
				case digits && (!ok || d > tooLong):
					t.Warns("STATUS-005", p.At(), "Retry-After asks for a wait of %s seconds, which is more than a day; it counts seconds from now, not since 1970", short(v))
				case !ok:
					t.Violates("STATUS-005", p.At(), "Retry-After is neither a whole number of seconds nor an HTTP-date: %q", short(v))
				case d > tooLong:
					t.Warns("STATUS-005", p.At(), "Retry-After asks for a wait until %q, which is more than a day", short(v))
				}
			}
			t.Examined("%d Retry-After headers", n)
		},
	}
}

// short cuts a header value that the target chose.
func short(v string) string {
	if len(v) > 60 {
		return v[:60] + "…"
	}
	return v
}

func xProgressLength() checks.Check {
	return checks.Check{
		ID:    "status.x-progress-length",
		Title: "X-Progress is shorter than 100 characters",
		// export.html#response---in-progress-status: "a text description of the status of the request that is less than 100
		// characters".
		Doc:      "The header is optional and its wording free. Characters are counted, not bytes, without white space around them.",
		Requires: []string{"STATUS-014", "STATUS-013", "ASYNC-025"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			seen := inProgress(t)
			n := 0
			for _, p := range seen {
				for _, v := range p.Header.Values("X-Progress") {
					n++
					if c := utf8.RuneCountInString(strings.TrimSpace(v)); c > 99 {
						t.Violates("STATUS-014", p.At(), "X-Progress has %d characters", c)
					}
				}
			}
			t.Examined("%d X-Progress headers", n)
		},
	}
}

func complete200() checks.Check {
	return checks.Check{
		ID:    "status.complete-200",
		Title: "A finished export is answered with 200 OK",
		Doc: "Once the export is complete the status request is answered with 200 and the manifest. 201, 204, 206 or a 303 to the manifest are " +
			"violations; with a manifest that lists errors they are judged by error.partial-success. Redirects that keep the method (301, " +
			"302, 307, 308) and end in 200 pass with a note. Exports that fail, or outlast the patience of the run, are not judged here.",
		Requires: []string{"STATUS-020", "ASYNC-028"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := polled(t)
			last := ex.Final()
			for _, hop := range last.Hops {
				// export.html#response---complete-status: "HTTP status of 200 OK".
				if hop == http.StatusSeeOther {
					t.Violates("STATUS-020", last.At(), "the finished export is answered with 303, and the manifest is elsewhere")
				} else {
					t.Note("the status request was redirected with HTTP %d", hop)
				}
			}
			switch {
			case ex.State == session.Completed:
			case ex.State == session.Failed && last.Status >= 200 && last.Status <= 399 && !After(t.Session()).Lived():
				if m := session.ReadManifest(last); m.Tree != nil && len(m.Error) > 0 {
					t.Inconclusivef("a manifest with error files is sent with HTTP %d (see error.partial-success)", last.Status)
				}
				t.Violates("STATUS-020", last.At(), "the status request ends in %s, and stays so", last.Describe())
			default:
				t.Inconclusivef("the export did not complete: %s", ex.Reason)
			}
		},
	}
}
