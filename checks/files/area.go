// Package files judges how output files are served and how they are put together (export.html#bulk-data-output-file-request).
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
			"resources. Files of messages and of deletions come from exports that ask for them. What stands on the lines of the plain export is " +
			"judged in area ndjson.",
		Checks: []checks.Check{
			listedFilesAnswer(),
			status200(),
			contentType(),
			contentEncoding(),
			contentLength(),
			complete(),
			count(),
			stillThere(),
			acceptDefault(),
			uncompressed(),
			offeredEncodings(),
			byteRange(),
			deletedBundles(),
			deletedEntries(),
			deletedRequests(),
			deletedMethod(),
			deletedNotInOutput(),
			blockHeaders(),
			blockResources(),
			blockMembers(),
			blocksWhole(),
			blocksContinued(),
			blocksNamed(),
			blockCompartment(),
			linkedFiles(),
		},
	}
}

// Exports that checks of this area look at.
var (
	baseline = []session.Scenario{session.Baseline}
	changes  = []session.Scenario{session.SinceLongAgo}
	all      = []session.Scenario{session.Baseline, session.Lenient, session.SinceLongAgo}
)

// other returns the files of an export that the server may have refused, or why there are none.
func other(t *checks.T, sc session.Scenario) (*session.Export, *session.FileSet, string) {
	ex := t.Session().Export(sc)
	if ex.State != session.Completed || ex.Manifest.Tree == nil {
		return ex, nil, fmt.Sprintf("the export (%s) did not complete with a readable manifest: %s", ex.Scenario, ex.Reason)
	}
	set := t.Session().Files(ex)
	return ex, set, set.Reason
}

// every calls f for every file of the plain export, for the error files of the export with handling=lenient and for the
// deleted files of the export with _since. A server may refuse the last two.
func every(t *checks.T, f func(*session.Export, *session.File)) (n int) {
	ex, set := t.Files(session.Baseline)
	call := func(ex *session.Export, set *session.FileSet, kind string) {
		if set == nil {
			return
		}
		for _, file := range set.Files {
			if kind == "" || file.Item.Kind == kind {
				n++
				f(ex, file)
			}
		}
	}
	call(ex, set, "")
	lenient, messages, _ := other(t, session.Lenient)
	call(lenient, messages, "error")
	changed, deletions, _ := other(t, session.SinceLongAgo)
	call(changed, deletions, "deleted")
	return n
}

// answered calls f for every file that was answered with 200, and then makes the check inconclusive if there was any that
// was not: another check of this area fails for it.
func answered(t *checks.T, f func(*session.File)) {
	var first *session.File
	n := 0
	all := every(t, func(_ *session.Export, file *session.File) {
		if file.Response == nil || file.Response.Status != 200 {
			if first == nil {
				first = file
			}
			return
		}
		n++
		f(file)
	})
	t.Examined("%d of %d files", n, all)
	if first != nil {
		t.Inconclusivef("%s was not judged: %s", first.Item.Name(), first.Reason)
	}
}

// name names a file for a sentence.
func name(f *session.File) string { return fmt.Sprintf("the file %s", f.Item.Name()) }
