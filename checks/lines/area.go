// Package lines judges what stands on the lines of output files: NDJSON and FHIR's JSON (export.html#response---success-2).
package lines

import (
	"context"
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "ndjson",
		Title: "NDJSON content",
		Doc: "Every line of every file of the plain export is read, not a sample: encoding, JSON, one resource on each line, of the type that the " +
			"manifest says, with an id of its own.",
		Checks: []checks.Check{
			rules(rule{
				id: "ndjson.utf8", title: "Files are UTF-8",
				// NDJSON 3.1 and RFC 8259 section 8.1: UTF-8, nothing else.
				doc:      "Every byte of every file belongs to valid UTF-8. A file in UTF-16, or with single bytes of an older encoding in a name, is a violation.",
				requires: "FILE-016", match: exactly(ndjson.RuleInvalidUTF8, ndjson.RuleUTF16),
			}),
			rules(rule{
				id: "ndjson.no-byte-order-mark", title: "Files do not begin with a byte order mark", warn: true,
				// RFC 8259 section 8.1: implementations must not add a byte order mark; parsers may ignore one.
				doc: "A byte order mark at the beginning is a warning: JSON does not allow writers to add it, and allows readers to ignore it, so some " +
					"clients fail at the first line and others never notice.",
				requires: "FILE-016", match: exactly(ndjson.RuleBOM),
			}),
			rules(rule{
				id: "ndjson.json", title: "Every line is valid JSON",
				doc: "Every line is valid JSON by RFC 8259: grammar, numbers, escapes, no control character inside a string, no lone surrogate, nesting " +
					"within reason. All lines are judged, also after a broken one.",
				requires: "FILE-016", match: func(rule string) bool {
					return strings.HasPrefix(rule, "json.") && rule != "json.duplicate-key"
				},
			}),
			rules(rule{
				id: "ndjson.one-resource-per-line", title: "Every line holds exactly one JSON object",
				// NDJSON 3.1: each JSON text is followed by a line feed and holds none; FHIR nd-json: each line is a resource.
				doc: "Every line is one JSON object: not two values, not an object with something behind it, not an array or a bare value, not a part of a " +
					"pretty-printed document. Line ends may be LF or CR LF, and the last line may lack its own.",
				requires: "FILE-016", match: exactly(ndjson.RuleTwoValues, ndjson.RuleTrailingData, ndjson.RuleNotObject, ndjson.RuleBareCR),
			}),
			rules(rule{
				id: "ndjson.no-duplicate-names", title: "No object has a name twice",
				// RFC 8259 section 4: names should be unique, behaviour is unpredictable otherwise; FHIR json.html#xml: a property occurs
				// once, repetitions are arrays.
				doc: "No JSON object on any line has the same name twice. JSON libraries silently take the first or the last of two values, so that two " +
					"clients read two different resources from one line; FHIR's JSON form has each property once.",
				requires: "FILE-016", match: exactly("json.duplicate-key"),
			}),
			rules(rule{
				id: "ndjson.no-blank-lines", title: "No blank lines stand between resources", warn: true,
				// NDJSON 3.2: a parser may silently ignore empty lines, and may raise an error.
				doc:      "A blank line between resources is a warning: NDJSON readers may ignore it, and may refuse it. Blank lines at the end are accepted.",
				requires: "FILE-016", match: exactly(ndjson.RuleBlankLine),
			}),
			rules(rule{
				id: "ndjson.resource-type-present", title: "Every line says which type of resource it is",
				doc:      "Every object has a resourceType that is a string: without it, it is no FHIR resource (FHIR json.html#resources).",
				requires: "FILE-016", match: exactly(ndjson.RuleTypeMissing),
			}),
			rules(rule{
				id: "ndjson.file-type", title: "A file holds resources of the one type that the manifest gives",
				// export.html#bulk-data-output-file-organization: files have resources of a single type.
				doc: "The resourceType of every line of an output file is the type of its item in the manifest. Contained resources do not count. Error " +
					"files hold OperationOutcome and deleted files Bundle resources, and are judged elsewhere.",
				requires: "FILE-017", match: exactly(ndjson.RuleTypeMismatch), outputOnly: true,
			}),
			rules(rule{
				id: "ndjson.id-present", title: "Every resource has an id", warn: true,
				// FHIR resource.html#id: a resource on a server has an id once it was created.
				doc: "An exported resource without id cannot be referred to, updated or recognised in the next export. No sentence of the guide says that " +
					"exported resources have one, so it is a warning. Bundle, OperationOutcome and Parameters need none.",
				requires: "FILE-016", match: exactly(ndjson.RuleIDMissing), outputOnly: true,
			}),
			unique(),
			validResource(),
			suspiciousResource(),
		},
	}
}

// rule is a check that some rules of the NDJSON engine never fired.
type rule struct {
	id, title, doc, requires string
	match                    func(rule string) bool
	warn                     bool // a finding is a warning at most
	outputOnly               bool
}

func exactly(ids ...string) func(string) bool {
	return func(r string) bool {
		for _, id := range ids {
			if r == id {
				return true
			}
		}
		return false
	}
}

func rules(r rule) checks.Check {
	return checks.Check{
		ID: r.id, Title: r.title, Doc: r.doc, Requires: []string{r.requires}, Exports: []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			_, set := t.Files(session.Baseline)
			var lines, bytes int64
			n := 0
			var unread, long *session.File
			for _, f := range set.Files {
				if r.outputOnly && f.Item.Kind != "output" {
					continue
				}
				if f.Response == nil || f.Response.Status != 200 || f.Misencoded {
					unread = f
					continue
				}
				n, lines, bytes = n+1, lines+f.Summary.Lines, bytes+f.Summary.Bytes
				for _, g := range f.Summary.Groups {
					if r.match(g.Rule) {
						report(t, r, f, g)
					}
				}
				if f.Summary.Skipped > 0 {
					long = f
				}
				if !f.Read {
					unread = f // what was read of it is judged all the same
				}
			}
			t.Examined("%d files, %d lines, %d bytes", n, lines, bytes)
			if unread != nil {
				t.Inconclusivef("%s was not read to its end: %s", unread.Item.Name(), unread.Reason)
			}
			if long != nil {
				t.Inconclusivef("%s has %d lines that are too long to be judged (see --max-line)", long.Item.Name(), long.Summary.Skipped)
			}
		},
	}
}

// report makes one finding of a group: the first places are named, the rest counted.
func report(t *checks.T, r rule, f *session.File, g ndjson.Group) {
	at := f.At()
	message := "a problem of the kind " + g.Rule
	if len(g.First) > 0 {
		first := g.First[0]
		at.Line, at.Offset, at.Pointer = first.Line, first.LineOffset, first.Pointer
		message = strings.TrimSuffix(first.Message, ".")
	}
	text := fmt.Sprintf("%s, line %d: %s", f.Item.Name(), at.Line, message)
	if g.Count > 1 {
		text += fmt.Sprintf(" (and %d more like it in this file)", g.Count-1)
	}
	if r.warn {
		t.Warns(r.requires, at, "%s", text)
	} else {
		t.Violates(r.requires, at, "%s", text)
	}
}

func unique() checks.Check {
	return checks.Check{
		ID:    "ndjson.unique",
		Title: "No resource is exported in two versions",
		// export.html#bulk-data-output-file-request: only the latest version of a resource is included.
		Doc: "No type and id occur on two lines with different content, over all output files of the export. A line that repeats another one byte for " +
			"byte is noted, not failed: the text forbids older versions, not repetition.",
		Requires: []string{"DATA-010"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			_, set := t.Files(session.Baseline)
			for _, g := range set.Duplicates {
				if len(g.First) == 0 {
					continue
				}
				first := g.First[0]
				at := checks.Evidence{File: first.File, Line: first.Line, Offset: first.LineOffset}
				for _, f := range set.Files {
					if f.Item.Name() == first.File {
						at.Exchange, at.URL = f.At().Exchange, f.At().URL
					}
				}
				if g.Rule == ndjson.RuleDuplicateIdentical {
					t.Note("%d lines repeat another one byte for byte; the first is line %d of %s", g.Count, first.Line, first.File)
					continue
				}
				t.Violates("DATA-010", at, "%s, line %d has the type and id of another line and different content; %d lines of this type are such", first.File, first.Line, g.Count)
			}
			t.Examined("%d resources in %d files", set.Resources(), len(set.Kind("output")))
			if set.DuplicatesErr != nil {
				t.Inconclusivef("not all resources could be compared: %v", set.DuplicatesErr)
			}
			for _, f := range set.Kind("output") {
				if !f.Read {
					t.Inconclusivef("%s was not read: %s", f.Item.Name(), f.Reason)
				}
			}
		},
	}
}
