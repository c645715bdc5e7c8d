package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
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
	"syscall"
	"time"
)

const (
	maxHeaderBytes = 256 << 10 // of one response
	maxRedirects   = 5
	excerptBytes   = 4 << 10
)

// Credentials says what authorization a request carries.
type Credentials struct {
	kind  credentialKind
	value string
}

type credentialKind uint8

const (
	credDefault credentialKind = iota
	credNone
	credHeader
)

// WithToken is the session's own authorization, the default: a valid access token, or nothing on an open server.
var WithToken = Credentials{}

// NoToken sends the request without authorization.
var NoToken = Credentials{kind: credNone}

// Bearer sends the given token instead of the session's own.
func Bearer(token string) Credentials { return Credentials{credHeader, "Bearer " + token} }

// AuthorizationHeader sends the given value of the Authorization header.
func AuthorizationHeader(value string) Credentials { return Credentials{credHeader, value} }

// Request is one request of a check.
type Request struct {
	Method      string // default GET
	URL         string // absolute, or relative to the FHIR base
	Header      http.Header
	Body        []byte
	Purpose     string // for the record: "kick-off", "status", …
	Credentials Credentials
	NoRedirects bool  // return a redirect instead of following it
	MaxBody     int64 // default Config.MaxDocument
	Discard     bool  // count and hash the body, but do not keep it
	Fresh       bool  // over a connection that nothing else used
	LowerCase   bool  // the names of Authorization and Accept are written in lower case, as HTTP/2 has them anyway
}

// Response is the answer to one request, or the reason why there is none.
type Response struct {
	Exchange   int    // number in the record, of the last request where redirects were followed
	URL        string // as requested, of the last request; may hold secrets: for use, not for print
	Status     int
	Header     http.Header
	Body       []byte // decompressed; nil if discarded
	Bytes      int64  // as received
	Truncated  bool   // the body was longer than the bound
	Redirects  int
	Hops       []int // statuses of the redirects that were followed
	Err        error // no response, or the body could not be read to its end
	TLS        *tls.ConnectionState
	Started    time.Time
	Received   time.Time // when the headers were in
	SentToken  bool
	Uncompress bool // the body came with Content-Encoding: gzip

	sent    []string // secrets that the request carried, which the answer may repeat
	renewed bool     // refused because a newer token ended the one that was sent
}

// At points evidence at this response.
func (r *Response) At() Evidence {
	if r == nil {
		return Evidence{}
	}
	return Evidence{Exchange: r.Exchange, URL: RedactURL(r.URL)}
}

// OK reports whether there is a complete response of the given status.
func (r *Response) OK(status int) bool {
	return r != nil && r.Err == nil && !r.Truncated && r.Status == status
}

// MediaType returns the media type of the Content-Type header in lower case, without parameters; "" if absent or
// malformed.
func (r *Response) MediaType() string {
	v := r.Header.Get("Content-Type")
	t, _, _ := strings.Cut(v, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// JSON decodes the body strictly; see DecodeJSON.
func (r *Response) JSON() (any, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	if r.Truncated {
		return nil, fmt.Errorf("the body is longer than %d bytes", len(r.Body))
	}
	return DecodeJSON(r.Body)
}

// Describe says in a few words what came back, without quoting a body.
func (r *Response) Describe() string {
	switch {
	case r == nil:
		return "no request was made"
	case r.Status == 0 && r.Err != nil:
		return "no answer: " + r.Err.Error()
	case r.Err != nil:
		return fmt.Sprintf("HTTP %d, then the body broke off: %v", r.Status, r.Err)
	}
	t := r.MediaType()
	if t == "" {
		t = "no Content-Type"
	}
	return fmt.Sprintf("HTTP %d (%s, %d bytes)", r.Status, t, r.Bytes)
}

// Evidence points at where something was seen. Zero fields do not apply.
type Evidence struct {
	Exchange int
	URL      string // redacted
	File     string // "output[3] Patient"
	Line     int64
	Offset   int64
	Pointer  string
}

// In returns the evidence narrowed to a JSON pointer.
func (e Evidence) In(pointer string) Evidence { e.Pointer = pointer; return e }

// Client sends requests in the name of one check, or of the session itself.
type Client struct {
	s     *Session
	check string
}

// Client returns a client whose requests are recorded as caused by the given check; "" for shared work.
func (s *Session) Client(check string) *Client { return &Client{s, check} }

func newHTTP(c Config) (*http.Client, error) {
	tr := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    c.Parallel + c.ParallelJobs,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  c.RequestTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,                                                                      // Content-Encoding is judged, so it is not hidden
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure}, //nolint:gosec // the user asked for it
	}
	pool, err := c.roots()
	if err != nil {
		return nil, err
	}
	tr.TLSClientConfig.RootCAs = pool
	if c.ClientCertificate != nil {
		tr.TLSClientConfig.Certificates = []tls.Certificate{*c.ClientCertificate}
	}
	return &http.Client{
		Transport:     tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// roots returns the certificates to trust, nil for the system's alone.
func (c *Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" && len(c.CAPEM) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the CA file cannot be read: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file %s holds no PEM certificate", c.CAFile)
		}
	}
	if len(c.CAPEM) > 0 && !pool.AppendCertsFromPEM(c.CAPEM) {
		return nil, errors.New("the certificates to trust hold no PEM certificate")
	}
	return pool, nil
}

// origin returns scheme://host:port in lower case, with the default port written out.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// SameOrigin reports whether raw has the origin of the FHIR base.
func (s *Session) SameOrigin(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && origin(u) == s.origin
}

// mayCarryToken reports whether the session's token may be sent to u: the target's own origin, or one that the
// user trusts. A server cannot talk the suite into handing its token to another host.
func (s *Session) mayCarryToken(u *url.URL) bool { return s.trusted[origin(u)] }

// TokenAllowedAt reports whether the session may send its token to the URL.
func (s *Session) TokenAllowedAt(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && s.mayCarryToken(u)
}

// MaxFile returns the bound on the decompressed bytes of one output file.
func (c *Client) MaxFile() int64 { return c.s.cfg.MaxFile }

// ResolveAgainst returns ref as an absolute http or https URL, resolved against the URL of the document it stands in,
// or "" if it is none.
func ResolveAgainst(document, ref string) string {
	base, err := url.Parse(document)
	if err != nil || ref == "" {
		return ""
	}
	u, err := base.Parse(ref)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return u.String()
}

// Resolve returns ref resolved against the FHIR base, with the base as a folder: "Patient/$export" lies below it.
func (s *Session) Resolve(ref string) string {
	if u, err := url.Parse(ref); err == nil && u.IsAbs() {
		return ref
	}
	return s.cfg.BaseURL + "/" + strings.TrimLeft(ref, "/")
}

// Do sends the request and reads the whole answer into memory, within the bounds of the session.
func (c *Client) Do(ctx context.Context, req Request) *Response {
	max := req.MaxBody
	if max == 0 {
		max = c.s.cfg.MaxDocument
	}
	if req.Purpose == "token" {
		c.s.tokens.asking.Add(1)
		defer c.s.tokens.asking.Add(-1)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*c.s.cfg.RequestTimeout)
	defer cancel()
	res := c.Stream(ctx, req, func(r *Response, body io.Reader) error {
		if req.Discard {
			_, err := io.Copy(io.Discard, body)
			return err
		}
		var buf bytes.Buffer
		n, err := io.Copy(&buf, io.LimitReader(body, max+1))
		r.Body = buf.Bytes()
		if n > max {
			r.Body, r.Truncated = r.Body[:max], true
			return nil
		}
		return err
	})
	if res.Err == nil && res.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gunzip(res.Body, max)
		if err == nil {
			res.Body, res.Uncompress = plain, true
		} else {
			res.Err = fmt.Errorf("the body is marked as gzip but does not decompress: %w", err)
		}
	}
	if req.Purpose == "token" {
		c.s.noteToken(res)
	}
	if c.s.cfg.Excerpts && len(res.Body) > 0 && req.Purpose != "token" {
		c.s.noteExcerpt(res)
	}
	return res
}

// Stream sends the request and hands the raw body, as received, to read. Redirects are followed first, up to five;
// none of their bodies reaches read, and none carries the token to another origin. An error of read becomes the
// response's Err.
//
// A body that comes in drops is read until ctx ends; where ctx has no deadline, for as long as --file-timeout says.
func (c *Client) Stream(ctx context.Context, req Request, read func(*Response, io.Reader) error) *Response {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.s.cfg.FileTimeout)
		defer cancel()
	}
	target := c.s.Resolve(req.URL)
	var followed []int
	renewals := 0
	for hops := 0; ; hops++ {
		res, next := c.send(ctx, req, target, renewals < maxRenewals, read)
		res.Redirects, res.Hops = hops, followed
		if next == "" {
			return res
		}
		if res.renewed {
			renewals++
			hops--
			continue
		}
		followed = append(followed, res.Status)
		if hops == maxRedirects {
			res.Err = fmt.Errorf("more than %d redirects", maxRedirects)
			return res
		}
		target = next
		if res.Status == http.StatusSeeOther {
			req.Method, req.Body = http.MethodGet, nil
		}
	}
}

// Glance is Stream for a file whose status and beginning are enough: they have to come in the time of a protocol document.
func (c *Client) Glance(ctx context.Context, req Request, read func(*Response, io.Reader) error) *Response {
	ctx, cancel := context.WithTimeout(ctx, 2*c.s.cfg.RequestTimeout)
	defer cancel()
	return c.Stream(ctx, req, read)
}

// maxRenewals is how often a request is repeated whose token was ended by a newer one: servers may let a client hold one
// token at a time (TOKEN/renew), and several checks ask for tokens at once. 5 have been observed to be too few while the
// battery of client assertions runs on a busy machine; each repetition needs a newer token, so that it cannot go on.
const maxRenewals = 20

func (c *Client) send(ctx context.Context, req Request, target string, renew bool, read func(*Response, io.Reader) error) (res *Response, next string) {
	s := c.s
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	res = &Response{URL: target, Header: http.Header{}, Started: s.wall()}
	ex := &Exchange{Check: c.check, Purpose: req.Purpose, Started: res.Started, Method: method, URL: RedactURL(target), RequestBytes: int64(len(req.Body))}
	fail := func(err error) (*Response, string) {
		res.Err = explain(err, target)
		s.rec.done(ex, func(e *Exchange) { e.Err, e.Took = res.Err.Error(), s.wall().Sub(res.Started) })
		return res, ""
	}
	s.rec.add(ex)
	res.Exchange = ex.Number
	tapped, at := withOrigin(ctx, c.check, req.Purpose)
	hr, err := http.NewRequestWithContext(tapped, method, target, bytes.NewReader(req.Body))
	if err != nil {
		return fail(errors.New("the URL cannot be requested: it is malformed"))
	}
	if hr.URL.Scheme != "http" && hr.URL.Scheme != "https" || hr.URL.Host == "" {
		return fail(errors.New("the URL is not an absolute http or https URL"))
	}
	if len(req.Body) == 0 {
		hr.Body, hr.ContentLength = http.NoBody, 0
	}
	s.setHeaders(hr, req, c.check)
	if err := s.authorize(ctx, hr, req.Credentials); err != nil {
		return fail(err)
	}
	res.SentToken = hr.Header.Get("Authorization") != ""
	res.sent = secretsIn(hr.Header, s.cfg.Header)
	s.rec.done(ex, func(e *Exchange) { e.RequestHeader = redactHeader(hr.Header, s.cfg.Header) })

	resp, err := s.tapped(s.roundTripper(req)).Do(hr)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	res.Received = s.wall()
	if !at.received.IsZero() {
		res.Started, res.Received = at.started, at.received
	}
	res.Status, res.Header, res.TLS = resp.StatusCode, resp.Header, resp.TLS
	s.noteDate(resp.Header.Get("Date"), res.Received)
	if loc := resp.Header.Get("Location"); isRedirect(resp.StatusCode) && loc != "" && !req.NoRedirects {
		if u, err := resp.Request.URL.Parse(loc); err == nil {
			next = u.String()
		}
	}
	if resp.StatusCode == http.StatusUnauthorized && renew && req.Credentials.kind == credDefault && s.superseded(hr.Header.Get("Authorization")) {
		next, res.renewed = target, true
	}
	sum := sha256.New()
	count := &countingReader{r: resp.Body, also: sum}
	if next == "" {
		res.Err = read(res, count)
	}
	// A little more is read so that the connection can be used again; a hostile body is not followed to its end.
	_, _ = io.Copy(io.Discard, io.LimitReader(count, 64<<10))
	res.Bytes = count.n
	if res.Err != nil {
		res.Err = explain(res.Err, target)
	}
	s.rec.done(ex, func(e *Exchange) {
		e.Status, e.Proto, e.ResponseHeader = res.Status, resp.Proto, redactHeader(withoutEcho(resp.Header, res.sent), nil)
		e.ResponseBytes, e.ResponseSHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
		e.Took = s.wall().Sub(res.Started)
		if res.Err != nil {
			e.Err = res.Err.Error()
		}
	})
	return res, next
}

// roundTripper returns the session's HTTP client, or one that has no connection yet and keeps none, or one that writes
// names of headers in lower case.
func (s *Session) roundTripper(req Request) *http.Client {
	tr, ok := s.http.Transport.(*http.Transport)
	if !ok || !req.Fresh && !req.LowerCase {
		return s.http
	}
	c := &http.Client{Transport: tr, CheckRedirect: s.http.CheckRedirect}
	if req.Fresh {
		once := tr.Clone()
		once.DisableKeepAlives = true
		c.Transport = once
	}
	if req.LowerCase {
		c.Transport = lowerCase{c.Transport}
	}
	return c
}

// lowerCase writes names of headers as net/http never does over HTTP/1.1.
type lowerCase struct{ next http.RoundTripper }

func (l lowerCase) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for _, name := range []string{"Authorization", "Accept"} {
		if v, ok := r.Header[name]; ok {
			delete(r.Header, name)
			r.Header[strings.ToLower(name)] = v
		}
	}
	return l.next.RoundTrip(r)
}

func isRedirect(status int) bool {
	return slices.Contains([]int{301, 302, 303, 307, 308}, status)
}

func (s *Session) setHeaders(hr *http.Request, req Request, check string) {
	if s.mayCarryToken(hr.URL) {
		for k, vs := range s.cfg.Header {
			hr.Header[k] = slices.Clone(vs)
		}
	}
	agent := s.cfg.UserAgent
	if check != "" {
		agent += " (check " + check + ")"
	}
	hr.Header.Set("User-Agent", agent)
	// An explicit empty list in Request.Header removes a header that would otherwise be added by net/http.
	hr.Header.Set("Accept-Encoding", "identity")
	for k, vs := range req.Header {
		hr.Header[http.CanonicalHeaderKey(k)] = slices.Clone(vs)
	}
}

func (s *Session) authorize(ctx context.Context, hr *http.Request, cred Credentials) error {
	if !s.mayCarryToken(hr.URL) || cred.kind == credNone {
		return nil
	}
	if cred.kind == credHeader {
		hr.Header.Set("Authorization", cred.value)
		return nil
	}
	tok, err := s.Token(ctx)
	if err != nil {
		return err
	}
	if tok != "" {
		hr.Header.Set("Authorization", "Bearer "+tok)
	}
	return nil
}

func (s *Session) noteExcerpt(res *Response) {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	if i := res.Exchange - 1; i >= 0 && i < len(s.rec.list) {
		b := res.Body
		if len(b) > excerptBytes {
			b = b[:excerptBytes]
		}
		s.rec.list[i].Excerpt = strings.ToValidUTF8(hide(string(b), res.sent), "�")
	}
}

type countingReader struct {
	r    io.Reader
	n    int64
	also io.Writer
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if n > 0 {
		_, _ = c.also.Write(p[:n])
	}
	return n, err
}

// explain turns a network error into a sentence that says what to try. It never holds a query or a token.
func explain(err error, target string) error {
	host := "the server"
	if u, perr := url.Parse(target); perr == nil && u.Host != "" {
		host = u.Host
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the host name of %s is not known; check the URL", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s refuses the connection; is the server running, and is the port right?", host)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%s closed the connection before the answer was complete", host)
	case errors.As(err, &unknownCA):
		return fmt.Errorf("the certificate of %s is signed by an unknown authority; name it with --ca-file, or use --insecure for a test server", host)
	case errors.As(err, &badHost):
		return fmt.Errorf("the certificate of %s is for another host name; check the URL, or use --insecure for a test server", host)
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of %s is not valid: %v", host, err)
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s does not speak TLS; does the URL begin with http: instead of https:?", host)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return fmt.Errorf("%s did not answer in time (see --request-timeout and --file-timeout)", host)
	case strings.Contains(err.Error(), "server response headers exceeded"):
		return fmt.Errorf("%s sent more than %d bytes of response headers", host, maxHeaderBytes)
	}
	return err
}
