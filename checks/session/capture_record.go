package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Recorder writes a capture of everything a session says and hears. Nothing reaches the file that was not redacted.
type Recorder struct {
	scrub   *scrubber
	started time.Time

	mu     sync.Mutex
	file   *os.File
	path   string
	out    *bufio.Writer
	zip    *gzip.Writer // nil unless the name ends in .gz
	sent   int          // requests so far
	kept   int64        // bytes of bodies kept
	lines  int          // exchanges written
	err    error
	closed bool
}

// NewRecorder opens a capture file for the session that is about to be opened with c; a name that ends in .gz gives a
// compressed one. The file appears under its name when
// Close was called. seed, for tests, fixes the pseudonyms; nil draws a key that dies with the recorder.
func NewRecorder(path, tool string, c Config, selected []string, seed *[16]byte) (*Recorder, error) {
	c.setDefaults()
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the capture cannot be written: %w", err)
	}
	r := &Recorder{scrub: newScrubber(seed), started: time.Now(), file: f, path: path, out: bufio.NewWriterSize(f, 256<<10)}
	if strings.HasSuffix(path, ".gz") {
		r.zip = gzip.NewWriter(f)
		r.out.Reset(r.zip)
	}
	h := CaptureHeader{Capture: CaptureVersion, Tool: tool, Recorded: r.started.Add(r.scrub.shift).UTC().Truncate(time.Second), IG: string(c.IG),
		BaseURL: r.scrub.url(c.BaseURL), Authorization: "open", Scope: c.Scope, Types: c.Types, Checks: selected}
	if c.Group != "" {
		h.Group = r.scrub.text(c.Group)
	}
	switch {
	case c.ClientID != "":
		h.Authorization, h.ClientID = "backend", r.scrub.text(c.ClientID)
		for _, k := range c.Keys {
			h.Keys = append(h.Keys, CaptureKey{r.scrub.text(k.ID), k.Algorithm})
		}
	case c.Token != "":
		h.Authorization = "token"
		r.scrub.token(c.Token)
	}
	if c.TokenURL != "" {
		h.TokenURL = r.scrub.url(c.TokenURL)
	}
	for _, o := range c.TrustOrigins {
		h.TrustOrigins = append(h.TrustOrigins, r.scrub.url(o))
	}
	r.write(h)
	return r, r.err
}

// Wrap returns a transport that records what goes through next.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return recording{r, next} }

// Close ends the capture with the outcomes of the checks and moves it to its name.
func (r *Recorder) Close(verdict string, outcomes map[string]string) error {
	r.mu.Lock()
	r.closed = true
	n := r.lines
	r.mu.Unlock()
	if outcomes == nil {
		outcomes = map[string]string{}
	}
	r.write(CaptureEnd{End: true, Exchanges: n, Verdict: verdict, Outcomes: outcomes})
	r.mu.Lock()
	defer r.mu.Unlock()
	err := errors.Join(r.err, r.out.Flush())
	if r.zip != nil {
		err = errors.Join(err, r.zip.Close())
	}
	err = errors.Join(err, r.file.Close())
	if err == nil {
		err = os.Rename(r.path+".part", r.path)
	}
	if err != nil {
		return fmt.Errorf("the capture could not be written: %w", err)
	}
	return nil
}

// Discard removes a capture that nobody wants.
func (r *Recorder) Discard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	_ = r.file.Close()
	_ = os.Remove(r.path + ".part")
}

func (r *Recorder) write(v any) {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.EscapeForHTML(false))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && err == nil {
		_, err = r.out.Write(append(b, '\n'))
	}
	if err != nil && r.err == nil {
		r.err = err
	}
}

func (r *Recorder) exchange(e CaptureExchange) {
	r.mu.Lock()
	late := r.closed
	if !late {
		r.lines++
	}
	r.mu.Unlock()
	if !late {
		r.write(e)
	}
}

type recording struct {
	r    *Recorder
	next http.RoundTripper
}

func (t recording) RoundTrip(req *http.Request) (*http.Response, error) {
	r := t.r
	r.mu.Lock()
	r.sent++
	n := r.sent
	r.mu.Unlock()
	e := CaptureExchange{Number: n, Method: req.Method, URL: r.scrub.url(req.URL.String()), Auth: r.scrub.authOf(req.Header)}
	body, err := requestBody(req)
	if err != nil {
		return nil, err
	}
	e.Cause, e.Purpose, _ = causeOf(req.Context())
	e.Sent = r.scrub.sentOf(req.Header, e.Purpose, body)
	began := time.Now()
	e.At = began.Sub(r.started).Milliseconds()
	resp, err := t.next.RoundTrip(req)
	e.Took = time.Since(began).Milliseconds()
	if err != nil {
		e.Error = failureOf(err)
		r.exchange(e)
		return resp, err
	}
	e.Status, e.Proto = resp.StatusCode, resp.Proto
	if resp.TLS != nil {
		e.TLS = int(resp.TLS.Version)
	}
	resp.Body = &recordedBody{ReadCloser: resp.Body, r: r, e: e, req: req.URL, header: resp.Header.Clone()}
	return resp, nil
}

// requestBody returns a copy of the body.
func requestBody(req *http.Request) ([]byte, error) {
	if req.GetBody == nil {
		return nil, nil // without a body; the session's own always come with GetBody
	}
	rc, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// authOf says what kind of authorization a request carries.
func (s *scrubber) authOf(h http.Header) string {
	switch v := h.Get("Authorization"); {
	case v == "":
		return "none"
	case s.issued(v):
		return "issued"
	}
	return "other"
}

// tellingHeaders are what tells apart requests that are otherwise the same.
var tellingHeaders = []string{"Accept", "Prefer", "Content-Type", "Accept-Encoding", "Range"}

// sentOf returns a digest of what a request sent besides its URL. A replay builds the same of the same request; nothing
// can be learned from it, as all that goes in is the suite's own or redacted.
func (s *scrubber) sentOf(h http.Header, purpose string, body []byte) string {
	var b strings.Builder
	for _, k := range tellingHeaders {
		fmt.Fprintf(&b, "%s: %q\n", k, h[k])
	}
	switch {
	case purpose == "token":
		b.WriteString(formShape(string(body)))
	case len(body) > 0:
		fmt.Fprintf(&b, "%d", len(body))
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// formShape describes a token request: the names of its parameters, plain values, and of assertions the names of header
// and claims.
func formShape(body string) string {
	form, err := url.ParseQuery(body)
	if err != nil {
		return "no form"
	}
	var names []string
	for k := range form {
		names = append(names, k)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, k := range names {
		for _, v := range form[k] {
			switch k {
			case "client_assertion":
				v = assertionShape(v)
			case "grant_type", "scope", "client_assertion_type":
			default:
				v = "*"
			}
			fmt.Fprintf(&b, "%s=%s\n", k, v)
		}
	}
	return b.String()
}

func assertionShape(v string) string {
	parts := strings.Split(v, ".")
	out := fmt.Sprint(len(parts))
	for _, p := range parts[:min(2, len(parts))] {
		raw, err := base64.RawURLEncoding.DecodeString(p)
		doc, err2 := DecodeJSON(raw)
		m, ok := doc.(map[string]any)
		if err != nil || err2 != nil || !ok {
			out += " ?"
			continue
		}
		var names []string
		for k, v := range m {
			if k == "alg" || k == "typ" {
				k += fmt.Sprintf("=%v", v)
			}
			names = append(names, fmt.Sprintf("%s:%T", k, v))
		}
		slices.Sort(names)
		out += " " + strings.Join(names, ",")
	}
	return out
}

// recordedBody keeps a copy of what is read, and files the exchange when the reader is done.
type recordedBody struct {
	io.ReadCloser
	r      *Recorder
	e      CaptureExchange
	req    *url.URL
	header http.Header
	buf    bytes.Buffer
	long   bool
	fail   error
	done   sync.Once
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if room := maxCaptureBody - b.buf.Len(); n > room {
		b.buf.Write(p[:room])
		b.long = true
	} else {
		b.buf.Write(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.fail = err
	}
	return n, err
}

func (b *recordedBody) Close() error {
	err := b.ReadCloser.Close()
	b.done.Do(b.file)
	return err
}

func (b *recordedBody) file() {
	e, s := b.e, b.r.scrub
	if b.fail != nil {
		e.Error = failureOf(b.fail)
	}
	raw := b.buf.Bytes()
	e.Partial = b.long
	plain := raw
	if len(raw) > 2 && raw[0] == 0x1f && raw[1] == 0x8b {
		if z, err := gunzipUpTo(raw, maxCaptureBody); z != nil {
			plain, e.Gzip = z, true
			if err != nil && e.Error == "" && !b.long {
				e.Error = "other"
			}
			e.Partial = e.Partial || len(z) == maxCaptureBody
		}
	}
	keep, r := b.regime(plain)
	b.r.mu.Lock()
	fits := b.r.kept+int64(len(plain)) <= maxCaptureBodies
	if keep && fits {
		b.r.kept += int64(len(plain))
	}
	b.r.mu.Unlock()
	switch {
	case len(plain) == 0:
	case !keep:
		e.Opaque = int64(len(plain))
	case !fits:
		e.Partial = true
	default:
		text := s.json(plain, r)
		if utf8.Valid(text) {
			e.Body = string(text)
		} else {
			e.Bytes = text
		}
	}
	e.Header = s.header(b.header)
	b.r.exchange(e)
}

// regime says how a body is redacted, and whether it is kept at all: what is no text is not.
func (b *recordedBody) regime(plain []byte) (keep bool, r regime) {
	t := strings.ToLower(b.header.Get("Content-Type"))
	head := plain[:min(len(plain), 64<<10)]
	switch {
	case b.e.Purpose == "token":
		return true, regimeToken
	case strings.HasSuffix(b.req.Path, "/metadata") && bytes.Contains(head, []byte(`"CapabilityStatement"`)), b.e.Purpose == "smart configuration":
		return true, regimePublic
	case strings.HasPrefix(t, "image/"), strings.HasPrefix(t, "audio/"), strings.HasPrefix(t, "video/"), strings.HasPrefix(t, "application/pdf"), b.e.Purpose == "attachment":
		return false, 0
	case b.e.Purpose != "output file" && bytes.Contains(head, []byte(`"transactionTime"`)) || b.e.Purpose == "status" && bytes.Contains(head, []byte(`"output"`)):
		return true, regimeManifest
	}
	return true, regimeData
}

// gunzipUpTo returns as much of a gzip stream as it holds, with the error that ended it; nil if it is none.
func gunzipUpTo(raw []byte, max int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, max))
	if plain == nil {
		plain = []byte{}
	}
	return plain, err
}

// failureOf returns the kind of a failure, without its text, which may hold addresses.
func failureOf(err error) string {
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &dns):
		return "dns"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "reset"
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &invalid), errors.As(err, &record):
		return "tls"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	case strings.Contains(err.Error(), "server response headers exceeded"):
		return "headers"
	}
	return "other"
}
