package selftest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// Varied is the result of the whole plan against a conformant server that uses freedoms of the specification. Every
// finding in it is a false failure.
type Varied struct {
	Names   []string // the variations
	Found   []string // findings, a sentence each: false failures
	Unsure  []string // checks that could not be judged although the variations leave enough to look at
	Starved []string // checks that could not be judged, as a variation says of itself
	Skipped []string // checks that do not apply to such a server
	Errors  []string // checks that ended in error
	Problem string   // why the plan could not be run
	Took    time.Duration
	Results []checks.Result
	Traffic session.Traffic
}

// Silent reports whether the judge accepted the server, as it has to.
func (v Varied) Silent() bool {
	return len(v.Found) == 0 && len(v.Unsure) == 0 && len(v.Errors) == 0 && v.Problem == ""
}

// Sentences says what was wrong with the judge, a line each.
func (v Varied) Sentences() []string {
	out := slices.Concat(v.Found, v.Unsure, v.Errors)
	if v.Problem != "" {
		out = append(out, v.Problem)
	}
	return out
}

// RunVaried runs the plan once against a reference server with the variations, directly and in parallel, with a clock
// that never waits.
func RunVaried(ctx context.Context, o Options, list ...refserver.Variation) (v Varied) {
	started := time.Now()
	defer func() { v.Took = time.Since(started) }()
	for _, x := range list {
		v.Names = append(v.Names, x.Name)
	}
	fail := func(err error) Varied {
		v.Problem = err.Error()
		return v
	}
	ref, err := startEdited(o.IG, Instant, func(c *refserver.Config) error {
		if slices.ContainsFunc(list, func(x refserver.Variation) bool { return x.NeedsOpen }) {
			c.Auth, c.Clients = false, nil
		}
		return c.Vary(list...)
	})
	if err != nil {
		return fail(err)
	}
	c := ref.Configure(session.Config{IG: o.IG})
	c.ExportTimeout = 2 * time.Hour // the waits of all exports add up on the clock that never waits
	c.TrustOrigins = ref.otherOrigins()
	s, stop, err := openAt(ctx, ref, c)
	if err != nil {
		return fail(err)
	}
	plan := checks.NewPlan(o.Areas, o.Cat, o.IG, o.Keep)
	v.Results = checks.RunAll(ctx, s, plan, checks.Options{Parallel: 4})
	v.Traffic = s.Traffic()
	v.judge(list)
	if err := errors.Join(ctx.Err(), stop(context.WithoutCancel(ctx))); err != nil {
		return fail(err)
	}
	return v
}

// otherOrigins returns the server's origins beside that of its FHIR base, by port or by the machine's other name: a tester
// of a server on several origins names them as those that take the token.
func (r *Reference) otherOrigins() []string {
	var out []string
	if o := r.server.FilesOrigin(); o != "" {
		out = append(out, o)
	}
	if u, err := url.Parse(r.URL); err == nil {
		out = append(out, u.Scheme+"://localhost:"+u.Port())
	}
	return out
}

// judge sorts the results into what may be and what must not.
func (v *Varied) judge(list []refserver.Variation) {
	for _, r := range v.Results {
		id := r.Check.ID
		switch r.Outcome {
		case checks.Fail, checks.Warn:
			for _, f := range r.Findings {
				v.Found = append(v.Found, fmt.Sprintf("%s (%s): %s %s", id, f.Severity, f.Requirement, f.Observed))
			}
		case checks.Inconclusive:
			if line := fmt.Sprintf("%s (inconclusive): %s", id, r.Reason); starved(list, id) {
				v.Starved = append(v.Starved, line)
			} else {
				v.Unsure = append(v.Unsure, line)
			}
		case checks.Skip:
			v.Skipped = append(v.Skipped, fmt.Sprintf("%s (skipped): %s", id, r.Reason))
		case checks.Error:
			v.Errors = append(v.Errors, fmt.Sprintf("%s (error): %s", id, r.Reason))
		}
	}
}

// starved reports whether one of the variations says that it leaves the check nothing to judge.
func starved(list []refserver.Variation, id string) bool {
	for _, x := range list {
		for _, pattern := range x.Unsure {
			if area, all := strings.CutSuffix(pattern, ".*"); pattern == id || all && strings.HasPrefix(id, area+".") {
				return true
			}
		}
	}
	return false
}

// Combinations returns n different sets of two to most variations each that a server can show at once, chosen by the
// seed: equal arguments give equal sets. It returns fewer if there are not as many.
func Combinations(all []refserver.Variation, ig spec.Version, n, most int, seed uint64) [][]refserver.Variation {
	all = slices.DeleteFunc(slices.Clone(all), func(v refserver.Variation) bool { return !v.LegalUnder(string(ig)) })
	rnd := rand.New(rand.NewPCG(seed, uint64(len(all)))) //nolint:gosec // a sample, no secret
	seen := map[string]bool{}
	var out [][]refserver.Variation
	for try := 0; len(out) < n && try < 20*n; try++ {
		size := 2 + rnd.IntN(most-1)
		var set []refserver.Variation
		for _, i := range rnd.Perm(len(all)) {
			if len(set) == size {
				break
			}
			if !slices.ContainsFunc(set, func(w refserver.Variation) bool { return !w.Compatible(all[i]) }) {
				set = append(set, all[i])
			}
		}
		slices.SortFunc(set, func(a, b refserver.Variation) int { return strings.Compare(a.Name, b.Name) })
		var key strings.Builder
		for _, v := range set {
			key.WriteString(v.Name + " ")
		}
		if len(set) > 1 && !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, set)
		}
	}
	return out
}

// RunVariedAll runs RunVaried for each of the sets, o.Parallel at a time, and returns the results in their order.
func RunVariedAll(ctx context.Context, o Options, sets [][]refserver.Variation) []Varied {
	out := make([]Varied, len(sets))
	sem := make(chan struct{}, max(1, o.Parallel))
	var wg sync.WaitGroup
	for i, set := range sets {
		sem <- struct{}{}
		wg.Go(func() {
			defer func() { <-sem }()
			out[i] = RunVaried(ctx, o, set...)
		})
	}
	wg.Wait()
	return out
}
