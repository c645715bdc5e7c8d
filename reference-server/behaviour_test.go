package refserver

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// broken serves with a behaviour.
func broken(t *testing.T, apply func(*Behaviour)) *tester {
	t.Helper()
	cfg := Config{PollsUntilDone: 1}
	apply(&cfg.Behaviour)
	return serve(t, cfg)
}

func TestParametersHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.Parameters = func(r *http.Request, level Level, sent []Parameter) []Parameter {
			if r == nil || level != PatientLevel || len(sent) != 2 {
				t.Errorf("hook got %v %v", level, sent)
			}
			return sent[:1] // only the first _type counts
		}
	})
	if e := c.export("/Patient/$export?_type=Patient&_type=Condition", nil); !slices.Equal(e.types(), []string{"Patient"}) {
		t.Errorf("types %v", e.types())
	}
}

func TestKickOffHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.KickOff = func(e *Export) { e.Types, e.URL = nil, "/relative" }
	})
	e := c.export("/Patient/$export?_type=Patient", nil)
	if len(e.types()) < 5 || e.manifest["request"] != "/relative" {
		t.Errorf("types %v, request %v", e.types(), e.manifest["request"])
	}
}

func TestKeepHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.Keep = func(j JobInfo, r *dataset.Resource, include bool) bool {
			if r.Type == "Encounter" && include {
				t.Error("an Encounter that nobody asked for is said to be included")
			}
			return r.Type == "Encounter" && j.Export.Level == PatientLevel || include && r.Type != "Patient"
		}
	})
	if e := c.export("/Patient/$export?_type=Patient,Condition", nil); !slices.Equal(e.types(), []string{"Condition", "Encounter"}) {
		t.Errorf("types %v", e.types())
	}
}

func TestDeletionHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.Deletion = func(_ JobInfo, d dataset.Deletion, include bool) bool { return d.Type == "Patient" && !include }
	})
	m := c.manifestOf(c.kick("/Group/few/$export?_since=2019-06-01T00:00:00Z&_type=Observation", nil))
	for _, line := range c.file(list(m, "deleted")[0]["url"].(string)) {
		if !strings.Contains(string(line), `"Patient/`) || strings.Contains(string(line), `"Observation/`) {
			t.Errorf("deletions %s", line)
		}
	}
}

func TestExtraHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.Extra = func(JobInfo) []ExtraFile {
			return []ExtraFile{
				{Kind: OutputFile, Type: "Binary", Lines: []string{`{"resourceType":"Binary","id":"b"}`}},
				{Kind: DeletedFile, Type: "Bundle", Lines: []string{`{"resourceType":"Bundle"}`}},
				{Kind: ErrorFile, Type: "OperationOutcome", Lines: []string{}},
			}
		}
	})
	e := c.export("/$export?_type=Patient&_since=2090-01-01T00:00:00Z", nil)
	if !slices.Equal(e.refs, []string{"Binary/b"}) || len(list(e.manifest, "deleted")) != 1 || len(c.outcomes(e.manifest)) != 0 {
		t.Errorf("%v %v", e.refs, e.manifest)
	}
}

func TestManifestHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.ThenManifest(func(m map[string]any, j JobInfo) {
			m["seen"] = fmt.Sprintf("%s %d %d %d %d", j.Endpoint, j.Poll, j.Refetch, j.Page, j.Pages)
		})
		b.ThenManifest(func(m map[string]any, _ JobInfo) { delete(m, "error") })
	})
	location := c.kick("/Patient/$export?allowPartialManifests=true&_type=Patient,Condition", nil)
	partial := tree(c, c.want(c.get(location), 202).body)
	if partial["seen"] != "status 1 0 1 1" {
		t.Errorf("partial: %v", partial["seen"])
	}
	m := tree(c, c.want(c.get(location), 200).body)
	if got := m["seen"]; got != "manifest 2 1 1 3" {
		t.Errorf("complete: %v", got)
	}
	if _, ok := m["error"]; ok {
		t.Error("the second hook did not run")
	}
}

func TestCapabilityHook(t *testing.T) {
	c := broken(t, func(b *Behaviour) {
		b.ThenCapability(func(m map[string]any) { delete(m, "instantiates") })
		b.ThenCapability(func(m map[string]any) { m["fhirVersion"] = "5.0.0" })
	})
	m := tree(c, c.want(c.get("/metadata"), 200).body)
	if m["instantiates"] != nil || m["fhirVersion"] != "5.0.0" {
		t.Errorf("%v", m)
	}
}

func TestAccessHookOpensAndCloses(t *testing.T) {
	cfg := Config{Auth: true, Clients: []authz.Client{registered("wide", "system/*.rs")}, ResourcesPerFile: 10}
	var problems atomic.Value
	problems.Store("")
	cfg.Behaviour.Access = func(a AccessRequest, allowed bool) bool {
		if !a.HasToken && allowed {
			t.Error("allowed without a token")
		}
		switch {
		case a.Endpoint == File && a.Job != nil && a.Job.LastFile():
			problems.Store(a.Problem)
			return true // the last file is open to everybody
		case a.Endpoint == File && a.Job != nil && a.Job.File == 0:
			return false // the first is closed to everybody
		}
		return allowed
	}
	c := serve(t, cfg)
	c = c.as(c.login("wide", "system/*.rs"))
	items := list(c.manifestOf(c.kick("/Patient/$export?_type=Condition", nil)), "output")
	open := c.as("")
	open.want(open.get(items[len(items)-1]["url"].(string)), 200)
	if problems.Load() != ProblemToken {
		t.Errorf("problem %v", problems.Load())
	}
	open.want(open.get(items[1]["url"].(string)), 401)
	c.refusal(c.get(items[0]["url"].(string)), 403, "forbidden")

	var plain Config
	plain.Behaviour.Access = func(a AccessRequest, allowed bool) bool { return a.Endpoint != Attachment }
	o := serve(t, plain)
	o.refusal(o.get("/vault/paper/x"), 403, "forbidden")
	o.want(o.get("/$export"), 202)
}

func TestAuthBehaviourIsUsed(t *testing.T) {
	cfg := Config{Auth: true}
	cfg.Behaviour.Auth.AcceptNoToken = true
	c := serve(t, cfg)
	if e := c.export("/Patient/$export?_type=Patient", nil); len(e.refs) == 0 {
		t.Error("nothing exported")
	}
}

func TestAnswerHookSeesEveryEndpoint(t *testing.T) {
	var seen []string
	cfg := Config{PollsUntilDone: 1, Auth: true, Clients: []authz.Client{registered("wide", "system/*.rs")}}
	cfg.Behaviour.ThenAnswer(func(a *Answer) {
		job := ""
		if a.Job != nil {
			job = " job"
		}
		seen = append(seen, fmt.Sprintf("%s %d%s", a.Endpoint, a.Status, job))
		if a.Request == nil || a.Header == nil || a.Now.IsZero() {
			t.Errorf("incomplete: %+v", a)
		}
	})
	c := serve(t, cfg)
	c = c.as(c.login("wide", "system/*.rs"))
	c.get("/metadata")
	c.get("/.well-known/smart-configuration")
	location := c.kick("/$export?_type=DocumentReference", nil)
	c.get(location)
	m := tree(c, c.get(location).body)
	for _, line := range c.file(list(m, "output")[0]["url"].(string)) {
		if u, ok := list(tree(c, line), "content")[0]["attachment"].(map[string]any)["url"].(string); ok {
			c.get(u)
			break
		}
	}
	c.get("/Patient/x")
	c.do("DELETE", location, nil, "")
	c.get(location)
	c.get("/elsewhere")
	want := []string{"token 200", "metadata 200", "smart-config 200", "kick-off 202 job", "status 202 job", "manifest 200 job", "file 200 job",
		"attachment 200", "read 404", "delete 202 job", "status 404", "other 404"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q,\nwant %q", seen, want)
	}
}

func TestAnswerHookEdits(t *testing.T) {
	export := "/Patient/$export?_type=Patient"
	fileOf := func(c *tester) string { return list(c.manifestOf(c.kick(export, nil)), "output")[0]["url"].(string) }
	onFile := func(edit func(*Answer)) *tester {
		return broken(t, func(b *Behaviour) {
			b.Answer = func(a *Answer) {
				if a.Endpoint == File && a.Status == 200 {
					if !a.Streamed() || a.Job.FileType != "Patient" || a.Job.Kind != OutputFile || a.Job.Lines == 0 || a.Job.Files == 0 || a.Job.TypeFiles == 0 {
						t.Errorf("info of a file: %+v", a.Job)
					}
					edit(a)
				}
			}
		})
	}
	plain := serve(t, Config{})
	want := plain.get(fileOf(plain)).body

	c := broken(t, func(b *Behaviour) {
		b.Answer = func(a *Answer) {
			if a.Endpoint == KickOff {
				a.Status = 200
				a.Header.Del("Content-Location")
				a.Header.Set("Content-Type", "text/html")
				a.Body = []byte("<html>")
			}
		}
	})
	if r := c.want(c.get(export), 200); string(r.body) != "<html>" || r.header.Get("Content-Location") != "" || r.header.Get("Content-Length") != "6" {
		t.Errorf("%v %q", r.header, r.body)
	}

	c = onFile(func(a *Answer) {
		a.Line = func(n int, line []byte) []byte {
			switch n {
			case 0:
				return nil
			case 1:
				return append([]byte("{broken\n"), line...)
			}
			return line
		}
	})
	lines := bytes.SplitAfter(want, []byte("\n"))
	if r := c.want(c.get(fileOf(c)), 200); string(r.body) != "{broken\n"+string(bytes.Join(lines[1:], nil)) {
		t.Errorf("Line: %d bytes", len(r.body))
	}

	c = onFile(func(a *Answer) {
		a.Wrap = func(w io.Writer) io.Writer { return &marked{w} }
	})
	if r := c.want(c.get(fileOf(c)), 200); !bytes.HasPrefix(r.body, []byte("\ufeff")) || !bytes.HasSuffix(r.body, []byte("end")) {
		t.Errorf("Wrap: %.20q", r.body)
	}

	c = onFile(func(a *Answer) { a.Gzip = true }) // without Content-Encoding
	if r := c.want(c.get(fileOf(c)), 200); r.header.Get("Content-Encoding") != "" || !bytes.Equal(gunzip(t, r.body), want) {
		t.Error("Gzip without header")
	}

	c = onFile(func(a *Answer) { a.Body = []byte("other") })
	if r := c.want(c.get(fileOf(c)), 200); string(r.body) != "other" {
		t.Errorf("Body: %.20q", r.body)
	}

	c = onFile(func(a *Answer) { a.Header.Del("Content-Type") })
	if r := c.want(c.get(fileOf(c)), 200); r.header["Content-Type"] != nil {
		t.Errorf("Content-Type %q", r.header["Content-Type"])
	}

	c = onFile(func(a *Answer) {
		a.Raw = func(w io.Writer) error {
			z := gzip.NewWriter(w)
			z.Write([]byte("bomb"))
			return z.Close()
		}
	})
	if r := c.want(c.get(fileOf(c)), 200); string(gunzip(t, r.body)) != "bomb" {
		t.Error("Raw")
	}

	c = onFile(func(a *Answer) { a.DropAfter = 100 })
	if r := c.get(fileOf(c)); r.status != 200 || r.err == nil || len(r.body) > 100 {
		t.Errorf("DropAfter: %d, %d bytes, %v", r.status, len(r.body), r.err)
	}

	c = onFile(func(a *Answer) { a.Drop = true })
	if r := c.get(fileOf(c)); r.err == nil {
		t.Error("Drop: an answer came")
	}

	c = broken(t, func(b *Behaviour) { b.Answer = func(a *Answer) { a.Chunked = true } })
	if r := c.want(c.get("/metadata"), 200); r.header.Get("Content-Length") != "" {
		t.Errorf("Chunked: %v", r.header)
	}
}

// marked writes a byte order mark first and "end" last.
type marked struct{ w io.Writer }

func (m *marked) Write(p []byte) (int, error) {
	if _, err := io.WriteString(m.w, "\ufeff"); err != nil {
		return 0, err
	}
	return m.w.Write(p)
}

func (m *marked) Close() error {
	_, err := io.WriteString(m.w, "end")
	return err
}

func TestLifeCycleFields(t *testing.T) {
	c := broken(t, func(b *Behaviour) { b.DeleteDoesNothing = true })
	location := c.kick("/$export", nil)
	c.want(c.do("DELETE", location, nil, ""), 202)
	c.want(c.get(location), 202)
	c.want(c.get(location), 200)

	c = broken(t, func(b *Behaviour) { b.FilesOutliveDelete = true })
	location = c.kick("/$export", nil)
	u := list(c.manifestOf(location), "output")[0]["url"].(string)
	c.want(c.do("DELETE", location, nil, ""), 202)
	c.want(c.get(location), 404)
	c.want(c.get(u), 200)

	c = broken(t, func(b *Behaviour) { b.FailJob = func(j JobInfo) bool { return j.Export.Level == GroupLevel } })
	location = c.kick("/Group/few/$export", nil)
	c.want(c.get(location), 202)
	c.refusal(c.get(location), 500, "exception")
	c.manifestOf(c.kick("/$export", nil))

	c = broken(t, func(b *Behaviour) {
		b.TransientStatus = func(j JobInfo) int {
			if j.Poll == 1 {
				return 503
			}
			return 0
		}
	})
	location = c.kick("/$export", nil)
	r := c.get(location)
	c.refusal(r, 503, "transient")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	c.want(c.get(location), 200)

	c = broken(t, func(b *Behaviour) { b.AcceptUnknownGroup = true })
	if e := c.export("/Group/nobody/$export", nil); len(e.refs) != 0 {
		t.Errorf("%d resources", len(e.refs))
	}

	c = broken(t, func(b *Behaviour) { b.SwallowProblems = true })
	e := c.export("/Patient/$export?_since=never&_x=1&organizeOutputBy=Nothing&_typeFilter=Patient%3Fx%3D1&patient=Patient/x", nil)
	if len(e.types()) < 10 || len(list(e.manifest, "error")) != 0 {
		t.Errorf("types %v", e.types())
	}

	c = broken(t, func(b *Behaviour) { b.ResourcesPerFile = 3 })
	if e := c.export("/Patient/$export?_type=Condition", nil); e.files < 10 {
		t.Errorf("%d files", e.files)
	}

	c = broken(t, func(b *Behaviour) { b.PollsUntilDone = 3 })
	location = c.kick("/$export", nil)
	for range 3 {
		c.want(c.get(location), 202)
	}
	c.want(c.get(location), 200)

	c = broken(t, func(b *Behaviour) { b.NeverDone = true })
	location = c.kick("/$export", nil)
	for range 8 {
		c.want(c.get(location), 202)
	}

	c = broken(t, func(b *Behaviour) { b.EmptyFiles = true })
	m := c.manifestOf(c.kick("/Patient/$export?_type=Patient&_since=2090-01-01T00:00:00Z", nil))
	if items := list(m, "output"); len(items) != 1 || items[0]["count"] != 0.0 || len(c.file(items[0]["url"].(string))) != 0 {
		t.Errorf("output %v", items)
	}

	c = broken(t, func(b *Behaviour) { b.GzipAlways = true })
	u = list(c.manifestOf(c.kick("/$export", nil)), "output")[0]["url"].(string)
	if r := c.get(u); r.header.Get("Content-Encoding") != "gzip" {
		t.Error("GzipAlways")
	}
	c = broken(t, func(b *Behaviour) { b.GzipNever = true })
	u = list(c.manifestOf(c.kick("/$export", nil)), "output")[0]["url"].(string)
	if r := c.do("GET", u, headers{"Accept-Encoding": "gzip"}, ""); r.header.Get("Content-Encoding") != "" {
		t.Error("GzipNever")
	}
}

func TestLegalFields(t *testing.T) {
	c := broken(t, func(b *Behaviour) { b.RequireAccept, b.RequirePrefer = true, true })
	c.refusal(c.get("/$export"), 400, "required")
	c.refusal(c.do("GET", "/$export", headers{"Accept": fhirJSON}, ""), 400, "required")
	c.want(c.do("GET", "/$export", headers{"Accept": fhirJSON, "Prefer": "respond-async"}, ""), 202)
	c = broken(t, func(b *Behaviour) { b.NoPost = true })
	c.refusal(c.post("/$export", body4(), nil), 405, "not-supported")
	c = broken(t, func(b *Behaviour) { b.Unsupported = []string{"_elements", "separate-export-status"} })
	c.refusal(c.get("/$export?_elements=id"), 400, "not-supported")
	if r := c.do("GET", "/$export", headers{"Prefer": "respond-async, separate-export-status"}, ""); r.header.Get("Preference-Applied") != "" {
		t.Error("separate-export-status is applied")
	}
	c = broken(t, func(b *Behaviour) { b.KeepComplete = true })
	location := c.kick("/$export", nil)
	c.manifestOf(location)
	c.refusal(c.do("DELETE", location, nil, ""), 409, "business-rule")
	c.want(c.get(location), 200)
}

func TestTLSHook(t *testing.T) {
	cfg := Config{TLS: true}
	cfg.Behaviour.TLS = func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	run, err := Start(cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close(t.Context())
	res, err := run.Client().Get(run.URL + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.TLS.Version != tls.VersionTLS12 {
		t.Errorf("TLS version %x", res.TLS.Version)
	}
}

func TestFaultsAreValidated(t *testing.T) {
	good := Fault{Name: "a-b", Area: "manifest", Doc: "d", Caught: []string{"x"}, Apply: func(*Behaviour) {}}
	for name, spoil := range map[string]func(*Fault){
		"name":    func(f *Fault) { f.Name = "A b" },
		"area":    func(f *Fault) { f.Area = "" },
		"doc":     func(f *Fault) { f.Doc = "" },
		"apply":   func(f *Fault) { f.Apply = nil },
		"checks":  func(f *Fault) { f.Caught = nil },
		"repeat":  func(f *Fault) { f.Warned = []string{"x"} },
		"version": func(f *Fault) { f.Versions = []string{"1"} },
	} {
		f := good
		spoil(&f)
		if f.validate() == nil {
			t.Errorf("a fault with a bad %s is accepted", name)
		}
	}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	if !good.AppliesTo(IG200) || !good.AppliesTo(IG300) || good.AppliesTo(IG101) {
		t.Error("AppliesTo without versions")
	}
	warned := Fault{Name: "w", Area: "x", Doc: "d", Warned: []string{"x"}, Versions: []string{IG101}, Apply: func(*Behaviour) {}}
	if warned.validate() != nil || !warned.AppliesTo(IG101) || warned.AppliesTo(IG300) {
		t.Error("AppliesTo with versions")
	}
	for _, f := range Faults() {
		if got, ok := FaultNamed(f.Name); !ok || got.Area != f.Area {
			t.Errorf("%s is not found by its name", f.Name)
		}
	}
	if _, ok := FaultNamed("no such fault"); ok {
		t.Error("a fault that is not there is found")
	}
	if !slices.IsSortedFunc(Faults(), func(a, b Fault) int { return strings.Compare(a.Area+" "+a.Name, b.Area+" "+b.Name) }) {
		t.Error("faults are not sorted")
	}
}

func TestRegisteringTwicePanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "Apply") {
			t.Errorf("recovered %v", r)
		}
	}()
	registerFaults(Fault{Name: "incomplete", Area: "x", Doc: "d", Caught: []string{"x"}})
}
