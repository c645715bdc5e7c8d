// Package manifest judges the output manifest (export.html#response---output-manifest).
package manifest

import (
	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "manifest",
		Title: "Output manifest",
		Doc: "The manifest is the body of the completed status: a JSON object that says as of when the data are, for which request, whether the files " +
			"need the access token, and where the files, the deletions and the messages are.",
		Checks: []checks.Check{
			jsonStrict(),
			schema(),
			transactionTime(),
			transactionTimeInstant(),
			transactionTimePlausible(),
			request(),
			requestPost(),
			requiresAccessToken(),
			requiresAccessTokenTrue(),
			output(),
			outputEmpty(),
			noEmptyItem(),
			outputType(),
			outputURL(),
			outputURLAbsolute(),
			duplicateURLs(),
			count(),
			errorArray(),
			errorStructure(),
			errorMessages(),
			errorFiles(),
			errorEmpty(),
			lenientOutcome(),
			deletedStructure(),
			deletionsTold(),
			everythingUntil(),
			outputFormat(),
			extension(),
			linkNotRequested(),
			link(),
			linkSameFields(),
			organizedBy(),
			organizedWithoutType(),
			continuesInFile(),
		},
	}
}

// final returns the shared plain export; the check is inconclusive if its manifest cannot be read or is not final.
func final(t *checks.T) *session.Export {
	ex := t.Export(session.Baseline)
	if status.Unfinished(t.Session()) != "" {
		t.Inconclusivef("the export was not complete when it was answered with 200 (see status.in-progress-202)")
	}
	return ex
}

// at points into the manifest of an export.
func at(ex *session.Export, pointer string) checks.Evidence { return ex.Final().At().In(pointer) }

// short cuts a value that the target chose.
func short(v string) string {
	if len(v) > 80 {
		return v[:80] + "…"
	}
	return v
}

// kind names a JSON value's type with its article.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case session.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}
