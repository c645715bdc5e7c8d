package selftest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Pace is how the reference server behaves in time.
type Pace uint8

// Paces.
const (
	Real    Pace = iota // jobs take a moment and Retry-After is a second: what a user sees
	Instant             // a job is complete at its second poll: for the matrix
)

// The clients of a reference run. The first registered its keys, the second the URL at which they are hosted. The second
// may read Encounter and Patient only.
const (
	clientID       = "bulkproof"
	secondID       = "bulkproof-second"
	secondScope    = "system/Encounter.rs system/Patient.rs"
	forbiddenScope = "system/Observation.rs"
)

// closedGroup is the Group of the dataset that the reference run's client must not export.
const closedGroup = "few"

// Reference is a reference server started in this process on a free loopback port.
type Reference struct {
	URL    string
	server *refserver.Running
	keys   []session.Key // none for an open server
	second []session.Key
	host   *session.KeyHost // of the second client's keys; nil for an open server
	caPEM  []byte           // of a server with TLS
	pace   Pace
	known  session.Known
	told   []string // options that the tester adds, see refserver.Fault.Options
}

// demonstration are the clients' keys.
type demonstration struct{ first, second []session.Key }

// demoKeys prepares the keys once: the first use of an RSA key computes for milliseconds. Each client has two keys of
// the same algorithm or of different ones, so that a choice of keys can be seen. RSA keys take long to make, so that the
// second client has the first one's under another kid.
var demoKeys = sync.OnceValues(func() (demonstration, error) {
	private, _ := authz.PublicTestKeys()
	keys, err := session.ParseKeys(private, "")
	if err != nil {
		return demonstration{}, fmt.Errorf("the reference server's demonstration keys: %w", err)
	}
	d := demonstration{first: keys}
	for _, k := range keys {
		if k.Algorithm == "RS384" {
			d.second = append(d.second, session.Key{ID: "second-rs384", Algorithm: k.Algorithm, Private: k.Private})
		}
	}
	for _, kid := range []string{"sibling-es384", "second-es384"} {
		private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return demonstration{}, fmt.Errorf("a demonstration key could not be made: %w", err)
		}
		k := session.Key{ID: kid, Algorithm: "ES384", Private: private}
		if kid == "sibling-es384" {
			d.first = append(d.first, k)
		} else {
			d.second = append(d.second, k)
		}
	}
	return d, nil
})

// cheapFirst orders keys by what they cost: signing with ES384 takes a tenth of RS384, and a matrix signs some hundred
// assertions a row.
func cheapFirst(keys []session.Key) []session.Key {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b session.Key) int { return strings.Compare(a.Algorithm, b.Algorithm) })
	return keys
}

// Start starts a reference server for the IG version with the given fault, nil for none. It demands authorization,
// so that every check has something to judge.
func Start(ig spec.Version, f *refserver.Fault, pace Pace) (*Reference, error) {
	if f == nil {
		return startEdited(ig, pace, func(*refserver.Config) error { return nil })
	}
	ref, err := startEdited(ig, pace, func(c *refserver.Config) error {
		c.RehearsalGroups = slices.Contains(f.Options, refserver.OptionLossyGroup)
		f.Apply(&c.Behaviour)
		return nil
	})
	if err != nil {
		return nil, err
	}
	ref.told = f.Options
	return ref, nil
}

// startEdited is Start with a last change to the server's configuration.
func startEdited(ig spec.Version, pace Pace, edit func(*refserver.Config) error) (*Reference, error) {
	keys, err := demoKeys()
	if err != nil {
		return nil, err
	}
	if pace == Instant {
		keys = demonstration{cheapFirst(keys.first), cheapFirst(keys.second)}
	}
	host, err := session.HostKeys("127.0.0.1:0", "", nil, keys.second)
	if err != nil {
		return nil, err
	}
	ref, err := startHosting(ig, pace, keys, host, edit)
	if err != nil || ref.host == nil {
		host.Close()
	}
	return ref, err
}

func startHosting(ig spec.Version, pace Pace, keys demonstration, host *session.KeyHost, edit func(*refserver.Config) error) (*Reference, error) {
	ref := &Reference{pace: pace, keys: keys.first, second: keys.second, host: host}
	cfg := refserver.Config{IG: string(ig), Auth: true, NoManagement: true, PollsUntilDone: 1, Clients: []authz.Client{
		{ID: clientID, JWKS: session.PublicJWKS(keys.first), Scopes: []string{"system/*.rs"}},
		{ID: secondID, JWKSURL: host.URL(), Scopes: strings.Fields(secondScope)}}}
	if ig == spec.V400 {
		cfg.IG = string(spec.V300) // the closest version the reference server speaks
	}
	if pace == Real {
		cfg.RetryAfter = 1
	}
	cfg.GroupPolicy = func(_, group string) bool { return group != closedGroup }
	if err := edit(&cfg); err != nil {
		return nil, err
	}
	running, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ref.URL, ref.server, ref.caPEM = running.URL, running, running.CAPEM
	if !cfg.Auth {
		ref.keys, ref.host = nil, nil
	} else {
		ref.known.ForbiddenGroup = closedGroup
	}
	if cfg.Levels == nil { // at other levels the plain export holds less
		if goal := refserver.FirstGoal(cfg); goal != "" {
			ref.known.Expected = []string{"Goal/" + goal}
		}
		ref.known.DefaultTypes = []string{"Patient", "Observation", "Condition", "Procedure"}
	}
	return ref, nil
}

// Configure returns the configuration with what is needed to reach the server and to be let in.
func (r *Reference) Configure(c session.Config) session.Config {
	c.BaseURL, c.CAPEM, c.Known = r.URL, r.caPEM, r.known
	if len(r.keys) > 0 {
		c.ClientID, c.Keys = clientID, r.keys
		if c.Second == nil && c.Hosted == nil {
			c.Second = &session.OtherClient{ID: secondID, Keys: r.second, Scope: scopeFor(c.IG, secondScope)}
			c.Hosted, c.HostedSecond = r.host, true
		}
		if c.ForbiddenScope == "" {
			c.ForbiddenScope = scopeFor(c.IG, forbiddenScope)
		}
	}
	c.ParallelJobs = 4 // our own server is asked for more at a time than a stranger's
	if r.pace == Instant {
		c.Clock = &session.SkipClock{}
		c.RequestTimeout = 10 * time.Second
		c.ExportTimeout = 2 * time.Minute
	}
	for _, o := range r.told {
		switch o {
		case refserver.OptionThrottling:
			c.ProbeThrottling = true
		case refserver.OptionLossyGroup:
			c.Known.LossyGroup = refserver.RehearseLoss
		case refserver.OptionDeleted:
			c.Known.DeletedPatients = deletedPatients()
		}
	}
	return c
}

// scopeFor returns a scope to read in the syntax of the IG version.
func scopeFor(ig spec.Version, scope string) string {
	if ig == spec.V101 {
		return strings.ReplaceAll(scope, ".rs", ".read")
	}
	return scope
}

// deletedPatients returns the ids of the Patients that were deleted from the default dataset.
func deletedPatients() []string {
	set, err := dataset.New(dataset.Config{BaseURL: "http://localhost"})
	if err != nil {
		panic(err) // it has nothing wrong in it
	}
	var out []string
	for d := range set.Deletions() {
		if d.Type == "Patient" {
			out = append(out, d.ID)
		}
	}
	return out
}

// Close stops the server.
func (r *Reference) Close(ctx context.Context) error {
	if r.host != nil {
		defer r.host.Close()
	}
	return r.server.Close(ctx)
}

// Open starts a fast reference server with the fault and opens a session with it, which waits for minutes, by a clock that
// the server shares, if the fault asks for it. stop ends both.
func Open(ctx context.Context, ig spec.Version, f *refserver.Fault) (s *session.Session, stop func(context.Context) error, err error) {
	ref, err := Start(ig, f, Instant)
	if err != nil {
		return nil, nil, err
	}
	c := ref.Configure(session.Config{IG: ig})
	if f != nil && f.Waits {
		c.AllowSlow, c.Clock = true, &sharedClock{server: ref.server.Server}
		c.ExportTimeout = 2 * time.Hour // the waits of all checks add up
	}
	return openAt(ctx, ref, c)
}

// sharedClock never waits, and moves the server's clock along.
type sharedClock struct {
	session.SkipClock
	server *refserver.Server
}

// Wall says that the target's clock goes by this one.
func (c *sharedClock) Wall() time.Time { return c.Now() }

// Sleep moves both clocks forward by d.
func (c *sharedClock) Sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		c.server.Advance(d)
	}
	return c.SkipClock.Sleep(ctx, d)
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
