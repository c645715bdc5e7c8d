// Package operror judges what a server says when something goes wrong after the kick-off: the errors of status requests,
// rate limits, failed and partly failed exports. Errors of kick-offs and DELETEs are judged with those.
package operror

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "error",
		Title: "Errors",
		Doc:   "An error has a status of 4XX or 5XX and an OperationOutcome that tells what went wrong, and whether trying again helps.",
		Checks: []checks.Check{
			statusOutcome(),
			statusContentType(),
			transientCode(),
			poll429(),
			partialSuccess(),
			fileStatus(),
		},
	}
}
