package learn

// Parts says what a pass looks at besides rows. What is not looked at need not be read.
type Parts uint8

// Parts of an Entry.
const (
	Patients Parts = 1 << iota
	Refs
	Witnesses
)

// Entry is one resource in a pass, with what was learned beside its row. It is valid until the next one.
type Entry struct {
	// Row is the first line with the resource; nil if the export does not have it.
	Row *Row
	// Copies is the number of lines with it.
	Copies int
	// Patients are the keys of the patients whose compartments it is in.
	Patients []uint64
	// Refs are the references to it.
	Refs []Edge
	// Witnesses are the Provenance resources that have it as a target.
	Witnesses []Witness
}

// Each calls f for every resource of the export, once for each type and id, in no order that means anything.
func (d *Data) Each(with Parts, f func(*Entry)) error {
	return both(d, nil, with, false, func(e, _ *Entry) { f(e) })
}

// EachKnown is Each, also for what is not exported and only referred to or told of by a Provenance; Row is nil then.
func (d *Data) EachKnown(with Parts, f func(*Entry)) error {
	return both(d, nil, with, true, func(e, _ *Entry) { f(e) })
}

// Both calls f for every resource of either export. The entry of an export that does not have it has no Row.
func Both(a, b *Data, with Parts, f func(a, b *Entry)) error { return both(a, b, with, false, f) }

// BothKnown is Both, also for what neither export has and a reference or a Provenance in one of them names.
func BothKnown(a, b *Data, with Parts, f func(a, b *Entry)) error { return both(a, b, with, true, f) }

// slice is one part of all tables of an export.
type slice struct {
	rows      []Row
	members   []member
	edges     []Edge
	witnesses []Witness
	entry     Entry
	patients  []uint64
}

func (s *slice) load(d *Data, n int, with Parts) (err error) {
	if d == nil {
		return nil
	}
	if s.rows, err = d.rows.part(n, s.rows); err != nil {
		return err
	}
	if with&Patients != 0 {
		if s.members, err = d.members.part(n, s.members); err != nil {
			return err
		}
	}
	if with&Refs != 0 {
		if s.edges, err = d.edges.part(n, s.edges); err != nil {
			return err
		}
	}
	if with&Witnesses != 0 {
		s.witnesses, err = d.witnesses.part(n, s.witnesses)
	}
	return err
}

// cursor walks a slice; each table is at the first record that was not passed.
type cursor struct {
	*slice
	row, member, edge, witness int
}

// next returns the smallest key that is left, and whether there is one. Unless all is set, only rows count.
func (c *cursor) next(all bool) (uint64, bool) {
	key, ok := uint64(0), false
	see := func(k uint64) {
		if !ok || k < key {
			key, ok = k, true
		}
	}
	if c.row < len(c.rows) {
		see(c.rows[c.row].Key)
	}
	if all {
		if c.edge < len(c.edges) {
			see(c.edges[c.edge].to)
		}
		if c.witness < len(c.witnesses) {
			see(c.witnesses[c.witness].target)
		}
	}
	return key, ok
}

// take returns everything about the key and moves on.
func (c *cursor) take(key uint64) *Entry {
	e := &c.entry
	*e = Entry{Patients: c.patients[:0]}
	for ; c.row < len(c.rows) && c.rows[c.row].Key <= key; c.row++ {
		if r := &c.rows[c.row]; r.Key == key {
			e.Copies++
			if e.Row == nil || r.Before(e.Row) {
				e.Row = r
			}
		}
	}
	for ; c.member < len(c.members) && c.members[c.member].resource <= key; c.member++ {
		if m := c.members[c.member]; m.resource == key {
			e.Patients = append(e.Patients, m.patient)
		}
	}
	c.patients = e.Patients
	e.Refs = span(c.edges, &c.edge, key, func(e *Edge) uint64 { return e.to })
	e.Witnesses = span(c.witnesses, &c.witness, key, func(w *Witness) uint64 { return w.target })
	return e
}

// span returns the records with the key and moves at behind them.
func span[R any](list []R, at *int, key uint64, keyOf func(*R) uint64) []R {
	for *at < len(list) && keyOf(&list[*at]) < key {
		*at++
	}
	from := *at
	for *at < len(list) && keyOf(&list[*at]) == key {
		*at++
	}
	return list[from:*at]
}

// isFlat reports whether all tables are in memory, so that a pass needs no parts.
func (d *Data) isFlat() bool {
	return d == nil || d.rows.isFlat() && d.edges.isFlat() && d.members.isFlat() && d.witnesses.isFlat()
}

func both(a, b *Data, with Parts, all bool, f func(a, b *Entry)) error {
	var x, y slice
	from, to := 0, partitions
	if a.isFlat() && b.isFlat() {
		from, to = everyPart, 0
	}
	for n := from; n < to; n++ {
		if err := x.load(a, n, with); err != nil {
			return err
		}
		if err := y.load(b, n, with); err != nil {
			return err
		}
		cx, cy := cursor{slice: &x}, cursor{slice: &y}
		for {
			key, ok := cx.next(all)
			if k, more := cy.next(all); more && (!ok || k < key) {
				key, ok = k, true
			}
			if !ok {
				break
			}
			f(cx.take(key), cy.take(key))
		}
	}
	return nil
}

// Has returns which of the keys the export has.
func (d *Data) Has(keys map[uint64]bool) (map[uint64]bool, error) {
	out := map[uint64]bool{}
	err := d.Each(0, func(e *Entry) {
		if keys[e.Row.Key] {
			out[e.Row.Key] = true
		}
	})
	return out, err
}
