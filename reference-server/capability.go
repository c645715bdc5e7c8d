package refserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Canonicals of the guide.
const (
	igCapability    = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
	opSystemExport  = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
	opPatientExport = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"
	opGroupExport   = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"
	notSupportedURL = "http://hl7.org/fhir/uv/bulkdata/Extension/operation-not-supported"
)

// metadata serves the CapabilityStatement (3.0.0 export.html#server-capability-documentation).
func (s *Server) metadata(r *http.Request) *Answer {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return s.methodNotAllowed(Metadata, r, "GET, HEAD")
	case !acceptable(r.Header):
		return s.refuse(Metadata, r, Issue{Code: "not-supported", Status: http.StatusNotAcceptable, Text: "Only FHIR JSON is supported."})
	}
	tree := s.capabilityStatement(s.base(r))
	if hook := s.cfg.Behaviour.Capability; hook != nil {
		hook(tree)
	}
	body, err := json.Marshal(tree)
	if err != nil {
		return s.refuse(Metadata, r, Issue{Code: "exception", Status: http.StatusInternalServerError, Text: "The CapabilityStatement cannot be written."})
	}
	a := &Answer{Endpoint: Metadata, Request: r, Status: http.StatusOK, Header: http.Header{}, Body: body}
	a.Header.Set("Content-Type", fhirJSON)
	return a
}

func (s *Server) capabilityStatement(base string) map[string]any {
	rest := map[string]any{
		"mode":          "server",
		"documentation": s.documentation(),
		"security":      s.securityStatement(base),
		"resource":      s.resourceStatements(),
	}
	if slices.Contains(s.cfg.Levels, SystemLevel) {
		rest["operation"] = []any{operation("export", opSystemExport)}
	}
	return map[string]any{
		"resourceType":        "CapabilityStatement",
		"id":                  "bulkproof-reference",
		"name":                "BulkproofReferenceServer",
		"title":               "Bulkproof reference server",
		"status":              "active",
		"date":                "2026-01-15",
		"kind":                "instance",
		"description":         "Reference server of the Bulkproof conformance suite. All data are synthetic.",
		"instantiates":        []any{igCapability},
		"implementationGuide": []any{"http://hl7.org/fhir/uv/bulkdata/ImplementationGuide/hl7.fhir.uv.bulkdata|" + s.cfg.IG},
		"software":            map[string]any{"name": "Bulkproof reference server"},
		"implementation":      map[string]any{"description": "Bulkproof reference server", "url": base},
		"fhirVersion":         "4.0.1",
		"format":              []any{fhirJSON, "json"},
		"rest":                []any{rest},
	}
}

func operation(name, definition string) map[string]any {
	return map[string]any{"name": name, "definition": definition}
}

// operationName is "export" at every level from 3.0.0 on; before, the guide's own CapabilityStatement
// gave each level a name of its own.
func (s *Server) operationName(own string) string {
	if s.cfg.IG < IG300 {
		return own
	}
	return "export"
}

func (s *Server) securityStatement(base string) map[string]any {
	if !s.cfg.Auth {
		return map[string]any{"description": "This server is open: it holds synthetic data only and asks for no access token."}
	}
	return map[string]any{
		"description": "SMART Backend Services. Every request but this one and the discovery of the authorization server needs an access token whose scopes cover it.",
		"service": []any{map[string]any{"coding": []any{map[string]any{
			"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}},
		"extension": []any{map[string]any{
			"url":       "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
			"extension": []any{map[string]any{"url": "token", "valueUri": base + tokenPath}}}},
	}
}

// resourceStatements lists every type with its read interaction, the search parameters _typeFilter
// takes, and the export operations it does not take part in.
func (s *Server) resourceStatements() []any {
	var out []any
	for _, typ := range s.held {
		var params []any
		for _, p := range searchParamsOf(typ) {
			params = append(params, map[string]any{"name": p.Name, "type": string(p.Kind)})
		}
		res := map[string]any{
			"type":        typ,
			"interaction": []any{map[string]any{"code": "read"}},
			"searchParam": params,
		}
		switch typ {
		case "Group":
			res["interaction"] = []any{map[string]any{"code": "read"}, map[string]any{"code": "search-type"}}
			if slices.Contains(s.cfg.Levels, GroupLevel) {
				res["operation"] = []any{operation(s.operationName("group-export"), opGroupExport)}
			}
		case "Patient":
			if slices.Contains(s.cfg.Levels, PatientLevel) {
				res["operation"] = []any{operation(s.operationName("patient-export"), opPatientExport)}
			}
		}
		if ext := s.notSupported(typ); len(ext) > 0 && s.cfg.IG >= IG300 {
			res["extension"] = ext
		}
		out = append(out, res)
	}
	return out
}

// notSupported marks a type that can be read but not be exported: with the operations concerned, or with
// the guide's CapabilityStatement if no level has it.
func (s *Server) notSupported(typ string) []any {
	var missing []any
	for _, l := range []struct {
		level      Level
		definition string
	}{{SystemLevel, opSystemExport}, {PatientLevel, opPatientExport}, {GroupLevel, opGroupExport}} {
		if slices.Contains(s.cfg.Levels, l.level) && !slices.Contains(s.typesAt(l.level), typ) {
			missing = append(missing, map[string]any{"url": notSupportedURL, "valueCanonical": l.definition})
		}
	}
	if len(missing) == len(s.cfg.Levels) {
		return []any{map[string]any{"url": notSupportedURL, "valueCanonical": igCapability}}
	}
	return missing
}

// documentation answers the questions of 3.0.0 export.html#server-capability-documentation.
func (s *Server) documentation() string {
	division := fmt.Sprintf("at most %d resources per file", s.cfg.ResourcesPerFile)
	if s.cfg.ResourcesPerFile == 0 {
		division = fmt.Sprintf("each type evenly over up to %d files, none smaller than %d resources unless the type is", filesPerType, smallestFile)
	}
	text := "Profiles: US Core flavoured R4. Files: " + division + ". Output format: application/fhir+ndjson. " +
		"The patient and group levels export the Patient compartment (without Group) and Provenance about it; no supporting resources such as Practitioner or Organization. " +
		"_since at the group level returns no older data of new members. " +
		"_typeFilter takes the search parameters listed for each type here, without chaining; values of all modifiers but :missing, :not (token), :exact and :contains (string) are refused. " +
		"includeAssociatedData: LatestProvenanceResources and RelevantProvenanceResources."
	if s.cfg.IG >= IG300 {
		text += " organizeOutputBy: Patient; blocks hold the Patient compartment, at the system level also Device and Group; resources that refer to no patient are left out."
	}
	return text
}
