package refserver

import (
	"bytes"
	"regexp"
)

// deletedEdit edits every line of deleted files.
func deletedEdit(edit func([]byte) []byte) func(*Behaviour) {
	return onFile(deletions, func(a *Answer) { a.Line = func(_ int, line []byte) []byte { return edit(bytes.Clone(line)) } })
}

// rewritten replaces what a pattern matches.
func rewritten(pattern, repl string) func([]byte) []byte {
	re := regexp.MustCompile(pattern)
	return func(line []byte) []byte { return re.ReplaceAll(line, []byte(repl)) }
}

// deletedFaults break the Bundles of deleted files. They are written with their members in the order of the alphabet:
// {"entry":[{"request":{"method":"DELETE","url":"Patient/1"}}],"id":…,"resourceType":"Bundle","type":"transaction"}.
func deletedFaults() []Fault {
	return []Fault{
		{
			Name: "file-deleted-history", Area: "file",
			Doc:    "Deletions come as Bundles of type history, like those of FHIR's history interaction.",
			Caught: []string{"file.deleted-bundles"},
			Apply:  deletedEdit(replaceFirst(`"transaction"`, `"history"`)),
		},
		{
			Name: "file-deleted-resources", Area: "file",
			Doc:    "Deleted files hold the last state of the deleted resources in place of Bundles; clients would store them again.",
			Caught: []string{"file.deleted-bundles"},
			Apply:  deletedEdit(func([]byte) []byte { return []byte(`{"resourceType":"Patient","id":"gone"}`) }),
		},
		{
			Name: "file-deleted-plain-text", Area: "file",
			Doc:    "Deleted files list references as plain text.",
			Caught: []string{"file.deleted-bundles"},
			Apply:  deletedEdit(func([]byte) []byte { return []byte(`Patient/gone`) }),
		},
		{
			Name: "file-deleted-invalid-bundle", Area: "file",
			Doc:    "Bundles of deletions have an element that FHIR does not know.",
			Caught: []string{"file.deleted-bundles"},
			Apply:  deletedEdit(afterBrace(`"deletedAt":"2025-01-01",`)),
		},
		{
			Name: "file-deleted-empty-bundle", Area: "file",
			Doc:    "Bundles of deletions have no entry.",
			Caught: []string{"file.deleted-entries"},
			Apply:  deletedEdit(rewritten(`"entry":\[.*\],"id"`, `"id"`)),
		},
		{
			Name: "file-deleted-full-url-only", Area: "file",
			Doc:    "Entries of deletions have a fullUrl and no request.",
			Caught: []string{"file.deleted-requests"},
			Apply:  deletedEdit(rewritten(`\{"request":\{"method":"DELETE","url":"([^"]*)"\}\}`, `{"fullUrl":"http://example.org/$1"}`)),
		},
		{
			Name: "file-deleted-no-url", Area: "file",
			Doc:    "Entries of deletions have a method and no url, so that nobody knows what was deleted.",
			Caught: []string{"file.deleted-requests"},
			Apply:  deletedEdit(rewritten(`,"url":"[^"]*"`, ``)),
		},
		{
			Name: "file-deleted-no-method", Area: "file",
			Doc:    "Entries of deletions have a url and no method.",
			Caught: []string{"file.deleted-requests"},
			Apply:  deletedEdit(rewritten(`"method":"DELETE",`, ``)),
		},
		{
			Name: "file-deleted-conditional", Area: "file",
			Doc:    "Entries of deletions have a search in place of a reference, so that clients cannot tell which resource is meant.",
			Warned: []string{"file.deleted-requests"},
			Apply:  deletedEdit(rewritten(`"url":"Patient/([^"]*)"`, `"url":"Patient?_id=$1"`)),
		},
		{
			Name: "file-deleted-put", Area: "file",
			Doc:    "The method of deletions is PUT.",
			Caught: []string{"file.deleted-method"},
			Apply:  deletedEdit(rewritten(`"DELETE"`, `"PUT"`)),
		},
		{
			Name: "file-deleted-lower-case", Area: "file",
			Doc:    "The method of deletions is delete, in lower case, which is no code.",
			Caught: []string{"file.deleted-method"},
			Apply:  deletedEdit(rewritten(`"DELETE"`, `"delete"`)),
		},
		{
			Name: "file-deleted-exported", Area: "file",
			Doc:    "A resource is listed as deleted and exported in the same breath; what a client ends up with depends on its order.",
			Caught: []string{"file.deleted-not-in-output"},
			Apply: func(b *Behaviour) {
				b.Extra = func(j JobInfo) []ExtraFile {
					if j.Export.Since.IsZero() || j.Export.Lenient {
						return nil
					}
					return []ExtraFile{
						{Kind: OutputFile, Type: "Patient", Lines: []string{`{"resourceType":"Patient","id":"risen"}`}},
						{Kind: DeletedFile, Type: "Bundle", Lines: []string{`{"resourceType":"Bundle","type":"transaction",` +
							`"entry":[{"request":{"method":"DELETE","url":"http://example.org/r4/Patient/risen"}}]}`}},
					}
				}
			},
		},
	}
}
