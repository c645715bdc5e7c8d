package selftest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// With a budget the checks that can be spared go first, are reported as not run with the reason, and the run stays within
// it.
func TestBudget(t *testing.T) {
	o := load(t)
	for _, v := range []spec.Version{spec.V300, spec.V200} {
		before := []string(nil)
		for _, n := range []int{40, 20, 12, 5, 1} {
			s, stop, err := Open(context.Background(), v, nil)
			if err != nil {
				t.Fatal(err)
			}
			p := checks.NewPlan(o.Areas, o.Cat, v, withoutHeavy)
			all := p.Selected()
			p.LimitKickOffs(s, n)
			if c := p.Cost(s).KickOffs; c > n {
				t.Errorf("IG %s: a plan for %d kick-offs may cost %d", v, n, c)
			}
			var kept []string
			for _, e := range p.Entries {
				if e.Selected {
					kept = append(kept, e.Check.ID)
				}
			}
			if before != nil {
				for _, id := range kept {
					if !slices.Contains(before, id) {
						t.Errorf("IG %s: %s is run with %d kick-offs, and left out with more", v, id, n)
					}
				}
			}
			before = kept
			left := 0
			for _, r := range checks.RunAll(context.Background(), s, p, checks.Options{Parallel: 4}) {
				switch {
				case r.Outcome == checks.NotRun && strings.Contains(r.Reason, "--budget-kickoffs"):
					left++
				case r.Outcome == checks.Fail || r.Outcome == checks.Warn || r.Outcome == checks.Error:
					t.Errorf("IG %s, %d kick-offs: %s: %s %s", v, n, r.Check.ID, r.Outcome, r.Reason)
				}
			}
			if got := s.Traffic(); got.KickOffs > n {
				t.Errorf("IG %s: with a budget of %d kick-offs %d were accepted", v, n, got.KickOffs)
			} else {
				t.Logf("IG %s, budget %d: %d of %d checks, %d kick-offs accepted, %d sent, %d exports completed", v, n, len(kept), all, got.KickOffs, got.KickOffAttempts, got.CompletedExports)
			}
			if left != all-len(kept) || n < 20 && left == 0 {
				t.Errorf("IG %s, %d kick-offs: %d checks are reported as left out, want %d", v, n, left, all-len(kept))
			}
			if err := stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
}

// withoutHeavy leaves out what costs no kick-offs and much time.
func withoutHeavy(c *checks.Check) (bool, string) { return withoutAssertions(c) }
