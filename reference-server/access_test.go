package refserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// secured serves with two clients that may read everything, and one that may read two types.
func secured(t *testing.T, cfg Config) (all, other, narrow *tester) {
	cfg.Auth = true
	cfg.Clients = []authz.Client{registered("wide", "system/*.rs"), registered("other", "system/*.rs"),
		registered("narrow", "system/Patient.rs", "system/Observation.rs")}
	c := serve(t, cfg)
	return c.as(c.login("wide", "system/*.rs")), c.as(c.login("other", "system/*.rs")),
		c.as(c.login("narrow", "system/Patient.rs system/Observation.rs"))
}

func TestTokensAreDemandedEverywhere(t *testing.T) {
	c, other, narrow := secured(t, Config{ResourcesPerFile: 40, PollsUntilDone: 1})
	location := c.kick("/$export?_since=2019-06-01T00:00:00Z&_x=1", headers{"Prefer": "handling=lenient"})
	m := c.manifestOf(location)
	if m["requiresAccessToken"] != true {
		t.Errorf("requiresAccessToken is %v", m["requiresAccessToken"])
	}
	var urls []string
	for _, name := range []string{"output", "deleted", "error"} {
		if len(list(m, name)) == 0 {
			t.Errorf("no %s files", name)
		}
		for _, item := range list(m, name) {
			urls = append(urls, item["url"].(string))
		}
	}
	doc := c.export("/$export?_type=DocumentReference", nil)
	attachment := ""
	for _, ref := range doc.refs {
		if u, ok := list(doc.lines[ref], "content")[0]["attachment"].(map[string]any)["url"].(string); ok {
			attachment = u
		}
	}
	c.want(c.get(attachment), 200)

	type request struct{ method, target string }
	requests := []request{{"GET", "/$export"}, {"POST", "/$export"}, {"GET", "/Patient/$export"}, {"GET", "/Group/few/$export"},
		{"GET", location}, {"DELETE", location}, {"GET", "/desk/unknown"}, {"DELETE", "/desk/unknown"}, {"GET", "/shelf/x/o01"},
		{"GET", attachment}, {"GET", "/Group"}, {"GET", "/Group/few"}, {"GET", "/Patient/x"}, {"GET", "/Group/unknown/$export"}}
	for _, u := range urls {
		requests = append(requests, request{"GET", u}, request{"HEAD", u})
	}
	for _, r := range requests {
		for name, token := range map[string]string{"none": "", "invented": "invented", "tampered": c.token + "x"} {
			answer := c.as(token).do(r.method, r.target, nil, "")
			if r.method == "HEAD" {
				c.want(answer, 401)
			} else {
				c.refusal(answer, 401, "login")
			}
			if !strings.HasPrefix(answer.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s with token %s: WWW-Authenticate %q", r.method, r.target, name, answer.header.Get("WWW-Authenticate"))
			}
		}
	}
	// Another client's job does not exist.
	for _, u := range append(urls, location) {
		other.refusal(other.get(u), 404, "not-found")
		narrow.refusal(narrow.get(u), 404, "not-found")
	}
	other.refusal(other.do("DELETE", location, nil, ""), 404, "not-found")

	// The same client with a token for less sees the files it covers, not the manifest.
	less := c.as(c.login("wide", "system/Patient.rs"))
	less.refusal(less.get(location), 403, "forbidden")
	for _, item := range list(m, "output") {
		if item["type"] == "Patient" {
			less.want(less.get(item["url"].(string)), 200)
		} else {
			r := less.get(item["url"].(string))
			less.refusal(r, 403, "forbidden")
			if !strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_scope") {
				t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
			}
		}
	}
	less.refusal(less.get(list(m, "deleted")[0]["url"].(string)), 403, "forbidden")
	less.refusal(less.get(attachment), 403, "forbidden")
	less.want(less.do("DELETE", location, nil, ""), 202)

	// A token that has expired.
	c.clock.advance(10 * time.Minute)
	c.refusal(c.get("/$export"), 401, "login")
}

func TestScopesLimitTheExport(t *testing.T) {
	wide, _, narrow := secured(t, Config{})
	e := narrow.export("/Patient/$export", nil)
	if !slices.Equal(e.types(), []string{"Observation", "Patient"}) {
		t.Errorf("types %v", e.types())
	}
	if all := wide.export("/Patient/$export?_type=Patient,Observation", nil); !slices.Equal(all.refs, e.refs) {
		t.Error("the narrow export differs from a wide one of its types")
	}
	narrow.refusal(narrow.get("/Patient/$export?_type=Patient,Condition"), 403, "forbidden")
	narrow.refusal(narrow.get("/$export?includeAssociatedData="+RelevantProvenance), 403, "forbidden")
	narrow.refusal(narrow.get("/Group/few/$export"), 403, "forbidden") // it may not read Group
	narrow.refusal(narrow.get("/Group"), 403, "forbidden")
	narrow.refusal(narrow.get("/Condition/x"), 403, "forbidden")
	only := wide.as(wide.login("wide", "system/Organization.rs"))
	only.refusal(only.get("/Patient/$export"), 403, "forbidden")
	only.want(only.get("/$export"), 202)
	old, _, few := secured(t, Config{IG: IG200})
	few.want(few.get("/Group/few/$export"), 202)
	old.want(old.get("/Group/few/$export"), 202)
	deleted := narrow.manifestOf(narrow.kick("/Patient/$export?_since=2019-06-01T00:00:00Z", nil))
	for _, item := range list(deleted, "deleted") {
		for _, line := range narrow.file(item["url"].(string)) {
			if strings.Contains(string(line), `"Condition/`) || strings.Contains(string(line), `"Encounter/`) {
				t.Error("deletions of types outside the scopes are reported")
			}
		}
	}
}

func TestGroupPolicy(t *testing.T) {
	c, other, _ := secured(t, Config{GroupPolicy: func(client, group string) bool { return client == "wide" || group == "few" }})
	c.want(c.get("/Group/grp.Every-Other/$export"), 202)
	other.want(other.get("/Group/few/$export"), 202)
	other.refusal(other.get("/Group/grp.Every-Other/$export"), 403, "forbidden")
	other.refusal(other.get("/Group/grp.Every-Other"), 403, "forbidden")
	if total := tree(c, c.get("/Group").body)["total"]; total != 2.0 {
		t.Errorf("total %v", total)
	}
	if total := tree(c, other.get("/Group").body)["total"]; total != 1.0 {
		t.Errorf("total %v", total)
	}
}

func TestRunningJobsAreCountedByClient(t *testing.T) {
	c, other, _ := secured(t, Config{MaxJobs: 1, PollsUntilDone: 1})
	c.kick("/$export", nil)
	c.refusal(c.get("/$export"), 429, "throttled")
	other.kick("/$export", nil)
}

func TestCapabilityURLs(t *testing.T) {
	c, _, _ := secured(t, Config{CapabilityURLs: true})
	m := c.manifestOf(c.kick("/$export", nil))
	if m["requiresAccessToken"] != false {
		t.Errorf("requiresAccessToken is %v", m["requiresAccessToken"])
	}
	open := c.as("")
	attachments := 0
	for _, item := range list(m, "output") {
		u := item["url"].(string)
		for _, line := range open.file(u) {
			if item["type"] != "DocumentReference" {
				continue
			}
			if u, ok := list(tree(c, line), "content")[0]["attachment"].(map[string]any)["url"].(string); ok {
				open.want(open.get(u), 200)
				open.want(open.get(u+"x"), 404)
				attachments++
			}
		}
	}
	if attachments == 0 {
		t.Error("no attachment by URL")
	}
	u := list(m, "output")[0]["url"].(string)
	key := u[strings.LastIndex(u, ".")+1 : strings.LastIndex(u, "/")]
	open.refusal(open.get(strings.Replace(u, key, strings.Repeat("0", len(key)), 1)), 404, "not-found")
	open.refusal(open.get(strings.Replace(u, "."+key, "", 1)), 404, "not-found")
	plain, _, _ := secured(t, Config{})
	plain.refusal(plain.get("/pickup/paper."+plain.server.key+"/x"), 404, "not-found")
}

func TestRedirectedFiles(t *testing.T) {
	c, _, _ := secured(t, Config{RedirectFiles: true})
	u := list(c.manifestOf(c.kick("/$export", nil)), "output")[0]["url"].(string)
	r := c.want(c.get(u), 307)
	c.want(c.as("").get(u), 401)
	open := c.as("")
	if lines := open.file(r.header.Get("Location")); len(lines) == 0 {
		t.Error("nothing behind the redirect")
	}
}

func TestReadAndSearch(t *testing.T) {
	c := serve(t, Config{})
	set, _ := c.server.set(c.base)
	for _, typ := range set.Types() {
		for r := range set.Resources(typ) {
			got := c.want(c.get("/"+typ+"/"+r.ID), 200)
			if string(got.body) != string(r.JSON) || got.header.Get("Content-Type") != fhirJSON {
				t.Errorf("%s/%s: %s", typ, r.ID, got.header.Get("Content-Type"))
			}
			break
		}
	}
	c.refusal(c.get("/Patient/unknown"), 404, "not-found")
	c.refusal(c.do("POST", "/Group", nil, ""), 405, "not-supported")
	c.refusal(c.do("GET", "/Group/few", headers{"Accept": "application/fhir+xml"}, ""), 406, "not-supported")
	for query, want := range map[string][]string{
		"":                               {"grp.Every-Other", "few"},
		"?_id=few":                       {"few"},
		"?identifier=PILOT/few":          {"few"},
		"?identifier=urn%3Aother%7CX":    nil,
		"?name=pilot&_count=10":          {"few"},
		"?name=pilot,attributed":         {"grp.Every-Other", "few"},
		"?name=pilot&identifier=nothing": nil,
	} {
		b := tree(c, c.want(c.get("/Group"+query), 200).body)
		var got []string
		for _, e := range list(b, "entry") {
			got = append(got, e["resource"].(map[string]any)["id"].(string))
		}
		if !slices.Equal(got, want) || b["type"] != "searchset" || int(b["total"].(float64)) != len(want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	c.refusal(c.get("/Group?nosuch=1"), 400, "not-supported")
	c.refusal(c.get("/Group?name=%zz"), 400, "structure")
}
