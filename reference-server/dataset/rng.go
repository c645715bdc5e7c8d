package dataset

// mix hashes a few numbers into one (the finaliser of SplitMix64 over a running sum). It is fixed for ever: golden
// digests of the data depend on it, which is why math/rand is not used.
func mix(parts ...uint64) uint64 {
	h := uint64(0x243F6A8885A308D3)
	for _, p := range parts {
		h = finalise(h + 0x9E3779B97F4A7C15 + p*0xD1342543DE82EF95)
	}
	return h
}

func finalise(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// rng is a SplitMix64 generator. Each resource has its own, so that none depends on what was generated before it.
type rng struct{ state uint64 }

func (r *rng) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	return finalise(r.state)
}

// n returns a number from 0 to n-1.
func (r *rng) n(n int) int { return int(r.next() % uint64(n)) }

// between returns a number from lo to hi, both included.
func (r *rng) between(lo, hi int) int { return lo + r.n(hi-lo+1) }

// one returns true once in n calls, on average.
func (r *rng) one(n int) bool { return r.n(n) == 0 }

// pick returns an element of list.
func pick[T any](r *rng, list []T) T { return list[r.n(len(list))] }
