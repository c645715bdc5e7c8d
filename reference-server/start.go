package refserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Running is a server that listens.
type Running struct {
	// URL is the FHIR base at the listener; behind a proxy clients use Config.BaseURL instead.
	URL string
	// ManagementURL is the root of the management listener, "" without one. It is for the operator on this
	// machine: it listens on loopback only, and shows no health data.
	ManagementURL string
	// Server is the handler behind the listener.
	Server *Server
	// CertPool and CAPEM hold the authority of the generated certificate; nil without TLS.
	CertPool *x509.CertPool
	CAPEM    []byte

	servers   []*http.Server
	listeners []net.Listener
	inFlight  sync.RWMutex // held for reading by each request
}

// Start makes a server and lets it listen. addr is host:port; an empty host is 127.0.0.1 and port 0 (or an
// empty addr) a free one. It errs if cfg is unusable or the address cannot be had.
func Start(cfg Config, addr string) (*Running, error) {
	host, port, err := splitAddress(addr)
	if err != nil {
		return nil, err
	}
	if err := cfg.complete(); err != nil {
		return nil, err // before anything listens
	}
	run := &Running{}
	var listeners []net.Listener
	fail := func(err error) (*Running, error) {
		for _, l := range listeners {
			l.Close()
		}
		return nil, err
	}
	listen := func(address string) (net.Listener, error) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("refserver: listen on %s: %w; choose another address, or port 0 for a free one", address, err)
		}
		listeners = append(listeners, l)
		return l, nil
	}
	protocol, err := listen(net.JoinHostPort(host, port))
	if err != nil {
		return fail(err)
	}
	scheme := "http://"
	var config *tls.Config
	if cfg.TLS {
		scheme = "https://"
		hosts := []string{host}
		if u, err := url.Parse(cfg.BaseURL); err == nil {
			hosts = append(hosts, u.Hostname())
		}
		cert, authority, err := cfg.certificates(hosts)
		if err != nil {
			return fail(err)
		}
		config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		if hook := cfg.Behaviour.TLS; hook != nil {
			hook(config)
		}
		run.CAPEM, run.CertPool = authority, x509.NewCertPool()
		run.CertPool.AppendCertsFromPEM(authority)
	}
	var files net.Listener
	if cfg.FilesListener {
		if files, err = listen(net.JoinHostPort(host, "0")); err != nil {
			return fail(err)
		}
		cfg.FilesOrigin = scheme + files.Addr().String()
	}
	var management net.Listener
	if !cfg.NoManagement {
		if management, err = listen("127.0.0.1:0"); err != nil {
			return fail(err)
		}
		run.ManagementURL = "http://" + management.Addr().String()
	}
	if run.Server, err = New(cfg); err != nil {
		return fail(err)
	}
	run.URL = scheme + protocol.Addr().String() + mount
	if cfg.Behaviour.OverlooksLowerCase {
		protocol = overlooking{protocol}
	}
	if cfg.Behaviour.AlsoPlain {
		secure, plain := divide(protocol)
		run.serve(plain, run.Server, nil)
		protocol = secure
	}
	run.serve(protocol, run.Server, config)
	if files != nil {
		run.serve(files, run.Server, config)
	}
	if management != nil {
		run.serve(management, run.Server.Management(), nil)
	}
	return run, nil
}

func splitAddress(addr string) (host, port string, err error) {
	if addr == "" {
		addr = ":0"
	}
	host, port, err = net.SplitHostPort(addr)
	if err != nil {
		return "", "", fmt.Errorf("refserver: address %q is not host:port; give one such as 127.0.0.1:8080, or 127.0.0.1:0 for a free port", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return host, port, nil
}

// serve runs an http.Server until Close.
func (run *Running) serve(l net.Listener, h http.Handler, config *tls.Config) {
	if config != nil {
		config = config.Clone() // net/http writes to it
	}
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			run.inFlight.RLock()
			defer run.inFlight.RUnlock()
			h.ServeHTTP(w, r)
		}),
		TLSConfig:         config,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what concerns a request is in Config.Log
	}
	run.servers = append(run.servers, srv)
	run.listeners = append(run.listeners, l)
	go func() {
		if config != nil {
			srv.ServeTLS(l, "", "")
		} else {
			srv.Serve(l)
		}
	}()
}

// Close stops listening, lets requests in progress finish until ctx ends, and stops the jobs. It returns
// the error of ctx if requests had to be cut off.
//
// It does not use http.Server.Shutdown, which takes a second for each HTTP/2 connection that is idle.
func (run *Running) Close(ctx context.Context) error {
	defer run.Server.Close()
	for _, l := range run.listeners {
		l.Close()
	}
	finished := make(chan struct{})
	go func() {
		run.inFlight.Lock()
		close(finished)
	}()
	var err error
	select {
	case <-finished:
		defer run.inFlight.Unlock()
	case <-ctx.Done():
		err = ctx.Err()
	}
	for _, srv := range run.servers {
		srv.Close()
	}
	return err
}

// Client returns an HTTP client that trusts the server's certificate and follows no redirect.
func (run *Running) Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: run.CertPool}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
