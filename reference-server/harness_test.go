package refserver

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/golang-jwt/jwt/v5"

	jose "github.com/go-jose/go-jose/v4"
)

// clock is a clock that stands still until it is told otherwise.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// tester talks to a server like a client; a failure of transport ends the test.
type tester struct {
	*testing.T
	server *Server
	base   string
	clock  *clock
	token  string
	client *http.Client
}

// serve starts a server for a test.
func serve(t *testing.T, cfg Config) *tester {
	t.Helper()
	clk := newClock()
	if cfg.Now == nil {
		cfg.Now = clk.now
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(s)
	t.Cleanup(func() { ts.Close(); s.Close() })
	return &tester{T: t, server: s, base: ts.URL + mount, clock: clk, client: noFollow()}
}

func noFollow() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

type headers map[string]string

// do sends a request; a path is below the FHIR base.
func (c *tester) do(method, target string, h headers, body string) reply {
	c.Helper()
	if strings.HasPrefix(target, "/") {
		target = c.base + target
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range h {
		r.Header.Set(name, value)
	}
	res, err := c.client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	out := reply{status: res.StatusCode, header: res.Header}
	out.body, out.err = io.ReadAll(res.Body)
	return out
}

func (c *tester) get(target string) reply { c.Helper(); return c.do("GET", target, nil, "") }

// want fails the test if the status is another one.
func (c *tester) want(r reply, status int) reply {
	c.Helper()
	if r.err != nil || r.status != status {
		c.Fatalf("status %d (%v), want %d; body: %.300s", r.status, r.err, status, r.body)
	}
	return r
}

// refusal checks that an answer is an OperationOutcome with the status and code, and returns its text.
func (c *tester) refusal(r reply, status int, code string) string {
	c.Helper()
	c.want(r, status)
	if got := r.header.Get("Content-Type"); got != fhirJSON {
		c.Errorf("Content-Type %q, want %q", got, fhirJSON)
	}
	var oo struct {
		ResourceType string
		Issue        []struct {
			Severity, Code string
			Details        struct{ Text string }
		}
	}
	if err := json.Unmarshal(r.body, &oo); err != nil || oo.ResourceType != "OperationOutcome" || len(oo.Issue) == 0 {
		c.Fatalf("the body is no OperationOutcome: %.200s", r.body)
	}
	if oo.Issue[0].Code != code || oo.Issue[0].Severity != "error" {
		c.Errorf("issue %+v, want code %q", oo.Issue[0], code)
	}
	var text []string
	for _, i := range oo.Issue {
		text = append(text, i.Details.Text)
	}
	return strings.Join(text, " ")
}

// kick starts an export by GET and returns the polling location. query is encoded by the caller.
func (c *tester) kick(path string, h headers) string {
	c.Helper()
	r := c.want(c.do("GET", path, h, ""), http.StatusAccepted)
	return r.header.Get("Content-Location")
}

// post starts an export by POST.
func (c *tester) post(path, parameters string, h headers) reply {
	c.Helper()
	all := headers{"Content-Type": fhirJSON}
	for k, v := range h {
		all[k] = v
	}
	return c.do("POST", path, all, parameters)
}

// manifestOf polls until the job is complete.
func (c *tester) manifestOf(location string) map[string]any {
	c.Helper()
	for range 10 {
		r := c.get(location)
		if r.status == http.StatusAccepted {
			continue
		}
		c.want(r, http.StatusOK)
		return tree(c, r.body)
	}
	c.Fatal("the job is not complete after ten polls")
	return nil
}

func tree(c *tester, text []byte) map[string]any {
	c.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		c.Fatalf("no JSON object: %v: %.200s", err, text)
	}
	return m
}

// exported is an export, fetched.
type exported struct {
	manifest map[string]any
	// refs lists "Type/id" of the output, sorted; lines holds the resources by it.
	refs  []string
	lines map[string]map[string]any
	// repeated lists what is in the output more than once.
	repeated []string
	files    int
}

// types lists the types of the output, sorted.
func (e exported) types() []string {
	var out []string
	for _, ref := range e.refs {
		typ, _, _ := strings.Cut(ref, "/")
		if !slices.Contains(out, typ) {
			out = append(out, typ)
		}
	}
	return out
}

func (e exported) of(typ string) []string {
	var out []string
	for _, ref := range e.refs {
		if strings.HasPrefix(ref, typ+"/") {
			out = append(out, ref)
		}
	}
	return out
}

// export runs a GET export to its end and checks what holds for every one: types, counts, no repeats.
func (c *tester) export(path string, h headers) exported {
	c.Helper()
	return c.fetch(c.manifestOf(c.kick(path, h)))
}

// exportPOST is export by POST.
func (c *tester) exportPOST(path, parameters string) exported {
	c.Helper()
	r := c.want(c.post(path, parameters, nil), http.StatusAccepted)
	return c.fetch(c.manifestOf(r.header.Get("Content-Location")))
}

func (c *tester) fetch(m map[string]any) exported {
	c.Helper()
	e := exported{manifest: m, lines: map[string]map[string]any{}}
	for _, item := range list(m, "output") {
		lines := c.file(item["url"].(string))
		e.files++
		if n := int(item["count"].(float64)); n != len(lines) {
			c.Errorf("%s: count %d, lines %d", item["type"], n, len(lines))
		}
		for _, line := range lines {
			resource := tree(c, line)
			typ := resource["resourceType"].(string)
			if want, ok := item["type"]; ok && want != typ {
				c.Errorf("a %s in a file of %v", typ, want)
			}
			if typ == "Parameters" {
				continue
			}
			ref := typ + "/" + resource["id"].(string)
			if e.lines[ref] != nil {
				e.repeated = append(e.repeated, ref)
			}
			e.lines[ref] = resource
			e.refs = append(e.refs, ref)
		}
	}
	slices.Sort(e.refs)
	if len(e.repeated) > 0 {
		c.Errorf("exported more than once: %v", e.repeated)
	}
	return e
}

// file downloads a file and splits it into lines.
func (c *tester) file(u string) [][]byte {
	c.Helper()
	r := c.want(c.get(u), http.StatusOK)
	if got := r.header.Get("Content-Type"); got != fhirNDJSON {
		c.Errorf("Content-Type of a file is %q", got)
	}
	if len(r.body) == 0 {
		return nil
	}
	if !bytes.HasSuffix(r.body, []byte("\n")) {
		c.Error("the last line has no end")
	}
	return bytes.Split(bytes.TrimSuffix(r.body, []byte("\n")), []byte("\n"))
}

// list is an array of the manifest.
func list(m map[string]any, name string) []map[string]any {
	var out []map[string]any
	items, _ := m[name].([]any)
	for _, i := range items {
		out = append(out, i.(map[string]any))
	}
	return out
}

// outcomes are the texts in the manifest's error files.
func (c *tester) outcomes(m map[string]any) []string {
	c.Helper()
	var out []string
	for _, item := range list(m, "error") {
		if item["type"] != "OperationOutcome" {
			c.Errorf("an error file of type %v", item["type"])
		}
		for _, line := range c.file(item["url"].(string)) {
			oo := tree(c, line)
			if oo["resourceType"] != "OperationOutcome" {
				c.Errorf("a %v in an error file", oo["resourceType"])
			}
			for _, i := range list(oo, "issue") {
				out = append(out, i["details"].(map[string]any)["text"].(string))
			}
		}
	}
	return out
}

// q builds a query string from pairs, encoded.
func q(pairs ...string) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+"="+url.QueryEscape(pairs[i+1]))
	}
	return "?" + strings.Join(parts, "&")
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// registered is a client with the public test keys.
func registered(id string, scopes ...string) authz.Client {
	_, public := authz.PublicTestKeys()
	return authz.Client{ID: id, JWKS: public, Scopes: scopes}
}

var assertions int

// login fetches a token for a client registered with the public test keys.
func (c *tester) login(id, scope string) string {
	c.Helper()
	private, _ := authz.PublicTestKeys()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(private, &set); err != nil {
		c.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Algorithm != "ES384" {
			continue
		}
		assertions++
		token := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims{"iss": id, "sub": id, "aud": c.base + tokenPath,
			"exp": c.server.now().Add(4 * time.Minute).Unix(), "jti": fmt.Sprint("assertion-", assertions)})
		token.Header["kid"] = key.KeyID
		signed, err := token.SignedString(key.Key)
		if err != nil {
			c.Fatal(err)
		}
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion": {signed},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
		r := c.want(c.do("POST", tokenPath, headers{"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}, form.Encode()), http.StatusOK)
		return tree(c, r.body)["access_token"].(string)
	}
	c.Fatal("no ES384 key among the public test keys")
	return ""
}

// as returns a tester that sends another token.
func (c *tester) as(token string) *tester {
	other := *c
	other.token = token
	return &other
}

// pemOf encodes a certificate chain and its key.
func pemOf(t *testing.T, cert tls.Certificate) (certPEM, keyPEM []byte) {
	t.Helper()
	for _, der := range cert.Certificate {
		certPEM = append(certPEM, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
}
