package refserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func init() {
	registerFaults(slices.Concat(sinceFaults(), typeFaults(), elementsFaults(), patientFaults(), provenanceFaults(), filterFaults(), acceptingFaults())...)
}

// paramFault shortens an entry of area param.
func paramFault(name, doc string, caught, warned []string, apply func(*Behaviour)) Fault {
	return Fault{Name: name, Area: "param", Doc: doc, Caught: caught, Warned: warned, Apply: apply}
}

func ids(list ...string) []string { return list }

// request returns an Apply that edits accepted export requests.
func request(edit func(*Export)) func(*Behaviour) {
	return func(b *Behaviour) { b.KickOff = edit }
}

// keeping returns an Apply that decides about single resources.
func keeping(keep func(j JobInfo, r *dataset.Resource, include bool) bool) func(*Behaviour) {
	return func(b *Behaviour) { b.Keep = keep }
}

// half holds for about half of all resources, always the same ones.
func half(r *dataset.Resource) bool {
	n := 0
	for _, c := range r.ID {
		n += int(c)
	}
	return n%2 == 0
}

// dropping drops parameters of a name whose value holds a text.
func dropping(name, text string) func(*Behaviour) {
	return sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
		return slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool { return p.Name == name && strings.Contains(p.Value, text) })
	})
}

// never makes a request return nothing.
var never = Parameter{Name: "_since", Value: "2998-01-01T00:00:00Z"}

// emptied lets a request through that would be refused, with an empty result.
func emptied(sent []Parameter, name string) []Parameter {
	out := slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool { return p.Name == name })
	return append(out, Parameter{Name: "_type", Value: "Patient"}, never)
}

// lines returns an Apply that edits the resources of a job's output files.
func lines(when func(JobInfo) bool, edit func(j JobInfo, tree map[string]any) any) func(*Behaviour) {
	return answering(func(a *Answer) bool {
		return a.Endpoint == File && a.Streamed() && a.Job != nil && a.Job.Kind == OutputFile && when(*a.Job)
	},
		func(a *Answer) {
			j := *a.Job
			a.Line = func(_ int, line []byte) []byte {
				var tree map[string]any
				if json.Unmarshal(line, &tree) != nil {
					return line
				}
				out, err := json.Marshal(edit(j, tree))
				if err != nil {
					return line
				}
				return out
			}
		})
}

// windowed holds for exports with a _since in the middle of the data.
func windowed(ex *Export) bool {
	return ex.Since.After(time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)) && ex.Since.Before(dataset.Epoch)
}

func sinceFaults() []Fault {
	stale := func(j JobInfo, r *dataset.Resource) bool {
		return windowed(j.Export) && !r.LastUpdated.After(j.Export.Since) && j.Granted(r.Type)
	}
	list := []Fault{
		paramFault("param-since-refused", "Every kick-off with _since is refused, the one filter that a server has to have; clients cannot ask for changes.",
			ids("param.since-accepted"), nil, func(b *Behaviour) { b.Unsupported = []string{"_since"} }),
		paramFault("param-since-utc-only", "An instant with an offset is refused; clients in other time zones cannot ask for changes.",
			ids("param.since-forms"), nil, answering(func(a *Answer) bool {
				return acceptedKickOff(a) && strings.Contains(a.Request.URL.Query().Get("_since"), "+")
			}, func(a *Answer) { a.refused(http.StatusBadRequest, "value", "Instants are UTC here.") })),
		paramFault("param-since-ignored", "A _since in the past is accepted and ignored: each update is a full export.",
			ids("param.since-excludes"), nil, request(func(ex *Export) {
				if windowed(ex) {
					ex.Since = time.Time{}
				}
			})),
		paramFault("param-since-one-type-unfiltered", "_since filters every type but Observation.",
			ids("param.since-excludes"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || r.Type == "Observation" && stale(j, r) && j.Export.Types == nil && j.Export.Level == SystemLevel
			})),
		paramFault("param-since-stray", "One old Immunization comes in spite of _since.",
			nil, ids("param.since-excludes"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				if include || r.Type != "Immunization" || !stale(j, r) {
					return include
				}
				for first := range j.Data.Resources("Immunization") {
					if stale(j, first) {
						return first.ID == r.ID
					}
				}
				return false
			})),
		paramFault("param-since-last-file-unfiltered", "_since filters all files of Immunization but the last, which holds old resources.",
			ids("param.since-every-file"), nil, func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if !windowed(j.Export) {
						return nil
					}
					x := ExtraFile{Kind: OutputFile, Type: "Immunization"}
					for r := range j.Data.Resources("Immunization") {
						if stale(j, r) && len(x.Lines) < 4 {
							x.Lines = append(x.Lines, string(r.JSON))
						}
					}
					return []ExtraFile{x}
				}
			}),
		paramFault("param-since-inclusive", "A resource last updated exactly at _since comes again.",
			nil, ids("param.since-boundary"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || windowed(j.Export) && r.LastUpdated.Equal(j.Export.Since) && j.Granted(r.Type)
			})),
		paramFault("param-since-drops", "_since loses about half of the changed Observations, as one that goes by the time of creation does.",
			ids("param.since-includes"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(windowed(j.Export) && r.Type == "Observation" && half(r))
			})),
		paramFault("param-since-own-time-ignored", "The server's own transactionTime as _since is taken for no instant and ignored.",
			ids("param.since-incremental"), nil, request(func(ex *Export) {
				if ex.Since.After(dataset.Epoch) && ex.Since.Year() < 2500 {
					ex.Since = time.Time{}
				}
			})),
		paramFault("param-since-own-time-refused", "The server's own transactionTime is refused as _since.",
			ids("param.since-incremental"), nil, answering(func(a *Answer) bool {
				at, err := time.Parse(time.RFC3339Nano, a.Request.URL.Query().Get("_since"))
				return acceptedKickOff(a) && err == nil && at.After(dataset.Epoch) && at.Year() < 2500
			}, func(a *Answer) { a.refused(http.StatusBadRequest, "value", "This instant is not understood.") })),
		paramFault("param-until-ignored", "_until is accepted and ignored.",
			nil, ids("param.until-honoured"), request(func(ex *Export) { ex.Until = time.Time{} })),
		paramFault("param-until-one-type-unfiltered", "_until filters every type but Immunization.",
			ids("param.until-excludes"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || r.Type == "Immunization" && !j.Export.Until.IsZero() && r.LastUpdated.After(j.Export.Until)
			})),
		paramFault("param-until-half-a-type-unfiltered", "_until filters about half of the Immunizations.",
			nil, ids("param.until-excludes"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || r.Type == "Immunization" && half(r) && !j.Export.Until.IsZero() && r.LastUpdated.After(j.Export.Until)
			})),
		paramFault("param-until-inclusive", "A resource last updated exactly at _until comes.",
			nil, ids("param.until-boundary"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || r.LastUpdated.Equal(j.Export.Until)
			})),
		paramFault("param-until-drops", "With _until about half of the matching Observations are missing.",
			ids("param.since-includes"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(!j.Export.Until.IsZero() && r.Type == "Observation" && half(r))
			})),
		paramFault("param-until-malformed-ignored", "A _until that is no instant is ignored without a word.",
			nil, ids("param.until-malformed"), dropping("_until", "not-a-date")),
	}
	for i := range list {
		if strings.HasPrefix(list[i].Name, "param-until") {
			list[i].Versions = []string{IG300}
		}
	}
	return list
}

// pair holds for the shared export of Patient and Condition.
func pair(ex *Export) bool {
	return ex.Level == SystemLevel && len(ex.Types) == 2 && slices.Contains(ex.Types, "Patient") && slices.Contains(ex.Types, "Condition") && ex.Since.IsZero() && len(ex.Filters) == 0
}

func typeFaults() []Fault {
	return []Fault{
		paramFault("param-type-ignored", "_type is accepted and ignored: data leave the house that nobody asked for.",
			ids("param.type-only"), nil, request(func(ex *Export) {
				if pair(ex) {
					ex.Types = nil
				}
			})),
		paramFault("param-type-extra", "Immunizations come with _type=Patient,Condition, and nothing refers to them.",
			ids("param.type-only"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || pair(j.Export) && r.Type == "Immunization"
			})),
		paramFault("param-output-format-json", "Files of exports with _type are sent as application/fhir+json.",
			ids("param.output-format-default"), nil, answering(func(a *Answer) bool {
				return a.Endpoint == File && a.Status == http.StatusOK && pair(a.Job.Export) && !a.Job.Export.Partial
			}, func(a *Answer) { a.Header.Set("Content-Type", fhirJSON) })),
		func() Fault {
			f := paramFault("param-mixed-file", "With _type a file of Conditions holds a Patient, too.",
				ids("param.organize-omitted"), nil, func(b *Behaviour) {
					b.Extra = func(j JobInfo) []ExtraFile {
						if !pair(j.Export) || j.Export.Partial {
							return nil
						}
						x := ExtraFile{Kind: OutputFile, Type: "Condition"}
						for _, typ := range []string{"Condition", "Patient"} {
							for r := range j.Data.Resources(typ) {
								x.Lines = append(x.Lines, string(r.JSON))
								break
							}
						}
						return []ExtraFile{x}
					}
				})
			f.Versions = []string{IG300}
			return f
		}(),
		paramFault("param-type-list-first", "Only the first type of a list is exported.",
			ids("param.type-list"), nil, request(func(ex *Export) {
				if pair(ex) {
					ex.Types = ex.Types[:1]
				}
			})),
		paramFault("param-type-incomplete", "With _type about half of the Conditions are missing.",
			ids("param.type-complete"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(pair(j.Export) && r.Type == "Condition" && half(r))
			})),
		paramFault("param-type-mixed-repeat", "Where _type is repeated and one of its values is a list, only the first occurrence counts.",
			ids("param.type-repeated"), nil, sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				n, comma := 0, false
				for _, p := range sent {
					if p.Name == "_type" {
						n, comma = n+1, comma || strings.Contains(p.Value, ",")
					}
				}
				if n > 1 && comma {
					return only(sent, "_type", false)
				}
				return sent
			})),
		paramFault("param-type-on-request", "About half of the Conditions come with _type only, and not in the export without it.",
			nil, ids("param.type-omitted"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(j.Export.Types == nil && r.Type == "Condition" && half(r))
			})),
		paramFault("param-type-whole-on-request", "Conditions come with _type only, and none of them without it.",
			ids("data.default-types"), ids("param.type-omitted"), keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(j.Export.Types == nil && r.Type == "Condition")
			})),
	}
}

func elementsFaults() []Fault {
	reduced := func(typ string) func(JobInfo) bool {
		return func(j JobInfo) bool {
			return len(j.Export.Elements) > 0 && (typ == "" || (j.FileType == typ) == (typ[0] != '!')) && j.FileType != ""
		}
	}
	untag := func(_ JobInfo, tree map[string]any) any {
		if meta, ok := tree["meta"].(map[string]any); ok {
			delete(meta, "tag")
		}
		return tree
	}
	return []Fault{
		paramFault("param-elements-ignored", "_elements is accepted and ignored.",
			nil, ids("param.elements-honoured"), request(func(ex *Export) { ex.Elements = nil })),
		paramFault("param-elements-one-type", "_elements cuts Patient resources only.",
			nil, ids("param.elements-every-type"), lines(func(j JobInfo) bool { return reduced("")(j) && j.FileType != "Patient" },
				func(j JobInfo, tree map[string]any) any {
					typ, _ := tree["resourceType"].(string)
					id, _ := tree["id"].(string)
					if full, ok := j.Data.Get(typ, id); ok {
						return json.RawMessage(full.JSON)
					}
					return tree
				})),
		paramFault("param-elements-typed-lost", "Elements that are listed with their type are lost.",
			nil, ids("param.elements-listed-kept"), request(func(ex *Export) {
				ex.Elements = slices.DeleteFunc(ex.Elements, func(e Element) bool { return e.Type != "" })
			})),
		paramFault("param-elements-untyped-first-type", "An element without a type is kept for Patient only.",
			nil, ids("param.elements-all-types"), request(func(ex *Export) {
				for i := range ex.Elements {
					if ex.Elements[i].Type == "" {
						ex.Elements[i].Type = "Patient"
					}
				}
			})),
		paramFault("param-elements-mandatory-lost", "With _elements Observations lose their mandatory status.",
			nil, ids("param.elements-mandatory"), lines(reduced("Observation"), func(_ JobInfo, tree map[string]any) any {
				delete(tree, "status")
				return tree
			})),
		paramFault("param-elements-untagged", "Reduced resources lack the tag SUBSETTED; a client that stores them overwrites complete ones.",
			nil, ids("param.elements-subsetted"), lines(reduced(""), untag)),
		paramFault("param-elements-nested-damage", "A nested path in _elements takes elements away without a sign.",
			nil, ids("param.elements-nested"), func(b *Behaviour) {
				sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
					sent = slices.Clone(sent)
					for i := range sent {
						if sent[i].Name == "_elements" && sent[i].Value == "Patient.name.family" {
							sent[i].Value = "Patient.maritalStatus"
						}
					}
					return sent
				})(b)
				lines(func(j JobInfo) bool {
					return slices.Contains(j.Export.Elements, Element{"Patient", "maritalStatus"})
				}, untag)(b)
			}),
	}
}

// acceptingFaults let a request through that should be refused.
func acceptingFaults() []Fault {
	unknownPatient := func(level Level) func(*Behaviour) {
		return sending(func(_ *http.Request, at Level, sent []Parameter) []Parameter {
			if at == level && slices.ContainsFunc(sent, func(p Parameter) bool { return p.Name == "patient" && strings.Contains(p.Value, "no-such-patient") }) {
				return emptied(sent, "patient")
			}
			return sent
		})
	}
	list := []Fault{
		paramFault("param-typefilter-unknown-parameter-dropped", "An unknown search parameter in _typeFilter is dropped: everything comes where a part was asked for.",
			nil, ids("param.typefilter-unknown-parameter"), dropping("_typeFilter", "bulkproof-no-such-parameter")),
		paramFault("param-typefilter-include-accepted", "_include in _typeFilter is accepted.",
			nil, ids("param.typefilter-result-parameter"), dropping("_typeFilter", "_include")),
		paramFault("param-typefilter-without-type-accepted", "A _typeFilter over all types is accepted.",
			nil, ids("param.typefilter-without-type"), sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				return slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool { return p.Name == "_typeFilter" && strings.HasPrefix(p.Value, "?") })
			})),
		paramFault("param-typefilter-compartment-accepted", "A _typeFilter in a compartment is accepted.",
			nil, ids("param.typefilter-compartment"), sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				return slices.DeleteFunc(slices.Clone(sent), func(p Parameter) bool {
					return p.Name == "_typeFilter" && strings.HasPrefix(p.Value, "Patient/")
				})
			})),
		paramFault("param-associated-unknown-accepted", "An unknown value of includeAssociatedData is ignored without a word.",
			nil, ids("param.associated-unknown-value"), dropping("includeAssociatedData", "_bulkproof")),
		paramFault("param-organize-unknown-accepted", "organizeOutputBy with a type that does not exist is ignored without a word.",
			nil, ids("param.organize-unknown-type"), dropping("organizeOutputBy", "NoSuchType")),
		paramFault("param-patient-unknown-accepted", "A patient that does not exist is accepted, and nothing comes.",
			nil, ids("param.patient-unknown"), unknownPatient(PatientLevel)),
		paramFault("param-patient-unknown-in-group-accepted", "A patient that does not exist is accepted in a Group export, and nothing comes.",
			nil, ids("param.patient-unknown-in-group"), unknownPatient(GroupLevel)),
		paramFault("param-type-unsupported-accepted", "A type that the server does not export is accepted, and nothing comes.",
			nil, ids("param.type-unsupported"), sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				if slices.ContainsFunc(sent, func(p Parameter) bool { return p.Name == "_type" && p.Value == "SubstanceSpecification" }) {
					return emptied(sent, "_type")
				}
				return sent
			})),
		paramFault("param-type-unknown-dropped", "An unknown type in a list of _type is dropped without a word.",
			nil, ids("param.type-mixed-list"), sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				sent = slices.Clone(sent)
				for i := range sent {
					if sent[i].Name == "_type" {
						sent[i].Value = strings.TrimSuffix(sent[i].Value, ",BulkproofNoSuchType")
					}
				}
				return sent
			})),
		paramFault("param-type-outside-empty", "At the Patient level a type outside the compartment is accepted, and nothing comes.",
			nil, ids("param.type-outside-compartment"), sending(func(_ *http.Request, level Level, sent []Parameter) []Parameter {
				if level == PatientLevel && slices.ContainsFunc(sent, func(p Parameter) bool { return p.Name == "_type" && p.Value == "Location" }) {
					return emptied(sent, "_type")
				}
				return sent
			})),
	}
	for i := range list {
		switch list[i].Name {
		case "param-typefilter-without-type-accepted", "param-typefilter-compartment-accepted", "param-organize-unknown-accepted":
			list[i].Versions = []string{IG300}
		}
	}
	return list
}
