package dataset

import (
	"slices"
	"sync"
)

// cachedPatients is up to how many patients a set keeps the resources it has made: a conformance run exports the same few
// patients twenty times over. Larger sets are computed each time, so that memory does not depend on their size.
const cachedPatients = 64

// cache holds the resources of a small set, by kind, once they were asked for.
type cache [kindCount]struct {
	once  sync.Once
	list  []Resource
	first []int // index of the first resource of an owner
}

// kept returns the resource at l, or nil where the set is too large to keep any. It is shared: do not modify it.
func (s *Set) kept(l loc) *Resource {
	list, first := s.all(l.k)
	if list == nil {
		return nil
	}
	return &list[first[l.p]+l.o]
}

// all returns every resource of a kind and where each owner's begin; nil where the set is too large.
func (s *Set) all(k kindID) (list []Resource, first []int) {
	if s.cfg.Patients > cachedPatients {
		return nil, nil
	}
	c := &s.cache[k]
	c.once.Do(func() {
		shape := &s.counts[k]
		c.list, c.first = make([]Resource, 0, shape.total()), make([]int, shape.owners)
		b := newBuilder(s)
		for p := range shape.owners {
			c.first[p] = len(c.list)
			for o := range shape.of(p) {
				c.list = append(c.list, b.build(loc{k, p, o}).clone())
			}
		}
	})
	return c.list, c.first
}

// clone returns a copy that shares nothing with the builder.
func (r *Resource) clone() Resource {
	c := *r
	c.JSON, c.Refs, c.Patients = slices.Clone(r.JSON), slices.Clone(r.Refs), slices.Clone(r.Patients)
	if r.Provenance != nil {
		p := *r.Provenance
		p.Targets = slices.Clone(p.Targets)
		for i := range p.Targets {
			p.Targets[i].Patients = slices.Clone(p.Targets[i].Patients)
		}
		c.Provenance = &p
	}
	return c
}
