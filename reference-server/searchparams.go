package refserver

import (
	"slices"
	"strings"
)

// searchKind is the type of a search parameter (https://hl7.org/fhir/R4/search.html#ptypes).
type searchKind string

const (
	tokenSearch     searchKind = "token"
	dateSearch      searchKind = "date"
	referenceSearch searchKind = "reference"
	stringSearch    searchKind = "string"
	uriSearch       searchKind = "uri"
)

// searchParam is a search parameter and the elements it looks at.
type searchParam struct {
	Name string
	Kind searchKind
	// Paths are element paths below the resource, without its type.
	Paths []string
	// Target is the resource type a reference given as a bare id points to, "" if several are possible.
	Target string
}

func param(name string, kind searchKind, paths ...string) searchParam {
	return searchParam{Name: name, Kind: kind, Paths: paths}
}

func patientParam(name, path string) searchParam {
	return searchParam{Name: name, Kind: referenceSearch, Paths: []string{path}, Target: "Patient"}
}

// everyType holds the parameters all types have.
var everyType = []searchParam{
	param("_id", tokenSearch, "id"),
	param("_lastUpdated", dateSearch, "meta.lastUpdated"),
}

// searchParams is the documented set: what _typeFilter takes, what the CapabilityStatement lists, and for
// Group what the REST search takes. Names and meaning are those of R4
// (https://hl7.org/fhir/R4/searchparameter-registry.html), but for Group.name, which R4 lacks and the
// Bulk Data guide's own Group profile relies on.
var searchParams = map[string][]searchParam{
	"Patient": {
		param("active", tokenSearch, "active"),
		param("birthdate", dateSearch, "birthDate"),
		param("family", stringSearch, "name.family"),
		param("gender", tokenSearch, "gender"),
		param("given", stringSearch, "name.given"),
		param("identifier", tokenSearch, "identifier"),
		param("name", stringSearch, "name.family", "name.given", "name.text", "name.prefix", "name.suffix"),
	},
	"Practitioner": {
		param("family", stringSearch, "name.family"),
		param("given", stringSearch, "name.given"),
		param("identifier", tokenSearch, "identifier"),
		param("name", stringSearch, "name.family", "name.given", "name.text", "name.prefix", "name.suffix"),
	},
	"PractitionerRole": {
		param("active", tokenSearch, "active"),
		param("organization", referenceSearch, "organization"),
		param("practitioner", referenceSearch, "practitioner"),
		param("specialty", tokenSearch, "specialty"),
	},
	"Organization": {
		param("active", tokenSearch, "active"),
		param("identifier", tokenSearch, "identifier"),
		param("name", stringSearch, "name", "alias"),
		param("type", tokenSearch, "type"),
	},
	"Location": {
		param("identifier", tokenSearch, "identifier"),
		param("name", stringSearch, "name", "alias"),
		param("organization", referenceSearch, "managingOrganization"),
		param("status", tokenSearch, "status"),
	},
	"Encounter": {
		param("class", tokenSearch, "class"),
		param("date", dateSearch, "period"),
		param("identifier", tokenSearch, "identifier"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
		param("type", tokenSearch, "type"),
	},
	"Condition": {
		param("category", tokenSearch, "category"),
		param("clinical-status", tokenSearch, "clinicalStatus"),
		param("code", tokenSearch, "code"),
		param("encounter", referenceSearch, "encounter"),
		param("onset-date", dateSearch, "onsetDateTime", "onsetPeriod"),
		patientParam("patient", "subject"),
		param("recorded-date", dateSearch, "recordedDate"),
		param("subject", referenceSearch, "subject"),
		param("verification-status", tokenSearch, "verificationStatus"),
	},
	"Observation": {
		param("category", tokenSearch, "category"),
		param("code", tokenSearch, "code"),
		param("date", dateSearch, "effectiveDateTime", "effectivePeriod", "effectiveInstant"),
		param("encounter", referenceSearch, "encounter"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
	},
	"Procedure": {
		param("code", tokenSearch, "code"),
		param("date", dateSearch, "performedDateTime", "performedPeriod"),
		param("encounter", referenceSearch, "encounter"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
	},
	"Medication": {
		param("code", tokenSearch, "code"),
		param("status", tokenSearch, "status"),
	},
	"MedicationRequest": {
		param("authoredon", dateSearch, "authoredOn"),
		param("code", tokenSearch, "medicationCodeableConcept"),
		param("encounter", referenceSearch, "encounter"),
		param("intent", tokenSearch, "intent"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
	},
	"Immunization": {
		param("date", dateSearch, "occurrenceDateTime"),
		patientParam("patient", "patient"),
		param("status", tokenSearch, "status"),
		param("vaccine-code", tokenSearch, "vaccineCode"),
	},
	"AllergyIntolerance": {
		param("clinical-status", tokenSearch, "clinicalStatus"),
		param("code", tokenSearch, "code", "reaction.substance"),
		param("date", dateSearch, "recordedDate"),
		patientParam("patient", "patient"),
	},
	"DiagnosticReport": {
		param("category", tokenSearch, "category"),
		param("code", tokenSearch, "code"),
		param("date", dateSearch, "effectiveDateTime", "effectivePeriod"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
	},
	"DocumentReference": {
		param("category", tokenSearch, "category"),
		param("date", dateSearch, "date"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
		param("type", tokenSearch, "type"),
	},
	"CarePlan": {
		param("category", tokenSearch, "category"),
		param("date", dateSearch, "period"),
		patientParam("patient", "subject"),
		param("status", tokenSearch, "status"),
		param("subject", referenceSearch, "subject"),
	},
	"Goal": {
		param("lifecycle-status", tokenSearch, "lifecycleStatus"),
		patientParam("patient", "subject"),
		param("start-date", dateSearch, "startDate"),
		param("subject", referenceSearch, "subject"),
	},
	"Device": {
		patientParam("patient", "patient"),
		param("status", tokenSearch, "status"),
		param("type", tokenSearch, "type"),
	},
	"Coverage": {
		param("beneficiary", referenceSearch, "beneficiary"),
		patientParam("patient", "beneficiary"),
		param("status", tokenSearch, "status"),
		param("type", tokenSearch, "type"),
	},
	"Claim": {
		param("created", dateSearch, "created"),
		patientParam("patient", "patient"),
		param("status", tokenSearch, "status"),
		param("use", tokenSearch, "use"),
	},
	"ExplanationOfBenefit": {
		param("claim", referenceSearch, "claim"),
		param("created", dateSearch, "created"),
		patientParam("patient", "patient"),
		param("status", tokenSearch, "status"),
	},
	"Group": {
		param("identifier", tokenSearch, "identifier"),
		param("name", stringSearch, "name"),
		param("type", tokenSearch, "type"),
	},
	"CodeSystem": {
		param("name", stringSearch, "name"),
		param("status", tokenSearch, "status"),
		param("url", uriSearch, "url"),
		param("version", tokenSearch, "version"),
	},
	"ValueSet": {
		param("name", stringSearch, "name"),
		param("status", tokenSearch, "status"),
		param("url", uriSearch, "url"),
		param("version", tokenSearch, "version"),
	},
	"Provenance": {
		param("agent", referenceSearch, "agent.who"),
		patientParam("patient", "target"),
		param("recorded", dateSearch, "recorded"),
		param("target", referenceSearch, "target"),
	},
}

// searchParamsOf returns the search parameters of a type, sorted by name.
func searchParamsOf(typ string) []searchParam {
	all := slices.Concat(everyType, searchParams[typ])
	slices.SortFunc(all, func(a, b searchParam) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// findSearchParam returns the named search parameter of a type.
func findSearchParam(typ, name string) (searchParam, bool) {
	for _, p := range slices.Concat(everyType, searchParams[typ]) {
		if p.Name == name {
			return p, true
		}
	}
	return searchParam{}, false
}

// resultParams are the search result parameters, which shall not be used in _typeFilter
// (https://hl7.org/fhir/R4/search.html#modifyingresults).
var resultParams = []string{"_sort", "_count", "_include", "_revinclude", "_summary", "_total", "_elements",
	"_contained", "_containedType", "_score", "_maxresults", "_format", "_pretty"}
