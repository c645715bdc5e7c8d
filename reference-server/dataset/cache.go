package dataset

import (
	"bytes"
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

// A self-test starts hundreds of servers with one dataset, which differ in nothing but their address.
const (
	templateBase = "http://template.bulkproof.invalid"
	maxTemplates = 4
)

var templates struct {
	sync.Mutex
	sets map[Config]*Set
}

// template returns the set that cfg describes at templateBase; nil if there are too many already.
func template(cfg Config) *Set {
	cfg.BaseURL = templateBase
	templates.Lock()
	defer templates.Unlock()
	if t := templates.sets[cfg]; t != nil {
		return t
	}
	if len(templates.sets) == maxTemplates {
		return nil
	}
	t, err := New(cfg)
	if err != nil {
		return nil
	}
	if templates.sets == nil {
		templates.sets = map[Config]*Set{}
	}
	templates.sets[cfg] = t
	return t
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
		if t := template(s.cfg); t != nil && t != s {
			made, first := t.all(k)
			c.list, c.first = slices.Clone(made), first
			for i := range c.list {
				if r := &c.list[i]; bytes.Contains(r.JSON, []byte(templateBase)) {
					r.JSON = bytes.ReplaceAll(r.JSON, []byte(templateBase), []byte(s.cfg.BaseURL))
				}
			}
			return
		}
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
