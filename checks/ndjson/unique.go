package ndjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// DefaultUniqueMemory is the memory NewUnique takes when asked for 0.
const DefaultUniqueMemory = 8 << 20

const (
	partitions    = 64
	partitionBits = 6
	minPartition  = 4 << 10
	maxKey        = 256 // FHIR ids have at most 64 characters
	maxFiles      = 1 << 24
	lineBits      = 40 // of a position; the other 24 are the file
)

// Unique finds resources that occur more than once in an export, over all of its files.
//
// It notes type, id and place of every resource, divided into 64 parts by a hash of type and id. Notes that do not
// fit into memory go to one temporary file, about 75 bytes for a resource. Report then goes through the parts one
// after another; parts that do not fit are divided again. Types and ids themselves are compared, so a collision of
// hashes is no false alarm. (An id of more than 256 bytes is compared by its SHA-256; FHIR allows 64.)
//
// Memory is bounded by maxMem whatever the number of resources, plus what Report returns. A Unique may be used by
// several scans at once.
type Unique struct {
	dir  string
	mem  int64
	seed maphash.Seed

	mu      sync.Mutex
	names   []string // of files, by number
	claimed []bool
	parts   store
	err     error
	closed  bool
}

// NewUnique returns a Unique that keeps at most maxMem bytes in memory (0 means DefaultUniqueMemory, less than 1 MiB
// is taken for 1 MiB) and whatever is more in a temporary file in dir ("" means the system's folder for such files).
// The file is made when it is first needed. Close removes it.
func NewUnique(dir string, maxMem int64) *Unique {
	if maxMem <= 0 {
		maxMem = DefaultUniqueMemory
	}
	maxMem = max(maxMem, 1<<20)
	u := &Unique{dir: dir, mem: maxMem, seed: maphash.MakeSeed()}
	u.parts.limit = int(maxMem / 2 / partitions)
	return u
}

// Expect names the files to come, in the order in which they count: of two equal resources the one in the later
// file, or on the later line of one file, is the duplicate. Without it files count in the order in which their
// scans began, which matters only if scans run at the same time. A name may occur several times.
func (u *Unique) Expect(files ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.names = append(u.names, files...)
	u.claimed = append(u.claimed, make([]bool, len(files))...)
}

// begin returns the number of a file whose scan begins.
func (u *Unique) begin(file string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, name := range u.names {
		if name == file && !u.claimed[i] {
			u.claimed[i] = true
			return i
		}
	}
	u.names = append(u.names, file)
	u.claimed = append(u.claimed, true)
	if len(u.names) >= maxFiles && u.err == nil {
		u.err = fmt.Errorf("more than %d files", maxFiles)
	}
	return len(u.names) - 1
}

// uniqueBatch is the notes about some lines of a chunk, in the order of the lines.
type uniqueBatch struct {
	entries []uniqueEntry
	keys    []byte
}

type uniqueEntry struct {
	hash, content uint64
	line          int64 // in the chunk
	start         int   // of the line in the chunk
	keyEnd        int   // in keys
}

func (b *uniqueBatch) full() bool { return len(b.entries) >= batchLines }

func (b *uniqueBatch) reset() { b.entries, b.keys = b.entries[:0], b.keys[:0] }

// hash notes a line. It only reads u, so that all goroutines may call it.
func (u *Unique) hash(b *uniqueBatch, typ, id string, line []byte, number int64, start int) {
	from := len(b.keys)
	if len(typ)+len(id) < maxKey {
		b.keys = append(append(append(b.keys, typ...), '/'), id...)
	} else {
		sum := sha256.Sum256([]byte(typ + "/" + id))
		if typeName(typ) {
			b.keys = append(b.keys, typ...)
		}
		b.keys = append(append(b.keys, "/\x00"...), sum[:]...) // no id holds a NUL
	}
	b.entries = append(b.entries, uniqueEntry{
		hash:    maphash.Bytes(u.seed, b.keys[from:]),
		content: maphash.Bytes(u.seed, bytes.TrimRight(line, " \t\r")),
		line:    number, start: start, keyEnd: len(b.keys),
	})
}

// add takes over the notes about lines of a chunk that starts after line lines, at offset base.
func (u *Unique) add(file int, lines, base int64, b *uniqueBatch) {
	u.mu.Lock()
	defer u.mu.Unlock()
	from := 0
	for i := range b.entries {
		e := &b.entries[i]
		key := b.keys[from:e.keyEnd]
		from = e.keyEnd
		if u.err != nil || u.closed {
			return
		}
		u.err = u.parts.add(u.create, note{
			hash: e.hash, content: e.content, place: uint64(file)<<lineBits | uint64(lines+e.line), offset: uint64(base + int64(e.start)), key: key,
		})
	}
}

// note is what is kept of a resource.
type note struct {
	hash, content, place, offset uint64
	key                          []byte
}

func (n *note) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, n.hash)
	dst = binary.LittleEndian.AppendUint64(dst, n.content)
	dst = binary.AppendUvarint(dst, n.place)
	dst = binary.AppendUvarint(dst, n.offset)
	dst = binary.AppendUvarint(dst, uint64(len(n.key)))
	return append(dst, n.key...)
}

// maxNote is the greatest length of a note.
const maxNote = 16 + 2*binary.MaxVarintLen64 + 2 + maxKey

// parse reads the note at the start of b and returns its length, 0 if b does not hold a whole one.
func (n *note) parse(b []byte) int {
	if len(b) < 19 {
		return 0
	}
	n.hash, n.content = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	i := 16
	var v [3]uint64
	for k := range v {
		x, w := binary.Uvarint(b[i:])
		if w <= 0 {
			return 0
		}
		v[k] = x
		i += w
	}
	if v[2] > uint64(len(b)-i) {
		return 0
	}
	n.place, n.offset, n.key = v[0], v[1], b[i:i+int(v[2])]
	return i + int(v[2])
}

// create makes the temporary file.
func (u *Unique) create() (*tempFile, error) {
	f, err := newTempFile(u.dir)
	if err != nil {
		return nil, fmt.Errorf("a temporary file is needed: %w; set TMPDIR to a folder with space, or leave the check out (--no-duplicates)", err)
	}
	return f, nil
}

// Close removes what is on disk. The Unique is of no use afterwards.
func (u *Unique) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	return u.parts.close()
}

// Report returns the findings about resources that occurred more than once: RuleDuplicateIdentical for a repeated
// line, RuleDuplicateID for one with the same type and id and other content than the first. There is one group for
// each rule and type, with at most maxFindings kept findings (0 means DefaultMaxFindings, negative none). onFinding,
// if not nil, gets every finding, ordered by file and line. It must not be called while scans are running. The error
// is not nil if not every resource could be compared.
func (u *Unique) Report(ctx context.Context, maxFindings int, onFinding func(Finding)) ([]Group, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errors.New("the uniqueness of ids was asked for after Close")
	}
	if u.err != nil {
		return nil, fmt.Errorf("the uniqueness of ids was not checked: %w", u.err)
	}
	switch {
	case maxFindings == 0:
		maxFindings = DefaultMaxFindings
	case maxFindings < 0:
		maxFindings = 0
	}
	r := &uniqueReport{u: u, ctx: ctx, found: doubles{u: u, limit: int(u.mem / 4 / doubleSize)}}
	defer r.found.close()
	for i := range u.parts.part {
		if err := r.part(&u.parts, i, partitionBits); err != nil {
			return nil, fmt.Errorf("the uniqueness of ids was not checked: %w", err)
		}
	}
	t := newTally(maxFindings)
	err := r.found.each(func(d double) error {
		f := d.finding(u.names, r.types)
		t.add(&f)
		if onFinding != nil {
			onFinding(f)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("the uniqueness of ids was not checked: %w", err)
	}
	groups, _ := t.groups()
	return groups, nil
}

// double is a resource that occurred before.
type double struct {
	place, first, offset uint64
	typ                  uint32
	identical            bool
}

func (d *double) finding(names, types []string) Finding {
	const lineMask = 1<<lineBits - 1
	rule, message := RuleDuplicateID, "The resource has the type and id of %s:%d and different content."
	if d.identical {
		rule, message = RuleDuplicateIdentical, "The line repeats %s:%d."
	}
	path := "id"
	if typ := types[d.typ]; typ != "" {
		path = typ + ".id"
	}
	return Finding{
		File: names[d.place>>lineBits], Line: int64(d.place & lineMask), LineOffset: int64(d.offset),
		Problem: resource.Problem{
			Rule: rule, Severity: severityOf(rule), Pointer: "/id", Path: path,
			Message: fmt.Sprintf(message, names[d.first>>lineBits], d.first&lineMask),
		},
	}
}
