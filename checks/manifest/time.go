package manifest

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func transactionTime() checks.Check {
	return checks.Check{
		ID:    "manifest.transaction-time",
		Title: "The manifest has a transactionTime",
		// export.html#response---output-manifest, transactionTime: required.
		Doc: "The moment as of which the data were queried. Without it a client cannot ask for what has changed since. Its form is judged by " +
			"manifest.transaction-time-instant.",
		Requires: []string{"MANIFEST-001", "ASYNC-030"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			if v, ok := ex.Manifest.Tree["transactionTime"]; !ok || v == nil || v == "" {
				t.Violates("MANIFEST-001", at(ex, ""), "the manifest has no transactionTime")
			}
		},
	}
}

// instantForm is the form of an instant (https://hl7.org/fhir/R4/datatypes.html#instant); whether it is a real moment is
// for time.Parse to say. 24:00 and second 60 are dealt with before.
var instantForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`)

// parseInstant reads a FHIR instant. A leap second, which FHIR allows, counts as the second before.
func parseInstant(s string) (time.Time, bool) {
	if !instantForm.MatchString(s) {
		return time.Time{}, false
	}
	if s[17:19] == "60" {
		s = s[:17] + "59" + s[19:]
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	return at, err == nil && at.Year() > 0
}

func transactionTimeInstant() checks.Check {
	return checks.Check{
		ID:    "manifest.transaction-time-instant",
		Title: "transactionTime is a FHIR instant",
		// export.html#response---output-manifest, transactionTime: "FHIR instant".
		Doc: "Date, time to the second, and zone; any number of fraction digits and any offset pass. A date alone, a time without zone, a number since " +
			"1970 and the forms of HTTP and of programming languages do not: a client could not hand them back in _since.",
		Requires: []string{"MANIFEST-002", "ASYNC-030"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			switch v := ex.Manifest.Tree["transactionTime"].(type) {
			case nil:
				t.Inconclusivef("there is no transactionTime (see manifest.transaction-time)")
			case string:
				if v == "" {
					t.Inconclusivef("transactionTime is empty (see manifest.transaction-time)")
				}
				if _, ok := parseInstant(v); !ok {
					t.Violates("MANIFEST-002", at(ex, "/transactionTime"), "transactionTime is not a FHIR instant: %q", short(v))
				}
			default:
				t.Violates("MANIFEST-002", at(ex, "/transactionTime"), "transactionTime is %s, expected is a string with a FHIR instant", kind(v))
			}
		},
	}
}

// ahead is by how much transactionTime may be later than the Date of the answer that carries it: Date has a resolution of
// a second, and a load balancer may set it by a clock of its own.
const ahead = time.Minute

func transactionTimePlausible() checks.Check {
	return checks.Check{
		ID:    "manifest.transaction-time-plausible",
		Title: "transactionTime is not in the future",
		// export.html#response---output-manifest, transactionTime: "Indicates the server's time when the query is run."
		Doc: "Compared with the Date header of the answer that carries it, so that a wrong clock on the suite's side does no harm; without Date, with the " +
			"suite's clock corrected by what earlier answers showed. More than a minute later is a warning: a client that hands the value back " +
			"in _since loses what changes until then. Earlier than the kick-off is noted only: a server may work on a copy of its data of " +
			"last night, if it says so by this value.",
		Requires: []string{"MANIFEST-002"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			tt, ok := parseInstant(ex.Manifest.TransactionTime)
			if !ok {
				t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
			}
			skew, measured := t.Session().Skew()
			last := ex.Final()
			now := last.Received.Add(skew)
			if d, err := http.ParseTime(last.Header.Get("Date")); err == nil {
				now = d
			}
			if measured && (skew > 2*time.Second || skew < -2*time.Second) {
				t.Note("by its Date headers the server's clock is %s ahead of the suite's", skew.Round(time.Second))
			}
			if late := tt.Sub(now); late > ahead {
				t.Warns("MANIFEST-002", at(ex, "/transactionTime"), "transactionTime lies %s after the answer that carries it", late.Round(time.Second))
			}
			if early := ex.Started.Add(skew).Sub(tt); early > ahead {
				t.Note("transactionTime lies %s before the kick-off", early.Round(time.Second))
			}
		},
	}
}
