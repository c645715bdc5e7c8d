package security

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func statusProtected() checks.Check {
	return checks.Check{
		ID:    "security.status-protected",
		Title: "The status of an export is shown to nobody without a valid token",
		Doc: "The polling location of the finished plain export is asked for without a token and with one that was never issued. 401, 403 and 404 are " +
			"refusals. Nothing is judged if the kick-off itself lets the same credentials pass.",
		Requires: []string{"SECURITY-005"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			exported(t)
			for _, b := range []bad{without, garbage(t.Session())} {
				if why := gate(t.Session(), b); why != "" {
					t.Inconclusivef("%s", why)
				}
				v := statusAs(t.Session(), b)
				// export.html#privacy-and-security-considerations: with SMART Backend Services, the status endpoint "SHALL" be protected by the
				// same kind of token.
				if v.let() {
					t.Violates("SECURITY-005", v.res.At(), "%s", tell(v))
				} else if !v.refused() {
					t.Inconclusivef("%s", tell(v))
				}
			}
		},
	}
}
