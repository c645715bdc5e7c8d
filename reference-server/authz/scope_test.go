package authz

import (
	"strings"
	"testing"
)

func TestParseScope(t *testing.T) {
	for text, want := range map[string]string{
		"system/Patient.rs": "system/Patient.rs", "system/*.cruds": "system/*.cruds", "system/Patient.r": "system/Patient.r",
		"system/Patient.read": "system/Patient.read", "system/*.write": "system/*.write", "system/Patient.*": "system/Patient.*",
		"system/Observation.rs?category=a|b&x=y": "system/Observation.rs?category=a|b&x=y",
	} {
		sc, ok := parseScope(text)
		if !ok || sc.String() != want {
			t.Errorf("%s: %v %v", text, sc, ok)
		}
	}
	for _, text := range []string{"", "system", "system/", "system/Patient", "system/Patient.", "system/Patient.sr", "system/Patient.rr",
		"system/Patient.x", "system/patient.rs", "system/Pat ient.rs", "system/**.rs", "user/*.rs", "patient/*.rs", "openid", "System/Patient.rs",
		"system/Patient.rs?", "system/Patient.read?a=b", "system/Patient.READ", "system/" + strings.Repeat("A", 65) + ".rs", "system/Patient.rs.rs"} {
		if sc, ok := parseScope(text); ok {
			t.Errorf("%q is taken for %v", text, sc)
		}
	}
}

func TestScopeMediation(t *testing.T) {
	for _, tc := range []struct {
		name, asked, granted string
		b                    Behaviour
		allowed              []string
	}{
		{name: "v1 in v1 form", asked: "system/Patient.read", granted: "system/Patient.read"},
		{name: "v2 in v2 form", asked: "system/Patient.rs", granted: "system/Patient.rs"},
		{name: "wildcards", asked: "system/*.rs system/*.read", granted: "system/*.rs system/*.read"},
		{name: "union in shortest form", asked: "system/Patient.r system/Observation.rs system/Patient.s", granted: "system/Patient.rs system/Observation.rs"},
		{name: "covered by the wildcard", asked: "system/Patient.rs system/*.rs", granted: "system/*.rs"},
		{name: "doubled", asked: "system/Patient.rs  system/Patient.rs", granted: "system/Patient.rs"},
		{name: "single letter", asked: "system/Patient.s", granted: "system/Patient.s"},
		{name: "write letters are cut", asked: "system/Patient.cruds", granted: "system/Patient.rs"},
		{name: "v1 star is read", asked: "system/*.*", granted: "system/*.read"},
		{name: "v1 write is nothing", asked: "system/*.write", granted: ""},
		{name: "unknown type left out", asked: "system/Patient.rs system/Device.rs", granted: "system/Patient.rs"},
		{name: "constraint left out", asked: "system/Patient.rs system/Observation.rs?category=lab", granted: "system/Patient.rs"},
		{name: "other contexts left out", asked: "openid user/*.rs system/Patient.rs", granted: "system/Patient.rs"},
		{name: "wildcard narrowed", asked: "system/*.rs", allowed: []string{"system/Patient.rs", "system/Observation.read"}, granted: "system/Patient.rs system/Observation.rs"},
		{name: "wildcard narrowed, v1", asked: "system/*.read", allowed: []string{"system/Patient.rs", "system/Observation.read"}, granted: "system/Patient.read system/Observation.read"},
		{name: "wildcard narrowed to what is held", asked: "system/*.rs", allowed: []string{"system/Patient.rs", "system/Device.rs"}, granted: "system/Patient.rs"},
		{name: "letters narrowed", asked: "system/Patient.rs system/Patient.read", allowed: []string{"system/Patient.r"}, granted: "system/Patient.r"},
		{name: "letters of two pre-authorizations", asked: "system/*.rs", allowed: []string{"system/*.r", "system/Patient.s"}, granted: "system/*.r system/Patient.rs"},
		{name: "excess", asked: "system/Observation.rs", allowed: []string{"system/Patient.rs"}, granted: ""},
		{name: "nothing pre-authorised", asked: "system/*.rs", allowed: []string{}, granted: ""},

		{name: "GrantWrite", b: Behaviour{GrantWrite: true}, asked: "system/Patient.rs system/Group.read", granted: "system/Patient.cruds system/Group.*"},
		{name: "GrantWriteAsked", b: Behaviour{GrantWriteAsked: true}, asked: "system/Patient.cruds system/Group.write", granted: "system/Patient.cruds system/Group.write"},
		{name: "ReadAsLetters", b: Behaviour{ReadAsLetters: true}, asked: "system/Patient.read", granted: "system/Patient.rd"},
		{name: "GrantExcess", b: Behaviour{GrantExcess: true}, asked: "system/Observation.rs", allowed: []string{"system/Patient.rs"}, granted: "system/Observation.rs"},
		{name: "GrantUnknown", b: Behaviour{GrantUnknown: true}, asked: "foo system/Patient.rs system/Device.rs", granted: "system/Patient.rs foo system/Device.rs"},
		{name: "GrantConstraint", b: Behaviour{GrantConstraint: true}, asked: "system/Observation.rs?category=lab", granted: "system/Observation.rs?category=lab"},
		{name: "GrantEverything", b: Behaviour{GrantEverything: true}, asked: "system/Patient.rs", granted: "system/*.read"},
		{name: "EchoRequestedScope", b: Behaviour{EchoRequestedScope: true}, asked: "system/*.cruds", allowed: []string{"system/Patient.r"}, granted: "system/*.cruds"},
		{name: "FirstScopeOnly", b: Behaviour{FirstScopeOnly: true}, asked: "system/Patient.rs system/Observation.rs", granted: "system/Patient.rs"},
		{name: "RefuseV1", b: Behaviour{RefuseV1: true}, asked: "system/Patient.read system/Group.rs", granted: "system/Group.rs"},
		{name: "RefuseV2", b: Behaviour{RefuseV2: true}, asked: "system/Patient.read system/Group.rs", granted: "system/Patient.read"},
		{name: "V1AsV2", b: Behaviour{V1AsV2: true}, asked: "system/Patient.read", granted: "system/Patient.rs"},
		{name: "SplitScopes", b: Behaviour{SplitScopes: true}, asked: "system/Patient.rs", granted: "system/Patient.r system/Patient.s"},
		{name: "ReverseScopes", b: Behaviour{ReverseScopes: true}, asked: "system/Patient.rs system/Group.rs", granted: "system/Group.rs system/Patient.rs"},
		{name: "ExpandWildcard", b: Behaviour{ExpandWildcard: true}, asked: "system/*.rs", granted: "system/Patient.rs system/Observation.rs system/Condition.rs system/Group.rs"},
		{name: "StrictScope", b: Behaviour{StrictScope: true}, asked: "system/Patient.rs foo", granted: ""},
		{name: "DefaultScope", b: Behaviour{DefaultScope: true}, asked: "", granted: "system/*.read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, &tc.b)
			if tc.allowed != nil {
				if err := w.Register(Client{ID: "client-a", JWKS: w.client("client-a").JWKS, Scopes: tc.allowed}); err != nil {
					t.Fatal(err)
				}
			}
			a := w.try(f("scope", tc.asked))
			if tc.granted == "" {
				if a.String() != scope {
					t.Errorf("%v %s, want invalid_scope", a, a.body)
				}
				return
			}
			if a.json["scope"] != tc.granted {
				t.Errorf("granted %v, want %s", a.json["scope"], tc.granted)
			}
		})
	}
}

// TestGrantIsTruthful: what the token may do is what the answer says, unless a defect is about that.
func TestGrantIsTruthful(t *testing.T) {
	grant := func(b Behaviour, asked string, allowed ...string) *Grant {
		t.Helper()
		w := newWorld(t, &b)
		if err := w.Register(Client{ID: "client-a", JWKS: w.client("client-a").JWKS, Scopes: allowed}); err != nil {
			t.Fatal(err)
		}
		g, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+w.mustToken(t, f("scope", asked))))
		if refusal != nil {
			t.Fatalf("%+v", refusal)
		}
		return g
	}
	g := grant(Behaviour{}, "system/Patient.rs system/Group.r", "system/*.rs")
	if !g.MayRead("Patient") || !g.MaySearch("Patient") || !g.MayRead("Group") || g.MaySearch("Group") || g.MayRead("Observation") || g.MayRead("*") || g.MayReadAll() || g.MayWrite("Patient") {
		t.Errorf("%v", g.Scopes)
	}
	if got := g.MayReadEach([]string{"Patient", "Observation", "Group", "Condition"}); strings.Join(got, " ") != "Observation Condition" {
		t.Errorf("forbidden %v", got)
	}
	if g := grant(Behaviour{}, "system/*.read", "system/*.read"); !g.MayReadAll() || !g.MayRead("Anything") {
		t.Errorf("%v", g.Scopes)
	}
	if g := grant(Behaviour{ExpandWildcard: true}, "system/*.read", "system/*.read"); !g.MayReadAll() || g.MayRead("Anything") {
		t.Errorf("all types one by one: %v", g.Scopes)
	}
	if g := grant(Behaviour{}, "system/*.cruds", "system/*.cruds"); g.MayWrite("Patient") {
		t.Errorf("write rights: %v", g.Scopes)
	}
	if g := grant(Behaviour{GrantWrite: true}, "system/Patient.rs", "system/*.rs"); !g.MayWrite("Patient") {
		t.Errorf("GrantWrite: %v", g.Scopes)
	}
	if g := grant(Behaviour{ReadAsLetters: true}, "system/Patient.read", "system/*.rs"); !g.MayWrite("Patient") || g.MaySearch("Patient") {
		t.Errorf("ReadAsLetters: %v", g.Scopes)
	}
	if g := grant(Behaviour{EchoRequestedScope: true}, "system/*.rs", "system/Patient.rs"); g.MayRead("Group") {
		t.Errorf("EchoRequestedScope: %v", g.Scopes)
	}
	if g := grant(Behaviour{GrantExcess: true}, "system/Group.rs", "system/Patient.rs"); !g.MayRead("Group") {
		t.Errorf("GrantExcess: %v", g.Scopes)
	}
	if g := grant(Behaviour{GrantConstraint: true}, "system/Observation.rs?category=lab", "system/*.rs"); !g.MayRead("Observation") {
		t.Errorf("GrantConstraint: %v", g.Scopes)
	}
	if g := grant(Behaviour{GrantUnknown: true}, "system/Patient.rs system/Device.rs", "system/*.rs"); g.MayRead("Device") {
		t.Errorf("GrantUnknown: %v", g.Scopes)
	}
	if g := grant(Behaviour{FirstScopeOnly: true}, "system/Patient.rs system/Group.rs", "system/*.rs"); g.MayRead("Group") {
		t.Errorf("FirstScopeOnly: %v", g.Scopes)
	}
	if g := Unlimited("x", clockStart); !g.MayReadAll() || g.MayWrite("Patient") || g.ClientID != "x" {
		t.Errorf("Unlimited: %+v", g)
	}
}
