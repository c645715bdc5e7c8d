package kickoff

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// spellings are the names of NDJSON that a server has to know, with their requirements, and shared exports that use them:
// where one of these is accepted, the name is, and no kick-off is spent on it.
var spellings = []struct {
	value, req string
	shared     *session.Scenario
}{
	{"application/fhir+ndjson", "PARAM-005", &session.SinceLongAgo},
	{"application/ndjson", "PARAM-006", &session.Future},
	{"ndjson", "PARAM-007", nil},
}

func outputFormatSpellings() checks.Check {
	return checks.Check{
		ID:    "kickoff.output-format-spellings",
		Title: "_outputFormat is taken with all three names of NDJSON",
		// export.html#query-parameters, _outputFormat: "The server SHALL accept the full content type of application/fhir+ndjson as
		// well as the abbreviated representations application/ndjson and ndjson."
		Doc: "A name passes if an export of the suite that uses it is accepted. Otherwise a kick-off is sent that differs from the accepted plain one " +
			"in _outputFormat only, with the plus sign percent-encoded, and is deleted at once: its refusal is about the name. Refusals for " +
			"rate, size or access are inconclusive.",
		Requires: []string{"PARAM-001", "PARAM-003", "PARAM-005", "PARAM-006", "PARAM-007", "ASYNC-006", "ASYNC-008"},
		Exports:  []session.Scenario{session.Baseline, session.SinceLongAgo, session.Future},
		Cost:     checks.Cost{KickOffs: len(spellings)},
		Run: func(_ context.Context, t *checks.T) {
			var refusedOnes []*session.Probe
			unclear := ""
			for _, sp := range spellings {
				if sp.shared != nil {
					if k := t.Session().Export(*sp.shared).KickOff; k != nil && success(k) {
						continue
					}
				}
				p := t.Session().Probe(session.Scenario{}.With("_outputFormat", sp.value))
				switch {
				case p.Reason != "":
					t.Inconclusivef("%s", p.Reason)
				case p.KickOff.Status == 0 || aboutAccess(p.KickOff.Status):
					unclear = "the kick-off with _outputFormat=" + sp.value + " was answered with " + p.KickOff.Describe()
				case p.Refused():
					refusedOnes = append(refusedOnes, p)
				}
			}
			if len(refusedOnes) == len(spellings) {
				t.Violates("PARAM-001", refusedOnes[0].KickOff.At(), "every kick-off with _outputFormat is refused (HTTP %d)", refusedOnes[0].KickOff.Status)
				return
			}
			for _, p := range refusedOnes {
				value := p.Scenario.Params[0].Value
				for _, sp := range spellings {
					if sp.value == value {
						t.Violates(sp.req, p.KickOff.At(), "_outputFormat=%s is refused with HTTP %d", value, p.KickOff.Status)
					}
				}
			}
			if unclear != "" {
				t.Inconclusivef("%s", unclear)
			}
		},
	}
}
