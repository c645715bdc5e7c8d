package spec

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
	. "github.com/onsi/gomega"
)

// files returns a copy of the embedded catalogue that a test may break.
func files(t testing.TB) fstest.MapFS {
	t.Helper()
	dir, err := fs.Sub(embedded, "catalogue")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

// replace changes the first occurrence of old after the line that begins with entry; "" stands for the whole file.
func replace(t testing.TB, dir fstest.MapFS, name, entry, old, new string) {
	t.Helper()
	s := string(dir[name].Data)
	at := strings.Index(s, entry)
	if at < 0 || !strings.Contains(s[at:], old) {
		t.Fatalf("%s has no %q after %q", name, old, entry)
	}
	dir[name] = &fstest.MapFile{Data: []byte(s[:at] + strings.Replace(s[at:], old, new, 1))}
}

func TestLoadIsStrict(t *testing.T) {
	const shared, v3 = "requirements.json", "3.0.0.json"
	const r, e = `"KICKOFF-001":`, `"KICKOFF-001":`
	type edit struct{ file, entry, old, new string }
	for name, tc := range map[string]struct {
		edits []edit
		want  []string // every one has to be in the error
	}{
		"unknown member":             {[]edit{{v3, e, `"level"`, `"lever"`}}, []string{v3, "KICKOFF-001", "lever"}},
		"unknown requirement member": {[]edit{{shared, r, `"summary"`, `"sumary"`}}, []string{shared, "KICKOFF-001", "sumary"}},
		"duplicate id":               {[]edit{{shared, "", `"KICKOFF-002":`, `"KICKOFF-001":`}}, []string{shared, "duplicate", "KICKOFF-001"}},
		"duplicate entry":            {[]edit{{v3, "", `"KICKOFF-002":`, `"KICKOFF-001":`}}, []string{v3, "duplicate", "KICKOFF-001"}},
		"duplicate key": {[]edit{{shared, `"KICKOFF-002":`, `KICKOFF/get`, `KICKOFF/async-pattern`}},
			[]string{shared, "KICKOFF-002", "duplicate key KICKOFF/async-pattern", "KICKOFF-001"}},
		"unknown level": {[]edit{{v3, e, `"SHALL"`, `"MUST"`}}, []string{v3, "KICKOFF-001", `unknown level "MUST"`, "SHALL NOT"}},
		"level without NOT": {[]edit{{v3, e, `"SHALL"`, `"MAY NOT"`}},
			[]string{v3, "KICKOFF-001", `unknown level "MAY NOT"`}},
		"unknown kind":       {[]edit{{v3, e, `"fail"`, `"failure"`}}, []string{v3, "KICKOFF-001", `unknown kind "failure"`, "tolerate"}},
		"unknown basis":      {[]edit{{v3, e, `"keyword"`, `"hearsay"`}}, []string{v3, "KICKOFF-001", `unknown basis "hearsay"`, "implied"}},
		"kind against level": {[]edit{{v3, e, `"SHALL"`, `"SHOULD"`}}, []string{v3, "KICKOFF-001", "kind fail goes with SHALL"}},
		"no source":          {[]edit{{v3, e, `export.html#bulk-data-kick-off-request`, ``}}, []string{v3, "KICKOFF-001", "source", "page#anchor"}},
		"file without line":  {[]edit{{v3, e, `export.md:75`, `export.md`}}, []string{v3, "KICKOFF-001", "path:line"}},
		"also_at without place": {[]edit{{v3, e, ` (input/fsh/instances/export.fsh:12)`, ``}},
			[]string{v3, "KICKOFF-001", "also_at"}},
		"entry without requirement": {[]edit{{v3, "", `"KICKOFF-001":`, `"KICKOFF-999":`}}, []string{v3, "KICKOFF-999", shared}},
		"requirement without entry": {[]edit{{shared, "", `"requirements":{`, `"requirements":{"KICKOFF-999":{"key":"KICKOFF/x","actor":"server","summary":"x","testable":"x"},`}},
			[]string{shared, "KICKOFF-999", "no version has this requirement"}},
		"unknown area":     {[]edit{{shared, "", `"KICKOFF-031":`, `"KICK-031":`}, {"4.0.0-ballot.json", "", `"KICKOFF-031":`, `"KICK-031":`}}, []string{"KICK-031", "unknown area KICK"}},
		"malformed id":     {[]edit{{shared, "", `"KICKOFF-031":`, `"KICKOFF-31":`}, {"4.0.0-ballot.json", "", `"KICKOFF-031":`, `"KICKOFF-31":`}}, []string{`"KICKOFF-31"`, "AREA-001"}},
		"key of another":   {[]edit{{shared, r, `KICKOFF/async-pattern`, `STATUS/async-pattern`}}, []string{"KICKOFF-001", "STATUS/async-pattern", "KICKOFF/lower-case-words"}},
		"unknown actor":    {[]edit{{shared, r, `"server"`, `"servant"`}}, []string{shared, "KICKOFF-001", `unknown actor "servant"`}},
		"unknown need":     {[]edit{{shared, `"JWT-001":`, `"auth"`, `"oath"`}}, []string{shared, "JWT-001", `unknown need "oath"`}},
		"related to none":  {[]edit{{shared, `"KICKOFF-002":`, `"KICKOFF-003"`, `"KICKOFF-903"`}}, []string{shared, "KICKOFF-002", "KICKOFF-903"}},
		"empty summary":    {[]edit{{shared, r, `"summary":"Export is started with the FHIR asynchronous request pattern (respond-async, 202, polling location)."`, `"summary":""`}}, []string{"KICKOFF-001", "summary is missing"}},
		"empty testable":   {[]edit{{shared, `"JWT-003":`, `"testable":"no: client duty."`, `"testable":""`}}, []string{"JWT-003", "testable is missing"}},
		"reason: a word":   {[]edit{{shared, `"CAPABILITY-010":`, `"untested":"It`, `"untested":"n/a","leniency":"It`}}, []string{"CAPABILITY-010", "n/a", "full sentence"}},
		"reason: status":   {[]edit{{shared, `"CAPABILITY-010":`, `"untestable"`, `"whatever"`}}, []string{"CAPABILITY-010", `unknown untested status "whatever"`}},
		"shrunk version":   {[]edit{{v3, "", `"requirement_count":341`, `"requirement_count":340`}}, []string{"3.0.0", "340", "341"}},
		"misnamed version": {[]edit{{v3, "", `"version":"3.0.0"`, `"version":"3.0.1"`}}, []string{v3, "3.0.1"}},
		"bad site":         {[]edit{{v3, "", `"site":"http://`, `"site":"ftp://`}}, []string{"3.0.0", "site", "ftp://"}},
		"serves unknown":   {[]edit{{"smart-2.2.0.json", "", `"versions":["2.0.0"`, `"versions":["2.0"`}}, []string{"smart-2.2.0", `unknown IG version "2.0"`}},
		"serves nobody":    {[]edit{{"smart-2.2.0.json", "", `"versions":["2.0.0","3.0.0","4.0.0-ballot"]`, `"versions":[]`}}, []string{"smart-2.2.0", "serves names no version"}},
		"IG serves":        {[]edit{{v3, "", `"requirement_count":341`, `"requirement_count":341,"serves":[{"versions":["2.0.0"]}]`}}, []string{"3.0.0", "serves is for"}},
		"area twice":       {[]edit{{shared, "", `{"name":"JWT"`, `{"name":"DISCOVERY","title":"again"},{"name":"JWT"`}}, []string{"DISCOVERY", "twice"}},
		"area untitled":    {[]edit{{shared, "", `"title":"Scopes"`, `"title":""`}}, []string{"SCOPE", "title"}},
		"broken JSON":      {[]edit{{v3, "", `{"document"`, `{"document`}}, []string{v3}},
		"wrong type":       {[]edit{{v3, e, `"level":"SHALL"`, `"level":3`}}, []string{v3, "KICKOFF-001"}},
		"invalid UTF-8":    {[]edit{{v3, e, `export.html`, "export\xff.html"}}, []string{v3}},
		"second value":     {[]edit{{v3, "", `{"document"`, `{}{"document"`}}, []string{v3}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := files(t)
			for _, ed := range tc.edits {
				replace(t, dir, ed.file, ed.entry, ed.old, ed.new)
			}
			_, err := load(dir)
			g.Expect(err).To(HaveOccurred())
			for _, want := range tc.want {
				g.Expect(err).To(MatchError(ContainSubstring(want)))
			}
		})
	}
}

func TestLoadWantsEveryFile(t *testing.T) {
	for name := range files(t) {
		dir := files(t)
		delete(dir, name)
		_, err := load(dir)
		if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, ".json")) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	dir := files(t)
	dir["5.0.0.json"] = &fstest.MapFile{Data: []byte(strings.Replace(string(dir["3.0.0.json"].Data), `"version":"3.0.0"`, `"version":"5.0.0"`, 1))}
	if _, err := load(dir); err == nil || !strings.Contains(err.Error(), `unknown version "5.0.0"`) {
		t.Errorf("a version without a constant: %v", err)
	}
}

func TestEveryProblemIsListed(t *testing.T) {
	g := NewWithT(t)
	dir := files(t)
	replace(t, dir, "3.0.0.json", `"STATUS-001":`, `"SHALL"`, `"MUST"`)
	replace(t, dir, "2.0.0.json", `"STATUS-004":`, `"warn"`, `"worn"`)
	replace(t, dir, "requirements.json", `"DELETE-003":`, `"server"`, `"nobody"`)
	_, err := load(dir)
	for _, want := range []string{"STATUS-001", "STATUS-004", "DELETE-003"} {
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

func TestDigest(t *testing.T) {
	g := NewWithT(t)
	digest := func(dir fs.FS) string {
		c, err := load(dir)
		g.Expect(err).NotTo(HaveOccurred())
		return c.Digest()
	}
	want := MustLoad().Digest()
	g.Expect(want).To(MatchRegexp(`^sha256:[0-9a-f]{64}$`))
	g.Expect(digest(files(t))).To(Equal(want))

	relaid := files(t)
	for name, f := range relaid {
		relaid[name] = &fstest.MapFile{Data: regexp.MustCompile(`,\n`).ReplaceAll(f.Data, []byte(" ,\n\t "))}
	}
	g.Expect(digest(relaid)).To(Equal(want), "the layout is no content")

	for _, ed := range [][3]string{
		{"requirements.json", `"negative":"answers 200 with a Bundle`, `"negative":"answers 201 with a Bundle`},
		{"3.0.0.json", `export.md:75`, `export.md:76`},
		{"smart-2.2.0.json", `"ref":"tag 2.2.0"`, `"ref":"tag 2.2.1"`},
		{"requirements.json", `"title":"Scopes"`, `"title":"Scope"`},
	} {
		changed := files(t)
		replace(t, changed, ed[0], "", ed[1], ed[2])
		g.Expect(digest(changed)).NotTo(Equal(want), ed[2])
	}
}

// someFiles returns a catalogue of a few requirements in every version: fuzzing the whole one managed less than one
// execution per second.
func someFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	c, err := wire.ReadJSON(files(t))
	if err != nil {
		t.Fatal(err)
	}
	keep := []string{"KICKOFF-001", "KICKOFF-002", "JWT-001", "JWT-007", "ASYNC-001", "ASYNCBUNDLE-001"}
	c.Requirements = slices.DeleteFunc(c.Requirements, func(r wire.Requirement) bool { return !slices.Contains(keep, r.ID) })
	for i := range c.Documents {
		c.Documents[i].Count = 0
		for j := range c.Requirements {
			c.Requirements[j].Related = nil
			if _, ok := c.Requirements[j].Entries[c.Documents[i].Version]; ok {
				c.Documents[i].Count++
			}
		}
	}
	encoded, err := c.EncodeJSON()
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for name, data := range encoded {
		out[name] = &fstest.MapFile{Data: data}
	}
	if _, err := load(out); err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzLoad puts arbitrary bytes in the place of one catalogue file: an error or a usable catalogue, never a panic.
func FuzzLoad(f *testing.F) {
	base := someFiles(f)
	names := slices.Sorted(maps.Keys(base))
	for i, name := range names {
		f.Add(uint8(i), base[name].Data)
	}
	f.Add(uint8(0), []byte(`{"document":{"version":"1.0.1"},"entries":{"KICKOFF-001":{"level":"SHALL","kind":"fail"}}}`))
	f.Add(uint8(0), []byte(`{"document":{"version":"1.0.1"},"entries":{"KICKOFF-001":{},"KICKOFF-001":{}}}`))
	f.Add(uint8(5), []byte(`{"areas":[{"name":"A","title":"B"}],"requirements":{"A-001":{"key":"A/b"},"-":{},"":{},"A-":{}}}`))
	f.Add(uint8(5), []byte(`{"areas":null,"requirements":null}`))
	f.Add(uint8(3), []byte("\xff\xfe"))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		dir := maps.Clone(base)
		dir[names[int(which)%len(names)]] = &fstest.MapFile{Data: data}
		c, err := load(dir)
		if err != nil {
			return
		}
		for _, r := range c.All() {
			if got, ok := c.Get(r.Key); !ok || got.ID != r.ID {
				t.Errorf("%s is listed but not found", r.ID)
			}
		}
		if !strings.HasPrefix(c.Digest(), "sha256:") {
			t.Error("no digest")
		}
	})
}
