package spec

import (
	"slices"
	"strings"
	"testing"
)

// A requirement that binds only clients, or that nothing outside can see, has to say so: it would otherwise look like a
// check that is missing.
func TestUntestedReasons(t *testing.T) {
	counts := map[string]int{}
	for _, r := range MustLoad().All() {
		counts[r.UntestedStatus]++
		beyondReach := true
		for _, e := range r.Entries {
			beyondReach = beyondReach && (e.Kind == Client || e.Kind == Untestable)
		}
		switch r.UntestedStatus {
		case UntestedClient, UntestedUntestable:
			if !beyondReach {
				t.Errorf("%s is excused as %q although a version has a kind that can be judged", r.ID, r.UntestedStatus)
			}
		case UntestedOpen:
			if !slices.Contains([]string{"PUBLISH", "SUBMIT", "GROUP", "ASYNCBUNDLE"}, r.Area) {
				t.Errorf("%s: an open requirement outside the areas the suite leaves out needs no reason but a check", r.ID)
			}
		case "":
			if r.Untested != "" {
				t.Errorf("%s has a reason without a status", r.ID)
			}
			if beyondReach {
				t.Errorf("%s can be judged in no version and does not say why no check cites it", r.ID)
			}
		default:
			t.Errorf("%s: unknown status %q", r.ID, r.UntestedStatus)
		}
		if r.UntestedStatus == UntestedClient && r.Actor != "client" {
			t.Errorf("%s is excused as the client's duty but binds %s", r.ID, r.Actor)
		}
		if r.UntestedStatus != "" && (!strings.HasSuffix(r.Untested, ".") || len(strings.Fields(r.Untested)) < 6) {
			t.Errorf("%s: %q is no sentence", r.ID, r.Untested)
		}
	}
	for _, s := range []string{UntestedClient, UntestedUntestable, UntestedOpen, ""} {
		if counts[s] == 0 {
			t.Errorf("no requirement has the status %q; the test above proves nothing about it", s)
		}
	}
}
