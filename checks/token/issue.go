package token

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func issue() checks.Check {
	return checks.Check{
		ID:    "token.issue",
		Title: "A valid token request is answered with 200",
		Doc: "A request with nothing beyond what SMART asks for gets a token: grant_type client_credentials, a scope, and an assertion with alg, kid, typ, " +
			"iss, sub, aud, exp and jti. The keys are tried in turn, as a server need not know both algorithms. Status 201 with a token is a warning. 429 " +
			"and 503 are waited for once. A server that gives a token once something else is added is judged by the check for that. A refusal may be one " +
			"of a client that is registered otherwise: look at client id, key and scope first.",
		Requires: []string{"TOKEN-012", "TOKEN-026", "TOKEN-018", "TOKEN-023"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			b := battery.Of(t.Session()).Baseline
			res := b.Response
			switch {
			case res == nil:
				t.Inconclusivef("%s", b.Reason)
			case b.Wants != "":
				t.Inconclusivef("a token is given only if %s is added to a valid request", b.Wants)
			case b.Grant != nil && res.Status == http.StatusOK:
				t.Examined("%s", res.Describe())
			case res.Status >= 200 && res.Status <= 299:
				if b.Grant != nil {
					// RFC 6749 section 5.1: the token is sent with 200.
					t.Warns("TOKEN-012", res.At(), "a token is sent with HTTP %d in place of 200", res.Status)
					return
				}
				t.Inconclusivef("the answer has a success status and no usable token: %s", b.Reason)
			case res.Status == http.StatusNotFound || res.Status == http.StatusMethodNotAllowed || res.Status == http.StatusGone:
				t.Inconclusivef("there is no token endpoint where one is said to be: %s", res.Describe())
			case res.Status == 0 || res.Status == http.StatusTooManyRequests || res.Status == http.StatusServiceUnavailable:
				t.Inconclusivef("%s", b.Reason)
			case code(res) == "unsupported_grant_type":
				// backend-services.html#obtain-access-token: the client credentials grant.
				t.Violates("TOKEN-026", res.At(), "the grant client_credentials is refused with unsupported_grant_type")
			case code(res) == "unauthorized_client":
				t.Inconclusivef("the client is not registered for client_credentials (unauthorized_client); that is for the operator to set up")
			default:
				// backend-services.html#issue-access-token: "If the access token request is valid and authorized, the FHIR authorization
				// server SHALL issue an access token in response."
				t.Violates("TOKEN-012", res.At(), "a valid token request gets no token: %s", b.Reason)
			}
		},
	}
}

// code returns the error member of an answer.
func code(res *session.Response) string {
	v, err := res.JSON()
	if err != nil {
		return ""
	}
	return session.Text(v, "error")
}
