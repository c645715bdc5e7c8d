package reporters

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reporters/jsonreport"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

// otherRun makes the sample look as if it came from a run at another time, port and speed.
func otherRun(t *testing.T, port, job, path string, later time.Duration) *Report {
	t.Helper()
	r := reporttest.Sample()
	*r = *r.MapStrings(func(s string) string {
		return strings.NewReplacer("https://ehr.example.org", "http://127.0.0.1:"+port, "https://files.example.org", "http://[::1]:"+port,
			"6f2c", job, "Fri, 20 Nov 2026 14:03:13 GMT", time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC).Add(later).Format("Mon, 02 Jan 2006 15:04:05 GMT"),
			"within 30 s", "within "+later.String()).Replace(s)
	})
	r.Started, r.Ended = r.Started.Add(later), r.Ended.Add(2*later)
	r.CommandLine[0] = path
	for i := range r.Checks {
		r.Checks[i].DurationMS += later.Milliseconds()
	}
	// One more poll, and another order of the shared work.
	poll := r.Exchanges[6]
	for i := range r.Exchanges {
		r.Exchanges[i].Started = r.Exchanges[i].Started.Add(later)
		r.Exchanges[i].DurationMS += 7
	}
	if later > time.Minute {
		poll.Number = 11
		r.Exchanges = append(r.Exchanges, poll)
		r.Exchanges[0], r.Exchanges[2] = r.Exchanges[2], r.Exchanges[0]
		r.Exchanges[0].Number, r.Exchanges[2].Number = 1, 3
		for i := range r.Checks {
			c := &r.Checks[i]
			swap := map[int]int{1: 3, 3: 1}
			for n, e := range c.Exchanges {
				if to := swap[e]; to > 0 {
					c.Exchanges[n] = to
				}
			}
			for n := range c.Findings {
				if to := swap[c.Findings[n].Evidence.Exchange]; to > 0 {
					c.Findings[n].Evidence.Exchange = to
				}
			}
		}
		r.Traffic.Requests++
	}
	return r
}

func TestNormalise(t *testing.T) {
	a := otherRun(t, "40123", "5e884898da28047151d0e56f8dc62927", "bulkproof", 31*time.Second)
	b := otherRun(t, "5", "b1946ac92492d2347c6235b4d2611184", "bulkproof", 95*time.Second)
	if reflect.DeepEqual(a, b) {
		t.Fatal("the two runs do not differ, so nothing is tested")
	}
	Normalise(a)
	Normalise(b)
	left, err := jsonreport.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := jsonreport.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(left, right) {
		l, r := strings.Split(string(left), "\n"), strings.Split(string(right), "\n")
		for i := range min(len(l), len(r)) {
			if l[i] != r[i] {
				t.Fatalf("the runs still differ, first in line %d:\n%s\n%s", i+1, l[i], r[i])
			}
		}
		t.Fatalf("the runs still differ in length: %d and %d lines", len(l), len(r))
	}
	if err := Validate(a); err != nil {
		t.Errorf("normalised, %v", err)
	}
	for _, gone := range []string{"127.0.0.1", "40123", "5e884898", "2026-11-20", "Jan 2027"} {
		if strings.Contains(string(left), gone) {
			t.Errorf("%q is still there", gone)
		}
	}
	// What was found stays.
	for _, kept := range []string{"kickoff.content-location", "KICKOFF-025", "line 118 repeats", "output[3] Observation", `"kickOffs": 14`,
		"expires_in is 3600", "Retry-After is", "sha256:5f1d0a3c9b7e4482", "https://hl7.org/fhir/uv/bulkdata/STU3/export.html#bulk-data-kick-off-request"} {
		if !strings.Contains(string(left), kept) {
			t.Errorf("%q is gone", kept)
		}
	}
	again := *a
	Normalise(&again)
	third, err := jsonreport.Marshal(&again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(left, third) {
		t.Error("normalising twice is not the same as once")
	}
	// A difference in what was found survives.
	c := reporttest.Sample()
	i := slices.IndexFunc(c.Checks, func(k Check) bool { return k.ID == "files.unique" })
	c.Checks[i].Findings[0].Evidence.Line++
	d := reporttest.Sample()
	Normalise(c)
	Normalise(d)
	if reflect.DeepEqual(c, d) {
		t.Error("another line in a finding is lost")
	}
}

func TestNormalText(t *testing.T) {
	for in, want := range map[string]string{
		"GET http://srv.test:80/x":                                "GET http://target.example/x",
		"http://localhost:8080/fhir and 127.0.0.1:9 and [::1]:70": "http://target.example/fhir and target.example and target.example",
		"after 2026-01-02T03:04:05.678+01:00":                     "after 2000-01-01T00:00:00Z",
		"took 12.5 s, then 3ms, 1m35s, 2h0m1.5s":                  "took 0 s, then 0 s, 0 s, 0 s",
		"/jobs/0190f3a1-6b1c-7d55-a8d3-2f1e0c9b8a77/status":       "/jobs/ID/status",
		"/ExplanationOfBenefit/$export":                           "/ExplanationOfBenefit/$export",
		"smart-backend-services":                                  "smart-backend-services",
		"128,740 lines of 56 files":                               "128,740 lines of 56 files",
		"1234567890123456789 bytes":                               "1234567890123456789 bytes",
	} {
		if got := normalText(in, "srv.test:80"); got != want {
			t.Errorf("normalText(%q) = %q, want %q", in, got, want)
		}
	}
}
