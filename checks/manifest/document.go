package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/fixtures/schemas"
	"github.com/xeipuuv/gojsonschema"
)

func jsonStrict() checks.Check {
	return checks.Check{
		ID:    "manifest.json-strict",
		Title: "The manifest reads alike in every JSON parser",
		// export.html#response---output-manifest: "The output manifest is a JSON object"; RFC 8259 sections 4, 7 and 8.1.
		Doc: "The manifest is decoded strictly: no name twice in an object, valid UTF-8, no lone surrogates, one value and nothing after it. A parser that " +
			"is lenient takes one of two values, or a replacement character, and parsers differ in which. A byte order mark is a warning. A body " +
			"that is not JSON at all is judged by status.body-json-object.",
		Requires: []string{"STATUS-023"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Baseline)
			if ex.State != session.Completed {
				t.Inconclusivef("the export did not complete: %s", ex.Reason)
			}
			if ex.Manifest.Tree != nil {
				return
			}
			body, bom := bytes.CutPrefix(ex.Final().Body, []byte("\xef\xbb\xbf"))
			var v map[string]any
			switch err := json.Unmarshal(body, &v); {
			case err != nil:
				t.Inconclusivef("the body is no JSON object (see status.body-json-object): %v", ex.Manifest.Err)
			case bom:
				t.Warns("STATUS-023", at(ex, ""), "the manifest begins with a byte order mark, which many parsers refuse")
			default:
				t.Violates("STATUS-023", at(ex, ""), "strict parsers refuse the manifest: %v", ex.Manifest.Err)
			}
		},
	}
}

// known lists the members of manifest and items that the specification has, in any version.
var (
	known     = []string{"transactionTime", "request", "requiresAccessToken", "outputOrganizedBy", "output", "deleted", "error", "link", "extension"}
	knownItem = []string{"type", "url", "continuesInFile", "count", "extension"}
)

// members says which requirement a member of the wrong JSON type violates; those that are missing here have a check of
// their own, which judges their type as well.
var members = []struct{ pattern, req string }{
	{"output.*", "MANIFEST-010"},
	{"output.*.type", "MANIFEST-012"},
	{"output.*.url", "MANIFEST-014"},
	{"output.*.continuesInFile", "MANIFEST-020"},
	{"deleted", "MANIFEST-022"},
	{"deleted.*", "MANIFEST-022"},
	{"deleted.*.type", "MANIFEST-022"},
	{"error.*", "MANIFEST-033"},
	{"error.*.type", "MANIFEST-033"},
	{"outputOrganizedBy", "MANIFEST-040"},
}

func memberOf(field string) string {
	parts := strings.Split(field, ".")
	for i, p := range parts {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "*"
		}
	}
	path := strings.Join(parts, ".")
	for _, m := range members {
		if m.pattern == path {
			return m.req
		}
	}
	return ""
}

func schema() checks.Check {
	return checks.Check{
		ID:    "manifest.schema",
		Title: "The members of the manifest have the JSON types that the specification gives them",
		// export.html#response---output-manifest, table of fields: "JSON array", "String", "an array of file items".
		Doc: "The manifest is checked against a JSON Schema of its IG version. Reported here are arrays that hold something else than objects, and optional " +
			"members of a wrong type; the members that have a check of their own (transactionTime, request, requiresAccessToken, output, error, " +
			"count, url, link, extension) are judged there, missing ones too. Members that no version of the specification has are noted and " +
			"nothing more: they are legal.",
		Requires: []string{"MANIFEST-010", "MANIFEST-012", "MANIFEST-014", "MANIFEST-020", "MANIFEST-022", "MANIFEST-033", "MANIFEST-040", "MANIFEST-048"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			raw := schemas.Manifest(string(t.IG()))
			if raw == nil {
				t.Skipf("there is no JSON Schema of the manifest of %s", t.IG())
			}
			res, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(raw), gojsonschema.NewBytesLoader(ex.Final().Body))
			if err != nil {
				t.Inconclusivef("the manifest could not be checked against its schema: %v", err)
			}
			type problem struct{ pointer, req, text string }
			var found []problem
			for _, e := range res.Errors() {
				if req := memberOf(e.Field()); req != "" && e.Type() == "invalid_type" {
					found = append(found, problem{"/" + strings.ReplaceAll(e.Field(), ".", "/"), req, fmt.Sprintf("is %v, expected is %v", e.Details()["given"], e.Details()["expected"])})
				}
			}
			// The library reports in changing order.
			slices.SortFunc(found, func(a, b problem) int { return strings.Compare(a.pointer, b.pointer) })
			for _, p := range found {
				t.Violates(p.req, at(ex, p.pointer), "%s %s", p.pointer, p.text)
			}
			noteUnknown(t, ex)
		},
	}
}

// noteUnknown mentions members that no version has: legal, but often a misspelling, or a member of another version.
func noteUnknown(t *checks.T, ex *session.Export) {
	var names []string
	add := func(m map[string]any, allowed []string, where string) {
		for name := range m {
			if text := where + short(name); !slices.Contains(allowed, name) && !slices.Contains(names, text) {
				names = append(names, text)
			}
		}
	}
	add(ex.Manifest.Tree, known, "")
	for _, it := range ex.Manifest.Items() {
		if m, ok := it.Tree.(map[string]any); ok {
			add(m, knownItem, it.Kind+"[].")
		}
	}
	slices.Sort(names)
	if len(names) > 0 {
		t.Note("the manifest has members that the specification does not know: %s", strings.Join(names, ", "))
	}
}

func extension() checks.Check {
	return checks.Check{
		ID:    "manifest.extension",
		Title: "extension in the manifest is a JSON object",
		// export.html#response---output-manifest, extension: "The value of an extension element SHALL be a pre-coordinated JSON
		// object."
		Doc: "The name extension is reserved for servers' own information, in the manifest and in its items. Its value is a JSON object, not an array of " +
			"FHIR Extensions, which the ballot of the next version has.",
		Requires: []string{"MANIFEST-047", "MANIFEST-048"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			n := 0
			judge := func(m map[string]any, where string) {
				if v, ok := m["extension"]; ok {
					n++
					if _, ok := v.(map[string]any); !ok {
						t.Violates("MANIFEST-047", at(ex, where+"/extension"), "%s/extension is %s, expected is a JSON object", where, kind(v))
					}
				}
			}
			judge(ex.Manifest.Tree, "")
			for _, it := range ex.Manifest.Items() {
				if m, ok := it.Tree.(map[string]any); ok {
					judge(m, it.Pointer())
				}
			}
			t.Examined("%d extensions", n)
		},
	}
}
