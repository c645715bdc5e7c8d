package session

import "net/http"

// Exports that checks of several areas look at. All are as small as their purpose allows, and each differs from the
// plain export in one thing, so that a server that stumbles over that thing leaves the others unharmed.
var (
	// PatientLevel and GroupLevel are exports at these levels.
	PatientLevel = Scenario{Level: Patient}.With("_type", "Patient")
	GroupLevel   = Scenario{Level: Group}

	// TwoTypes asks for two types that nearly every server has, in a comma list, and RepeatedTypes for the same by
	// repeating the parameter. The job of RepeatedTypes is deleted as soon as it is complete: only its manifest may be
	// judged, never its files.
	TwoTypes      = Scenario{}.With("_type", "Patient,Condition")
	RepeatedTypes = Scenario{Label: "deleted when complete"}.With("_type", "Patient").With("_type", "Condition")

	// Posted has its parameters in a Parameters resource.
	Posted = Scenario{Post: true}.With("_type", "Patient")

	// Lenient has a parameter that no server can know and a malformed instant, and asks for both to be tolerated.
	Lenient = Scenario{Header: http.Header{"Prefer": {"respond-async, handling=lenient"}}}.
		With("_type", "Patient").With(UnknownParameter, "1").With("_since", "not-a-date")

	// Future can have no resources, as none can have changed since then. It names NDJSON by one of its short names.
	Future = Scenario{}.With("_type", "Patient").With("_since", "2999-12-31T23:59:59Z").With("_outputFormat", "application/ndjson")

	// SinceLongAgo has all Patients, and besides what was deleted, where a server tells. It names NDJSON by its full name, and
	// comes after the plain export, so that the two can be compared.
	SinceLongAgo = Scenario{Late: true}.With("_type", "Patient").With("_since", "2001-01-01T00:00:00Z").With("_outputFormat", "application/fhir+ndjson")

	// Separate asks for the export's status to be kept apart from that of the status request (3.0.0).
	Separate = Scenario{Header: http.Header{"Prefer": {"respond-async,separate-export-status"}}}.With("_type", "Patient")

	// Partial allows manifests that come before the end, or in several parts (3.0.0).
	Partial = Scenario{}.With("_type", "Patient,Condition").With("allowPartialManifests", "true")

	// Organized asks for files by patient in place of files by type (3.0.0).
	Organized = Scenario{}.With("organizeOutputBy", "Patient")
)

// UnknownParameter is the name of a kick-off parameter that no specification has.
const UnknownParameter = "_bulkproofUnknownParameter"
