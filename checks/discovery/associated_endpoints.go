package discovery

import (
	"context"
	"fmt"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func associatedEndpoints() checks.Check {
	return checks.Check{
		ID:    "discovery.associated-endpoints",
		Title: "Each associated endpoint has a url and capabilities",
		Doc: "associated_endpoints is optional and experimental. If it is there, it is an array of objects, each with a url and an array of capabilities. An " +
			"empty array and further members pass.",
		Requires: []string{"DISCOVERY-030"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			v := t.Configuration()["associated_endpoints"]
			if v == nil {
				return
			}
			list, ok := v.([]any)
			// conformance.html#metadata: associated_endpoints is an array of objects with url and capabilities.
			if !ok {
				t.Violates("DISCOVERY-030", at(t, "associated_endpoints"), "associated_endpoints is not an array")
			}
			for i, e := range list {
				m, _ := e.(map[string]any)
				where := at(t, fmt.Sprintf("associated_endpoints/%d", i))
				switch caps, isList := m["capabilities"].([]any); {
				case m == nil:
					t.Violates("DISCOVERY-030", where, "an associated endpoint is not an object")
				case session.Text(m, "url") == "":
					t.Violates("DISCOVERY-030", where, "an associated endpoint has no url")
				case !isList:
					t.Violates("DISCOVERY-030", where, "an associated endpoint has no array of capabilities")
				default:
					for _, c := range caps {
						if _, ok := c.(string); !ok {
							t.Violates("DISCOVERY-030", where, "a capability of an associated endpoint is not a string")
						}
					}
				}
			}
		},
	}
}
