package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"golang.org/x/sync/errgroup"
)

// File is one output, error or deleted file as fetched and read, without its content.
type File struct {
	Item     Item
	Response *Response // headers and byte counts; no body. Nil if it could not be requested
	// Summary is what was found on the lines. Of output files it holds the rules of encoding, JSON and lines only; those
	// of FHIR are put together for all files in FileSet.Problems.
	Summary  ndjson.Summary
	Read     bool   // the content was read to its end
	Reason   string // a sentence why not
	Gzip     bool   // the content came gzip-compressed
	Magic    bool   // the bytes on the wire begin like gzip, whatever the header says
	OurBound bool   // it was not read to its end because of a bound of the session's own
	// Misencoded: the bytes do not fit the Content-Encoding, so that nothing can be said of the lines.
	Misencoded bool
	// Whole: a gzip stream ended where it should, whatever the HTTP body around it did.
	Whole bool
	// Busy is how often the request was answered with 429 or 503 and repeated.
	Busy int

	Deletions int64           // entries of the Bundles of a deleted file
	Patients  bool            // some line refers to a Patient
	Blocks    *Blocks         // of an output file of organised output; nil otherwise
	Found     AttachmentTally // attachments on its lines

	line func(ndjson.Line) // of the session's Collector
	kept *keeping          // nil unless the content is kept
}

// At points evidence at the file.
func (f *File) At() Evidence {
	e := f.Response.At()
	e.File = f.Item.Name()
	return e
}

// FileSet is all files of one export.
type FileSet struct {
	Files  []*File // in the manifest's order: output, error, deleted
	Reason string  // why nothing was read; "" otherwise
	// Duplicates are resources that occur more than once over all output files, grouped by rule and type.
	Duplicates []ndjson.Group
	// DuplicatesErr says why not every resource could be compared; nil otherwise.
	DuplicatesErr error
	// Collected is what the session's Collector made of the lines; nil without one.
	Collected Collector
	// Problems are what is wrong with the resources of all output files, rules "fhir.…" and "bulk.…", grouped by rule and
	// path; errors first.
	Problems []Problem
	// Definitions is the FHIR version whose definitions the resources were judged by; "" if they were not, and
	// DefinitionsReason then says why.
	Definitions, DefinitionsReason string
	// DeletionsLost is how many deletions were too many to be looked for among the output.
	DeletionsLost int64
	// Attachments are those chosen to be fetched, in a fixed order.
	Attachments []Attachment
	// AttachmentsLost is how many URLs of attachments were left out although all were asked for.
	AttachmentsLost int64
}

// Kind returns the files of one kind.
func (fs *FileSet) Kind(kind string) []*File {
	var out []*File
	for _, f := range fs.Files {
		if f.Item.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

// Resources returns the number of lines read in output files.
func (fs *FileSet) Resources() int64 {
	var n int64
	for _, f := range fs.Kind("output") {
		n += f.Summary.Lines
	}
	return n
}

// Files fetches and reads every file of the export once, in parallel within the session's bound, without keeping
// content. It is computed under the session's own context.
func (s *Session) Files(ex *Export) *FileSet {
	return Shared(s, "files "+ex.Scenario.String(), func(ctx context.Context) *FileSet {
		m := ex.Manifest
		if m == nil || m.Tree == nil {
			return &FileSet{Reason: "the export has no usable manifest"}
		}
		all := m.Items()
		fs := &FileSet{}
		if len(all) > s.cfg.MaxFiles {
			fs.Reason = fmt.Sprintf("the manifest lists %d files, more than the bound of %d", len(all), s.cfg.MaxFiles)
			return fs
		}
		r := s.newReading(ex, fs)
		r.folder = s.keeper.folder(ex)
		defer r.unique.Close()
		for _, it := range m.Output {
			r.unique.Expect(it.Name())
		}
		fs.Files = make([]*File, len(all))
		fs.Collected = s.collector(ex)
		var mu sync.Mutex
		done := 0
		read := func(first bool) {
			g, gctx := errgroup.WithContext(ctx)
			g.SetLimit(s.cfg.Parallel)
			for i, it := range all {
				if (it.Kind == "deleted") != first {
					continue
				}
				g.Go(func() error {
					fs.Files[i] = collected(fs.Collected, i, it, func(line func(ndjson.Line)) *File {
						return r.file(gctx, s.Client(""), i, m, it, nil, line)
					})
					mu.Lock()
					defer mu.Unlock()
					done++
					s.cfg.Progress(fmt.Sprintf("read %d of %d files", done, len(all)))
					return nil
				})
			}
			_ = g.Wait() // keeps its errors in the File
		}
		// What was deleted is known before the output is read, so that it can be looked for there.
		read(true)
		r.deleted.settle()
		read(false)
		r.finish(ctx)
		return fs
	})
}

// reading is what the files of one export share while they are read.
type reading struct {
	s           *Session
	ex          *Export
	fs          *FileSet
	unique      *ndjson.Unique
	problems    problemTally
	deleted     deletions
	attachments *attachmentRules // where they may stand; nil if they are not looked for
	judges      judges
	headers     counterBudget // of block headers that are kept
	plain       bool          // JSON only: another reading judges the resources
	folder      string        // of the session's keeper; "" keeps nothing
	again       bool          // one file is read once more, for its size and its content's hash
}

func (s *Session) newReading(ex *Export, fs *FileSet) *reading {
	r := &reading{s: s, ex: ex, fs: fs, unique: ndjson.NewUnique("", 0), headers: counterBudget{left: maxHeaders}}
	// The resources are judged once, in the plain export. Other exports hold the same ones.
	r.plain = ex.Scenario.Label != Baseline.Label
	r.judges.plain = r.plain
	r.judges.definitions, fs.Definitions, fs.DefinitionsReason = s.definitions()
	if !r.plain {
		r.attachments = s.attachmentRules(len(ex.Manifest.Output))
	}
	return r
}

func (r *reading) finish(ctx context.Context) {
	fs := r.fs
	fs.Duplicates, fs.DuplicatesErr = r.unique.Report(ctx, 5, nil)
	fs.Problems = r.problems.sorted()
	fs.DeletionsLost = r.deleted.lost
	fs.chooseAttachments(r.s.cfg.AllAttachments)
	if fs.Collected != nil {
		fs.Collected.Done(fs)
	}
	r.s.jobs.mu.Lock()
	r.s.jobs.resources += fs.Resources()
	r.s.jobs.mu.Unlock()
}

// Reread fetches one file of the export once more and reads it, without judging the resources on its lines; the hash of
// its content is in Summary.SHA256. edit, if not nil, changes the request.
func (c *Client) Reread(ctx context.Context, ex *Export, m *Manifest, it Item, edit func(*Request)) *File {
	fs := &FileSet{}
	r := &reading{s: c.s, ex: ex, fs: fs, plain: true, again: true, judges: judges{plain: true}}
	return r.file(ctx, c, 0, m, it, edit, nil)
}

// WhyNotFetch says why a file of the manifest cannot be requested, or "".
func (s *Session) WhyNotFetch(m *Manifest, it Item) string {
	switch {
	case it.Resolved == "":
		return "its url is missing or cannot be requested"
	case m.RequiresAccessToken && s.cfg.Authorized() && !s.TokenAllowedAt(it.Resolved):
		return "it lies on another origin and needs an access token, which the suite sends only to origins named with --trust-origin"
	}
	return ""
}

// maxBusyFile is how often a file request is repeated that was answered with 429 or 503.
const maxBusyFile = 4

// file fetches and reads the i-th file.
func (r *reading) file(ctx context.Context, c *Client, i int, m *Manifest, it Item, edit func(*Request), line func(ndjson.Line)) *File {
	s := r.s
	f := &File{Item: it, line: line}
	if f.Reason = s.WhyNotFetch(m, it); f.Reason != "" {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.FileTimeout)
	defer cancel()
	deadline := s.clock.Now().Add(s.cfg.FileTimeout)
	for {
		req := m.FileRequest(it)
		if edit != nil {
			edit(&req)
		}
		f.Response = c.Stream(ctx, req, func(res *Response, body io.Reader) error {
			if res.Status != http.StatusOK {
				_, err := io.Copy(io.Discard, io.LimitReader(body, 64<<10))
				return err
			}
			f.kept = s.keeper.open(r.folder, i, it)
			return r.scan(ctx, i, f, res, body)
		})
		if st := f.Response.Status; st != http.StatusTooManyRequests && st != http.StatusServiceUnavailable || f.Busy == maxBusyFile ||
			!s.pause(ctx, f.Response, f.Busy, deadline) {
			break
		}
		f.Busy++
	}
	switch res := f.Response; {
	case f.Reason != "":
	case res.Err != nil && res.Status == 0:
		f.Reason = "it could not be fetched: " + res.Err.Error()
	case res.Status != http.StatusOK:
		f.Reason = "the request was answered with " + res.Describe()
	case res.Err != nil:
		f.OurBound = errors.Is(res.Err, errTooLong) || ctx.Err() != nil
		f.Reason = "its content could not be read to the end: " + res.Err.Error()
	case f.Misencoded:
		f.Reason = "its bytes do not fit its Content-Encoding"
	default:
		f.Read = true
	}
	f.kept.close(f.Read)
	return f
}

// pause waits as long as an answer asks for in Retry-After, or a little longer each time if it does not. It reports false
// if the deadline comes first or ctx ends.
func (s *Session) pause(ctx context.Context, res *Response, n int, deadline time.Time) bool {
	d, named := RetryAfter(res, s.clock.Now())
	if !named {
		d = time.Duration(float64(s.cfg.PollInterval) * math.Pow(2, float64(n)))
	}
	d = max(d, 50*time.Millisecond)
	if s.clock.Now().Add(d).After(deadline) {
		return false
	}
	return s.clock.Sleep(ctx, d) == nil
}

var errTooLong = errors.New("it is longer than the bound (see --max-file-bytes); it may never end")

// boundedReader ends with an error instead of reading more than left bytes.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// Expiry returns the moment in the manifest response's Expires header, if it is a valid HTTP-date.
func (e *Export) Expiry() (time.Time, bool) {
	r := e.Final()
	if r == nil {
		return time.Time{}, false
	}
	t, err := parseHTTPTime(r.Header.Get("Expires"))
	return t, err == nil
}

// FilesIfRead returns the files of the export if some check has asked for them, or nil.
func (s *Session) FilesIfRead(ex *Export) *FileSet {
	s.memoMu.Lock()
	m := s.memos["files "+ex.Scenario.String()]
	s.memoMu.Unlock()
	if m == nil {
		return nil
	}
	// The memo may still be in the making by a check that was given up on; waiting for it is right here.
	m.once.Do(func() {})
	fs, _ := m.value.(*FileSet)
	return fs
}
