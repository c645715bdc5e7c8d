package security

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func groupScope() checks.Check {
	return checks.Check{
		ID:    "security.group-scope",
		Title: "A Group that a client may not read is not exported",
		Doc: "A Group-level kick-off with a token for Patient only is refused with 401, 403 or 404. A server may take the right to export for the right to " +
			"read the Group, so acceptance is a warning. The job is deleted at once.",
		Requires: []string{"SECURITY-009"},
		Needs:    []checks.Need{checks.NeedAuth, checks.NeedGroup},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			n := narrowToken(t)
			p := t.Session().ProbeEdited(session.Scenario{Level: session.Group}.With("_type", "Patient"), n.name, func(r *session.Request) { r.Credentials = n.cred })
			if p.KickOff == nil {
				t.Inconclusivef("%s", p.Reason)
			}
			v := try{n.what, "a Group-level kick-off", p.KickOff}
			// export.html#privacy-and-security-considerations: a client SHOULD have read access to the Group it exports.
			if v.taken() {
				t.Warns("SECURITY-009", v.res.At(), "%s", tell(v))
			} else if !v.refused() {
				t.Inconclusivef("%s", tell(v))
			}
		},
	}
}
