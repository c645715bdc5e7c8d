package session

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"golang.org/x/sync/errgroup"
)

// File is one output, error or deleted file as fetched and read, without its content.
type File struct {
	Item     Item
	Response *Response // headers and byte counts; no body. Nil if it could not be requested
	Summary  ndjson.Summary
	Read     bool   // the content was read to its end
	Reason   string // a sentence why not
	Gzip     bool   // the content came gzip-compressed
	Magic    bool   // the bytes on the wire begin like gzip, whatever the header says
	OurBound bool   // it was not read to its end because of a bound of the session's own
	// Misencoded: the bytes do not fit the Content-Encoding, so that nothing can be said of the lines.
	Misencoded bool

	line func(ndjson.Line) // of the session's Collector
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
		unique := ndjson.NewUnique("", 0)
		defer unique.Close()
		for _, it := range m.Output {
			unique.Expect(it.Name())
		}
		fs.Files = make([]*File, len(all))
		fs.Collected = s.collector(ex)
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(s.cfg.Parallel)
		var mu sync.Mutex
		done := 0
		for i, it := range all {
			g.Go(func() error {
				fs.Files[i] = collected(fs.Collected, i, it, func(line func(ndjson.Line)) *File {
					return s.readFile(gctx, m, it, unique, line)
				})
				mu.Lock()
				defer mu.Unlock()
				done++
				s.cfg.Progress(fmt.Sprintf("read %d of %d files", done, len(all)))
				return nil
			})
		}
		_ = g.Wait() // readFile keeps its errors in the File
		fs.Duplicates, fs.DuplicatesErr = unique.Report(ctx, 5, nil)
		if fs.Collected != nil {
			fs.Collected.Done(fs)
		}
		s.jobs.mu.Lock()
		s.jobs.resources += fs.Resources()
		s.jobs.mu.Unlock()
		return fs
	})
}

// WhyNotFetch says why a file of the manifest cannot be requested, or "".
func (s *Session) WhyNotFetch(m *Manifest, it Item) string {
	switch {
	case it.Resolved == "":
		return "its url is missing or cannot be requested"
	case m.RequiresAccessToken && (s.cfg.Token != "" || s.cfg.ClientID != "") && !s.TokenAllowedAt(it.Resolved):
		return "it lies on another origin and needs an access token, which the suite sends only to origins named with --trust-origin"
	}
	return ""
}

func (s *Session) readFile(ctx context.Context, m *Manifest, it Item, unique *ndjson.Unique, line func(ndjson.Line)) *File {
	f := &File{Item: it, line: line}
	if f.Reason = s.WhyNotFetch(m, it); f.Reason != "" {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.FileTimeout)
	defer cancel()
	f.Response = s.Client("").Stream(ctx, m.FileRequest(it), func(res *Response, body io.Reader) error {
		if res.Status != 200 {
			_, err := io.Copy(io.Discard, io.LimitReader(body, 64<<10))
			return err
		}
		return s.scan(ctx, f, res, body, unique)
	})
	switch r := f.Response; {
	case f.Reason != "":
	case r.Err != nil && r.Status == 0:
		f.Reason = "it could not be fetched: " + r.Err.Error()
	case r.Status != 200:
		f.Reason = "the request was answered with " + r.Describe()
	case r.Err != nil:
		f.OurBound = errors.Is(r.Err, errTooLong) || ctx.Err() != nil
		f.Reason = "its content could not be read to the end: " + r.Err.Error()
	case f.Misencoded:
		f.Reason = "its bytes do not fit its Content-Encoding"
	default:
		f.Read = true
	}
	return f
}

func (s *Session) scan(ctx context.Context, f *File, res *Response, body io.Reader, unique *ndjson.Unique) error {
	buffered := bufio.NewReaderSize(body, 64<<10)
	head, _ := buffered.Peek(2)
	f.Magic = len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b
	var plain io.Reader = buffered
	switch enc := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		// A body that is gzip all the same is unreadable as NDJSON; the file checks say so.
	case "gzip", "x-gzip":
		if f.Magic {
			z, err := gzip.NewReader(buffered)
			if err != nil {
				f.Misencoded = true
				return fmt.Errorf("the body is marked as gzip but does not decompress: %w", err)
			}
			f.Gzip, plain = true, z
		}
		f.Misencoded = !f.Magic && len(head) > 0
	default:
		f.Misencoded = true
		return errors.New("the body has a Content-Encoding that was not offered")
	}
	if f.Magic && !f.Gzip {
		f.Misencoded = true
	}
	o := ndjson.Options{MaxLine: s.cfg.MaxLine, Jobs: 1, MaxFindings: 5, OnLine: f.line}
	switch f.Item.Kind {
	case "output":
		o.Type, o.Unique = f.Item.Type, unique
	case "error":
		o.Type = "OperationOutcome"
	case "deleted":
		o.Type = "Bundle"
	}
	sum, err := ndjson.Scan(ctx, f.Item.Name(), &boundedReader{r: plain, left: s.cfg.MaxFile}, o)
	f.Summary = sum
	return err
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
