package capability

import (
	"context"
	"net/url"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// A value for each kind of search parameter (http://hl7.org/fhir/R4/valueset-search-param-type.html) that is well-formed
// whatever the parameter, and that need not match anything.
var sampleValue = map[string]string{"token": "bulkproof", "string": "bulkproof", "date": "ge1900-01-01", "reference": "Patient/bulkproof",
	"number": "1", "quantity": "1", "uri": "urn:bulkproof"}

// nobody is an id that no Patient has.
const nobody = "bulkproof-no-such-patient"

func searchParamsListed() checks.Check {
	return checks.Check{
		ID:    "capability.search-params-listed",
		Title: "The search parameters of _typeFilter are those listed in rest.resource.searchParam",
		Doc: "One kick-off uses a listed search parameter of Patient in _typeFilter. If it is refused although the server takes another _typeFilter " +
			"query, that is a warning, as a parameter that works over REST only is to carry the extension operation-not-supported. If Patient lists " +
			"no search parameter, an export with _typeFilter=Patient?_id=… of a made-up id shows whether filters work all the same: none of the " +
			"Patients of the plain export comes then. A server without _typeFilter is not judged.",
		Requires: []string{"CAPABILITY-012"},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			statement := t.Capability()
			level, why := t.Session().Level()
			if why != "" {
				t.Inconclusivef("%s", why)
			}
			i := slices.IndexFunc(resources(statement), func(r resourceEntry) bool { return r.typ == "Patient" })
			if i < 0 {
				t.Skipf("the CapabilityStatement does not list Patient, with which this is tried")
			}
			patient := resources(statement)[i]
			filter := func(name, value string) session.Scenario {
				return session.Scenario{Level: level}.With("_type", "Patient").With("_typeFilter", "Patient?"+name+"="+url.QueryEscape(value))
			}
			at := t.Discovery().Metadata.At().In(patient.pointer + "/searchParam")
			for _, v := range session.List(patient.tree, "searchParam") {
				p, _ := v.(map[string]any)
				name, value := session.Text(p, "name"), sampleValue[session.Text(p, "type")]
				if name == "" || value == "" || excluded(p, level) {
					continue
				}
				probe := t.Session().Probe(filter(name, value))
				switch {
				case probe.KickOff == nil:
					t.Inconclusivef("%s", probe.Reason)
				case success(probe.KickOff):
					t.Examined("_typeFilter=Patient?%s=…: HTTP %d", short(name), probe.KickOff.Status)
				case !refusedType(probe.KickOff):
					t.Inconclusivef("the kick-off with _typeFilter was answered with %s", probe.KickOff.Describe())
				case success(t.Session().Probe(filter("_id", nobody)).KickOff):
					// export.html#server-capability-documentation: "the search parameters that can be used in _typeFilter".
					t.Warns("CAPABILITY-012", at, "%s is listed as search parameter of Patient, and a kick-off that uses it in _typeFilter is answered with HTTP %d",
						short(name), probe.KickOff.Status)
				default:
					t.Note("the server takes no _typeFilter")
				}
				return
			}
			judgeUnlisted(t, filter("_id", nobody), at)
		},
	}
}

// judgeUnlisted looks whether filters work although no parameter is listed.
func judgeUnlisted(t *checks.T, sc session.Scenario, at checks.Evidence) {
	patients := func(ex *session.Export) bool {
		return slices.ContainsFunc(ex.Manifest.Output, func(it session.Item) bool { return it.Type == "Patient" && (it.Count == nil || *it.Count > 0) })
	}
	if !patients(t.Export(session.Baseline)) {
		t.Inconclusivef("no search parameter is listed for Patient, and the plain export has no Patient to filter")
	}
	ex := t.Session().Export(sc)
	switch {
	case ex.State == session.Refused:
		t.Note("the server takes no _typeFilter for Patient, and lists no search parameter for it")
	case ex.State != session.Completed || ex.Manifest.Tree == nil:
		t.Inconclusivef("an export with _typeFilter did not complete: %s", ex.Reason)
	case !patients(ex):
		t.Violates("CAPABILITY-012", at, "_typeFilter works for Patient, and its entry in rest.resource lists no search parameter")
	}
}
