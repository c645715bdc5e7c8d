package refserver

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// varied starts a small server with the variations.
func varied(t *testing.T, list ...Variation) *Running {
	t.Helper()
	cfg := Config{PollsUntilDone: 1, Auth: true, Patients: 8, Clients: []authz.Client{registered("a", "system/*.rs")}}
	for _, v := range list {
		if v.NeedsOpen {
			cfg.Auth, cfg.Clients = false, nil
		}
		if !v.LegalUnder(IG300) {
			cfg.IG = v.Versions[0]
		}
	}
	if err := cfg.Vary(list...); err != nil {
		t.Fatal(err)
	}
	run, err := Start(cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close(context.Background()) })
	return run
}

// Every variation serves: the CapabilityStatement is there or asks for a token, and a kick-off is answered by an
// acceptance, or by a refusal that is not a breakdown. Whether it conforms is for the judge to say (suites/selftest).
func TestVariationsServe(t *testing.T) {
	if n := len(Variations()); n < 80 {
		t.Errorf("%d variations", n)
	}
	for _, v := range Variations() {
		t.Run(v.Name, func(t *testing.T) {
			run := varied(t, v)
			c := &tester{T: t, server: run.Server, base: run.URL, client: run.Client()}
			switch {
			case v.Name == "rs384-only": // the tester of this package signs with ES384
				c.want(c.get("/metadata"), 200)
				return
			case !v.NeedsOpen:
				c = c.as(c.login("a", "system/*.rs"))
			}
			c.want(c.get("/metadata"), 200)
			path := "/$export?_type=Patient,Condition"
			switch v.Name {
			case "group-only", "no-system-level":
				path = "/Group/few/$export?_type=Patient,Condition"
			case "patient-only":
				path = "/Patient/$export?_type=Patient,Condition"
			}
			r := c.do("GET", path, headers{"Accept": fhirJSON, "Prefer": "respond-async"}, "")
			if r.status == 429 {
				if v.Name != "kickoff-throttled-at-first" {
					t.Errorf("throttled: %s", r.body)
				}
				return
			}
			c.want(r, 202)
			if loc := r.header.Get("Content-Location"); loc == "" {
				t.Error("no polling location")
			}
		})
	}
}

func TestVariationsOfLinesKeepTheirMeaning(t *testing.T) {
	const line = `{"resourceType":"Patient","id":"a/b","meta":{"versionId":"1"},"name":[{"text":"Zoë \\ \"é\" 😀 </p>"}],"n":1.50}`
	var want, got any
	if err := json.Unmarshal([]byte(line), &want); err != nil {
		t.Fatal(err)
	}
	reversed := editMembers([]byte(line), func(m []member) []member {
		m[0], m[1] = m[1], m[0]
		return m
	})
	for _, edited := range [][]byte{escapeASCII([]byte(line)), reversed} {
		if bytes.Equal(edited, []byte(line)) {
			t.Error("nothing was edited")
		}
		if err := json.Unmarshal(edited, &got); err != nil {
			t.Fatalf("%v: %s", err, edited)
		}
		a, _ := json.Marshal(want)
		if b, _ := json.Marshal(got); !bytes.Equal(a, b) {
			t.Errorf("%s became %s", a, b)
		}
	}
	for _, bad := range []string{"", "[1]", `{"a":`, `{"a" 1}`, "{"} {
		if got := editMembers([]byte(bad), func(m []member) []member { return nil }); string(got) != bad {
			t.Errorf("%q became %q", bad, got)
		}
	}
	var b bytes.Buffer
	u := &unterminated{w: &b}
	for _, s := range []string{"a\n", "", "b\nc\n", "\n"} {
		if n, err := u.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if err := u.Close(); err != nil || b.String() != "a\nb\nc\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestVariationsAreValidated(t *testing.T) {
	good := Variation{Name: "x", Area: "status", Doc: "d", Permits: "A long enough sentence says so. (3.0.0 export.html#headers)", Apply: func(*Config) {}}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Variation){
		"name": func(v *Variation) { v.Name = "No Name" }, "area": func(v *Variation) { v.Area = "" }, "doc": func(v *Variation) { v.Doc = "" },
		"source": func(v *Variation) { v.Permits = "Because it has always been permitted." }, "apply": func(v *Variation) { v.Apply = nil },
		"version": func(v *Variation) { v.Versions = []string{"9"} }, "excludes": func(v *Variation) { v.Excludes = []string{""} },
		"needs": func(v *Variation) { v.NeedsOpen, v.NeedsAuth = true, true },
	} {
		v := good
		spoil(&v)
		if v.validate() == nil {
			t.Errorf("%s is not looked at", what)
		}
	}
}

func TestVaryRefusesContradictions(t *testing.T) {
	named := func(name string) Variation {
		v, ok := VariationNamed(name)
		if !ok {
			t.Fatalf("there is no variation %s", name)
		}
		return v
	}
	for _, c := range []struct {
		cfg  Config
		list []Variation
		want string
	}{
		{Config{}, []Variation{named("group-only"), named("system-only")}, "cannot be both group-only and system-only"},
		{Config{IG: IG200}, []Variation{named("no-until")}, "no legal variation under 2.0.0"},
		{Config{}, []Variation{named("capability-urls")}, "set Auth"},
		{Config{Auth: true}, []Variation{named("open-server")}, "leave Auth out"},
		{Config{}, []Variation{named("no-count"), named("no-count")}, "cannot be both"},
	} {
		err := c.cfg.Vary(c.list...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if c.cfg.Levels != nil || c.cfg.Behaviour.Manifest != nil {
			t.Error("something was applied all the same")
		}
	}
	if _, ok := VariationNamed("no-such"); ok {
		t.Error("an unknown variation was found")
	}
}
