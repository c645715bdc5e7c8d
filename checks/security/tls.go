package security

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/session"
)

func tlsEverywhere() checks.Check {
	return checks.Check{
		ID:    "security.tls",
		Title: "Every URL is https, and TLS below 1.2 is refused",
		Doc: "The FHIR base, every endpoint of smart-configuration, the polling location and the files of the plain export are https URLs. Each host is then " +
			"asked for a handshake with TLS 1.0 and 1.1 alone, by a client that would agree to them with any cipher suite, so that only the server can " +
			"refuse; any way of refusing passes. That old versions are offered beside TLS 1.2 is a failure by the common reading, as the text speaks of " +
			"exchanges; on a file host of a third party it is a warning. Handshakes with 1.2 or 1.3 have to succeed. Plain http on a loopback address is a note. A token request " +
			"with a throw-away assertion, which can get no token, goes to the token endpoint's host over plain http, to the same port and to port 80: an OAuth " +
			"answer is a failure; no answer, a redirect and any other refusal pass.",
		Requires: []string{"SECURITY-001", "TOKEN-002"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(ctx context.Context, t *checks.T) {
			hosts := judgeSchemes(t)
			for _, h := range hosts {
				judgeHost(ctx, t, h)
			}
			judgePlain(ctx, t)
			t.Examined("%d https hosts", len(hosts))
		},
	}
}

// met is a URL that a client of the server has to use.
type met struct {
	what, url string
	req       string // requirement that wants it to be https
	at        checks.Evidence
}

// urls lists the URLs met, in the order in which a client meets them.
func urls(t *checks.T) []met {
	s, d := t.Session(), t.Discovery()
	all := []met{{"the FHIR base", s.Config().BaseURL, "SECURITY-001", d.Metadata.At()}}
	if d.TokenURL != "" {
		all = append(all, met{"the token endpoint", d.TokenURL, "TOKEN-002", d.SMART.At().In("/token_endpoint")})
	}
	for _, name := range []string{"introspection_endpoint", "revocation_endpoint", "registration_endpoint"} {
		if u := session.Text(d.Configuration, name); u != "" {
			all = append(all, met{name, u, "TOKEN-002", d.SMART.At().In("/" + name)})
		}
	}
	ex := s.Export(session.Baseline)
	if ex.Location != "" {
		all = append(all, met{"the polling location", ex.Location, "SECURITY-001", ex.KickOff.At()})
	}
	if ex.Manifest != nil {
		for _, it := range ex.Manifest.Items() {
			if it.Resolved != "" {
				all = append(all, met{"the file " + it.Name(), it.Resolved, "SECURITY-001", ex.Final().At().In(it.Pointer() + "/url")})
			}
		}
	}
	return all
}

// host is one https host, with the most that is known of its part.
type host struct {
	addr, name string
	what       string
	at         checks.Evidence
	foreign    bool // serves files only, on another origin than the FHIR base
}

func judgeSchemes(t *checks.T) []host {
	var hosts []host
	plain := map[string]bool{}
	for _, m := range urls(t) {
		u, err := url.Parse(m.url)
		if err != nil || u.Hostname() == "" {
			continue // judged where the URL was given
		}
		if u.Scheme == "http" {
			// export.html#privacy-and-security-considerations: all exchanges SHALL be secured with TLS 1.2 or newer.
			switch {
			case plain[u.Host]:
			case loopback(u.Hostname()):
				t.Note("%s is plain http on a loopback address, where there is no network to protect against", m.what)
			default:
				t.Violates(m.req, m.at, "%s is plain http: %s", m.what, session.RedactURL(u.Scheme+"://"+u.Host))
			}
			plain[u.Host] = true
			continue
		}
		port := u.Port()
		if port == "" {
			port = "443"
		}
		addr := net.JoinHostPort(u.Hostname(), port)
		if !slices.ContainsFunc(hosts, func(h host) bool { return h.addr == addr }) {
			hosts = append(hosts, host{addr, u.Hostname(), m.what, m.at, strings.HasPrefix(m.what, "the file ") && !t.Session().SameOrigin(m.url)})
		}
	}
	return hosts
}

// loopback reports whether a host name never leaves the machine (RFC 6761 section 6.3).
func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}

// anySuite are all cipher suites that this client knows, old ones included.
func anySuite() []uint16 {
	var ids []uint16
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, c := range list {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// judgePlain looks whether OAuth answers over plain http where the token endpoint is https. The assertion is signed by a key
// that is registered nowhere, as anybody on the way could read it.
func judgePlain(ctx context.Context, t *checks.T) {
	s := t.Session()
	if !s.Config().BackendServices() {
		return
	}
	w := battery.Of(s)
	u, err := url.Parse(w.Endpoint)
	if w.Baseline.Grant == nil || err != nil || u.Scheme != "https" {
		return
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	for _, p := range []string{port, "80"} {
		plain := *u
		plain.Scheme, plain.Host = "http", net.JoinHostPort(u.Hostname(), p)
		res := w.ThrowAway(ctx, "security.tls", plain.String())
		doc, err := res.JSON()
		m, _ := doc.(map[string]any)
		if err != nil || session.Text(m, "error") == "" && session.Text(m, "access_token") == "" {
			continue
		}
		if p == "80" && loopback(u.Hostname()) {
			t.Note("another server on this machine answers token requests over plain http on port 80")
			continue
		}
		// backend-services.html#request-1: all exchanges "SHALL be secured using TLS".
		t.Violates("TOKEN-002", res.At(), "the token endpoint, which is https, answers token requests over plain http as well, on port %s", p)
	}
}

// handshake tries one TLS version alone. Whose certificate it is does not matter here.
func handshake(ctx context.Context, s *session.Session, h host, version uint16) error {
	ctx, cancel := context.WithTimeout(ctx, min(20*time.Second, s.Config().RequestTimeout))
	defer cancel()
	cfg := &tls.Config{ServerName: h.name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: anySuite()} //nolint:gosec // versions are what is tested
	if cert := s.Config().ClientCertificate; cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func judgeHost(ctx context.Context, t *checks.T, h host) {
	if req, err := http.NewRequest(http.MethodGet, "https://"+h.addr, nil); err == nil {
		if proxy, _ := http.ProxyFromEnvironment(req); proxy != nil {
			t.Note("%s is reached through a proxy, so that its TLS versions cannot be tried", h.addr)
			return
		}
	}
	s := t.Session()
	if handshake(ctx, s, h, tls.VersionTLS13) != nil {
		if err := handshake(ctx, s, h, tls.VersionTLS12); err != nil {
			t.Violates("SECURITY-001", h.at, "%s (%s) completes a handshake with neither TLS 1.2 nor TLS 1.3", h.what, h.addr)
			return
		}
	}
	find := t.Violates
	if h.foreign {
		find = t.Warns
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if handshake(ctx, s, h, v) == nil {
			find("SECURITY-001", h.at, "%s (%s) completes a handshake with %s", h.what, h.addr, tls.VersionName(v))
		}
	}
}
