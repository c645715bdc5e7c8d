package learn

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"time"
)

// Row is what is kept of one exported resource: 48 bytes.
type Row struct {
	// Key stands for type and id: 64 bits of a hash with a seed of this process. Among ten million resources two share a
	// key with a probability of about 1 in 370,000.
	Key      uint64
	Updated  int64  // meta.lastUpdated in nanoseconds since 1970, NoTime if unknown
	Elements uint64 // root elements, one bit for each; see Vocabulary
	facets   uint64 // values of up to eight search parameters, a byte each
	where    uint64 // file and line
	bits     uint64 // type and flags
}

// NoTime says that a time is not known.
const NoTime = math.MinInt64

// Flags of a Row.
const (
	flagSubsetted = 1 << iota
	flagSecured   // a Binary whose securityContext is a patient, or something in a patient's compartment
)

const lineBits = 40

// File returns the index of the row's file in FileSet.Files.
func (r *Row) File() int { return int(r.where >> lineBits) }

// Line returns the row's line in the file, from 1.
func (r *Row) Line() int64 { return int64(r.where & (1<<lineBits - 1)) }

// Before orders rows by file and line.
func (r *Row) Before(o *Row) bool { return r.where < o.where }

// Subsetted reports whether meta.tag has the code SUBSETTED.
func (r *Row) Subsetted() bool { return r.bits&flagSubsetted != 0 }

// Secured reports whether a Binary names something in its securityContext.
func (r *Row) Secured() bool { return r.bits&flagSecured != 0 }

// Time returns Updated as a time; the zero time if unknown.
func (r *Row) Time() time.Time {
	if r.Updated == NoTime {
		return time.Time{}
	}
	return time.Unix(0, r.Updated).UTC()
}

func (r *Row) typ() uint16 { return uint16(r.bits >> 48) }

// Facet returns the value number of the n-th facet of the row's type.
func (r *Row) Facet(n int) uint8 { return uint8(r.facets >> (8 * n)) }

func (r *Row) key() uint64 { return r.Key }
func (*Row) size() int     { return 48 }
func (r *Row) put(b []byte) {
	words(b, r.Key, uint64(r.Updated), r.Elements, r.facets, r.where, r.bits)
}
func (r *Row) get(b []byte) {
	*r = Row{word(b, 0), int64(word(b, 1)), word(b, 2), word(b, 3), word(b, 4), word(b, 5)}
}

// Edge is a reference from one resource to another, kept with its target: 24 bytes.
type Edge struct {
	to      uint64
	Updated int64 // of the resource that refers
	bits    uint64
}

const (
	edgeAttachment = 1 << iota // an Attachment.url of a DocumentReference, not a Reference
)

// Attachment reports whether the target is named by an Attachment.url of a DocumentReference.
func (e *Edge) Attachment() bool { return e.bits&edgeAttachment != 0 }

func (e *Edge) from() uint16 { return uint16(e.bits >> 48) }

func (e *Edge) key() uint64  { return e.to }
func (*Edge) size() int      { return 24 }
func (e *Edge) put(b []byte) { words(b, e.to, uint64(e.Updated), e.bits) }
func (e *Edge) get(b []byte) { *e = Edge{word(b, 0), int64(word(b, 1)), word(b, 2)} }

// member says that a resource is in a patient's compartment: 16 bytes.
type member struct{ resource, patient uint64 }

func (m *member) key() uint64  { return m.resource }
func (*member) size() int      { return 16 }
func (m *member) put(b []byte) { words(b, m.resource, m.patient) }
func (m *member) get(b []byte) { *m = member{word(b, 0), word(b, 1)} }

// Witness is a Provenance seen from one of its targets: 40 bytes.
type Witness struct {
	target     uint64
	Provenance uint64 // its key
	// When it was recorded, when what it tells of occurred, and when it was last updated; NoTime where that is unknown.
	Recorded, Occurred, Updated int64
}

func (w *Witness) key() uint64 { return w.target }
func (*Witness) size() int     { return 40 }
func (w *Witness) put(b []byte) {
	words(b, w.target, w.Provenance, uint64(w.Recorded), uint64(w.Occurred), uint64(w.Updated))
}
func (w *Witness) get(b []byte) {
	*w = Witness{word(b, 0), word(b, 1), int64(word(b, 2)), int64(word(b, 3)), int64(word(b, 4))}
}

func words(b []byte, ws ...uint64) {
	for i, w := range ws {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
}

func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

var seed = maphash.MakeSeed()

// Key returns the key of a resource.
func Key(typ, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(typ)
	_ = h.WriteByte('/')
	_, _ = h.WriteString(id)
	return h.Sum64()
}
