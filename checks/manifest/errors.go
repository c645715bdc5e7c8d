package manifest

import (
	"context"
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

func errorArray() checks.Check {
	return checks.Check{
		ID:    "manifest.error",
		Title: "The manifest has an error array",
		// export.html#response---output-manifest, error: required, array.
		Doc:      "Present also when all went well; an empty array passes, null does not. Messages that are no errors may stand there too.",
		Requires: []string{"MANIFEST-029", "ASYNC-034"},
		Exports:  []session.Scenario{session.Baseline},
		Run:      func(_ context.Context, t *checks.T) { judgeArray(t, final(t), "error", "MANIFEST-029") },
	}
}

// messages returns the completed exports whose error arrays are looked at: the plain one, and the lenient one, which
// gives most servers a reason to put something there.
func messages(t *checks.T) []*session.Export {
	out := []*session.Export{final(t)}
	if ex := t.Session().Export(session.Lenient); ex.State == session.Completed && ex.Manifest.Tree != nil {
		out = append(out, ex)
	}
	return out
}

func errorStructure() checks.Check {
	return checks.Check{
		ID:    "manifest.error-items",
		Title: "Items of the error array are built like output items, of type OperationOutcome",
		// export.html#response---output-manifest, error: "Array of message file items following the same structure as the output
		// array"; "Only the FHIR OperationOutcome resource type is currently supported".
		Doc: "Each item has an absolute url and the type OperationOutcome. An OperationOutcome in the array itself, in place of a file, is a violation. " +
			"Looked at are the plain export and one with parameters to be ignored under handling=lenient.",
		Requires: []string{"MANIFEST-033"},
		Exports:  []session.Scenario{session.Baseline, session.Lenient},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, ex := range messages(t) {
				for _, it := range ex.Manifest.Error {
					n++
					m, isObject := it.Tree.(map[string]any)
					if !isObject {
						continue // manifest.schema
					}
					if _, inline := m["resourceType"]; inline {
						t.Violates("MANIFEST-033", at(ex, it.Pointer()), "error holds a resource in place of a file")
						continue
					}
					if it.URL == "" {
						t.Violates("MANIFEST-033", at(ex, it.Pointer()), "error[%d] has no url", it.Index)
					} else if why := absolute(it.URL); why != "" {
						t.Violates("MANIFEST-033", at(ex, it.Pointer()+"/url"), "the url of error[%d] %s: %s", it.Index, why, short(session.RedactURL(it.URL)))
					}
					if _, isString := m["type"].(string); (isString || m["type"] == nil) && it.Type != "OperationOutcome" {
						t.Violates("MANIFEST-033", at(ex, it.Pointer()+"/type"), "the type of error[%d] is %q, expected is OperationOutcome", it.Index, short(it.Type))
					}
				}
			}
			t.Examined("%d items", n)
		},
	}
}

func errorMessages() checks.Check {
	return checks.Check{
		ID:    "manifest.error-not-in-output",
		Title: "Messages about the export are listed in error, not in output",
		// export.html#response---output-manifest, error: "Error, warning, and information messages related to the export SHOULD be
		// included here (not in output)."
		Doc:      "No output item has the type OperationOutcome. The suite never asks for that type.",
		Requires: []string{"MANIFEST-030"},
		Exports:  []session.Scenario{session.Baseline, session.Lenient},
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, ex := range messages(t) {
				for _, it := range ex.Manifest.Output {
					n++
					if it.Type == "OperationOutcome" {
						t.Violates("MANIFEST-030", at(ex, it.Pointer()), "output[%d] lists messages: its type is OperationOutcome", it.Index)
					}
				}
			}
			t.Examined("%d output items", n)
		},
	}
}

// readMessages reads the error files of the plain and the lenient export, once for all checks.
func readMessages(t *checks.T) []*lineFile {
	exports := messages(t)
	return session.Shared(t.Session(), "error files", func(ctx context.Context) []*lineFile {
		var out []*lineFile
		for _, ex := range exports {
			out = append(out, readLines(ctx, t.Session(), ex, ex.Manifest.Error)...)
		}
		return out
	})
}

var messageObservation = []checks.Observation{{Name: "error files", Cost: checks.Cost{Downloads: 2}}}

func errorFiles() checks.Check {
	return checks.Check{
		ID:    "manifest.error-files",
		Title: "Error files hold OperationOutcomes, one on each line",
		// export.html#response---output-manifest, error: "the server SHALL generate files in the same format as Bulk Data output files
		// that contain FHIR OperationOutcome resources".
		Doc: "Every line of every error file, up to ten files for each export, is decoded strictly and has to be an OperationOutcome with at least one issue. " +
			"Any severity and code of FHIR's value sets passes, others are a warning. That the files can be fetched, and their media type, are " +
			"judged with the files.",
		Requires: []string{"MANIFEST-032"},
		Exports:  []session.Scenario{session.Baseline, session.Lenient},
		Observes: messageObservation,
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, f := range readMessages(t) {
				if f.reason != "" {
					t.Note("%s was not read: %s", f.item.Name(), f.reason)
					continue
				}
				for _, l := range f.lines {
					n++
					if l.err != nil {
						t.Violates("MANIFEST-032", f.at(l.number), "a line of an error file is not JSON: %v", l.err)
						continue
					}
					switch o := outcome.Judge(l.tree); o.Kind {
					case outcome.Fine:
					case outcome.Odd:
						t.Warns("MANIFEST-032", f.at(l.number).In(o.Pointer), "a line of an error file: %s", o.Problem)
					case outcome.Foreign:
						t.Violates("MANIFEST-032", f.at(l.number), "a line of an error file is no OperationOutcome")
					default:
						t.Violates("MANIFEST-032", f.at(l.number).In(o.Pointer), "a line of an error file: %s", o.Problem)
					}
				}
			}
			t.Examined("%d lines of error files", n)
		},
	}
}

func errorEmpty() checks.Check {
	return checks.Check{
		ID:    "manifest.error-empty",
		Title: "Without messages the error array is empty, and no file without a line is listed",
		// export.html#response---output-manifest, error: "If there are no relevant messages, the server SHOULD return an empty array."
		Doc:      "Which messages are relevant is for the server to say; only an item whose file has no line is a finding, and a warning at most.",
		Requires: []string{"MANIFEST-031"},
		Exports:  []session.Scenario{session.Baseline, session.Lenient},
		Observes: messageObservation,
		Run: func(_ context.Context, t *checks.T) {
			files := readMessages(t)
			for _, f := range files {
				if f.reason == "" && len(f.lines) == 0 {
					t.Violates("MANIFEST-031", at(f.export, f.item.Pointer()), "%s has no line", f.item.Name())
				}
			}
			t.Examined("%d error files", len(files))
		},
	}
}

func lenientOutcome() checks.Check {
	return checks.Check{
		ID:    "manifest.lenient-outcome",
		Title: "What was ignored under handling=lenient is named in the error files",
		// export.html#response---output-manifest, error: "If the request contained invalid or unsupported parameters along with a
		// Prefer: handling=lenient header and the server processed the request, the server SHOULD include a FHIR OperationOutcome
		// resource for each of these parameters."
		Doc: "The kick-off has an unknown parameter and a malformed _since. If it is refused, which is legal, the check is skipped. Otherwise each of the two " +
			"is named in details, diagnostics or expression of an OperationOutcome in the error files. One OperationOutcome with an issue for each " +
			"passes.",
		Requires: []string{"MANIFEST-034"},
		Exports:  []session.Scenario{session.Lenient},
		Observes: messageObservation,
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Lenient)
			if ex.State == session.Refused {
				t.Skipf("the server refuses the request in spite of handling=lenient, which is legal: %s", ex.Reason)
			}
			ex = t.Export(session.Lenient)
			var text strings.Builder
			n := 0
			for _, f := range readMessages(t) {
				if f.export != ex {
					continue
				}
				if f.reason != "" {
					t.Inconclusivef("%s was not read: %s", f.item.Name(), f.reason)
				}
				for _, l := range f.lines {
					for _, i := range outcome.Judge(l.tree).Issues {
						n++
						fmt.Fprintln(&text, i.Text)
					}
				}
			}
			for _, name := range []string{session.UnknownParameter, "_since"} {
				if !strings.Contains(text.String(), name) {
					t.Violates("MANIFEST-034", at(ex, "/error"), "the request was processed under handling=lenient, and no OperationOutcome in the error files names the parameter %s", name)
				}
			}
			t.Examined("%d issues", n)
		},
	}
}
