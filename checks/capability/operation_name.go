package capability

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func operationName() checks.Check {
	return checks.Check{
		ID:    "capability.operation-name",
		Title: "A declared export operation has a name under which it can be called",
		Doc: "The guide's CapabilityStatement calls the operation export at every level (3.0.0), or export, patient-export and group-export (before). " +
			"All of these pass in every version, with or without a leading $, as do names with a version such as export-v4. Anything else is a " +
			"warning: a client puts the name into the URL.",
		Requires: []string{"CAPABILITY-006"},
		Run: func(_ context.Context, t *checks.T) {
			ops := exports(t.Capability())
			if len(ops) == 0 {
				t.Inconclusivef("the CapabilityStatement declares no export operation")
			}
			for _, o := range ops {
				name := strings.TrimPrefix(o.name, "$")
				// CapabilityStatement-bulk-data.html: operation.name.
				if name != "export" && name != "patient-export" && name != "group-export" && !strings.HasPrefix(name, "export-") {
					t.Violates("CAPABILITY-006", t.Discovery().Metadata.At().In(o.pointer+"/name"),
						"the export operation with the definition %s has the name %q, under which no client calls it", short(o.definition), short(o.name))
				}
			}
			t.Examined("%d declared export operations", len(ops))
		},
	}
}
