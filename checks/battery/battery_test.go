package battery_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/jwt"
	"github.com/bulkproof/bulkproof/checks/token"
)

// elsewhere are cases of the list of negative assertions that are no case here, and why.
var elsewhere = map[string]string{
	"NEG-099": "scope.default", "NEG-100": "scope.union", "NEG-101": "scope.no-write", "NEG-102": "scope.limited",
	"NEG-115": "security.token-validated", "NEG-116": "security.tls",
}

func TestCasesAreComplete(t *testing.T) {
	byID := map[string]checks.Check{}
	for _, a := range []checks.Area{jwt.Area(), token.Area()} {
		for _, c := range a.Checks {
			byID[c.ID] = c
		}
	}
	keys, refs := map[string]bool{}, map[string]bool{}
	for _, c := range battery.Cases() {
		if keys[c.Key] {
			t.Errorf("the key %s is used twice", c.Key)
		}
		keys[c.Key], refs[c.Ref] = true, true
		check, ok := byID[c.Check]
		if !ok {
			t.Errorf("%s is judged by %s, which does not exist", c.Key, c.Check)
		} else if !slices.Contains(check.Requires, c.Requirement) {
			t.Errorf("%s cites %s, which %s does not require", c.Key, c.Requirement, c.Check)
		}
		if c.Change == "" || len(c.Variants) == 0 {
			t.Errorf("%s says nothing or has no variant", c.Key)
		}
		if c.Want == battery.Either && c.Strength != battery.Notes {
			t.Errorf("%s can be answered either way and has a strength", c.Key)
		}
		names := map[string]bool{}
		for _, v := range c.Variants {
			if names[v.Name] {
				t.Errorf("%s has two variants of the name %q", c.Key, v.Name)
			}
			names[v.Name] = true
		}
		for _, other := range c.Unless {
			if !keys[other] && !slices.ContainsFunc(battery.Cases(), func(o *battery.Case) bool { return o.Key == other }) {
				t.Errorf("%s depends on %s, which does not exist", c.Key, other)
			}
		}
	}
	for n := 1; n <= 116; n++ {
		ref := fmt.Sprintf("NEG-%03d", n)
		if _, away := elsewhere[ref]; refs[ref] == away {
			t.Errorf("%s: a case here %v, elsewhere %v", ref, refs[ref], away)
		}
	}
}

func TestObject(t *testing.T) {
	var o battery.Object
	o.Set("a", 1)
	o.Set("b", "x\"y")
	o.Raw("a", "1e400")
	o.Add("a", `"again"`)
	if got := o.String(); got != `{"a":1e400,"b":"x\"y","a":"again"}` {
		t.Error(got)
	}
	o.Del("a")
	if got := o.String(); got != `{"b":"x\"y"}` {
		t.Error(got)
	}
}

func TestKnownErrors(t *testing.T) {
	for code, want := range map[string]bool{"invalid_client": true, "invalid_target": true, "authentication_failed": false, "": false, "Invalid_Client": false} {
		if battery.KnownError(code) != want {
			t.Errorf("%q: want %v", code, want)
		}
	}
}
