package refserver

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryLevelByGETAndPOST(t *testing.T) {
	c := serve(t, Config{})
	set, _ := c.server.set(c.base)
	for _, level := range []struct {
		path string
		in   func(patient string) bool
		only []string // types, nil for all
	}{
		{"/$export", func(string) bool { return true }, nil},
		{"/Patient/$export", func(string) bool { return true }, compartmentTypes},
		{"/Group/few/$export", func(p string) bool { return set.IsMember("few", p) }, compartmentTypes},
	} {
		t.Run(level.path, func(t *testing.T) {
			byGET := c.export(level.path, headers{"Accept": fhirJSON, "Prefer": "respond-async"})
			var want []string
			for _, typ := range set.Types() {
				if level.only != nil && !slices.Contains(level.only, typ) {
					continue
				}
				for r := range set.Resources(typ) {
					patients := slices.Clone(r.Patients)
					if r.Provenance != nil {
						for _, target := range r.Provenance.Targets {
							patients = append(patients, target.Patients...)
						}
					}
					if level.only == nil || slices.ContainsFunc(patients, level.in) {
						want = append(want, typ+"/"+r.ID)
					}
				}
			}
			slices.Sort(want)
			if len(want) < 40 || !slices.Equal(byGET.refs, want) {
				t.Errorf("%d resources exported, want %d", len(byGET.refs), len(want))
			}
			byPOST := c.exportPOST(level.path, `{"resourceType":"Parameters"}`)
			if !slices.Equal(byPOST.refs, want) {
				t.Errorf("POST exports %d resources, want %d", len(byPOST.refs), len(want))
			}
			if got := byPOST.manifest["request"]; got != c.base+level.path {
				t.Errorf("request of a POST is %v", got)
			}
		})
	}
}

func TestKickOffAnswer(t *testing.T) {
	c := serve(t, Config{})
	for name, h := range map[string]headers{
		"with headers":    {"Accept": fhirJSON, "Prefer": "respond-async"},
		"without headers": {},
		"any accept":      {"Accept": "text/html, */*;q=0.1"},
	} {
		r := c.want(c.do("GET", "/Patient/$export", h, ""), http.StatusAccepted)
		if l := r.header.Get("Content-Location"); !strings.HasPrefix(l, c.base+"/desk/") {
			t.Errorf("%s: Content-Location %q", name, l)
		}
		if len(r.body) != 0 || r.header.Get("Preference-Applied") != "" || r.header["Content-Type"] != nil {
			t.Errorf("%s: unexpected %q %v", name, r.body, r.header)
		}
	}
	// An encoded dollar sign is the same path.
	c.want(c.get("/Patient/%24export"), http.StatusAccepted)
}

func TestKickOffRefusals(t *testing.T) {
	c := serve(t, Config{})
	parameters := func(body string) func() reply {
		return func() reply { return c.post("/Patient/$export", body, nil) }
	}
	get := func(path string) func() reply { return func() reply { return c.get(path) } }
	for _, test := range []struct {
		name   string
		send   func() reply
		status int
		code   string
		text   string
	}{
		{"unknown group", get("/Group/nobody/$export"), 404, "not-found", "Group"},
		{"group type level", get("/Group/$export"), 404, "not-found", "operation"},
		{"patient instance level", get("/Patient/x/$export"), 404, "not-found", "operation"},
		{"unknown parameter", get("/$export?_x-unknown=1"), 400, "not-supported", "_x-unknown"},
		{"two unknown parameters", get("/$export?_a=1&_b=2"), 400, "not-supported", `"_b"`},
		{"bad escape", get("/$export?_type=%zz"), 400, "structure", "_type"},
		{"xml only", func() reply { return c.do("GET", "/$export", headers{"Accept": "application/fhir+xml"}, "") }, 406, "not-supported", "Accept"},
		{"PUT", func() reply { return c.do("PUT", "/$export", nil, "") }, 405, "not-supported", "GET, POST"},
		{"POST with a query", func() reply { return c.post("/$export?_type=Patient", `{"resourceType":"Parameters"}`, nil) }, 400, "not-supported", "body"},
		{"POST of a form", func() reply {
			return c.do("POST", "/$export", headers{"Content-Type": "application/x-www-form-urlencoded"}, "_type=Patient")
		}, 415, "not-supported", "Parameters"},
		{"POST too large", parameters(strings.Repeat(" ", MaxBody+1)), 413, "too-long", "1 MiB"},
		{"not JSON", parameters(`{`), 400, "structure", "JSON"},
		{"array", parameters(`[]`), 400, "structure", "object"},
		{"repeated key", parameters(`{"resourceType":"Parameters","resourceType":"Parameters"}`), 400, "structure", "twice"},
		{"text behind", parameters(`{"resourceType":"Parameters"} {}`), 400, "structure", "follows"},
		{"other resource", parameters(`{"resourceType":"Patient"}`), 400, "structure", "not Parameters"},
		{"parameter no array", parameters(`{"resourceType":"Parameters","parameter":{}}`), 400, "structure", "not an array"},
		{"no name", parameters(`{"resourceType":"Parameters","parameter":[{"valueString":"x"}]}`), 400, "structure", "no name"},
		{"no value", parameters(`{"resourceType":"Parameters","parameter":[{"name":"_type"}]}`), 400, "structure", "no value"},
		{"two values", parameters(`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient","valueCode":"Patient"}]}`), 400, "structure", "two values"},
		{"wrong type of value", parameters(`{"resourceType":"Parameters","parameter":[{"name":"_since","valueString":"2024-01-01T00:00:00Z"}]}`), 400, "invalid", "valueInstant"},
		{"boolean as string", parameters(`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":true}]}`), 400, "structure", "not a string"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.send()
			if text := c.refusal(r, test.status, test.code); !strings.Contains(text, test.text) {
				t.Errorf("the text %q does not mention %q", text, test.text)
			}
			if test.status == 405 && r.header.Get("Allow") != "GET, POST" {
				t.Errorf("Allow is %q", r.header.Get("Allow"))
			}
		})
	}
	if s := c.server.Stats(); s.KickOffs != 0 || s.Refused == 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestLevelsThatAreNotOffered(t *testing.T) {
	c := serve(t, Config{Levels: []Level{GroupLevel}})
	c.refusal(c.get("/$export"), 404, "not-found")
	c.refusal(c.get("/Patient/$export"), 404, "not-found")
	c.want(c.get("/Group/few/$export"), 202)
}

func TestStatusByPolls(t *testing.T) {
	c := serve(t, Config{PollsUntilDone: 2, RetryAfter: 7})
	location := c.kick("/Patient/$export"+q("_type", "Patient"), nil)
	for poll := 1; poll <= 2; poll++ {
		r := c.want(c.get(location), 202)
		if p := r.header.Get("X-Progress"); p == "" || len(p) >= 100 {
			t.Errorf("X-Progress %q", p)
		}
		if r.header.Get("Retry-After") != "7" || len(r.body) != 0 || r.header["Content-Type"] != nil || r.header.Get("X-Export-Status") != "" {
			t.Errorf("poll %d: %v %q", poll, r.header, r.body)
		}
	}
	r := c.want(c.get(location), 200)
	if r.header.Get("Content-Type") != plainJSON {
		t.Errorf("Content-Type %q", r.header.Get("Content-Type"))
	}
	expires, err := http.ParseTime(r.header.Get("Expires"))
	if err != nil || expires.Sub(c.clock.now()).Round(time.Minute) != time.Hour {
		t.Errorf("Expires %q", r.header.Get("Expires"))
	}
	m := tree(c, r.body)
	for name, want := range map[string]any{
		"transactionTime":     "2026-03-01T12:00:00.123Z",
		"request":             c.base + "/Patient/$export?_type=Patient",
		"requiresAccessToken": false,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if len(m) != 5 || m["error"] == nil || len(list(m, "error")) != 0 {
		t.Errorf("manifest %v", m)
	}
	c.clock.advance(time.Minute)
	if again := c.want(c.get(location), 200); string(again.body) != string(r.body) {
		t.Errorf("the manifest changed:\n%s\n%s", r.body, again.body)
	}
	c.clock.advance(2 * time.Hour)
	c.refusal(c.get(location), 404, "not-found")
}

func TestStatusByTime(t *testing.T) {
	c := serve(t, Config{JobTime: time.Minute, FilesLifetime: 10 * time.Minute})
	location := c.kick("/$export", nil)
	c.want(c.get(location), 202)
	c.clock.advance(30 * time.Second)
	if p := c.want(c.get(location), 202).header.Get("X-Progress"); !strings.Contains(p, "50%") {
		t.Errorf("X-Progress %q", p)
	}
	c.clock.advance(90 * time.Second)
	r := c.want(c.get(location), 200)
	// Complete since a minute: the files' life began then, not at this poll.
	expires, _ := http.ParseTime(r.header.Get("Expires"))
	if want := c.clock.now().Add(9 * time.Minute).Truncate(time.Second); !expires.Equal(want) {
		t.Errorf("Expires %v, want %v", expires, want)
	}
}

func TestStatusErrors(t *testing.T) {
	c := serve(t, Config{JobTime: time.Minute, PollBurst: 3, RetryAfter: 2})
	c.refusal(c.get("/desk/unknown"), 404, "not-found")
	location := c.kick("/$export", nil)
	c.refusal(c.do("POST", location, nil, ""), 405, "not-supported")
	c.refusal(c.get(location+"/leaf/2"), 404, "not-found")
	c.refusal(c.get(location+"/leaf/x"), 404, "not-found")
	for range 3 {
		c.want(c.get(location), 202)
	}
	r := c.get(location)
	c.refusal(r, 429, "throttled")
	if r.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	c.clock.advance(time.Second)
	c.want(c.get(location), 202)
	c.clock.advance(time.Minute)
	for range 5 {
		c.want(c.get(location), 200) // a complete job may be asked as often as one likes
	}
}

func TestSeparateExportStatus(t *testing.T) {
	c := serve(t, Config{PollsUntilDone: 1, RehearsalGroups: true})
	prefer := headers{"Prefer": "respond-async,separate-export-status"}
	r := c.want(c.do("GET", "/$export", prefer, ""), 202)
	if got := r.header.Get("Preference-Applied"); got != "respond-async, separate-export-status" {
		t.Errorf("Preference-Applied %q", got)
	}
	location := r.header.Get("Content-Location")
	r = c.want(c.get(location), 200)
	if got := r.header.Get("X-Export-Status"); got != "202 Accepted" || r.header.Get("Retry-After") == "" {
		t.Errorf("in progress: %v", r.header)
	}
	r = c.want(c.get(location), 200)
	if got := r.header.Get("X-Export-Status"); got != "200 OK" || r.header.Get("Expires") == "" {
		t.Errorf("complete: %v", r.header)
	}
	c.want(c.do("DELETE", location, nil, ""), 202)
	c.refusal(c.get(location), 404, "not-found") // about the status request itself

	failing := c.want(c.do("GET", "/Group/"+RehearseFailure+"/$export", prefer, ""), 202).header.Get("Content-Location")
	c.get(failing)
	r = c.get(failing)
	c.refusal(r, 200, "exception")
	if got := r.header.Get("X-Export-Status"); got != "500 Internal Server Error" {
		t.Errorf("failed: X-Export-Status %q", got)
	}

	old := serve(t, Config{IG: IG200})
	if r := old.do("GET", "/$export", prefer, ""); r.header.Get("Preference-Applied") != "" {
		t.Error("2.0.0 does not know separate-export-status")
	}
}

func TestFailureAndLoss(t *testing.T) {
	c := serve(t, Config{RehearsalGroups: true})
	location := c.kick("/Group/"+RehearseFailure+"/$export", nil)
	c.refusal(c.get(location), 500, "exception")
	c.refusal(c.get(location), 500, "exception")
	if s := c.server.Stats(); s.Failed != 1 || s.Open != 0 {
		t.Errorf("stats %+v", s)
	}
	whole := c.export("/Group/few/$export", nil)
	loss := c.export("/Group/"+RehearseLoss+"/$export", nil)
	if len(loss.of("Procedure")) != 0 || len(whole.of("Procedure")) == 0 || len(whole.refs) != len(loss.refs)+len(whole.of("Procedure")) {
		t.Errorf("%d resources, %d without the loss", len(loss.refs), len(whole.refs))
	}
	if texts := c.outcomes(loss.manifest); len(texts) != 1 || !strings.Contains(texts[0], "Procedure") {
		t.Errorf("outcomes %q", texts)
	}
	plain := serve(t, Config{})
	plain.refusal(plain.get("/Group/"+RehearseLoss+"/$export"), 404, "not-found")
}

func TestDelete(t *testing.T) {
	c := serve(t, Config{PollsUntilDone: 1})
	running := c.kick("/$export", nil)
	c.want(c.get(running), 202)
	r := c.want(c.do("DELETE", running, nil, ""), 202)
	if len(r.body) != 0 {
		t.Errorf("body %q", r.body)
	}
	c.refusal(c.get(running), 404, "not-found")
	c.refusal(c.do("DELETE", running, nil, ""), 404, "not-found")

	complete := c.kick("/$export", nil)
	m := c.manifestOf(complete)
	file := list(m, "output")[0]["url"].(string)
	c.want(c.get(file), 200)
	c.want(c.do("DELETE", complete, nil, ""), 202)
	c.refusal(c.get(complete), 404, "not-found")
	c.refusal(c.get(file), 404, "not-found")
	if s := c.server.Stats(); s.Deleted != 2 || s.Open != 0 || s.Completed != 1 || s.KickOffs != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestTooManyJobs(t *testing.T) {
	c := serve(t, Config{PollsUntilDone: 1, MaxJobs: 2, RetryAfter: 3})
	first := c.kick("/$export", nil)
	c.kick("/$export", nil)
	r := c.get("/$export")
	c.refusal(r, 429, "throttled")
	if r.header.Get("Retry-After") != "3" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	c.do("DELETE", first, nil, "")
	c.want(c.get("/$export"), 202)
}

func TestJobTableIsBounded(t *testing.T) {
	c := serve(t, Config{})
	c.server.jobs.limit = 3
	var all []string
	for range 5 {
		location := c.kick("/Patient/$export"+q("_type", "Patient"), nil)
		c.want(c.get(location), 200)
		all = append(all, location)
	}
	c.want(c.get(all[0]), 404)
	c.want(c.get(all[4]), 200)
	if n := len(c.server.jobs.list()); n != 3 {
		t.Errorf("%d jobs are kept", n)
	}
}

func TestFiles(t *testing.T) {
	c := serve(t, Config{Patients: 40})
	m := c.manifestOf(c.kick("/$export", nil))
	perType := map[string]int{}
	for _, item := range list(m, "output") {
		perType[item["type"].(string)]++
	}
	if perType["Observation"] != filesPerType || perType["Group"] != 1 {
		t.Errorf("files per type: %v", perType)
	}
	u := list(m, "output")[0]["url"].(string)
	plain := c.want(c.get(u), 200)
	if plain.header.Get("Content-Encoding") != "" || plain.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("header %v", plain.header)
	}
	if again := c.get(u); string(again.body) != string(plain.body) {
		t.Error("two downloads of a file differ")
	}
	for accept, compressed := range map[string]bool{
		"gzip": true, "deflate, GZIP;q=0.5": true, "*": true, "gzip;q=0": false, "identity": false, "br": false, "gzip;q=x": false, "*;q=0": false,
	} {
		r := c.want(c.do("GET", u, headers{"Accept-Encoding": accept}, ""), 200)
		body := r.body
		if got := r.header.Get("Content-Encoding") == "gzip"; got != compressed {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q", accept, r.header.Get("Content-Encoding"))
			continue
		}
		if compressed {
			body = gunzip(t, body)
		}
		if string(body) != string(plain.body) {
			t.Errorf("Accept-Encoding %q: other content", accept)
		}
	}
	head := c.want(c.do("HEAD", u, nil, ""), 200)
	if len(head.body) != 0 || head.header.Get("Content-Type") != fhirNDJSON {
		t.Errorf("HEAD: %q %v", head.body, head.header)
	}
	c.refusal(c.do("PUT", u, nil, "x"), 405, "not-supported")
	for _, altered := range []string{u + "x", strings.TrimSuffix(u, "01") + "99", strings.TrimSuffix(u, "01") + "1", u[:strings.LastIndex(u, "/")]} {
		c.refusal(c.get(altered), 404, "not-found")
	}
}

func TestAttachments(t *testing.T) {
	c := serve(t, Config{})
	e := c.export("/Patient/$export"+q("_type", "DocumentReference"), nil)
	seen := 0
	for _, doc := range e.lines {
		for _, content := range list(doc, "content") {
			a := content["attachment"].(map[string]any)
			u, ok := a["url"].(string)
			if !ok {
				continue
			}
			seen++
			if !strings.HasPrefix(u, c.base+"/") {
				t.Errorf("url %q", u)
			}
			r := c.want(c.get(u), 200)
			if len(r.body) != int(a["size"].(float64)) || r.header.Get("Content-Type") != a["contentType"] {
				t.Errorf("%d bytes of %q, want %v of %v", len(r.body), r.header.Get("Content-Type"), a["size"], a["contentType"])
			}
			c.refusal(c.do("DELETE", u, nil, ""), 405, "not-supported")
			c.refusal(c.get(u+"x"), 404, "not-found")
		}
	}
	if seen == 0 {
		t.Error("no attachment by URL")
	}
}

func TestDeterminism(t *testing.T) {
	var bodies [2][]string
	for i := range bodies {
		c := serve(t, Config{Seed: 7, BaseURL: "https://fhir.example.org/r4"})
		location := strings.Replace(c.kick("/$export", nil), "https://fhir.example.org/r4", c.base, 1)
		for _, item := range list(c.manifestOf(location), "output") {
			u := strings.Replace(item["url"].(string), "https://fhir.example.org/r4", c.base, 1)
			bodies[i] = append(bodies[i], string(c.want(c.get(u), 200).body))
		}
	}
	if !slices.Equal(bodies[0], bodies[1]) {
		t.Error("two servers of one seed differ")
	}
}

func TestNothingElsewhere(t *testing.T) {
	c := serve(t, Config{})
	for _, path := range []string{"/", "/nothing", "/Patient", "/Patient/a/b", "/desk/", "/shelf/", "/shelf/x/o01", "/pickup/x.y/o01", "/vault/paper/", "/.well-known/smart-configuration"} {
		c.refusal(c.get(path), 404, "not-found")
	}
	c.refusal(c.get(strings.TrimSuffix(c.base, mount)+"/fhir/metadata"), 404, "not-found")
}
