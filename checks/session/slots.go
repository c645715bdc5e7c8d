package session

import (
	"context"
	"sync"
)

// slots bounds how many exports of the session are in progress at a time, and tells when one of them ends.
type slots struct {
	free chan struct{}
	gate *slotGate
}

type slotGate struct {
	mu      sync.Mutex
	held    int           // slots in use
	blocked int           // of those, held by callers whose kick-off waits for another export's end
	ended   int           // slots given back so far
	next    chan struct{} // closed when the next slot is given back, or a holder begins to wait
}

func newSlots(n int) slots {
	return slots{make(chan struct{}, n), &slotGate{next: make(chan struct{})}}
}

// slotKey is what a context carries under which a slot is held: it holds the session.
type slotKey struct{}

// Slot waits for leave to run one more export beside those in progress. The kick-offs of that export go out under held,
// which tells them from kick-offs of others. ok is false if the run was stopped first; otherwise release has to be called.
func (s *Session) Slot(ctx context.Context) (held context.Context, release func(), ok bool) {
	select {
	case s.slots.free <- struct{}{}:
		s.slots.gate.change(func(g *slotGate) { g.held++ })
		return context.WithValue(ctx, slotKey{}, s), func() {
			s.slots.gate.change(func(g *slotGate) { g.held--; g.ended++ })
			<-s.slots.free
		}, true
	case <-ctx.Done():
		return ctx, nil, false
	}
}

// holdsSlot reports whether ctx came from the session's Slot.
func (s *Session) holdsSlot(ctx context.Context) bool { return ctx.Value(slotKey{}) == s }

// change edits the counts and wakes all who wait for a change.
func (g *slotGate) change(f func(*slotGate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g)
	close(g.next)
	g.next = make(chan struct{})
}

// now returns how many slots were given back so far.
func (s slots) now() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.ended
}

// anotherEnds waits until an export of the session other than the caller's has ended since the given count, and reports
// false at once if none is in progress that could: then waiting for it would be for ever. holds says that the caller has
// a slot itself.
func (s slots) anotherEnds(ctx context.Context, since int, holds bool) bool {
	g := s.gate
	if holds {
		g.change(func(g *slotGate) { g.blocked++ })
		defer g.change(func(g *slotGate) { g.blocked-- })
	}
	for {
		g.mu.Lock()
		ended, working, next := g.ended > since, g.held-g.blocked, g.next
		g.mu.Unlock()
		switch {
		case ended:
			return true
		case working <= 0:
			return false
		}
		select {
		case <-next:
		case <-ctx.Done():
			return false
		}
	}
}
