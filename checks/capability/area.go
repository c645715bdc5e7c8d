// Package capability judges the CapabilityStatement (export.html#server-capability-documentation).
package capability

import "github.com/bulkproof/bulkproof/checks"

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "capability",
		Title: "CapabilityStatement",
		Doc: "[base]/metadata tells a client which exports the server offers, at which levels, for which resource types, and that it follows " +
			"the guide at all. What it says has to be true.",
		Checks: []checks.Check{
			readable(),
			instantiates(),
			fhirVersion(),
			exportOffered(),
			levelsDeclared(),
			operationName(),
			operationDefinition(),
			ownLevelOnly(),
			typesListed(),
			listedTypesExport(),
			searchParamsListed(),
			notSupportedShape(),
			notSupportedTrue(),
		},
	}
}
