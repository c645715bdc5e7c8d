package refserver

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Variation is a legal way to be different: a server that varies so conforms, and a judge that finds
// fault with it is wrong. It is the counterpart of a Fault, and the guard against false failures.
type Variation struct {
	// Name is stable, lower-case, with dashes: "first-poll-complete".
	Name string
	// Area is the requirement area whose freedom it uses, in lower case: "status".
	Area string
	// Doc is a sentence: what this server does otherwise than the plain reference server.
	Doc string
	// Permits is what the specification says, in our words, with its source in brackets at the end:
	// "… (3.0.0 export.html#headers, export.md:117)".
	Permits string
	// Versions lists the IG versions under which it is legal; empty means 2.0.0 and 3.0.0.
	Versions []string
	// Excludes names what a server can be in one way only, such as "levels": two variations that share a
	// name are never combined.
	Excludes []string
	// NeedsAuth says that the Config has to have Auth for the variation to show, NeedsOpen that it must not.
	NeedsAuth, NeedsOpen bool
	// Unsure lists the checks, or "area.*", that a judge cannot bring to a verdict on such a server, since it
	// leaves nothing to look at. They may be inconclusive, never failed.
	Unsure []string
	// Apply changes a conforming Config.
	Apply func(*Config)

	// last variations are applied after all others: they rewrite what the others have set.
	last bool
}

var (
	areaVariations  []Variation
	variationsLock  sync.Mutex
	variationsKnown = map[string]bool{}
	// permission is a sentence with its source at the end: a page and anchor of a guide, or a section of an RFC.
	permission = regexp.MustCompile(`(?s)^.{12,}\((.*(\.html#[a-z0-9_.-]+|RFC \d+ section [0-9.]+|ndjson-spec|#[a-z0-9-]+).*)\)$`)
)

// registerVariations adds the variations of an area. Like registerFaults it is called from init functions
// and panics on an incomplete or repeated entry.
func registerVariations(list ...Variation) {
	variationsLock.Lock()
	defer variationsLock.Unlock()
	for _, v := range list {
		if err := v.validate(); err != nil {
			panic("refserver: " + err.Error())
		}
		if variationsKnown[v.Name] {
			panic(fmt.Sprintf("refserver: variation %q is registered twice", v.Name))
		}
		variationsKnown[v.Name] = true
		areaVariations = append(areaVariations, v)
	}
}

// validate tells what is missing or malformed in a variation.
func (v Variation) validate() error {
	switch {
	case !faultName.MatchString(v.Name):
		return fmt.Errorf("variation name %q is not lower-case words joined by dashes", v.Name)
	case !faultName.MatchString(v.Area):
		return fmt.Errorf("variation %s: area %q is not a lower-case word", v.Name, v.Area)
	case v.Doc == "":
		return fmt.Errorf("variation %s: Doc is empty; say what this server does otherwise", v.Name)
	case !permission.MatchString(v.Permits):
		return fmt.Errorf("variation %s: Permits does not say what the specification permits, with page#anchor or RFC section in brackets at its end", v.Name)
	case v.Apply == nil:
		return fmt.Errorf("variation %s: Apply is nil", v.Name)
	case v.NeedsOpen && v.NeedsAuth:
		return fmt.Errorf("variation %s: it needs an open server and authorization", v.Name)
	}
	for _, ig := range v.Versions {
		if !slices.Contains(IGVersions(), ig) {
			return fmt.Errorf("variation %s: unknown IG version %q", v.Name, ig)
		}
	}
	for _, name := range slices.Concat(v.Excludes, v.Unsure) {
		if name == "" {
			return fmt.Errorf("variation %s: Excludes or Unsure has an empty entry", v.Name)
		}
	}
	return nil
}

// LegalUnder tells whether the variation is one under the given IG version. Without Versions it is one under
// 2.0.0 and 3.0.0.
func (v Variation) LegalUnder(ig string) bool {
	if len(v.Versions) == 0 {
		return ig == IG200 || ig == IG300
	}
	return slices.Contains(v.Versions, ig)
}

// Compatible tells whether a server can be both at once, and show both.
func (v Variation) Compatible(w Variation) bool {
	if v.Name == w.Name || v.NeedsOpen && w.NeedsAuth || v.NeedsAuth && w.NeedsOpen {
		return false
	}
	return !slices.ContainsFunc(v.Excludes, func(x string) bool { return slices.Contains(w.Excludes, x) })
}

// Variations returns every variation, sorted by area and name. The slice is the caller's own.
func Variations() []Variation {
	variationsLock.Lock()
	defer variationsLock.Unlock()
	all := slices.Clone(areaVariations)
	slices.SortFunc(all, func(a, b Variation) int {
		if a.Area != b.Area {
			return cmpString(a.Area, b.Area)
		}
		return cmpString(a.Name, b.Name)
	})
	return all
}

// VariationNamed finds a variation by its name.
func VariationNamed(name string) (Variation, bool) {
	for _, v := range Variations() {
		if v.Name == name {
			return v, true
		}
	}
	return Variation{}, false
}

// Vary applies variations to a Config whose IG and Auth are set. It returns every reason why they cannot
// show together on such a server, joined, and then changes nothing.
func (c *Config) Vary(list ...Variation) error {
	ig := c.IG
	if ig == "" {
		ig = IG300
	}
	var errs []error
	for i, v := range list {
		switch {
		case !v.LegalUnder(ig):
			errs = append(errs, fmt.Errorf("%s is no legal variation under %s", v.Name, ig))
		case v.NeedsAuth && !c.Auth:
			errs = append(errs, fmt.Errorf("%s shows only on a server that demands tokens; set Auth", v.Name))
		case v.NeedsOpen && c.Auth:
			errs = append(errs, fmt.Errorf("%s shows only on an open server; leave Auth out", v.Name))
		}
		for _, w := range list[:i] {
			if !v.Compatible(w) {
				errs = append(errs, fmt.Errorf("a server cannot be both %s and %s", w.Name, v.Name))
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("refserver: %w", errors.Join(errs...))
	}
	for _, last := range []bool{false, true} {
		for _, v := range list {
			if v.last == last {
				v.Apply(c)
			}
		}
	}
	return nil
}

// FilesOrigin returns the scheme and host of file and attachment URLs where they differ from the FHIR base's, ""
// otherwise: the origin that a client may have to trust with its token.
func (run *Running) FilesOrigin() string { return run.Server.cfg.FilesOrigin }

// What follows chains hooks that have no Then method of their own.

func varyAnswer(f func(*Answer)) func(*Config) {
	return func(c *Config) { c.Behaviour.ThenAnswer(f) }
}

func varyManifest(f func(map[string]any, JobInfo)) func(*Config) {
	return func(c *Config) { c.Behaviour.ThenManifest(f) }
}

func varyCapability(f func(map[string]any)) func(*Config) {
	return func(c *Config) { c.Behaviour.ThenCapability(f) }
}

// varySMART edits the smart-configuration.
func varySMART(f func(map[string]any)) func(*Config) {
	return func(c *Config) {
		first := c.Behaviour.Auth.EditConfiguration
		c.Behaviour.Auth.EditConfiguration = func(doc map[string]any) {
			if first != nil {
				first(doc)
			}
			f(doc)
		}
	}
}

// varyKeep lets f decide on a resource after everything that was set before.
func varyKeep(f func(j JobInfo, r *dataset.Resource, include bool) bool) func(*Config) {
	return func(c *Config) {
		first := c.Behaviour.Keep
		c.Behaviour.Keep = func(j JobInfo, r *dataset.Resource, include bool) bool {
			if first != nil {
				include = first(j, r, include)
			}
			return f(j, r, include)
		}
	}
}

// varyLines edits each line of the output files.
func varyLines(f func(line []byte) []byte) func(*Config) {
	return varyAnswer(func(a *Answer) {
		if a.Endpoint != File || a.Status != http.StatusOK || a.Job == nil || a.Job.Kind != OutputFile {
			return
		}
		first := a.Line
		a.Line = func(n int, line []byte) []byte {
			if first != nil {
				line = first(n, line)
			}
			return f(line)
		}
	})
}

// unsupported leaves out support of parameters, or of "separate-export-status".
func unsupported(names ...string) func(*Config) {
	return func(c *Config) { c.Behaviour.Unsupported = append(c.Behaviour.Unsupported, names...) }
}

// all applies several changes.
func all(list ...func(*Config)) func(*Config) {
	return func(c *Config) {
		for _, f := range list {
			f(c)
		}
	}
}

// outcomeBody makes the answer one with an OperationOutcome.
func (a *Answer) outcomeBody(severity string, i Issue) {
	a.Header.Set("Content-Type", fhirJSON)
	a.Body = outcome(severity, i)
}

// isOutcome tells whether the answer is an error with a whole body in FHIR JSON.
func (a *Answer) isOutcome() bool {
	return a.Status >= 400 && len(a.Body) > 0 && strings.HasPrefix(a.Header.Get("Content-Type"), fhirJSON)
}
