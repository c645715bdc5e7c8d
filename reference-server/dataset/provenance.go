package dataset

import (
	"slices"
	"time"
)

// Provenance is what includeAssociatedData needs to know of a Provenance resource.
type Provenance struct {
	Recorded time.Time
	Targets  []Target
}

// Target is one target of a Provenance.
type Target struct {
	// Ref is "Type/id".
	Ref string
	// Patients lists the ids of the patients whose compartment the target is in. The Provenance itself is in a
	// compartment only through targets of type Patient.
	Patients []string
	// Latest says that no other Provenance of this target was recorded later. There are no ties.
	Latest bool
}

// ProvenanceRef is a Provenance seen from one of its targets.
type ProvenanceRef struct {
	ID       string
	Recorded time.Time
	Latest   bool
}

// ProvenancesOf returns the Provenance resources that have the given resource among their targets, oldest first,
// without generating them; none if it has none or does not exist. Most resources have none, some have one, the first
// Observation and the first Condition of many patients have two.
func (s *Set) ProvenancesOf(typ, id string) []ProvenanceRef {
	l, ok := s.find(typ, id)
	if !ok {
		return nil
	}
	found := s.provenancesOf(l)
	list := make([]ProvenanceRef, len(found))
	for i, f := range found {
		list[i] = ProvenanceRef{s.id(f), s.recorded(f).in(time.UTC), i == len(found)-1}
	}
	return list
}

// provenancesOf returns where the Provenances of a target are, oldest first.
func (s *Set) provenancesOf(target loc) (found []loc) {
	look := func(p int) {
		for o := range s.counts[kProvenance].of(p) {
			l := loc{kProvenance, p, o}
			if targets, n := s.targets(l); slices.Contains(targets[:n], target) {
				found = append(found, l)
			}
		}
	}
	switch {
	case target.k == kPractitioner:
		every := s.counts[kPractitioner].owners
		for p := 3 * target.p; p < s.cfg.Patients; p += 3 * every {
			look(p)
		}
	case kinds[target.k].per != nil:
		look(target.p)
		if target.k == kPatient {
			look((target.p + s.cfg.Patients - 1) % s.cfg.Patients)
		}
	}
	slices.SortFunc(found, func(a, b loc) int { return int(s.recorded(a) - s.recorded(b)) })
	return found
}

// targets returns the targets of the Provenance at l, of which there are n. Only resources that are in no compartment
// but their own patient's may be targets, see Target.Patients.
func (s *Set) targets(l loc) (targets [2]loc, n int) {
	one := func(k kindID, p int) ([2]loc, int) { return [2]loc{{k: k, p: p}}, 1 }
	switch l.o {
	case 0:
		// The record of one patient in ten was split off from another's: one Provenance for both.
		if l.p%10 == 3 {
			return [2]loc{{k: kPatient, p: l.p}, {k: kPatient, p: (l.p + 1) % s.cfg.Patients}}, 2
		}
		return one(kPatient, l.p)
	case 1, 2:
		return one(kObservation, l.p)
	case 3:
		return [2]loc{{k: kCondition, p: l.p}, {k: kEncounter, p: l.p}}, 2
	case 4:
		// Outside every compartment: only a system level export has it by default.
		if l.p%3 == 0 {
			return one(kPractitioner, l.p/3%s.counts[kPractitioner].owners)
		}
		return one(kDocument, l.p)
	case 5:
		return one(kCondition, l.p)
	default:
		return one(kPatient, l.p)
	}
}

// recorded returns when the Provenance at l was recorded: up to three years after the patient's first visit. The
// last three bits are the ordinal's, which rules out ties within a patient; the bits above them are the
// patient's, which keeps those of a shared target apart.
func (s *Set) recorded(l loc) moment {
	_, from := s.visit(l.p, 0)
	to := min(from+3*365*day, date(2025, 11, 1))
	at := from + moment(mix(s.cfg.Seed, 0x4EC04D, uint64(l.p), uint64(l.o))%uint64(to-from))
	return at&^0xFF | moment(l.p/3&0x1F)<<3 | moment(l.o)
}

// provenance writes a Provenance.
func (b *builder) provenance() {
	at := b.s.recorded(b.l)
	targets, n := b.s.targets(b.l)
	b.prov.Recorded = at.in(time.UTC)
	b.start(at, "us-core-provenance")
	b.list("target")
	for _, t := range targets[:n] {
		target := Target{Ref: kinds[t.k].name + "/" + b.s.id(t)}
		if t.k == kPatient {
			b.subject("", t.p)
		} else {
			b.ref("", t)
		}
		if kinds[t.k].per != nil {
			target.Patients = []string{b.s.id(loc{k: kPatient, p: t.p})}
		}
		all := b.s.provenancesOf(t)
		target.Latest = all[len(all)-1] == b.l
		b.prov.Targets = append(b.prov.Targets, target)
	}
	b.endList()
	b.instant("recorded", at)
	org := b.s.organizationOf(b.l.p)
	doctor := b.s.practitionerOf(b.l.p)
	b.list("agent")
	b.open("")
	b.concept("type", agentAuthor)
	b.ref("who", doctor)
	b.ref("onBehalfOf", org)
	b.end()
	if b.l.o%2 == 1 {
		b.open("")
		b.concept("type", agentTransmitter)
		b.ref("who", org)
		b.end()
	}
	b.endList()
	b.end()
}
