package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// eavesdropper stands before a server and keeps what must not show anywhere.
type eavesdropper struct {
	next http.Handler

	mu    sync.Mutex
	heard map[string]string // secret: what it is
}

func (e *eavesdropper) hear(what, secret string) {
	if len(secret) < 12 || strings.Trim(secret, "A") == "" {
		return // too short or too plain to be a secret, and sure to be found by chance
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[secret] = what
}

func (e *eavesdropper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		e.hear("a credential", token)
	}
	e.hear("a header of the tester's", r.Header.Get("X-Api-Key"))
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		copied := r.Clone(r.Context())
		copied.Body = io.NopCloser(bytes.NewReader(body))
		if copied.ParseForm() == nil {
			for _, a := range copied.PostForm["client_assertion"] {
				if parts := strings.Split(a, "."); len(parts) == 3 && len(parts[2]) > 40 {
					e.hear("an assertion", a)
					e.hear("a signature", parts[2])
				}
			}
		}
	}
	e.next.ServeHTTP(w, r)
}

// privateParts returns the members of a JWK Set that nobody else may know.
func privateParts(t *testing.T, jwks []byte) []string {
	t.Helper()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(jwks, &set); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range set.Keys {
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if v, ok := k[name].(string); ok {
				out = append(out, v)
			}
		}
	}
	return out
}

// No output of a run holds a key, an assertion, a token or a secret header, even where the server throws them back.
func TestNoOutputHoldsASecret(t *testing.T) {
	first, firstPublic := authz.PublicTestKeys()
	second, _, err := authz.GenerateKeys("second", 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	firstFile, secondFile := file("first.json", first), file("second.json", second)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	jwks := l.Addr().String() // to be listened at once more, by the run
	l.Close()

	ear := &eavesdropper{heard: map[string]string{}}
	var serverLog bytes.Buffer
	cfg := refserver.Config{Auth: true, PollsUntilDone: 1, Log: &serverLog, Clients: []authz.Client{
		{ID: "one", JWKS: firstPublic, Scopes: []string{"system/*.rs"}},
		{ID: "two", JWKSURL: "http://" + jwks + "/jwks.json", Scopes: []string{"system/Patient.rs"}}}}
	cfg.Behaviour.Auth.EchoAssertion = true
	cfg.Behaviour.Auth.EditTokenResponse = func(m map[string]any) {
		if s, ok := m["access_token"].(string); ok {
			ear.hear("a token", s)
			m["note"] = s // once more, where nobody looks for it
		}
	}
	cfg.Behaviour.Answer = func(a *refserver.Answer) { // as some debugging proxies do
		a.Header.Set("X-You-Sent", a.Request.Header.Get("Authorization"))
	}
	server, err := refserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ear.next = server
	web := httptest.NewServer(ear)
	defer web.Close()

	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	var console bytes.Buffer
	run := func(name string, args ...string) {
		args = append([]string{"run", "--server", web.URL + "/r4/bulk", "--plain", "--excerpts", "-H", "X-Api-Key: a-secret-of-the-tester", "--out", filepath.Join(out, name)}, args...)
		if code := Main(context.Background(), args, nil, &console, &console); code == 2 {
			t.Fatalf("%v: a usage error\n%s", args, &console)
		}
	}
	run("keys", "--client-id", "one", "--key", firstFile, "--second-client-id", "two", "--second-key", secondFile, "--second-scope", "system/Patient.rs",
		"--jwks-listen", jwks, "--jwks-second", "--record", filepath.Join(out, "capture"))
	run("static", "--token", "a-static-token-of-the-tester", "--check", "security.*")
	run("secret", "--client-id", "one", "--client-secret", "a-client-secret-of-the-tester", "--check", "discovery.*", "--check", "kickoff.no-parameters")

	for _, part := range slices.Concat(privateParts(t, first), privateParts(t, second)) {
		ear.heard[part] = "a part of a private key"
	}
	for _, s := range []string{"a-static-token-of-the-tester", "a-client-secret-of-the-tester", "a-secret-of-the-tester"} {
		ear.heard[s] = "a secret of the tester"
	}
	kinds := map[string]int{}
	for _, what := range ear.heard {
		kinds[what]++
	}
	if kinds["a token"] < 20 || kinds["an assertion"] < 100 || kinds["a part of a private key"] < 8 || kinds["a credential"] < 5 {
		t.Fatalf("too little was heard: %v", kinds)
	}

	looked := 0
	look := func(name string, content []byte) {
		looked++
		for secret, what := range ear.heard {
			if i := bytes.Index(content, []byte(secret)); i >= 0 {
				t.Errorf("%s holds %s: …%s", name, what, content[max(0, i-60):i])
			}
		}
	}
	look("the console", console.Bytes())
	look("the reference server's log", serverLog.Bytes())
	err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if z, zerr := gzip.NewReader(bytes.NewReader(content)); zerr == nil {
			if content, err = io.ReadAll(z); err != nil {
				return err
			}
		}
		if len(content) < 100 {
			t.Errorf("%s holds %d bytes", path, len(content))
		}
		look(strings.TrimPrefix(path, dir), content)
		return err
	})
	if err != nil || looked < 11 {
		t.Errorf("%d outputs were looked at: %v", looked, err)
	}
}
