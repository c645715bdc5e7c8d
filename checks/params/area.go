// Package params judges whether kick-off parameters do what they say, by comparing what exports with and without them
// return (export.html#query-parameters).
package params

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "param",
		Title: "Kick-off parameters",
		Doc: "A parameter that is answered with 202 need not have done anything. Each is judged by what came: the plain export shows what there is, instants, " +
			"patients and filter values are chosen from it, and what an export with a parameter returned is compared with what it should have " +
			"returned. Where the data give nothing to tell by, a check is inconclusive.",
		Checks: append([]checks.Check{
			sinceAccepted(), sinceForms(), sinceExcludes(), sinceEveryFile(), sinceBoundary(), sinceIncludes(), sinceIncremental(),
			untilHonoured(), untilExcludes(), untilBoundary(), untilMalformed(),
			formatDefault(), organizeOmitted(), organizeComplete(),
			typeOnly(), typeList(), typeRepeated(), typeComplete(), typeOmitted(),
			elementsHonoured(), elementsEveryType(), elementsListed(), elementsAllTypes(), elementsMandatory(), elementsSubsetted(),
			patientOnlyListed(), patientCompartments(), patientGroup(),
			provenancePatient(), provenanceSystem(),
			latestOnly(), latestComplete(), relevantComplete(), associatedConflict(), associatedCode(),
			filterHonoured(), filterMatching(), filterDated(), filterKeeps(), filterEither(), filterNothing(), filterIndependent(), filterComma(),
		}, refusals()...),
	}
}
