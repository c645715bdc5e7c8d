package security

import (
	"context"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

// expiryLeeway is what servers commonly add to the lifetime of a token: five minutes by default in some libraries.
const expiryLeeway = 330 * time.Second

// judgeExpired waits until a token has expired by any reading, and kicks off with it. It does so only with --allow-slow.
func judgeExpired(ctx context.Context, t *checks.T) {
	s := t.Session()
	if !s.Config().AllowSlow || !s.Config().BackendServices() {
		t.Note("not tried: an expired token, for which the suite waits some ten minutes; allow that with --allow-slow")
		return
	}
	w := battery.Of(s)
	if w.Baseline.Grant == nil {
		return
	}
	g := w.Another(ctx)
	life, ok := g.ExpiresIn.Int()
	if g.Err != nil || !ok || life <= 0 || life > 3600 {
		t.Note("not tried: an expired token, as no token tells a lifetime of an hour or less")
		return
	}
	if s.Sleep(ctx, time.Duration(life)*time.Second+expiryLeeway) != nil {
		return
	}
	k, why := kickOffAs(s, bad{"expired token", "with a token that expired more than five minutes ago", session.Bearer(g.Token)})
	// backend-services.html#response-2: the server validates "that it has not expired".
	if why == "" && k.taken() {
		t.Violates("AUTHZ-005", k.res.At(), "%s", tell(k))
	}
}
