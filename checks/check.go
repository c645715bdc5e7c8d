// Package checks is the vocabulary of the suite: what a check is, what it may do, how checks are planned and run, and
// how their findings become outcomes. The checks themselves live in one package per area below this one.
package checks

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// Check judges one thing that a conformant server does.
type Check struct {
	// ID is stable and readable, "kickoff.content-location": never positional, never reused.
	ID string
	// Title says in a line what a conformant server does.
	Title string
	// Doc gives the rule in our own words, how we read it, and what the check tolerates; `explain` prints it.
	Doc string
	// Requires lists the requirement ids that the check judges. A finding may cite only these.
	Requires []string
	// Needs lists what the target or the user has to provide; where one is missing the check is skipped, with the
	// sentence that says so.
	Needs []Need
	// Exports lists the shared exports that the check looks at, so that the plan can say what a run costs and start
	// them early.
	Exports []session.Scenario
	// Cost is what the check causes beyond shared exports.
	Cost Cost
	// Observes lists observations that the check shares with others through session.Shared, and what they cost: each is
	// counted once for all checks that name it.
	Observes []Observation
	// Learns says that the check judges by what package learn finds out while files are read.
	Learns bool
	// Ahead lets the plan run the check once more, early and in the background, and forget what it found, so that its
	// waits overlap with those of others. Only for checks whose requests are all shared observations: the run that counts
	// finds them made.
	Ahead bool
	// Spare says how early the check is given up where a budget of kick-offs is short: the higher, the earlier. Checks
	// with 0 go last.
	Spare int
	// Provisional checks run and are listed, but do not count towards the verdict yet.
	Provisional bool
	Run         func(context.Context, *T)
}

// Cost is what a check may cause at the target beyond the shared exports.
type Cost struct {
	KickOffs  int // accepted or refused
	Downloads int // output file requests
	EachFile  int // requests for each file of the plain export, of which no more than the beginning is read
}

// Observation is a shared look at the target, such as a kick-off that several checks judge.
type Observation struct {
	Name string
	Cost Cost
}

// Area groups the checks of one part of the specification.
type Area struct {
	Name   string // "kickoff"
	Title  string // "Kick-off request"
	Doc    string
	Checks []Check
}

// Need is something a check cannot do without.
type Need string

// Needs.
const (
	NeedAuth    Need = "auth"    // a client registered for SMART Backend Services: client id and key
	NeedToken   Need = "token"   // any kind of access token: the server is not open
	NeedSystem  Need = "system"  // system-level export
	NeedPatient Need = "patient" // Patient-level export
	NeedGroup   Need = "group"   // Group-level export and the id of a Group
	NeedSMART   Need = "smart"   // the target has, or by its authorization should have, a smart-configuration
)

// missing returns why the need is not met by the session, or "".
func (n Need) missing(s *session.Session) string {
	c, d := s.Config(), s.Discover()
	level := func(l session.Level) string {
		if d.Capability != nil && !d.Declares(l) {
			return fmt.Sprintf("the CapabilityStatement declares no %s-level export", l)
		}
		return ""
	}
	switch n {
	case NeedAuth:
		if c.ClientID == "" {
			return "no client registered for SMART Backend Services is configured; give --client-id and --key"
		}
	case NeedToken:
		if c.ClientID == "" && c.Token == "" {
			return "the run is without authorization; give --client-id and --key, or --token"
		}
	case NeedSMART:
		if c.ClientID == "" && d.Configuration == nil && d.SMART != nil && d.SMART.Status == 404 {
			return "the server has no smart-configuration and the run is without SMART Backend Services"
		}
	case NeedSystem:
		return level(session.System)
	case NeedPatient:
		return level(session.Patient)
	case NeedGroup:
		if why := level(session.Group); why != "" {
			return why
		}
		if _, why := s.GroupID(); why != "" {
			return why
		}
	default:
		return fmt.Sprintf("the need %q is not known", n)
	}
	return ""
}

var idPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z0-9]+(-[a-z0-9]+)*)+$`)

// Validate reports everything that is wrong with a list of areas: incomplete, duplicate or unknown entries. Start-up
// refuses to go on with such a list.
func Validate(areas []Area, cat *spec.Catalogue) []string {
	var bad []string
	seen := map[string]bool{}
	for _, a := range areas {
		if a.Name == "" || a.Title == "" || a.Doc == "" || len(a.Checks) == 0 {
			bad = append(bad, fmt.Sprintf("the area %q lacks a name, title, doc or checks", a.Name))
		}
		for _, c := range a.Checks {
			add := func(format string, args ...any) {
				bad = append(bad, fmt.Sprintf("check %q: ", c.ID)+fmt.Sprintf(format, args...))
			}
			if !idPattern.MatchString(c.ID) || !strings.HasPrefix(c.ID, a.Name+".") {
				add("the id is not of the form %s.words-with-dashes", a.Name)
			}
			if seen[c.ID] {
				add("the id is used twice")
			}
			seen[c.ID] = true
			if c.Title == "" || len(c.Doc) < 40 || c.Run == nil {
				add("title, doc (40 characters or more) or Run is missing")
			}
			if len(c.Requires) == 0 {
				add("it cites no requirement")
			}
			for i, r := range c.Requires {
				if _, ok := cat.Get(r); !ok {
					add("the requirement %s is not in the catalogue", r)
				}
				if slices.Contains(c.Requires[:i], r) {
					add("the requirement %s is cited twice", r)
				}
			}
		}
	}
	return bad
}

// In reports whether the check has something to judge under the version: at least one of its requirements exists there.
func (c *Check) In(cat *spec.Catalogue, v spec.Version) bool {
	for _, id := range c.Requires {
		if r, ok := cat.Get(id); ok {
			if _, ok := r.In(v); ok {
				return true
			}
		}
	}
	return false
}

// Area returns the area name that the check's id begins with.
func (c *Check) Area() string {
	a, _, _ := strings.Cut(c.ID, ".")
	return a
}
