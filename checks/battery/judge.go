package battery

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

// Judge runs the cases of a check and records what is wrong with the reactions. Crashes, error bodies and error codes
// are left to the checks that look at all cases (Everything).
func Judge(ctx context.Context, t *checks.T, check string) { judgeCases(ctx, t, check, true) }

// JudgeToo is Judge for a check that has judged something else already, so that it is not skipped where no case can be
// tried.
func JudgeToo(ctx context.Context, t *checks.T, check string) { judgeCases(ctx, t, check, false) }

func judgeCases(ctx context.Context, t *checks.T, check string, alone bool) {
	results := Run(ctx, t.Session(), func(c *Case) bool { return c.Check == check })
	judged, skipped := 0, []string{}
	var unsure []string
	for _, r := range results {
		switch {
		case r.Moot:
			continue
		case r.Skipped != "":
			skipped = addOnce(skipped, r.Skipped)
			continue
		case r.Unsure != "":
			unsure = addOnce(unsure, r.Unsure)
			continue
		case r.Reaction == Broken:
			unsure = addOnce(unsure, r.Name()+" got "+r.Response.Describe())
			continue
		case r.Reaction == Odd:
			unsure = addOnce(unsure, r.Name()+" was answered with "+r.Response.Describe()+", neither a token nor an error")
			continue
		}
		judged++
		judge(t, r)
	}
	for _, s := range skipped {
		t.Note("not tried: %s", s)
	}
	if alone {
		t.Examined("%d requests", judged)
	}
	switch {
	case len(unsure) > 0:
		t.Inconclusivef("%s", more(unsure))
	case alone && judged == 0 && len(skipped) > 0:
		t.Skipf("%s", strings.Join(skipped, "; "))
	}
}

func judge(t *checks.T, r *Result) {
	at := r.Response.At()
	record := func(sentence string) {
		switch r.Strength {
		case Fails:
			t.Violates(r.Case.Requirement, at, "%s", sentence)
		case Warns:
			t.Warns(r.Case.Requirement, at, "%s", sentence)
		default:
			t.Note("%s", sentence)
		}
	}
	switch {
	case r.Case.Want == Refuse && r.Reaction == Issued:
		record(r.Name() + " gets a token")
	case r.Case.Want == Accept && r.Reaction == Refused:
		code := ""
		if plain(r.Code) {
			code = ", " + r.Code
		}
		record(fmt.Sprintf("%s is refused (HTTP %d%s)", r.Name(), r.Response.Status, code))
	case r.Fetched:
		// The order of the steps is clear, and no sentence forbids the request alone.
		t.Warns(r.Case.Requirement, at, "%s is refused, and yet the URL in it was asked for, which lets strangers send requests by way of the server", r.Name())
	case r.Granted != "":
		record(r.Name() + " " + r.Granted)
	case r.Case.Want == Either && r.Reaction == Issued:
		t.Note("%s gets a token, which is legal", r.Name())
	}
}

// plain reports whether a code is fit to be shown.
func plain(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return s != "" && len(s) < 40
}

func addOnce(list []string, s string) []string {
	for _, old := range list {
		if old == s {
			return list
		}
	}
	return append(list, s)
}

func more(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return fmt.Sprintf("%s, and %d more", list[0], len(list)-1)
}

// Everything returns the results of all cases, for checks that judge how refusals look whatever they are about.
func Everything(ctx context.Context, s *checks.T) []*Result {
	return Run(ctx, s.Session(), func(*Case) bool { return true })
}

// knownErrors are the codes of RFC 6749 section 5.2, and those registered for token endpoints since
// (https://www.iana.org/assignments/oauth-parameters, "OAuth Extensions Error Registry").
var knownErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"invalid_target", "invalid_dpop_proof", "use_dpop_nonce", "authorization_pending", "slow_down", "access_denied", "expired_token",
	"unsupported_token_type", "invalid_authorization_details", "server_error", "temporarily_unavailable", "insufficient_user_authentication"}

// KnownError reports whether a code is one that OAuth defines.
func KnownError(code string) bool { return slices.Contains(knownErrors, code) }
