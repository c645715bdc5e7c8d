package refserver

import (
	"slices"
	"testing"
)

func TestCombine(t *testing.T) {
	var order []string
	hook := func(name string) func(*Behaviour) {
		return func(b *Behaviour) { b.Answer = func(*Answer) { order = append(order, name) } }
	}
	b, ok := Combine(Fault{Apply: hook("a")}, Fault{Apply: hook("b")})
	if !ok {
		t.Fatal("two Answer hooks cannot be combined")
	}
	if b.Answer(nil); !slices.Equal(order, []string{"a", "b"}) {
		t.Errorf("hooks ran as %v", order)
	}
	b, ok = Combine(Fault{Apply: func(b *Behaviour) { b.NeverDone, b.Unsupported = true, []string{"x"} }},
		Fault{Apply: func(b *Behaviour) { b.NeverDone, b.Auth.AcceptExpired, b.Unsupported = true, true, []string{"y"} }})
	if !ok || !b.NeverDone || !b.Auth.AcceptExpired || !slices.Equal(b.Unsupported, []string{"x", "y"}) {
		t.Errorf("%v %+v", ok, b)
	}
	status := func(JobInfo) int { return 500 }
	if _, ok := Combine(Fault{Apply: func(b *Behaviour) { b.TransientStatus = status }}, Fault{Apply: func(b *Behaviour) { b.TransientStatus = status }}); ok {
		t.Error("two TransientStatus hooks were combined; only one can have its way")
	}
	// Whatever the faults set, a pair of them is either combined or refused, without a panic.
	combined := 0
	faults := Faults()
	for i, f := range faults {
		for _, g := range faults[:i] {
			if _, ok := Combine(f, g); ok {
				combined++
			}
		}
	}
	if all := len(faults) * (len(faults) - 1) / 2; combined*10 < all*8 {
		t.Errorf("%d of %d pairs can be combined", combined, all)
	}
}
