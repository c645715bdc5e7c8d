package token

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

// below are statuses that layers below OAuth answer with, of which no OAuth body is expected.
var below = []int{http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
	http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge, http.StatusServiceUnavailable, http.StatusNotImplemented}

// errorsOf returns the refusals of all cases whose shape can be judged.
func errorsOf(ctx context.Context, t *checks.T) []*battery.Result {
	var out []*battery.Result
	for _, r := range battery.Everything(ctx, t) {
		if r.Response == nil || r.Unsure != "" || r.Reaction != battery.Refused && r.Reaction != battery.Odd {
			continue
		}
		if slices.Contains(below, r.Response.Status) || slices.Contains(r.Case.Bare, r.Response.Status) && (r.Code == "" || r.Response.Status >= 500) {
			continue
		}
		out = append(out, r)
	}
	return out
}

func errorAnswer() checks.Check {
	return checks.Check{
		ID:    "token.error-answer",
		Title: "A refused token request is answered with an OAuth error",
		Doc: "Each refusal that the suite provokes is a JSON object, sent as application/json with a 4xx status, whose member error is a code that OAuth " +
			"defines (RFC 6749 section 5.2, or registered since). A success status, HTML, plain text and a FHIR OperationOutcome are violations. The " +
			"right body under 403, 422, or under 401 with another code than invalid_client is a warning. Statuses of layers below OAuth (405, 413, 414, " +
			"415, 429, 431, 501, 503) need no body.",
		Requires: []string{"TOKEN-010"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			all := errorsOf(ctx, t)
			if len(all) == 0 {
				t.Inconclusivef("no wrong request was refused")
			}
			seen := map[string]int{}
			record := func(find func(string, checks.Evidence, string, ...any), r *battery.Result, what string) {
				if seen[what]++; seen[what] == 1 {
					find("TOKEN-010", r.Response.At(), "%s is answered with %s", r.Name(), what)
				}
			}
			for _, r := range all {
				// backend-services.html#issue-access-token: "the FHIR authorization server SHALL respond with the appropriate error message
				// defined in Section 5.2 of the OAuth 2.0 specification".
				if what := malformed(r); what != "" {
					record(t.Violates, r, what)
				} else if what := oddStatus(r); what != "" {
					record(t.Warns, r, what)
				}
			}
			for what, n := range sorted(seen) {
				if n > 1 {
					t.Note("%d requests in all are answered with %s", n, what)
				}
			}
			t.Examined("%d refusals", len(all))
		},
	}
}

// sorted returns the counts in the order of their names.
func sorted(m map[string]int) func(func(string, int) bool) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return func(yield func(string, int) bool) {
		for _, name := range names {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

func malformed(r *battery.Result) string {
	res := r.Response
	v, err := res.JSON()
	switch {
	case res.Status < 400:
		return fmt.Sprintf("HTTP %d, which is no error status", res.Status)
	case err != nil:
		return fmt.Sprintf("HTTP %d and a body that is no JSON", res.Status)
	case session.Text(v, "resourceType") != "":
		return fmt.Sprintf("HTTP %d and a FHIR resource", res.Status)
	case session.Text(v, "error") == "":
		return fmt.Sprintf("HTTP %d and JSON without an error code", res.Status)
	case !battery.KnownError(r.Code):
		return "an error code that OAuth does not define"
	case res.MediaType() != "application/json":
		return fmt.Sprintf("an OAuth error sent as %q in place of application/json", res.MediaType())
	}
	return ""
}

func oddStatus(r *battery.Result) string {
	switch s := r.Response.Status; {
	case s == http.StatusBadRequest, s == http.StatusUnauthorized && r.Code == "invalid_client":
		return ""
	case s == http.StatusUnauthorized:
		return "HTTP 401, which is for invalid_client only"
	default:
		return fmt.Sprintf("the right body under HTTP %d in place of 400", s)
	}
}

func errorDescription() checks.Check {
	return checks.Check{
		ID:    "token.error-description",
		Title: "An OAuth error says more than its code",
		Doc: "A refusal has error_description or error_uri. The text may be terse and the same for all causes, as telling attackers too much is no good " +
			"either. An answer without an OAuth error is judged by token.error-answer.",
		Requires: []string{"TOKEN-011"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			judged, bare := 0, 0
			var first *battery.Result
			for _, r := range errorsOf(ctx, t) {
				v, err := r.Response.JSON()
				if err != nil || r.Code == "" {
					continue
				}
				judged++
				if session.Text(v, "error_description") == "" && session.Text(v, "error_uri") == "" {
					if bare++; first == nil {
						first = r
					}
				}
			}
			if judged == 0 {
				t.Inconclusivef("no wrong request was refused with an OAuth error")
			}
			// backend-services.html#issue-access-token: "The FHIR authorization server SHOULD include an error_uri or error_description".
			if bare > 0 {
				t.Violates("TOKEN-011", first.Response.At(), "%d of %d refusals have neither error_description nor error_uri", bare, judged)
			}
			t.Examined("%d refusals", judged)
		},
	}
}
