package status

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func completeContentType() checks.Check {
	return checks.Check{
		ID:    "status.complete-content-type",
		Title: "The manifest is sent as application/json",
		// export.html#response---complete-status: "Content-Type header of application/json".
		Doc: "The manifest is no FHIR resource, so its media type is application/json and not application/fhir+json. Parameters such as charset, and " +
			"letter case, do not matter.",
		Requires: []string{"STATUS-022", "ASYNC-028"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			_, last := finished(t)
			switch m := last.MediaType(); m {
			case "application/json":
			case "":
				t.Violates("STATUS-022", last.At(), "the answer with the manifest has no Content-Type")
			default:
				t.Violates("STATUS-022", last.At(), "the answer with the manifest has the media type %q", m)
			}
		},
	}
}

func bodyJSONObject() checks.Check {
	return checks.Check{
		ID:    "status.body-json-object",
		Title: "The body of the completed status is a JSON object",
		// export.html#response---complete-status: "A body containing the output manifest"; #response---output-manifest: "The output
		// manifest is a JSON object".
		Doc: "The body has to be one JSON object: no array, no page of HTML, nothing else. A byte order mark is a note. What strict readers refuse in it, " +
			"such as a name that occurs twice, is judged by manifest.json-strict.",
		Requires: []string{"STATUS-023"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex, last := finished(t)
			if last.Truncated {
				t.Inconclusivef("the manifest is longer than %d bytes and was not read", len(last.Body))
			}
			body, bom := bytes.CutPrefix(last.Body, []byte("\xef\xbb\xbf"))
			if bom {
				t.Note("the manifest begins with a byte order mark, which JSON does not allow")
			}
			var v any
			switch err := json.Unmarshal(body, &v); {
			case len(bytes.TrimSpace(body)) == 0:
				t.Violates("STATUS-023", last.At(), "the completed status has no body")
			case err != nil:
				t.Violates("STATUS-023", last.At(), "the completed status has a body that is not JSON: %v", ex.Manifest.Err)
			default:
				if _, ok := v.(map[string]any); !ok {
					t.Violates("STATUS-023", last.At(), "the completed status has a body that is JSON, but no object")
				}
			}
		},
	}
}

// notATime lists the values that filters against caching set, whatever the server meant (RFC 9111 section 5.3).
var notATime = []string{"0", "-1"}

func expires() checks.Check {
	return checks.Check{
		ID:    "status.expires",
		Title: "The answer with the manifest says in Expires until when the files are there",
		// export.html#response---complete-status: "The server SHOULD return an Expires header indicating when the files listed will no
		// longer be available for access."
		Doc: "Without the header a client does not know how long it may take to fetch the files. Expires: 0 and -1, which frameworks set against " +
			"caching, name no time and count as absent. Its form is judged by status.expires-format.",
		Requires: []string{"STATUS-024", "ASYNC-029"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			_, last := finished(t)
			switch v := strings.TrimSpace(last.Header.Get("Expires")); {
			case v == "":
				t.Violates("STATUS-024", last.At(), "the answer with the manifest has no Expires header")
			case slices.Contains(notATime, v):
				t.Violates("STATUS-024", last.At(), "the answer with the manifest has Expires: %s, which is for caches and names no time", v)
			}
		},
	}
}

// skewAllowed is how far the target's own clocks may be apart: Expires is compared with the Date of the same answer.
const skewAllowed = 5 * time.Minute

func expiresFormat() checks.Check {
	return checks.Check{
		ID:    "status.expires-format",
		Title: "Expires is an HTTP-date in the future",
		// export.html#response---complete-status, Expires: "when the files listed will no longer be available"; RFC 9110 section
		// 5.6.7.
		Doc: "The value is one of the three forms of an HTTP-date, later than the Date of the same answer. The default form of a language's dates, ISO " +
			"8601, a time zone other than GMT and a placeholder are warnings, since the header itself is a SHOULD. Some minutes of clock skew " +
			"are allowed. That files last so long is judged with the files.",
		Requires: []string{"STATUS-025"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			_, last := finished(t)
			v := strings.TrimSpace(last.Header.Get("Expires"))
			if v == "" || slices.Contains(notATime, v) {
				t.Skipf("there is no Expires header that names a time (see status.expires)")
			}
			at, err := http.ParseTime(v)
			if err != nil {
				t.Violates("STATUS-025", last.At(), "Expires is not an HTTP-date: %q", short(v))
				return
			}
			now := last.Received
			if d, err := http.ParseTime(last.Header.Get("Date")); err == nil {
				now = d
			}
			if at.Before(now.Add(-skewAllowed)) {
				t.Violates("STATUS-025", last.At(), "Expires lies %s before the Date of the same answer", now.Sub(at).Round(time.Second))
			}
		},
	}
}

func stable() checks.Check {
	return checks.Check{
		ID:    "status.stable",
		Title: "A finished export is answered alike when it is asked for again",
		Doc: "The polling location is asked once more after completion. The transaction time is the moment of the query, so it does not change from " +
			"answer to answer. Another number of files, or other types of files, is a warning: no sentence forbids it, but a client that repeats " +
			"the request no longer knows what belongs to its export. URLs, Expires and the order of the files may change. So may the answer " +
			"itself be an error, which is a warning.",
		Requires: []string{"MANIFEST-001", "MANIFEST-010", "MANIFEST-052", "STATUS-020"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex, _ := finished(t)
			next := After(t.Session()).Last()
			if next == nil || next.Err != nil {
				t.Inconclusivef("the second request after completion got no answer: %s", next.Describe())
			}
			if next.Status == http.StatusTooManyRequests || next.Status == http.StatusServiceUnavailable {
				t.Inconclusivef("the second request after completion was answered with HTTP %d", next.Status)
			}
			if next.Status != http.StatusOK {
				t.Warns("STATUS-020", next.At(), "the finished export is answered with HTTP %d when it is asked for again", next.Status)
				return
			}
			first, second := ex.Manifest, session.ReadManifest(next)
			if first.Tree == nil || second.Tree == nil {
				t.Inconclusivef("the manifests cannot be compared: one of them is not readable")
			}
			// export.html#response---output-manifest, transactionTime: "Indicates the server's time when the query is run."
			if first.TransactionTime != second.TransactionTime {
				t.Violates("MANIFEST-001", next.At().In("/transactionTime"), "transactionTime was %q and is %q when the same export is asked for again",
					short(first.TransactionTime), short(second.TransactionTime))
			}
			// export.html#response---output-manifest, output: "An array of file items with one entry for each generated file."
			for _, k := range []struct {
				name string
				a, b []session.Item
			}{{"output", first.Output, second.Output}, {"deleted", first.Deleted, second.Deleted}, {"error", first.Error, second.Error}} {
				if a, b := kinds(k.a), kinds(k.b); !slices.Equal(a, b) {
					t.Warns("MANIFEST-010", next.At().In("/"+k.name), "%s listed %d files and lists %d, or files of other types, when the same export is asked for again", k.name, len(a), len(b))
				}
			}
		},
	}
}

// kinds returns the types of the files, sorted, one for each file.
func kinds(items []session.Item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Type
	}
	slices.Sort(out)
	return out
}

func unknownJob() checks.Check {
	return checks.Check{
		ID:    "status.unknown-job",
		Title: "The status of a job that does not exist is answered with an error status",
		// export.html#response---error-status-1: "HTTP status code of 4XX or 5XX".
		Doc: "The polling location of a job is altered in the part that looks like its id. 404 is usual; every 4XX and 5XX passes, 401 and 403 " +
			"included. 202 or 200 would let a client wait for ever, or take nothing for an empty export. If the answer is the manifest of the job " +
			"whose location was altered, the altered part does not matter to the server, and nothing is judged.",
		Requires: []string{"ERROR-003", "ASYNC-026"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := polled(t)
			res := UnknownJob(t.Session())
			switch {
			case res == nil:
				t.Inconclusivef("no polling location is known that could be altered")
			case res.Status == 0:
				t.Inconclusivef("the status of an unknown job got no answer: %v", res.Err)
			case res.Status >= 400:
				t.Examined("HTTP %d", res.Status)
			case ex.Manifest != nil && ex.Manifest.Tree != nil && same(ex.Manifest, session.ReadManifest(res)):
				t.Skipf("the polling location leads to the same job after its id-like part was altered, so no unknown job could be asked for")
			default:
				t.Violates("ERROR-003", res.At(), "the status of a job that does not exist is answered with HTTP %d", res.Status)
			}
		},
	}
}

func same(a, b *session.Manifest) bool {
	return b.Tree != nil && a.TransactionTime != "" && a.TransactionTime == b.TransactionTime && len(a.Output) == len(b.Output)
}
