package security

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func filesProtected() checks.Check {
	return checks.Check{
		ID:    "security.files-protected",
		Title: "No file under requiresAccessToken is given out without a valid token",
		Doc: "Every file of the plain export, also of error and deleted, is asked for without a token and with one that was never issued. Any 4xx status is a " +
			"refusal, as object stores have ways of their own, and so is an answer without resources in it. Where requiresAccessToken is false nothing is " +
			"judged here. A token is never sent to an origin that is not the server's own or named with --trust-origin.",
		Requires: []string{"SECURITY-006", "FILE-002"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{EachFile: 2},
		Run: func(_ context.Context, t *checks.T) {
			protectedFiles(t)
			judged := 0
			for _, b := range []bad{without, garbage(t.Session())} {
				if why := gate(t.Session(), b); why != "" {
					t.Inconclusivef("%s", why)
				}
				var silent *fileTry
				for _, f := range filesAs(t.Session(), b) {
					if f.res == nil {
						continue
					}
					judged++
					at := f.res.At()
					at.File = f.item.Name()
					// export.html#privacy-and-security-considerations: files need the same kind of token "when the requiresAccessToken field is true".
					switch {
					case f.content:
						t.Violates("SECURITY-006", at, "%s", tell(f.try))
					case f.res.Status == 0:
						silent = &f
					}
				}
				if silent != nil {
					t.Inconclusivef("%s", tell(silent.try))
				}
			}
			t.Examined("%d file requests", judged)
		},
	}
}
