package security

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func deleteProtected() checks.Check {
	return checks.Check{
		ID:    "security.delete-protected",
		Title: "A job cannot be deleted without a valid token",
		Doc: "A job of the check's own is asked to be deleted without a token and with one that was never issued; afterwards it still answers its owner. " +
			"Success of either DELETE is a warning: the sentence with SHALL names status and files only. A DELETE that is answered with success and does " +
			"nothing is a warning too.",
		Requires: []string{"SECURITY-016"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(ctx context.Context, t *checks.T) {
			for _, b := range []bad{without, garbage(t.Session())} {
				if why := gate(t.Session(), b); why != "" {
					t.Inconclusivef("%s", why)
				}
			}
			level, why := t.Session().Level()
			if why != "" {
				t.Inconclusivef("%s", why)
			}
			kick, location := t.Client().KickOffPatiently(ctx, session.Scenario{Level: level, Label: "to be deleted by nobody"}.With("_type", "Patient"))
			if location == "" {
				t.Inconclusivef("a job of the check's own could not be started: %s", kick.Describe())
			}
			if before := t.Client().Patiently(ctx, session.StatusRequest(location)); before.Status >= 400 {
				t.Inconclusivef("a job of the check's own does not answer its owner: %s", before.Describe())
			}
			for _, b := range []bad{without, garbage(t.Session())} {
				req := session.DeleteRequest(location)
				req.Credentials = b.cred
				v := try{b.what, "a DELETE", t.Client().Do(ctx, req)}
				// export.html#privacy-and-security-considerations: access management is for each of the requests described.
				if v.let() {
					t.Warns("SECURITY-016", v.res.At(), "%s", tell(v))
				} else if !v.refused() {
					t.Inconclusivef("%s", tell(v))
				}
			}
			owner := t.Client().Patiently(ctx, session.StatusRequest(location))
			if owner.Status == 404 || owner.Status == 410 {
				t.Warns("SECURITY-016", owner.At(), "after a DELETE without a valid token was refused, the job is gone (HTTP %d)", owner.Status)
			}
			if del := t.Client().Do(ctx, session.DeleteRequest(location)); del.Status >= 200 && del.Status <= 299 {
				t.Session().NoteDeleted(location)
			}
		},
	}
}
