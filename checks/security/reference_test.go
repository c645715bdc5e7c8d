package security_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/jwt"
	"github.com/bulkproof/bulkproof/checks/scope"
	"github.com/bulkproof/bulkproof/checks/security"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/checks/token"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// sharedClock moves the server's clock along with the session's, so that waits pass for both.
type sharedClock struct {
	session.SkipClock
	mu     sync.Mutex
	server *refserver.Server
	moves  bool
}

func (c *sharedClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves {
		c.server.Advance(d)
	}
	return c.SkipClock.Sleep(ctx, d)
}

func ecKey(t *testing.T, kid string) session.Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return session.Key{ID: kid, Algorithm: "ES384", Private: k}
}

type bench struct{ s *session.Session }

// open starts a reference server with two clients and a session with all that it can be told. The first client has two
// ES384 keys, the second may read Patient only.
func open(t *testing.T, edit func(*refserver.Config), configure func(*session.Config)) bench {
	t.Helper()
	first, sibling, second := ecKey(t, "first"), ecKey(t, "sibling"), ecKey(t, "second")
	cfg := refserver.Config{Auth: true, NoManagement: true, PollsUntilDone: 1, Clients: []authz.Client{
		{ID: "one", JWKS: session.PublicJWKS([]session.Key{first, sibling}), Scopes: []string{"system/*.rs"}},
		{ID: "two", JWKS: session.PublicJWKS([]session.Key{second}), Scopes: []string{"system/Patient.rs"}},
	}}
	if edit != nil {
		edit(&cfg)
	}
	run, err := refserver.Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close(context.Background()) })
	clock := &sharedClock{server: run.Server}
	c := session.Config{BaseURL: run.URL, ClientID: "one", Keys: []session.Key{first, sibling}, Clock: clock, Excerpts: true, ParallelJobs: 4,
		Access: session.Access{CAPEM: run.CAPEM, Second: &session.OtherClient{ID: "two", Keys: []session.Key{second}, Scope: "system/Patient.rs"},
			ForbiddenScope: "system/Observation.rs"}}
	if configure != nil {
		configure(&c)
	}
	clock.moves = c.AllowSlow
	s, err := session.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return bench{s: s}
}

// results runs the checks with the given ids and returns their results by id.
func results(t *testing.T, b bench, ids ...string) map[string]checks.Result {
	t.Helper()
	cat, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	areas := []checks.Area{security.Area(), scope.Area(), jwt.Area(), token.Area()}
	plan := checks.NewPlan(areas, cat, spec.V300, func(c *checks.Check) (bool, string) {
		for _, id := range ids {
			if c.ID == id || strings.HasSuffix(id, ".") && strings.HasPrefix(c.ID, id) {
				return true, ""
			}
		}
		return false, "not asked for"
	})
	out := map[string]checks.Result{}
	for _, r := range checks.RunAll(context.Background(), b.s, plan, checks.Options{Parallel: 1}) {
		if r.Outcome != checks.NotRun {
			out[r.Check.ID] = r
		}
	}
	return out
}

func sentence(r checks.Result) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Requirement+" "+f.Observed)
	}
	return string(r.Outcome) + " " + r.Reason + " " + strings.Join(all, "; ")
}

func TestTLSVersions(t *testing.T) {
	for _, c := range []struct {
		name string
		min  uint16
		max  uint16
		want checks.Outcome
	}{
		{"1.2 and 1.3", tls.VersionTLS12, tls.VersionTLS13, checks.Pass},
		{"1.2 only", tls.VersionTLS12, tls.VersionTLS12, checks.Pass},
		{"1.3 only", tls.VersionTLS13, tls.VersionTLS13, checks.Pass},
		{"1.1 beside 1.2", tls.VersionTLS11, tls.VersionTLS13, checks.Fail},
		{"1.0 beside 1.2", tls.VersionTLS10, tls.VersionTLS12, checks.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, func(cfg *refserver.Config) {
				cfg.TLS = true
				cfg.Behaviour.TLS = func(tc *tls.Config) { tc.MinVersion, tc.MaxVersion = c.min, c.max }
			}, nil)
			if r := results(t, b, "security.tls")["security.tls"]; r.Outcome != c.want {
				t.Errorf("%s", sentence(r))
			}
		})
	}
}

// What only a second client, a long wait or a forbidden scope can show: silent on the conforming server, found on broken ones.
func TestWhatNeedsMore(t *testing.T) {
	slow := func(c *session.Config) { c.AllowSlow = true }
	heavy := func(c *session.Config) { c.AllowHeavy = true }
	for _, c := range []struct {
		name      string
		break_    func(*authz.Behaviour)
		configure func(*session.Config)
		check     string
		want      checks.Outcome
	}{
		{"key of another client", func(b *authz.Behaviour) { b.AcceptAnyRegisteredKey = true }, nil, "jwt.client-known", checks.Fail},
		{"second key of the client", func(b *authz.Behaviour) { b.AcceptWrongKid = true }, nil, "jwt.key-choice", checks.Fail},
		{"only the first key", func(b *authz.Behaviour) { b.OnlyFirstKey = true }, nil, "jwt.algorithms", checks.Fail},
		{"excess", func(b *authz.Behaviour) { b.GrantExcess = true }, nil, "scope.limited", checks.Fail},
		{"expired token", func(b *authz.Behaviour) { b.AcceptExpiredToken = true }, slow, "security.token-validated", checks.Fail},
		{"replay past exp", func(b *authz.Behaviour) { b.ReplayUntilExp = true; b.Leeway = minute() }, slow, "jwt.replay", checks.Fail},
		{"clean", nil, nil, "jwt.client-known", checks.Pass},
		{"clean", nil, nil, "jwt.key-choice", checks.Pass},
		{"clean", nil, nil, "jwt.algorithms", checks.Pass},
		{"clean", nil, nil, "scope.limited", checks.Pass},
		{"clean", nil, nil, "security.status-protected", checks.Pass},
		{"clean, slow", nil, slow, "security.token-validated", checks.Pass},
		{"clean, slow", nil, slow, "jwt.replay", checks.Pass},
		{"clean, heavy", nil, heavy, "jwt.replay", checks.Pass},
		{"clean, heavy", nil, heavy, "jwt.unknown-members", checks.Pass},
		{"clean, heavy", nil, heavy, "jwt.survives", checks.Pass},
	} {
		t.Run(c.name+" "+c.check, func(t *testing.T) {
			b := open(t, func(cfg *refserver.Config) {
				if c.break_ != nil {
					c.break_(&cfg.Behaviour.Auth)
				}
			}, c.configure)
			if r := results(t, b, c.check)[c.check]; r.Outcome != c.want {
				t.Errorf("%s", sentence(r))
			}
		})
	}
}

func minute() *time.Duration { d := time.Minute; return &d }

// Nothing that a report is made of may hold a token, an assertion or a key.
func TestSecretsStayInside(t *testing.T) {
	var mu sync.Mutex
	var seen [][]byte
	b := open(t, func(cfg *refserver.Config) {
		cfg.Behaviour.Auth.EchoAssertion = true // the server does its worst
		cfg.Behaviour.Auth.EditTokenResponse = func(m map[string]any) {
			mu.Lock()
			defer mu.Unlock()
			if s, ok := m["access_token"].(string); ok {
				seen = append(seen, []byte(s))
			}
		}
	}, nil)
	all := results(t, b, "security.", "token.", "jwt.", "scope.")
	if len(all) < 50 {
		t.Fatalf("%d results", len(all))
	}
	for _, k := range append(b.s.Config().Keys, b.s.Config().Second.Keys...) {
		raw, err := k.Private.(*ecdsa.PrivateKey).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, raw)
	}
	var out bytes.Buffer
	for _, r := range all {
		out.WriteString(sentence(r) + strings.Join(r.Notes, "\n") + r.Examined)
		for _, f := range r.Findings {
			out.WriteString(f.At.URL + f.At.File + f.At.Pointer)
		}
	}
	if err := json.NewEncoder(&out).Encode(b.s.Exchanges()); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(&out).Encode(b.s.Discover().Facts); err != nil {
		t.Fatal(err)
	}
	if len(seen) < 20 {
		t.Fatalf("only %d secrets were seen", len(seen))
	}
	for _, secret := range seen {
		if bytes.Contains(out.Bytes(), secret) {
			t.Errorf("a secret of %d bytes shows", len(secret))
		}
	}
	// Every assertion begins with the encoded header.
	for _, head := range []string{"eyJhbGci", "client_assertion=ey"} {
		if i := bytes.Index(out.Bytes(), []byte(head)); i >= 0 {
			t.Errorf("an assertion shows: …%s…", out.Bytes()[max(0, i-60):i+len(head)])
		}
	}
}
