package refserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func filterFaults() []Fault {
	none := func(typ string) func(*Behaviour) {
		return request(func(ex *Export) {
			if len(ex.Filters) > 1 {
				ex.Filters = slices.DeleteFunc(ex.Filters, func(f TypeFilter) bool { return f.Type == typ })
			}
		})
	}
	several := func(ex *Export, typ string) bool { return len(ex.filtersFor(typ)) > 1 }
	const two = "AllergyIntolerance" // the type that two filters are sent for
	thin := keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
		about := j.Export.filtersFor("Patient")
		if !include || len(about) == 0 || len(j.Export.Filters) < 2 {
			return include
		}
		set := j.Data
		lost := func(typ string, patients []string) bool {
			return typ == "Condition" && !slices.ContainsFunc(patients, func(id string) bool {
				p, ok := set.Get("Patient", id)
				return ok && about[0].Matches(p.JSON)
			})
		}
		if r.Provenance != nil { // what is gone needs no Provenance
			return slices.ContainsFunc(r.Provenance.Targets, func(t dataset.Target) bool {
				typ, _, _ := strings.Cut(t.Ref, "/")
				return (typ == "Condition" || slices.Contains(j.Export.Types, typ)) && !lost(typ, t.Patients)
			})
		}
		return !lost(r.Type, r.Patients)
	})
	list := []Fault{
		paramFault("param-typefilter-ignored", "_typeFilter is accepted and ignored, the commonest fault in the field.",
			nil, ids("param.typefilter-honoured"), request(func(ex *Export) {
				if len(ex.Filters) > 1 {
					ex.Filters = nil
				}
			})),
		paramFault("param-typefilter-one-type-ignored", "The filter on CarePlan is ignored, those on other types work.",
			ids("param.typefilter-matching"), nil, none("CarePlan")),
		paramFault("param-typefilter-date-ignored", "The filter by date is ignored, those by token work.",
			ids("param.typefilter-date"), nil, none("Claim")),
		paramFault("param-typefilter-empty-unfiltered", "A filter that nothing matches is taken for no filter.",
			ids("param.typefilter-no-match"), nil, none("DiagnosticReport")),
		paramFault("param-typefilter-drops-matching", "About half of the CarePlans that match a filter are missing.",
			ids("param.typefilter-keeps"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				return include && !(len(j.Export.filtersFor("CarePlan")) > 0 && r.Type == "CarePlan" && half(r))
			})),
		paramFault("param-typefilter-and", "Several filters on one type are combined with AND.",
			ids("param.typefilter-or"), nil, keeping(func(j JobInfo, r *dataset.Resource, include bool) bool {
				if !include || !several(j.Export, r.Type) {
					return include
				}
				return !slices.ContainsFunc(j.Export.filtersFor(r.Type), func(f TypeFilter) bool { return !f.Matches(r.JSON) })
			})),
		paramFault("param-typefilter-first-only", "Of several filters on one type the first counts only.",
			ids("param.typefilter-or"), nil, request(func(ex *Export) {
				seen := map[string]bool{}
				ex.Filters = slices.DeleteFunc(ex.Filters, func(f TypeFilter) bool {
					again := seen[f.Type]
					seen[f.Type] = true
					return again
				})
			})),
		paramFault("param-typefilter-thins-others", "A filter on Patient takes the Conditions of other patients away as well.",
			ids("param.typefilter-independent"), nil, thin),
		paramFault("param-typefilter-thins-others-2", "A filter on Patient takes the Conditions of other patients away as well; 2.0.0 shows only by an example that it must not.",
			nil, ids("param.typefilter-independent"), thin),
		paramFault("param-typefilter-comma-first", "Of queries joined by commas the first counts only.",
			ids("param.typefilter-comma"), nil, request(func(ex *Export) {
				n := 0
				for _, p := range ex.Sent {
					if p.Name == "_typeFilter" {
						n++
					}
				}
				if n == 1 && several(ex, two) {
					ex.Filters = ex.Filters[:1]
				}
			})),
		paramFault("param-typefilter-comma-refused", "Queries joined by commas are refused, repeated ones are not.",
			ids("param.typefilter-comma"), nil, answering(func(a *Answer) bool {
				return acceptedKickOff(a) && nextQuery.MatchString(a.Request.URL.Query().Get("_typeFilter"))
			}, func(a *Answer) { a.refused(http.StatusBadRequest, "value", "One query for each _typeFilter.") })),
	}
	for i := range list {
		switch list[i].Name {
		case "param-typefilter-thins-others":
			list[i].Versions = []string{IG300}
		case "param-typefilter-thins-others-2", "param-typefilter-comma-first", "param-typefilter-comma-refused":
			list[i].Versions = []string{IG200}
		}
	}
	return list
}
