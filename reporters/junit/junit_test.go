package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

// Types of our own for reading, so that a mistake in the writer's types cannot hide itself.
type (
	xmlSuites struct {
		Tests     int        `xml:"tests,attr"`
		Failures  int        `xml:"failures,attr"`
		Errors    int        `xml:"errors,attr"`
		Skipped   int        `xml:"skipped,attr"`
		Time      string     `xml:"time,attr"`
		Timestamp string     `xml:"timestamp,attr"`
		Suites    []xmlSuite `xml:"testsuite"`
	}
	xmlSuite struct {
		Name       string `xml:"name,attr"`
		Tests      int    `xml:"tests,attr"`
		Failures   int    `xml:"failures,attr"`
		Errors     int    `xml:"errors,attr"`
		Skipped    int    `xml:"skipped,attr"`
		Time       string `xml:"time,attr"`
		Properties []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"properties>property"`
		Cases []xmlCase `xml:"testcase"`
	}
	xmlCase struct {
		Name      string      `xml:"name,attr"`
		ClassName string      `xml:"classname,attr"`
		Time      string      `xml:"time,attr"`
		Failures  []xmlResult `xml:"failure"`
		Errors    []xmlResult `xml:"error"`
		Skipped   []xmlResult `xml:"skipped"`
		SystemOut []string    `xml:"system-out"`
	}
	xmlResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func read(t *testing.T, r *model.Report) (xmlSuites, map[string]xmlCase) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b.Bytes()) {
		t.Error("the file is not UTF-8")
	}
	var all xmlSuites
	if err := xml.Unmarshal(b.Bytes(), &all); err != nil {
		t.Fatalf("the file is not well-formed: %v", err)
	}
	cases := map[string]xmlCase{}
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			cases[c.Name] = c
		}
	}
	return all, cases
}

func TestCountsAreThoseOfTheElements(t *testing.T) {
	r := reporttest.Sample()
	all, cases := read(t, r)
	if len(cases) != len(r.Checks) {
		t.Fatalf("%d test cases for %d checks", len(cases), len(r.Checks))
	}
	var tests, failures, errs, skipped int
	for _, s := range all.Suites {
		var f, e, k int
		for _, c := range s.Cases {
			f, e, k = f+len(c.Failures), e+len(c.Errors), k+len(c.Skipped)
			if c.ClassName != "bulkproof."+s.Name {
				t.Errorf("%s in suite %s has class %s", c.Name, s.Name, c.ClassName)
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != f || s.Errors != e || s.Skipped != k {
			t.Errorf("suite %s says %d tests, %d failures, %d errors, %d skipped; it holds %d, %d, %d, %d",
				s.Name, s.Tests, s.Failures, s.Errors, s.Skipped, len(s.Cases), f, e, k)
		}
		tests, failures, errs, skipped = tests+s.Tests, failures+f, errs+e, skipped+k
	}
	if all.Tests != tests || all.Failures != failures || all.Errors != errs || all.Skipped != skipped {
		t.Errorf("the file says %d tests, %d failures, %d errors, %d skipped; it holds %d, %d, %d, %d",
			all.Tests, all.Failures, all.Errors, all.Skipped, tests, failures, errs, skipped)
	}
	// And those of the report: inconclusive is an error, waived and not-run are skipped.
	if o := r.Totals; failures != o.Fail || errs != o.Error+o.Inconclusive || skipped != o.Skip+o.NotRun+o.Waived || tests != o.Checks {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped do not fit %+v", tests, failures, errs, skipped, o)
	}
	if all.Time != "221.120" || all.Timestamp != "2026-11-20T14:03:12" {
		t.Errorf("time %s, timestamp %s", all.Time, all.Timestamp)
	}
	var names []string
	for _, s := range all.Suites {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "capability discovery token kickoff status manifest files security data group cancel" {
		t.Errorf("suites are not in the order of the plan: %s", got)
	}
	for _, s := range all.Suites {
		got := map[string]string{}
		for _, p := range s.Properties {
			got[p.Name] = p.Value
		}
		if got["tool"] != "bulkproof 1.0.0" || got["ig"] != "3.0.0" || got["target"] != r.Target.BaseURL || got["verdict"] != "not conformant" {
			t.Errorf("suite %s has properties %v", s.Name, got)
		}
	}
}

func TestEachOutcome(t *testing.T) {
	_, cases := read(t, reporttest.Sample())
	children := func(c xmlCase) [4]int {
		return [4]int{len(c.Failures), len(c.Errors), len(c.Skipped), len(c.SystemOut)}
	}
	for id, want := range map[string][4]int{
		"token.audience":     {},
		"data.organized":     {}, // provisional, but it passed
		"token.lifetime":     {0, 0, 0, 1},
		"files.unique":       {1, 0, 0, 0},
		"kickoff.post":       {0, 0, 1, 0},
		"cancel.then-404":    {0, 0, 1, 0},
		"status.retry-after": {0, 0, 1, 0},
		"data.since":         {0, 1, 0, 0},
		"group.members-only": {0, 1, 0, 0},
	} {
		if got := children(cases[id]); got != want {
			t.Errorf("%s has %v failures, errors, skipped and system-outs, want %v", id, got, want)
		}
	}
	f := cases["kickoff.error-body"].Failures[0]
	if f.Message != "the body is HTML (text/html; charset=utf-8, 1,284 bytes) (and 1 more)" || f.Type != "fail" {
		t.Errorf("message %q, type %q", f.Message, f.Type)
	}
	for _, want := range []string{"1. fail: ERROR-002 ERROR/kickoff-body (SHALL)", "2. warn: PARAM-030 PARAM/type-unsupported-types (SHOULD)",
		"expected:  an OperationOutcome", "observed:  nothing machine-readable", "evidence:  exchange 6", "reproduce: curl -i",
		"source:    https://hl7.org/fhir/uv/bulkdata/STU3/export.html#query-parameters", "note: The same gateway page"} {
		if !strings.Contains(f.Text, want) {
			t.Errorf("the failure's text lacks %q:\n%s", want, f.Text)
		}
	}
	for id, want := range map[string]string{
		"kickoff.post":       "The server refuses POST kick-offs with 405, which the specification permits.",
		"cancel.then-404":    "Left out by --skip cancel.then-404.",
		"status.retry-after": "Waived until 2027-03-31: vendor ticket EHR-4471, fixed in 2027.1.",
	} {
		if got := cases[id].Skipped[0]; got.Message != want || got.Type != "" {
			t.Errorf("%s is skipped with %q (type %q), want %q", id, got.Message, got.Type, want)
		}
	}
	if got := cases["data.since"].Errors[0]; got.Type != "inconclusive" || !strings.Contains(got.Message, "--export-timeout") {
		t.Errorf("an inconclusive check reads %+v", got)
	}
	if got := cases["token.lifetime"].SystemOut[0]; !strings.Contains(got, "expires_in is 3600") {
		t.Errorf("a warning reads %q", got)
	}
}

func TestStrictTurnsWarningsIntoFailures(t *testing.T) {
	r := reporttest.Sample()
	r.Strict = true
	all, cases := read(t, r)
	if all.Failures != r.Totals.Fail+r.Totals.Warn {
		t.Errorf("%d failures, want %d", all.Failures, r.Totals.Fail+r.Totals.Warn)
	}
	if c := cases["token.lifetime"]; len(c.Failures) != 1 || len(c.SystemOut) != 0 || c.Failures[0].Type != "warn" {
		t.Errorf("a warning reads %+v", c)
	}
}

func TestProvisionalNeverFails(t *testing.T) {
	r := reporttest.Sample()
	for i := range r.Checks {
		r.Checks[i].Provisional = true
	}
	all, cases := read(t, r)
	if all.Failures+all.Errors != 0 {
		t.Errorf("%d failures and %d errors", all.Failures, all.Errors)
	}
	if got := cases["files.unique"].Skipped[0].Message; got != "Provisional, does not count yet: line 118 repeats the type and id of line 12" {
		t.Errorf("message %q", got)
	}
}

func TestFailWithoutFinding(t *testing.T) {
	_, cases := read(t, &model.Report{Checks: []model.Check{{ID: "a.b", Area: "a", Title: "title", Outcome: model.Fail, Reason: "The check passes although it is waived."}}})
	if got := cases["a.b"].Failures[0].Message; got != "The check passes although it is waived." {
		t.Errorf("message %q", got)
	}
}

func TestUnknownOutcomeIsNoSuccess(t *testing.T) {
	all, _ := read(t, &model.Report{Checks: []model.Check{{ID: "a.b", Area: "a", Outcome: "brilliant"}}})
	if all.Errors != 1 {
		t.Errorf("%+v", all)
	}
}

func TestHostileText(t *testing.T) {
	for _, attack := range []string{`]]><failure message="x"/>`, `"/><testcase name="x"/>`, "&#0;&bogus;", "a\x00b\x1bc\ufffe\uffff\xffd", "<!--", "\u202e"} {
		all, _ := read(t, reporttest.Hostile(attack))
		clean := reporttest.Sample().Totals
		if all.Tests != clean.Checks || all.Failures != clean.Fail || all.Errors != clean.Error+clean.Inconclusive {
			t.Errorf("%q changed the structure: %d tests, %d failures, %d errors", attack, all.Tests, all.Failures, all.Errors)
		}
		want := attack
		if strings.Contains(attack, "\x00") {
			want = "a\ufffdb\ufffdc\ufffd\ufffd\ufffdd"
		}
		if got := all.Suites[0].Properties[2].Value; got != want {
			t.Errorf("%q reads back as %q, want %q", attack, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for ms, want := range map[int64]string{0: "0.000", 7: "0.007", 1204: "1.204", -5: "0.000"} {
		if got := seconds(ms); got != want {
			t.Errorf("seconds(%d) = %s, want %s", ms, got, want)
		}
	}
	r := &model.Report{Started: time.Unix(10, 0), Ended: time.Unix(5, 0)}
	if all, _ := read(t, r); all.Time != "0.000" || all.Tests != 0 {
		t.Errorf("a clock that went backwards gives %+v", all)
	}
}

type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, errBroken
	}
	w.left -= len(p)
	return len(p), nil
}

func TestBrokenWriter(t *testing.T) {
	for _, n := range []int{0, 100, 5000} {
		if err := Write(&brokenWriter{n}, reporttest.Sample()); !errors.Is(err, errBroken) {
			t.Errorf("a writer that breaks after %d bytes gives %v", n, err)
		}
	}
}
