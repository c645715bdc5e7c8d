package learn

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bulkproof/bulkproof/checks/session"
)

// TypeFacts is what was learned of the resources of one type in one export.
type TypeFacts struct {
	Type     string
	Count    int64
	Dated    int64 // with meta.lastUpdated
	Elements uint64
	values   map[uint16]int64 // resources by facet and value

	ids     sample // of the resources
	targets sample // of the type's resources that others refer to, whether exported or not
}

func newTypeFacts(typ string) *TypeFacts {
	return &TypeFacts{Type: typ, values: map[uint16]int64{}, ids: sample{k: sampledIDs}, targets: sample{k: sampledTargets}}
}

const (
	sampledTargets = 64
	sampledIDs     = 256
	keptTimes      = 2048 // of each file, at least half as many once it has them
	rowsInMemory   = 1 << 15
)

// Data is what was learned of one export. It does not change any more once it is returned.
type Data struct {
	Export *session.Export
	Files  []*session.File
	// Incomplete says why not every line was learned; "" if all were. What is missing cannot be judged then.
	Incomplete string
	// Resources is the number of lines with a resource.
	Resources int64
	// Words numbers types, elements and values, for all exports of the session.
	Words *Vocabulary

	base     string
	mu       sync.Mutex // until Done
	types    map[string]*TypeFacts
	patients []uint64
	times    [][]int64 // by file until Done
	all      []int64
	forms    [forms]int64
	deleted  map[uint64]bool
	unusable int64
	ready    bool

	rows      table[Row, *Row]
	edges     table[Edge, *Edge]
	members   table[member, *member]
	witnesses table[Witness, *Witness]
}

// Attach lets the session learn from every export whose files are read from now on. Further calls do nothing.
func Attach(s *session.Session) {
	session.Shared(s, "learn", func(context.Context) bool {
		words := newVocabulary()
		s.Collect(func(ex *session.Export) session.Collector {
			d := newData(s, ex, words)
			context.AfterFunc(s.Context(), d.close)
			return d
		})
		return true
	})
}

func newData(s *session.Session, ex *session.Export, words *Vocabulary) *Data {
	d := &Data{Export: ex, Words: words, types: map[string]*TypeFacts{}, base: s.Config().BaseURL + "/"}
	d.rows.limit, d.edges.limit, d.members.limit, d.witnesses.limit = rowsInMemory, 2*rowsInMemory, rowsInMemory, rowsInMemory
	return d
}

func (d *Data) close() {
	d.rows.close()
	d.edges.close()
	d.members.close()
	d.witnesses.close()
}

// Of returns what was learned of a completed export; its files are read if they were not yet. Where nothing could be
// learned, Incomplete says why and there are no resources.
func Of(s *session.Session, ex *session.Export) *Data {
	Attach(s)
	fs := s.Files(ex)
	if d, ok := fs.Collected.(*Data); ok && d.ready {
		return d
	}
	why := fs.Reason
	if why == "" {
		why = "the files were read before anything was learned from them"
	}
	return &Data{Export: ex, Files: fs.Files, Incomplete: why, Words: newVocabulary(), types: map[string]*TypeFacts{}, ready: true}
}

// Done is called when all files were read.
func (d *Data) Done(fs *session.FileSet) {
	d.Files = fs.Files
	for _, f := range fs.Kind("output") {
		if !f.Read && d.Incomplete == "" {
			d.Incomplete = fmt.Sprintf("%s was not read: %s", f.Item.Name(), f.Reason)
		}
	}
	for _, f := range fs.Kind("output") {
		if n := f.Item.Count; f.Read && n != nil && *n != f.Summary.Lines && d.Incomplete == "" {
			d.Incomplete = fmt.Sprintf("the manifest says that %s has %d resources, and it has %d lines", f.Item.Name(), *n, f.Summary.Lines)
		}
	}
	if d.unusable > 0 && d.Incomplete == "" {
		d.Incomplete = fmt.Sprintf("%d lines are no resources with a type and an id", d.unusable)
	}
	slices.Sort(d.patients)
	d.patients = slices.Compact(d.patients)
	for _, list := range d.times {
		d.all = append(d.all, list...)
	}
	d.times = nil
	slices.Sort(d.all)
	for _, t := range d.types {
		t.ids.trim()
		t.targets.trim()
	}
	d.ready = true
}

// Types returns the types of the resources, sorted.
func (d *Data) Types() []string {
	var out []string
	for t, f := range d.types {
		if f.Count > 0 {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// Type returns what was learned of a type; all zero if there is nothing of it.
func (d *Data) Type(typ string) *TypeFacts {
	if f := d.types[typ]; f != nil {
		return f
	}
	return newTypeFacts(typ)
}

// Count returns the number of resources of a type.
func (d *Data) Count(typ string) int64 { return d.Type(typ).Count }

// Patients returns the number of different Patient resources.
func (d *Data) Patients() int { return len(d.patients) }

// HasPatient reports whether the Patient with that key is in the export.
func (d *Data) HasPatient(key uint64) bool {
	_, ok := slices.BinarySearch(d.patients, key)
	return ok
}

// Deleted returns the keys of what the deleted files of the export name, and whether there are any.
func (d *Data) Deleted() (map[uint64]bool, bool) { return d.deleted, len(d.deleted) > 0 }

// IDs returns up to 256 ids of the type's resources: all of them where there are no more. The choice is the same in every
// run over the same data.
func (d *Data) IDs(typ string) []string { return d.Type(typ).ids.texts() }

// Referenced returns ids of the type's resources that exported resources refer to, chosen like IDs, whether they are
// exported or not.
func (d *Data) Referenced(typ string) []string {
	if f := d.types[typ]; f != nil {
		return f.targets.texts()
	}
	return nil
}

// ReferencedTypes returns the types that exported resources refer to, sorted.
func (d *Data) ReferencedTypes() []string {
	var out []string
	for t, f := range d.types {
		if len(f.targets.list) > 0 && t != furtherTypes {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// Dated returns the number of resources with meta.lastUpdated.
func (d *Data) Dated() int64 {
	var n int64
	for _, f := range d.types {
		n += f.Dated
	}
	return n
}

// Times returns values of meta.lastUpdated in ascending order, in nanoseconds since 1970: all of them, or in files of many
// resources an even selection.
func (d *Data) Times() []int64 { return d.all }

// References says how references are written: relative, absolute below the base, below another base, and as an id alone.
func (d *Data) References() (relative, absolute, foreign, bare int64) {
	return d.forms[formRelative], d.forms[formAbsolute], d.forms[formForeign], d.forms[formBare]
}

// At returns evidence for a row.
func (d *Data) At(r *Row) session.Evidence {
	if r.File() >= len(d.Files) {
		return session.Evidence{}
	}
	e := d.Files[r.File()].At()
	e.Line = r.Line()
	return e
}

// Place names a row for people: "line 12 of output[3] Patient".
func (d *Data) Place(r *Row) string {
	if r.File() >= len(d.Files) {
		return "an unknown place"
	}
	return fmt.Sprintf("line %d of %s", r.Line(), d.Files[r.File()].Item.Name())
}

// TypeOf returns the type of a row.
func (d *Data) TypeOf(r *Row) string { return d.Words.name(r.typ()) }

// From returns the type of the resource that refers.
func (d *Data) From(e *Edge) string { return d.Words.name(e.from()) }

// Facts returns what was learned in sentences, with where it comes from.
func (d *Data) Facts() []session.Fact {
	source := "output files of the export (" + d.Export.Scenario.String() + ")"
	fact := func(name, value string) session.Fact {
		return session.Fact{Name: name, Value: value, Provenance: session.Probed, Source: source}
	}
	out := []session.Fact{
		fact("resources", fmt.Sprintf("%d of %d types", d.Resources, len(d.Types()))),
		fact("patients", fmt.Sprint(d.Patients())),
	}
	if n := len(d.all); n > 0 {
		out = append(out, fact("lastUpdated", fmt.Sprintf("%d of %d resources, %s to %s", d.Dated(), d.Resources, Instant(d.all[0]), Instant(d.all[n-1]))))
	} else {
		out = append(out, fact("lastUpdated", "unknown: no resource has meta.lastUpdated"))
	}
	relative, absolute, foreign, bare := d.References()
	return append(out, fact("references", fmt.Sprintf("%d relative, %d absolute below the base, %d elsewhere, %d ids alone", relative, absolute, foreign, bare)))
}
