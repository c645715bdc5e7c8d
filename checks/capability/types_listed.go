package capability

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func typesListed() checks.Check {
	return checks.Check{
		ID:    "capability.types-listed",
		Title: "Every resource type that is exported is listed in the CapabilityStatement",
		Doc: "Each type in the output of the plain export has an entry in rest.resource. OperationOutcome, Bundle and Parameters, which wrap errors, " +
			"deletions and headers, need none.",
		Requires: []string{"CAPABILITY-011"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			listed := resources(t.Capability())
			ex := t.Export(session.Baseline)
			seen := map[string]bool{}
			for _, it := range ex.Manifest.Output {
				if it.Type == "" || seen[it.Type] || slices.Contains([]string{"OperationOutcome", "Bundle", "Parameters"}, it.Type) {
					continue
				}
				seen[it.Type] = true
				// export.html#server-capability-documentation: "include all resource types that can be exported".
				if !slices.ContainsFunc(listed, func(r resourceEntry) bool { return r.typ == it.Type }) {
					t.Violates("CAPABILITY-011", t.Discovery().Metadata.At().In("/rest"), "%s is exported and has no entry in rest.resource", short(it.Type))
				}
			}
			t.Examined("%d exported types against %d listed ones", len(seen), len(listed))
		},
	}
}
