package session

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Clock tells the time and waits. Polling goes through it, so that tests and the self-test never sleep. The machine's time
// counts for what has to agree with the target's clock, such as assertions, unless the clock has a method Wall() time.Time
// that says otherwise.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with ctx's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// RealClock is the machine's clock.
type RealClock struct{}

// Now returns the current time.
func (RealClock) Now() time.Time { return time.Now() }

// Sleep waits for d or for the end of ctx.
func (RealClock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SkipClock never waits: a Sleep moves its time forward at once. Its time otherwise runs with the machine's.
type SkipClock struct {
	mu      sync.Mutex
	skipped time.Duration
}

// Now returns the machine's time plus everything slept so far.
func (c *SkipClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skipped)
}

// Sleep moves the clock forward by d.
func (c *SkipClock) Sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		c.mu.Lock()
		c.skipped += d
		c.mu.Unlock()
	}
	return ctx.Err()
}

func parseHTTPTime(v string) (time.Time, error) { return http.ParseTime(strings.TrimSpace(v)) }
