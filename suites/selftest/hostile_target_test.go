package selftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// stage is the part of the protocol at which a hostile target strikes.
type stage string

const (
	atMetadata stage = "metadata"
	atSMART    stage = "smart"
	atToken    stage = "token"
	atKickOff  stage = "kick-off"
	atStatus   stage = "status"
	atFile     stage = "file"
	atDelete   stage = "delete"
	everywhere stage = "everywhere"
)

// stageOf tells the stage of a request by the reference server's paths.
func stageOf(r *http.Request) stage {
	switch p := r.URL.Path; {
	case strings.HasSuffix(p, "/metadata"):
		return atMetadata
	case strings.HasSuffix(p, "/.well-known/smart-configuration"):
		return atSMART
	case strings.Contains(p, "/door/token"):
		return atToken
	case strings.HasSuffix(p, "$export"):
		return atKickOff
	case strings.Contains(p, "/desk/") && r.Method == http.MethodDelete:
		return atDelete
	case strings.Contains(p, "/desk/"):
		return atStatus
	case strings.Contains(p, "/shelf/"):
		return atFile
	}
	return ""
}

// hostileTarget is the reference server behind a handler that strikes at one stage, and another origin that remembers
// what it is sent.
type hostileTarget struct {
	URL  string // FHIR base
	evil string // the other origin

	mu     sync.Mutex
	sent   []string // credentials that the other origin received
	tokens []string // access tokens that were issued
}

// strike takes over a request; false leaves it to the reference server.
type strike func(h *hostileTarget, w http.ResponseWriter, r *http.Request)

func startHostile(t *testing.T, c hostileCase) *hostileTarget {
	t.Helper()
	_, public := authz.PublicTestKeys()
	cfg := refserver.Config{IG: string(spec.V300), Auth: true, PollsUntilDone: 1, Patients: 5, ResourcesPerFile: 1 << 20,
		Clients: []authz.Client{{ID: clientID, JWKS: public, Scopes: []string{"system/*.rs"}}}}
	if c.edit != nil {
		c.edit(&cfg.Behaviour)
	}
	ref, err := refserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &hostileTarget{}
	serve := func(handler http.HandlerFunc) (string, *http.Server) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
		go func() { _ = srv.Serve(l) }()
		return "http://" + l.Addr().String(), srv
	}
	other, evil := serve(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		for _, v := range append(r.Header["Authorization"], r.Header["Cookie"]...) {
			h.sent = append(h.sent, r.URL.Path+": "+v)
		}
		for _, tok := range h.tokens {
			if strings.Contains(r.URL.String(), tok) || bytes.Contains(body, []byte(tok)) {
				h.sent = append(h.sent, r.URL.Path+": the token in its URL or body")
			}
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>mine</html>")
	})
	h.evil = other
	base, front := serve(func(w http.ResponseWriter, r *http.Request) {
		if s := stageOf(r); c.serve != nil && (s == c.at || c.at == everywhere) && (c.only == nil || c.only(r)) {
			c.serve(h, w, r)
			return
		}
		if stageOf(r) == atToken {
			rec := &bodyTee{ResponseWriter: w}
			ref.ServeHTTP(rec, r)
			h.noteToken(rec.b.String())
			return
		}
		ref.ServeHTTP(w, r)
	})
	h.URL = base + "/r4/bulk"
	t.Cleanup(func() {
		ref.Close()
		_, _ = front.Close(), evil.Close()
	})
	return h
}

type bodyTee struct {
	http.ResponseWriter
	b bytes.Buffer
}

func (t *bodyTee) Write(p []byte) (int, error) {
	t.b.Write(p)
	return t.ResponseWriter.Write(p)
}

func (h *hostileTarget) noteToken(body string) {
	_, rest, ok := strings.Cut(body, `"access_token":"`)
	if token, _, closed := strings.Cut(rest, `"`); ok && closed {
		h.mu.Lock()
		h.tokens = append(h.tokens, token)
		h.mu.Unlock()
	}
}

// open opens a session with narrow bounds, so that nothing takes long.
func (h *hostileTarget) open(t *testing.T, c hostileCase) *session.Session {
	t.Helper()
	keys, err := demoKeys()
	if err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{BaseURL: h.URL, IG: spec.V300, ClientID: clientID, Keys: keys.first, Clock: &session.SkipClock{},
		RequestTimeout: 20 * time.Second, ExportTimeout: time.Minute, FileTimeout: 20 * time.Second, ParallelJobs: 4,
		MaxDocument: 1 << 20, MaxFile: 256 << 10, MaxLine: 128 << 10, MaxFiles: 500}
	if c.hasty {
		cfg.RequestTimeout, cfg.FileTimeout = 250*time.Millisecond, 100*time.Millisecond
	}
	s, err := session.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ---- ways to strike ----

// raw writes bytes to the connection in place of an answer, and closes it.
func raw(parts ...string) strike {
	return func(_ *hostileTarget, w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for _, p := range parts {
			if _, err := buf.WriteString(p); err != nil {
				return
			}
		}
		_ = buf.Flush()
	}
}

// reset cuts the connection with a TCP reset.
func reset(_ *hostileTarget, w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// endless sends header and status, and then the piece until the client goes away.
func endless(status int, contentType, piece string) strike {
	chunk := []byte(strings.Repeat(piece, 1+32<<10/len(piece)))
	return func(h *hostileTarget, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if status == http.StatusAccepted {
			w.Header().Set("Content-Location", h.URL+"/desk/none")
		}
		w.WriteHeader(status)
		for range 1 << 15 { // a gigabyte: more than any bound
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// silence never answers.
func silence(_ *hostileTarget, _ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// drip sends a byte every few milliseconds.
func drip(contentType string) strike {
	return func(_ *hostileTarget, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(http.StatusOK)
		for range 5000 {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}
}

// answer sends a whole answer. "{evil}" and "{base}" in it are replaced.
func answer(status int, body string, headers ...string) strike {
	return func(h *hostileTarget, w http.ResponseWriter, _ *http.Request) {
		fill := strings.NewReplacer("{evil}", h.evil, "{base}", h.URL).Replace
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Add(headers[i], fill(headers[i+1]))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, fill(body))
	}
}

// redirectToSelf answers with a redirect to the URL that was asked for.
func redirectToSelf(_ *hostileTarget, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "http://"+r.Host+r.URL.RequestURI())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// manifestOf answers with a manifest that has the fields beside the required ones.
func manifestOf(fields string) strike {
	return answer(http.StatusOK, `{"transactionTime":"2026-01-01T00:00:00Z","request":"{base}/$export","requiresAccessToken":true,"error":[],`+fields+`}`,
		"Content-Type", "application/json", "Expires", "Fri, 31 Dec 2100 00:00:00 GMT")
}

var errTooSlow = errors.New("the run did not end in time")

// within runs f and errs if it takes longer than d.
func within(d time.Duration, f func()) error {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		return nil
	case <-time.After(d):
		return fmt.Errorf("%w: %s", errTooSlow, d)
	}
}
