package dataset

// symbols are the 32 symbols of an id. Five letters occur in both cases: FHIR ids are case-sensitive, and a client
// or server that folds case finds out here. There are no vowels, so no id spells a word.
const symbols = "bcdfghjkmnpqrstvwxz23456789BDGHR"

var symbolValue = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range len(symbols) {
		v[symbols[i]] = int8(i)
	}
	return v
}()

const (
	idSymbols    = 6
	placeBits    = 5 * idSymbols
	placeMask    = 1<<placeBits - 1
	ordinalBits  = 8
	ordinalMask  = 1<<ordinalBits - 1
	deletedFirst = 128 // ordinals from here on belong to deleted resources; no kind.per comes near
)

// scramble is a bijection on numbers of placeBits bits, different for each seed and kind, so that ids neither count
// up nor betray the patient they belong to. It hides nothing in the cryptographic sense.
type scramble struct{ m1, m2, i1, i2, add uint64 }

func newScramble(key uint64) scramble {
	m1, m2 := mix(key, 1)|1, mix(key, 2)|1
	return scramble{m1: m1, m2: m2, i1: inverse(m1), i2: inverse(m2), add: mix(key, 3)}
}

// inverse returns the multiplicative inverse of an odd number modulo 2^64 (Newton's iteration; each step doubles the
// number of correct bits, starting from 3).
func inverse(m uint64) uint64 {
	x := m
	for range 5 {
		x *= 2 - m*x
	}
	return x
}

func (c *scramble) do(x uint64) uint64 {
	x = (x*c.m1 + c.add) & placeMask
	x ^= x >> (placeBits / 2)
	x = x * c.m2 & placeMask
	return x ^ x>>(placeBits/2)
}

func (c *scramble) undo(x uint64) uint64 {
	x ^= x >> (placeBits / 2)
	x = x * c.i2 & placeMask
	x ^= x >> (placeBits / 2)
	return (x - c.add) * c.i1 & placeMask
}

// appendID appends the id of the resource at l.
func (s *Set) appendID(dst []byte, l loc) []byte {
	def := &kinds[l.k]
	if def.fixed != nil {
		return append(dst, def.fixed[l.p]...)
	}
	dst = append(dst, def.lead...)
	dst = appendSymbols(dst, s.keys[l.k].do(uint64(l.p)<<ordinalBits|uint64(l.o)), def.mid)
	return append(dst, def.tail...)
}

func appendSymbols(dst []byte, x uint64, mid string) []byte {
	for i := range idSymbols {
		if i == idSymbols/2 {
			dst = append(dst, mid...)
		}
		dst = append(dst, symbols[x>>(5*(idSymbols-1-i))&31])
	}
	return dst
}

func (s *Set) id(l loc) string { return string(s.appendID(nil, l)) }

// decode is the inverse of appendID. The place it returns may lie beyond the end of the set.
func (s *Set) decode(k kindID, id string) (loc, bool) {
	def := &kinds[k]
	if def.fixed != nil {
		for i, known := range def.fixed {
			if id == known {
				return loc{k: k, p: i}, true
			}
		}
		return loc{}, false
	}
	if len(id) != len(def.lead)+idSymbols+len(def.mid)+len(def.tail) || id[:len(def.lead)] != def.lead ||
		id[len(id)-len(def.tail):] != def.tail {
		return loc{}, false
	}
	x, ok := parseSymbols(id[len(def.lead):len(id)-len(def.tail)], def.mid)
	if !ok {
		return loc{}, false
	}
	x = s.keys[k].undo(x)
	return loc{k: k, p: int(x >> ordinalBits), o: int(x & ordinalMask)}, true
}

// parseSymbols is the inverse of appendSymbols; core has idSymbols+len(mid) bytes.
func parseSymbols(core, mid string) (x uint64, ok bool) {
	const half = idSymbols / 2
	if core[half:half+len(mid)] != mid {
		return 0, false
	}
	for i := range idSymbols {
		at := i
		if i >= half {
			at += len(mid)
		}
		v := symbolValue[core[at]]
		if v < 0 {
			return 0, false
		}
		x = x<<5 | uint64(v)
	}
	return x, true
}
