// Package attachment judges the attachments in exported resources (export.html#attachments).
package attachment

import (
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "attachment",
		Title: "Attachments",
		Doc: "Elements of type Attachment in all resources of the plain export, wherever the definitions of the server's FHIR version have them, in " +
			"extensions too. What they say is judged on every line; what their URLs lead to on twenty of them, spread over types and files, or on all " +
			"with --attachments all.",
		Checks: []checks.Check{
			contentType(),
			dataOrURL(),
			urlAbsolute(),
			dereferenceable(),
			tokenAccepted(),
			noMoreCredentials(),
			contentAsDescribed(),
		},
	}
}

var baseline = []session.Scenario{session.Baseline}

const skippedDoc = " Skipped where no exported resource has an attachment."

// attachments returns the files of the plain export and how many attachments they hold; the check is skipped if there
// are none.
func attachments(t *checks.T) (*session.Export, *session.FileSet, session.AttachmentTally) {
	ex, set := t.Files(session.Baseline)
	if set.Definitions == "" {
		t.Skipf("%s", set.DefinitionsReason)
	}
	var n session.AttachmentTally
	var unread *session.File
	for _, f := range set.Kind("output") {
		n.Total += f.Found.Total
		n.WithURL += f.Found.WithURL
		n.WithData += f.Found.WithData
		if !f.Read {
			unread = f
		}
	}
	if n.Total == 0 {
		if unread != nil {
			t.Inconclusivef("%s was not read to its end: %s", unread.Item.Name(), unread.Reason)
		}
		t.Skipf("no exported resource has an attachment")
	}
	return ex, set, n
}

// rules reports what was found on the lines by the given rules, and makes the check inconclusive if a file was not read.
func rules(t *checks.T, report func(requirement string, at checks.Evidence, text string), byRule map[string]string) {
	_, set, n := attachments(t)
	for _, p := range set.Problems {
		if req := byRule[p.Rule]; req != "" {
			at, text := set.Place(p)
			report(req, at, text)
		}
	}
	t.Examined("%d attachments, %d with data, %d with a url", n.Total, n.WithData, n.WithURL)
	for _, f := range set.Kind("output") {
		if !f.Read {
			t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
		}
	}
}

// where names an attachment for a sentence: by its place and not by its URL, which may hold secrets.
func where(a session.Attachment) string {
	return fmt.Sprintf("%s, line %d, %s", a.File, a.Line, a.Path)
}

// printable keeps a header value short and free of control characters.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return s
}
