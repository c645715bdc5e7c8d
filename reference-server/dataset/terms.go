package dataset

// code is a coded value.
type code struct{ system, code, display string }

// Code systems.
const (
	sysLOINC  = "http://loinc.org"
	sysSNOMED = "http://snomed.info/sct"
	sysRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	sysCVX    = "http://hl7.org/fhir/sid/cvx"
	sysICD10  = "http://hl7.org/fhir/sid/icd-10-cm"
	sysCPT    = "http://www.ama-assn.org/go/cpt"
	sysUCUM   = "http://unitsofmeasure.org"
	terms     = "http://terminology.hl7.org/CodeSystem/"
)

var (
	htest            = code{terms + "v3-ActReason", "HTEST", "test health data"}
	agentAuthor      = code{terms + "provenance-participant-type", "author", "Author"}
	agentTransmitter = code{"http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter", "Transmitter"}
)
