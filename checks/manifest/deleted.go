package manifest

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func deletedStructure() checks.Check {
	return checks.Check{
		ID:    "manifest.deleted-items",
		Title: "Items of the deleted array are built like output items, of type Bundle",
		// export.html#response---output-manifest, deleted: "An array of deleted file items following the same structure as the output
		// array."
		Doc: "deleted is optional. Where it is there, each item is an object with an absolute url; references such as Patient/1 in place of files are a " +
			"violation. The type Bundle follows from the structure and the example only: another is a warning. Looked at are the plain export and " +
			"one with _since. The Bundles themselves are judged with the files.",
		Requires: []string{"MANIFEST-022", "MANIFEST-021"},
		Exports:  []session.Scenario{session.Baseline, session.SinceLongAgo},
		Run: func(_ context.Context, t *checks.T) {
			exports := []*session.Export{final(t)}
			if ex := t.Session().Export(session.SinceLongAgo); ex.State == session.Completed && ex.Manifest.Tree != nil {
				exports = append(exports, ex)
			}
			n := 0
			for _, ex := range exports {
				for _, it := range ex.Manifest.Deleted {
					n++
					m, isObject := it.Tree.(map[string]any)
					if !isObject {
						if ex.Scenario.Label != session.Baseline.Label {
							t.Violates("MANIFEST-022", at(ex, it.Pointer()), "deleted[%d] is %s, expected is an object", it.Index, kind(it.Tree))
						}
						continue // manifest.schema judges the plain export
					}
					if it.URL == "" {
						t.Violates("MANIFEST-022", at(ex, it.Pointer()), "deleted[%d] has no url", it.Index)
					} else if why := absolute(it.URL); why != "" {
						t.Violates("MANIFEST-022", at(ex, it.Pointer()+"/url"), "the url of deleted[%d] %s: %s", it.Index, why, short(session.RedactURL(it.URL)))
					}
					if _, isString := m["type"].(string); (isString || m["type"] == nil) && it.Type != "Bundle" {
						t.Warns("MANIFEST-022", at(ex, it.Pointer()+"/type"), "the type of deleted[%d] is %q, expected is Bundle", it.Index, short(it.Type))
					}
				}
			}
			t.Examined("%d items", n)
		},
	}
}
