package session

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// KeyHost hosts public keys during a run, for clients that registered the URL of their JWKS, and remembers who asked for
// them. It answers GET and HEAD only, and knows no private key.
type KeyHost struct {
	url    string // of the registered JWKS
	path   string
	server *http.Server

	swap  sync.RWMutex // see Alone
	mu    sync.Mutex
	pages map[string]KeyPage // by path, or by path and query
	log   []KeyRequest
}

// Alone keeps ordinary token requests of the run back until done is called: while another JWKS is hosted than the client's
// own, they would be refused, or would show the server keys that it must not see then. A nil host keeps nothing back.
func (h *KeyHost) Alone() (done func()) {
	if h == nil {
		return func() {}
	}
	h.swap.Lock()
	return h.swap.Unlock
}

// Ordinary waits while somebody is Alone, and keeps others from it until done is called.
func (h *KeyHost) Ordinary() (done func()) {
	if h == nil {
		return func() {}
	}
	h.swap.RLock()
	return h.swap.RUnlock
}

// KeyPage is what the host answers at a path.
type KeyPage struct {
	Status       int    // default 200
	Body         []byte // a JWK Set
	ContentType  string // default application/json
	CacheControl string // "" leaves the header out
	Location     string // for redirects
	// Write, if set, writes the body in its own way, for answers that never end or are slow. stop ends with the host or the
	// client.
	Write func(w io.Writer, stop <-chan struct{})
}

// KeyRequest is one request to the host.
type KeyRequest struct {
	Method, Path string
	At           time.Time
	Header       http.Header
	HasBody      bool
}

// maxKeyRequests bounds the log of a host that strangers may find.
const maxKeyRequests = 10_000

// defaultCache is the Cache-Control of the registered JWKS: a run changes keys, and a server that obeys sees each change.
const defaultCache = "no-store"

// HostKeys listens on addr (host:port) and hosts the public parts of the keys. publicURL is the URL that was registered
// with the server under test and leads here, through a proxy or a tunnel perhaps; "" means that the listener itself is
// registered, as http://addr/jwks.json or, with a certificate, https. The caller closes the host.
func HostKeys(addr, publicURL string, cert *tls.Certificate, keys []Key) (*KeyHost, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("keys cannot be hosted on %s: %w; choose another address", addr, err)
	}
	h := &KeyHost{url: publicURL, path: "/jwks.json", pages: map[string]KeyPage{}}
	scheme := "http"
	if cert != nil {
		scheme = "https"
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	}
	if h.url == "" {
		h.url = scheme + "://" + l.Addr().String() + h.path
	}
	u, err := url.Parse(h.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		l.Close()
		return nil, errors.New("the registered JWKS URL is not an absolute http or https URL without query; give the one that the server under test knows")
	}
	h.path = u.Path
	h.Reset(keys)
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: log.New(io.Discard, "", 0)}
	go h.server.Serve(l) // ends with Close
	return h, nil
}

// Close stops listening.
func (h *KeyHost) Close() error { return h.server.Close() }

// URL is the registered JWKS URL.
func (h *KeyHost) URL() string { return h.url }

// PublicJWKS returns the public keys as a JWK Set with use, alg and key_ops.
func PublicJWKS(keys []Key) []byte {
	var members []map[string]any
	for _, k := range keys {
		if m := PublicJWK(k); m != nil {
			members = append(members, m)
		}
	}
	return JWKSOf(members...)
}

// PublicJWK returns the members of a public key with use, alg and key_ops; nil for kinds of keys that are refused when
// they are loaded.
func PublicJWK(k Key) map[string]any {
	b, err := jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: "sig", Algorithm: k.Algorithm}.MarshalJSON()
	var m map[string]any
	if err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	m["key_ops"] = []string{"verify"}
	return m
}

// JWKSOf returns a JWK Set of the given members, whatever they are.
func JWKSOf(members ...map[string]any) []byte {
	if members == nil {
		members = []map[string]any{}
	}
	b, _ := json.Marshal(map[string]any{"keys": members}) // maps of strings have a JSON form
	return b
}

// Reset hosts the given keys at the registered URL again, and nothing else.
func (h *KeyHost) Reset(keys []Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages = map[string]KeyPage{h.path: {Body: PublicJWKS(keys), CacheControl: defaultCache}}
}

// Set answers with the page at the registered URL.
func (h *KeyHost) Set(p KeyPage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[h.path] = p
}

// Add answers with the page at a URL beside the registered one, whose last segment is name, and returns that URL.
func (h *KeyHost) Add(name string, p KeyPage) string {
	return h.add(h.path[:strings.LastIndexByte(h.path, '/')+1]+name, p)
}

// AddBehind is Add for a URL that begins with the registered one.
func (h *KeyHost) AddBehind(rest string, p KeyPage) string { return h.add(h.path+rest, p) }

func (h *KeyHost) add(path string, p KeyPage) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[path] = p
	return strings.TrimSuffix(h.url, h.path) + path
}

// Requests returns the requests so far for the registered URL, or for one that Add returned.
func (h *KeyHost) Requests(of string) []KeyRequest {
	path := h.path
	if u, err := url.Parse(of); of != "" && err == nil {
		path = u.RequestURI()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []KeyRequest
	for _, r := range h.log {
		if r.Path == path {
			out = append(out, r)
		}
	}
	return out
}

// ServeHTTP answers with the page of a path.
func (h *KeyHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	if len(h.log) < maxKeyRequests {
		h.log = append(h.log, KeyRequest{r.Method, r.URL.RequestURI(), time.Now(), r.Header.Clone(), r.ContentLength != 0})
	}
	p, ok := h.pages[r.URL.RequestURI()]
	if !ok {
		p, ok = h.pages[r.URL.Path]
	}
	h.mu.Unlock()
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Read the keys with GET.", http.StatusMethodNotAllowed)
		return
	}
	if p.ContentType == "" {
		p.ContentType = "application/json"
	}
	w.Header().Set("Content-Type", p.ContentType)
	if p.CacheControl != "" {
		w.Header().Set("Cache-Control", p.CacheControl)
	}
	if p.Location != "" {
		w.Header().Set("Location", p.Location)
	}
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	if p.Write != nil {
		p.Write(w, r.Context().Done())
		return
	}
	_, _ = w.Write(p.Body) // the server under test may have gone
}
