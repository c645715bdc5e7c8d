package jwt

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
)

func invalidClient() checks.Check {
	return checks.Check{
		ID:    "jwt.invalid-client",
		Title: "A wrong assertion is answered with the error invalid_client",
		Doc: "For a well-formed assertion that is wrong in content the error is invalid_client: SMART, RFC 7521 section 4.2.1 and RFC 7523 section 3.2 " +
			"say the same. All cases for which nothing else is right are looked at. invalid_request is as good for text that is no JWT, wrong JSON types " +
			"and missing or doubled parameters, which are not judged here. Status 400 and 401 are equal. An answer without any known code is judged by " +
			"token.error-answer.",
		Requires: []string{"JWT-049"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			judged := 0
			for _, r := range battery.Everything(ctx, t) {
				if r.Response == nil || r.Unsure != "" || r.Reaction != battery.Refused || !slices.Equal(r.Case.Errors, []string{"invalid_client"}) {
					continue
				}
				if !battery.KnownError(r.Code) || slices.Contains(r.Case.Bare, r.Response.Status) {
					continue
				}
				judged++
				// client-confidential-asymmetric.html#signature-verification: "the server SHALL respond with an invalid_client error".
				if r.Code != "invalid_client" {
					t.Violates("JWT-049", r.Response.At(), "%s is answered with the error %s in place of invalid_client", r.Name(), r.Code)
				}
			}
			if judged == 0 {
				t.Inconclusivef("no wrong assertion was refused with an OAuth error")
			}
			t.Examined("%d refusals", judged)
		},
	}
}

func survives() checks.Check {
	return checks.Check{
		ID:    "jwt.survives",
		Title: "The token endpoint withstands wrong requests",
		Doc: "After each kind of wrong request a valid one still gets a token, and each wrong one is answered: a connection that drops, no answer within 30 seconds " +
			"and an internal error (500) are violations, as an error answer is due. 429 and what a gateway says (502, 503, 504) are none; the rest of the " +
			"requests is then left out. A status of 5xx because a hosted JWKS (--jwks-listen, --jwks-second) cannot be had is a warning. If valid requests are refused for a minute afterwards, that is a warning: the client may have been locked out on " +
			"purpose.",
		Requires: []string{"JWT-049", "TOKEN-010"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(ctx context.Context, t *checks.T) {
			tried := 0
			var stopped string
			for _, r := range battery.Everything(ctx, t) {
				if r.Response == nil {
					if r.Unsure != "" && stopped == "" {
						stopped = r.Unsure
					}
					continue
				}
				tried++
				req := "TOKEN-010"
				if strings.HasPrefix(r.Case.Requirement, "JWT-") {
					req = "JWT-049"
				}
				// client-confidential-asymmetric.html#signature-verification and backend-services.html#issue-access-token: errors are
				// answered as section 5.2 of RFC 6749 says.
				if r.Reaction == battery.Broken {
					t.Violates(req, r.Response.At(), "%s gets %s", r.Name(), broke(r))
				}
				if s := r.Response.Status; r.Reaction == battery.Refused && r.Case.Hosted && s >= 500 && s != http.StatusNotImplemented {
					t.Warns(req, r.Response.At(), "%s is answered with HTTP %d in place of an OAuth error, although the trouble is the client's", r.Name(), s)
				}
				switch {
				case r.After != "" && r.AfterBroken:
					t.Violates(req, r.Response.At(), "after %s, %s", r.Name(), r.After)
				case r.After != "":
					t.Warns(req, r.Response.At(), "after %s, %s for a minute", r.Name(), r.After)
				}
			}
			t.Examined("%d wrong or unusual requests", tried)
			if tried == 0 {
				t.Inconclusivef("%s", stopped)
			}
		},
	}
}

func broke(r *battery.Result) string {
	if r.Response.Status >= 500 {
		return fmt.Sprintf("HTTP %d in place of an OAuth error", r.Response.Status)
	}
	if r.Response.Status > 0 && r.Response.Err == nil {
		return "an answer after more than 30 seconds only"
	}
	return r.Response.Describe()
}
