package authz

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenURL = "https://auth.example/realm/token"
	fhirBase = "https://fhir.example/r4"
)

var clockStart = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// material is the keys of all tests, made once.
type material struct {
	rsaA, rsaA2, rogue *rsa.PrivateKey
	ecA, ecB, rogueEC  *ecdsa.PrivateKey
}

const (
	kidRSA  = "a-first-rsa"
	kidRSA2 = "a-second-rsa"
	kidEC   = "a-ec"
	kidB    = "b-ec"
)

var keysOnce = sync.OnceValue(func() *material {
	mustRSA := func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return k
	}
	mustEC := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	}
	return &material{rsaA: mustRSA(), rsaA2: mustRSA(), rogue: mustRSA(), ecA: mustEC(), ecB: mustEC(), rogueEC: mustEC()}
})

func publicJWK(kid string, private crypto.Signer) string {
	text, err := json.Marshal(jose.JSONWebKey{Key: private.Public(), KeyID: kid})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// web answers JWKS requests without a network.
type web struct {
	mu     sync.Mutex
	pages  map[string]page
	visits map[string]int
	seen   []*http.Request
}

type page struct {
	status int
	header http.Header
	body   string
	reader io.Reader
	err    error
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := r.URL.String()
	if w.visits == nil {
		w.visits = map[string]int{}
	}
	w.visits[u]++
	w.seen = append(w.seen, r)
	p, ok := w.pages[u]
	if !ok {
		p = page{status: 404}
	}
	if p.err != nil {
		return nil, p.err
	}
	if p.status == 0 {
		p.status = 200
	}
	if p.header == nil {
		p.header = http.Header{}
	}
	var body io.Reader = strings.NewReader(p.body)
	if p.reader != nil {
		body = p.reader
	}
	return &http.Response{StatusCode: p.status, Header: p.header, Body: io.NopCloser(body), Request: r}, nil
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type world struct {
	*Server
	now time.Time
	b   *Behaviour
	web *web
}

func cacheFor(seconds int) http.Header {
	return http.Header{"Cache-Control": {"max-age=" + strconv.Itoa(seconds)}}
}

// prototype is the clients and JWKS pages of every world, made once: registrations never change.
var prototype = sync.OnceValue(func() *world {
	m := keysOnce()
	good := publicJWK(kidRSA, m.rsaA)
	odd := []string{`{"kty":"OKP","kid":"o","crv":"Ed25519","x":"AA"}`, `{"kty":"quantum","kid":"q"}`,
		strings.Replace(good, kidRSA, "", 1), `{"kty":"RSA","kid":"no-n","e":"AQAB"}`, `{"kty":"RSA","kid":"bad","n":"%%%","e":"AQAB"}`, `7`}
	set := jwks(good, publicJWK(kidRSA2, m.rsaA2), publicJWK(kidEC, m.ecA))
	w := &world{web: &web{pages: map[string]page{
		"https://keys.example/u.json":           {body: set, header: cacheFor(3600)},
		"https://keys.example/u.json/rogue":     {body: jwks(publicJWK(kidRSA, m.rogue), publicJWK("rogue", m.rogue))},
		"https://keys.example/sibling.json":     {body: jwks(publicJWK(kidRSA, m.rogue))},
		"https://rogue.example/jwks.json":       {body: jwks(publicJWK(kidRSA, m.rogue), publicJWK("rogue", m.rogue))},
		"https://keys.example/double.json":      {body: jwks(good, publicJWK(kidRSA, m.rsaA2))},
		"https://keys.example/shared.json":      {body: jwks(good, publicJWK(kidRSA, m.ecA))},
		"https://keys.example/odd.json":         {body: jwks(append(odd, good)...)},
		"https://keys.example/500.json":         {status: 500},
		"https://keys.example/404.json":         {status: 404},
		"https://keys.example/html.json":        {body: "<html>"},
		"https://keys.example/keys-object.json": {body: `{"keys":{}}`},
		"https://keys.example/empty.json":       {body: `{"keys":[]}`},
		"https://keys.example/broken.json":      {body: `{"keys":[`},
		"https://keys.example/endless.json":     {reader: endless{}},
		"https://keys.example/unreachable.json": {err: errors.New("dial: nobody there")},
		"https://keys.example/redirect.json":    {status: 302, header: http.Header{"Location": {"https://keys.example/u.json"}}},
		"https://keys.example/rotated.json":     {body: set, header: cacheFor(60)},
	}}}
	srv, err := New(Config{TokenURL: func(*http.Request) string { return tokenURL }})
	if err != nil {
		panic(err)
	}
	w.Server = srv
	clients := []Client{
		{ID: "client-a", JWKS: []byte(set), Scopes: []string{"system/*.read"}},
		{ID: "client-b", JWKS: []byte(jwks(publicJWK(kidB, m.ecB))), Scopes: []string{"system/Patient.rs", "system/Observation.r"}},
	}
	for _, name := range []string{"u", "double", "shared", "odd", "500", "404", "html", "keys-object", "empty", "broken",
		"endless", "unreachable", "redirect", "rotated"} {
		clients = append(clients, Client{ID: "url-" + name, JWKSURL: "https://keys.example/" + name + ".json", Scopes: []string{"system/*.rs"}})
	}
	for _, c := range clients {
		if err := srv.Register(c); err != nil {
			panic(err)
		}
	}
	return w
})

// newWorld makes a server with clients A (inline, two RSA keys and an EC key), B (inline, EC), U (the keys of A by URL)
// and a number of clients by URL whose JWKS is odd.
func newWorld(t testing.TB, b *Behaviour) *world {
	t.Helper()
	w := &world{now: clockStart, b: b, web: &web{pages: maps.Clone(prototype().web.pages)}}
	srv, err := New(Config{
		TokenURL:  func(*http.Request) string { return tokenURL },
		FHIRBase:  func(*http.Request) string { return fhirBase },
		Now:       func() time.Time { return w.now },
		Types:     []string{"Patient", "Observation", "Condition", "Group"},
		HTTP:      &http.Client{Transport: w.web},
		Behaviour: func() *Behaviour { return w.b },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.clients = maps.Clone(prototype().clients)
	w.Server = srv
	return w
}

// ---- drafts: a token request that can be changed in one thing ----

type pair struct{ name, value string }

type draft struct {
	head, claims         []pair // values are JSON text
	rawHead, rawClaims   string
	signer               crypto.Signer
	signAlg              string
	sign                 func(input string) []byte
	editSig              func([]byte) []byte
	editText             func(string) string
	form                 []pair
	method, query, ctype string
	header               http.Header
	body                 *string
	advance              time.Duration // before the request
	remote               string
}

type opt func(*draft)

func set(list []pair, name, value string) []pair {
	for i := range list {
		if list[i].name == name {
			out := slices.Clone(list)
			out[i].value = value
			return out
		}
	}
	return append(slices.Clone(list), pair{name, value})
}

func without(list []pair, name string) []pair {
	return slices.DeleteFunc(slices.Clone(list), func(p pair) bool { return p.name == name })
}

func q(s string) string { b, _ := json.Marshal(s); return string(b) }

func h(name, value string) opt { return func(d *draft) { d.head = set(d.head, name, value) } }
func noH(name string) opt      { return func(d *draft) { d.head = without(d.head, name) } }
func addH(name, v string) opt  { return func(d *draft) { d.head = append(d.head, pair{name, v}) } }
func c(name, value string) opt { return func(d *draft) { d.claims = set(d.claims, name, value) } }
func noC(name string) opt      { return func(d *draft) { d.claims = without(d.claims, name) } }
func addC(name, v string) opt  { return func(d *draft) { d.claims = append(d.claims, pair{name, v}) } }
func preC(name, v string) opt {
	return func(d *draft) { d.claims = append([]pair{{name, v}}, d.claims...) }
}
func rawHead(s string) opt       { return func(d *draft) { d.rawHead = s } }
func rawClaims(s string) opt     { return func(d *draft) { d.rawClaims = s } }
func signer(k crypto.Signer) opt { return func(d *draft) { d.signer = k } }
func signAs(alg string) opt      { return func(d *draft) { d.signAlg = alg } }
func hmacWith(secret []byte) opt {
	return func(d *draft) {
		d.sign = func(input string) []byte { return mustSign(strings.Trim(headValue(d, "alg"), `"`), input, secret) }
	}
}
func sig(f func([]byte) []byte) opt  { return func(d *draft) { d.editSig = f } }
func edit(f func(string) string) opt { return func(d *draft) { d.editText = f } }
func f(name, value string) opt       { return func(d *draft) { d.form = set(d.form, name, value) } }
func noF(name string) opt            { return func(d *draft) { d.form = without(d.form, name) } }
func addF(name, value string) opt {
	return func(d *draft) { d.form = append(d.form, pair{name, value}) }
}
func from(remote string) opt { return func(d *draft) { d.remote = remote } }
func exp(offset time.Duration) opt {
	return c("exp", strconv.FormatInt(clockStart.Add(offset).Unix(), 10))
}
func ctype(s string) opt               { return func(d *draft) { d.ctype = s } }
func reqHeader(name, value string) opt { return func(d *draft) { d.header.Set(name, value) } }

// as makes the draft one of another client, with its key.
func as(id, kid, alg string, key crypto.Signer) opt {
	return func(d *draft) {
		d.head = set(set(d.head, "kid", q(kid)), "alg", q(alg))
		d.claims = set(set(d.claims, "iss", q(id)), "sub", q(id))
		d.signer = key
	}
}

func ecKeyA() opt {
	return func(d *draft) {
		d.head = set(set(d.head, "kid", q(kidEC)), "alg", `"ES384"`)
		d.signer = keysOnce().ecA
	}
}

func urlClient(name string) opt {
	return func(d *draft) {
		d.claims = set(set(d.claims, "iss", q("url-"+name)), "sub", q("url-"+name))
	}
}

func headValue(d *draft, name string) string {
	for _, p := range d.head {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

var jtiCount struct {
	sync.Mutex
	n int
}

func freshJti() string {
	jtiCount.Lock()
	defer jtiCount.Unlock()
	jtiCount.n++
	return fmt.Sprintf("nonce%024d", jtiCount.n)
}

func newDraft(opts ...opt) *draft {
	d := &draft{
		head: []pair{{"alg", `"RS384"`}, {"kid", q(kidRSA)}, {"typ", `"JWT"`}},
		claims: []pair{{"iss", `"client-a"`}, {"sub", `"client-a"`}, {"aud", q(tokenURL)},
			{"exp", strconv.FormatInt(clockStart.Add(2*time.Minute).Unix(), 10)}, {"jti", q(freshJti())}},
		signer: keysOnce().rsaA,
		form: []pair{{"grant_type", grantClientCredentials}, {"scope", "system/*.read"},
			{"client_assertion_type", assertionTypeJWT}},
		method: http.MethodPost, ctype: "application/x-www-form-urlencoded", header: http.Header{}, remote: "192.0.2.1:1000",
	}
	for _, o := range opts {
		o(d)
	}
	return d
}

func objectText(list []pair) string {
	parts := make([]string, len(list))
	for i, p := range list {
		name := p.name
		if !strings.HasPrefix(name, `"`) {
			name = q(name)
		}
		parts[i] = name + ":" + p.value
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func mustSign(alg, input string, key any) []byte {
	m := jwt.GetSigningMethod(alg)
	if m == nil {
		panic("no signing method " + alg)
	}
	s, err := m.Sign(input, key)
	if err != nil {
		panic(err)
	}
	return s
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// assertion returns the signed text.
func (d *draft) assertion() string {
	head, claims := d.rawHead, d.rawClaims
	if head == "" {
		head = objectText(d.head)
	}
	if claims == "" {
		claims = objectText(d.claims)
	}
	input := b64(head) + "." + b64(claims)
	var signature []byte
	switch {
	case d.sign != nil:
		signature = d.sign(input)
	default:
		alg := d.signAlg
		if alg == "" {
			alg = "RS384"
			if _, ok := d.signer.(*ecdsa.PrivateKey); ok {
				alg = "ES384"
			}
		}
		signature = mustSign(alg, input, d.signer)
	}
	if d.editSig != nil {
		signature = d.editSig(signature)
	}
	out := input + "." + base64.RawURLEncoding.EncodeToString(signature)
	if d.editText != nil {
		out = d.editText(out)
	}
	return out
}

// encodeForm writes the form in order, with the assertion unless the draft has one of its own.
func (d *draft) encodeForm() string {
	form := d.form
	if !slices.ContainsFunc(form, func(p pair) bool { return p.name == "client_assertion" }) {
		form = append(slices.Clone(form), pair{"client_assertion", d.assertion()})
	}
	parts := make([]string, len(form))
	for i, p := range form {
		parts[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(parts, "&")
}

// ready is a draft with its bytes made, so that it can be sent to many servers.
type ready struct {
	draft
	bytes string
}

func (d *draft) ready() *ready {
	r := &ready{draft: *d}
	if d.body != nil {
		r.bytes = *d.body
	} else {
		r.bytes = d.encodeForm()
	}
	return r
}

// answer is what a client sees.
type answer struct {
	status  int
	header  http.Header
	body    string
	json    map[string]any
	dropped bool
}

// String is short enough for a table: "200", "400 invalid_client", "drop".
func (a answer) String() string {
	if a.dropped {
		return "drop"
	}
	if e, ok := a.json["error"].(string); ok {
		return fmt.Sprintf("%d %s", a.status, e)
	}
	return strconv.Itoa(a.status)
}

func (a answer) token() string { s, _ := a.json["access_token"].(string); return s }

// request makes a new http.Request of it.
func (r *ready) request() *http.Request {
	target := tokenURL
	if r.query != "" {
		target += "?" + r.query
	}
	req := httptest.NewRequest(r.method, target, strings.NewReader(r.bytes))
	req.RemoteAddr = r.remote
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.ctype != "" {
		req.Header.Set("Content-Type", r.ctype)
	}
	return req
}

func (w *world) send(r *ready) answer {
	w.now = w.now.Add(r.advance)
	return serve(w.ServeToken, r.request())
}

func (w *world) try(opts ...opt) answer { return w.send(newDraft(opts...).ready()) }

// serve calls a handler as net/http would, with ErrAbortHandler as a dropped connection.
func serve(handler http.HandlerFunc, req *http.Request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			a = answer{dropped: true}
		}
	}()
	rec := httptest.NewRecorder()
	handler(rec, req)
	a = answer{status: rec.Code, header: rec.Result().Header, body: rec.Body.String()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		_ = json.Unmarshal(rec.Body.Bytes(), &a.json)
	}
	return a
}

// mustToken gets a token with the scope, or ends the test.
func (w *world) mustToken(t testing.TB, opts ...opt) string {
	t.Helper()
	a := w.try(opts...)
	if a.token() == "" {
		t.Fatalf("no token: %v %s", a, a.body)
	}
	return a.token()
}

func resourceRequest(target, authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}
