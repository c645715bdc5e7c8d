package capability

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func levelsDeclared() checks.Check {
	return checks.Check{
		ID:    "capability.levels-declared",
		Title: "A level at which exports are accepted is declared in the CapabilityStatement",
		Doc: "The CapabilityStatement names exactly the export operations that the server has. This check asks at each level that is not declared " +
			"whether a kick-off is accepted all the same; such a job is deleted at once. An operation counts wherever it is declared and under any " +
			"name that shows what it is. A declared level that does not work is judged by the kickoff.get-… checks. The Group level is asked only " +
			"if the id of a Group is known.",
		Requires: []string{"CAPABILITY-002", "CAPABILITY-017"},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			t.Capability()
			asked := 0
			for _, l := range session.Levels {
				if t.Discovery().Declares(l) {
					continue
				}
				if l == session.Group && t.Session().Config().Group == "" {
					t.Note("Group-level export is not declared, and no Group is named with --group to try it with")
					continue
				}
				asked++
				p := t.Session().Probe(session.Scenario{Level: l}.With("_type", "Patient"))
				if success(p.KickOff) {
					// export.html#server-capability-documentation: the CapabilityStatement "accurately reflects the capabilities".
					t.Violates("CAPABILITY-002", p.KickOff.At(), "a kick-off at the %s level is accepted, and the CapabilityStatement declares no such operation", l)
				}
			}
			t.Examined("%d undeclared levels tried", asked)
		},
	}
}
