package refserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func init() { registerFaults(append(scopeOfDataFaults(), versionFaults()...)...) }

func dataFault(name, doc string, caught, warned []string, apply func(*Behaviour)) Fault {
	return Fault{Name: name, Area: "data", Doc: doc, Caught: caught, Warned: warned, Apply: apply}
}

// unrestricted holds for an export at a level that no parameter cuts.
func unrestricted(ex *Export, l Level) bool {
	return ex.Level == l && ex.Types == nil && ex.Patients == nil && ex.Since.IsZero() && ex.OrganizeBy == ""
}

// adding returns an Apply that adds one output file with one resource to some exports.
func adding(when func(JobInfo) bool, typ string, line func(JobInfo) string) func(*Behaviour) {
	return func(b *Behaviour) {
		b.Extra = func(j JobInfo) []ExtraFile {
			if !when(j) {
				return nil
			}
			if l := line(j); l != "" {
				return []ExtraFile{{Kind: OutputFile, Type: typ, Lines: []string{l}}}
			}
			return nil
		}
	}
}

// outsider returns the first resource of a type that belongs to patients outside the Group of an export only.
func outsider(j JobInfo, typ string, fits func(*dataset.Set, *dataset.Resource) bool) string {
	set := j.Data
	for r := range set.Resources(typ) {
		if len(r.Patients) > 0 && !slices.ContainsFunc(r.Patients, func(id string) bool { return set.IsMember(j.Export.Group, id) }) && fits(set, r) {
			return string(r.JSON)
		}
	}
	return ""
}

// referred reports whether anything in the records of a Group's members refers to the resource.
func referred(set *dataset.Set, group, ref string) bool {
	for _, typ := range set.Types() {
		for member := range set.Members(group) {
			for r := range set.ResourcesOf(typ, member) {
				if slices.Contains(r.Refs, ref) {
					return true
				}
			}
		}
	}
	return false
}

func scopeOfDataFaults() []Fault {
	patients := func(j JobInfo) bool { return j.Export.Level == PatientLevel && j.Export.Patients == nil }
	group := func(j JobInfo) bool { return unrestricted(j.Export, GroupLevel) }
	dropped := func(when func(JobInfo) bool, which func(j JobInfo, r *dataset.Resource) bool) func(*Behaviour) {
		return keeping(func(j JobInfo, r *dataset.Resource, include bool) bool { return include && !(when(j) && which(j, r)) })
	}
	typed := func(typ string) func(JobInfo, *dataset.Resource) bool {
		return func(_ JobInfo, r *dataset.Resource) bool { return r.Type == typ }
	}
	halfOf := func(typ string) func(JobInfo, *dataset.Resource) bool {
		return func(_ JobInfo, r *dataset.Resource) bool { return r.Type == typ && half(r) }
	}
	// first reports whether a patient is among the first n of the dataset.
	first := func(j JobInfo, id string, n int) bool {
		for r := range j.Data.Resources("Patient") {
			if n == 0 {
				return false
			}
			if r.ID == id {
				return true
			}
			n--
		}
		return false
	}
	return []Fault{
		func() Fault {
			f := paramFault("param-organize-incomplete", "With organizeOutputBy half of the Claims are left out.",
				ids("param.organize-complete"), nil, dropped(func(j JobInfo) bool { return j.Export.OrganizeBy != "" }, halfOf("Claim")))
			f.Versions = []string{IG300}
			return f
		}(),
		dataFault("data-patients-first-page", "A Patient-level export holds the first page of patients only.",
			ids("data.patients-complete"), nil, dropped(patients, func(j JobInfo, r *dataset.Resource) bool { return r.Type == "Patient" && !first(j, r.ID, 10) })),
		dataFault("data-patients-one-missing", "A Patient-level export lacks one patient.",
			nil, ids("data.patients-complete"), dropped(patients, func(j JobInfo, r *dataset.Resource) bool { return r.Type == "Patient" && first(j, r.ID, 1) })),
		dataFault("data-record-gaps", "The export of one patient lacks about half of the Observations.",
			ids("data.record-complete"), nil, dropped(func(j JobInfo) bool { return j.Export.Level == PatientLevel && j.Export.Patients != nil }, halfOf("Observation"))),
		dataFault("data-group-without-patients", "A Group export holds everything but the Patient resources.",
			nil, ids("data.patients-returned"), dropped(group, typed("Patient"))),
		dataFault("data-group-member-missing", "A Group export leaves one member out, with all records.",
			ids("data.group-members"), nil, dropped(group, func(j JobInfo, r *dataset.Resource) bool {
				for id := range j.Data.Members(j.Export.Group) {
					return len(r.Patients) > 0 && !slices.ContainsFunc(r.Patients, func(p string) bool { return p != id })
				}
				return false
			})),
		dataFault("data-group-foreign-patient", "A Group export holds the Patient of somebody who is no member.",
			ids("data.group-non-members"), nil, adding(group, "Patient", func(j JobInfo) string {
				return outsider(j, "Patient", func(set *dataset.Set, r *dataset.Resource) bool {
					return !referred(set, j.Export.Group, "Patient/"+r.ID)
				})
			})),
		dataFault("data-group-foreign-resource", "In the last file of a Group export is one resource of somebody who is no member.",
			ids("data.group-compartments"), nil, adding(group, "ExplanationOfBenefit", func(j JobInfo) string {
				return outsider(j, "ExplanationOfBenefit", func(*dataset.Set, *dataset.Resource) bool { return true })
			})),
		dataFault("data-group-gaps", "A Group export lacks about half of its members' Observations.",
			ids("data.group-record"), nil, dropped(group, halfOf("Observation"))),
		dataFault("data-group-type-missing", "A Group export lacks all Immunizations.",
			nil, ids("data.group-types"), dropped(group, typed("Immunization"))),
		func() Fault {
			f := dataFault("data-group-forbidden-exported", "A Group that is closed to the client is exported all the same.",
				ids("data.group-forbidden"), nil, func(b *Behaviour) {
					b.Access = func(a AccessRequest, allowed bool) bool {
						return allowed || a.Endpoint == KickOff && a.Problem == ProblemGroup
					}
				})
			f.Versions = []string{IG300}
			return f
		}(),
		dataFault("data-beyond-scope", "An export without _type holds types that the token does not cover.",
			ids("data.within-scope"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include || j.Export.Types == nil && !j.Granted(r.Type)
			})),
		dataFault("data-system-compartment-only", "A system-level export holds the Patient compartment only.",
			nil, ids("data.system-beyond-patients"), dropped(func(j JobInfo) bool { return j.Export.Level == SystemLevel && j.Export.Types == nil },
				func(_ JobInfo, r *dataset.Resource) bool { return !slices.Contains(compartmentTypes, r.Type) })),
		dataFault("data-binary-bare", "A patient's document is exported as Binary, without a DocumentReference for it.",
			ids("data.binary"), nil, func(b *Behaviour) {
				adding(func(j JobInfo) bool { return unrestricted(j.Export, SystemLevel) && j.Granted("Observation") }, "Binary", binary)(b)
				offerBinary(b)
			}),
		dataFault("data-expected-missing", "A resource that the tester knows is not exported.",
			ids("data.expected"), nil, dropped(func(JobInfo) bool { return true }, func(j JobInfo, r *dataset.Resource) bool {
				return r.Type == "Goal" && r.ID == firstGoal(j.Data)
			})),
		dataFault("data-default-type-missing", "Without _type no Procedure is exported, although the documentation says so.",
			ids("data.default-types"), nil, dropped(func(j JobInfo) bool { return j.Export.Types == nil }, typed("Procedure"))),
	}
}

// FirstGoal returns the id of a Goal that a server with the configuration's dataset has, "" if it has none.
func FirstGoal(c Config) string {
	set, err := dataset.New(dataset.Config{Seed: c.Seed, Patients: c.Patients, BaseURL: "http://127.0.0.1" + mount})
	if err != nil {
		return ""
	}
	return firstGoal(set)
}

func firstGoal(set *dataset.Set) string {
	for r := range set.Resources("Goal") {
		return r.ID
	}
	return ""
}

// binary is a patient's document as a Binary.
func binary(j JobInfo) string {
	for r := range j.Data.Resources("Patient") {
		line, _ := json.Marshal(map[string]any{"resourceType": "Binary", "id": "bulkproof-binary", "contentType": "text/plain",
			"securityContext": map[string]any{"reference": "Patient/" + r.ID}, "data": "dGVzdA=="})
		return string(line)
	}
	return ""
}

// offerBinary makes Binary one of the server's types: it is listed in the CapabilityStatement, and can be asked for.
func offerBinary(b *Behaviour) {
	b.ThenCapability(func(m map[string]any) {
		rest := m["rest"].([]any)[0].(map[string]any)
		rest["resource"] = append(rest["resource"].([]any), map[string]any{"type": "Binary", "interaction": []any{map[string]any{"code": "read"}}})
	})
	b.Parameters = func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
		if slices.ContainsFunc(sent, func(p Parameter) bool { return p.Name == "_type" && p.Value == "Binary" }) {
			return emptied(sent, "_type")
		}
		return sent
	}
}

func versionFaults() []Fault {
	// dated moves meta.lastUpdated of a type.
	dated := func(when func(JobInfo) bool, typ string, move func(j JobInfo, at time.Time) time.Time) func(*Behaviour) {
		return lines(func(j JobInfo) bool { return when(j) && j.FileType == typ }, func(j JobInfo, tree map[string]any) any {
			if meta, ok := tree["meta"].(map[string]any); ok {
				if at, err := time.Parse(time.RFC3339Nano, meta["lastUpdated"].(string)); err == nil {
					meta["lastUpdated"] = move(j, at).Format("2006-01-02T15:04:05.000000000Z07:00")
				}
			}
			return tree
		})
	}
	older := func(_ JobInfo, at time.Time) time.Time { return at.Add(-10 * time.Millisecond) }
	return []Fault{
		dataFault("data-old-version", "Devices are exported in the version before the latest one.",
			ids("data.latest-version"), nil, dated(func(JobInfo) bool { return true }, "Device", older)),
		dataFault("data-old-version-in-group", "A Group export holds CarePlans in the version before the latest one.",
			ids("data.same-version"), nil, dated(func(j JobInfo) bool { return unrestricted(j.Export, GroupLevel) }, "CarePlan", older)),
		dataFault("data-two-versions-in-group", "A Group export holds one CarePlan in two versions, in two files.",
			ids("data.unique-in-group"), nil, adding(func(j JobInfo) bool { return unrestricted(j.Export, GroupLevel) }, "CarePlan", func(j JobInfo) string {
				set := j.Data
				for id := range set.Members(j.Export.Group) {
					for r := range set.ResourcesOf("CarePlan", id) {
						return strings.Replace(string(r.JSON), `"status":`, `"language":"en","status":`, 1)
					}
				}
				return ""
			})),
		dataFault("data-later-than-transaction-time", "Devices come that changed after transactionTime.",
			nil, ids("data.nothing-later"), dated(func(j JobInfo) bool { return unrestricted(j.Export, SystemLevel) }, "Device",
				func(j JobInfo, _ time.Time) time.Time { return j.TransactionTime.Add(time.Hour) })),
		dataFault("data-binary-beside", "A patient's document is exported as Binary, beside the DocumentReference that leads to it.",
			nil, ids("data.binary"), func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if !unrestricted(j.Export, SystemLevel) || !j.Granted("Observation") {
						return nil
					}
					base, _, _ := strings.Cut(j.Export.URL, mount)
					for r := range j.Data.Resources("Patient") {
						line, _ := json.Marshal(map[string]any{"resourceType": "DocumentReference", "id": "bulkproof-document", "status": "current",
							"subject": map[string]any{"reference": "Patient/" + r.ID},
							"content": []any{map[string]any{"attachment": map[string]any{"contentType": "text/plain", "url": base + mount + "/Binary/bulkproof-binary"}}}})
						return []ExtraFile{{Kind: OutputFile, Type: "Binary", Lines: []string{binary(j)}},
							{Kind: OutputFile, Type: "DocumentReference", Lines: []string{string(line)}}}
					}
					return nil
				}
				offerBinary(b)
				b.ThenAnswer(func(a *Answer) {
					if strings.HasSuffix(a.Request.URL.Path, "/Binary/bulkproof-binary") && a.Request.Header.Get("Authorization") != "" {
						a.set(http.StatusOK, "text/plain", "test")
					}
				})
			}),
	}
}
