package learn

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

const (
	// partitions is how many parts a table is divided into, by the uppermost eight bits of its key. A pass over a table
	// has one part in memory at a time.
	partitions = 256
	// chunkBytes is what a part collects in memory before it goes to disk.
	chunkBytes = 6 << 10
)

// record is what a table holds: fixed in size, and found by a key.
type record[R any] interface {
	*R
	key() uint64
	size() int
	put([]byte)
	get([]byte)
}

// table collects records and gives them back part by part, sorted by key. The first limit records stay in memory; beyond
// that all go to one temporary file, which has no name any more once it is open where the system allows that.
type table[R any, P record[R]] struct {
	limit int

	mu    sync.Mutex
	flat  []R // until there are more than limit
	tidy  bool
	parts []part[R] // from then on
	file  *os.File
	end   int64
	n     int64
	err   error
}

type part[R any] struct {
	buf    []R
	chunks []int64 // offsets in the file; each holds perChunk records
}

func (t *table[R, P]) perChunk() int {
	var r R
	return max(1, chunkBytes/P(&r).size())
}

// add takes a batch over; the slice stays the caller's.
func (t *table[R, P]) add(batch []R) {
	if len(batch) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += int64(len(batch))
	if t.parts == nil && len(t.flat)+len(batch) <= t.limit {
		t.flat, t.tidy = append(t.flat, batch...), false
		return
	}
	if t.parts == nil {
		t.parts = make([]part[R], partitions)
		t.spread(t.flat)
		t.flat = nil
	}
	t.spread(batch)
}

func (t *table[R, P]) spread(batch []R) {
	full := t.perChunk()
	for i := range batch {
		p := &t.parts[P(&batch[i]).key()>>56]
		if p.buf == nil {
			p.buf = make([]R, 0, full)
		}
		p.buf = append(p.buf, batch[i])
		if len(p.buf) == full {
			t.flush(p)
		}
	}
}

func (t *table[R, P]) flush(p *part[R]) {
	defer func() { p.buf = p.buf[:0] }()
	if t.err != nil {
		return
	}
	if t.file == nil {
		if t.file, t.err = os.CreateTemp("", "bulkproof-learn-*"); t.err != nil {
			t.err = fmt.Errorf("no temporary file can be made for what is learned: %w", t.err)
			return
		}
		_ = os.Remove(t.file.Name()) // fails where open files keep their name; close tries again
	}
	var r R
	size := P(&r).size()
	b := make([]byte, 0, size*len(p.buf))
	for i := range p.buf {
		b = b[:len(b)+size]
		P(&p.buf[i]).put(b[len(b)-size:])
	}
	if _, err := t.file.WriteAt(b, t.end); err != nil {
		t.err = fmt.Errorf("what is learned cannot be written to a temporary file; is there room in %s? %w", os.TempDir(), err)
		return
	}
	p.chunks = append(p.chunks, t.end)
	t.end += int64(len(b))
}

var errClosed = errors.New("the session is closed, and what was learned is gone")

// isFlat reports whether everything is in memory.
func (t *table[R, P]) isFlat() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.parts == nil
}

// everyPart asks part for all records of a table in memory at once.
const everyPart = -1

// part returns the records of one part, sorted by key. into is used where it is large enough; the result may be the
// table's own and must not be changed.
func (t *table[R, P]) part(n int, into []R) ([]R, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	byKey := func(a, b R) int { return compare(P(&a).key(), P(&b).key()) }
	if t.parts == nil {
		if !t.tidy {
			slices.SortStableFunc(t.flat, byKey)
			t.tidy = true
		}
		if n == everyPart {
			return t.flat, nil
		}
		find := func(n int) int {
			at, _ := slices.BinarySearchFunc(t.flat, n, func(r R, n int) int { return int(P(&r).key()>>56) - n })
			return at
		}
		return t.flat[find(n):find(n+1)], nil
	}
	p := &t.parts[n]
	out := into[:0]
	var r R
	size, per := P(&r).size(), t.perChunk()
	b := make([]byte, size*per)
	for _, at := range p.chunks {
		if _, err := t.file.ReadAt(b, at); err != nil {
			return nil, fmt.Errorf("what was learned cannot be read from its temporary file: %w", err)
		}
		for i := range per {
			P(&r).get(b[i*size:])
			out = append(out, r)
		}
	}
	out = append(out, p.buf...)
	slices.SortStableFunc(out, byKey)
	return out, nil
}

func (t *table[R, P]) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// close gives memory and disk back. What is asked of the table later is an error.
func (t *table[R, P]) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil {
		_ = t.file.Close()
		_ = os.Remove(t.file.Name())
	}
	t.file, t.flat, t.parts, t.err = nil, nil, nil, errClosed
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
