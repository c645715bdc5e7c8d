package capability

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func exportOffered() checks.Check {
	return checks.Check{
		ID:    "capability.export-offered",
		Title: "At least one level of export is offered",
		Doc: "The guide's CapabilityStatement lists system, Patient and Group-level export, each as something that a server should have. No level is " +
			"mandatory: a level that is not offered is a note as long as there is another one. A server that neither declares nor accepts any " +
			"export is warned of.",
		Requires: []string{"CAPABILITY-003", "CAPABILITY-004", "CAPABILITY-005"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			t.Capability()
			ids := map[session.Level]string{session.System: "CAPABILITY-003", session.Patient: "CAPABILITY-004", session.Group: "CAPABILITY-005"}
			ex := t.Session().Export(session.Baseline)
			accepted := success(ex.KickOff)
			if ex.KickOff != nil && aboutAccess(ex.KickOff.Status) {
				t.Inconclusivef("a kick-off was refused for another reason than the level: %s", ex.Reason)
			}
			declared := 0
			for _, l := range session.Levels {
				if t.Discovery().Declares(l) {
					declared++
				}
			}
			for _, l := range session.Levels {
				switch {
				case t.Discovery().Declares(l):
				case declared > 0 || accepted:
					t.Note("%s-level export is not declared", l)
				default:
					// CapabilityStatement-bulk-data.html, rest.operation and rest.resource.operation with SHOULD.
					t.Violates(ids[l], t.Discovery().Metadata.At().In("/rest"), "%s-level export is not declared, and no kick-off at any level is accepted", l)
				}
			}
		},
	}
}
