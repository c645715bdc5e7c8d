package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks/spec"
)

// Config says which server to judge and how. Zero durations and bounds take their defaults.
type Config struct {
	BaseURL string       // FHIR base URL, without /metadata
	IG      spec.Version // default 3.0.0
	Group   string       // id of a Group to export; "" = look for one
	Types   []string     // resource types to ask for where a small export is enough; default Patient

	// Authorization: at most one of Token, TokenCommand and ClientID. None of them: an open server.
	Token    string // a static bearer token
	ClientID string
	Keys     []Key  // private keys registered with the server
	TokenURL string // "" = from smart-configuration
	Scope    string // default "system/*.rs", or "system/*.read" under 1.0.1

	Header       http.Header // sent with every request to the target's origin
	CAFile       string      // PEM, added to the system's roots
	Insecure     bool        // do not verify certificates
	TrustOrigins []string    // other origins that may receive the token, such as "https://files.example.org"

	ExportTimeout  time.Duration // from kick-off to manifest; default 30 min
	RequestTimeout time.Duration // for one answer's headers, and for the body of a protocol document; default 60 s
	FileTimeout    time.Duration // for one output file; default 2 h
	PollInterval   time.Duration // first interval where the server names none; default 1 s, then growing to 30 s
	Parallel       int           // downloads at a time; default 4
	ParallelJobs   int           // exports at a time; default 2
	MaxDocument    int64         // bytes of a protocol document; default 16 MiB
	MaxFile        int64         // decompressed bytes of one output file; default 64 GiB
	MaxLine        int           // bytes of one NDJSON line; default 64 MiB
	MaxFiles       int           // output files of one manifest that are read; default 20,000

	// AllAttachments fetches every attachment of the plain export instead of twenty of them.
	AllAttachments bool

	// ProbeThrottling permits one burst of status requests, to see whether and how the server answers 429.
	ProbeThrottling bool

	// KeepFiles is a new or empty folder for the content of all files that are read; "" keeps none.
	KeepFiles string

	Excerpts  bool   // keep the first 4 KiB of protocol documents in the record
	UserAgent string // default "bulkproof"
	Clock     Clock  // default RealClock
	Tap       Tap    // if set, stands between the session and the network, to record or to replay

	// Access holds the other ways in, and further clients.
	Access

	// Known is what the tester tells of the target's data.
	Known Known

	// Progress, if set, is told in a sentence what the session is waiting for.
	Progress func(string)
}

func (c *Config) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ExportTimeout, 30*time.Minute)
	def(&c.RequestTimeout, time.Minute)
	def(&c.FileTimeout, 2*time.Hour)
	def(&c.PollInterval, time.Second)
	if c.IG == "" {
		c.IG = spec.V300
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.ParallelJobs == 0 {
		c.ParallelJobs = 2
	}
	if c.MaxDocument == 0 {
		c.MaxDocument = 16 << 20
	}
	if c.MaxFile == 0 {
		c.MaxFile = 64 << 30
	}
	if c.MaxLine == 0 {
		c.MaxLine = 64 << 20
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = 20_000
	}
	if c.Scope == "" {
		c.Scope = "system/*.rs"
		if c.IG == spec.V101 {
			c.Scope = "system/*.read"
		}
	}
	c.Access.setDefaults(c.Scope)
	if len(c.Types) == 0 {
		c.Types = []string{"Patient"}
	}
	if c.UserAgent == "" {
		c.UserAgent = "bulkproof"
	}
	if c.Clock == nil {
		c.Clock = RealClock{}
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
}

// check returns everything wrong with the configuration, joined.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	checkURL := func(what, raw string) {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			bad("%s %q is not an absolute http or https URL; write it like https://fhir.example.org/r4", what, RedactURL(raw))
		case u.User != nil:
			bad("%s carries a user name or password; give credentials by the authorization options", what)
		case u.RawQuery != "" || u.Fragment != "":
			bad("%s has a query or fragment; give the bare FHIR base URL", what)
		}
	}
	if c.BaseURL == "" {
		bad("no server to test; name its FHIR base URL")
	} else {
		checkURL("the server URL", c.BaseURL)
		if strings.HasSuffix(c.BaseURL, "/metadata") {
			bad("the server URL ends in /metadata; give the FHIR base URL without it")
		}
	}
	if c.TokenURL != "" {
		checkURL("the token URL", c.TokenURL)
	}
	if _, err := spec.ParseVersion(string(c.IG)); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkAccess()...)
	if strings.ContainsAny(c.Token, "\r\n \t") {
		bad("the static token contains white space")
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{{"export timeout", c.ExportTimeout}, {"request timeout", c.RequestTimeout}, {"file timeout", c.FileTimeout}, {"poll interval", c.PollInterval}} {
		if d.v < 0 {
			bad("the %s is negative", d.name)
		}
	}
	for _, n := range []struct {
		name string
		v    int64
	}{{"downloads at a time", int64(c.Parallel)}, {"exports at a time", int64(c.ParallelJobs)}, {"bound on documents", c.MaxDocument}, {"bound on files", c.MaxFile}, {"bound on lines", int64(c.MaxLine)}} {
		if n.v < 0 {
			bad("the number for %s is negative", n.name)
		}
	}
	errs = append(errs, c.Known.check()...)
	for _, o := range c.TrustOrigins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			bad("the trusted origin %q is not of the form https://host[:port]", o)
		}
	}
	return errors.Join(errs...)
}
