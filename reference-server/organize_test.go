package refserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// blocksOf reads organized files into blocks: the refs that follow each header, in order, joined over
// files that continue. It checks headers and links on the way.
func blocksOf(c *tester, m map[string]any) map[string][]string {
	c.Helper()
	if m["outputOrganizedBy"] != "Patient" {
		c.Errorf("outputOrganizedBy is %v", m["outputOrganizedBy"])
	}
	blocks := map[string][]string{}
	items := list(m, "output")
	continued := "" // the patient whose block goes on in this file
	for i, item := range items {
		if item["type"] != nil {
			c.Error("an item of organized output has a type")
		}
		lines := c.file(item["url"].(string))
		if int(item["count"].(float64)) != len(lines) {
			c.Errorf("count %v, lines %d", item["count"], len(lines))
		}
		patient := ""
		for n, line := range lines {
			r := tree(c, line)
			if r["resourceType"] == "Parameters" {
				p := list(r, "parameter")[0]
				reference := p["valueReference"].(map[string]any)["reference"].(string)
				if p["name"] != "header" || !strings.HasPrefix(reference, "Patient/") {
					c.Errorf("header %s", line)
				}
				patient = reference
				if n == 0 && continued != "" {
					if patient != continued {
						c.Errorf("file %d goes on with %s, not %s", i, patient, continued)
					}
				} else if blocks[patient] != nil {
					c.Errorf("a second block of %s", patient)
				} else {
					blocks[patient] = []string{}
				}
				continue
			}
			if patient == "" {
				c.Fatalf("file %d begins without a header", i)
			}
			blocks[patient] = append(blocks[patient], fmt.Sprintf("%s/%s", r["resourceType"], r["id"]))
		}
		continued = ""
		if next, ok := item["continuesInFile"]; ok {
			if i+1 == len(items) || items[i+1]["url"] != next {
				c.Errorf("file %d continues in %v", i, next)
			}
			continued = patient
		}
	}
	return blocks
}

func TestOrganizedOutput(t *testing.T) {
	for _, perFile := range []int{0, 1, 9, 150} {
		for _, path := range []string{"/$export", "/Patient/$export", "/Group/grp.Every-Other/$export"} {
			t.Run(fmt.Sprintf("%s by %d", path, perFile), func(t *testing.T) {
				c := serve(t, Config{Patients: 11, ResourcesPerFile: perFile})
				flat := c.export(path, nil)
				m := c.manifestOf(c.kick(path+"?organizeOutputBy=Patient", nil))
				blocks := blocksOf(c, m)
				split := false
				for _, item := range list(m, "output") {
					split = split || item["continuesInFile"] != nil
					if n := int(item["count"].(float64)); perFile > 1 && n > perFile {
						t.Errorf("a file of %d lines", n)
					}
				}
				if split != (perFile == 1 || perFile == 9) {
					t.Errorf("blocks are split: %t", split)
				}
				if len(blocks) != len(flat.of("Patient")) {
					t.Errorf("%d blocks for %d patients", len(blocks), len(flat.of("Patient")))
				}
				var all []string
				for patient, refs := range blocks {
					if refs[0] != patient {
						t.Errorf("the block of %s begins with %s", patient, refs[0])
					}
					for _, ref := range refs {
						text, _ := json.Marshal(flat.lines[ref])
						if !strings.HasPrefix(ref, "Provenance/") && ref != patient && !strings.Contains(string(text), `"`+patient+`"`) {
							t.Errorf("%s is in the block of %s and does not refer to it", ref, patient)
						}
					}
					all = append(all, refs...)
				}
				slices.Sort(all)
				// What is left out refers to no patient.
				for _, ref := range flat.refs {
					if _, in := slices.BinarySearch(all, ref); in {
						continue
					}
					text, _ := json.Marshal(flat.lines[ref])
					if strings.Contains(string(text), `"Patient/`) || strings.HasPrefix(ref, "Observation/") {
						t.Errorf("%s is missing", ref)
					}
				}
				for i := 1; i < len(all); i++ {
					if all[i] == all[i-1] {
						t.Errorf("%s is in two blocks", all[i])
					}
				}
			})
		}
	}
}

func TestOrganizedOutputWithOtherParameters(t *testing.T) {
	c := serve(t, Config{Patients: 11})
	_, others := patients(c)
	m := c.manifestOf(c.kick("/Patient/$export?organizeOutputBy=Patient&_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal", nil))
	flat := c.export("/Patient/$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal", nil)
	n := 0
	for patient, refs := range blocksOf(c, m) {
		if slices.Contains(refs, patient) {
			t.Errorf("%s itself was not asked for", patient)
		}
		n += len(refs)
	}
	if n != len(flat.refs) {
		t.Errorf("%d resources in blocks, %d by type", n, len(flat.refs))
	}
	// The list may name somebody whose record others share: whatever the flat export holds is in a block of
	// a listed patient.
	for _, id := range others {
		body := body4("patient", "valueReference", "Patient/"+id)
		flat := c.exportPOST("/Patient/$export", body)
		organized := body4("patient", "valueReference", "Patient/"+id, "organizeOutputBy", "valueString", "Patient")
		blocks := blocksOf(c, c.manifestOf(c.post("/Patient/$export", organized, nil).header.Get("Content-Location")))
		got := slices.Clone(blocks["Patient/"+id])
		slices.Sort(got)
		if len(blocks) != 1 || !slices.Equal(got, flat.refs) {
			t.Errorf("%s: %d blocks, %d resources, want %d", id, len(blocks), len(got), len(flat.refs))
		}
	}
	for _, typ := range []string{"CodeSystem", "NoSuchType", "Encounter", ""} {
		c.refusal(c.get("/$export"+q("organizeOutputBy", typ)), 400, "not-supported")
	}
	empty := c.manifestOf(c.kick("/Patient/$export?organizeOutputBy=Patient&_since=2090-01-01T00:00:00Z", nil))
	if len(list(empty, "output")) != 0 || empty["outputOrganizedBy"] != "Patient" {
		t.Errorf("manifest %v", empty)
	}
	elements := c.manifestOf(c.kick("/Patient/$export?organizeOutputBy=Patient&_elements=id", nil))
	for _, line := range c.file(list(elements, "output")[0]["url"].(string)) {
		if r := tree(c, line); r["resourceType"] == "Patient" && (r["name"] != nil || !strings.Contains(string(line), "SUBSETTED")) {
			t.Errorf("the Patient of a block is whole: %v", r["id"])
		}
	}
	absolute := serve(t, Config{AbsoluteReferences: true})
	u := list(absolute.manifestOf(absolute.kick("/Patient/$export?organizeOutputBy=Patient", nil)), "output")[0]["url"].(string)
	if first := string(absolute.file(u)[0]); !strings.Contains(first, `"`+absolute.base+`/Patient/`) {
		t.Errorf("header %s", first)
	}
}

func TestPartialManifests(t *testing.T) {
	for _, organized := range []string{"", "&organizeOutputBy=Patient"} {
		c := serve(t, Config{PollsUntilDone: 2, ResourcesPerFile: 20})
		whole := c.manifestOf(c.kick("/Patient/$export?_since=2019-06-01T00:00:00Z"+organized, nil))
		location := c.kick("/Patient/$export?allowPartialManifests=true&_since=2019-06-01T00:00:00Z&_x=1"+organized, headers{"Prefer": "handling=lenient"})

		first := c.want(c.get(location), 202)
		if first.header.Get("Content-Type") != plainJSON || first.header.Get("Retry-After") == "" || first.header.Get("X-Progress") == "" {
			t.Errorf("header %v", first.header)
		}
		one := tree(c, first.body)
		if one["link"] != nil || len(list(one, "output")) == 0 {
			t.Errorf("the first partial manifest: %v", one)
		}
		for _, item := range append(list(one, "output"), list(one, "error")...) {
			c.want(c.get(item["url"].(string)), 200) // available already
			if next, ok := item["continuesInFile"].(string); ok {
				c.want(c.get(next), 200)
			}
		}
		c.refusal(c.get(location+"/leaf/2"), 404, "not-found")
		notYet := strings.Replace(list(one, "output")[0]["url"].(string), "/o01", fmt.Sprintf("/o%02d", len(list(whole, "output"))), 1)
		c.want(c.get(notYet), 404)
		c.want(c.get(strings.Replace(notYet, "/o", "/d01?", 1)), 404)
		before := c.get(list(one, "output")[0]["url"].(string)).body

		second := tree(c, c.want(c.get(location), 202).body)
		link := list(second, "link")
		if len(link) != 1 || link[0]["relation"] != "next" || len(link[0]) != 2 {
			t.Fatalf("link %v", link)
		}
		r := c.want(c.get(link[0]["url"].(string)), 202)
		if middle := tree(c, r.body); middle["link"] != nil || len(list(middle, "output")) == 0 {
			t.Errorf("the middle page while the job goes on: %v", middle)
		}

		// Complete: the chain holds everything, page one unchanged but for its link.
		page := c.want(c.get(location), 200)
		var all []map[string]any
		deleted := 0
		for n := 1; ; n++ {
			m := tree(c, page.body)
			if n == 1 && fmt.Sprint(m["output"]) != fmt.Sprint(one["output"]) {
				t.Error("the first manifest changed")
			}
			for _, name := range []string{"transactionTime", "request", "requiresAccessToken", "error", "outputOrganizedBy"} {
				if fmt.Sprint(m[name]) != fmt.Sprint(one[name]) {
					t.Errorf("page %d: %s differs", n, name)
				}
			}
			all = append(all, list(m, "output")...)
			deleted += len(list(m, "deleted"))
			link := list(m, "link")
			if len(link) == 0 {
				if n != maxPages {
					t.Errorf("%d pages", n)
				}
				break
			}
			page = c.want(c.get(link[0]["url"].(string)), 200)
			if page.header.Get("Content-Type") != plainJSON || page.header.Get("Expires") == "" {
				t.Errorf("page %d: %v", n+1, page.header)
			}
		}
		if len(all) != len(list(whole, "output")) || deleted != len(list(whole, "deleted")) || deleted == 0 {
			t.Errorf("%d files and %d of deletions on all pages, want %d and %d", len(all), deleted, len(list(whole, "output")), len(list(whole, "deleted")))
		}
		if string(c.get(all[0]["url"].(string)).body) != string(before) {
			t.Error("a file changed after it was listed")
		}
		c.refusal(c.get(location+"/leaf/4"), 404, "not-found")
		c.do("DELETE", location, nil, "")
		c.refusal(c.get(location+"/leaf/2"), 404, "not-found")
	}
	c := serve(t, Config{})
	if m := c.manifestOf(c.kick("/$export?allowPartialManifests=false", nil)); m["link"] != nil {
		t.Error("pages that nobody asked for")
	}
	small := c.manifestOf(c.kick("/$export?allowPartialManifests=true&_type=Group", nil))
	if small["link"] != nil || len(list(small, "output")) != 1 {
		t.Errorf("a single file needs no second page: %v", small)
	}
	none := c.manifestOf(c.kick("/$export?allowPartialManifests=true&_since=2090-01-01T00:00:00Z", nil))
	if none["link"] != nil || len(list(none, "output")) != 0 {
		t.Errorf("an empty export: %v", none)
	}
	c.refusal(c.get("/$export?allowPartialManifests=1"), 400, "value")
	c.want(c.post("/$export", body4("allowPartialManifests", "valueBoolean", "true"), nil), 202)
}
