package lines

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/checks/session"
)

func validResource() checks.Check {
	return checks.Check{
		ID:    "ndjson.valid-resource",
		Title: "Every line is a valid FHIR resource",
		// export.html#response---success-2: "Body of FHIR resources in newline delimited json". A FHIR resource follows the definition
		// of its type (hl7.org/fhir/R4/validation.html).
		Doc: "Every resource of every output file of the plain export is judged by the published definitions of the FHIR version that the " +
			"CapabilityStatement declares (4.0.1, 4.3.0 or 5.0.0; 4.0.1 where it declares none): element names, cardinality, JSON and data types, " +
			"formats, choices, codes of required bindings, references and their targets, extensions, contained resources and narratives. Profiles, " +
			"extension definitions, terminology servers and most invariants are not part of it. Findings are grouped by rule and path and hold no " +
			"values. Lines that are no valid JSON are judged by the other checks of this area alone. Skipped for FHIR versions that the suite has no definitions of.",
		Requires: []string{"FILE-016"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			judgeResources(t, resource.Error, func(at checks.Evidence, text string) { t.Violates("FILE-016", at, "%s", text) })
		},
	}
}

func suspiciousResource() checks.Check {
	return checks.Check{
		ID:    "ndjson.unsuspicious-resource",
		Title: "No resource holds what FHIR allows and hardly anybody means",
		// As above; what is found here is legal by the letter of some readings, and a mistake in most.
		Doc: "Strings of nothing but white space, control characters in texts, narratives without text, codes of a required value set without the name of " +
			"their system, and the like: a warning, as the definitions themselves do not forbid it or readings differ. Judged like " +
			"ndjson.valid-resource.",
		Requires: []string{"FILE-016"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			judgeResources(t, resource.Warning, func(at checks.Evidence, text string) { t.Warns("FILE-016", at, "%s", text) })
		},
	}
}

func judgeResources(t *checks.T, severity resource.Severity, report func(checks.Evidence, string)) {
	_, set := t.Files(session.Baseline)
	if set.Definitions == "" {
		t.Skipf("%s", set.DefinitionsReason)
	}
	for _, p := range set.Problems {
		if p.Severity == severity && strings.HasPrefix(p.Rule, "fhir.") {
			at, text := set.Place(p)
			report(at, text)
		}
	}
	t.Examined("%d resources in %d files, by the definitions of FHIR %s", set.Resources(), len(set.Kind("output")), set.Definitions)
	for _, f := range set.Kind("output") {
		switch {
		case !f.Read:
			t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
		case f.Summary.Skipped > 0:
			t.Inconclusivef("%s has %d lines that are too long to be judged (see --max-line)", f.Item.Name(), f.Summary.Skipped)
		}
	}
}
