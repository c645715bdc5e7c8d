// Package status judges the answers of the polling location (export.html#bulk-data-status-request).
package status

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "status",
		Title: "Status request",
		Doc: "A client asks at the polling location how its export is doing. The server answers 202 while it works, 200 with the manifest when it is " +
			"done, and an error when it failed; since 3.0.0 a client may have the export's status told apart from the request's.",
		Checks: []checks.Check{
			pollGet(),
			acceptJSON(),
			inProgress202(),
			retryAfter(),
			retryAfterFormat(),
			xProgressLength(),
			complete200(),
			completeContentType(),
			bodyJSONObject(),
			expires(),
			expiresFormat(),
			stable(),
			unknownJob(),
			separateInProgress(),
			separateHeader(),
			separateComplete(),
			separateRequestStatus(),
			partialContentType(),
			partialAvailable(),
			partialImmutable(),
			partialFilesImmutable(),
		},
	}
}
