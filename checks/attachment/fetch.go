package attachment

import (
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"hash"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"golang.org/x/sync/errgroup"
)

// fetched is what the URL of an attachment led to.
type fetched struct {
	session.Attachment
	response *session.Response
	size     int64  // of the body, decoded; -1 if it was not read to its end
	hash     string // SHA-1 in base64, as in Attachment.hash
	withheld bool   // the token was not sent, since the URL lies on an origin that the suite does not trust
}

// observation counts a request for each attachment that is sampled.
var observation = []checks.Observation{{Name: "attachments", Cost: checks.Cost{Downloads: 20}}}

// maxTries is how often an attachment is asked for that is answered with 429 or 503.
const maxTries = 4

// fetch requests the chosen attachments by the rule of the manifest's requiresAccessToken, once for all checks.
func fetch(t *checks.T) (*session.FileSet, []fetched) {
	ex, set, n := attachments(t)
	if len(set.Attachments) == 0 {
		for _, f := range set.Kind("output") {
			if !f.Read {
				t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
			}
		}
		if n.WithURL > 0 {
			t.Inconclusivef("none of the %d urls of attachments can be requested (see attachment.url-absolute)", n.WithURL)
		}
		t.Skipf("all %d attachments hold their data, so that there is no url to follow", n.Total)
	}
	s := t.Session()
	return set, session.Shared(s, "attachments", func(ctx context.Context) []fetched {
		out := make([]fetched, len(set.Attachments))
		var g errgroup.Group
		g.SetLimit(s.Config().Parallel)
		for i, a := range set.Attachments {
			g.Go(func() error {
				out[i] = fetchOne(ctx, s, ex.Manifest, a)
				return nil
			})
		}
		_ = g.Wait()
		return out
	})
}

func fetchOne(ctx context.Context, s *session.Session, m *session.Manifest, a session.Attachment) fetched {
	f := fetched{Attachment: a, size: -1}
	req := session.Request{URL: a.URL, Purpose: "attachment", Header: http.Header{"Accept": {"*/*"}}}
	if m.RequiresAccessToken {
		f.withheld = !s.TokenAllowedAt(a.URL)
	} else {
		req.Credentials = session.NoToken
	}
	ctx, cancel := context.WithTimeout(ctx, s.Config().FileTimeout)
	defer cancel()
	for try := 0; ; try++ {
		sum := sha1.New()
		f.response = s.Client("").Stream(ctx, req, func(r *session.Response, body io.Reader) error {
			if r.Status != http.StatusOK {
				return nil
			}
			size, err := content(r, body, sum, s.Config().MaxFile)
			f.size = size
			return err
		})
		if f.size >= 0 && f.response.Err == nil {
			f.hash = base64.StdEncoding.EncodeToString(sum.Sum(nil))
		} else {
			f.size = -1
		}
		if !busy(f.response) || try == maxTries {
			return f
		}
		wait, named := session.RetryAfter(f.response, s.Now())
		if !named {
			wait = time.Second << try
		}
		if wait > s.Config().FileTimeout || s.Sleep(ctx, wait) != nil {
			return f
		}
	}
}

// content reads a body to its end and hashes it. Nothing but identity was asked for; gzip is decoded all the same.
func content(r *session.Response, body io.Reader, sum hash.Hash, most int64) (int64, error) {
	if strings.EqualFold(strings.TrimSpace(r.Header.Get("Content-Encoding")), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return -1, err
		}
		body = z
	}
	n, err := io.Copy(sum, io.LimitReader(body, most))
	if err == nil && n == most {
		n = -1 // longer than the bound: size and hash are not known
	}
	return n, err
}

func busy(r *session.Response) bool {
	return r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
}

// refused reports whether an answer is about credentials.
func (f *fetched) refused() bool {
	return f.response.Status == http.StatusUnauthorized || f.response.Status == http.StatusForbidden
}

func (f *fetched) at() checks.Evidence {
	e := f.response.At()
	e.File, e.Line, e.Pointer = f.File, f.Line, f.Pointer
	return e
}

// other reports whether a refusal asks for credentials that are none of the access token's: another scheme than Bearer.
func (f *fetched) other() (string, bool) {
	if f.response.Status != http.StatusUnauthorized {
		return "", false
	}
	found := ""
	for _, v := range f.response.Header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(v), " ")
		if strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		if found == "" {
			found = scheme
		}
	}
	return printable(found), found != ""
}

func dereferenceable() checks.Check {
	return checks.Check{
		ID:    "attachment.dereferenceable",
		Title: "The url of an attachment leads to its content",
		// export.html#attachments: "an absolute url that can be de-referenced to the attachment's content".
		Doc: "A GET of the url, with or without the access token as requiresAccessToken says, is answered with 200 and a body that is not empty and can be " +
			"read to its end. Redirects are followed, without the token to other origins. 401 and 403 are judged by attachment.token-accepted and " +
			"attachment.no-more-credentials. 429 and 503 are repeated and then inconclusive, and so are hosts that cannot be reached, since they may " +
			"be reachable for clients elsewhere." + skippedDoc,
		Requires: []string{"ATTACHMENT-004"},
		Exports:  baseline,
		Observes: observation,
		Run: func(_ context.Context, t *checks.T) {
			set, list := fetch(t)
			unsure := ""
			for _, f := range list {
				r := f.response
				switch {
				case r.Status == 0:
					unsure = where(f.Attachment) + ": " + r.Err.Error()
				case busy(r):
					unsure = where(f.Attachment) + ": " + r.Describe()
				case f.refused():
				case r.Status != http.StatusOK:
					t.Violates("ATTACHMENT-004", f.at(), "%s: the url is answered with HTTP %d", where(f.Attachment), r.Status)
				case r.Err != nil:
					t.Violates("ATTACHMENT-004", f.at(), "%s: the content cannot be read to its end: %v", where(f.Attachment), r.Err)
				case r.Bytes == 0:
					t.Violates("ATTACHMENT-004", f.at(), "%s: the url is answered with an empty body", where(f.Attachment))
				}
			}
			finish(t, set, list, unsure)
		},
	}
}

// finish says how much was looked at and what could not be judged.
func finish(t *checks.T, set *session.FileSet, list []fetched, unsure string) {
	_, _, n := attachments(t)
	t.Examined("%d of %d attachments with a url", len(list), n.WithURL)
	if set.AttachmentsLost > 0 {
		t.Inconclusivef("%d urls were too many or too long to be kept", set.AttachmentsLost)
	}
	if unsure != "" {
		t.Inconclusivef("%s", unsure)
	}
}

func tokenAccepted() checks.Check {
	return checks.Check{
		ID:    "attachment.token-accepted",
		Title: "Attachments can be fetched by the same rule for tokens as the files",
		// export.html#attachments: with requiresAccessToken true "the url location must be accessible by a client with a valid access
		// token", with false "without an access token".
		Doc: "With requiresAccessToken true the url is requested with the access token that fetched the files, otherwise without one: 401 and 403 are " +
			"violations. The token is sent to the server's own origin and those named with --trust-origin only; another host is tried without and is " +
			"inconclusive if it refuses. A demand for other credentials is judged by attachment.no-more-credentials." + skippedDoc,
		Requires: []string{"ATTACHMENT-005", "ATTACHMENT-007"},
		Exports:  baseline,
		Observes: observation,
		Run: func(_ context.Context, t *checks.T) {
			set, list := fetch(t)
			ex := t.Export(session.Baseline)
			unsure := ""
			for _, f := range list {
				_, other := f.other()
				switch {
				case busy(f.response), f.response.Status == 0:
					unsure = where(f.Attachment) + ": " + f.response.Describe()
				case !f.refused():
				case f.withheld, ex.Manifest.RequiresAccessToken && f.response.Redirects > 0 && !f.response.SentToken:
					unsure = where(f.Attachment) + ": the url is refused without the access token, which the suite sends only to origins named with --trust-origin"
				case ex.Manifest.RequiresAccessToken && other:
				case ex.Manifest.RequiresAccessToken:
					t.Violates("ATTACHMENT-005", f.at(), "%s: the url is refused with HTTP %d in spite of the access token that fetched the files", where(f.Attachment), f.response.Status)
				default:
					t.Violates("ATTACHMENT-007", f.at(), "%s: requiresAccessToken is false, and the url is refused with HTTP %d without a token", where(f.Attachment), f.response.Status)
				}
			}
			finish(t, set, list, unsure)
		},
	}
}

func noMoreCredentials() checks.Check {
	return checks.Check{
		ID:    "attachment.no-more-credentials",
		Title: "Attachments want no credentials beyond the access token",
		// export.html#attachments: "… and SHALL NOT require the use of additional authentication credentials".
		Doc: "Where requiresAccessToken is true and the token was sent, no url is answered with 401 and a challenge of another scheme than Bearer, such as " +
			"Basic. Client certificates and network rules that the API itself demands are nothing additional." + skippedDoc,
		Requires: []string{"ATTACHMENT-006"},
		Exports:  baseline,
		Observes: observation,
		Run: func(_ context.Context, t *checks.T) {
			set, list := fetch(t)
			if !t.Export(session.Baseline).Manifest.RequiresAccessToken {
				t.Note("requiresAccessToken is false, so that no credentials at all are in question; see attachment.token-accepted")
			} else {
				for _, f := range list {
					if scheme, ok := f.other(); ok && f.response.SentToken {
						t.Violates("ATTACHMENT-006", f.at(), "%s: the url demands credentials of the scheme %s beside the access token", where(f.Attachment), scheme)
					}
				}
			}
			unsure := ""
			for _, f := range list {
				if busy(f.response) || f.response.Status == 0 {
					unsure = where(f.Attachment) + ": " + f.response.Describe()
				}
			}
			finish(t, set, list, unsure)
		},
	}
}

func contentAsDescribed() checks.Check {
	return checks.Check{
		ID:    "attachment.content-as-described",
		Title: "The content of an attachment is what the attachment says",
		// FHIR datatypes.html#attachment: size is the number of bytes of the content, hash its SHA-1 in base64, contentType its media
		// type; export.html#attachments: the url leads to "the attachment's content".
		Doc: "Where size or hash are given they are those of the data, or of the body that the url leads to. The Content-Type of the answer has the media " +
			"type of contentType, parameters aside; application/octet-stream and a FHIR Binary in its place are noted. All of it is a warning: a " +
			"server may convert documents on their way." + skippedDoc,
		Requires: []string{"ATTACHMENT-004"},
		Exports:  baseline,
		Observes: observation,
		Run: func(_ context.Context, t *checks.T) {
			_, all, n := attachments(t)
			for _, p := range all.Problems {
				if p.Rule == session.RuleAttachmentInline {
					at, text := all.Place(p)
					t.Warns("ATTACHMENT-004", at, "%s", text)
				}
			}
			t.Examined("%d attachments with data", n.WithData)
			if n.WithURL == 0 {
				return
			}
			set, list := fetch(t)
			unsure := ""
			for _, f := range list {
				if f.response.Status != http.StatusOK || f.size <= 0 {
					unsure = where(f.Attachment) + " was not fetched: " + f.response.Describe()
					continue
				}
				is, want := f.response.MediaType(), mediaType(f.ContentType)
				if strings.HasPrefix(is, "application/fhir+") && is != want {
					t.Note("%s: the url leads to a FHIR resource in place of the content itself; its size and hash were not compared", where(f.Attachment))
					continue
				}
				switch {
				case f.Size >= 0 && f.Size != f.size:
					t.Warns("ATTACHMENT-004", f.at(), "%s: the size is given as %d bytes, the url leads to %d", where(f.Attachment), f.Size, f.size)
				case f.Hash != "" && f.Hash != f.hash:
					t.Warns("ATTACHMENT-004", f.at(), "%s: the hash is not the SHA-1 of what the url leads to", where(f.Attachment))
				}
				switch {
				case want == "" || is == want:
				case is == "application/octet-stream" || is == "":
					t.Note("%s: the content comes without a telling Content-Type", where(f.Attachment))
				default:
					t.Warns("ATTACHMENT-004", f.at(), "%s: contentType says %s, the url leads to %s", where(f.Attachment), printable(want), printable(is))
				}
			}
			finish(t, set, list, unsure)
		},
	}
}

// mediaType returns the media type without parameters in lower case, "" if it is none.
func mediaType(v string) string {
	t, _, err := mime.ParseMediaType(v)
	if err != nil {
		return ""
	}
	return t
}
