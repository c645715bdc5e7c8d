package kickoff

import (
	"context"
	"net/url"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func contentLocation() checks.Check {
	return checks.Check{
		ID:    "kickoff.content-location",
		Title: "The 202 answer to a kick-off carries the absolute polling location in Content-Location",
		Doc: "An accepted kick-off names, in the Content-Location header, the absolute URL at which the client asks for the status. A relative " +
			"reference is a violation although many clients resolve it. Nothing is said about the URL's form or host, so any http or https URL " +
			"is accepted, on another origin too. Every level that is declared is looked at.",
		Requires: []string{"KICKOFF-024", "KICKOFF-025", "ASYNC-011"},
		Exports:  []session.Scenario{session.Baseline, session.PatientLevel, session.GroupLevel},
		Run: func(_ context.Context, t *checks.T) {
			judged := 0
			for _, ex := range kickOffs(t.Session()) {
				// Where the status is not 202, kickoff.accepted-202 has the say: an answer with the data has no polling location.
				if success(ex.KickOff) {
					judged++
					judgeLocation(t, ex.KickOff)
				}
			}
			if judged == 0 {
				t.Inconclusivef("no kick-off was accepted: %s", t.Session().Export(session.Baseline).Reason)
			}
			t.Examined("%d accepted kick-offs", judged)
		},
	}
}

// export.html#response---success: "Content-Location header with the absolute URL of an endpoint for subsequent status
// requests"; an item of a list without keyword, so the findings are worded as expectations.
func judgeLocation(t *checks.T, res *session.Response) {
	values := res.Header.Values("Content-Location")
	if len(values) == 0 || values[0] == "" {
		if res.Status != 202 {
			t.Inconclusivef("the kick-off was not answered with 202, so no polling location is due")
		}
		t.Violates("KICKOFF-024", res.At(), "the answer to the kick-off has status %d and no Content-Location header", res.Status)
		return
	}
	if len(values) > 1 {
		t.Violates("KICKOFF-024", res.At(), "the answer to the kick-off has %d Content-Location headers", len(values))
	}
	u, err := url.Parse(values[0])
	switch {
	case err != nil:
		t.Violates("KICKOFF-024", res.At(), "the Content-Location header is not a URL")
	case !u.IsAbs() || u.Host == "":
		t.Violates("KICKOFF-025", res.At(), "the Content-Location header is not an absolute URL: %s", session.RedactURL(values[0]))
	case u.Scheme != "http" && u.Scheme != "https":
		t.Violates("KICKOFF-025", res.At(), "the Content-Location header has the scheme %q", u.Scheme)
	}
}
