package selftest

import (
	"context"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// Two faults of different areas at once never hide each other: what one of them alone trips still finds something, or
// says that it cannot judge.
func TestPairsOfFaults(t *testing.T) {
	o := load(t)
	o.Parallel = 4
	for _, c := range []struct {
		ig spec.Version
		n  int
	}{{spec.V300, 100}, {spec.V200, 50}} {
		t.Run(string(c.ig), func(t *testing.T) {
			o := o
			o.IG = c.ig
			n := c.n
			if testing.Short() {
				n /= 5
			}
			pairs := Pairs(o.Faults, c.ig, n, 20260419)
			if len(pairs) != n {
				t.Fatalf("%d pairs, want %d", len(pairs), n)
			}
			for _, p := range RunPairs(context.Background(), o, pairs) {
				if p.Problem != "" {
					t.Errorf("%s + %s: %s", p.First, p.Second, p.Problem)
				}
				if why, known := open[[2]string{p.First, p.Second}]; known {
					if len(p.Hidden) == 0 {
						t.Errorf("%s + %s hide nothing any more; remove the entry from the list", p.First, p.Second)
					}
					t.Logf("%s + %s hide %s; to be done: %s", p.First, p.Second, strings.Join(p.Hidden, ", "), why)
					continue
				}
				for _, h := range p.Hidden {
					if why, known := disarmed[[2]string{p.First, p.Second}]; known {
						t.Logf("%s + %s: %s; the one takes the other's occasion away: %s", p.First, p.Second, h, why)
						continue
					}
					t.Errorf("%s + %s hide %s", p.First, p.Second, h)
				}
			}
		})
	}
}

// disarmed lists the pairs of the sample in which one fault takes the other's occasion away, so that the server with both
// does not have the second defect at all, and why.
var disarmed = map[[2]string]string{}

// open lists the pairs of the sample in which a check does hide a finding, and what has to be done about it. They are
// defects of the judge: the list is to become empty, and an entry that hides nothing any more fails the test.
var open = map[[2]string]string{
	{"jwt-nbf-demanded", "kickoff-group-404"}: "what needs a Group is skipped where the search for one got no token; that has to be inconclusive (checks/check.go)",
}

func TestPairsAreReproducible(t *testing.T) {
	a, b := Pairs(refserver.Faults(), spec.V300, 30, 3), Pairs(refserver.Faults(), spec.V300, 30, 3)
	for i := range a {
		if a[i][0].Name != b[i][0].Name || a[i][1].Name != b[i][1].Name || a[i][0].Area == a[i][1].Area {
			t.Errorf("%s + %s and %s + %s", a[i][0].Name, a[i][1].Name, b[i][0].Name, b[i][1].Name)
		}
	}
}
