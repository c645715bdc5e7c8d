package yamlsource

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
	. "github.com/onsi/gomega"
)

var (
	versions = []string{"1.0", "2.0", "auth"}
	ig       = []string{"1.0", "2.0"}
)

const small = `
-- areas.yaml --
- name: KICKOFF
  title: Kick-off
- name: AUTH
  title: Authorization
  keys: TOKEN
-- versions.yaml --
"1.0":
  ig: Guide
  version: "1.0"
  repo: r
  commit: c
  licence: CC0-1.0
  site: http://example.org/1/
  offline: one
  requirement_count: 2
"2.0":
  ig: Guide
  version: "2.0"
  repo: r
  commit: c
  ref: main
  licence: CC0-1.0
  site: http://example.org/2/
  offline: two
  requirement_count: 1
auth:
  ig: Other
  version: "9"
  repo: r
  commit: c
  licence: CC0-1.0
  site: http://example.org/auth/
  offline: auth
  requirement_count: 1
  serves:
  - page: token.html
    versions: ["2.0"]
-- untested.yaml --
- status: client
  kinds: [client, untestable]
  actors: [client]
  reason: It binds the client only and no server can violate it.
- status: open
  areas: [AUTH]
  reason: The suite does not look at authorization so far.
-- kickoff.yaml --
- id: KICKOFF-002
  key: KICKOFF/accept
  actor: client
  summary: The client says what it accepts.
  conditional: null
  testable: 'no: client duty.'
  negative: null
  versions:
    "1.0":
      level: SHALL
      kind: client
      basis: keyword
      source: export.html#headers
      file: export.md:9
- id: KICKOFF-001
  key: KICKOFF/post
  actor: server
  summary: The server takes POST.
  conditional: never
  testable: POST it.
  negative: refuses it
  leniency: 405 is fine
  changes: new
  related: [KICKOFF-002]
  needs: [auth]
  versions:
    "1.0":
      level: SHOULD NOT
      kind: warn
      basis: table
      source: export.html#post
      file: export.md:7
      summary: The server takes POST too.
      also_at:
      - other.html#x (other.md:3)
    "2.0":
      level: SHALL
      kind: fail
      basis: keyword
      source: export.html
      file: export.md:8
-- auth.yaml --
- id: AUTH-001
  key: TOKEN/post
  actor: server
  summary: The token endpoint takes POST.
  testable: POST it.
  versions:
    auth:
      level: MAY
      kind: tolerate
      basis: implied
      source: token.html#post
      file: token.md:2
`

// tree splits "-- name --" sections into files.
func tree(text string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, section := range strings.Split(text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(section, " --\n")
		out[name] = &fstest.MapFile{Data: []byte(body)}
	}
	return out
}

func TestRead(t *testing.T) {
	g := NewWithT(t)
	c, err := Read(tree(small), versions, ig)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.Requirements).To(HaveLen(3))
	r := c.Requirements[0]
	g.Expect(r).To(Equal(wire.Requirement{
		ID: "KICKOFF-001", Key: "KICKOFF/post", Actor: "server", Summary: "The server takes POST.", Conditional: "never",
		Testable: "POST it.", Negative: "refuses it", Leniency: "405 is fine", Changes: "new",
		Related: []string{"KICKOFF-002"}, Needs: []string{"auth"}, At: "kickoff.yaml:15: KICKOFF-001",
		Entries: map[string]wire.Entry{
			"1.0": {Level: "SHOULD NOT", Kind: "warn", Basis: "table", Source: "export.html#post", File: "export.md:7",
				Summary: "The server takes POST too.", AlsoAt: []string{"other.html#x (other.md:3)"}, At: "kickoff.yaml:28: KICKOFF-001 1.0"},
			"2.0": {Level: "SHALL", Kind: "fail", Basis: "keyword", Source: "export.html", File: "export.md:8", At: "kickoff.yaml:37: KICKOFF-001 2.0"},
		},
	}))
	g.Expect(c.Requirements[1].UntestedStatus).To(Equal("client"))
	g.Expect(c.Requirements[1].Conditional).To(BeEmpty(), "null is no text")
	g.Expect(c.Requirements[2].UntestedStatus).To(Equal("open"))
	g.Expect(c.Documents[2].Serves).To(Equal([]wire.Serve{{Page: "token.html", Versions: []string{"2.0"}}}))
}

func TestJSONHoldsWhatTheYAMLSays(t *testing.T) {
	g := NewWithT(t)
	c, err := Read(tree(small), versions, ig)
	g.Expect(err).NotTo(HaveOccurred())
	files, err := c.EncodeJSON()
	g.Expect(err).NotTo(HaveOccurred())
	dir := fstest.MapFS{}
	for name, data := range files {
		dir[name] = &fstest.MapFile{Data: data}
	}
	back, err := wire.ReadJSON(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(back.Validate(versions, ig)).To(Succeed())
	for _, x := range []*wire.Catalogue{c, back} { // where an entry was read is all that may differ
		for i := range x.Requirements {
			x.Requirements[i].At = ""
			for v, e := range x.Requirements[i].Entries {
				e.At = ""
				x.Requirements[i].Entries[v] = e
			}
		}
	}
	g.Expect(back).To(Equal(c))
	again, err := back.EncodeJSON()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(files))
}

func TestReadIsStrict(t *testing.T) {
	for name, tc := range map[string]struct {
		old, new string
		want     []string
	}{
		"unknown field":        {"  negative: refuses it", "  negativ: refuses it", []string{"kickoff.yaml:21: KICKOFF-001", `unknown field "negativ"`}},
		"unknown entry field":  {"      basis: table", "      base: table", []string{"kickoff.yaml:30: KICKOFF-001 1.0", `unknown field "base"`}},
		"duplicate field":      {"  changes: new", "  changes: new\n  changes: newer", []string{"kickoff.yaml:", "KICKOFF-001", "changes"}},
		"duplicate id":         {"- id: KICKOFF-002", "- id: KICKOFF-001", []string{"kickoff.yaml:", "duplicate id KICKOFF-001"}},
		"duplicate key":        {"KICKOFF/accept", "KICKOFF/post", []string{"kickoff.yaml:", "KICKOFF-00", "duplicate key KICKOFF/post"}},
		"unknown version":      {"    auth:", "    auth2:", []string{"auth.yaml:", "AUTH-001", `unknown version "auth2"`}},
		"unknown level":        {"level: SHOULD NOT", "level: SHOULD NEVER", []string{"kickoff.yaml:28: KICKOFF-001 1.0", `unknown level "SHOULD NEVER"`}},
		"unknown kind":         {"kind: tolerate", "kind: ignore", []string{"auth.yaml:8: AUTH-001 auth", `unknown kind "ignore"`}},
		"unknown basis":        {"basis: implied", "basis: guess", []string{"auth.yaml:8: AUTH-001 auth", `unknown basis "guess"`}},
		"number for a text":    {"commit: c", "commit: 7", []string{"versions.yaml:5: 1.0", "quotes"}},
		"text for a number":    {"requirement_count: 2", "requirement_count: two", []string{"versions.yaml:9: 1.0", "expected a number"}},
		"text for a list":      {"needs: [auth]", "needs: auth", []string{"kickoff.yaml:25", "KICKOFF-001", "expected a list"}},
		"list for fields":      {`    "2.0":` + "\n      level: SHALL\n      kind: fail\n      basis: keyword\n      source: export.html\n      file: export.md:8", `    "2.0": [SHALL]`, []string{"kickoff.yaml:36: KICKOFF-001 2.0", "expected fields"}},
		"repeated item":        {"needs: [auth]", "needs: [auth, auth]", []string{"KICKOFF-001", "listed twice"}},
		"empty item":           {"needs: [auth]", "needs: [auth, null]", []string{"KICKOFF-001", "empty item"}},
		"file of another area": {"- id: KICKOFF-002", "- id: AUTH-002", []string{"kickoff.yaml:", "AUTH-002 does not belong"}},
		"no id":                {"- id: AUTH-001\n  key", "- key", []string{"auth.yaml:1"}},
		"own place repeated":   {"other.html#x (other.md:3)", "export.html#post (export.md:7)", []string{"KICKOFF-001 1.0", "own place"}},
		"alias":                {"conditional: never", "conditional: &a never\n  extra: *a", []string{"KICKOFF-001", "extra"}},
		"alias as a value":     {"actor: server\n  summary: The server", "actor: &a server\n  conditional: *a\n  summary: The server", []string{"kickoff.yaml:"}},
		"second document":      {"-- kickoff.yaml --\n", "-- kickoff.yaml --\n[]\n---\n", []string{"kickoff.yaml:", "second document"}},
		"not YAML":             {"needs: [auth]", "needs: [auth", []string{"kickoff.yaml", "not YAML"}},
		"empty file":           {"- name: KICKOFF\n  title: Kick-off\n- name: AUTH\n  title: Authorization\n  keys: TOKEN", "", []string{"areas.yaml", "empty"}},
		"area without a file":  {"- name: AUTH\n", "- name: NONE\n  title: None\n- name: AUTH\n", []string{"none.yaml"}},
		"file without an area": {"- name: AUTH\n  title: Authorization\n  keys: TOKEN\n", "", []string{"auth.yaml", "areas.yaml lists no such area"}},
		"count":                {"requirement_count: 2", "requirement_count: 3", []string{"1.0", "says 3", "holds 2"}},

		"overlay: unknown field":       {"  areas: [AUTH]", "  area: [AUTH]", []string{"untested.yaml:6", `unknown field "area"`}},
		"overlay: unknown requirement": {"areas: [AUTH]", "requirements: [AUTH-009]", []string{"untested.yaml:5", `requirements names "AUTH-009"`}},
		"overlay: unknown area":        {"areas: [AUTH]", "areas: [AUTH, NONE]", []string{"untested.yaml:5", `areas names "NONE"`}},
		"overlay: unknown status":      {"status: open", "status: later", []string{"AUTH-001", `unknown untested status "later"`}},
		"overlay: unknown exception":   {"actors: [client]", "actors: [client]\n  except: [KICKOFF/nothing]", []string{"untested.yaml:1", `except names "KICKOFF/nothing"`}},
		"overlay: vain exception":      {"actors: [client]", "actors: [client]\n  except: [AUTH-001]", []string{"untested.yaml:1", "except names AUTH-001", "not select"}},
		"overlay: selects nothing":     {"actors: [client]", "actors: [both]", []string{"untested.yaml:1", "selects no requirement"}},
		"overlay: everything excepted": {"actors: [client]", "actors: [client]\n  except: [KICKOFF/accept]", []string{"untested.yaml:1", "selects no requirement"}},
		"overlay: no selector":         {"  areas: [AUTH]\n", "", []string{"untested.yaml:5", "exactly one of"}},
		"overlay: two selectors":       {"areas: [AUTH]", "areas: [AUTH]\n  kinds: [client]", []string{"untested.yaml:5", "exactly one of"}},
		"overlay: actors of an area":   {"areas: [AUTH]", "areas: [AUTH]\n  actors: [server]", []string{"untested.yaml:5", "actors goes with kinds"}},
		"overlay: no reason":           {"  reason: The suite does not look at authorization so far.\n", "", []string{"untested.yaml:5", "full sentence"}},
		"overlay: lower case":          {"reason: The suite", "reason: the suite", []string{"untested.yaml:5", "capital letter"}},
		"overlay: no full stop":        {"so far.", "so far", []string{"untested.yaml:5", "full stop"}},
		"overlay: contested":           {"- status: open\n", "- status: open\n  requirements: [AUTH-001]\n  reason: One reason is given in this place.\n- status: open\n  requirements: [TOKEN/post]\n  reason: Another reason is given in this place.\n- status: open\n", []string{"untested.yaml:8", "AUTH-001", "untested.yaml:5"}},
		"overlay: twice in one rule":   {"areas: [AUTH]", "requirements: [AUTH-001, TOKEN/post]", []string{"untested.yaml:5", "AUTH-001 twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(small).To(ContainSubstring(tc.old))
			_, err := Read(tree(strings.Replace(small, tc.old, tc.new, 1)), versions, ig)
			g.Expect(err).To(HaveOccurred())
			for _, want := range tc.want {
				g.Expect(err).To(MatchError(ContainSubstring(want)))
			}
		})
	}
	for name := range tree(small) {
		dir := tree(small)
		delete(dir, name)
		if _, err := Read(dir, versions, ig); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// The narrower rule wins, whatever the order in the file.
func TestOverlayRanks(t *testing.T) {
	g := NewWithT(t)
	const rules = `
-- untested.yaml --
- status: open
  areas: [KICKOFF, AUTH]
  except: [AUTH-001]
  reason: This is the reason for whole areas.
- status: untestable
  requirements: [KICKOFF/post]
  reason: This is the reason for a single requirement.
- status: client
  kinds: [client]
  reason: This is the reason for all of a kind.
`
	dir := tree(small)
	maps.Copy(dir, tree(rules))
	c, err := Read(fs.FS(dir), versions, ig)
	g.Expect(err).NotTo(HaveOccurred())
	var got []string
	for _, r := range c.Requirements {
		got = append(got, r.ID+" "+r.UntestedStatus)
	}
	g.Expect(got).To(Equal([]string{"KICKOFF-001 untestable", "KICKOFF-002 client", "AUTH-001 "}))
	g.Expect(c.Requirements[0].Untested).To(Equal("This is the reason for a single requirement."))
}

// FuzzRead puts arbitrary bytes in the place of one source file: an error or a valid catalogue, never a panic.
func FuzzRead(f *testing.F) {
	names := []string{"areas.yaml", "versions.yaml", "untested.yaml", "kickoff.yaml", "auth.yaml"}
	base := tree(small)
	for i, name := range names {
		f.Add(uint8(i), base[name].Data)
	}
	for _, s := range []string{"", "---\n---\n", "- *a", "&a [*a]", "a: &a\n  b: *a", "? [a, b]\n: c", "- id: [x]\n  key: {}", "- !!binary aGk=",
		"<<: {id: KICKOFF-001}", "- id: KICKOFF-001\n  versions: {\"1.0\": {also_at: [null, 1, []]}}", "\xff", "%YAML 9.9\n--- a"} {
		f.Add(uint8(3), []byte(s))
		f.Add(uint8(2), []byte(s))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		dir := maps.Clone(base)
		dir[names[int(which)%len(names)]] = &fstest.MapFile{Data: data}
		c, err := Read(dir, versions, ig)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		if _, err := c.EncodeJSON(); err != nil {
			t.Errorf("a valid catalogue that cannot be encoded: %v", err)
		}
	})
}
