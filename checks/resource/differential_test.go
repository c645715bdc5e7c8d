package resource

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// samples are resources of our own, one for most kinds of rules; in the test environment the official examples
// join them.
var samples = []string{
	`{"resourceType":"Patient","id":"p","meta":{"versionId":"1","lastUpdated":"2020-01-01T00:00:00Z","security":[{"system":"http://x","code":"R"}]},
	"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x &amp; <b>y</b></div>"},
	"contained":[{"resourceType":"Organization","id":"c","name":"N"}],
	"extension":[{"url":"http://x","extension":[{"url":"a","valueCode":"b"},{"url":"c","valueString":"d","_valueString":{"id":"e"}}]}],
	"active":true,"name":[{"use":"official","family":"F","given":["A",null,"B"],"_given":[null,{"extension":[{"url":"http://x","valueBoolean":true}]},null]}],
	"gender":"other","birthDate":"1980-02-29","_birthDate":{"extension":[{"url":"http://x","valueDateTime":"1980-02-29T01:02:03.4Z"}]},
	"multipleBirthInteger":2,"telecom":[{"system":"phone","value":"1","rank":1}],"managingOrganization":{"reference":"#c"},
	"photo":[{"contentType":"image/png","data":"AAAA","size":3}],"link":[{"other":{"reference":"Patient/q","type":"Patient"},"type":"refer"}],
	"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"}]}}]}`,
	`{"id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"effectivePeriod":{"start":"2012","end":"2013-01"},
	"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"1"}]},"valueQuantity":{"value":1.50,"comparator":"<","unit":"kg"}},{"code":{"text":"y"},"valueTime":"01:02:03"}],
	"referenceRange":[{"low":{"value":1}}],"issued":"2012-03-04T05:06:07.123-05:00","resourceType":"Observation"}`,
	`{"resourceType":"Condition","id":"c","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"subject":{"reference":"urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d"},"abatementAge":{"value":3,"system":"http://unitsofmeasure.org","code":"a"}}`,
	`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d","resource":{"resourceType":"Group","type":"person","actual":true,"member":[{"entity":{"reference":"#m"}}],"contained":[{"resourceType":"Patient","id":"m"}]}},{"resource":{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Binary","contentType":"text/plain","data":"AAAA"}}]}}]}`,
	`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"1.1","type":"decimal","initial":[{"valueDecimal":1e3}]}]}]}`,
	`{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationReference":{"reference":"http://x/Medication/1"},"medication":{"reference":{"reference":"Medication/1"}},"subject":{"identifier":{"system":"urn:oid:1.2.3","value":"v"}},"dosageInstruction":[{"timing":{"event":["2012-01-01"],"repeat":{"dayOfWeek":["mon","tue"],"timeOfDay":["01:02:03"]}}}]}`,
}

// rules returns "rule pointer" for every problem that v finds, sorted.
func rules(v *Validator, line []byte) []string {
	var found []string
	v.Line(line, func(p Problem) {
		if !slices.ContainsFunc(catalogue, func(r Rule) bool { return r.ID == p.Rule }) {
			found = append(found, "not in the catalogue: ")
		}
		found = append(found, p.Rule+" "+p.Pointer)
	})
	slices.Sort(found)
	return found
}

// TestDifferential mutates resources and compares the implementation with the oracle. BULKPROOF_MUTATIONS sets how
// many lines of each version are tried; other numbers give other mutations.
func TestDifferential(t *testing.T) {
	count := 8000
	if s := os.Getenv("BULKPROOF_MUTATIONS"); s != "" {
		count, _ = strconv.Atoi(s)
	}
	var seeds []*tree
	for _, s := range samples {
		seed, err := parseTree([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, seed)
	}
	if _, err := os.Stat(sharedData); err == nil {
		eachLine(t, "r4-examples.ndjson.gz", func(_ int, line []byte) {
			if len(line) > 20000 {
				return
			}
			seed, err := parseTree(line)
			if err != nil {
				t.Fatal(err)
			}
			seeds = append(seeds, seed)
		})
	}
	for _, version := range definitions.Versions {
		t.Run(version.Release, func(t *testing.T) {
			set, err := definitions.Load(version.Number)
			if err != nil {
				t.Fatal(err)
			}
			v := NewJudge(definitionsFor(t, version.Number), Options{})
			r := rand.New(rand.NewPCG(1, uint64(count)))
			failures, accepted := 0, 0
			for k := range count {
				line := copyTree(seeds[k%len(seeds)])
				if k >= len(seeds) {
					mutate(r, line)
				}
				raw := line.write(nil)
				_, fastOK := v.accept(raw)
				got, want := rules(v, raw), oracleJudge(set, line)
				v.reader.line(raw)
				if fastOK && len(v.reader.problems) > 0 {
					t.Errorf("the fast walk accepts what the reader rejects with %s\n%.2000s", describe(v.reader.problems[0]), raw)
					failures++
				}
				if fastOK {
					accepted++
				}
				if !slices.Equal(got, want) {
					t.Errorf("%.800s\n got %q\nwant %q", raw, got, want)
					failures++
				}
				if failures > 5 {
					t.Fatal("giving up")
				}
			}
			t.Logf("%d lines, the fast walk accepts %d", count, accepted)
		})
	}
}

// FuzzResource feeds any bytes: nothing may panic, lines that are no JSON must be rejected, and for those that are
// the implementation must agree with the oracle.
func FuzzResource(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	for _, s := range []string{
		`{"resourceType":"Patient","active":true,}`, `{"resourceType":"`, `{"resourceType":`, `{"resourceType`, `{"resourceType":"Patient","name":[{"given":[null],"_given":[{"id":"x"}]}]}`,
		`{"resourceType":"Patient","_active":{"id":"x"},"active":false,"birthDate":"1900-02-29"}`, `{"resourceType":"Basic","code":{"coding":[{"code":"a\u0020b"}]}}`,
		`{"resourceType":"Patient","deceasedBoolean":true,"_deceasedDateTime":{"id":"a"}}`, `{ "resourceType" : "Binary" , "contentType" : "a/b" , "data" : "AA==" }`,
	} {
		f.Add([]byte(s))
	}
	set, err := definitions.Load("R4")
	if err != nil {
		f.Fatal(err)
	}
	v := NewJudge(definitionsFor(f, "R4"), Options{Values: true, MaxDepth: 10000})
	f.Fuzz(func(t *testing.T, line []byte) {
		_, accepted := v.accept(line)
		v.reader.line(line)
		problems := v.reader.problems
		if accepted && len(problems) > 0 {
			t.Fatalf("the fast walk accepts what the reader rejects with %s", describe(problems[0]))
		}
		var got []string
		broken, last := false, 0
		for _, p := range problems {
			if p.Offset < last || p.Offset > len(line) {
				t.Fatalf("offset %d after %d in %d bytes", p.Offset, last, len(line))
			}
			last = p.Offset
			broken = broken || strings.HasPrefix(p.Rule, "json.") && p.Rule != "json.not-object"
			got = append(got, p.Rule+" "+p.Pointer)
		}
		if broken == wellFormed(line) {
			t.Fatalf("%q: rejected as JSON %v, jsontext accepts %v", line, broken, !broken)
		}
		if broken {
			return
		}
		root, err := parseTree(line)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if want := oracleJudge(set, root); !slices.Equal(got, want) {
			t.Fatalf("%s\n got %q\nwant %q", line, got, want)
		}
	})
}
