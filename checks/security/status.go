package security

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func statusProtected() checks.Check {
	return checks.Check{
		ID:    "security.status-protected",
		Title: "The status of an export is shown to nobody without a valid token",
		Doc: "The polling location of the finished plain export is asked for without a token and with one that was never issued. 401, 403 and 404 are " +
			"refusals. Nothing is judged if the kick-off itself lets the same credentials pass. Whether another client may see it, which is the server's " +
			"choice, is noted where a second client is configured.",
		Requires: []string{"SECURITY-005", "SECURITY-008"},
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
			noteOtherClient(t)
		},
	}
}

// noteOtherClient records what the server does with another client's token, which it is free in.
func noteOtherClient(t *checks.T) {
	s := t.Session()
	other := s.Config().Second
	if other == nil {
		return
	}
	g := session.Shared(s, "second client's grant", func(ctx context.Context) *session.Grant {
		return battery.Of(s).AsOther(ctx, other.Scope)
	})
	if g.Err != nil {
		t.Note("the second client got no token: %v", g.Err)
		return
	}
	// export.html#privacy-and-security-considerations: servers MAY limit access to the client that started the export.
	v := statusAs(s, bad{"other client", "with another client's token", session.Bearer(g.Token)})
	t.Note("%s; either is legal", tell(v))
}
