package selftest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
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

// Pairs returns n pairs of faults of different areas that a server can have at once, chosen by the seed: those whose names
// have the smallest hashes, so that a new fault displaces few of the pairs there were.
func Pairs(faults []refserver.Fault, ig spec.Version, n int, seed uint64) [][2]refserver.Fault {
	type candidate struct {
		rank uint64
		pair [2]refserver.Fault
	}
	var all []candidate
	for i, a := range faults {
		for _, b := range faults[i+1:] {
			if a.Area == b.Area || !a.AppliesTo(string(ig)) || !b.AppliesTo(string(ig)) {
				continue
			}
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", seed, min(a.Name, b.Name), max(a.Name, b.Name)))
			all = append(all, candidate{binary.BigEndian.Uint64(sum[:]), [2]refserver.Fault{a, b}})
		}
	}
	slices.SortFunc(all, func(x, y candidate) int { return cmp.Compare(x.rank, y.rank) })
	var out [][2]refserver.Fault
	for _, c := range all {
		if len(out) == n {
			break
		}
		if _, ok := refserver.Combine(c.pair[0], c.pair[1]); ok {
			out = append(out, c.pair)
		}
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
