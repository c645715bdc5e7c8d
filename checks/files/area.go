// Package files judges how output files are served (export.html#bulk-data-output-file-request).
package files

import (
	"fmt"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "file",
		Title: "Output files",
		Doc: "Each file that a manifest lists is fetched once, without being kept: status, Content-Type, Content-Encoding, length, and number of " +
			"resources. What stands on the lines is judged in area ndjson.",
		Checks: []checks.Check{
			listedFilesAnswer(),
			status200(),
			contentType(),
			contentEncoding(),
			complete(),
			count(),
			acceptDefault(),
		},
	}
}

var baseline = []session.Scenario{session.Baseline}

// answered calls f for every file of the plain export that was answered with 200, and then makes the check inconclusive
// if there was any that was not: another check of this area fails for it.
func answered(t *checks.T, f func(*session.File)) {
	_, set := t.Files(session.Baseline)
	var first *session.File
	n := 0
	for _, file := range set.Files {
		if file.Response == nil || file.Response.Status != 200 {
			if first == nil {
				first = file
			}
			continue
		}
		n++
		f(file)
	}
	t.Examined("%d of %d files", n, len(set.Files))
	if first != nil {
		t.Inconclusivef("%s was not judged: %s", first.Item.Name(), first.Reason)
	}
}

// name names a file for a sentence.
func name(f *session.File) string { return fmt.Sprintf("the file %s", f.Item.Name()) }
