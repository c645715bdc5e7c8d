package refserver

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func patientFaults() []Fault {
	of := func(ex *Export, l Level) bool { return ex.Level == l && ex.Patients != nil }
	foreign := func(j JobInfo, r *dataset.Resource) bool {
		return len(r.Patients) > 0 && !slices.ContainsFunc(r.Patients, func(id string) bool { return slices.Contains(j.Export.Patients, id) })
	}
	var mu sync.Mutex
	asked := ""
	return []Fault{
		paramFault("param-patient-ignored", "patient is accepted and ignored: the records of everybody are exported.",
			ids("param.patient-only-listed"), nil, request(func(ex *Export) { ex.Patients = nil })),
		paramFault("param-patient-resources-only", "patient filters Patient resources and nothing else.",
			ids("param.patient-compartments"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || of(j.Export, PatientLevel) && r.Type != "Patient" && foreign(j, r)
			})),
		paramFault("param-patient-one-foreign", "In the last file one resource of another patient comes along.",
			ids("param.patient-compartments"), nil, func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if !of(j.Export, PatientLevel) {
						return nil
					}
					for r := range j.Data.Resources("ExplanationOfBenefit") {
						if foreign(j, r) {
							return []ExtraFile{{Kind: OutputFile, Type: r.Type, Lines: []string{string(r.JSON)}}}
						}
					}
					return nil
				}
			}),
		paramFault("param-patient-one-other", "One further Patient resource comes along, to which nothing refers.",
			ids("param.patient-only-listed"), nil, func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if !of(j.Export, PatientLevel) {
						return nil
					}
					set := j.Data
					referred := map[string]bool{}
					for _, typ := range set.Types() {
						for _, id := range j.Export.Patients {
							for r := range set.ResourcesOf(typ, id) {
								for _, ref := range r.Refs {
									referred[ref] = true
								}
							}
						}
					}
					for r := range set.Resources("Patient") {
						if foreign(j, r) && !referred["Patient/"+r.ID] {
							return []ExtraFile{{Kind: OutputFile, Type: r.Type, Lines: []string{string(r.JSON)}}}
						}
					}
					return nil
				}
			}),
		paramFault("param-patient-ignored-in-group", "patient has no effect in Group exports.",
			ids("param.patient-group"), nil, request(func(ex *Export) {
				if ex.Level == GroupLevel {
					ex.Patients = nil
				}
			})),
		paramFault("param-patient-non-member-accepted", "A patient outside the Group is accepted in its export, which is then empty.",
			nil, ids("param.patient-non-member"), sending(func(r *http.Request, level Level, sent []Parameter) []Parameter {
				if nonMember(r, level, sent) != "" {
					return emptied(sent, "patient")
				}
				return sent
			})),
		paramFault("param-patient-non-member-exported", "A patient outside the Group is exported with it: the Group no longer limits what may be seen.",
			ids("param.patient-non-member"), nil, func(b *Behaviour) {
				sending(func(r *http.Request, level Level, sent []Parameter) []Parameter {
					if id := nonMember(r, level, sent); id != "" {
						mu.Lock()
						defer mu.Unlock()
						asked = id
						return emptied(sent, "patient")
					}
					return sent
				})(b)
				keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
					mu.Lock()
					defer mu.Unlock()
					return include || j.Export.Level == GroupLevel && j.Export.Since.Year() == 2998 && slices.Contains(r.Patients, asked)
				})(b)
			}),
		paramFault("param-patient-system-ignored", "patient is ignored at the system level: everybody is exported.",
			nil, ids("param.patient-system"), sending(func(_ *http.Request, level Level, sent []Parameter) []Parameter {
				return slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool { return level == SystemLevel && p.Name == "patient" })
			})),
		paramFault("param-patient-get-ignored", "patient in a GET is ignored: everybody is exported.",
			nil, ids("param.patient-get"), sending(func(r *http.Request, _ Level, sent []Parameter) []Parameter {
				return slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool { return r.Method == http.MethodGet && p.Name == "patient" })
			})),
	}
}

// nonMember returns the patient of a Group export who exists and is no member, "" if there is none.
func nonMember(r *http.Request, level Level, sent []Parameter) string {
	_, group, _ := levelOf(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, mount), "/$export"))
	set, _ := r.Context().Value(dataKey{}).(*dataset.Set)
	if level != GroupLevel || set == nil {
		return ""
	}
	for _, p := range sent {
		id := strings.TrimPrefix(p.Value, "Patient/")
		if p.Name == "patient" && set.Has("Patient", id) && !set.IsMember(group, id) {
			return id
		}
	}
	return ""
}

func provenanceFaults() []Fault {
	bare := func(ex *Export, l Level) bool { return ex.Level == l && ex.Types == nil && ex.Associated == "" }
	without := func(l Level, some bool) func(*Behaviour) {
		return keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
			return include && !(r.Type == "Provenance" && bare(j.Export, l) && (!some || half(r)))
		})
	}
	sent := func(ex *Export) string {
		var values []string
		for _, p := range ex.Sent {
			if p.Name == "includeAssociatedData" {
				values = append(values, p.Value)
			}
		}
		return strings.Join(values, ",")
	}
	associated := func(when, to string) func(*Behaviour) {
		return request(func(ex *Export) {
			if sent(ex) == when {
				ex.Associated = to
			}
		})
	}
	return []Fault{
		paramFault("param-provenance-patient-missing", "A Patient-level export holds no Provenance unless it is asked for.",
			ids("param.provenance-patient"), nil, without(PatientLevel, false)),
		paramFault("param-provenance-patient-gaps", "A Patient-level export holds about half of the Provenance only.",
			nil, ids("param.provenance-patient"), without(PatientLevel, true)),
		paramFault("param-provenance-system-missing", "A system-level export holds no Provenance unless it is asked for.",
			ids("param.provenance-system"), nil, without(SystemLevel, false)),
		paramFault("param-provenance-system-gaps", "A system-level export holds about half of the Provenance only.",
			nil, ids("param.provenance-system"), without(SystemLevel, true)),
		paramFault("param-associated-latest-all", "LatestProvenanceResources returns older Provenance as well.",
			ids("param.associated-latest-only"), nil, associated(LatestProvenance, RelevantProvenance)),
		paramFault("param-associated-latest-gaps", "LatestProvenanceResources returns the Provenance of about half of the resources only.",
			ids("param.associated-latest-complete"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(r.Type == "Provenance" && j.Export.Associated == LatestProvenance && half(r))
			})),
		paramFault("param-associated-latest-ignored", "LatestProvenanceResources is accepted and ignored.",
			nil, ids("param.associated-latest-complete"), associated(LatestProvenance, "")),
		paramFault("param-associated-relevant-latest", "RelevantProvenanceResources returns the most recent Provenance only.",
			ids("param.associated-relevant"), nil, associated(RelevantProvenance, LatestProvenance)),
		paramFault("param-associated-relevant-ignored", "RelevantProvenanceResources is accepted and ignored.",
			nil, ids("param.associated-relevant"), associated(RelevantProvenance, "")),
		paramFault("param-associated-conflict-narrow", "Of both includeAssociatedData values the narrower one wins.",
			ids("param.associated-conflict"), nil, associated(LatestProvenance+","+RelevantProvenance, LatestProvenance)),
		paramFault("param-associated-string-only", "includeAssociatedData is refused as a code and accepted as a string.",
			nil, ids("param.associated-code"), sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				sent = slices.Clone(sent)
				for i := range sent {
					if sent[i].Name == "includeAssociatedData" && sent[i].Type == "Code" {
						sent[i].Type = "Coding"
					}
				}
				return sent
			})),
	}
}
