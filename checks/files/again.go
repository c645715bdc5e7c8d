package files

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// maxAgain bounds the files that are fetched more than once, in decompressed bytes.
const maxAgain = 256 << 20

// again is the observation of output files of the plain export that are fetched a second time, just as the first time.
type again struct {
	pairs []pair // of the smallest file, then of the first and the last one
}

type pair struct {
	first, second *session.File
	renewed       bool // by a URL of the manifest fetched anew
}

// refetches counts the second fetches and those by renewed URLs.
var refetches = []checks.Observation{{Name: "files fetched again", Cost: checks.Cost{Downloads: 6}}}

// fetchedAgain fetches up to three output files of the plain export again, once for all who ask. Where a URL does not
// work any more, the manifest is fetched anew, since it may have renewed ones.
func fetchedAgain(t *checks.T) (*session.Export, *again) {
	ex, set := t.Files(session.Baseline)
	return ex, session.Shared(t.Session(), "files fetched again", func(ctx context.Context) *again {
		a := &again{}
		c := t.Session().Client("")
		var renewed *session.Manifest
		for _, f := range sample(set) {
			p := pair{first: f, second: c.Reread(ctx, ex, ex.Manifest, f.Item, nil)}
			if !p.second.Read && !busy(p.second) && ex.Location != "" {
				if renewed == nil {
					renewed = session.ReadManifest(c.Do(ctx, session.StatusRequest(ex.Location)))
				}
				if i := f.Item.Index; i < len(renewed.Output) && renewed.Output[i].Type == f.Item.Type && renewed.Output[i].Resolved != "" {
					p.second, p.renewed = c.Reread(ctx, ex, renewed, renewed.Output[i], nil), true
				}
			}
			a.pairs = append(a.pairs, p)
		}
		return a
	})
}

// sample chooses the smallest output file that was read, for requests of all kinds, and the first and the last.
func sample(set *session.FileSet) []*session.File {
	var small, first, last *session.File
	for _, f := range set.Kind("output") {
		if !f.Read || f.Summary.Lines == 0 || f.Summary.Bytes > maxAgain {
			continue
		}
		if small == nil || f.Summary.Bytes < small.Summary.Bytes {
			small = f
		}
		if first == nil {
			first = f
		}
		last = f
	}
	var out []*session.File
	for _, f := range []*session.File{small, first, last} {
		if f != nil && (len(out) == 0 || f != out[0]) && (len(out) < 2 || f != out[1]) {
			out = append(out, f)
		}
	}
	return out
}

func busy(f *session.File) bool {
	r := f.Response
	return r == nil || r.Status == 0 || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
}

func stillThere() checks.Check {
	return checks.Check{
		ID:    "file.still-there",
		Title: "A file can be fetched more than once, until the announced expiry",
		// export.html#bulk-data-output-file-request: files can be downloaded "within the time period specified in the Expires header
		// (if present)", and 3.0.0: "A client MAY re-fetch the output manifest if output links have expired".
		Doc: "Up to three output files of the plain export are fetched a second time while the moment in Expires lies ahead: the smallest, the first and " +
			"the last. They come with 200 and as many lines as before. Where a URL works once only, or for a short time, the manifest is fetched " +
			"anew and its URL is tried: renewing URLs is legal. Without a usable Expires header nothing is promised, and a file that is gone is " +
			"noted. 429 and 503 are repeated and then inconclusive. That files last until the very moment cannot be waited for.",
		Requires: []string{"FILE-030"},
		Exports:  baseline,
		Observes: refetches,
		Run: func(_ context.Context, t *checks.T) {
			ex, a := fetchedAgain(t)
			if len(a.pairs) == 0 {
				t.Inconclusivef("no output file of the plain export could be read the first time")
			}
			expiry, ok := ex.Expiry()
			skew, _ := t.Session().Skew()
			promised := ok && expiry.After(time.Now().Add(skew+time.Minute))
			unsure := ""
			for _, p := range a.pairs {
				f := p.second
				text := ""
				switch {
				case busy(f):
					unsure = f.Reason
					continue
				case f.Response.Status != http.StatusOK:
					text = "cannot be fetched a second time: HTTP " + strconv.Itoa(f.Response.Status)
				case !f.Read:
					text = "cannot be read to its end a second time"
				case f.Summary.Lines != p.first.Summary.Lines:
					text = "has another number of lines when it is fetched a second time"
				}
				switch {
				case text == "" && p.renewed:
					t.Note("%s could be fetched a second time only by a renewed URL", name(f))
				case text == "":
				case promised:
					t.Violates("FILE-030", f.At(), "%s %s", name(f), text)
				default:
					t.Note("%s %s; no moment in the future was announced by Expires", name(f), text)
				}
			}
			t.Examined("%d files", len(a.pairs))
			if unsure != "" {
				t.Inconclusivef("a second fetch could not be judged: %s", unsure)
			}
		},
	}
}

// twice returns the smallest output file of the plain export after it could be fetched a second time, so that what a
// request with other headers shows is the doing of those headers.
func twice(t *checks.T) (*session.Export, *session.File) {
	ex, a := fetchedAgain(t)
	if len(a.pairs) == 0 {
		t.Inconclusivef("no output file of the plain export could be read the first time")
	}
	p := a.pairs[0]
	if !p.second.Read || p.renewed {
		t.Inconclusivef("%s could not be fetched a second time just as the first time (see file.still-there)", p.first.Item.Name())
	}
	return ex, p.first
}

// glance requests the file with other headers and reads no more than the beginning of the body.
func glance(ctx context.Context, t *checks.T, ex *session.Export, f *session.File, edit func(http.Header)) (*session.Response, []byte) {
	req := ex.Manifest.FileRequest(f.Item)
	edit(req.Header)
	var head []byte
	r := t.Client().Glance(ctx, req, func(_ *session.Response, body io.Reader) (err error) {
		head, err = io.ReadAll(io.LimitReader(body, glanced))
		return err
	})
	if r.Status == 0 || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable {
		t.Inconclusivef("the request was answered with %s", r.Describe())
	}
	return r, head
}

// glanced is what is read of a body whose beginning is enough.
const glanced = 4 << 10

func acceptDefault() checks.Check {
	return checks.Check{
		ID:    "file.accept-default",
		Title: "A file request without Accept is answered like one with Accept: application/fhir+ndjson",
		// export.html#headers-1: Accept is optional and defaults to application/fhir+ndjson.
		Doc: "The smallest output file is fetched without an Accept header, and with Accept: */* as most HTTP tools send it. It comes with 200, and not " +
			"with another Content-Type than before. Any other fault of the answer is judged on the files that were asked for with Accept.",
		Requires: []string{"FILE-012", "ASYNC-040"},
		Exports:  baseline,
		Observes: refetches,
		Cost:     checks.Cost{Downloads: 2},
		Run: func(ctx context.Context, t *checks.T) {
			ex, f := twice(t)
			for _, c := range []struct {
				accept []string
				what   string
			}{{nil, "without an Accept header"}, {[]string{"*/*"}, "with Accept: */*"}} {
				r, _ := glance(ctx, t, ex, f, func(h http.Header) {
					h.Del("Accept")
					if c.accept != nil {
						h["Accept"] = c.accept
					}
				})
				switch {
				case r.Status != http.StatusOK:
					t.Violates("FILE-012", r.At(), "a request for a file is answered with 200 if Accept names NDJSON, and with HTTP %d %s", r.Status, c.what)
				case r.MediaType() != f.Response.MediaType():
					t.Violates("FILE-012", r.At(), "a file is sent as another media type %s: %s", c.what, printable(r.MediaType()))
				}
			}
			t.Examined("one file")
		},
	}
}

func uncompressed() checks.Check {
	return checks.Check{
		ID:    "file.uncompressed",
		Title: "A client that wants no compression gets the file uncompressed or as gzip, with the same resources",
		// 3.0.0 export.html#bulk-data-output-file-request: "A server SHALL provide output files as uncompressed, with gzip
		// compression, or with another compression format from the Accept-Encoding header", announced by Content-Encoding.
		Doc: "The smallest output file is fetched with Accept-Encoding: identity. It comes with 200 and has as many lines as before. gzip is legal even " +
			"so: the sentence allows it to servers whatever the client asked for. Any other encoding, gzip bytes that Content-Encoding does not " +
			"announce, and announced gzip that is none are violations.",
		Requires: []string{"FILE-008", "FILE-009", "FILE-013"},
		Exports:  baseline,
		Observes: refetches,
		Cost:     checks.Cost{Downloads: 1},
		Run: func(ctx context.Context, t *checks.T) {
			ex, f := twice(t)
			is := t.Client().Reread(ctx, ex, ex.Manifest, f.Item, func(r *session.Request) { r.Header.Set("Accept-Encoding", "identity") })
			if busy(is) {
				t.Inconclusivef("the request was not answered: %s", is.Reason)
			}
			t.Examined("one file")
			switch {
			case is.Response.Status != http.StatusOK:
				t.Violates("FILE-013", is.At(), "a request for a file with Accept-Encoding: identity is answered with HTTP %d", is.Response.Status)
			case judgeEncoding(t, is, "", true):
			case !is.Read:
				t.Violates("FILE-008", is.At(), "a file that was asked for uncompressed %s", strings.TrimPrefix(is.Reason, "its content "))
			case is.Summary.Lines != f.Summary.Lines:
				t.Violates("FILE-008", is.At(), "a file has %d lines with Accept-Encoding: gzip and %d with identity", f.Summary.Lines, is.Summary.Lines)
			case is.Gzip:
				t.Note("files come as gzip even if the client asks for none")
			}
		},
	}
}

func offeredEncodings() checks.Check {
	return checks.Check{
		ID:    "file.offered-encodings",
		Title: "A client that offers several encodings gets one of them, announced as what it is",
		// 3.0.0 export.html#bulk-data-output-file-request, as above.
		Doc: "The smallest output file is asked for with Accept-Encoding: gzip, br, zstd. Content-Encoding is absent, identity or one of the three, and the " +
			"first bytes fit it as far as the encoding has a mark: gzip and zstd have one, br has none. No more than the beginning is read.",
		Requires: []string{"FILE-008", "FILE-009", "FILE-013"},
		Exports:  baseline,
		Observes: refetches,
		Cost:     checks.Cost{Downloads: 1},
		Run: func(ctx context.Context, t *checks.T) {
			ex, f := twice(t)
			r, head := glance(ctx, t, ex, f, func(h http.Header) { h.Set("Accept-Encoding", "gzip, br, zstd") })
			t.Examined("one file")
			if r.Status != http.StatusOK {
				t.Violates("FILE-013", r.At(), "a request for a file with Accept-Encoding: gzip, br, zstd is answered with HTTP %d", r.Status)
				return
			}
			enc := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
			gz, zs := strings.HasPrefix(string(head), "\x1f\x8b"), strings.HasPrefix(string(head), "\x28\xb5\x2f\xfd")
			switch {
			case enc == "br":
			case enc == "zstd" && !zs && len(head) > 0:
				t.Violates("FILE-009", r.At(), "a file is sent with Content-Encoding: zstd, but its bytes are not Zstandard")
			case enc != "zstd" && zs:
				t.Violates("FILE-009", r.At(), "a file is sent as Zstandard without Content-Encoding: zstd")
			case enc == "zstd":
			default:
				one := &session.File{Item: f.Item, Response: r, Magic: gz}
				judgeEncoding(t, one, "", false)
			}
		},
	}
}

// judgeEncoding compares the Content-Encoding of a file with its bytes and with gzip, which was offered, and reports
// whether it found something. Bytes that nobody can read are no NDJSON either: ndjson is the requirement to cite for that
// as well, "" for none. whole says that the body was read, so that an empty one is known to be empty.
func judgeEncoding(t *checks.T, f *session.File, ndjson string, whole bool) bool {
	enc := strings.ToLower(strings.TrimSpace(f.Response.Header.Get("Content-Encoding")))
	gzip := enc == "gzip" || enc == "x-gzip"
	report := func(req, text string, a ...any) bool {
		t.Violates(req, f.At(), text, a...)
		if ndjson != "" {
			t.Violates(ndjson, f.At(), text, a...)
		}
		return true
	}
	switch {
	case enc != "" && enc != "identity" && !gzip:
		return report("FILE-008", "a file is sent with a Content-Encoding that was not offered: %s", printable(enc))
	case gzip && !f.Magic && (!whole || f.Response.Bytes > 0):
		return report("FILE-009", "a file is sent with Content-Encoding: %s, but its bytes are not gzip", enc)
	case !gzip && f.Magic:
		return report("FILE-009", "a file is sent as gzip without Content-Encoding: gzip")
	}
	return false
}

// contentRange matches the form of RFC 9110 section 14.4 for a satisfied range.
var contentRange = regexp.MustCompile(`^bytes 0-([0-9]{1,3})/([0-9]+|\*)$`)

func byteRange() checks.Check {
	return checks.Check{
		ID:    "file.range",
		Title: "A request for a part of a file gets that part with 206, or the whole file with 200",
		// RFC 9110 sections 14.2 and 15.3.7: a server may ignore Range; if it does not, 206 carries the part and says which.
		Doc: "The first 100 bytes of the smallest output file are asked for, uncompressed, as a client does that goes on with a broken download. A server " +
			"may ignore Range and send the whole file with 200, which is noted. 206 has to come with a Content-Range that begins at 0 and with as " +
			"many bytes as that says; an error status is no answer to a range that exists. The guide says nothing of ranges, so it is a warning.",
		Requires: []string{"FILE-013"},
		Exports:  baseline,
		Observes: refetches,
		Cost:     checks.Cost{Downloads: 1},
		Run: func(ctx context.Context, t *checks.T) {
			ex, f := twice(t)
			r, head := glance(ctx, t, ex, f, func(h http.Header) {
				h.Set("Accept-Encoding", "identity")
				h.Set("Range", "bytes=0-99")
			})
			t.Examined("one file")
			switch m := contentRange.FindStringSubmatch(r.Header.Get("Content-Range")); {
			case r.Status == http.StatusOK:
				t.Note("Range is ignored, so that a broken download begins anew")
			case r.Status != http.StatusPartialContent:
				t.Warns("FILE-013", r.At(), "a request for the first bytes of a file is answered with HTTP %d", r.Status)
			case m == nil:
				t.Warns("FILE-013", r.At(), "a part of a file is sent with HTTP 206 and without the Content-Range of the part that was asked for")
			default:
				end, _ := strconv.Atoi(m[1])
				if end > 99 || len(head) != end+1 || r.Err != nil {
					t.Warns("FILE-013", r.At(), "Content-Range does not name the bytes that are sent")
				} else {
					t.Note("files can be fetched in parts")
				}
			}
		},
	}
}
