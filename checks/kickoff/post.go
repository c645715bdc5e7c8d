package kickoff

import (
	"context"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// types returns the resource types of the output files that the manifest lists, sorted.
func types(ex *session.Export) []string {
	var out []string
	for _, it := range ex.Manifest.Output {
		if it.Type != "" && !slices.Contains(out, it.Type) {
			out = append(out, it.Type)
		}
	}
	slices.Sort(out)
	return out
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func post() checks.Check {
	return checks.Check{
		ID:    "kickoff.post",
		Title: "A POST kick-off, where it is offered, takes its parameters from the Parameters resource",
		// export.html#bulk-data-kick-off-request: a server "MAY support POST requests that supply parameters using the FHIR
		// Parameters Resource"; export.html#query-parameters, _type: "The response SHALL be filtered to only include resources of
		// the specified resource type(s)".
		Doc: "POST is optional up to 3.0.0: any refusal means that it is not offered, and the check is skipped. A server that accepts the request " +
			"has read the body: an export of more types than _type asks for is a violation. What the same _type yields by GET is tolerated, " +
			"because resources may be added for context.",
		Requires: []string{"KICKOFF-004", "PARAM-024"},
		Exports:  []session.Scenario{session.Posted, session.TwoTypes},
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Posted)
			if ex.State == session.Refused {
				t.Skipf("POST kick-offs are not offered, which is legal: %s", ex.Reason)
			}
			posted := types(t.Export(session.Posted))
			got := types(t.Export(session.TwoTypes))
			var extra []string
			for _, n := range posted {
				if n != "Patient" && !slices.Contains(got, n) {
					extra = append(extra, n)
				}
			}
			if len(extra) > 0 {
				t.Violates("PARAM-024", ex.Final().At(), "the kick-off by POST with _type=Patient in its body exported further types (%s); by GET _type is honoured", list(extra))
			}
			t.Examined("types exported by POST: %s", list(posted))
		},
	}
}

func postMalformed() checks.Check {
	return checks.Check{
		ID:    "kickoff.post-malformed-body",
		Title: "A POST kick-off whose body is not a Parameters resource is refused",
		// export.html#response---output-manifest, error: requests with invalid parameters are processed only "along with a Prefer:
		// handling=lenient header".
		Doc: "Skipped where POST is not offered. A body that breaks off in the middle cannot be read by anybody, so a job started from it ignores " +
			"what the client asked for. That malformed parameters lead to an error follows from the rule for lenient handling and has no " +
			"sentence of its own: a warning. Any error status passes; its body is judged by kickoff.error-outcome.",
		Requires: []string{"PARAM-009"},
		Exports:  []session.Scenario{session.Posted},
		Observes: observes(malformedPost),
		Run: func(_ context.Context, t *checks.T) {
			if ex := t.Session().Export(session.Posted); ex.State == session.Refused {
				t.Skipf("POST kick-offs are not offered, which is legal: %s", ex.Reason)
			}
			judgeRefusal(t, malformedPost, "PARAM-009", "a POST kick-off with a body that breaks off in the middle")
		},
	}
}
