// Package data judges whether exports hold the right resources: those of the level asked for, all of them, in their
// latest version, and nothing else (export.html#bulk-data-kick-off-request).
package data

import (
	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "data",
		Title: "Exported data",
		Doc: "What an export at one level holds is compared with what exports at other levels, the Group resource and reads over REST show: patients, the " +
			"members of a Group, whose compartments the resources lie in, their versions, and what the tester knows to be there.",
		Checks: []checks.Check{
			patientsComplete(), recordComplete(), patientsReturned(),
			groupMembers(), groupNonMembers(), groupCompartments(), groupRecord(), groupTypes(),
			groupForbidden(), withinScope(), beyondPatients(),
			binaries(),
			latestVersion(), sameVersion(), uniqueInGroup(), nothingLater(),
			expected(), defaultTypes(),
		},
	}
}

var (
	plain   = []session.Scenario{session.Baseline}
	grouped = []session.Scenario{session.Baseline, session.GroupLevel}
)
