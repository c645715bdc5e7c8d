package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/go-json-experiment/json"
)

// LoadCapture reads a capture file. The error says which line is wrong, and never quotes it.
func LoadCapture(path string) (*Capture, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the capture cannot be read: %w", err)
	}
	defer f.Close()
	c, err := ParseCapture(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseCapture reads a capture, compressed with gzip or not: strict JSON, known members only, a complete file, within
// bounds.
func ParseCapture(r io.Reader) (*Capture, error) {
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, maxCaptureFile+1), sum), 64<<10)
	var plain io.Reader = in
	if head, _ := in.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("it begins like gzip but cannot be decompressed: %w", err)
		}
		plain = z
	}
	sc := bufio.NewScanner(io.LimitReader(plain, maxCaptureFile+1))
	sc.Buffer(make([]byte, 64<<10), maxCaptureLine)
	c := &Capture{}
	var size int64
	line := 0
	for sc.Scan() {
		line++
		b := sc.Bytes()
		if size += int64(len(b)) + 1; size > maxCaptureFile {
			return nil, fmt.Errorf("it is longer than %d bytes", int64(maxCaptureFile))
		}
		if err := c.line(line, b); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("line %d cannot be read: %w", line+1, err)
	}
	if !c.End.End {
		return nil, errors.New("it ends before its end; was the run that recorded it killed?")
	}
	if c.End.Exchanges != len(c.Exchanges) {
		return nil, fmt.Errorf("it says that it has %d exchanges and has %d", c.End.Exchanges, len(c.Exchanges))
	}
	slices.SortStableFunc(c.Exchanges, func(a, b CaptureExchange) int { return a.Number - b.Number })
	for i := 1; i < len(c.Exchanges); i++ {
		if c.Exchanges[i].Number == c.Exchanges[i-1].Number {
			return nil, fmt.Errorf("the exchange %d is there twice", c.Exchanges[i].Number)
		}
	}
	c.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

func (c *Capture) line(n int, b []byte) error {
	into := func(v any) error {
		if err := json.Unmarshal(b, v, json.RejectUnknownMembers(true)); err != nil {
			return errors.New("it is not a line of a capture of version " + fmt.Sprint(CaptureVersion) + ": not JSON, a duplicate or unknown member, or a value of another type")
		}
		return nil
	}
	switch {
	case c.End.End:
		return errors.New("something follows the end")
	case n == 1:
		if err := into(&c.Header); err != nil {
			return err
		}
		return c.Header.check()
	case bytes.HasPrefix(b, []byte(`{"end"`)):
		return into(&c.End)
	case len(c.Exchanges) >= maxCaptureExchanges:
		return fmt.Errorf("there are more than %d exchanges", maxCaptureExchanges)
	}
	var e CaptureExchange
	if err := into(&e); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	c.Exchanges = append(c.Exchanges, e)
	return nil
}

func (h *CaptureHeader) check() error {
	u, err := url.Parse(h.BaseURL)
	switch {
	case h.Capture != CaptureVersion:
		return fmt.Errorf("it is a capture of version %d, this tool reads version %d", h.Capture, CaptureVersion)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("baseUrl is not a FHIR base URL")
	case !slices.Contains([]string{"open", "backend", "token"}, h.Authorization):
		return errors.New("authorization is none of open, backend, token")
	case h.Authorization == "backend" && (h.ClientID == "" || len(h.Keys) == 0 || len(h.Keys) > 20):
		return errors.New("authorization is backend, but the client or its keys are missing")
	}
	if _, err := spec.ParseVersion(h.IG); err != nil {
		return errors.New("ig is no version of the guide that this tool knows")
	}
	return nil
}

// failures are the kinds of Error.
var failures = []string{"", "refused", "reset", "timeout", "dns", "tls", "headers", "cancelled", "other"}

func (e *CaptureExchange) check() error {
	switch {
	case e.Number < 1 || e.Number > maxCaptureExchanges:
		return errors.New("n is out of range")
	case e.At < 0 || e.Took < 0 || e.Opaque < 0 || e.Opaque > maxCaptureFile:
		return errors.New("a number is out of range")
	case e.Status != 0 && (e.Status < 100 || e.Status > 999):
		return errors.New("status is out of range")
	case e.Status == 0 && e.Error == "":
		return errors.New("there is neither an answer nor an error")
	case !slices.Contains(failures, e.Error):
		return errors.New("error is of no known kind")
	case !slices.Contains([]string{"none", "issued", "other"}, e.Auth):
		return errors.New("auth is none of none, issued, other")
	case e.Body != "" && len(e.Bytes) > 0 || e.Opaque > 0 && (e.Body != "" || len(e.Bytes) > 0):
		return errors.New("there are two bodies")
	case e.Method == "" || strings.ContainsFunc(e.Method, func(r rune) bool { return r < 'A' || r > 'Z' }):
		return errors.New("method is not a method")
	}
	if u, err := url.Parse(e.URL); err != nil || u.Host == "" {
		return errors.New("url is not absolute")
	}
	for k, vs := range e.Header {
		if k != http.CanonicalHeaderKey(k) || len(vs) == 0 || slices.ContainsFunc(vs, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) {
			return errors.New("a header is malformed")
		}
	}
	return nil
}
