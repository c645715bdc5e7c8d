package refserver

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// mandatory lists, for each type of the dataset, the root elements with a minimum of one in R4
// (https://hl7.org/fhir/R4/resourcelist.html); choice elements by their stem.
var mandatory = map[string][]string{
	"AllergyIntolerance":   {"patient"},
	"CarePlan":             {"status", "intent", "subject"},
	"Claim":                {"status", "type", "use", "patient", "created", "provider", "priority", "insurance"},
	"CodeSystem":           {"status", "content"},
	"Condition":            {"subject"},
	"Coverage":             {"status", "beneficiary", "payor"},
	"Device":               {},
	"DiagnosticReport":     {"status", "code"},
	"DocumentReference":    {"status", "content"},
	"Encounter":            {"status", "class"},
	"ExplanationOfBenefit": {"status", "type", "use", "patient", "created", "insurer", "provider", "outcome", "insurance"},
	"Goal":                 {"lifecycleStatus", "description", "subject"},
	"Group":                {"type", "actual"},
	"Immunization":         {"status", "vaccineCode", "patient", "occurrence"},
	"Location":             {},
	"Medication":           {},
	"MedicationRequest":    {"status", "intent", "medication", "subject"},
	"Observation":          {"status", "code"},
	"Organization":         {},
	"Patient":              {},
	"Practitioner":         {},
	"PractitionerRole":     {},
	"Procedure":            {"status", "subject"},
	"Provenance":           {"target", "recorded", "agent"},
	"ValueSet":             {"status"},
}

// alwaysKept may not be left out of any resource: without them it cannot be found, or is misread.
var alwaysKept = []string{"resourceType", "id", "meta", "implicitRules", "modifierExtension"}

// invariants lists elements that R4 invariants demand of a resource once others are gone: a Condition
// without clinicalStatus breaks con-3, an Observation whose value was cut is not wrong but a
// dataAbsentReason without value would be; these are cheap to keep.
var invariants = map[string][]string{
	"AllergyIntolerance": {"clinicalStatus", "verificationStatus"},
	"Condition":          {"clinicalStatus", "verificationStatus"},
	"Organization":       {"name", "identifier"}, // org-1
}

// choiceTypes are the suffixes of choice elements that the dataset could use.
var choiceTypes = []string{"Age", "Boolean", "Code", "CodeableConcept", "Date", "DateTime", "Instant", "Integer", "Period",
	"Quantity", "Range", "Ratio", "Reference", "SampledData", "String", "Time", "Timing"}

// subset cuts a resource down to the elements asked for and tags it SUBSETTED if it lost any
// (3.0.0 export.html#query-parameters, _elements). The order of elements stays. Text that is no JSON
// object is returned as it is.
func subset(resource []byte, typ string, elements []Element) []byte {
	type member struct {
		key   string
		value jsontext.Value
	}
	var (
		members []member
		lost    bool
	)
	dec := jsontext.NewDecoder(bytes.NewReader(resource))
	err := eachMember(dec, func(key string) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if !keepElement(typ, key, elements) {
			lost = true
			return nil
		}
		members = append(members, member{key, value.Clone()})
		return nil
	})
	if err != nil || !lost {
		return resource
	}
	out := append(make([]byte, 0, len(resource)+200), '{')
	tagged := false
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		if m.key == "meta" {
			m.value, tagged = tagSubsetted(m.value), true
		}
		key, err := jsontext.AppendQuote(out, m.key)
		if err != nil {
			return resource
		}
		out = append(key, ':')
		out = append(out, m.value...)
	}
	if !tagged {
		if len(members) > 0 {
			out = append(out, ',')
		}
		out = append(append(out, `"meta":`...), tagSubsetted(jsontext.Value("{}"))...)
	}
	return append(out, '}')
}

// keepElement tells whether a root element stays. A primitive's "_name" goes with its "name".
func keepElement(typ, key string, elements []Element) bool {
	name := strings.TrimPrefix(key, "_")
	if slices.Contains(alwaysKept, name) || slices.Contains(invariants[typ], name) {
		return true
	}
	for _, m := range mandatory[typ] {
		if isElement(name, m) {
			return true
		}
	}
	for _, e := range elements {
		if (e.Type == "" || e.Type == typ) && isElement(name, e.Name) {
			return true
		}
	}
	return false
}

// isElement tells whether a key is the element, or one form of it if it is a choice.
func isElement(key, element string) bool {
	suffix, ok := strings.CutPrefix(key, element)
	return ok && (suffix == "" || slices.Contains(choiceTypes, suffix))
}

// subsettedTag is the tag of https://hl7.org/fhir/R4/valueset-common-tags.html.
var subsettedTag = map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

// tagSubsetted adds the tag to a Meta.
func tagSubsetted(meta []byte) []byte {
	var tree map[string]any
	if json.Unmarshal(meta, &tree) != nil {
		return meta
	}
	tags, _ := tree["tag"].([]any)
	tree["tag"] = append(tags, subsettedTag)
	out, err := json.Marshal(tree)
	if err != nil {
		return meta
	}
	return out
}
