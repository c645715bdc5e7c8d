package session

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkproof/bulkproof/checks/spec"
)

// Session is one acquaintance with one server. It is safe for concurrent use.
type Session struct {
	cfg     Config
	http    *http.Client
	base    *url.URL
	origin  string
	trusted map[string]bool
	rec     recorder
	clock   Clock

	// ctx is the session's own life: shared work runs under it, never under the context of the check that
	// happened to ask first.
	ctx  context.Context
	stop context.CancelFunc

	memoMu sync.Mutex
	memos  map[string]*memo

	tokens  tokenCache
	jobs    jobTable
	slots   slots     // exports at a time
	exports []*Export // guarded by jobs.mu

	kickingOff sync.WaitGroup // kick-off requests under way
	collect    atomic.Pointer[func(*Export) Collector]

	skewMu sync.Mutex
	skew   []time.Duration

	keeper *keeper // nil unless files are kept
}

// Open checks the configuration and returns a session. It sends nothing yet. The error lists every problem found.
func Open(ctx context.Context, c Config) (*Session, error) {
	c.setDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	hc, err := newHTTP(c)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("the server URL cannot be parsed: %w", err)
	}
	s := &Session{cfg: c, http: hc, base: base, origin: origin(base), clock: c.Clock,
		trusted: map[string]bool{}, memos: map[string]*memo{}, slots: newSlots(c.ParallelJobs)}
	if c.KeepFiles != "" {
		if s.keeper, err = newKeeper(c.KeepFiles); err != nil {
			return nil, err
		}
	}
	s.trusted[s.origin] = true
	for _, o := range c.TrustOrigins {
		if u, err := url.Parse(o); err == nil {
			s.trusted[origin(u)] = true
		}
	}
	s.ctx, s.stop = context.WithCancel(ctx)
	return s, nil
}

// IG returns the version of the implementation guide under test.
func (s *Session) IG() spec.Version { return s.cfg.IG }

// Config returns the configuration in force, with its defaults filled in.
func (s *Session) Config() Config { return s.cfg }

// Now returns the session's time.
func (s *Session) Now() time.Time { return s.clock.Now() }

// Sleep waits by the session's clock.
func (s *Session) Sleep(ctx context.Context, d time.Duration) error { return s.clock.Sleep(ctx, d) }

// Context ends when the session is stopped.
func (s *Session) Context() context.Context { return s.ctx }

type memo struct {
	once  sync.Once
	value any
}

// Shared returns the value that make computed the first time it was asked for key, whichever check asked. It lets
// several checks judge one observation without leaning on each other: make runs under the session's context.
// A key names one type of value only.
func Shared[T any](s *Session, key string, make func(context.Context) T) T {
	s.memoMu.Lock()
	m := s.memos[key]
	if m == nil {
		m = &memo{}
		s.memos[key] = m
	}
	s.memoMu.Unlock()
	m.once.Do(func() {
		var zero T
		m.value = zero // stays if make panics, so that the next to ask does not meet a nil
		m.value = make(withCause(s.ctx, key))
	})
	return m.value.(T)
}

// noteDate learns how far the target's clock is ahead of ours from a Date header (one second resolution).
func (s *Session) noteDate(date string, received time.Time) {
	t, err := http.ParseTime(date)
	if err != nil {
		return
	}
	s.skewMu.Lock()
	defer s.skewMu.Unlock()
	if len(s.skew) < 64 {
		s.skew = append(s.skew, t.Sub(received))
	}
}

// Skew returns how far the target's clock is ahead of ours (negative: behind), by the Date headers seen, and whether
// any was seen. It is good to about a second plus the time of a round trip.
func (s *Session) Skew() (time.Duration, bool) {
	s.skewMu.Lock()
	defer s.skewMu.Unlock()
	if len(s.skew) == 0 {
		return 0, false
	}
	var sum time.Duration
	for _, d := range s.skew {
		sum += d
	}
	return sum / time.Duration(len(s.skew)), true
}

// Traffic is what the session cost the target so far.
type Traffic struct {
	Requests, KickOffs, KickOffAttempts, CompletedExports, JobsDeleted int
	BytesReceived, Resources                                           int64
}

// Traffic returns the present figures.
func (s *Session) Traffic() Traffic {
	s.rec.mu.Lock()
	t := Traffic{Requests: s.rec.count, BytesReceived: s.rec.bytes}
	s.rec.mu.Unlock()
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	t.KickOffs, t.KickOffAttempts, t.CompletedExports, t.JobsDeleted = s.jobs.accepted, s.jobs.attempts, s.jobs.completed, s.jobs.deleted
	t.Resources = s.jobs.resources
	return t
}

// Stop ends all shared work in progress; Close still has to be called.
func (s *Session) Stop() { s.stop() }

// Close stops shared work and asks the target to delete every job that the session started and that it has not
// deleted yet. It returns a sentence for each job that could not be deleted. ctx bounds the clean-up.
func (s *Session) Close(ctx context.Context) []string {
	s.stop()
	s.kickingOff.Wait()
	problems := s.jobs.deleteAll(ctx, s)
	s.http.CloseIdleConnections()
	if p := s.keeper.problem(); p != "" {
		problems = append(problems, p)
	}
	return problems
}

func gunzip(b []byte, max int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, max+1))
	if err == nil && int64(len(plain)) > max {
		err = errors.New("it is longer than the bound after decompression")
	}
	return plain, err
}
