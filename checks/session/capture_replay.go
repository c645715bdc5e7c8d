package session

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bulkproof/bulkproof/checks/spec"
)

// Replay answers the requests of a session from a capture. It is deterministic: which answer a request gets depends on
// what asked for it, on the request and on how often it was asked, never on timing.
type Replay struct {
	capture *Capture
	scrub   *scrubber // knows tokens only
	started time.Time

	given map[string]bool // URLs that the recorded target gave; what is requested beside them, the suite made up itself

	mu    sync.Mutex
	filed map[string]*answers // by each key of each exchange
	used  []bool
	now   time.Time
	skip  time.Duration
	asked map[string]int // requests that the capture has no answer to, by method and redacted URL
}

// answers is what a capture holds for one key, in the order in which it was asked.
type answers struct {
	list []int
	last int // index of the one given last, -1 for none
}

// ReplayToken stands for the static token of a recorded run.
const ReplayToken = "bulkproof-replay-token"

// NewReplay returns a replay of the capture.
func NewReplay(c *Capture) *Replay {
	r := &Replay{capture: c, scrub: newScrubber(new([16]byte)), started: c.Header.Recorded, now: c.Header.Recorded, given: map[string]bool{}, filed: map[string]*answers{},
		used: make([]bool, len(c.Exchanges)), asked: map[string]int{}}
	if c.Header.Authorization == "token" {
		r.scrub.tokens[ReplayToken] = ReplayToken
	}
	for i := range c.Exchanges {
		r.note(&c.Exchanges[i])
	}
	for i := range c.Exchanges {
		e := &c.Exchanges[i]
		u, err := url.Parse(e.URL)
		if err != nil {
			continue // ParseCapture lets none through
		}
		for _, key := range r.keys(e.Cause, e.Method, u, e.Auth, e.Sent) {
			if r.filed[key] == nil {
				r.filed[key] = &answers{last: -1}
			}
			r.filed[key].list = append(r.filed[key].list, i)
		}
	}
	return r
}

var anyURL = regexp.MustCompile(`https?://[^"\s\\<>]+`)

// note remembers the URLs that an answer gives.
func (r *Replay) note(e *CaptureExchange) {
	for _, k := range []string{"Location", "Content-Location"} {
		for _, v := range e.Header[k] {
			if base, err := url.Parse(e.URL); err == nil {
				if u, err := base.Parse(v); err == nil {
					r.given[u.String()] = true
				}
			}
		}
	}
	if e.Purpose != "output file" {
		for _, u := range anyURL.FindAllString(e.Body, -1) {
			r.given[u] = true
		}
	}
}

// keys returns the keys under which an exchange is filed and looked for, the best first: the same request for the same
// reason; the same but for headers and body, which may hold what is drawn anew each time; and where the suite made the
// URL up itself, of the same shape, as what it learned from the data has other names in the capture.
func (r *Replay) keys(cause, method string, u *url.URL, auth, sent string) []string {
	base := strings.Join([]string{cause, method, auth}, "\n")
	keys := []string{"exact\n" + base + "\n" + u.String() + "\n" + sent, "url\n" + base + "\n" + u.String()}
	if !r.given[u.String()] {
		keys = append(keys, "shape\n"+base+"\n"+shapeOf(u))
	}
	return keys
}

// Configure returns the configuration with which the capture was recorded, as far as it goes without secrets. keys are
// fresh ones, one for each key of the capture, which get their ids from it.
func (r *Replay) Configure(c Config, keys []Key) (Config, error) {
	h := r.capture.Header
	c.BaseURL, c.IG, c.Scope, c.Types, c.Group, c.TokenURL, c.TrustOrigins = h.BaseURL, spec.Version(h.IG), h.Scope, h.Types, h.Group, h.TokenURL, h.TrustOrigins
	c.Token, c.ClientID, c.Keys = "", "", nil
	switch h.Authorization {
	case "token":
		c.Token = ReplayToken
	case "backend":
		if len(keys) != len(h.Keys) {
			return c, fmt.Errorf("the capture was recorded with %d keys, %d are given", len(h.Keys), len(keys))
		}
		c.ClientID = h.ClientID
		for i, k := range keys {
			if k.Algorithm != h.Keys[i].Algorithm {
				return c, fmt.Errorf("the key %d of the capture is for %s", i+1, h.Keys[i].Algorithm)
			}
			k.ID = h.Keys[i].KeyID
			c.Keys = append(c.Keys, k)
		}
	}
	c.Tap, c.Clock = r, r
	// One export at a time: a wait of one then never counts against the deadline of another.
	c.ParallelJobs, c.Parallel = 1, 1
	return c, nil
}

// Missing returns the requests that the capture has no answer to, sorted: what the checks of today ask and those of the
// recording did not.
func (r *Replay) Missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for k, n := range r.asked {
		out = append(out, fmt.Sprintf("%s (%d times)", k, n))
	}
	sort.Strings(out)
	return out
}

// Now returns the time of the recording at the answer given last, plus everything slept since.
func (r *Replay) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Add(r.skip)
}

// Sleep moves the time forward at once.
func (r *Replay) Sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	r.skip += max(0, d)
	r.mu.Unlock()
	return ctx.Err()
}

func (r *Replay) wall() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// Wrap returns a transport that never touches the network.
func (r *Replay) Wrap(http.RoundTripper) http.RoundTripper { return replaying{r} }

type replaying struct{ r *Replay }

// ErrNotRecorded is why a request of a replay has no answer that the recording lacks: it says nothing of the target.
var ErrNotRecorded = errors.New("the capture holds no answer to this request")

func (t replaying) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := requestBody(req)
	if err != nil {
		return nil, err
	}
	cause, purpose, at := causeOf(req.Context())
	auth := t.r.scrub.authOf(req.Header)
	e, ok := t.r.answer(cause, req, auth, t.r.scrub.sentOf(req.Header, purpose, body))
	if !ok {
		return nil, fmt.Errorf("%w (%s %s)", ErrNotRecorded, req.Method, RedactURL(req.URL.String()))
	}
	t.r.deliver(e, at)
	if e.Status == 0 {
		return nil, failure(e.Error)
	}
	return t.r.response(req, e, purpose), nil
}

// answer finds the answer, by the best key that has one left. A request asked more often than in the recording gets the
// last answer again if repeating it is harmless.
func (r *Replay) answer(cause string, req *http.Request, auth, sent string) (*CaptureExchange, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := r.keys(cause, req.Method, req.URL, auth, sent)
	for _, key := range keys {
		a := r.filed[key]
		if a == nil {
			continue
		}
		for _, i := range a.list {
			if !r.used[i] {
				r.used[i] = true
				for _, k := range keys {
					if r.filed[k] != nil {
						r.filed[k].last = i
					}
				}
				return &r.capture.Exchanges[i], true
			}
		}
	}
	_, purpose, _ := causeOf(req.Context())
	for _, key := range keys[:2] {
		if a := r.filed[key]; a != nil && a.last >= 0 && purpose != "kick-off" {
			return &r.capture.Exchanges[a.last], true
		}
	}
	r.asked[req.Method+" "+RedactURL(req.URL.String())]++
	return nil, false
}

// shapeOf leaves out what a capture calls by another name: segments of the path that are not the protocol's, and values of
// parameters.
func shapeOf(u *url.URL) string {
	segs := strings.Split(u.Path, "/")
	for i, s := range segs {
		if !pathWord(s) {
			segs[i] = "*"
		}
	}
	var names []string
	for name, values := range u.Query() {
		if !slices.Contains(plainQuery, name) {
			name = "*"
		}
		names = append(names, fmt.Sprint(name, len(values)))
	}
	slices.Sort(names)
	return origin(u) + strings.Join(segs, "/") + "?" + strings.Join(names, "&")
}

// deliver sets the times of the answer and moves the clock to it, never back.
func (r *Replay) deliver(e *CaptureExchange, at *stamp) {
	started := r.started.Add(time.Duration(e.At) * time.Millisecond)
	received := started.Add(time.Duration(e.Took) * time.Millisecond)
	if at != nil {
		at.started, at.received = started, received
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if received.After(r.now) {
		r.now = received
	}
}

func (r *Replay) response(req *http.Request, e *CaptureExchange, purpose string) *http.Response {
	b := []byte(e.Body)
	if len(e.Bytes) > 0 {
		b = e.Bytes
	}
	if e.Opaque > 0 {
		b = bytes.Repeat([]byte{'x'}, int(min(e.Opaque, maxCaptureBody)))
	}
	if purpose == "token" {
		r.learn(b)
	}
	before := len(b)
	if e.Gzip {
		b = gzipped(b)
		if e.Error == "other" && len(b) > 8 {
			b = b[:len(b)-8] // the trailer was missing or wrong
		}
	}
	resp := &http.Response{Status: fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), StatusCode: e.Status, Proto: e.Proto, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, ContentLength: -1, Request: req}
	for k, vs := range e.Header {
		resp.Header[k] = slices.Clone(vs)
	}
	// The length is that of another text now; one that was right stays right.
	if n, err := strconv.Atoi(resp.Header.Get("Content-Length")); err == nil && n > 0 && e.Error == "" && req.Method != http.MethodHead && (before > 0 || e.Opaque > 0) {
		resp.Header.Set("Content-Length", strconv.Itoa(len(b)))
	}
	if e.TLS != 0 {
		resp.TLS = &tls.ConnectionState{Version: uint16(e.TLS), HandshakeComplete: true}
	}
	var end error
	switch {
	case e.Partial:
		end = fmt.Errorf("%w: the capture keeps only its beginning", errTooLong)
	case e.Error != "" && !e.Gzip || e.Error != "" && e.Error != "other":
		end = failure(e.Error)
	}
	resp.Body = &replayedBody{r: bytes.NewReader(b), end: end}
	return resp
}

// learn notes the tokens that the recorded target issued.
func (r *Replay) learn(body []byte) {
	doc, err := DecodeJSON(body)
	if err != nil {
		return
	}
	if token := Text(doc, "access_token"); token != "" {
		r.scrub.mu.Lock()
		r.scrub.tokens[token] = token
		r.scrub.mu.Unlock()
	}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory: cannot fail
	_ = z.Close()
	return out.Bytes()
}

// replayedBody gives what was kept, and then the error that ended the body.
type replayedBody struct {
	r   *bytes.Reader
	end error
}

func (b *replayedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) && b.end != nil {
		err = b.end
	}
	return n, err
}

func (b *replayedBody) Close() error { return nil }

// failure returns an error of the kind, such as the session explains in the same words.
func failure(kind string) error {
	switch kind {
	case "dns":
		return &net.DNSError{Err: "no such host", Name: "target.example", IsNotFound: true}
	case "refused":
		return syscall.ECONNREFUSED
	case "reset":
		return io.ErrUnexpectedEOF
	case "tls":
		return x509.UnknownAuthorityError{}
	case "timeout":
		return context.DeadlineExceeded
	case "cancelled":
		return context.Canceled
	case "headers":
		return errors.New("net/http: server response headers exceeded the bound")
	}
	return errors.New("the request failed, as recorded")
}
