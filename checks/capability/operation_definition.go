package capability

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
)

func operationDefinition() checks.Check {
	return checks.Check{
		ID:    "capability.operation-definition",
		Title: "A declared export operation points at the OperationDefinition of its level",
		Doc: "operation.definition is the canonical of the guide's OperationDefinition for the level at which it is declared, with or without a " +
			"version. An OperationDefinition of the server's own is a note. A missing definition, one of another HL7 operation, and one of another " +
			"level than that of the place are warnings; operations listed at the system level may be of any level, as their definition tells.",
		Requires: []string{"CAPABILITY-006"},
		Run: func(_ context.Context, t *checks.T) {
			ops := exports(t.Capability())
			if len(ops) == 0 {
				t.Inconclusivef("the CapabilityStatement declares no export operation")
			}
			for _, o := range ops {
				at := t.Discovery().Metadata.At().In(o.pointer + "/definition")
				c := o.canonical()
				// CapabilityStatement-bulk-data.html: operation.definition.
				switch {
				case c == "":
					t.Violates("CAPABILITY-006", at, "the export operation %q has no definition", short(o.name))
				case c == ownDefinition[o.level()] && (o.level() == o.place || o.place == "system"):
				case strings.HasPrefix(c, definitions):
					t.Violates("CAPABILITY-006", at, "the export operation declared at the %s level points at %s, which is of another level", o.place, short(c))
				case strings.HasPrefix(c, "http://hl7.org/fhir/OperationDefinition/"):
					t.Violates("CAPABILITY-006", at, "the export operation declared at the %s level points at %s, which is another operation", o.place, short(c))
				default:
					t.Note("the export operation declared at the %s level has an OperationDefinition of the server's own", o.place)
				}
			}
			t.Examined("%d declared export operations", len(ops))
		},
	}
}
