package params

import (
	"bytes"
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/fixtures/compartment"
)

// Ids and names that cannot exist.
const (
	nobody  = "bulkproof-no-such-patient"
	noType  = "BulkproofNoSuchType"
	noParam = "bulkproof-no-such-parameter"
	noValue = "_bulkproofNoSuchValue"
)

// asString turns the code of a Parameters resource into a string.
func asString(body []byte) []byte {
	return bytes.Replace(body, []byte(`"valueCode"`), []byte(`"valueString"`), -1)
}

// expectRefusal judges a kick-off that should be refused. It is sent once; a job that it starts is deleted at once.
func expectRefusal(t *checks.T, sc session.Scenario, requirement, what string) {
	if sc.Post {
		needPost(t)
	}
	p := t.Session().Probe(sc)
	switch {
	case p.KickOff == nil:
		t.Inconclusivef("%s", p.Reason)
	case p.Accepted():
		t.Warns(requirement, p.KickOff.At(), "%s is accepted", what)
	case p.KickOff.Status >= 400 && !transient(p.KickOff.Status):
		t.Examined("refused with HTTP %d", p.KickOff.Status)
	default:
		t.Inconclusivef("%s is neither accepted nor refused: %s", what, p.KickOff.Describe())
	}
}

// transient reports whether a status says nothing about the request.
func transient(status int) bool {
	return status == 401 || status == 413 || status == 429 || status >= 502 && status <= 504
}

const badDoc = " Any error status is a refusal; 401, 413, 429 and 502 to 504 say nothing about the request and are inconclusive. Under handling=lenient, " +
	"which is not sent, the request may be processed all the same."

// A server that does as it should starts no job, but it is asked. What is judged are warnings: these go first where
// kick-offs are short.
var badCost = checks.Cost{KickOffs: 1}

const badSpare = 3

// posting are the exports that show whether a POST has an effect.
func posting() []session.Scenario { return []session.Scenario{session.Baseline, session.Posted} }

func refusal(c checks.Check, requirement, what string, sc func(t *checks.T) session.Scenario) checks.Check {
	c.Doc += badDoc
	c.Cost, c.Exports, c.Learns, c.Spare = badCost, append(plainExport(), c.Exports...), true, badSpare
	c.Requires = []string{requirement}
	c.Run = func(_ context.Context, t *checks.T) { expectRefusal(t, sc(t), requirement, what) }
	return c
}

func fixed(sc session.Scenario) func(*checks.T) session.Scenario {
	return func(*checks.T) session.Scenario { return sc }
}

// withFilter is a kick-off for Patient with one _typeFilter query.
func withFilter(query string) session.Scenario {
	return session.Scenario{}.With("_type", "Patient").With("_typeFilter", query)
}

func refusals() []checks.Check {
	return []checks.Check{
		refusal(checks.Check{
			ID: "param.typefilter-unknown-parameter", Title: "A _typeFilter with an unknown search parameter is refused",
			// export.html#query-parameters, _typeFilter: "A server unable to support the requested _typeFilter queries SHOULD return an error".
			Doc: "A search parameter that cannot exist. A server that drops it exports everything where the client wanted a part.",
		}, "PARAM-075", "a _typeFilter with a search parameter that does not exist", fixed(withFilter("Patient?"+noParam+"=1"))),
		refusal(checks.Check{
			ID: "param.typefilter-result-parameter", Title: "A _typeFilter with a search result parameter is refused",
			// export.html#_typefilter-query-parameter: "FHIR search result parameters (such as _sort, _include, and _elements) SHALL NOT be used".
			Doc: "_include is none of a filter's business. The rule binds the client, and how a server reacts is not spelt out: a warning at most.",
		}, "PARAM-073", "a _typeFilter with _include", fixed(withFilter("Patient?_include=Patient:organization"))),
		refusal(checks.Check{
			ID: "param.typefilter-without-type", Title: "A _typeFilter without a resource type is refused",
			// export.html#_typefilter-query-parameter (3.0.0): "a query in the _typeFilter parameter SHALL have the search context of a single
			// FHIR Resource Type".
			Doc: "A query over all types, which is not allowed. The rule binds the client, and how a server reacts is not spelt out: a warning at most.",
		}, "PARAM-074", "a _typeFilter without a resource type", fixed(withFilter("?_lastUpdated=gt2000-01-01"))),
		refusal(checks.Check{
			ID: "param.typefilter-compartment", Title: "A _typeFilter in a compartment is refused",
			// export.html#_typefilter-query-parameter (3.0.0): "The contexts "all resource types" and "a specified compartment" are not allowed."
			Doc: "A query in the compartment of a patient that does not exist. A warning at most, as for a query without a type.",
		}, "PARAM-074", "a _typeFilter in the compartment of a patient", fixed(withFilter("Patient/"+nobody+"/Condition?clinical-status=active"))),
		refusal(checks.Check{
			ID: "param.associated-unknown-value", Title: "An unknown value of includeAssociatedData is refused",
			// export.html#query-parameters, includeAssociatedData: "A server that is unable to support the requested includeAssociatedData values
			// SHOULD return an error".
			Doc: "A custom value that no server has: it begins with an underscore, as those do.",
		}, "PARAM-057", "a kick-off with includeAssociatedData="+noValue, fixed(session.Scenario{}.With("_type", "Patient").With("includeAssociatedData", noValue))),
		refusal(checks.Check{
			ID: "param.organize-unknown-type", Title: "organizeOutputBy with a type that does not exist is refused",
			// export.html#query-parameters, organizeOutputBy: "A server unable to structure output by the requested organizeOutputBy resource
			// SHOULD return an error".
			Doc: "No server can organise its output by a type that neither FHIR nor the server knows; ignoring the parameter is a warning.",
		}, "PARAM-084", "a kick-off with organizeOutputBy="+noType, fixed(session.Scenario{}.With("_type", "Patient").With("organizeOutputBy", noType))),
		refusal(checks.Check{
			ID: "param.patient-unknown", Title: "A patient that does not exist is refused",
			Needs: []checks.Need{checks.NeedPatient}, Exports: []session.Scenario{session.Posted},
			// export.html#query-parameters, patient: "If a client requests patients who are not present on the server … the server SHOULD return
			// details via a FHIR OperationOutcome resource in an error response to the request."
			Doc: "A POST to Patient/$export with a patient whose id cannot exist. A server without the parameter refuses it as well.",
		}, "PARAM-048", "a kick-off for a patient that does not exist", fixed(session.Scenario{Level: session.Patient, Post: true}.With("patient", "Patient/"+nobody))),
		refusal(checks.Check{
			ID: "param.patient-unknown-in-group", Title: "A patient that does not exist is refused in a Group export",
			Needs: []checks.Need{checks.NeedGroup}, Exports: []session.Scenario{session.Posted},
			Doc: "A POST to Group/[id]/$export with a patient whose id cannot exist, and who therefore is no member either.",
		}, "PARAM-048", "a Group export for a patient that does not exist", fixed(session.Scenario{Level: session.Group, Post: true}.With("patient", "Patient/"+nobody))),
		typeUnsupported(),
		typeMixed(),
		typeOutside(),
		elementsNested(),
		patientNonMember(),
		patientSystem(),
		patientGet(),
	}
}

// follow runs an export that should have been refused, once for all who ask. It returns nil if it was refused.
func follow(t *checks.T, sc session.Scenario, what string) *session.Export {
	if sc.Post {
		needPost(t)
	}
	ex := t.Session().Export(sc)
	switch {
	case ex.State == session.Refused && ex.KickOff.Status >= 400 && !transient(ex.KickOff.Status):
		t.Examined("refused with HTTP %d", ex.KickOff.Status)
		return nil
	case ex.State == session.Failed:
		t.Note("%s is accepted, and the job then fails: %s", what, ex.Reason)
		return nil
	case ex.State != session.Completed || ex.Manifest.Tree == nil:
		t.Inconclusivef("%s: %s", what, ex.Reason)
	}
	return ex
}

func typeUnsupported() checks.Check {
	return checks.Check{
		ID:    "param.type-unsupported",
		Title: "A _type that the server does not export is refused",
		// export.html#query-parameters, _type: "If the client explicitly asks for export of resources that the Bulk Data server doesn't support …
		// the server SHOULD return details via a FHIR OperationOutcome resource in an error response to the request."
		Doc: "Asked for is a resource type of FHIR that the tester knows not to be exported or, without that knowledge, one that is neither in the " +
			"CapabilityStatement nor in the plain export." + badDoc,
		Requires: []string{"PARAM-030", "AUTHZ-002"}, Exports: plainExport(), Cost: badCost, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) {
			typ := t.Session().Config().Known.UnsupportedType
			if typ == "" {
				have := Plain(t).Types()
				for _, r := range session.List(t.Capability(), "rest") {
					for _, res := range session.List(r, "resource") {
						have = append(have, session.Text(res, "type"))
					}
				}
				// Types that few servers have, and none needs to be told apart by.
				for _, candidate := range []string{"SubstanceSpecification", "ChargeItemDefinition", "EffectEvidenceSynthesis", "TerminologyCapabilities", "BiologicallyDerivedProduct"} {
					if typ == "" && !slices.Contains(have, candidate) {
						typ = candidate
					}
				}
			}
			if typ == "" {
				t.Skipf("no resource type is known that the server does not export; name one with --known-unsupported-type")
			}
			expectRefusal(t, session.Scenario{}.With("_type", typ), "PARAM-030", "a kick-off with _type="+typ+", which the server does not export,")
		},
	}
}

func typeMixed() checks.Check {
	return checks.Check{
		ID:    "param.type-mixed-list",
		Title: "An unknown type in a list of _type is refused or reported",
		Doc: "_type=Patient," + noType + ": refused as a whole, or exported without the unknown type and with an error file that says so. Dropping it without a " +
			"word is a warning." + badDoc,
		Requires: []string{"PARAM-030"}, Exports: plainExport(), Cost: checks.Cost{KickOffs: 2}, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) {
			base := Plain(t)
			if p := t.Session().Probe(session.Scenario{}.With("_type", noType)); p.KickOff != nil && p.Accepted() {
				t.Inconclusivef("an unknown type alone is accepted as well (see kickoff.unknown-type-refused)")
			}
			const what = "a kick-off with a list of a known and an unknown type"
			if ex := follow(t, session.Scenario{Level: base.Export.Scenario.Level}.With("_type", "Patient,"+noType), what); ex != nil {
				if len(ex.Manifest.Error) > 0 {
					t.Note("the unknown type is left out, and an error file reports something")
					return
				}
				t.Warns("PARAM-030", ex.KickOff.At(), "%s is accepted, and nothing says that the unknown type was left out", what)
			}
		},
	}
}

func typeOutside() checks.Check {
	return checks.Check{
		ID:    "param.type-outside-compartment",
		Title: "At the Patient level a _type of nothing but types outside the compartment is refused",
		// export.html#query-parameters, _type: "or asks for only resource types that are outside the Patient Compartment, the server SHOULD return
		// details via a FHIR OperationOutcome resource in an error response".
		Doc: "A type that the plain export has and the R4 Patient compartment lacks, such as Organization. A server that exports it as supporting data passes " +
			"with a note, an empty manifest is the warning." + badDoc,
		Requires: []string{"PARAM-031"}, Needs: []checks.Need{checks.NeedPatient}, Exports: plainExport(), Cost: badCost, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) {
			base := Plain(t)
			outside := slices.DeleteFunc(append([]string{"Location", "Practitioner", "Organization"}, base.Types()...), compartment.Has)
			typ := "Organization"
			if i := slices.IndexFunc(outside, func(s string) bool { return base.Count(s) > 0 }); i >= 0 {
				typ = outside[i]
			}
			what := "a Patient-level kick-off with _type=" + typ
			if ex := follow(t, session.Scenario{Level: session.Patient}.With("_type", typ), what); ex != nil {
				if len(ex.Manifest.Output) > 0 {
					t.Note("%s is accepted and returns files: the server exports the type as supporting data", what)
					return
				}
				t.Warns("PARAM-031", ex.KickOff.At(), "%s is accepted and returns nothing", what)
			}
		},
	}
}

func elementsNested() checks.Check {
	return checks.Check{
		ID:    "param.elements-nested",
		Title: "A nested path in _elements damages no resource",
		// export.html#query-parameters, _elements: "only root elements in a resource are permitted".
		Doc: "_elements=Patient.name.family: refusing it and ignoring it are both legal. Resources that lost elements without the tag SUBSETTED are damaged, " +
			"and nobody could tell: a warning, as the rule itself binds the client." + badDoc,
		Requires: []string{"PARAM-037"}, Exports: plainExport(), Cost: badCost, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) {
			base := whole(t)
			ex := follow(t, session.Scenario{Level: base.Export.Scenario.Level}.With("_type", "Patient").With("_elements", "Patient.name.family"), "a kick-off with a nested path in _elements")
			if ex == nil {
				return
			}
			d := learn.Of(t.Session(), ex)
			bare := newTally(d)
			must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
				if b.Row != nil && e.Row != nil && b.Row.Elements&^e.Row.Elements != 0 && !e.Row.Subsetted() {
					bare.add(e.Row)
				}
			}))
			t.Examined("accepted, %d resources", d.Resources)
			bare.warns(t, "PARAM-037", "lost elements with a nested path in _elements, and lacks the tag SUBSETTED")
		},
	}
}

// nonMember returns a patient of the server that is not in the exported Group: the one the tester named, or one of the
// plain export that is neither in the Group's export nor on its list. The check is skipped if nobody is known.
func nonMember(t *checks.T) string {
	if id := t.Session().Config().Known.NonMember; id != "" {
		return id
	}
	base := Plain(t)
	ex := t.Export(session.GroupLevel)
	group := learn.Of(t.Session(), ex)
	if group.Incomplete != "" {
		t.Inconclusivef("not all of the Group's export could be read: %s", group.Incomplete)
	}
	if ex.Scenario.Level == base.Export.Scenario.Level {
		t.Skipf("the plain export is of the Group itself; name a patient outside it with --known-non-member")
	}
	list := Listed(t.Session())
	ids := base.IDs("Patient")
	slices.Sort(ids)
	for _, id := range ids {
		if key := learn.Key("Patient", id); !group.HasPatient(key) && !list.has(key) {
			return id
		}
	}
	t.Skipf("every patient looked at is in the Group; name one outside it with --known-non-member")
	return ""
}

func patientNonMember() checks.Check {
	return checks.Check{
		ID:    "param.patient-non-member",
		Title: "A patient outside the Group is refused in its export",
		// export.html#query-parameters, patient: "or in the case of a group level export, who are not members of the group".
		Doc: "A POST to Group/[id]/$export with a patient who is no member. Acceptance without the patient's data is a warning; with them it is a failure: the " +
			"Group no longer limits what may be seen." + badDoc,
		Requires: []string{"PARAM-049", "DATA-002"}, Needs: []checks.Need{checks.NeedGroup}, Exports: append(posting(), session.GroupLevel), Cost: badCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			id := nonMember(t)
			const what = "a Group export for a patient who is no member"
			ex := follow(t, session.Scenario{Level: session.Group, Post: true}.With("patient", "Patient/"+id), what)
			if ex == nil {
				return
			}
			d := learn.Of(t.Session(), ex)
			key, theirs := learn.Key("Patient", id), newTally(d)
			must(t, d.Each(learn.Patients, func(e *learn.Entry) {
				if len(e.Patients) == 1 && e.Patients[0] == key {
					theirs.add(e.Row)
				}
			}))
			t.Examined("accepted, %d resources", d.Resources)
			if theirs.total() > 0 {
				theirs.violates(t, "DATA-002", "of a patient who is no member came in the Group's export")
				return
			}
			t.Warns("PARAM-049", ex.KickOff.At(), "%s is accepted", what)
		},
	}
}

func patientSystem() checks.Check {
	return checks.Check{
		ID:    "param.patient-system",
		Title: "patient is not accepted and ignored at the system level",
		// export.html#query-parameters, patient: "Not applicable to system level export requests."
		Doc: "A POST to $export with a patient. Refusing it, filtering by it, and reporting in an error file that it was ignored are all right; silently " +
			"exporting everybody is a warning." + badDoc,
		Requires: []string{"PARAM-046"}, Needs: []checks.Need{checks.NeedSystem}, Exports: posting(), Cost: badCost, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) { othersCome(t, session.System, true, "PARAM-046") },
	}
}

func patientGet() checks.Check {
	return checks.Check{
		ID:    "param.patient-get",
		Title: "patient in a GET does not export everybody",
		// export.html#query-parameters, patient: "(POST requests only)".
		Doc: "A GET of Patient/$export with patient in the query. The parameter is for POST only, and what a server does with it here is open: refusing it and " +
			"filtering by it are all right, data of patients that were not listed is a warning." + badDoc,
		Requires: []string{"PARAM-045"}, Needs: []checks.Need{checks.NeedPatient}, Exports: plainExport(), Cost: badCost, Learns: true, Spare: badSpare,
		Run: func(_ context.Context, t *checks.T) { othersCome(t, session.Patient, false, "PARAM-045") },
	}
}

// othersCome sends a kick-off with patient where it does not belong, and looks at whose Patient resources come.
func othersCome(t *checks.T, l session.Level, post bool, requirement string) {
	base := Plain(t)
	ids := base.IDs("Patient")
	slices.Sort(ids)
	if len(ids) < 2 {
		t.Inconclusivef("the plain export has fewer than two Patient resources, so there is nobody to leave out")
	}
	what := "a kick-off with patient at the " + string(l) + " level"
	ex := follow(t, session.Scenario{Level: l, Post: post}.With("patient", "Patient/"+ids[0]).With("_type", "Patient"), what)
	if ex == nil {
		return
	}
	if len(ex.Manifest.Error) > 0 {
		t.Note("patient is ignored, and an error file reports something")
		return
	}
	d := learn.Of(t.Session(), ex)
	t.Examined("accepted, %d patients", d.Patients())
	if d.Patients() > 1 {
		t.Warns(requirement, ex.KickOff.At(), "%s is accepted, and %d Patient resources come that were not listed", what, d.Patients()-1)
	}
}
