package refserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// The paths below the root of the listener. They are unlike those of the servers in wide use ("/fhir",
// "/bulkstatus", "/output/Patient.ndjson"), so that nobody takes a shape for a rule: the polling location
// says neither "status" nor "job", and a file's URL has neither its type nor an extension.
const (
	mount          = "/r4/bulk" // the FHIR base
	tokenPath      = "/door/token"
	introspectPath = "/door/ask"
	deskPath       = "/desk/"   // + ticket: the polling location
	leafPath       = "/leaf/"   // below a polling location, + page: a linked manifest
	shelfPath      = "/shelf/"  // + ticket / file: files for bearers of a token
	pickupPath     = "/pickup/" // + ticket.key / file: files behind a capability URL
	pickupPaper    = "paper"    // in place of the ticket: attachments behind a capability URL
	attachmentPath = "/" + dataset.AttachmentPath + "/"
)

// Config describes a reference server. The zero value is an open server for 3.0.0 with a small dataset,
// whose jobs are complete at the first poll.
type Config struct {
	// IG is the version of the Bulk Data guide to act by: "3.0.0" (the default), "2.0.0" or "1.0.1".
	// Parameters and preferences that a version lacks are unknown under it. 1.0.1 is taken part of as
	// far as parameters, the deleted array and the Content-Type of status errors go.
	IG string
	// Patients and Seed choose the dataset; see dataset.Config.
	Patients int
	Seed     uint64
	// AbsoluteReferences writes references in resources as absolute URLs.
	AbsoluteReferences bool
	// Levels lists the levels that are offered and declared; nil means all three.
	Levels []Level

	// Auth demands SMART Backend Services tokens. Clients are the registered clients; more can be
	// registered with Register or over the management listener.
	Auth    bool
	Clients []authz.Client
	// TokenLifetime is how long access tokens live; zero means authz.DefaultLifetime.
	TokenLifetime time.Duration
	// GroupPolicy tells whether a client may export a Group: the "underlying business rules" of 3.0.0
	// export.html#privacy-and-security-considerations. nil opens every Group to every client that may read it.
	GroupPolicy func(clientID, group string) bool

	// TLS makes Start listen with a certificate it generates, or with CertFile and KeyFile if given.
	TLS               bool
	CertFile, KeyFile string
	// BaseURL is the public FHIR base when a reverse proxy stands in front, without a trailing slash. The
	// proxy has to map it to "/r4/bulk" of the listener. Empty means that it is the listener's own: from
	// the Host header where that is a loopback name, from the connection otherwise.
	BaseURL string
	// FilesOrigin is the origin (scheme and host) of file and attachment URLs, if another one; it has to
	// lead to this server. FilesListener makes Start open a second port for it.
	FilesOrigin   string
	FilesListener bool
	// CapabilityURLs hands out file URLs that need no token, with requiresAccessToken false, on a server
	// with Auth.
	CapabilityURLs bool
	// RedirectFiles answers file requests with 307 to a capability URL.
	RedirectFiles bool
	// NoManagement leaves the management listener of Start out.
	NoManagement bool

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// JobTime is how long a job takes. Zero selects the fast mode: a job is complete after
	// PollsUntilDone polls that found it in progress, so 0 completes it at the first poll.
	JobTime        time.Duration
	PollsUntilDone int
	// RetryAfter is sent with in-progress answers, in seconds. 0 is sent as "0": poll again at once.
	RetryAfter int
	// FilesLifetime is how long files stay after completion; zero means one hour. It is what Expires says.
	FilesLifetime time.Duration
	// PollBurst is how many polls of a running job within a second are answered before 429; zero means 25,
	// below zero no limit.
	PollBurst int
	// MaxJobs is how many running jobs a client may have before a kick-off is answered with 429; zero
	// means 250. On an open server all clients are one.
	MaxJobs int
	// ResourcesPerFile bounds the lines of an output file. Zero divides each type evenly over up to four
	// files, but not into files below 20 lines.
	ResourcesPerFile int
	// RehearsalGroups adds two Groups that only the kick-off knows, for testers who need a job that goes
	// wrong: RehearseFailure ends in a failed job, RehearseLoss in a complete one that lost a type.
	RehearsalGroups bool

	// Behaviour breaks the server; the zero value conforms.
	Behaviour Behaviour
	// Log gets a line for each request, without query strings, tokens or bodies; nil means none.
	Log io.Writer
}

// Ids of the rehearsal groups, see Config.RehearsalGroups.
const (
	RehearseFailure = "rehearse-failure"
	RehearseLoss    = "rehearse-loss"
)

const (
	defaultFilesLifetime = time.Hour
	defaultPollBurst     = 25
	defaultMaxJobs       = 250
	// maxTable bounds the jobs that are remembered, finished ones included.
	maxTable = 4096
	// runningLifetime is when a job that nobody fetched is forgotten.
	runningLifetime = 24 * time.Hour
)

// Server is the reference server, an http.Handler for the protocol listener. It is safe for concurrent
// use. Close releases what running jobs hold.
type Server struct {
	cfg   Config
	auth  *authz.Server
	held  []string // resource types, in export order
	key   string   // of capability URLs of attachments
	jobs  *jobTable
	log   logger
	stop  context.Context
	close context.CancelFunc

	clock struct {
		sync.Mutex
		ahead time.Duration
	}
	counters counters
}

// New returns a server for cfg, or an error that names the field at fault and what to do about it.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if cfg.IG == IG101 {
		// 1.0.1 authorization/index.html#signature-verification tries each key that has the kid; SMART 2 wants one.
		cfg.Behaviour.Auth.AcceptDuplicateKid = true
	}
	s := &Server{cfg: cfg, log: logger{w: cfg.Log}}
	s.stop, s.close = context.WithCancel(context.Background())
	s.jobs = newJobTable(maxTable)
	set, err := s.set("http://127.0.0.1" + mount)
	if err != nil {
		return nil, err
	}
	s.held = set.Types()
	s.key = secret(16)
	if cfg.Auth {
		s.auth, err = authz.New(authz.Config{
			TokenURL:         func(r *http.Request) string { return s.base(r) + tokenPath },
			FHIRBase:         s.base,
			IntrospectionURL: func(r *http.Request) string { return s.base(r) + introspectPath },
			Now:              s.now,
			Lifetime:         cfg.TokenLifetime,
			Types:            s.held,
			Behaviour:        func() *authz.Behaviour { return &s.cfg.Behaviour.Auth },
		})
		if err != nil {
			return nil, err
		}
		for _, c := range cfg.Clients {
			if err := s.auth.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// complete validates a Config and fills in defaults.
func (c *Config) complete() error {
	if c.IG == "" {
		c.IG = IG300
	}
	if !slices.Contains(IGVersions(), c.IG) {
		return fmt.Errorf("refserver: IG version %q is not known; use one of %s", c.IG, strings.Join(IGVersions(), ", "))
	}
	if c.Levels == nil {
		c.Levels = Levels()
	}
	for _, l := range c.Levels {
		if !slices.Contains(Levels(), l) {
			return fmt.Errorf("refserver: export level %q is not known; use system, patient or group", l)
		}
	}
	for name, value := range map[string]*string{"base URL": &c.BaseURL, "files origin": &c.FilesOrigin} {
		if *value == "" {
			continue
		}
		*value = strings.TrimRight(*value, "/")
		u, err := url.Parse(*value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("refserver: %s %q is not an absolute http or https URL without query; give one such as https://fhir.example.org/r4", name, *value)
		}
	}
	switch {
	case c.JobTime < 0 || c.PollsUntilDone < 0 || c.RetryAfter < 0 || c.ResourcesPerFile < 0 || c.MaxJobs < 0 || c.FilesLifetime < 0:
		return errors.New("refserver: JobTime, PollsUntilDone, RetryAfter, ResourcesPerFile, MaxJobs and FilesLifetime cannot be negative")
	case !c.Auth && len(c.Clients) > 0:
		return errors.New("refserver: clients are registered on an open server; set Auth")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("refserver: CertFile and KeyFile go together; give both or neither")
	case c.CertFile != "" && !c.TLS:
		return errors.New("refserver: a certificate is given, but TLS is off; set TLS")
	}
	if c.Behaviour.TLS != nil || c.Behaviour.AlsoPlain {
		c.TLS = true // there is something to show there only
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.FilesLifetime == 0 {
		c.FilesLifetime = defaultFilesLifetime
	}
	if c.PollBurst == 0 {
		c.PollBurst = defaultPollBurst
	}
	if c.MaxJobs == 0 {
		c.MaxJobs = defaultMaxJobs
	}
	return nil
}

// Register adds a client, or replaces one. It errs on an open server and if the client is unusable.
func (s *Server) Register(c authz.Client) error {
	if s.auth == nil {
		return errors.New("refserver: this server is open and registers no clients; start it with Auth")
	}
	return s.auth.Register(c)
}

// Close stops the work on all jobs. The server goes on answering.
func (s *Server) Close() { s.close() }

// Advance moves the server's clock ahead, on top of Config.Now.
func (s *Server) Advance(d time.Duration) {
	s.clock.Lock()
	defer s.clock.Unlock()
	s.clock.ahead += d
}

func (s *Server) now() time.Time {
	s.clock.Lock()
	defer s.clock.Unlock()
	return s.cfg.Now().Add(s.clock.ahead).UTC()
}

// set returns the dataset as seen below a base URL. A set is a few counters: everything in it is
// computed, so every job has its own.
func (s *Server) set(base string) (*dataset.Set, error) {
	return dataset.New(dataset.Config{Seed: s.cfg.Seed, Patients: s.cfg.Patients, BaseURL: base,
		AbsoluteReferences: s.cfg.AbsoluteReferences})
}

// base is the FHIR base URL as this client sees it. The Host header is believed only if it is a loopback
// name: then a client that calls us "localhost" gets URLs of the origin it knows, and nobody else's Host
// header ends up in a manifest.
func (s *Server) base(r *http.Request) string {
	if s.cfg.BaseURL != "" {
		return s.cfg.BaseURL
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil && isLoopback(host) {
		return scheme + r.Host + mount
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return scheme + addr.String() + mount
	}
	return scheme + "127.0.0.1" + mount
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// filesBase is the base of file and attachment URLs for clients that see the FHIR base as base.
func (s *Server) filesBase(base string) string {
	if s.cfg.FilesOrigin == "" {
		return base
	}
	return s.cfg.FilesOrigin + mount
}

// tokensForFiles is the manifest's requiresAccessToken.
func (s *Server) tokensForFiles() bool { return s.cfg.Auth && !s.cfg.CapabilityURLs }

// compartmentTypes are the types exported at the patient and group levels: the R4 Patient compartment
// (https://hl7.org/fhir/R4/compartmentdefinition-patient.html) as far as the dataset has it, without Group,
// whose members would name patients outside of the export. Provenance is there for its targets.
var compartmentTypes = []string{"Patient", "Encounter", "Condition", "Observation", "Procedure", "MedicationRequest",
	"Immunization", "AllergyIntolerance", "DiagnosticReport", "DocumentReference", "CarePlan", "Goal", "Coverage",
	"Claim", "ExplanationOfBenefit", "Provenance"}

// typesAt lists the types that can be exported at a level, in export order.
func (s *Server) typesAt(level Level) []string {
	if level == SystemLevel {
		return s.held
	}
	var out []string
	for _, t := range s.held {
		if slices.Contains(compartmentTypes, t) {
			out = append(out, t)
		}
	}
	return out
}

// secret returns n random bytes in hexadecimal.
func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
