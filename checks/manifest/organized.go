package manifest

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// organized returns the export with organizeOutputBy=Patient; the check is skipped if the parameter is refused.
func organized(t *checks.T) *session.Export {
	ex := t.Session().Export(session.Organized)
	if ex.State == session.Refused {
		t.Skipf("the server refuses organizeOutputBy, which is legal: %s", ex.Reason)
	}
	return t.Export(session.Organized)
}

// honoured is organized for rules that hold only if the manifest says that the parameter took effect.
func honoured(t *checks.T) *session.Export {
	ex := organized(t)
	if _, ok := ex.Manifest.Tree["outputOrganizedBy"]; !ok {
		if !untyped(ex) {
			t.Skipf("the server ignores organizeOutputBy: the manifest has no outputOrganizedBy and its files are by type")
		}
		t.Inconclusivef("the manifest does not say whether organizeOutputBy took effect (see manifest.output-organized-by)")
	}
	return ex
}

// untyped reports whether no output item has a type, which only organised output may lack.
func untyped(ex *session.Export) bool {
	return len(ex.Manifest.Output) > 0 && !slices.ContainsFunc(ex.Manifest.Output, func(it session.Item) bool { return it.Type != "" })
}

func organizedBy() checks.Check {
	return checks.Check{
		ID:    "manifest.output-organized-by",
		Title: "The manifest of organised output says in outputOrganizedBy by what",
		// export.html#response---output-manifest, outputOrganizedBy: "The organizeOutputBy value from the Bulk Data kick-off request
		// when populated and supported."
		Doc: "Where organizeOutputBy=Patient took effect, outputOrganizedBy is Patient. A server that ignores the parameter leaves the member out and lists " +
			"files by type; that is judged with the parameters. Items without type and without outputOrganizedBy are a violation.",
		Requires: []string{"MANIFEST-040"},
		Exports:  []session.Scenario{session.Organized},
		Run: func(_ context.Context, t *checks.T) {
			ex := organized(t)
			v, present := ex.Manifest.Tree["outputOrganizedBy"]
			switch {
			case !present && !untyped(ex):
				t.Skipf("the server ignores organizeOutputBy: the manifest has no outputOrganizedBy and its files are by type")
			case !present:
				t.Violates("MANIFEST-040", at(ex, ""), "output items have no type, as with organised output, and outputOrganizedBy is missing")
			case v != "Patient":
				t.Violates("MANIFEST-040", at(ex, "/outputOrganizedBy"), "outputOrganizedBy is not Patient, the value of organizeOutputBy in the kick-off")
			}
		},
	}
}

func organizedWithoutType() checks.Check {
	return checks.Check{
		ID:    "manifest.organized-without-type",
		Title: "Items of organised output have no type",
		// export.html#response---output-manifest, output: "When the kick-off request does contain the organizeOutputBy parameter, the type
		// field SHALL NOT be populated."
		Doc:      "Only where outputOrganizedBy shows that the parameter took effect. type on error and deleted items is free.",
		Requires: []string{"MANIFEST-013"},
		Exports:  []session.Scenario{session.Organized},
		Run: func(_ context.Context, t *checks.T) {
			ex := honoured(t)
			for _, it := range ex.Manifest.Output {
				if m, ok := it.Tree.(map[string]any); ok && m["type"] != nil {
					t.Violates("MANIFEST-013", at(ex, it.Pointer()+"/type"), "output[%d] has a type, and the output is organised by Patient", it.Index)
				}
			}
			t.Examined("%d items", len(ex.Manifest.Output))
		},
	}
}

func continuesInFile() checks.Check {
	return checks.Check{
		ID:    "manifest.continues-in-file",
		Title: "continuesInFile is the url of another output item",
		// export.html#response---output-manifest, output: "the continuesInFile field SHALL be populated with the URL of that output file".
		Doc: "Where an item has the member, it names the file in which a block goes on, so it equals the url of another item of output. Whether every block " +
			"that is split has one is judged with the files.",
		Requires: []string{"MANIFEST-020"},
		Exports:  []session.Scenario{session.Organized},
		Run: func(_ context.Context, t *checks.T) {
			ex := honoured(t)
			n := 0
			for _, it := range ex.Manifest.Output {
				m, _ := it.Tree.(map[string]any)
				raw, present := m["continuesInFile"]
				if !present {
					continue
				}
				n++
				target, ok := raw.(string)
				where := at(ex, it.Pointer()+"/continuesInFile")
				switch {
				case !ok:
					t.Violates("MANIFEST-020", where, "continuesInFile of output[%d] is %s, expected is a URL", it.Index, kind(raw))
				case target == it.URL:
					t.Violates("MANIFEST-020", where, "continuesInFile of output[%d] names that file itself", it.Index)
				case !slices.ContainsFunc(ex.Manifest.Output, func(o session.Item) bool { return o.URL == target }):
					t.Violates("MANIFEST-020", where, "continuesInFile of output[%d] is the url of no output item", it.Index)
				}
			}
			t.Examined("%d continuations", n)
		},
	}
}
