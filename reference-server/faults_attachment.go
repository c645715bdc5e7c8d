package refserver

import (
	"net/http"
	"strings"
)

func init() { registerFaults(attachmentFaults()...) }

// onAttachment returns a hook that edits the answers for the content of attachments.
func onAttachment(edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.ThenAnswer(func(a *Answer) {
			if a.Endpoint == Attachment && a.Status == http.StatusOK {
				edit(a)
			}
		})
	}
}

// onDocuments edits the lines of all files of a type, in exports of everything.
func onDocuments(typ string, edit func([]byte) []byte) func(*Behaviour) {
	return onFile(func(a *Answer) bool { return output(a) && a.Job.FileType == typ }, func(a *Answer) {
		a.Line = func(_ int, line []byte) []byte { return edit(line) }
	})
}

// withExtension gives the resources of the last file of a type an extension with an attachment whose url is that path
// below the FHIR base.
func withExtension(typ, path string) func(*Behaviour) {
	return onFile(lastOf(typ), func(a *Answer) {
		url := "http://" + a.Request.Host + mount + path
		a.Line = func(_ int, line []byte) []byte {
			return afterBrace(`"extension":[{"url":"http://example.org/scan","valueAttachment":{"contentType":"image/png","url":"` + url + `"}}],`)(line)
		}
	})
}

func attachmentFaults() []Fault {
	faults := []Fault{
		{
			Name:   "attachment-no-content-type",
			Doc:    "Attachments do not say of which type they are, so that clients do not know how to show them.",
			Warned: []string{"attachment.content-type"},
			Apply:  onDocuments("DocumentReference", rewritten(`"attachment":\{"contentType":"[^"]*",`, `"attachment":{`)),
		},
		{
			Name:   "attachment-photo-no-content-type",
			Doc:    "The photo of a patient has no contentType; whoever looks at DocumentReference alone does not notice.",
			Warned: []string{"attachment.content-type"},
			Apply:  onFirst("Patient", `^\{`, `{"photo":[{"data":"iVBORw0KGgo="}],`),
		},
		{
			Name:   "attachment-title-only",
			Doc:    "Attachments have a title and neither data nor url: the content is nowhere to be had.",
			Warned: []string{"attachment.data-or-url"},
			Apply:  onDocuments("DocumentReference", rewritten(`"(url":"http[^"]*/paper/|data":")[^"]*",`, ``)),
		},
		{
			Name:   "attachment-one-empty",
			Doc:    "The report of the last DiagnosticReport has a title only.",
			Warned: []string{"attachment.data-or-url"},
			Apply:  onFirst("DiagnosticReport", `^\{`, `{"presentedForm":[{"contentType":"application/pdf","title":"Report"}],`),
		},
		{
			Name:   "attachment-relative",
			Doc:    "Attachments refer to Binary/… relative to a server that the file does not name.",
			Caught: []string{"attachment.url-absolute"},
			Apply:  onDocuments("DocumentReference", rewritten(`"url":"http[^"]*/paper/([^"]*)"`, `"url":"Binary/$1"`)),
		},
		{
			Name:   "attachment-relative-report",
			Doc:    "One DiagnosticReport has a report with a path in place of a URL, all DocumentReferences are fine.",
			Caught: []string{"attachment.url-absolute"},
			Apply:  onFirst("DiagnosticReport", `^\{`, `{"presentedForm":[{"contentType":"application/pdf","url":"/reports/1.pdf"}],`),
		},
		{
			Name: "attachment-relative-beside-data", Versions: []string{"2.0.0"},
			Doc:    "Attachments with data have a relative url as well, which 2.0.0 does not allow.",
			Caught: []string{"attachment.url-absolute"},
			Apply:  onDocuments("DocumentReference", rewritten(`"data":"`, `"url":"/files/1","data":"`)),
		},
		{
			Name:   "attachment-not-found",
			Doc:    "The URLs of attachments lead nowhere: the proxy in front of the server does not know them.",
			Caught: []string{"attachment.dereferenceable"},
			Apply:  onAttachment(func(a *Answer) { a.refused(http.StatusNotFound, "not-found", "no such document") }),
		},
		{
			Name:   "attachment-pdf-missing",
			Doc:    "PDF documents are not there, plain texts are.",
			Caught: []string{"attachment.dereferenceable"},
			Apply: onAttachment(func(a *Answer) {
				if strings.HasPrefix(a.Header.Get("Content-Type"), "application/pdf") {
					a.refused(http.StatusInternalServerError, "exception", "no such document")
				}
			}),
		},
		{
			Name:   "attachment-empty",
			Doc:    "The URLs of attachments are answered with 200 and nothing.",
			Caught: []string{"attachment.dereferenceable"},
			Apply:  onAttachment(func(a *Answer) { a.Body = []byte{} }),
		},
		{
			Name:   "attachment-cut-short",
			Doc:    "Attachments break off in the middle.",
			Caught: []string{"attachment.dereferenceable"},
			Apply:  onAttachment(func(a *Answer) { a.DropAfter = 50 }),
		},
		{
			Name:   "attachment-dead-in-extension",
			Doc:    "An attachment in an extension leads nowhere; whoever looks at known elements alone does not notice.",
			Caught: []string{"attachment.dereferenceable"},
			Apply:  withExtension("Condition", "/vault/paper/none"),
		},
		{
			Name:   "attachment-token-refused",
			Doc:    "The access token that fetches the files is refused with 403 for attachments.",
			Caught: []string{"attachment.token-accepted"},
			Apply:  onAttachment(func(a *Answer) { a.refused(http.StatusForbidden, "forbidden", "not for this client") }),
		},
		{
			Name:   "attachment-token-unknown",
			Doc:    "The document server does not know the access tokens of the FHIR server and wants others.",
			Caught: []string{"attachment.token-accepted"},
			Apply: onAttachment(func(a *Answer) {
				a.refused(http.StatusUnauthorized, "login", "unknown token")
				a.Header.Set("WWW-Authenticate", `Bearer realm="documents", error="invalid_token"`)
			}),
		},
		{
			Name:   "attachment-basic-login",
			Doc:    "The document server wants a user name and a password beside the access token.",
			Caught: []string{"attachment.no-more-credentials"},
			Apply: onAttachment(func(a *Answer) {
				a.refused(http.StatusUnauthorized, "login", "who are you")
				a.Header.Set("WWW-Authenticate", `Basic realm="documents"`)
			}),
		},
		{
			Name:   "attachment-closed-though-open",
			Doc:    "requiresAccessToken is false and the files are open; attachments are not.",
			Caught: []string{"attachment.token-accepted"},
			Apply: func(b *Behaviour) {
				b.ThenManifest(func(m map[string]any, _ JobInfo) { m["requiresAccessToken"] = false })
				b.Access = func(a AccessRequest, allowed bool) bool { return allowed || a.Endpoint == File }
			},
		},
		{
			Name:   "attachment-wrong-size",
			Doc:    "size is not that of the content.",
			Warned: []string{"attachment.content-as-described"},
			Apply:  onDocuments("DocumentReference", rewritten(`("url":"http[^"]*/paper/[^"]*",)"size":`, `$1"size":9`)),
		},
		{
			Name:   "attachment-wrong-hash",
			Doc:    "hash is that of something else.",
			Warned: []string{"attachment.content-as-described"},
			Apply:  onDocuments("DocumentReference", rewritten(`("url":"http[^"]*/paper/[^"]*","size":[0-9]+,)"hash":"[^"]*"`, `$1"hash":"2jmj7l5rSw0yVb/vlWAYkK/YBwk="`)),
		},
		{
			Name:   "attachment-wrong-type",
			Doc:    "The URLs of attachments lead to pages that show them in place of the documents.",
			Warned: []string{"attachment.content-as-described"},
			Apply:  onAttachment(func(a *Answer) { a.Header.Set("Content-Type", "text/html") }),
		},
		{
			Name:   "attachment-wrong-inline-size",
			Doc:    "size of attachments with data is the length of the base64 text.",
			Warned: []string{"attachment.content-as-described"},
			Apply:  onDocuments("DocumentReference", rewritten(`("data":"[^"]*",)"size":`, `$1"size":1`)),
		},
	}
	for i := range faults {
		faults[i].Area = "attachment"
	}
	return faults
}
