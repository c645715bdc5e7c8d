package capability

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func notSupportedShape() checks.Check {
	return checks.Check{
		ID:    "capability.not-supported-shape",
		Title: "The extension operation-not-supported holds a canonical and stands where it may",
		Doc: "The extension stands on rest.resource or rest.resource.searchParam, and its value is a canonical: that of one of the export operations, " +
			"or of the guide's CapabilityStatement where none of them works, with or without a version. Both URLs of the extension that the guide " +
			"uses for it pass. A statement without the extension has nothing to judge and passes.",
		Requires: []string{"CAPABILITY-015", "CAPABILITY-014"},
		Run: func(_ context.Context, t *checks.T) {
			found := 0
			walk(t.Capability(), "", func(pointer string, ext map[string]any) {
				found++
				at := t.Discovery().Metadata.At().In(pointer)
				// StructureDefinition-operation-not-supported.html: context of use and value[x].
				if !notSupportedPlace.MatchString(pointer) {
					t.Violates("CAPABILITY-015", at, "the extension operation-not-supported stands on an element other than rest.resource and rest.resource.searchParam")
				}
				value, ok := ext["valueCanonical"].(string)
				if !ok {
					t.Violates("CAPABILITY-015", at, "the extension operation-not-supported has no valueCanonical")
					return
				}
				c, _, _ := strings.Cut(value, "|")
				if c != igStatement && !slices.Contains([]string{ownDefinition[session.System], ownDefinition[session.Patient], ownDefinition[session.Group]}, c) {
					t.Note("an extension operation-not-supported names a canonical that is none of the guide's: %s", short(c))
				}
			})
			t.Examined("%d extensions", found)
		},
	}
}

var notSupportedPlace = regexp.MustCompile(`^/rest/\d+/resource/\d+(/searchParam/\d+)?/extension/\d+$`)

// walk calls found for every extension operation-not-supported, in the order of pointers.
func walk(v any, pointer string, found func(string, map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		if isNotSupported(v) {
			found(pointer, v)
			return
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			walk(v[name], pointer+"/"+name, found)
		}
	case []any:
		for i, e := range v {
			walk(e, fmt.Sprintf("%s/%d", pointer, i), found)
		}
	}
}

func notSupportedTrue() checks.Check {
	return checks.Check{
		ID:    "capability.not-supported-true",
		Title: "A type marked as not supported in an export is refused there",
		Doc: "At each level that is offered, a kick-off asks with _type for the first type that carries the extension operation-not-supported for the " +
			"level, and is refused. Acceptance is a warning: the mark is there so that clients need not try. The job is deleted at once. Without a " +
			"marked type there is nothing to judge.",
		Requires: []string{"CAPABILITY-013"},
		Cost:     checks.Cost{KickOffs: 3},
		Run: func(_ context.Context, t *checks.T) {
			statement := t.Capability()
			tried := 0
			for _, l := range session.Levels {
				if _, why := t.Session().GroupID(); !t.Discovery().Declares(l) || l == session.Group && why != "" {
					continue
				}
				all := resources(statement)
				i := slices.IndexFunc(all, func(r resourceEntry) bool { return excluded(r.tree, l) })
				if i < 0 {
					continue
				}
				tried++
				typ := all[i].typ
				p := t.Session().Probe(session.Scenario{Level: l}.With("_type", typ))
				switch {
				case p.KickOff == nil:
					t.Inconclusivef("%s", p.Reason)
				case success(p.KickOff):
					// export.html#server-capability-documentation: the extension marks what is not supported in an export.
					t.Warns("CAPABILITY-013", p.KickOff.At(), "%s is marked as not supported in %s-level exports, and a kick-off there with _type=%s is answered with %s",
						short(typ), l, short(typ), p.KickOff.Describe())
				case p.KickOff.Status < 400:
					t.Inconclusivef("the kick-off was neither taken nor refused: %s", p.KickOff.Describe())
				}
			}
			t.Examined("marked types tried at %d levels", tried)
		},
	}
}
