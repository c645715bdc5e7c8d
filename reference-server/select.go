package refserver

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// selection decides which resources an export holds. It keeps nothing per resource: whether one is in
// follows from the resource and the request alone, so a selection of millions needs no memory, and a file
// can be generated again at any time, to the byte.
type selection struct {
	set *dataset.Set
	ex  *Export
	at  time.Time // transactionTime: nothing later is exported
	// types may be exported: those of the level that the token covers, before _type.
	types []string
	// lost is a type that a rehearsal loses, "" if none.
	lost     string
	filters  map[string][]TypeFilter
	patients map[string]bool // of the patient parameter, nil without it
	// few lists the patients of the export if there are few and they are known beforehand: then their
	// records are looked up instead of looked for.
	few  []string
	keep func(r *dataset.Resource, include bool) bool
}

func newSelection(set *dataset.Set, ex *Export, at time.Time, types []string, keep func(*dataset.Resource, bool) bool) *selection {
	s := &selection{set: set, ex: ex, at: at, types: types, keep: keep, filters: map[string][]TypeFilter{}}
	for _, t := range types {
		if f := ex.filtersFor(t); len(f) > 0 {
			s.filters[t] = f
		}
	}
	if ex.Patients != nil {
		s.patients = map[string]bool{}
		for _, id := range ex.Patients {
			s.patients[id] = true
		}
	}
	s.few = s.findFew()
	return s
}

// fewPatients bounds selection.few. Looking a record up costs about as much as passing over one, and the
// smallest set worth the trouble is much larger.
const fewPatients = 200

// findFew lists the patients of a group export or of the patient parameter, nil if there are many.
func (s *selection) findFew() []string {
	if s.ex.Level == SystemLevel || s.keep != nil || s.patients == nil && s.ex.Level != GroupLevel {
		return nil
	}
	out := []string{}
	candidates := slices.Values(s.ex.Patients)
	if s.patients == nil {
		candidates = s.set.Members(memberGroup(s.ex.Group))
	}
	for id := range candidates {
		if len(out) == fewPatients {
			return nil
		}
		if s.covers(id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// wants tells whether resources of a type can be in the export at all.
func (s *selection) wants(typ string) bool {
	if !slices.Contains(s.types, typ) || typ == s.lost {
		return false
	}
	if typ == "Provenance" && s.ex.Associated != "" {
		return true
	}
	return s.ex.Types == nil || slices.Contains(s.ex.Types, typ)
}

// exportTypes lists the types that can be in the export, in export order.
func (s *selection) exportTypes() []string {
	if s.keep != nil {
		return s.set.Types() // a fault may keep anything
	}
	var out []string
	for _, t := range s.types {
		if s.wants(t) {
			out = append(out, t)
		}
	}
	return out
}

// includes is the decision about one resource, hooks included.
func (s *selection) includes(r *dataset.Resource) bool {
	include := s.conforming(r)
	if s.keep != nil {
		return s.keep(r, include)
	}
	return include
}

// conforming follows the processing model of 3.0.0 export.html#processing-model: authorization, group,
// _type, _since, _typeFilter, then associated data. Nothing is added for context.
func (s *selection) conforming(r *dataset.Resource) bool {
	if !s.wants(r.Type) {
		return false
	}
	if r.Type == "Provenance" && s.ex.Associated != "" {
		return s.associated(r)
	}
	return s.primary(r)
}

// primary decides without regard to includeAssociatedData.
func (s *selection) primary(r *dataset.Resource) bool {
	switch {
	case r.LastUpdated.After(s.at):
		return false
	case !s.ex.Since.IsZero() && !r.LastUpdated.After(s.ex.Since):
		return false
	case !s.ex.Until.IsZero() && !r.LastUpdated.Before(s.ex.Until):
		return false
	case !s.inCompartment(r):
		return false
	}
	filters := s.filters[r.Type]
	if len(filters) == 0 {
		return true
	}
	for _, f := range filters {
		if f.Matches(r.JSON) {
			return true
		}
	}
	return false
}

// inCompartment tells whether a resource belongs to a patient of the export; at the system level all do.
func (s *selection) inCompartment(r *dataset.Resource) bool {
	if s.ex.Level == SystemLevel {
		return true
	}
	if slices.ContainsFunc(r.Patients, s.covers) {
		return true
	}
	if r.Provenance != nil {
		// A Provenance comes along with what it is about (3.0.0 export.html, "includeAssociatedValue"), though
		// the compartment definition only knows those about the patient as such.
		for _, t := range r.Provenance.Targets {
			if slices.ContainsFunc(t.Patients, s.covers) {
				return true
			}
		}
	}
	return false
}

// covers tells whether a patient is one of the export's.
func (s *selection) covers(patient string) bool {
	if s.patients != nil && !s.patients[patient] {
		return false
	}
	return s.ex.Level != GroupLevel || s.set.IsMember(memberGroup(s.ex.Group), patient)
}

// associated tells whether a Provenance is about a returned resource, and the latest one if only that is
// asked for. Nothing but its own date of change limits it: _since and _typeFilter are about the
// resources it accompanies.
func (s *selection) associated(r *dataset.Resource) bool {
	if r.Provenance == nil || r.LastUpdated.After(s.at) {
		return false
	}
	for _, t := range r.Provenance.Targets {
		if s.ex.Associated == LatestProvenance && !t.Latest {
			continue
		}
		typ, id, _ := strings.Cut(t.Ref, "/")
		if typ == "Provenance" || !s.wants(typ) {
			continue
		}
		if target, ok := s.set.Get(typ, id); ok && s.primary(target) {
			return true
		}
	}
	return false
}

// count returns how many resources of a type are in the export. It generates none if all are.
func (s *selection) count(ctx context.Context, typ string) (int, error) {
	if s.whole(typ) {
		return s.set.Count(typ), nil
	}
	n := 0
	for range s.resources(ctx, typ) {
		n++
	}
	return n, ctx.Err()
}

// whole tells without looking that every resource of a type is in the export: nothing filters, and none
// can be newer than the transaction time.
func (s *selection) whole(typ string) bool {
	switch {
	case s.keep != nil, s.at.Before(dataset.Epoch), !s.ex.Since.IsZero(), !s.ex.Until.IsZero(), len(s.filters[typ]) > 0:
		return false
	case !s.wants(typ), typ == "Provenance" && s.ex.Associated != "":
		return false
	}
	// Every resource of a compartment type is in some patient's compartment, but for Provenance; a test
	// holds the dataset to that.
	return s.ex.Level == SystemLevel || s.ex.Level == PatientLevel && s.patients == nil && typ != "Provenance"
}

// resources yields what is in the export of a type, until ctx ends.
func (s *selection) resources(ctx context.Context, typ string) iter.Seq[*dataset.Resource] {
	candidates := s.set.Resources(typ)
	if s.few != nil {
		candidates = s.records(typ)
	}
	return func(yield func(*dataset.Resource) bool) {
		for r := range candidates {
			if gone(ctx) {
				return
			}
			if s.includes(r) && !yield(r) {
				return
			}
		}
	}
}

// records yields what there is of a type about the few patients, each resource once: with the first of
// them that it belongs to.
func (s *selection) records(typ string) iter.Seq[*dataset.Resource] {
	if typ == "Provenance" {
		return s.provenances()
	}
	return func(yield func(*dataset.Resource) bool) {
		for i, patient := range s.few {
			for r := range s.set.ResourcesOf(typ, patient) {
				earlier := slices.ContainsFunc(r.Patients, func(id string) bool { return slices.Contains(s.few[:i], id) })
				if !earlier && !yield(r) {
					return
				}
			}
		}
	}
}

// provenances yields the Provenance about anything in the compartments of the few patients.
func (s *selection) provenances() iter.Seq[*dataset.Resource] {
	return func(yield func(*dataset.Resource) bool) {
		seen := map[string]bool{}
		for _, patient := range s.few {
			for _, typ := range compartmentTypes {
				if typ == "Provenance" {
					continue
				}
				for target := range s.set.ResourcesOf(typ, patient) {
					for _, ref := range s.set.ProvenancesOf(typ, target.ID) {
						if seen[ref.ID] {
							continue
						}
						seen[ref.ID] = true
						if r, ok := s.set.Get("Provenance", ref.ID); ok && !yield(r) {
							return
						}
					}
				}
			}
		}
	}
}

// deletions yields the deletions that match the request: after _since, of its types and patients. What a
// deleted resource held is not known any more, so _typeFilter cannot speak for it; its deletion is
// reported, since a client that never had it loses nothing.
func (s *selection) deletions(ctx context.Context) iter.Seq[dataset.Deletion] {
	return func(yield func(dataset.Deletion) bool) {
		for d := range s.set.Deletions() {
			if gone(ctx) {
				return
			}
			if s.includesDeletion(d) && !yield(d) {
				return
			}
		}
	}
}

func (s *selection) includesDeletion(d dataset.Deletion) bool {
	switch {
	case s.ex.Since.IsZero() || !d.When.After(s.ex.Since) || d.When.After(s.at):
		return false
	case !s.ex.Until.IsZero() && !d.When.Before(s.ex.Until):
		return false
	case !slices.Contains(s.types, d.Type) || s.ex.Types != nil && !slices.Contains(s.ex.Types, d.Type):
		return false
	}
	return s.ex.Level == SystemLevel || d.Patient != "" && s.covers(d.Patient)
}
