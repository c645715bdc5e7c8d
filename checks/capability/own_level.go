package capability

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func ownLevelOnly() checks.Check {
	return checks.Check{
		ID:    "capability.own-level-only",
		Title: "The Group export is not run for Group/$export without an id",
		Doc: "group-export is an operation of a single Group. A kick-off at [base]/Group/$export should be refused: taken as an export of all Groups it " +
			"hands out data that nobody named. It is a warning, and only a note where the CapabilityStatement declares an operation of the server's " +
			"own at that place. The job is deleted at once.",
		Requires: []string{"CAPABILITY-007"},
		Needs:    []checks.Need{checks.NeedGroup},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			p := t.Session().ProbeEdited(session.Scenario{Level: session.Group}, "no id", func(r *session.Request) { r.URL = "Group/$export" })
			switch {
			case p.KickOff == nil:
				t.Inconclusivef("%s", p.Reason)
			case p.KickOff.Status == 0:
				t.Inconclusivef("the kick-off got no answer: %v", p.KickOff.Err)
			case p.KickOff.Status < 400 && !success(p.KickOff):
				t.Inconclusivef("the kick-off was neither taken nor refused: %s", p.KickOff.Describe())
			case !success(p.KickOff):
				t.Examined("Group/$export: HTTP %d", p.KickOff.Status)
			case declaredOwn(t.Capability()):
				t.Note("a kick-off at Group/$export is accepted; the CapabilityStatement declares an operation of the server's own there")
			default:
				// OperationDefinition-group-export.html: system false, type false, instance true.
				t.Violates("CAPABILITY-007", p.KickOff.At(), "a kick-off at Group/$export, without the id of a Group, is answered with %s", p.KickOff.Describe())
			}
		},
	}
}

// declaredOwn reports whether the Group entry declares an export with a definition of the server's own.
func declaredOwn(statement map[string]any) bool {
	for _, o := range exports(statement) {
		if o.place == session.Group && o.canonical() != "" && o.canonical() != ownDefinition[session.Group] {
			return true
		}
	}
	return false
}
