package capability

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

const igStatement = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"

func instantiates() checks.Check {
	return checks.Check{
		ID:    "capability.instantiates",
		Title: "CapabilityStatement.instantiates names the guide's CapabilityStatement",
		Doc: "A server announces its conformance with " + igStatement + " in CapabilityStatement.instantiates. A version behind a vertical bar " +
			"and further canonicals pass.",
		Requires: []string{"CAPABILITY-001"},
		Run: func(_ context.Context, t *checks.T) {
			list := session.List(t.Capability(), "instantiates")
			at := t.Discovery().Metadata.At().In("/instantiates")
			for _, v := range list {
				s, _ := v.(string)
				if canonical, _, _ := strings.Cut(s, "|"); canonical == igStatement {
					return
				}
			}
			// index.html#conformance-and-publication: servers announce conformance by claiming conformance to the
			// guide's CapabilityStatement with "instantiates".
			if len(list) == 0 {
				t.Violates("CAPABILITY-001", at, "CapabilityStatement.instantiates is missing")
				return
			}
			t.Violates("CAPABILITY-001", at, "CapabilityStatement.instantiates has %d entries, and none is %s", len(list), igStatement)
		},
	}
}
