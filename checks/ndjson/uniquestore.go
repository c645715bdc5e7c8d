package ndjson

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// store keeps notes in partitions: a buffer each, and extents of one temporary file where buffers overflowed.
type store struct {
	part  [partitions]partition
	limit int // bytes a buffer may have
	shift int // bits of the hash that are used up already
	file  *tempFile
	end   int64
}

type partition struct {
	buf     []byte
	extents []extent
}

type extent struct{ off, n int64 }

func (s *store) add(create func() (*tempFile, error), n note) error {
	p := &s.part[n.hash<<s.shift>>(64-partitionBits)]
	if len(p.buf)+maxNote > s.limit {
		if err := s.spill(create, p); err != nil {
			return err
		}
	}
	if p.buf == nil {
		p.buf = make([]byte, 0, min(minPartition, s.limit))
	}
	p.buf = n.append(p.buf)
	return nil
}

func (s *store) spill(create func() (*tempFile, error), p *partition) error {
	if s.file == nil {
		f, err := create()
		if err != nil {
			return err
		}
		s.file = f
	}
	if _, err := s.file.WriteAt(p.buf, s.end); err != nil {
		return fmt.Errorf("writing the temporary file %s: %w", s.file.Name(), err)
	}
	p.extents = append(p.extents, extent{s.end, int64(len(p.buf))})
	s.end += int64(len(p.buf))
	p.buf = p.buf[:0]
	return nil
}

func (s *store) close() error {
	for i := range s.part {
		s.part[i] = partition{}
	}
	f := s.file
	s.file = nil
	return f.close()
}

// each calls f for the notes of a partition in the order in which they were added.
func (s *store) each(i int, scratch []byte, f func(*note) error) error {
	p := &s.part[i]
	var n note
	all := func(b []byte) error {
		for len(b) > 0 {
			w := n.parse(b)
			if w == 0 {
				return fmt.Errorf("the temporary file %s was damaged", s.file.Name())
			}
			if err := f(&n); err != nil {
				return err
			}
			b = b[w:]
		}
		return nil
	}
	for _, e := range p.extents { // each is a buffer written whole, so it holds whole notes
		b := scratch[:e.n]
		if _, err := s.file.ReadAt(b, e.off); err != nil {
			return fmt.Errorf("reading the temporary file %s: %w", s.file.Name(), err)
		}
		if err := all(b); err != nil {
			return err
		}
	}
	return all(p.buf)
}

// tempFile is a file that is gone when it is closed.
type tempFile struct {
	*os.File
	gone bool
}

func newTempFile(dir string) (*tempFile, error) {
	f, err := os.CreateTemp(dir, "bulkproof-unique-*")
	if err != nil {
		return nil, err
	}
	// Where an open file can be removed nothing is left behind even if the process is killed.
	return &tempFile{f, os.Remove(f.Name()) == nil}, nil
}

func (f *tempFile) close() error {
	if f == nil {
		return nil
	}
	err := f.Close()
	if !f.gone {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// uniqueReport looks for notes with the same key.
type uniqueReport struct {
	u       *Unique
	ctx     context.Context
	found   doubles
	types   []string
	table   table
	scratch []byte
}

// part examines one partition. bits of the hash are the same for all its notes.
func (r *uniqueReport) part(s *store, i, bits int) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.scratch == nil {
		r.scratch = make([]byte, s.limit)
	}
	r.table.reset()
	again := false
	err := s.each(i, r.scratch, func(n *note) error {
		again = r.table.note(n) || again
		if r.table.size() > r.u.mem/4 {
			return errTooMany
		}
		return nil
	})
	if err == errTooMany {
		return r.divide(s, i, bits)
	}
	if err != nil || !again {
		return err
	}
	return s.each(i, r.scratch, func(n *note) error {
		e := r.table.find(n.hash, n.key)
		if e.place == n.place {
			return nil
		}
		return r.found.add(double{
			place: n.place, first: e.place, offset: n.offset, typ: r.typ(n.key), identical: e.content == n.content,
		})
	})
}

var errTooMany = fmt.Errorf("too many different keys")

// divide spreads a partition that does not fit into memory over partitions of its own.
func (r *uniqueReport) divide(s *store, i, bits int) error {
	r.table.reset()
	sub := store{limit: max(s.limit/8, minPartition), shift: bits}
	defer sub.close()
	if bits+partitionBits > 64 {
		return fmt.Errorf("more than %d bytes of different ids have one hash", r.u.mem/4)
	}
	err := s.each(i, r.scratch, func(n *note) error { return sub.add(r.u.create, *n) })
	if err != nil {
		return err
	}
	for k := range sub.part {
		if err := r.part(&sub, k, bits+partitionBits); err != nil {
			return err
		}
	}
	return nil
}

// typ returns the number of the key's type in r.types.
func (r *uniqueReport) typ(key []byte) uint32 {
	typ, _, _ := bytes.Cut(key, []byte{'/'})
	if len(r.types) == 0 {
		r.types = append(r.types, "")
	}
	i := slices.IndexFunc(r.types, func(t string) bool { return t == string(typ) })
	switch {
	case i >= 0:
	case len(r.types) > maxTypes || !typeName(string(typ)):
		i = 0
	default:
		i = len(r.types)
		r.types = append(r.types, string(typ))
	}
	return uint32(i)
}

// table is a hash table of the different keys of a partition and the first place of each.
type table struct {
	slots   []uint32 // index into entries plus 1, 0 if free
	entries []tableEntry
	keys    []byte
}

type tableEntry struct {
	hash, content, place uint64
	key                  uint32
	keyLen               uint16
}

// tableEntrySize is an entry and the at most four slots there are for it.
const tableEntrySize = 32 + 4*4

func (t *table) size() int64 { return int64(len(t.entries))*tableEntrySize + int64(len(t.keys)) }

func (t *table) reset() {
	clear(t.slots)
	t.entries, t.keys = t.entries[:0], t.keys[:0]
}

// slot returns where the key is or belongs. The upper bits of the hash are the same in a partition.
func (t *table) slot(hash uint64, key []byte) int {
	mask := len(t.slots) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		k := t.slots[i]
		if k == 0 {
			return i
		}
		if e := &t.entries[k-1]; e.hash == hash && bytes.Equal(t.keys[e.key:][:e.keyLen], key) {
			return i
		}
	}
}

func (t *table) find(hash uint64, key []byte) *tableEntry {
	return &t.entries[t.slots[t.slot(hash, key)]-1]
}

// note enters n and reports whether its key was there already.
func (t *table) note(n *note) bool {
	if 2*len(t.entries) >= len(t.slots) {
		t.slots = make([]uint32, max(1024, 2*len(t.slots)))
		for i := range t.entries {
			e := &t.entries[i]
			t.slots[t.slot(e.hash, t.keys[e.key:][:e.keyLen])] = uint32(i + 1)
		}
	}
	i := t.slot(n.hash, n.key)
	if k := t.slots[i]; k != 0 {
		if e := &t.entries[k-1]; n.place < e.place { // scans ran at the same time
			e.place, e.content = n.place, n.content
		}
		return true
	}
	t.entries = append(t.entries, tableEntry{hash: n.hash, content: n.content, place: n.place, key: uint32(len(t.keys)), keyLen: uint16(len(n.key))})
	t.keys = append(t.keys, n.key...)
	t.slots[i] = uint32(len(t.entries))
	return false
}

// doubles sorts what was found by place, on disk if there is much of it.
type doubles struct {
	u     *Unique
	limit int // that may be in memory
	list  []double
	file  *tempFile
	runs  []extent
	end   int64
}

const doubleSize = 32

func (d *doubles) add(x double) error {
	if len(d.list) >= d.limit {
		if err := d.spill(); err != nil {
			return err
		}
	}
	d.list = append(d.list, x)
	return nil
}

func (d *doubles) sort() {
	slices.SortFunc(d.list, func(a, b double) int { return cmp.Compare(a.place, b.place) })
}

// spill writes a sorted run.
func (d *doubles) spill() error {
	d.sort()
	if d.file == nil {
		f, err := d.u.create()
		if err != nil {
			return err
		}
		d.file = f
	}
	b := make([]byte, 0, len(d.list)*doubleSize)
	for i := range d.list {
		b = d.list[i].append(b)
	}
	if _, err := d.file.WriteAt(b, d.end); err != nil {
		return fmt.Errorf("writing the temporary file %s: %w", d.file.Name(), err)
	}
	d.runs = append(d.runs, extent{d.end, int64(len(b))})
	d.end += int64(len(b))
	d.list = d.list[:0]
	return nil
}

func (x *double) append(b []byte) []byte {
	typ := uint64(x.typ) << 1
	if x.identical {
		typ |= 1
	}
	for _, v := range []uint64{x.place, x.first, x.offset, typ} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func (x *double) parse(b []byte) {
	u := binary.LittleEndian.Uint64
	typ := u(b[24:])
	*x = double{place: u(b), first: u(b[8:]), offset: u(b[16:]), typ: uint32(typ >> 1), identical: typ&1 != 0}
}

func (d *doubles) close() { d.file.close() }

// each calls f for all in the order of their places.
func (d *doubles) each(f func(double) error) error {
	d.sort()
	if len(d.runs) == 0 {
		for _, x := range d.list {
			if err := f(x); err != nil {
				return err
			}
		}
		return nil
	}
	if err := d.spill(); err != nil {
		return err
	}
	d.list = nil
	size := min(max(int(d.u.mem)/4/len(d.runs)/doubleSize, 4)*doubleSize, 64<<10)
	h := make(runHeap, 0, len(d.runs))
	for _, e := range d.runs {
		r := &run{r: io.NewSectionReader(d.file, e.off, e.n), buf: make([]byte, 0, size)}
		if ok, err := r.next(); err != nil {
			return err
		} else if ok {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		if err := f(h[0].x); err != nil {
			return err
		}
		ok, err := h[0].next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

// run reads a sorted run back.
type run struct {
	r   io.Reader
	buf []byte
	pos int
	x   double
}

func (r *run) next() (bool, error) {
	if r.pos == len(r.buf) {
		n, err := io.ReadFull(r.r, r.buf[:cap(r.buf)])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, fmt.Errorf("reading a temporary file: %w", err)
		}
		r.buf, r.pos = r.buf[:n/doubleSize*doubleSize], 0
		if len(r.buf) == 0 {
			return false, nil
		}
	}
	r.x.parse(r.buf[r.pos:])
	r.pos += doubleSize
	return true, nil
}

type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, k int) bool { return h[i].x.place < h[k].x.place }
func (h runHeap) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
