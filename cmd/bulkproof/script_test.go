package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bulkproof": func() {
			os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the command-line sessions of testdata/*.txt.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"target":   startTarget,
			"exit":     exitCode,
			"nosecret": noSecret,
		},
	})
}

// exit CODE COMMAND… runs the command, expects the exit code, and keeps its output for stdout and stderr.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND [ARG…]")
	}
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("exit status %s, want %s", got, want)
	}
}

// nosecret FILE… fails if a file holds key material of the test client or something that looks like a token.
func noSecret(ts *testscript.TestScript, _ bool, args []string) {
	private, _ := authz.PublicTestKeys()
	var secrets []string
	for _, part := range strings.Split(string(private), `"`) {
		if len(part) > 60 {
			secrets = append(secrets, part)
		}
	}
	for _, f := range args {
		text := ts.ReadFile(f)
		for _, s := range append(secrets, "eyJ") {
			if strings.Contains(text, s) && !(strings.HasPrefix(s, "eyJ") && !strings.Contains(text, "eyJhbGciOi")) {
				ts.Fatalf("%s holds a secret", f)
			}
		}
	}
}

// target KIND starts a server for the script and puts its FHIR base into $URL.
func startTarget(ts *testscript.TestScript, _ bool, args []string) {
	kind := args[0]
	if strings.HasPrefix(kind, "reference") {
		startReference(ts, args)
		return
	}
	var h http.HandlerFunc
	switch kind {
	case "html":
		h = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><script>alert(1)</script></html>")
		}
	case "endless":
		h = func(w http.ResponseWriter, _ *http.Request) {
			b := []byte(strings.Repeat(" ", 1<<16))
			for {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}
	case "loop":
		h = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
	case "refused":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv("URL", "http://"+l.Addr().String()+"/fhir")
		ts.Check(l.Close())
		return
	default:
		ts.Fatalf("no target %q", kind)
	}
	srv := httptest.NewServer(h)
	ts.Defer(srv.Close)
	ts.Setenv("URL", srv.URL)
}

// target reference [auth] [tls] [FAULT] starts the reference server as `bulkproof serve` would.
func startReference(ts *testscript.TestScript, args []string) {
	private, public := authz.PublicTestKeys()
	cfg := refserver.Config{IG: string(spec.V300), NoManagement: true, PollsUntilDone: 1}
	for _, a := range args[1:] {
		switch a {
		case "auth":
			cfg.Auth = true
			cfg.Clients = []authz.Client{{ID: "bulkproof", JWKS: public, Scopes: []string{"system/*.rs"}}}
			ts.Check(os.WriteFile(ts.MkAbs("key.json"), private, 0o600))
		case "tls":
			cfg.TLS = true
		default:
			f, ok := refserver.FaultNamed(a)
			if !ok {
				ts.Fatalf("no fault %q", a)
			}
			f.Apply(&cfg.Behaviour)
		}
	}
	running, err := refserver.Start(cfg, "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = running.Close(context.Background()) })
	if running.CAPEM != nil {
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), running.CAPEM, 0o600))
	}
	ts.Setenv("URL", running.URL)
	ts.Setenv("HOSTPATH", strings.TrimPrefix(running.URL, "http://"))
}
