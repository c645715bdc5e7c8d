// Package kickoff judges the kick-off request and its answers (export.html#bulk-data-kick-off-request).
package kickoff

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "kickoff",
		Title: "Kick-off request",
		Doc: "A client starts an export with a GET or POST on one of three endpoints. The server answers 202 Accepted with a polling " +
			"location, or refuses with an OperationOutcome.",
		Checks: []checks.Check{
			accepted(),
			contentLocation(),
			acceptedBody(),
			getSystem(),
			getPatient(),
			getGroup(),
			noParameters(),
			post(),
			postMalformed(),
			repeatEqualsComma(),
			outputFormatSpellings(),
			outputFormatUnsupported(),
			unknownType(),
			invalidSince(),
			unknownGroup(),
			lenient(),
			withoutAccept(),
			withoutPrefer(),
			preferenceApplied(),
			errorStatus(),
			errorOutcome(),
			errorContentType(),
			oneAtATime(),
			otherMethods(),
			groupRead(),
			groupSearch(),
		},
	}
}
