package learn

import (
	"slices"
	"strings"
)

// sample keeps up to k of the strings it is given: always the same ones, whatever their order, and as good as chosen by
// lot.
type sample struct {
	k    int
	list []sampled
	max  uint64 // what hashes above this cannot get in any more; 0 until the sample was full once
}

type sampled struct {
	hash uint64
	text string
}

func (s *sample) add(text string) {
	sum := uint64(14695981039346656037) // FNV-1a, which does not change from run to run
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	sum ^= sum >> 29
	sum *= 0xbf58476d1ce4e5b9 // alone it leaves the upper bits of short texts alike
	sum ^= sum >> 32
	if s.max != 0 && sum > s.max {
		return
	}
	s.list = append(s.list, sampled{sum, strings.Clone(text)})
	if len(s.list) >= 2*s.k {
		s.trim()
	}
}

func (s *sample) trim() {
	slices.SortFunc(s.list, func(a, b sampled) int {
		if a.hash != b.hash {
			return compare(a.hash, b.hash)
		}
		return strings.Compare(a.text, b.text)
	})
	s.list = slices.Compact(s.list)
	if len(s.list) > s.k {
		s.list = s.list[:s.k]
		s.max = s.list[s.k-1].hash
	}
}

func (s *sample) merge(o *sample) {
	for _, x := range o.list {
		if s.max == 0 || x.hash <= s.max {
			s.list = append(s.list, x)
		}
	}
	s.trim()
}

// texts returns what was kept, in the order of the sample.
func (s *sample) texts() []string {
	s.trim()
	out := make([]string, len(s.list))
	for i, x := range s.list {
		out[i] = x.text
	}
	return out
}

// thinned keeps numbers spread evenly over the order in which they came, at most 2k of them.
type thinned struct {
	k, step, n int
	list       []int64
}

func (t *thinned) add(v int64) {
	if t.step == 0 {
		t.step = 1
	}
	if t.n%t.step == 0 {
		t.list = append(t.list, v)
		if len(t.list) >= 2*t.k {
			half := t.list[:0]
			for i := 0; i < len(t.list); i += 2 {
				half = append(half, t.list[i])
			}
			t.list, t.step = half, 2*t.step
		}
	}
	t.n++
}
