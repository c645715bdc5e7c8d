package authz

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// MaxAssertionLifetime is how far ahead exp may lie (client-confidential-asymmetric.html#request, claim exp).
	MaxAssertionLifetime = 5 * time.Minute
	// Leeway is the clock difference that is forgiven for exp and nbf. Five seconds cover NTP-kept clocks; the tests
	// of a judge that puts exp thirty seconds into the past stay meaningful.
	Leeway = 5 * time.Second
	// DefaultLifetime of an access token (backend-services.html#issue-access-token: SHOULD NOT exceed 300).
	DefaultLifetime = 300 * time.Second
)

// Client is a registered backend service. Exactly one of JWKS and JWKSURL is set.
type Client struct {
	// ID is the client_id: iss and sub of its assertions. 1 to 255 visible ASCII characters (RFC 6749 appendix A.1).
	ID string `json:"client_id"`
	// Name is for people only.
	Name string `json:"client_name,omitempty"`
	// JWKS is the public JWK Set, inline.
	JWKS []byte `json:"-"`
	// JWKSURL is where the client hosts its JWK Set: https, or http on a loopback address.
	JWKSURL string `json:"jwks_uri,omitempty"`
	// Scopes are the pre-authorised scopes, "system/*.rs", "system/Patient.read". Only their read part counts.
	Scopes []string `json:"scopes"`
}

// Config of a Server. TokenURL is required.
type Config struct {
	// TokenURL returns the absolute URL of the token endpoint as clients see it: told in smart-configuration, and the
	// only aud that is accepted.
	TokenURL func(r *http.Request) string
	// FHIRBase returns the absolute FHIR base URL; optional, only the aud defects and the realm use it.
	FHIRBase func(r *http.Request) string
	// IntrospectionURL returns the absolute URL at which ServeIntrospection is mounted; nil means there is none.
	IntrospectionURL func(r *http.Request) string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Lifetime of access tokens; zero means DefaultLifetime.
	Lifetime time.Duration
	// Types are the resource types that the server holds. A scope for another type is not granted. Empty: no limit.
	Types []string
	// HTTP fetches JWKS URLs; nil means a client of its own. Redirects are never followed, time and size are bounded.
	HTTP *http.Client
	// Behaviour returns the Behaviour in force; nil, or a nil result, means the conformant one.
	Behaviour func() *Behaviour
	// Rand is the source of token bytes; nil means crypto/rand.
	Rand io.Reader
}

// Server is the authorization server. It is safe for concurrent use.
type Server struct {
	cfg    Config
	types  map[string]bool
	tokens *tokenStore
	replay *replayCache
	jwks   *jwksFetcher

	mu      sync.RWMutex
	clients map[string]*registration
}

// registration is a Client with what was worked out when it was registered.
type registration struct {
	Client
	keys    keySet // of an inline JWKS
	allowed Scopes
}

// New returns a Server without clients, or an error that names the Config field at fault.
func New(cfg Config) (*Server, error) {
	if cfg.TokenURL == nil {
		return nil, errors.New("authz: Config.TokenURL is nil: give a function that returns the absolute URL of the token endpoint")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	switch {
	case cfg.Lifetime == 0:
		cfg.Lifetime = DefaultLifetime
	case cfg.Lifetime < time.Second:
		return nil, fmt.Errorf("authz: Config.Lifetime is %v: expires_in counts whole seconds, give at least one", cfg.Lifetime)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	s := &Server{
		cfg:     cfg,
		types:   make(map[string]bool, len(cfg.Types)),
		tokens:  newTokenStore(),
		replay:  newReplayCache(),
		jwks:    newJWKSFetcher(cfg.HTTP),
		clients: make(map[string]*registration),
	}
	for _, t := range cfg.Types {
		if !typeName(t) {
			return nil, fmt.Errorf("authz: Config.Types holds %q, which is no resource type name", t)
		}
		s.types[t] = true
	}
	return s, nil
}

var conformant Behaviour

func (s *Server) behaviour() *Behaviour {
	if s.cfg.Behaviour != nil {
		if b := s.cfg.Behaviour(); b != nil {
			return b
		}
	}
	return &conformant
}

// Register adds a client, or replaces the registration of the same id: its cached JWKS is forgotten, its tokens live on.
// It errs, and changes nothing, when the id, the keys or the scopes are unusable; the error says which and why.
func (s *Server) Register(c Client) error {
	if n := len(c.ID); n == 0 || n > 255 {
		return fmt.Errorf("authz: client id of %d characters: give 1 to 255", n)
	}
	for i := range len(c.ID) {
		if c.ID[i] < 0x20 || c.ID[i] > 0x7e { // VSCHAR of RFC 6749 appendix A
			return fmt.Errorf("authz: client id %q: only visible ASCII characters are allowed (RFC 6749 appendix A.1)", c.ID)
		}
	}
	reg := &registration{Client: c}
	reg.JWKS, reg.Scopes = slices.Clone(c.JWKS), slices.Clone(c.Scopes)
	switch {
	case len(c.JWKS) > 0 && c.JWKSURL != "":
		return fmt.Errorf("authz: client %q has both a JWKS and a JWKS URL: register one of them", c.ID)
	case c.JWKSURL != "":
		if err := checkJWKSURL(c.JWKSURL); err != nil {
			return fmt.Errorf("authz: client %q: %w", c.ID, err)
		}
	case len(c.JWKS) > 0:
		keys, err := parseJWKS(c.JWKS)
		if err != nil {
			return fmt.Errorf("authz: client %q: JWKS: %w", c.ID, err)
		}
		if err := keys.checkRegistration(); err != nil {
			return fmt.Errorf("authz: client %q: JWKS: %w", c.ID, err)
		}
		reg.keys = keys
	default:
		return fmt.Errorf("authz: client %q has neither a JWKS nor a JWKS URL: register one of them", c.ID)
	}
	for _, text := range c.Scopes {
		sc, ok := parseScope(text)
		if !ok || sc.Query != "" {
			return fmt.Errorf("authz: client %q: scope %q is not of the form system/Type.rs or system/Type.read", c.ID, text)
		}
		reg.allowed = append(reg.allowed, sc)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = reg
	s.jwks.forget(c.JWKSURL)
	return nil
}

// Remove deletes a client and revokes its tokens; it returns false when there is no such client.
func (s *Server) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.clients[id]
	delete(s.clients, id)
	s.tokens.revokeClient(id)
	return ok
}

// Clients returns a copy of the registered clients, ordered by id.
func (s *Server) Clients() []Client {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Client, 0, len(s.clients))
	for _, reg := range s.clients {
		c := reg.Client
		c.JWKS, c.Scopes = slices.Clone(c.JWKS), slices.Clone(c.Scopes)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Client) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (s *Server) client(id string) *registration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.clients[id]
}

// registrations returns all clients in the order of their ids.
func (s *Server) registrations() []*registration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*registration, 0, len(s.clients))
	for _, reg := range s.clients {
		out = append(out, reg)
	}
	slices.SortFunc(out, func(a, b *registration) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// checkJWKSURL admits https, and http on a loopback address, where there is no network to protect against.
func checkJWKSURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("JWKS URL %q is not an absolute URL without user and fragment", text)
	}
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("JWKS URL %q: use https (http is taken on loopback addresses only)", text)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
