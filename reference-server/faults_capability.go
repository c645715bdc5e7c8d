package refserver

import (
	"net/http"
	"slices"
	"strings"
)

func init() { registerFaults(capabilityFaults()...) }

// stating returns an Apply that edits the CapabilityStatement.
func stating(edit func(map[string]any)) func(*Behaviour) {
	return func(b *Behaviour) { b.ThenCapability(edit) }
}

// restOf returns the one rest entry of the CapabilityStatement.
func restOf(statement map[string]any) map[string]any {
	return statement["rest"].([]any)[0].(map[string]any)
}

// typeEntry returns the rest.resource entry of a type, or an entry that stands nowhere.
func typeEntry(statement map[string]any, typ string) map[string]any {
	for _, r := range restOf(statement)["resource"].([]any) {
		if m := r.(map[string]any); m["type"] == typ {
			return m
		}
	}
	return map[string]any{}
}

// operationAt returns the export operation declared at a holder.
func operationAt(holder map[string]any) map[string]any {
	ops, _ := holder["operation"].([]any)
	if len(ops) == 0 {
		return map[string]any{}
	}
	return ops[0].(map[string]any)
}

// editMetadata returns an Apply that edits the answer at [base]/metadata.
func editMetadata(edit func(*Answer)) func(*Behaviour) {
	return answering(func(a *Answer) bool { return a.Endpoint == Metadata && a.Status == http.StatusOK }, edit)
}

func withoutType(typ string) func(*Behaviour) {
	return stating(func(m map[string]any) {
		rest := restOf(m)
		rest["resource"] = slices.DeleteFunc(rest["resource"].([]any), func(r any) bool { return r.(map[string]any)["type"] == typ })
	})
}

func capabilityFaults() []Fault {
	undeclared := stating(func(m map[string]any) { delete(typeEntry(m, "Patient"), "operation") })
	return []Fault{
		{
			Name: "capability-xml-only", Area: "capability",
			Doc:    "The CapabilityStatement comes as XML whatever Accept says; a client of the JSON-only guide cannot read it.",
			Caught: []string{"capability.readable"},
			Apply: editMetadata(func(a *Answer) {
				a.set(http.StatusOK, "application/fhir+xml", `<CapabilityStatement xmlns="http://hl7.org/fhir"><status value="active"/></CapabilityStatement>`)
			}),
		},
		{
			Name: "capability-duplicate-name", Area: "capability",
			Doc:    "The CapabilityStatement has the same name twice in an object; readers disagree on what it says.",
			Caught: []string{"capability.readable"},
			Apply: editMetadata(func(a *Answer) {
				a.Body = []byte(strings.Replace(string(a.Body), "{", `{"status":"draft",`, 1))
			}),
		},
		{
			Name: "capability-metadata-500", Area: "capability",
			Doc:    "[base]/metadata fails with a server error; a client cannot find out what the server offers.",
			Caught: []string{"capability.readable"},
			Apply: editMetadata(func(a *Answer) {
				a.set(http.StatusInternalServerError, fhirJSON, string(outcome("error", Issue{Code: "exception", Text: "Something went wrong."})))
			}),
		},
		{
			Name: "capability-no-instantiates", Area: "capability",
			Doc:    "The CapabilityStatement does not say that it follows the guide; a client has to guess.",
			Warned: []string{"capability.instantiates"},
			Apply:  stating(func(m map[string]any) { delete(m, "instantiates") }),
		},
		{
			Name: "capability-instantiates-old-url", Area: "capability",
			Doc:    "instantiates names the URL of version 1.0.0, under which nothing is published any more.",
			Warned: []string{"capability.instantiates"},
			Apply: stating(func(m map[string]any) {
				m["instantiates"] = []any{"http://www.hl7.org/fhir/bulk-data/CapabilityStatement-bulk-data.html"}
			}),
		},
		{
			Name: "capability-no-fhir-version", Area: "capability",
			Doc:    "The CapabilityStatement leaves fhirVersion out; a client cannot tell how to read the resources.",
			Warned: []string{"capability.fhir-version"},
			Apply:  stating(func(m map[string]any) { delete(m, "fhirVersion") }),
		},
		{
			Name: "capability-no-export", Area: "capability",
			Doc:    "The server declares no export and refuses every kick-off as unknown.",
			Warned: []string{"capability.export-offered"},
			Apply: func(b *Behaviour) {
				b.ThenCapability(func(m map[string]any) {
					delete(restOf(m), "operation")
					delete(typeEntry(m, "Patient"), "operation")
					delete(typeEntry(m, "Group"), "operation")
				})
				answering(func(a *Answer) bool { return a.Endpoint == KickOff && a.Status != http.StatusUnauthorized }, func(a *Answer) {
					a.refused(http.StatusNotFound, "not-found", "There is nothing here.")
				})(b)
			},
		},
		{
			Name: "capability-level-undeclared", Area: "capability", Versions: []string{IG300},
			Doc:    "Patient-level export works and is not declared; clients that look first do not find it.",
			Caught: []string{"capability.levels-declared"},
			Apply:  undeclared,
		},
		{
			Name: "capability-level-undeclared-2", Area: "capability", Versions: []string{IG200},
			Doc:    "Patient-level export works and is not declared; clients that look first do not find it.",
			Warned: []string{"capability.levels-declared"},
			Apply:  undeclared,
		},
		{
			Name: "capability-operation-name", Area: "capability",
			Doc:    "The Group-level export is declared under the name bulk-export, under which it cannot be called.",
			Warned: []string{"capability.operation-name"},
			Apply:  stating(func(m map[string]any) { operationAt(typeEntry(m, "Group"))["name"] = "bulk-export" }),
		},
		{
			Name: "capability-operation-other-definition", Area: "capability",
			Doc:    "The system-level export points at the OperationDefinition of $everything.",
			Warned: []string{"capability.operation-definition"},
			Apply: stating(func(m map[string]any) {
				operationAt(restOf(m))["definition"] = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
			}),
		},
		{
			Name: "capability-operation-no-definition", Area: "capability",
			Doc:    "The system-level export has no definition; a client cannot tell which version of which operation it is.",
			Warned: []string{"capability.operation-definition"},
			Apply:  stating(func(m map[string]any) { delete(operationAt(restOf(m)), "definition") }),
		},
		{
			Name: "capability-operation-swapped-definition", Area: "capability",
			Doc:    "The export of all patients, declared at Patient, points at the OperationDefinition of the system level.",
			Warned: []string{"capability.operation-definition"},
			Apply:  stating(func(m map[string]any) { operationAt(typeEntry(m, "Patient"))["definition"] = opSystemExport }),
		},
		{
			Name: "capability-group-without-id", Area: "capability",
			Doc:    "A kick-off at Group/$export, without an id, starts an export of everything.",
			Warned: []string{"capability.own-level-only"},
			Apply: answering(func(a *Answer) bool {
				return a.Endpoint == KickOff && strings.HasSuffix(a.Request.URL.Path, "/Group/$export") && a.Status == http.StatusNotFound
			}, func(a *Answer) {
				a.set(http.StatusAccepted, fhirJSON, "")
				a.Header.Set("Content-Location", "http://"+a.Request.Host+mount+deskPath+"all-groups")
			}),
		},
		{
			Name: "capability-type-missing", Area: "capability", Versions: []string{IG300},
			Doc:    "Coverage is exported and has no entry in rest.resource; clients do not know that they can ask for it.",
			Warned: []string{"capability.types-listed"},
			Apply:  withoutType("Coverage"),
		},
		{
			Name: "capability-listed-type-refused", Area: "capability", Versions: []string{IG300},
			Doc:    "Immunization is listed with its interactions, and every export that asks for it is refused.",
			Warned: []string{"capability.listed-types-export"},
			Apply: answering(func(a *Answer) bool {
				return acceptedKickOff(a) && strings.Contains(a.Request.URL.Query().Get("_type"), "Immunization")
			}, func(a *Answer) {
				a.refused(http.StatusBadRequest, "not-supported", "Immunization cannot be exported.")
			}),
		},
		{
			Name: "capability-search-params-unlisted", Area: "capability", Versions: []string{IG300},
			Doc:    "No search parameter is listed, and _typeFilter works; clients do not know what they may filter by.",
			Warned: []string{"capability.search-params-listed"},
			Apply: stating(func(m map[string]any) {
				for _, r := range restOf(m)["resource"].([]any) {
					delete(r.(map[string]any), "searchParam")
				}
			}),
		},
		{
			Name: "capability-search-param-refused", Area: "capability", Versions: []string{IG300},
			Doc:    "The first search parameter listed for Patient is refused in _typeFilter, while others work.",
			Warned: []string{"capability.search-params-listed"},
			Apply: stating(func(m map[string]any) {
				entry := typeEntry(m, "Patient")
				params, _ := entry["searchParam"].([]any)
				entry["searchParam"] = append([]any{map[string]any{"name": "shoe-size", "type": "string"}}, params...)
			}),
		},
		{
			Name: "capability-not-supported-string", Area: "capability", Versions: []string{IG300},
			Doc:    "The extension operation-not-supported has a string in place of a canonical; readers of the extension see nothing.",
			Caught: []string{"capability.not-supported-shape"},
			Apply: stating(func(m map[string]any) {
				typeEntry(m, "Medication")["extension"] = []any{map[string]any{"url": notSupportedURL, "valueString": "not exported"}}
				typeEntry(m, "Observation")["extension"] = []any{map[string]any{"url": notSupportedURL, "valueString": "not exported"}}
			}),
		},
		{
			Name: "capability-not-supported-place", Area: "capability", Versions: []string{IG300},
			Doc:    "The extension operation-not-supported stands on the operation in place of the type that it is about.",
			Caught: []string{"capability.not-supported-shape"},
			Apply: stating(func(m map[string]any) {
				operationAt(restOf(m))["extension"] = []any{map[string]any{"url": notSupportedURL, "valueCanonical": opSystemExport}}
			}),
		},
		{
			Name: "capability-not-supported-untrue", Area: "capability", Versions: []string{IG300},
			Doc:    "A type that can be exported at the system level is marked as not supported there; clients go without it.",
			Warned: []string{"capability.not-supported-true"},
			Apply: stating(func(m map[string]any) {
				typeEntry(m, "AllergyIntolerance")["extension"] = []any{map[string]any{"url": notSupportedURL, "valueCanonical": opSystemExport}}
			}),
		},
	}
}
