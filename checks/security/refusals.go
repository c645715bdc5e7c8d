package security

import (
	"context"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// refusals returns the requests without a token and with one never issued that were refused: kick-off, status, and all
// files on origins that the token may be sent to.
func refusals(t *checks.T) []try {
	s := t.Session()
	var out []try
	add := func(v try) {
		if v.res != nil && v.res.Status >= 400 {
			out = append(out, v)
		}
	}
	for _, b := range []bad{without, garbage(s)} {
		k, _ := kickOffAs(s, b)
		add(k)
		if ex := s.Export(session.Baseline); ex.State == session.Completed && ex.Manifest.Tree != nil {
			add(statusAs(s, b))
			if ex.Manifest.RequiresAccessToken {
				for _, f := range filesAs(s, b) {
					if f.res != nil && s.TokenAllowedAt(f.item.Resolved) {
						add(f.try)
					}
				}
			}
		}
	}
	return out
}

func challenge() checks.Check {
	return checks.Check{
		ID:    "security.challenge",
		Title: "A 401 answer challenges with the Bearer scheme",
		Doc: "A request without a valid token that is refused with 401 carries WWW-Authenticate with Bearer among its schemes (RFC 6750 section 3, RFC 9110 " +
			"section 15.5.2). SMART itself says nothing of it, so this is a warning. Other schemes beside Bearer, several header lines, any letter case and " +
			"no attributes at all pass; 400, 403 and 404 are not judged, nor files on other origins.",
		Requires: []string{"AUTHZ-011"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			all := refusals(t)
			if len(all) == 0 {
				t.Inconclusivef("nothing was refused")
			}
			judged := 0
			seen := map[string]bool{}
			for _, v := range all {
				if v.res.Status != http.StatusUnauthorized {
					continue
				}
				judged++
				if bearer(v.res.Header.Values("WWW-Authenticate")) || seen[v.what] {
					continue
				}
				seen[v.what] = true
				lack := "no WWW-Authenticate"
				if len(v.res.Header.Values("WWW-Authenticate")) > 0 {
					lack = "a WWW-Authenticate without Bearer"
				}
				// RFC 6750 section 3: the resource server "MUST include the HTTP WWW-Authenticate response header field".
				t.Warns("AUTHZ-011", v.res.At(), "%s %s is answered with 401 and %s", v.at, v.what, lack)
			}
			t.Examined("%d answers with 401 of %d refusals", judged, len(all))
		},
	}
}

// bearer reports whether a challenge of the Bearer scheme is among the header lines. A scheme begins a line or follows a
// comma.
func bearer(lines []string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			scheme, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if strings.EqualFold(scheme, "Bearer") {
				return true
			}
		}
	}
	return false
}

func refusalStatus() checks.Check {
	return checks.Check{
		ID:    "security.refusal-status",
		Title: "A request without a usable token is refused with 401",
		Doc: "401 is what tells a client to get a new token (RFC 6750 section 3.1). 403 and 404 hide what exists and pass; another 4xx status is a warning. " +
			"5xx statuses and redirects to a login page are no refusals and make the other checks inconclusive; here they are a warning.",
		Requires: []string{"AUTHZ-012"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			all := refusals(t)
			if len(all) == 0 {
				t.Inconclusivef("nothing was refused")
			}
			seen := map[string]bool{}
			for _, v := range all {
				switch v.res.Status {
				case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable:
					continue
				}
				if !seen[v.what] {
					seen[v.what] = true
					// RFC 6750 section 3.1: invalid_token goes with 401.
					t.Violates("AUTHZ-012", v.res.At(), "%s %s is refused with HTTP %d in place of 401", v.at, v.what, v.res.Status)
				}
			}
			t.Examined("%d refusals", len(all))
		},
	}
}
