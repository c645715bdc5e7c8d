package capability

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func fhirVersion() checks.Check {
	return checks.Check{
		ID:    "capability.fhir-version",
		Title: "CapabilityStatement.fhirVersion is stated",
		Doc: "The guide's CapabilityStatement is for FHIR R4 (4.0.x), and FHIR requires fhirVersion of every CapabilityStatement. A missing " +
			"version is a warning. Another version than R4 is a note, as the operation is in use with STU3, R4B and R5.",
		Requires: []string{"CAPABILITY-009"},
		Run: func(_ context.Context, t *checks.T) {
			v := session.Text(t.Capability(), "fhirVersion")
			// CapabilityStatement-bulk-data.html: fhirVersion 4.0.1.
			switch {
			case v == "":
				t.Violates("CAPABILITY-009", t.Discovery().Metadata.At().In("/fhirVersion"), "CapabilityStatement.fhirVersion is missing or is no string")
			case !strings.HasPrefix(v, "4.0."):
				t.Note("the server is of FHIR %s; the guide is written for R4", short(v))
			}
		},
	}
}

// short keeps a value from a target short enough to be quoted in a sentence.
func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
