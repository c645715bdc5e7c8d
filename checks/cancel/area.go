// Package cancel judges the request that cancels an export (export.html#bulk-data-delete-request). Its area is named
// delete, like the requirements.
package cancel

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "delete",
		Title: "Delete request",
		Doc: "A client cancels an export, or says that it is done with its files, with DELETE on the polling location. The server answers 202, and 404 " +
			"from then on.",
		Checks: []checks.Check{
			supported(),
			accepted202(),
			then404(),
			finishedThen404(),
			then404Outcome(),
			errorStatus(),
			errorOutcome(),
			stopsWork(),
			otherMethods(),
		},
	}
}
