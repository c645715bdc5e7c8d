package capability

import (
	"context"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// halvings bounds the search for a refused type: 150 types of R4 need eight.
const halvings = 8

func listedTypesExport() checks.Check {
	return checks.Check{
		ID:    "capability.listed-types-export",
		Title: "Every listed type can be asked for in an export, or is marked as not supported there",
		Doc: "One kick-off asks, with _type, for all types that rest.resource lists with a read or search interaction and without the extension " +
			"operation-not-supported for the level. If it is refused, up to eight further ones look for a type that is to blame; a type that only " +
			"the token's scope rules out is none. All jobs are deleted at once. A warning at most.",
		Requires: []string{"CAPABILITY-013", "CAPABILITY-011"},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			statement := t.Capability()
			level, why := t.Session().Level()
			if why != "" {
				t.Inconclusivef("%s", why)
			}
			var types []string
			for _, r := range resources(statement) {
				if r.typ != "" && len(session.List(r.tree, "interaction")) > 0 && !excluded(r.tree, level) {
					types = append(types, r.typ)
				}
			}
			if len(types) == 0 {
				t.Skipf("rest.resource lists no type that can be read or searched for")
			}
			ask := func(types []string) *session.Response {
				p := t.Session().Probe(session.Scenario{Level: level}.With("_type", strings.Join(types, ",")))
				if p.KickOff == nil {
					t.Inconclusivef("%s", p.Reason)
				}
				return p.KickOff
			}
			t.Examined("%d listed types", len(types))
			res := ask(types)
			for i := 0; i < halvings && refusedType(res) && len(types) > 1; i++ {
				half := types[:len(types)/2]
				if first := ask(half); refusedType(first) {
					types, res = half, first
					continue
				}
				rest := types[len(types)/2:]
				second := ask(rest)
				if !refusedType(second) {
					t.Note("all %d listed types at once are refused, and each half of them is accepted", len(types))
					return
				}
				types, res = rest, second
			}
			switch {
			case success(res):
			case !refusedType(res):
				t.Inconclusivef("the kick-off with all listed types was answered with %s, which says nothing about the types", res.Describe())
			case len(types) == 1:
				// export.html#server-capability-documentation: types that work over REST but not in exports carry the extension.
				t.Warns("CAPABILITY-013", res.At(), "%s is listed with interactions and without the extension operation-not-supported, and a %s-level kick-off with _type=%s is answered with HTTP %d",
					short(types[0]), level, short(types[0]), res.Status)
			}
		},
	}
}

func refusedType(res *session.Response) bool {
	return res != nil && res.Status >= 400 && res.Status < 500 && !aboutAccess(res.Status)
}
