// Package spec is the catalogue of requirements that Bulkproof judges by: what the Bulk Data Access IG in four versions,
// SMART App Launch and the FHIR asynchronous pattern ask for, with the level, the kind and the place of each sentence.
// The summaries are our own words; where they disagree with the specification, the specification is right.
//
// The source that people edit is catalogue/*.yaml. `go generate` turns it into the embedded catalogue/*.json, one file
// per specification version and one with what the versions share, so that a program does not pay for reading YAML.
//
// # Which sentence binds
//
// A run judges one IG version. [Requirement.In] returns the IG's own entry for that version. Where the IG has none, it
// falls back on the specifications that the IG version makes part of itself, as catalogue/versions.yaml says (serves):
//
//   - smart-2.2.0 for 2.0.0, 3.0.0 and 4.0.0-ballot. 1.0.1 has an authorization page of its own, whose entries share ids
//     with SMART; a SMART entry without a 1.0.1 counterpart does not bind there.
//   - FHIR R4 async.html for 1.0.1, 2.0.0 and 3.0.0, which say that export uses that pattern. 4.0.0-ballot defines the
//     pattern on its own async.html, so the R4 page binds nothing there.
//   - FHIR async-bundle.html for 3.0.0 and 4.0.0-ballot, which use it for creating Groups (Bulk Cohort API).
//
// The IG "may extend the pattern" (3.0.0 export.html) and loosens it in places, under a key of its own (ASYNC/headers-must
// is a SHOULD as KICKOFF/prefer-client). Where both exist, a check cites the IG's requirement.
package spec

import (
	"slices"
)

// Level is the strength of a sentence in the words of RFC 2119.
type Level uint8

const (
	May Level = iota
	Should
	Shall
)

// String returns "MAY", "SHOULD" or "SHALL".
func (l Level) String() string {
	switch l {
	case May:
		return "MAY"
	case Should:
		return "SHOULD"
	case Shall:
		return "SHALL"
	}
	return "unknown level"
}

// Kind says what a suite can do about a sentence.
type Kind string

const (
	Fail           Kind = "fail"            // a SHALL that can fail a server
	Warn           Kind = "warn"            // a SHOULD that can warn about a server
	Tolerate       Kind = "tolerate"        // a MAY: a suite has to accept both behaviours
	ClientReaction Kind = "client-reaction" // a client rule whose violation by the suite provokes a server reaction
	Client         Kind = "client"          // a duty or freedom of the client only
	Untestable     Kind = "untestable"      // cannot be seen from outside
)

// Basis says what a sentence's level rests on. Findings on Implied entries are worded "expected", not "SHALL".
type Basis string

const (
	Keyword   Basis = "keyword"   // an upper-case RFC 2119 word
	Table     Basis = "table"     // the required/optional column of a table
	Lowercase Basis = "lowercase" // "must", "should" or "may" in lower case
	Implied   Basis = "implied"   // no such word, for example an item in a list of what an answer has
)

// Entry is a requirement as one specification version has it.
type Entry struct {
	Version Version // the specification whose text this is; with Requirement.In not always the IG itself
	Level   Level
	Not     bool // SHALL NOT, SHOULD NOT
	Kind    Kind
	Basis   Basis
	Source  string   // page#anchor of the published specification, as catalogued
	URL     string   // Source as a full URL
	File    string   // path:line of the sentence in the kept sources of that version
	Summary string   // the requirement in this version, where it differs from Requirement.Summary
	AlsoAt  []string // further places, "page (path:line)"
}

// Keyword returns the RFC 2119 keyword: "SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT" or "MAY".
func (e Entry) Keyword() string {
	if e.Not {
		return e.Level.String() + " NOT"
	}
	return e.Level.String()
}

// Values of Requirement.UntestedStatus.
const (
	UntestedClient     = "client"     // the client's duty or freedom: no server can violate it
	UntestedUntestable = "untestable" // nothing on the wire shows whether it is met
	UntestedOpen       = "open"       // could be judged, but is not yet
)

// Requirement is one numbered requirement in all the versions that have it. It is shared: treat it as read-only.
type Requirement struct {
	ID          string // AREA-NNN, never reused
	Key         string // AREA/readable-name, as stable as the ID
	Area        string
	Actor       string // who has to meet it: "server", "client" or "both"
	Summary     string
	Conditional string // when it applies ("only if the server supports _typeFilter"), or ""
	Testable    string // a hint how to observe it
	Negative    string // the faulty behaviour to catch, or ""
	Leniency    string // behaviour a check has to accept in spite of Testable and Negative, or ""
	Changes     string // how versions differ, or ""
	Related     []string
	Needs       []string // what a tester must know or provide, words of the catalogue's README.md

	Entries map[Version]Entry // by the specification that has the sentence; see In for what binds

	Untested       string // why no check cites it; "" if nothing is said
	UntestedStatus string // UntestedClient, UntestedUntestable, UntestedOpen, or "" with an empty Untested

	bound map[Version]Entry // by IG version, where another specification's entry binds
}

// In returns the entry that binds under version v: v's own entry, else the one of a specification that v relies on (see
// the package comment). It returns false if the requirement does not exist there. For SMART and Async only their own
// entries count.
func (r Requirement) In(v Version) (Entry, bool) {
	if e, ok := r.Entries[v]; ok {
		return e, true
	}
	e, ok := r.bound[v]
	return e, ok
}

// SummaryIn returns the requirement as version v has it, or Summary if v says nothing different.
func (r Requirement) SummaryIn(v Version) string {
	if e, ok := r.In(v); ok && e.Summary != "" {
		return e.Summary
	}
	return r.Summary
}

// SourceIn returns the full URL, with anchor where there is one, of the sentence that binds under v, or "" if the
// requirement does not exist there.
func (r Requirement) SourceIn(v Version) string {
	e, _ := r.In(v)
	return e.URL
}

// Document describes a specification version: where its text was published and where the kept sources come from.
type Document struct {
	Version                                     Version
	IG, Title, Repo, Commit, Ref, Licence, Site string
	Count                                       int // requirements with an entry of this version
}

// Catalogue is the loaded catalogue. It does not change after loading and may be used by several goroutines.
type Catalogue struct {
	requirements []Requirement
	byName       map[string]int // id and key
	in           map[Version][]int
	areas        []area
	documents    map[Version]Document
	digest       func() string
}

type area struct{ name, title string }

// All returns every requirement, by area in the order of Areas and by number within it.
func (c *Catalogue) All() []Requirement { return slices.Clone(c.requirements) }

// In returns the requirements that bind under version v, in the order of All.
func (c *Catalogue) In(v Version) []Requirement {
	out := make([]Requirement, 0, len(c.in[v]))
	for _, i := range c.in[v] {
		out = append(out, c.requirements[i])
	}
	return out
}

// Get returns the requirement with that id ("KICKOFF-001") or key ("KICKOFF/async-pattern").
func (c *Catalogue) Get(idOrKey string) (Requirement, bool) {
	i, ok := c.byName[idOrKey]
	if !ok {
		return Requirement{}, false
	}
	return c.requirements[i], true
}

// Areas returns the areas in the order an export meets them: discovery and authorization first, then the export from
// capability to deletion, then what few servers offer.
func (c *Catalogue) Areas() []string {
	out := make([]string, len(c.areas))
	for i, a := range c.areas {
		out[i] = a.name
	}
	return out
}

// AreaTitle returns what an area is about in a few words, or "" for an unknown area.
func (c *Catalogue) AreaTitle(name string) string {
	for _, a := range c.areas {
		if a.name == name {
			return a.title
		}
	}
	return ""
}

// Document returns what is known about the published text of a version.
func (c *Catalogue) Document(v Version) (Document, bool) {
	d, ok := c.documents[v]
	return d, ok
}

// Digest returns "sha256:" and the hash, in hexadecimal, of the whole catalogue, so that a report can say what it was
// judged by. Any change of any text changes it.
func (c *Catalogue) Digest() string { return c.digest() }
