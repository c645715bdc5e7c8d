package refserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// write sends an answer: the last hook, then status, header and body.
func (s *Server) write(w http.ResponseWriter, a *Answer) {
	if a.Header.Get("Cache-Control") == "" {
		// Health data has no business in a cache between server and client.
		a.Header.Set("Cache-Control", "no-store")
	}
	a.Now = s.now()
	if hook := s.cfg.Behaviour.Answer; hook != nil {
		hook(a)
	}
	s.log.printf("%s %s %s %d %s", a.Now.Format("15:04:05.000"), a.Request.Method, a.Endpoint, a.Status, printable(a.Request.UserAgent()))
	if a.Drop {
		// ErrAbortHandler is the documented way to cut a connection; net/http catches it.
		panic(http.ErrAbortHandler)
	}
	if a.Endpoint == File && a.Status == http.StatusOK {
		s.counters.add(func(c *Stats) { c.Files++ })
	}
	header := w.Header()
	for name, values := range a.Header {
		header[name] = values
	}
	if a.Header["Content-Type"] == nil {
		header["Content-Type"] = nil // no sniffing: what the server does not declare stays undeclared
	}
	// These have no content (RFC 9110 sections 15.3.5 and 15.4.5); over HTTP/2 an attempt at one would break the stream.
	bare := a.Status == http.StatusNoContent || a.Status == http.StatusNotModified
	if a.Body != nil && !bare && !a.Gzip && a.Raw == nil && !a.Chunked && a.Header.Get("Content-Length") == "" {
		header.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(a.Status)
	if a.Chunked {
		http.NewResponseController(w).Flush() // before the body: net/http counts short ones by itself
	}
	if a.Request.Method == http.MethodHead || bare {
		return
	}
	if err := a.send(w); err != nil {
		// A stream that broke must not look complete: without the last chunk, the client knows.
		panic(http.ErrAbortHandler)
	}
}

var errCut = errors.New("refserver: the connection is cut on purpose")

// compressors and buffers are reused: an answer of a few lines would otherwise spend most of its time on their tables.
// BestSpeed, because the server and its judge share a machine, and the wire between them is loopback.
var (
	compressors = sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
		return z
	}}
	buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}
)

// send writes the body through what the answer puts around it.
func (a *Answer) send(w io.Writer) (err error) {
	if a.DropAfter > 0 {
		w = &cutter{w: w, left: a.DropAfter}
	}
	if a.Raw != nil {
		return a.Raw(w)
	}
	if a.Gzip {
		z := compressors.Get().(*gzip.Writer)
		z.Reset(w)
		defer func() {
			err = errors.Join(err, z.Close())
			compressors.Put(z)
		}()
		w = z
	}
	if a.Wrap != nil {
		w = a.Wrap(w)
		if c, ok := w.(io.Closer); ok {
			defer func() { err = errors.Join(err, c.Close()) }()
		}
	}
	if a.Body != nil || a.stream == nil {
		_, err = w.Write(a.Body)
		return err
	}
	b := buffers.Get().(*bufio.Writer)
	b.Reset(w)
	defer func() {
		b.Reset(nil)
		buffers.Put(b)
	}()
	out := io.Writer(b)
	var edit *lineEditor
	if a.Line != nil {
		edit = &lineEditor{w: b, edit: a.Line}
		out = edit
	}
	if err := a.stream(out); err != nil {
		b.Flush()
		return err
	}
	if edit != nil && edit.err != nil {
		return edit.err
	}
	return b.Flush()
}

// cutter fails after some bytes.
type cutter struct {
	w    io.Writer
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.w.Write(p)
	}
	n, err := c.w.Write(p[:c.left])
	c.left = 0
	if f, ok := c.w.(http.Flusher); ok {
		f.Flush()
	}
	if err != nil {
		return n, err
	}
	return n, errCut
}

// lineEditor applies Answer.Line. The server writes each line with one call of Write per line.
type lineEditor struct {
	w    io.Writer
	edit func(int, []byte) []byte
	n    int
	err  error
}

func (l *lineEditor) Write(p []byte) (int, error) {
	line := l.edit(l.n, bytes.TrimSuffix(p, []byte("\n")))
	l.n++
	if line == nil {
		return len(p), nil
	}
	if _, l.err = l.w.Write(append(bytes.Clone(line), '\n')); l.err != nil {
		return 0, l.err
	}
	return len(p), nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3): gzip or * with a weight above zero. Without
// the header nothing is compressed.
func acceptsGzip(h http.Header) bool {
	star := false
	for _, value := range h.Values("Accept-Encoding") {
		for _, item := range strings.Split(value, ",") {
			coding, params, _ := strings.Cut(item, ";")
			weight := 1.0
			if q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q="); ok {
				var err error
				if weight, err = strconv.ParseFloat(q, 64); err != nil {
					weight = 0
				}
			}
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				return weight > 0
			case "*":
				star = weight > 0
			}
		}
	}
	return star
}

// printable keeps a User-Agent to one short line of a log.
func printable(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s), 120)
}

// gone tells whether a context was cancelled, cheaply enough to be asked once per resource.
func gone(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}
