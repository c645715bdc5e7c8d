package selftest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// Pace is how the reference server behaves in time.
type Pace uint8

// Paces.
const (
	Real    Pace = iota // jobs take a moment and Retry-After is a second: what a user sees
	Instant             // a job is complete at its second poll: for the matrix
)

// clientID is the one client of a reference run.
const clientID = "bulkproof"

// Reference is a reference server started in this process on a free loopback port.
type Reference struct {
	URL    string
	server *refserver.Running
	keys   []session.Key // none for an open server
	caPEM  []byte        // of a server with TLS
	pace   Pace
}

// demoKeys parses the test keys once: the first use of an RSA key computes for milliseconds.
var demoKeys = sync.OnceValues(func() ([]session.Key, error) {
	private, _ := authz.PublicTestKeys()
	keys, err := session.ParseKeys(private, "")
	if err != nil {
		return nil, fmt.Errorf("the reference server's demonstration keys: %w", err)
	}
	return keys, nil
})

// Start starts a reference server for the IG version with the given fault, nil for none. It demands authorization,
// so that every check has something to judge.
func Start(ig spec.Version, f *refserver.Fault, pace Pace) (*Reference, error) {
	return startEdited(ig, pace, func(c *refserver.Config) error {
		if f != nil {
			f.Apply(&c.Behaviour)
		}
		return nil
	})
}

// startEdited is Start with a last change to the server's configuration.
func startEdited(ig spec.Version, pace Pace, edit func(*refserver.Config) error) (*Reference, error) {
	_, public := authz.PublicTestKeys()
	keys, err := demoKeys()
	if err != nil {
		return nil, err
	}
	if pace == Instant {
		// Signing with ES384 costs a tenth of RS384, and a matrix signs some hundred assertions a row.
		keys = slices.Clone(keys)
		slices.SortStableFunc(keys, func(a, b session.Key) int { return strings.Compare(a.Algorithm, b.Algorithm) })
	}
	cfg := refserver.Config{IG: string(ig), Auth: true, NoManagement: true, PollsUntilDone: 1,
		Clients: []authz.Client{{ID: clientID, JWKS: public, Scopes: []string{"system/*.rs"}}}}
	if ig == spec.V400 {
		cfg.IG = string(spec.V300) // the closest version the reference server speaks
	}
	if pace == Real {
		cfg.RetryAfter = 1
	}
	if err := edit(&cfg); err != nil {
		return nil, err
	}
	running, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ref := &Reference{URL: running.URL, server: running, caPEM: running.CAPEM, pace: pace}
	if cfg.Auth {
		ref.keys = keys
	}
	return ref, nil
}

// Configure returns the configuration with what is needed to reach the server and to be let in.
func (r *Reference) Configure(c session.Config) session.Config {
	c.BaseURL, c.CAPEM = r.URL, r.caPEM
	if len(r.keys) > 0 {
		c.ClientID, c.Keys = clientID, r.keys
	}
	c.ParallelJobs = 4 // our own server is asked for more at a time than a stranger's
	if r.pace == Instant {
		c.Clock = &session.SkipClock{}
		c.RequestTimeout = 10 * time.Second
		c.ExportTimeout = 2 * time.Minute
	}
	return c
}

// Close stops the server.
func (r *Reference) Close(ctx context.Context) error { return r.server.Close(ctx) }

// Open starts a fast reference server with the fault and opens a session with it. stop ends both.
func Open(ctx context.Context, ig spec.Version, f *refserver.Fault) (s *session.Session, stop func(context.Context) error, err error) {
	ref, err := Start(ig, f, Instant)
	if err != nil {
		return nil, nil, err
	}
	return openAt(ctx, ref, ref.Configure(session.Config{IG: ig}))
}

// openAt opens a session with a reference server. stop ends both.
func openAt(ctx context.Context, ref *Reference, c session.Config) (s *session.Session, stop func(context.Context) error, err error) {
	s, err = session.Open(ctx, c)
	if err != nil {
		return nil, nil, errors.Join(err, ref.Close(ctx))
	}
	return s, func(ctx context.Context) error {
		s.Close(ctx) // what a broken server does not let go of is part of the fault
		return ref.Close(ctx)
	}, nil
}
