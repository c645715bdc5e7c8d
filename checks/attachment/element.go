package attachment

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

func contentType() checks.Check {
	return checks.Check{
		ID:    "attachment.content-type",
		Title: "Attachments say of which type they are",
		// export.html#attachments: "the server SHOULD populate the Attachment.contentType code".
		Doc: "Every attachment has a contentType that is not empty, with data as well as with a url. Its form is a matter of FHIR and judged by " +
			"ndjson.valid-resource." + skippedDoc,
		Requires: []string{"ATTACHMENT-001"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			rules(t, violates(t), map[string]string{session.RuleAttachmentType: "ATTACHMENT-001"})
		},
	}
}

func dataOrURL() checks.Check {
	return checks.Check{
		ID:    "attachment.data-or-url",
		Title: "Attachments have data or a url",
		// export.html#attachments: "… as well as either the data element or the url element".
		Doc: "Every attachment has one of the two, and both pass. FHIR itself allows neither, such as a title alone: a warning, since the client " +
			"cannot get at the content." + skippedDoc,
		Requires: []string{"ATTACHMENT-002"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			rules(t, violates(t), map[string]string{session.RuleAttachmentEmpty: "ATTACHMENT-002"})
		},
	}
}

func urlAbsolute() checks.Check {
	return checks.Check{
		ID:    "attachment.url-absolute",
		Title: "The url of an attachment is absolute",
		// 2.0.0 export.html#attachments: "The url element, if populated, SHALL be an absolute url"; 3.0.0: "If the data element is not
		// populated and the url element is populated, the url element SHALL be an absolute url".
		Doc: "Every url has a scheme. Binary/123 and /files/1.pdf are violations: whoever stores the file no longer knows what they are relative to. From " +
			"3.0.0 on this holds only where there is no data beside the url. Schemes other than http and https are noted." + skippedDoc,
		Requires: []string{"ATTACHMENT-003"},
		Exports:  baseline,
		Run: func(_ context.Context, t *checks.T) {
			byRule := map[string]string{session.RuleAttachmentURL: "ATTACHMENT-003"}
			if t.IG() == spec.V200 {
				byRule[session.RuleAttachmentURLWithData] = "ATTACHMENT-003"
			}
			_, set, _ := attachments(t)
			for _, p := range set.Problems {
				if p.Rule == session.RuleAttachmentScheme {
					t.Note("%d urls of %s have a scheme other than http and https", p.Count, p.Path)
				}
			}
			rules(t, violates(t), byRule)
		},
	}
}

func violates(t *checks.T) func(string, checks.Evidence, string) {
	return func(req string, at checks.Evidence, text string) { t.Violates(req, at, "%s", text) }
}
