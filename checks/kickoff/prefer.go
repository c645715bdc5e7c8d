package kickoff

import (
	"context"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

// lenientOnly has nothing wrong in it.
var lenientOnly = session.Scenario{Header: http.Header{"Prefer": {"respond-async, handling=lenient"}}}.With("_type", "Patient")

func lenient() checks.Check {
	return checks.Check{
		ID:    "kickoff.lenient",
		Title: "A second preference beside respond-async does not stop an export",
		// export.html#bulk-data-kick-off-request: "The Resource FHIR server SHALL support invocation of this operation using the FHIR
		// Asynchronous Request Pattern"; Prefer is a list (RFC 7240 section 2).
		Doc: "Prefer may hold several preferences, such as respond-async and handling=lenient, and a server ignores those it does not know. A " +
			"request with unsupported parameters under handling=lenient may be processed or refused. Only if it is refused, one without any " +
			"such parameter is tried: that one is an ordinary request, and its refusal is a violation.",
		Requires: []string{"KICKOFF-001"},
		Exports:  []session.Scenario{session.Baseline, session.Lenient},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			if ex := t.Session().Export(session.Lenient); ex.KickOff == nil || ex.KickOff.Status == 0 {
				t.Inconclusivef("the kick-off with handling=lenient got no answer: %s", ex.Reason)
			} else if ex.State != session.Refused {
				t.Examined("unsupported parameters are processed under handling=lenient")
				return
			}
			p := t.Session().Probe(lenientOnly)
			switch {
			case p.Reason != "":
				t.Inconclusivef("%s", p.Reason)
			case p.KickOff.Status == 0 || aboutAccess(p.KickOff.Status):
				t.Inconclusivef("the kick-off with Prefer: respond-async, handling=lenient was answered with %s", p.KickOff.Describe())
			case p.Refused():
				if typed := t.Session().Export(session.TwoTypes); typed.State == session.Refused {
					t.Inconclusivef("the server refuses _type, so the refusal is not about Prefer: %s", typed.Reason)
				}
				t.Violates("KICKOFF-001", p.KickOff.At(), "a kick-off with Prefer: respond-async, handling=lenient is refused with HTTP %d, one with respond-async alone is accepted", p.KickOff.Status)
			}
		},
	}
}

func withoutAccept() checks.Check {
	return checks.Check{
		ID:    "kickoff.without-accept",
		Title: "A kick-off without Accept is refused, or taken as if it had application/fhir+json",
		Doc: "Both ways are legal: an error status of any kind, or 202. What is no way is an answer with the data itself, and a body in another " +
			"format than JSON; both give a warning. The choice may differ between levels and methods.",
		Requires: []string{"KICKOFF-016", "KICKOFF-017", "KICKOFF-001"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: withoutHeaders,
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			judgeOmitted(t, "Accept")
		},
	}
}

func withoutPrefer() checks.Check {
	return checks.Check{
		ID:    "kickoff.without-prefer",
		Title: "A kick-off without Prefer is refused, or taken as if it had respond-async",
		Doc: "Both ways are legal: an error status of any kind, or 202. A synchronous answer with the data is neither; the text does not forbid it " +
			"with a keyword, so it is a warning.",
		Requires: []string{"KICKOFF-019", "KICKOFF-017", "KICKOFF-001"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: withoutHeaders,
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			judgeOmitted(t, "Prefer")
		},
	}
}

var withoutHeaders = []checks.Observation{{Name: "kick-off without Accept and Prefer", Cost: checks.Cost{KickOffs: 1}}}

// export.html#headers, Accept: "If omitted, the server MAY return an error or MAY process the request as if
// application/fhir+json was supplied." Prefer: "… as if respond-async was supplied."
func judgeOmitted(t *checks.T, header string) {
	// Where a kick-off without either header is accepted as it should be, each of them may be missing.
	p := t.Session().Probe(session.Scenario{}.WithHeader("Accept").WithHeader("Prefer"))
	if fine(p) {
		t.Examined("accepted without Accept and Prefer, which is legal")
		return
	}
	p = t.Session().Probe(session.Scenario{}.WithHeader(header))
	if p.Reason != "" {
		t.Inconclusivef("%s", p.Reason)
	}
	res := p.KickOff
	switch {
	case res.Status == 0:
		t.Inconclusivef("the kick-off without %s got no answer: %v", header, res.Err)
	case res.Status >= 400:
		t.Examined("refused with HTTP %d, which is legal", res.Status)
	case res.Status == http.StatusAccepted:
		t.Examined("accepted, which is legal")
		plain := t.Session().Export(session.Baseline).KickOff
		if outcome.Read(plain).Kind != outcome.Empty && plain.MediaType() == res.MediaType() {
			return // not for want of the header: kickoff.accepted-body judges it
		}
		if o := outcome.Read(res); o.Kind == outcome.NotJSON || !o.JSONType {
			t.Warns("KICKOFF-017", res.At(), "the kick-off without %s is answered with 202 and a body of type %q, where only application/fhir+json is due", header, res.MediaType())
		}
	default:
		if res := t.Session().Export(session.Baseline).KickOff; res.Status != http.StatusAccepted {
			t.Inconclusivef("the plain kick-off is answered with HTTP %d as well (see kickoff.accepted-202)", res.Status)
		}
		t.Warns("KICKOFF-001", res.At(), "the kick-off without %s is answered with %s: neither an error nor 202 Accepted", header, res.Describe())
	}
}

// fine reports whether the kick-off was accepted with an empty body, as most servers do, or with an OperationOutcome.
func fine(p *session.Probe) bool {
	if !p.KickOff.OK(http.StatusAccepted) {
		return false
	}
	o := outcome.Read(p.KickOff)
	return o.Kind == outcome.Empty || o.Kind <= outcome.Odd && o.JSONType
}

// preferences returns the preferences of all Preference-Applied headers, in lower case (RFC 7240 section 3).
func preferences(res *session.Response) map[string]bool {
	out := map[string]bool{}
	for _, h := range res.Header.Values("Preference-Applied") {
		for _, p := range strings.Split(h, ",") {
			p, _, _ = strings.Cut(p, ";")
			out[strings.ToLower(strings.TrimSpace(p))] = true
		}
	}
	return out
}

func preferenceApplied() checks.Check {
	return checks.Check{
		ID:    "kickoff.preference-applied",
		Title: "A server that keeps the export's status apart says so with Preference-Applied",
		// export.html#headers, Prefer: "If this header value is included by a client and is supported by a server, the server SHALL
		// return the header Preference-Applied with values of respond-async and separate-export-status in its response. These may be
		// provided as comma delimited values or the header may be repeated for each value."
		Doc: "Support shows in the status answers: HTTP 200 with X-Export-Status while the job is running. Then the answer to the kick-off names " +
			"both preferences in Preference-Applied, in one header or several, in either letter case. A server without support answers as " +
			"usual and is skipped; an X-Export-Status beside ordinary answers is no proof of support.",
		Requires: []string{"KICKOFF-021", "KICKOFF-022"},
		Exports:  []session.Scenario{session.Separate},
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Separate)
			if ex.State == session.Refused {
				t.Skipf("the server refuses a kick-off with separate-export-status: %s", ex.Reason)
			}
			if ex.KickOff == nil || !success(ex.KickOff) {
				t.Inconclusivef("the kick-off with separate-export-status got no answer: %s", ex.Reason)
			}
			named := preferences(ex.KickOff)
			if named["respond-async"] && named["separate-export-status"] {
				return
			}
			if named["separate-export-status"] {
				t.Violates("KICKOFF-021", ex.KickOff.At(), "Preference-Applied names separate-export-status, but not respond-async")
				return
			}
			for _, p := range ex.Polls {
				if status := strings.TrimSpace(p.Header.Get("X-Export-Status")); p.Status == http.StatusOK && strings.HasPrefix(status, "202") {
					t.Violates("KICKOFF-021", ex.KickOff.At(), "the status of a running export is answered with HTTP 200 and X-Export-Status 202, but Preference-Applied on the kick-off does not name both respond-async and separate-export-status")
					return
				}
			}
			t.Skipf("the server does not support separate-export-status, which is legal")
		},
	}
}
