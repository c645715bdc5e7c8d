package refserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

func start(t *testing.T, cfg Config) (*Running, *tester) {
	t.Helper()
	run, err := Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return run, &tester{T: t, server: run.Server, base: run.URL, client: run.Client()}
}

func TestStart(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":         {},
		"TLS":           {TLS: true},
		"second origin": {TLS: true, FilesListener: true},
		"no management": {NoManagement: true},
	} {
		t.Run(name, func(t *testing.T) {
			run, c := start(t, cfg)
			if strings.HasPrefix(run.URL, "https") != cfg.TLS || (run.CertPool != nil) != cfg.TLS || bytes.Contains(run.CAPEM, []byte("CERTIFICATE")) != cfg.TLS {
				t.Errorf("URL %s", run.URL)
			}
			e := c.export("/Patient/$export", nil)
			u := list(e.manifest, "output")[0]["url"].(string)
			if strings.HasPrefix(u, run.URL) == cfg.FilesListener || !strings.HasPrefix(u, strings.Split(run.URL, "//")[0]) {
				t.Errorf("file at %s", u)
			}
			if (run.ManagementURL == "") != cfg.NoManagement {
				t.Errorf("management at %q", run.ManagementURL)
			}
			res, err := run.Client().Get(run.URL + "/metadata")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[cfg.TLS]; res.Proto != want {
				t.Errorf("protocol %s, want %s", res.Proto, want)
			}
		})
	}
}

func TestStartRefusesBadConfigurations(t *testing.T) {
	for mention, test := range map[string]struct {
		cfg  Config
		addr string
	}{
		"host:port":          {Config{}, "nonsense"},
		"listen on":          {Config{}, "203.0.113.1:1"},
		"4.5":                {Config{IG: "4.5"}, ""},
		"patients":           {Config{Patients: 1}, ""},
		"export level":       {Config{Levels: []Level{"planet"}}, ""},
		"base URL":           {Config{BaseURL: "ftp://x"}, ""},
		"files origin":       {Config{FilesOrigin: "x"}, ""},
		"negative":           {Config{RetryAfter: -1}, ""},
		"set Auth":           {Config{Clients: []authz.Client{registered("a", "system/*.rs")}}, ""},
		"go together":        {Config{TLS: true, CertFile: "x"}, ""},
		"set TLS":            {Config{CertFile: "x", KeyFile: "y"}, ""},
		"matching pair":      {Config{TLS: true, CertFile: "no-such-file", KeyFile: "no-such-file"}, ""},
		"neither a JWKS nor": {Config{Auth: true, Clients: []authz.Client{{ID: "a"}}}, ""},
	} {
		run, err := Start(test.cfg, test.addr)
		if err == nil {
			run.Close(context.Background())
			t.Errorf("%s: no error", mention)
		} else if !strings.Contains(err.Error(), mention) {
			t.Errorf("the error %q does not mention %q", err, mention)
		}
	}
}

func TestOwnCertificate(t *testing.T) {
	cert, authority, err := generateCertificate([]string{"127.0.0.1", "proxy.example"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certPEM, keyPEM := pemOf(t, cert)
	_, c := start(t, Config{TLS: true, CertFile: write("cert.pem", certPEM), KeyFile: write("key.pem", keyPEM)})
	c.want(c.get("/metadata"), 200)
	if len(authority) == 0 {
		t.Error("no authority")
	}
}

func TestBaseURLBehindAProxy(t *testing.T) {
	c := serve(t, Config{BaseURL: "https://fhir.example.org/public/", Auth: true, Clients: []authz.Client{registered("a", "system/*.rs")}})
	r := c.want(c.get("/metadata"), 200)
	if u := tree(c, r.body)["implementation"].(map[string]any)["url"]; u != "https://fhir.example.org/public" {
		t.Errorf("implementation.url %v", u)
	}
	if u := tree(c, c.get("/.well-known/smart-configuration").body)["token_endpoint"]; u != "https://fhir.example.org/public/door/token" {
		t.Errorf("token_endpoint %v", u)
	}
	open := serve(t, Config{BaseURL: "https://fhir.example.org/public"})
	location := open.kick("/Patient/$export?_type=DocumentReference", nil)
	if !strings.HasPrefix(location, "https://fhir.example.org/public/desk/") {
		t.Errorf("Content-Location %s", location)
	}
	m := open.manifestOf(strings.Replace(location, "https://fhir.example.org/public", open.base, 1))
	if m["request"] != "https://fhir.example.org/public/Patient/$export?_type=DocumentReference" {
		t.Errorf("request %v", m["request"])
	}
	u := list(m, "output")[0]["url"].(string)
	if !strings.HasPrefix(u, "https://fhir.example.org/public/shelf/") {
		t.Errorf("file at %s", u)
	}
	lines := open.file(strings.Replace(u, "https://fhir.example.org/public", open.base, 1))
	if !strings.Contains(string(bytes.Join(lines, nil)), `"https://fhir.example.org/public/vault/paper/`) {
		t.Error("attachments lie elsewhere")
	}
}

func TestBaseFollowsLoopbackNamesOnly(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"localhost:8080":    "http://localhost:8080" + mount,
		"127.0.0.1:9":       "http://127.0.0.1:9" + mount,
		"[::1]:9":           "http://[::1]:9" + mount,
		"evil.example:8080": "http://127.0.0.1" + mount,
		"evil.example":      "http://127.0.0.1" + mount,
	} {
		r := httptest.NewRequest("GET", "http://x/", nil)
		r.Host = host
		if got := s.base(r); got != want {
			t.Errorf("Host %s: base %s, want %s", host, got, want)
		}
	}
}

func TestManagement(t *testing.T) {
	run, c := start(t, Config{Auth: true})
	manage := func(method, path, body string, want int) map[string]any {
		t.Helper()
		r, _ := http.NewRequest(method, run.ManagementURL+path, strings.NewReader(body))
		r.Header.Set("Content-Type", plainJSON)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil && want != 404 && want != 405 {
			t.Fatalf("%s %s: %s", method, path, text)
		}
		return m
	}
	manage("GET", "/", "", 200)
	_, public := authz.PublicTestKeys()
	manage("POST", "/clients", `{"client_id":"late","scopes":["system/*.rs"],"jwks":`+string(public)+`}`, 201)
	for _, bad := range []string{`{}`, `[]`, `{"client_id":"a","client_id":"b"}`, `{"client_id":1}`, `{"client_id":"a","secret":"x"}`,
		`{"client_id":"a","scopes":"x"}`, `{"client_id":"a"} x`, `{"client_id":"a","jwks_uri":"ftp://x","scopes":["system/*.rs"]}`, strings.Repeat(" ", MaxBody+1)} {
		if m := manage("POST", "/clients", bad, 400); m["problem"] == "" {
			t.Errorf("%.40s: %v", bad, m)
		}
	}
	clients := manage("GET", "/clients", "", 200)["clients"].([]any)
	if len(clients) != 1 || clients[0].(map[string]any)["client_id"] != "late" || clients[0].(map[string]any)["jwks"] != nil {
		t.Errorf("clients %v", clients)
	}
	c = c.as(c.login("late", "system/*.rs"))
	location := c.kick("/$export", nil)
	doomed := c.kick("/$export", nil)
	manage("POST", "/jobs/"+doomed[strings.LastIndex(doomed, "/")+1:]+"/fail", `{}`, 200)
	manage("POST", "/jobs/unknown/fail", `{}`, 404)
	c.manifestOf(location)
	c.refusal(c.get(doomed), 500, "exception")
	c.do("DELETE", c.kick("/$export", nil), nil, "")
	c.kick("/$export", nil)
	var states []string
	for _, j := range manage("GET", "/jobs", "", 200)["jobs"].([]any) {
		states = append(states, j.(map[string]any)["state"].(string))
	}
	if !slices.Equal(states, []string{"complete", "failed", "deleted", "in progress"}) {
		t.Errorf("states %v", states)
	}
	stats := manage("GET", "/stats", "", 200)
	if stats["kickOffs"] != 4.0 || stats["openJobs"] != 1.0 || stats["tokenRequests"] != 1.0 || stats["failedJobs"] != 1.0 {
		t.Errorf("stats %v", stats)
	}
	before := c.server.now()
	manage("POST", "/clock", `{"advance":"2h"}`, 200)
	if ahead := c.server.now().Sub(before); ahead < 2*time.Hour {
		t.Errorf("the clock moved by %v", ahead)
	}
	c.want(c.get(location), 401) // the token has expired by now
	for _, bad := range []string{`{"advance":"-1h"}`, `{"advance":2}`, `{"back":"1h"}`, `{"advance":"soon"}`} {
		manage("POST", "/clock", bad, 400)
	}
	// What a web page could make a browser do.
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.Host = "evil.example" },
		func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
	} {
		r, _ := http.NewRequest("POST", run.ManagementURL+"/clock", strings.NewReader(`{"advance":"1h"}`))
		r.Header.Set("Content-Type", plainJSON)
		edit(r)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 403 && res.StatusCode != 415 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	if c.get("/stats"); c.get("/stats").status == 200 {
		t.Error("the protocol listener answers for the management")
	}
	if err := serve(t, Config{}).server.Register(registered("a", "system/*.rs")); err == nil {
		t.Error("an open server registers clients")
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	var log bytes.Buffer
	c := serve(t, Config{Log: &log, Auth: true, Clients: []authz.Client{registered("a", "system/*.rs")}, CapabilityURLs: true})
	c = c.as(c.login("a", "system/*.rs"))
	m := c.manifestOf(c.kick("/Patient/$export?_typeFilter=Patient%3Ffamily%3DSecretName&_type=Patient,Condition", headers{"User-Agent": "bulkproof/check"}))
	u := list(m, "output")[0]["url"].(string)
	c.get(u)
	text := log.String()
	for _, secret := range []string{c.token, "SecretName", u[strings.LastIndex(u, ".")+1 : strings.LastIndex(u, "/")]} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if n := strings.Count(text, "\n"); n != 4 || !strings.Contains(text, "kick-off 202 bulkproof/check") {
		t.Errorf("log:\n%s", text)
	}
}

func TestCapabilityStatement(t *testing.T) {
	c := serve(t, Config{Auth: true, Clients: []authz.Client{registered("a", "system/*.rs")}})
	r := c.want(c.get("/metadata"), 200)
	if r.header.Get("Content-Type") != fhirJSON {
		t.Errorf("Content-Type %q", r.header.Get("Content-Type"))
	}
	c.refusal(c.do("POST", "/metadata", nil, ""), 405, "not-supported")
	c.refusal(c.do("GET", "/metadata", headers{"Accept": "application/fhir+xml"}, ""), 406, "not-supported")
	m := tree(c, r.body)
	if m["resourceType"] != "CapabilityStatement" || m["fhirVersion"] != "4.0.1" || m["instantiates"].([]any)[0] != igCapability {
		t.Errorf("%v", m["instantiates"])
	}
	rest := list(m, "rest")[0]
	if d := list(rest, "operation")[0]["definition"]; d != opSystemExport {
		t.Errorf("operation %v", d)
	}
	var types []string
	for _, res := range list(rest, "resource") {
		typ := res["type"].(string)
		types = append(types, typ)
		for _, p := range list(res, "searchParam") {
			if _, ok := findSearchParam(typ, p["name"].(string)); !ok || p["type"] == "" {
				t.Errorf("%s lists %v", typ, p)
			}
		}
		if op := list(res, "operation"); (len(op) == 1) != (typ == "Group" || typ == "Patient") {
			t.Errorf("%s: operations %v", typ, op)
		} else if len(op) == 1 && (op[0]["name"] != "export" || !strings.Contains(op[0]["definition"].(string), strings.ToLower(typ)+"-export")) {
			t.Errorf("%s: operation %v", typ, op)
		}
		if n := len(list(res, "extension")); n != map[bool]int{true: 0, false: 2}[slices.Contains(compartmentTypes, typ)] {
			t.Errorf("%s: %d extensions", typ, n)
		}
	}
	if !slices.Equal(types, c.server.held) {
		t.Errorf("types %v", types)
	}
	if s := list(rest["security"].(map[string]any), "service"); len(s) != 1 {
		t.Errorf("security %v", rest["security"])
	}
	group := serve(t, Config{Levels: []Level{GroupLevel}})
	rest = list(tree(group, group.get("/metadata").body), "rest")[0]
	if rest["operation"] != nil {
		t.Error("a system operation that is not there")
	}
	for _, res := range list(rest, "resource") {
		typ := res["type"].(string)
		if (res["operation"] != nil) != (typ == "Group") {
			t.Errorf("%s: %v", typ, res["operation"])
		}
		if ext := list(res, "extension"); (len(ext) == 1 && ext[0]["valueCanonical"] == igCapability) == slices.Contains(compartmentTypes, typ) {
			t.Errorf("%s: %v", typ, ext)
		}
	}
	old := serve(t, Config{IG: IG200, ResourcesPerFile: 9})
	text := string(old.get("/metadata").body)
	if !strings.Contains(text, `"name":"group-export"`) || strings.Contains(text, notSupportedURL) || !strings.Contains(text, "at most 9 resources") {
		t.Error("2.0.0 differs in names and knows no extension")
	}
}

func TestSmartConfiguration(t *testing.T) {
	c := serve(t, Config{Auth: true, Clients: []authz.Client{registered("a", "system/*.rs")}})
	m := tree(c, c.want(c.get("/.well-known/smart-configuration"), 200).body)
	if m["token_endpoint"] != c.base+tokenPath {
		t.Errorf("token_endpoint %v", m["token_endpoint"])
	}
	c.refusal(c.do("POST", "/.well-known/smart-configuration", nil, ""), 405, "not-supported")
	if token := c.login("a", "system/Patient.rs"); token == "" {
		t.Error("no token")
	}
	if u, ok := m["introspection_endpoint"].(string); ok {
		token := c.login("a", "system/Patient.rs")
		r := c.as(token).do("POST", u, headers{"Content-Type": "application/x-www-form-urlencoded"}, "token="+token)
		if r.status != 200 || tree(c, r.body)["active"] != true {
			t.Errorf("introspection: %d %s", r.status, r.body)
		}
	}
}

// An answer without content is one over HTTP/2 too, where a body would break the stream.
func TestNoContentOverHTTP2(t *testing.T) {
	cfg := Config{TLS: true, NoManagement: true}
	cfg.Behaviour.Answer = func(a *Answer) { a.Status = http.StatusNoContent }
	r, err := Start(cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.CAPEM)
	c := http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer c.CloseIdleConnections()
	res, err := c.Get(r.URL + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); res.ProtoMajor != 2 || res.StatusCode != 204 || len(b) != 0 || err != nil {
		t.Errorf("%s %d, %d bytes, %v", res.Proto, res.StatusCode, len(b), err)
	}
}
