package kickoff

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func repeatEqualsComma() checks.Check {
	return checks.Check{
		ID:    "kickoff.repeat-equals-comma",
		Title: "A parameter given twice means the same as one with a comma list",
		// export.html#bulk-data-kick-off-request: "The server SHALL treat the values provided as if they were comma delimited values
		// within a single instance of the parameter."
		Doc: "_type=Patient&_type=Condition is compared with _type=Patient,Condition. Sets of types are compared, not files or counts, since data " +
			"may change between two exports. Skipped where the server refuses _type, which it may, or has data of fewer than two of the types.",
		Requires: []string{"KICKOFF-008"},
		Exports:  []session.Scenario{session.TwoTypes, session.RepeatedTypes},
		Run: func(_ context.Context, t *checks.T) {
			s := t.Session()
			comma, repeated := s.Export(session.TwoTypes), s.Export(session.RepeatedTypes)
			if comma.State == session.Refused && !aboutAccess(comma.KickOff.Status) {
				t.Skipf("the server refuses _type with a comma list, which it may: %s", comma.Reason)
			}
			want := types(t.Export(session.TwoTypes))
			if len(want) < 2 {
				t.Skipf("the export with _type=Patient,Condition has files of these types only: %s", list(want))
			}
			if repeated.State == session.Refused && !aboutAccess(repeated.KickOff.Status) {
				t.Violates("KICKOFF-008", repeated.KickOff.At(), "_type=Patient&_type=Condition is refused with HTTP %d, _type=Patient,Condition is accepted", repeated.KickOff.Status)
				return
			}
			got := types(t.Export(session.RepeatedTypes))
			if !slices.Equal(want, got) {
				t.Violates("KICKOFF-008", repeated.Final().At(), "_type=Patient,Condition exports %s, but _type=Patient&_type=Condition exports %s", list(want), list(got))
			}
			t.Examined("types exported: %s", list(got))
		},
	}
}
