package dataset_test

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func split(ref string) (typ, id string) {
	typ, id, _ = strings.Cut(ref, "/")
	return typ, id
}

// allowed lists, for every reference the set may hold, what R4 lets it point to (as far as the set has the type).
// It was written from the resource pages of https://hl7.org/fhir/R4/, not from the generator.
var allowed = map[string]string{
	"Patient.generalPractitioner":                       "Organization Practitioner PractitionerRole",
	"Patient.managingOrganization":                      "Organization",
	"Organization.partOf":                               "Organization",
	"Location.managingOrganization":                     "Organization",
	"Location.partOf":                                   "Location",
	"PractitionerRole.practitioner":                     "Practitioner",
	"PractitionerRole.organization":                     "Organization",
	"PractitionerRole.location":                         "Location",
	"Encounter.subject":                                 "Patient Group",
	"Encounter.participant.individual":                  "Practitioner PractitionerRole",
	"Encounter.diagnosis.condition":                     "Condition Procedure",
	"Encounter.location.location":                       "Location",
	"Encounter.serviceProvider":                         "Organization",
	"Condition.subject":                                 "Patient Group",
	"Condition.encounter":                               "Encounter",
	"Condition.recorder":                                "Practitioner PractitionerRole Patient",
	"Condition.asserter":                                "Practitioner PractitionerRole Patient",
	"Observation.subject":                               "Patient Group Device Location",
	"Observation.encounter":                             "Encounter",
	"Observation.performer":                             "Practitioner PractitionerRole Organization Patient",
	"Observation.hasMember":                             "Observation",
	"Observation.device":                                "Device",
	"Procedure.subject":                                 "Patient Group",
	"Procedure.encounter":                               "Encounter",
	"Procedure.performer.actor":                         "Practitioner PractitionerRole Organization Patient Device",
	"Procedure.performer.onBehalfOf":                    "Organization",
	"Procedure.location":                                "Location",
	"Procedure.reasonReference":                         "Condition Observation Procedure DiagnosticReport DocumentReference",
	"Procedure.focalDevice.manipulated":                 "Device",
	"MedicationRequest.contained.manufacturer":          "Organization",
	"MedicationRequest.medicationReference":             "Medication",
	"MedicationRequest.subject":                         "Patient Group",
	"MedicationRequest.encounter":                       "Encounter",
	"MedicationRequest.requester":                       "Practitioner PractitionerRole Organization Patient Device",
	"MedicationRequest.reasonReference":                 "Condition Observation",
	"Immunization.patient":                              "Patient",
	"Immunization.encounter":                            "Encounter",
	"Immunization.location":                             "Location",
	"Immunization.performer.actor":                      "Practitioner PractitionerRole Organization",
	"AllergyIntolerance.patient":                        "Patient",
	"AllergyIntolerance.encounter":                      "Encounter",
	"AllergyIntolerance.recorder":                       "Practitioner PractitionerRole Patient",
	"DiagnosticReport.subject":                          "Patient Group Device Location",
	"DiagnosticReport.encounter":                        "Encounter",
	"DiagnosticReport.performer":                        "Practitioner PractitionerRole Organization",
	"DiagnosticReport.result":                           "Observation",
	"DocumentReference.subject":                         "Patient Practitioner Group Device",
	"DocumentReference.author":                          "Practitioner PractitionerRole Organization Device Patient",
	"DocumentReference.custodian":                       "Organization",
	"DocumentReference.context.encounter":               "Encounter",
	"CarePlan.subject":                                  "Patient Group",
	"CarePlan.encounter":                                "Encounter",
	"CarePlan.author":                                   "Patient Practitioner PractitionerRole Device Organization",
	"CarePlan.addresses":                                "Condition",
	"CarePlan.goal":                                     "Goal",
	"CarePlan.activity.detail.performer":                "Practitioner PractitionerRole Organization Patient Device",
	"Goal.subject":                                      "Patient Group Organization",
	"Goal.expressedBy":                                  "Patient Practitioner PractitionerRole",
	"Goal.addresses":                                    "Condition Observation",
	"Device.patient":                                    "Patient",
	"Device.owner":                                      "Organization",
	"Coverage.policyHolder":                             "Patient Organization",
	"Coverage.subscriber":                               "Patient",
	"Coverage.beneficiary":                              "Patient",
	"Coverage.payor":                                    "Organization Patient",
	"Claim.patient":                                     "Patient",
	"Claim.insurer":                                     "Organization",
	"Claim.provider":                                    "Practitioner PractitionerRole Organization",
	"Claim.payee.party":                                 "Practitioner PractitionerRole Organization Patient",
	"Claim.diagnosis.diagnosisReference":                "Condition",
	"Claim.insurance.coverage":                          "Coverage",
	"Claim.item.encounter":                              "Encounter",
	"ExplanationOfBenefit.patient":                      "Patient",
	"ExplanationOfBenefit.insurer":                      "Organization",
	"ExplanationOfBenefit.provider":                     "Practitioner PractitionerRole Organization",
	"ExplanationOfBenefit.payee.party":                  "Practitioner PractitionerRole Organization Patient",
	"ExplanationOfBenefit.claim":                        "Claim",
	"ExplanationOfBenefit.careTeam.provider":            "Practitioner PractitionerRole Organization",
	"ExplanationOfBenefit.diagnosis.diagnosisReference": "Condition",
	"ExplanationOfBenefit.insurance.coverage":           "Coverage",
	"ExplanationOfBenefit.item.encounter":               "Encounter",
	"Group.managingEntity":                              "Organization Practitioner PractitionerRole",
	"Group.member.entity":                               "Patient Practitioner PractitionerRole Device Medication Group",
	"Group.characteristic.valueReference":               "Organization",
	"Provenance.target":                                 "Patient Observation Condition Encounter Practitioner DocumentReference",
	"Provenance.agent.who":                              "Practitioner PractitionerRole Patient Device Organization",
	"Provenance.agent.onBehalfOf":                       "Practitioner PractitionerRole Patient Device Organization",
}

func TestReferences(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		present := index(list)
		for _, h := range list {
			var refs []string
			contained := map[string]bool{}
			for _, id := range at(h.tree, "contained.id") {
				contained["#"+id.(string)] = true
			}
			walk(h.tree, h.Type, func(path string, o map[string]any) {
				ref, ok := o["reference"].(string)
				if !ok {
					return
				}
				if contained[ref] {
					delete(contained, ref)
					return
				}
				if typ, _ := split(ref); !slices.Contains(strings.Fields(allowed[path]), typ) {
					t.Errorf("%s: %s may not refer to a %s", h.ref(), path, typ)
				}
				if present[ref] == nil {
					t.Errorf("%s: %s refers to %s, which is missing", h.ref(), path, ref)
				}
				if !slices.Contains(refs, ref) {
					refs = append(refs, ref)
				}
			})
			if len(contained) > 0 {
				t.Errorf("%s: nothing refers to contained %v (dom-3)", h.ref(), contained)
			}
			if got := slices.Sorted(slices.Values(h.Refs)); !slices.Equal(got, slices.Sorted(slices.Values(refs))) {
				t.Errorf("%s: Refs %v, in the JSON %v", h.ref(), got, refs)
			}
		}
	})
}

// compartment lists the elements behind the search parameters that the R4 Patient compartment names
// (https://hl7.org/fhir/R4/compartmentdefinition-patient.html), for the types of the set. A type that is not here is
// in no compartment.
var compartment = map[string]string{
	"AllergyIntolerance":   "patient recorder asserter",
	"CarePlan":             "subject activity.detail.performer",
	"Claim":                "patient payee.party",
	"Condition":            "subject asserter",
	"Coverage":             "policyHolder subscriber beneficiary payor",
	"DiagnosticReport":     "subject",
	"DocumentReference":    "subject author",
	"Encounter":            "subject",
	"ExplanationOfBenefit": "patient payee.party",
	"Goal":                 "subject",
	"Group":                "member.entity",
	"Immunization":         "patient",
	"MedicationRequest":    "subject",
	"Observation":          "subject performer",
	"Patient":              "link.other",
	"Procedure":            "subject performer.actor",
	"Provenance":           "target",
}

func compartmentsOf(h *held) []string {
	var patients []string
	if h.Type == "Patient" {
		patients = []string{h.ID}
	}
	for _, path := range strings.Fields(compartment[h.Type]) {
		for _, ref := range at(h.tree, path+".reference") {
			if typ, id := split(ref.(string)); typ == "Patient" && !slices.Contains(patients, id) {
				patients = append(patients, id)
			}
		}
	}
	return slices.Sorted(slices.Values(patients))
}

func TestCompartments(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		shared := 0
		byPatient := map[string][]string{}
		for _, h := range list {
			want := compartmentsOf(h)
			if got := slices.Sorted(slices.Values(h.Patients)); !slices.Equal(got, want) {
				t.Errorf("%s: Patients %v, by its elements %v", h.ref(), got, want)
			}
			if compartment[h.Type] != "" && len(want) == 0 && h.Type != "Provenance" {
				t.Errorf("%s is in no compartment", h.ref())
			}
			if len(want) == 2 && h.Type != "Group" {
				shared++
			}
			for _, p := range want {
				byPatient[p] = append(byPatient[p], h.ref())
			}
		}
		if shared == 0 {
			t.Error("nothing is in two compartments")
		}
		for p, want := range byPatient {
			var got []string
			for _, typ := range s.Types() {
				for r := range s.ResourcesOf(typ, p) {
					got = append(got, r.Type+"/"+r.ID)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("Patient/%s: ResourcesOf yields %d, the compartment has %d", p, len(got), len(want))
			}
		}
	})
}

func TestGroups(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		present := index(list)
		if len(s.Groups()) < 2 {
			t.Fatal("fewer than two groups")
		}
		for _, g := range s.Groups() {
			h := present["Group/"+g.ID]
			if h == nil || h.tree["name"] != g.Name || at(h.tree, "identifier.value")[0] != g.Identifier {
				t.Fatalf("Group/%s is missing or named otherwise", g.ID)
			}
			members := slices.Collect(s.Members(g.ID))
			var listed []string
			for _, ref := range at(h.tree, "member.entity.reference") {
				listed = append(listed, strings.TrimPrefix(ref.(string), "Patient/"))
			}
			if !slices.Equal(members, listed) || at(h.tree, "quantity")[0] != float64(len(members)) {
				t.Errorf("Group/%s lists %d members, Members yields %d, quantity is %v", g.ID, len(listed), len(members), h.tree["quantity"])
			}
			if len(members) == 0 || len(members) == s.Patients() {
				t.Errorf("Group/%s has %d of %d patients", g.ID, len(members), s.Patients())
			}
			if half := float64(len(members)) / float64(s.Patients()); g.ID == dataset.GroupHalf && (half < 0.35 || half > 0.65) {
				t.Errorf("Group/%s has %.2f of the patients", g.ID, half)
			}
			for r := range s.Resources("Patient") {
				if s.IsMember(g.ID, r.ID) != slices.Contains(members, r.ID) {
					t.Errorf("IsMember and Members disagree on Patient/%s", r.ID)
				}
			}
		}
		// What the description of a large group says about its members is true of the small one.
		for r := range s.Resources("Patient") {
			founding := at(hold(t, r).tree, "managingOrganization.reference")[0] == at(present["Group/"+dataset.GroupHalf].tree, "managingEntity.reference")[0]
			if founding != s.IsMember(dataset.GroupHalf, r.ID) {
				t.Errorf("Patient/%s: managed by the founding organisation: %v", r.ID, founding)
			}
		}
		if s.IsMember("nobody", "nobody") || len(slices.Collect(s.Members("nobody"))) > 0 {
			t.Error("an unknown group has members")
		}
	})
}

func TestLargeGroupIsDescribed(t *testing.T) {
	for patients, listed := range map[int]bool{2 * dataset.MaxListedMembers: true, 2*dataset.MaxListedMembers + 16: false} {
		s := newSet(t, 1, patients)
		r, ok := s.Get("Group", dataset.GroupHalf)
		if !ok {
			t.Fatal("no group")
		}
		h := hold(t, r)
		n := 0
		for range s.Members(dataset.GroupHalf) {
			n++
		}
		if h.tree["actual"] != listed || (len(at(h.tree, "member")) > 0) != listed || (len(h.Patients) > 0) != listed ||
			(h.tree["characteristic"] == nil) != listed || h.tree["quantity"] != float64(n) {
			t.Errorf("%d patients: actual %v, %d members listed, quantity %v of %d", patients, h.tree["actual"],
				len(at(h.tree, "member")), h.tree["quantity"], n)
		}
	}
}

func TestDeletions(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		present := index(list)
		seen := map[string]bool{}
		types := map[string]bool{}
		var first, last time.Time
		for d := range s.Deletions() {
			ref := d.Type + "/" + d.ID
			if seen[ref] || present[ref] != nil || s.Has(d.Type, d.ID) {
				t.Errorf("%s is deleted twice, or is still there", ref)
			}
			seen[ref], types[d.Type] = true, true
			if !fhirID.MatchString(d.ID) || !d.When.Before(dataset.Epoch) || d.When.Year() < 2019 {
				t.Errorf("%s: deleted %v", ref, d.When)
			}
			switch {
			case d.Type == "Patient":
				if d.Patient != d.ID {
					t.Errorf("%s is in the compartment of %q", ref, d.Patient)
				}
			case d.Type == "Practitioner":
				if d.Patient != "" {
					t.Errorf("%s is in a compartment", ref)
				}
			case present["Patient/"+d.Patient] == nil:
				t.Errorf("%s belonged to %q, who is missing", ref, d.Patient)
			}
			if first.IsZero() || d.When.Before(first) {
				first = d.When
			}
			if d.When.After(last) {
				last = d.When
			}
		}
		if len(types) < 4 || last.Sub(first) < 365*24*time.Hour {
			t.Errorf("deletions of %v between %v and %v", types, first, last)
		}
	})
}

func TestProvenance(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		present := index(list)
		type record struct {
			id string
			at time.Time
		}
		of := map[string][]record{}
		for _, h := range list {
			if (h.Provenance != nil) != (h.Type == "Provenance") {
				t.Fatalf("%s: Provenance is %v", h.ref(), h.Provenance)
			}
			if h.Provenance == nil {
				continue
			}
			recorded, err := time.Parse(time.RFC3339Nano, h.tree["recorded"].(string))
			if err != nil || !recorded.Equal(h.Provenance.Recorded) || recorded.After(h.LastUpdated) {
				t.Errorf("%s: recorded %v, outside %v, last updated %v", h.ref(), recorded, h.Provenance.Recorded, h.LastUpdated)
			}
			for i, ref := range at(h.tree, "target.reference") {
				target := h.Provenance.Targets[i]
				if target.Ref != ref || !slices.Equal(target.Patients, present[target.Ref].Patients) {
					t.Errorf("%s: target %d is %v with patients %v, but %s with %v", h.ref(), i, target.Ref, target.Patients, ref, present[target.Ref].Patients)
				}
				of[target.Ref] = append(of[target.Ref], record{h.ID, recorded})
			}
		}
		several, outside, none := 0, 0, 0
		for _, h := range list {
			records := of[h.ref()]
			slices.SortFunc(records, func(a, b record) int { return a.at.Compare(b.at) })
			refs := s.ProvenancesOf(h.Type, h.ID)
			if len(refs) != len(records) {
				t.Fatalf("%s: ProvenancesOf has %d, the data %d", h.ref(), len(refs), len(records))
			}
			for i, r := range refs {
				latest := i == len(records)-1
				if r.ID != records[i].id || !r.Recorded.Equal(records[i].at) || r.Latest != latest {
					t.Errorf("%s: ProvenancesOf[%d] is %v, in the data %v", h.ref(), i, r, records[i])
				}
				if i > 0 && records[i].at.Equal(records[i-1].at) {
					t.Errorf("%s: two Provenances recorded at %v", h.ref(), records[i].at)
				}
				for _, target := range present["Provenance/"+r.ID].Provenance.Targets {
					if target.Ref == h.ref() && target.Latest != latest {
						t.Errorf("%s: Latest of Provenance/%s is %v", h.ref(), r.ID, target.Latest)
					}
				}
			}
			switch {
			case len(records) > 1:
				several++
			case len(records) == 0:
				none++
			}
			if len(records) > 0 && len(h.Patients) == 0 {
				outside++
			}
		}
		if several < 3 || outside == 0 || none == 0 {
			t.Errorf("%d targets have several Provenances, %d are in no compartment, %d resources have none", several, outside, none)
		}
	})
}

func TestAttachments(t *testing.T) {
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		inline, linked := 0, 0
		for _, h := range list {
			if h.Type != "DocumentReference" {
				continue
			}
			for _, v := range at(h.tree, "content.attachment") {
				a := v.(map[string]any)
				var data []byte
				var err error
				contentType := a["contentType"].(string)
				if url, ok := a["url"].(string); ok {
					linked++
					id, found := strings.CutPrefix(url, base+"/"+dataset.AttachmentPath+"/")
					var got string
					got, data, ok = s.Attachment(id)
					if !found || !ok || got != contentType {
						t.Fatalf("%s: %s leads to %q", h.ref(), url, got)
					}
					document, patient, ok := s.AttachmentOwner(id)
					if !ok || document != h.ID || patient != h.Patients[0] {
						t.Errorf("%s: its attachment says it belongs to %s of %s", h.ref(), document, patient)
					}
				} else {
					inline++
					if data, err = base64.StdEncoding.DecodeString(a["data"].(string)); err != nil {
						t.Fatal(err)
					}
				}
				sum := sha1.Sum(data)
				if a["size"] != float64(len(data)) || a["hash"] != base64.StdEncoding.EncodeToString(sum[:]) || len(data) < 100 {
					t.Errorf("%s: size %v or hash %v do not fit %d bytes", h.ref(), a["size"], a["hash"], len(data))
				}
				if pdf := strings.HasPrefix(string(data), "%PDF-1.4\n"); pdf != (contentType == "application/pdf") {
					t.Errorf("%s: %s starts with %q", h.ref(), contentType, data[:8])
				}
			}
		}
		if inline == 0 || linked == 0 {
			t.Errorf("%d attachments inline, %d by URL", inline, linked)
		}
		for _, id := range []string{"", "sheet_", "sheet_bbb~bbb", "sheet_aaa~aaa", "sheet_bbb-bbb"} {
			if _, _, ok := s.Attachment(id); ok {
				t.Errorf("there is an attachment %q", id)
			}
		}
	})
}
