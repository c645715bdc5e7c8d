package manifest

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func requiresAccessToken() checks.Check {
	return checks.Check{
		ID:    "manifest.requires-access-token",
		Title: "The manifest has requiresAccessToken, a boolean",
		// export.html#response---output-manifest, requiresAccessToken: required, Boolean.
		Doc: "true or false as JSON writes them; a string is not a boolean. Whether the value is truthful is judged by " +
			"manifest.requires-access-token-true and with the files.",
		Requires: []string{"MANIFEST-007", "ASYNC-032"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			v, present := ex.Manifest.Tree["requiresAccessToken"]
			if !present {
				t.Violates("MANIFEST-007", at(ex, ""), "the manifest has no requiresAccessToken")
			} else if _, ok := v.(bool); !ok {
				t.Violates("MANIFEST-007", at(ex, "/requiresAccessToken"), "requiresAccessToken is %s, expected is a boolean", kind(v))
			}
		},
	}
}

func requiresAccessTokenTrue() checks.Check {
	return checks.Check{
		ID:    "manifest.requires-access-token-true",
		Title: "requiresAccessToken is true where the files are protected by the same bearer tokens",
		// export.html#response---output-manifest, requiresAccessToken: "Value SHALL be true if both the file server and the FHIR API
		// server control access using OAuth 2.0 bearer tokens."
		Doc: "Where the manifest says false, the first file is asked for without the token and, if that is refused with 401 and a Bearer challenge, once " +
			"more with it. If the token opens it, the manifest is wrong. Other schemes, such as signed URLs, mutual TLS or network rules, do not " +
			"show in this way, and a file that needs no token is as the manifest says.",
		Requires: []string{"MANIFEST-008", "MANIFEST-009"},
		Needs:    []checks.Need{checks.NeedToken},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{Downloads: 2},
		Run: func(ctx context.Context, t *checks.T) {
			ex := final(t)
			v, ok := ex.Manifest.Tree["requiresAccessToken"].(bool)
			if !ok {
				t.Inconclusivef("requiresAccessToken is missing or no boolean (see manifest.requires-access-token)")
			}
			if v {
				return
			}
			for _, it := range ex.Manifest.Output {
				if it.Resolved == "" || !t.Session().TokenAllowedAt(it.Resolved) {
					continue
				}
				ask := func(c session.Credentials) *session.Response {
					req := ex.Manifest.FileRequest(it)
					req.Credentials = c
					// The status is all that matters; the body is not read.
					return t.Client().Glance(ctx, req, func(*session.Response, io.Reader) error { return nil })
				}
				bare := ask(session.NoToken)
				if bare.Status != http.StatusUnauthorized || !strings.HasPrefix(strings.ToLower(bare.Header.Get("WWW-Authenticate")), "bearer") {
					return
				}
				if with := ask(session.WithToken); with.Status == http.StatusOK {
					t.Violates("MANIFEST-008", at(ex, "/requiresAccessToken"), "requiresAccessToken is false, but %s is answered with 401 without the access token and with 200 with it", it.Name())
				}
				return
			}
			t.Examined("no file lies where the access token may be sent")
		},
	}
}
