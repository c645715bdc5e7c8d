package files

import (
	"context"
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/checks/session"
)

const deletedDoc = " Skipped where the server refuses _since or lists no deleted files: it may have nothing to tell, or reasons not to tell it."

// deletedRule is a check of the lines of deleted files.
type deletedRule struct {
	id, title, doc string
	requires       []string
	judge          func(g ndjson.Group) (requirement string, warn bool)
}

// deletedCheck reads the deleted files of an export with a _since of long ago.
func deletedCheck(r deletedRule) checks.Check {
	return checks.Check{
		ID: r.id, Title: r.title, Doc: r.doc + deletedDoc, Requires: r.requires, Exports: changes,
		Run: func(_ context.Context, t *checks.T) {
			_, files := deletedFiles(t)
			var bundles, entries int64
			var unread *session.File
			for _, f := range files {
				bundles, entries = bundles+f.Summary.Lines, entries+f.Deletions
				for _, g := range f.Summary.Groups {
					if req, warn := r.judge(g); req != "" {
						reportGroup(t, req, warn, f, g)
					}
				}
				if !f.Read {
					unread = f
				}
			}
			t.Examined("%d files with %d Bundles and %d entries", len(files), bundles, entries)
			if unread != nil {
				t.Inconclusivef("%s was not read to its end: %s", unread.Item.Name(), unread.Reason)
			}
		},
	}
}

// deletedFiles returns the files of the export with _since and those of deletions; the check is skipped if there are none.
func deletedFiles(t *checks.T) (*session.FileSet, []*session.File) {
	ex, set, why := other(t, session.SinceLongAgo)
	switch {
	case ex.State == session.Refused:
		// _since is required of a server, and the request names an _outputFormat besides: either refusal hides the files.
		t.Inconclusivef("the server refuses the export with _since and _outputFormat, which its own checks judge: %s", ex.Reason)
	case why != "":
		t.Inconclusivef("%s", why)
	}
	files := set.Kind("deleted")
	if len(files) == 0 {
		t.Skipf("the manifest of an export with _since lists no deleted files, which is legal")
	}
	return set, files
}

// reportGroup makes one finding of a group: the first place is named, the rest counted.
func reportGroup(t *checks.T, req string, warn bool, f *session.File, g ndjson.Group) {
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
	if warn {
		t.Warns(req, at, "%s", text)
	} else {
		t.Violates(req, at, "%s", text)
	}
}

// The rules below are those of export.html#response---output-manifest, field deleted: "Each line in the output file SHALL
// contain a FHIR Bundle with a type of transaction which SHALL contain one or more entry items that reflect a deleted
// resource. In each entry, the request.url and request.method elements SHALL be populated. The request.method element SHALL
// be set to DELETE."

func deletedBundles() checks.Check {
	return deletedCheck(deletedRule{
		id: "file.deleted-bundles", title: "Each line of a deleted file is a Bundle of type transaction",
		doc: "Every line of every deleted file is valid JSON and a Bundle whose type is transaction, and the Bundle is valid FHIR by the definitions of " +
			"the server's version. Its entries are judged by the checks beside this one.",
		requires: []string{"MANIFEST-025"},
		judge: func(g ndjson.Group) (string, bool) {
			switch {
			case g.Rule == session.RuleDeletedType:
			case strings.HasPrefix(g.Path, "Bundle.entry.request"), g.Rule == session.RuleDeletedEmpty:
				return "", false
			case g.Rule == ndjson.RuleTypeMismatch, g.Rule == ndjson.RuleTypeMissing, notLines(g), strings.HasPrefix(g.Rule, "fhir.") && g.Severity == resource.Error:
			default:
				return "", false
			}
			return "MANIFEST-025", false
		},
	})
}

// notLines reports whether a group is of the rules by which a line is no JSON object.
func notLines(g ndjson.Group) bool {
	if strings.HasPrefix(g.Rule, "json.") {
		return true
	}
	switch g.Rule {
	case ndjson.RuleInvalidUTF8, ndjson.RuleUTF16, ndjson.RuleTwoValues, ndjson.RuleTrailingData, ndjson.RuleNotObject, ndjson.RuleBareCR:
		return true
	}
	return false
}

func deletedEntries() checks.Check {
	return deletedCheck(deletedRule{
		id: "file.deleted-entries", title: "Each Bundle of a deleted file has an entry",
		doc:      "entry is an array of one or more items. An empty Bundle tells of no deletion.",
		requires: []string{"MANIFEST-026"},
		judge: func(g ndjson.Group) (string, bool) {
			if g.Rule == session.RuleDeletedEmpty {
				return "MANIFEST-026", false
			}
			return "", false
		},
	})
}

func deletedRequests() checks.Check {
	return deletedCheck(deletedRule{
		id: "file.deleted-requests", title: "Each entry of a deleted file says in request.method and request.url what was deleted",
		doc: "Both are there and not empty. The url may be relative or absolute, and with or without a version. A url that names no single resource, " +
			"such as a conditional DELETE, is a warning: nobody can act on it, yet the sentence only wants it to be populated.",
		requires: []string{"MANIFEST-027"},
		judge: func(g ndjson.Group) (string, bool) {
			switch g.Rule {
			case session.RuleDeletedRequest:
				return "MANIFEST-027", false
			case session.RuleDeletedURL:
				return "MANIFEST-027", true
			}
			return "", false
		},
	})
}

func deletedMethod() checks.Check {
	return deletedCheck(deletedRule{
		id: "file.deleted-method", title: "request.method of each entry of a deleted file is DELETE",
		doc:      "The value is exactly DELETE. PUT, POST and lower case are violations; an absent method is judged by file.deleted-requests.",
		requires: []string{"MANIFEST-028"},
		judge: func(g ndjson.Group) (string, bool) {
			if g.Rule == session.RuleDeletedMethod {
				return "MANIFEST-028", false
			}
			return "", false
		},
	})
}

func deletedNotInOutput() checks.Check {
	return checks.Check{
		ID:    "file.deleted-not-in-output",
		Title: "No resource is both listed as deleted and exported",
		// export.html#response---output-manifest: "Resources that appear in the 'deleted' section of an export manifest SHALL NOT
		// appear in the 'output' section of the manifest."
		Doc: "Type and id of every entry in the deleted files are looked for among all resources in the output files of the same export, a million " +
			"deletions at most. A resource that was created again under its id may be exported, but then it is not listed as deleted." + deletedDoc,
		Requires: []string{"MANIFEST-024"},
		Exports:  changes,
		Run: func(_ context.Context, t *checks.T) {
			set, files := deletedFiles(t)
			var entries int64
			for _, f := range files {
				entries += f.Deletions
			}
			t.Examined("%d deletions, %d resources", entries, set.Resources())
			for _, p := range set.Problems {
				if p.Rule == session.RuleDeletedExported {
					reportProblem(t, "MANIFEST-024", set, p)
				}
			}
			if set.DeletionsLost > 0 {
				t.Inconclusivef("%d deletions were too many to be looked for", set.DeletionsLost)
			}
			for _, f := range set.Files {
				if !f.Read {
					t.Inconclusivef("%s was not read: %s", f.Item.Name(), f.Reason)
				}
			}
		},
	}
}

// reportProblem makes one finding of what is wrong in several files.
func reportProblem(t *checks.T, req string, set *session.FileSet, p session.Problem) {
	at, text := set.Place(p)
	t.Violates(req, at, "%s", text)
}
