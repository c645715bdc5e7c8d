package dataset

import (
	"iter"
	"time"
)

// Deletion is a resource that existed once and was deleted: it is in manifest.deleted when _since is before When, and
// never in an output file.
type Deletion struct {
	Type, ID string
	When     time.Time
	// Patient is the id of the patient whose compartment the resource was in, or "". It may be the deleted resource
	// itself.
	Patient string
}

// deletedKinds says what was deleted from the records of successive patients; kindCount stands for nothing.
var deletedKinds = []kindID{kindCount, kObservation, kindCount, kCondition, kEncounter}

// Deletions yields what was deleted before Epoch, in a fixed order that is not the order of When: something of three
// patients in five, one Practitioner, and one Patient per hundred with nothing left but the deletion.
func (s *Set) Deletions() iter.Seq[Deletion] {
	return func(yield func(Deletion) bool) {
		n := s.cfg.Patients
		for p := range n {
			k := deletedKinds[p%len(deletedKinds)]
			if k != kindCount && !yield(s.deletion(loc{k, p, deletedFirst + p%7}, p)) {
				return
			}
		}
		for p := n; p < n+1+n/100; p++ {
			if !yield(s.deletion(loc{k: kPatient, p: p}, p)) {
				return
			}
		}
		yield(s.deletion(loc{k: kPractitioner, p: 0, o: deletedFirst}, -1))
	}
}

func (s *Set) deletion(l loc, p int) Deletion {
	r := rng{mix(s.cfg.Seed, 0xDE1E7E, uint64(l.k), uint64(l.p), uint64(l.o))}
	d := Deletion{Type: kinds[l.k].name, ID: s.id(l), When: updated(&r, firstUpdate).Truncate(time.Millisecond)}
	if p >= 0 {
		d.Patient = s.id(loc{k: kPatient, p: p})
	}
	return d
}
