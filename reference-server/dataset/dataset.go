// Package dataset holds the synthetic health records of the reference server: US-Core-flavoured FHIR R4
// (4.0.1) resources that are computed, not stored.
//
// Every resource is a pure function of the seed, its type and its place (patient number, ordinal), so a set of a
// million patients needs no more memory than one of five, any resource can be made again from its id alone, and
// two sets with the same Config are equal to the byte. A Set is immutable and safe for concurrent use.
//
// Nothing in it is real. Patients carry the security label HTEST ("test health data"), names are made up to look
// made up, identifiers live under example.org.
//
// # What a consumer may rely on
//
//   - Every reference resolves within the set, to a type that R4 allows there. Contained resources are referred to
//     by fragment and do not appear in Resource.Refs.
//   - Resource.Patients follows the R4 Patient compartment (https://hl7.org/fhir/R4/compartmentdefinition-patient.html)
//     to the letter: Device is in no compartment although it names its patient, and a Provenance is in one only if a
//     Patient is among its targets; what its other targets belong to is in Resource.Provenance.
//   - Some resources are in two compartments: a Coverage whose subscriber is another patient than its beneficiary,
//     a Provenance with two Patient targets, and every Group that lists its members.
//   - No meta.lastUpdated is at or after Epoch, and none is before 2019; most are distinct, a few are equal because
//     they come from the same bulk load.
//   - meta.profile names US Core profiles only where the resource has all that US Core 6.1.0 requires.
//   - Deletions lists what was deleted; none of it is ever yielded or found, and nothing refers to it.
//   - Ids differ by case alone in places (CodeSystem "C" and "c"), hold dots and dashes, and reach 1 and 64
//     characters: everything https://hl7.org/fhir/R4/datatypes.html#id permits.
package dataset

import (
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of Config.Patients. The upper one is where ids stop fitting into six symbols.
const (
	DefaultPatients = 25
	MinPatients     = 5
	MaxPatients     = 1_000_000
)

// Epoch is the end of recorded time: every instant in the data, and every deletion, lies before it.
var Epoch = time.Date(2025, time.December, 31, 0, 0, 0, 0, time.UTC)

// Config says which of all possible sets is wanted.
type Config struct {
	// Seed selects ids, values and dates. Counts per type vary a little with it.
	Seed uint64
	// Patients is the number of Patient resources: 5 to 1,000,000; 0 means 25.
	Patients int
	// BaseURL is the FHIR base without a trailing slash; attachment URLs start with it, and references if
	// AbsoluteReferences is set. It must be an absolute http or https URL.
	BaseURL string
	// AbsoluteReferences writes references as BaseURL/Type/id instead of Type/id.
	AbsoluteReferences bool
}

// Set is one dataset.
type Set struct {
	cfg    Config
	counts [kindCount]shape
	keys   [kindCount]scramble
	cache  cache
}

// Resource is one resource with what a server needs to know of it without parsing it.
type Resource struct {
	Type, ID string
	// LastUpdated equals meta.lastUpdated exactly, in UTC.
	LastUpdated time.Time
	// Patients lists the ids of the patients whose R4 Patient compartment the resource is in, without repeats.
	Patients []string
	// Refs lists "Type/id" of everything the resource refers to, in order of appearance, without repeats.
	// Contained resources are left out, what they refer to is in.
	Refs []string
	// Provenance is set for resources of type Provenance and nil for others.
	Provenance *Provenance
	// JSON is the resource on one line, without a line feed.
	JSON []byte
}

// New returns the set that cfg describes. It errs if the number of patients is out of bounds or BaseURL is not an
// absolute http(s) URL.
func New(cfg Config) (*Set, error) {
	if cfg.Patients == 0 {
		cfg.Patients = DefaultPatients
	}
	if cfg.Patients < MinPatients || cfg.Patients > MaxPatients {
		return nil, fmt.Errorf("dataset: %d patients asked for, but a set has %d to %d; choose a number in between",
			cfg.Patients, MinPatients, MaxPatients)
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	u, err := url.Parse(cfg.BaseURL)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
		err = errors.New("it needs a scheme (http or https) and a host, and neither query nor fragment")
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: base URL %q: %w; give one such as https://fhir.example.org/r4", cfg.BaseURL, err)
	}
	s := &Set{cfg: cfg}
	for k := range kindCount {
		s.counts[k] = newShape(k, cfg)
		s.keys[k] = newScramble(mix(cfg.Seed, uint64(k)+1))
	}
	return s, nil
}

// Patients returns the number of Patient resources.
func (s *Set) Patients() int { return s.cfg.Patients }

// Types returns the resource types of the set in the order in which they should be exported. The caller owns the
// slice.
func (s *Set) Types() []string {
	types := make([]string, kindCount)
	for k := range kindCount {
		types[k] = kinds[k].name
	}
	return types
}

// Count returns how many resources of the type Resources yields, without generating any; 0 for a type that the set
// does not have.
func (s *Set) Count(typ string) int {
	k, ok := kindOf(typ)
	if !ok {
		return 0
	}
	return s.counts[k].total()
}

// Resources yields every resource of the type in a fixed order: by patient, then by ordinal. The yielded Resource
// and its JSON are overwritten by the next step; its strings may be kept. A type that the set does not have yields
// nothing.
func (s *Set) Resources(typ string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		k, ok := kindOf(typ)
		if !ok {
			return
		}
		if list, _ := s.all(k); list != nil {
			for i := range list {
				r := list[i]
				if !yield(&r) {
					return
				}
			}
			return
		}
		b := newBuilder(s)
		shape := &s.counts[k]
		for p := range shape.owners {
			for o := range shape.of(p) {
				if !yield(b.build(loc{k, p, o})) {
					return
				}
			}
		}
	}
}

// ResourcesOf yields the resources of the type that are in the compartment of one patient, in the order of Resources
// but without passing over those of other patients. What it yields is as short-lived as there.
func (s *Set) ResourcesOf(typ, patientID string) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		k, ok := kindOf(typ)
		l, found := s.find("Patient", patientID)
		if !ok || !found {
			return
		}
		// Besides patient p's own resources, only those of the patient before may refer to p (a Coverage p holds for
		// that patient, a Provenance of both), and Groups.
		owners := []int{l.p}
		switch {
		case k == kGroup:
			owners = []int{0, 1}
		case kinds[k].per == nil:
			return
		case k == kCoverage || k == kProvenance:
			owners = append(owners, (l.p+s.cfg.Patients-1)%s.cfg.Patients)
			slices.Sort(owners)
		}
		b := newBuilder(s)
		for _, p := range owners {
			for o := range s.counts[k].of(p) {
				r := s.kept(loc{k, p, o})
				if r == nil {
					r = b.build(loc{k, p, o})
				} else {
					own := *r
					r = &own
				}
				if slices.Contains(r.Patients, patientID) && !yield(r) {
					return
				}
			}
		}
	}
}

// Get returns the resource, computed from its id alone, and whether there is one. The caller owns it. The bytes are
// those that Resources yields.
func (s *Set) Get(typ, id string) (*Resource, bool) {
	l, ok := s.find(typ, id)
	if !ok {
		return nil, false
	}
	if r := s.kept(l); r != nil {
		own := r.clone()
		return &own, true
	}
	return newBuilder(s).build(l), true
}

// Has reports whether the set has the resource, without generating it.
func (s *Set) Has(typ, id string) bool {
	_, ok := s.find(typ, id)
	return ok
}

// find decodes an id. Ids that decode to a place beyond the end of the set belong to deleted resources, or to none.
func (s *Set) find(typ, id string) (loc, bool) {
	k, ok := kindOf(typ)
	if !ok {
		return loc{}, false
	}
	l, ok := s.decode(k, id)
	if !ok || l.p >= s.counts[k].owners || l.o >= s.counts[k].of(l.p) {
		return loc{}, false
	}
	return l, true
}
