package selftest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// Pair is the result of the plan against a server with two faults at once.
type Pair struct {
	First, Second string
	// Hidden lists the checks that one of the faults alone trips and that give the pair a clean bill, a sentence each.
	Hidden  []string
	Problem string // why the plan could not be run
}

// Pairs returns n pairs of faults of different areas that a server can have at once, chosen by the seed: equal
// arguments give equal pairs.
func Pairs(faults []refserver.Fault, ig spec.Version, n int, seed uint64) [][2]refserver.Fault {
	faults = slices.DeleteFunc(slices.Clone(faults), func(f refserver.Fault) bool { return !f.AppliesTo(string(ig)) })
	rnd := rand.New(rand.NewPCG(seed, uint64(len(faults)))) //nolint:gosec // a sample, no secret
	var out [][2]refserver.Fault
	seen := map[[2]int]bool{}
	for try := 0; len(faults) > 1 && len(out) < n && try < 50*n; try++ {
		i, j := rnd.IntN(len(faults)), rnd.IntN(len(faults))
		a, b := faults[i], faults[j]
		if a.Area == b.Area || seen[[2]int{i, j}] || seen[[2]int{j, i}] {
			continue
		}
		if _, ok := refserver.Combine(a, b); !ok {
			continue
		}
		seen[[2]int{i, j}] = true
		out = append(out, [2]refserver.Fault{a, b})
	}
	return out
}

// RunPair runs the checks that the two faults name against a server with both.
func RunPair(ctx context.Context, o Options, a, b refserver.Fault) Pair {
	p := Pair{First: a.Name, Second: b.Name}
	both, ok := refserver.Combine(a, b)
	if !ok {
		p.Problem = "the two faults cannot be had at once"
		return p
	}
	o.Keep = func(c *checks.Check) (bool, string) {
		return named(a, c.ID) || named(b, c.ID), "no fault of the pair names it"
	}
	results, _, err := RunOnce(ctx, o, &refserver.Fault{Waits: a.Waits || b.Waits, Options: slices.Concat(a.Options, b.Options), Apply: func(x *refserver.Behaviour) { *x = *both }})
	if err != nil {
		p.Problem = err.Error()
	}
	for _, r := range results {
		switch r.Outcome {
		case checks.Pass, checks.Skip, checks.Error:
			p.Hidden = append(p.Hidden, fmt.Sprintf("%s: %s %s", r.Check.ID, r.Outcome, r.Reason))
		}
	}
	return p
}

func named(f refserver.Fault, id string) bool {
	return slices.Contains(f.Caught, id) || slices.Contains(f.Warned, id)
}

// RunPairs runs RunPair for each pair, o.Parallel at a time.
func RunPairs(ctx context.Context, o Options, pairs [][2]refserver.Fault) []Pair {
	out := make([]Pair, len(pairs))
	sem := make(chan struct{}, max(1, o.Parallel))
	var wg sync.WaitGroup
	for i, p := range pairs {
		sem <- struct{}{}
		wg.Go(func() {
			defer func() { <-sem }()
			out[i] = RunPair(ctx, o, p[0], p[1])
		})
	}
	wg.Wait()
	return out
}
