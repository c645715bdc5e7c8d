package token

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func jsonAnswer() checks.Check {
	return checks.Check{
		ID:    "token.json",
		Title: "The token answer is a JSON object, sent as application/json",
		Doc: "The answer to a valid request is a JSON object that is decoded strictly, with Content-Type application/json. An object under text/json or " +
			"application/…+json is a warning, parameters of the media type pass.",
		Requires: []string{"TOKEN-013"},
		Needs:    []checks.Need{checks.NeedAuth},
		Run: func(_ context.Context, t *checks.T) {
			g := granted(t)
			res := g.Response
			if res.Err != nil || res.Status < 200 || res.Status > 299 {
				t.Inconclusivef("there is no token answer to look at: %v", g.Err)
			}
			m := res.MediaType()
			// backend-services.html#issue-access-token: "The access token response SHALL be a JSON object".
			switch {
			case g.Document == nil:
				_, err := res.JSON()
				if err == nil {
					t.Violates("TOKEN-013", res.At(), "the token answer is JSON, but no object")
					return
				}
				t.Violates("TOKEN-013", res.At(), "the token answer is not a JSON object: %v", err)
			case m == "application/json":
			case m == "text/json" || strings.HasPrefix(m, "application/") && strings.HasSuffix(m, "+json"):
				t.Warns("TOKEN-013", res.At(), "the token answer is sent as %s in place of application/json", m)
			default:
				t.Violates("TOKEN-013", res.At(), "the Content-Type of the token answer is %q in place of application/json", m)
			}
		},
	}
}

// bearerToken is the syntax of RFC 6750 section 2.1.
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

func accessToken() checks.Check {
	return onGrant("token.access-token", "The token answer has access_token",
		"access_token is a non-empty string of the characters that an Authorization header takes (RFC 6750 section 2.1): opaque, or a JWT. The same "+
			"token twice in a row is legal.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			v, there := doc["access_token"]
			s, isString := v.(string)
			// backend-services.html#issue-access-token: access_token is required.
			switch at := g.Response.At().In("/access_token"); {
			case !there:
				t.Violates("TOKEN-014", at, "access_token is missing")
			case !isString:
				t.Violates("TOKEN-014", at, "access_token is not a string")
			case s == "":
				t.Violates("TOKEN-014", at, "access_token is empty")
			case !bearerToken.MatchString(s):
				t.Violates("TOKEN-014", at, "access_token has characters that a bearer token cannot have")
			}
		}, "TOKEN-014")
}

func tokenType() checks.Check {
	return onGrant("token.token-type", "The token answer has token_type bearer",
		"token_type is bearer in any letter case: RFC 6749 section 5.1 compares without regard to case, and SMART itself writes it both ways.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			v, there := doc["token_type"]
			s, _ := v.(string)
			// backend-services.html#issue-access-token: token_type, fixed value bearer.
			switch at := g.Response.At().In("/token_type"); {
			case !there:
				t.Violates("TOKEN-015", at, "token_type is missing")
			case !strings.EqualFold(s, "bearer"):
				t.Violates("TOKEN-015", at, "token_type is not bearer")
			}
		}, "TOKEN-015")
}

// seconds reads expires_in: a JSON number, which may be written with a fraction or an exponent.
func seconds(doc map[string]any) (float64, bool) {
	n, ok := doc["expires_in"].(session.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil
}

func expiresIn() checks.Check {
	return onGrant("token.expires-in", "The token answer has expires_in, a positive number of seconds",
		"expires_in is a JSON number above zero with an integral value, in any spelling (300, 300.0, 3e2). A fraction is a warning. A string of digits is "+
			"a violation: clients that add it to a time fail.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			v, there := doc["expires_in"]
			n, number := seconds(doc)
			// backend-services.html#issue-access-token: expires_in is required, "the lifetime in seconds of the access token".
			switch at := g.Response.At().In("/expires_in"); {
			case !there:
				t.Violates("TOKEN-016", at, "expires_in is missing")
			case !number:
				kind := "not a number"
				if _, ok := v.(string); ok {
					kind = "a string in place of a number"
				}
				t.Violates("TOKEN-016", at, "expires_in is %s", kind)
			case n <= 0:
				t.Violates("TOKEN-016", at, "expires_in is %v, not above zero", n)
			case n != float64(int64(n)):
				t.Warns("TOKEN-016", at, "expires_in has a fraction of a second")
			}
		}, "TOKEN-016")
}

// day is where a lifetime is no longer short by any reading; the text gives no number.
const day = 86400

func lifetime() checks.Check {
	return onGrant("token.lifetime", "Access tokens are short-lived",
		"expires_in should not exceed 300 seconds. The text says short-lived without a number, and the guide's own example shows 3600, so that only a "+
			"lifetime above a day is a violation. Shorter ones, also those capped by the assertion's exp, pass.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			n, ok := seconds(doc)
			if !ok {
				t.Inconclusivef("expires_in is missing or is no number")
			}
			// backend-services.html#issue-access-token: "Access tokens issued under this profile SHALL be short-lived; the expires_in value
			// SHOULD NOT exceed 300".
			switch at := g.Response.At().In("/expires_in"); {
			case n > day:
				t.Violates("TOKEN-020", at, "access tokens live for %.0f seconds, more than a day", n)
			case n > 300:
				t.Violates("TOKEN-021", at, "access tokens live for %.0f seconds, more than 300", n)
			}
		}, "TOKEN-020", "TOKEN-021")
}

func scopeMember() checks.Check {
	return onGrant("token.scope", "The token answer has scope",
		"scope is a string, also where it equals the request: RFC 6749 would let it be left out, SMART does not. The empty string is legal and means that "+
			"nothing was granted. Order, doubled blanks and doubled scopes do not matter.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			v, there := doc["scope"]
			// backend-services.html#issue-access-token: scope is required.
			if _, ok := v.(string); !there {
				t.Violates("TOKEN-017", g.Response.At().In("/scope"), "scope is missing")
			} else if !ok {
				t.Violates("TOKEN-017", g.Response.At().In("/scope"), "scope is not a string")
			}
		}, "TOKEN-017")
}

func noStore() checks.Check {
	return onGrant("token.no-store", "The token answer must not be cached",
		"Cache-Control holds no-store, among other directives, in any letter case, in one header line or several. Pragma: no-cache beside it is asked for as "+
			"well, but no cache of today reads it: its absence is a warning.",
		func(t *checks.T, g *session.Grant, _ map[string]any) {
			res := g.Response
			has := func(header, directive string) bool {
				for _, line := range res.Header.Values(header) {
					for d := range strings.SplitSeq(line, ",") {
						if strings.EqualFold(strings.TrimSpace(d), directive) {
							return true
						}
					}
				}
				return false
			}
			// app-launch.html#response-5 and RFC 6749 section 5.1: Cache-Control: no-store and Pragma: no-cache.
			switch {
			case !has("Cache-Control", "no-store"):
				t.Violates("TOKEN-024", res.At(), "the token answer has no Cache-Control: no-store")
			case !has("Pragma", "no-cache"):
				t.Warns("TOKEN-024", res.At(), "the token answer has no Pragma: no-cache")
			}
		}, "TOKEN-024")
}

func noRefresh() checks.Check {
	const id = "token.no-refresh"
	return onGrant(id, "No refresh token is issued",
		"A backend can ask for a new token whenever it likes, so that a refresh token is one more secret to lose. A member that is null or empty counts as "+
			"absent. Other additional members pass, whatever they are. Requests for scopes of users, openid, launch and offline_access, which may be refused or granted "+
			"in part, are looked at too.",
		func(t *checks.T, g *session.Grant, doc map[string]any) {
			refreshes := func(doc map[string]any) bool { return doc["refresh_token"] != nil && doc["refresh_token"] != "" }
			// backend-services.html#enforce-authorization: "Refresh tokens SHOULD NOT be issued."
			if refreshes(doc) {
				t.Violates("TOKEN-022", g.Response.At().In("/refresh_token"), "the token answer has a refresh_token")
				return
			}
			for _, r := range battery.Run(t.Session().Context(), t.Session(), func(c *battery.Case) bool { return c.Check == id }) {
				if r.Grant != nil && refreshes(r.Grant.Document) {
					t.Violates("TOKEN-022", r.Response.At().In("/refresh_token"), "%s gets a refresh_token", r.Name())
					return
				}
			}
		}, "TOKEN-022", "TOKEN-031")
}

// headerRoom is what common servers and proxies take as one header line, in bytes.
const headerRoom = 8000

func size() checks.Check {
	return onGrant("token.size", "An access token fits into a header line",
		"The Authorization line with the token stays below 8,000 bytes. Formally there is no limit, so more is a warning.",
		func(t *checks.T, g *session.Grant, _ map[string]any) {
			if g.Token == "" {
				t.Inconclusivef("there is no access_token")
			}
			// scopes-and-launch-context.html#scope-size-over-the-wire: headers of 8 kB are a common limit.
			if n := len("Authorization: Bearer ") + len(g.Token); n > headerRoom {
				t.Violates("TOKEN-025", g.Response.At().In("/access_token"), "the Authorization line with the token is %d bytes long", n)
			}
		}, "TOKEN-025")
}
