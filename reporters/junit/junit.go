// Package junit writes a Report in the XML dialect that CI systems read as "JUnit": one test suite per area, one
// test case per check.
//
// The dialect knows four results, the Report eight outcomes. They map so that nothing that was not judged ever
// looks green:
//
//	pass           a test case without children
//	warn           a passing test case whose text is in <system-out>; a <failure> if the run is strict
//	fail           <failure>
//	inconclusive   <error>: not being able to judge breaks a build as a crash of the test would
//	error          <error>
//	skip, not-run  <skipped>
//	waived         <skipped>: the CI system shows it as not passing without failing the build
//
// A provisional check does not count towards the verdict, so whatever it finds is a <skipped> with the text.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/bulkproof/bulkproof/reporters/model"
)

type testSuites struct {
	XMLName   xml.Name    `xml:"testsuites"`
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Suites    []testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name       string     `xml:"name,attr"`
	Tests      int        `xml:"tests,attr"`
	Failures   int        `xml:"failures,attr"`
	Errors     int        `xml:"errors,attr"`
	Skipped    int        `xml:"skipped,attr"`
	Time       string     `xml:"time,attr"`
	Timestamp  string     `xml:"timestamp,attr"`
	Properties []property `xml:"properties>property"`
	Cases      []testCase `xml:"testcase"`
	durationMS int64
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testCase struct {
	Name      string  `xml:"name,attr"`
	ClassName string  `xml:"classname,attr"`
	Time      string  `xml:"time,attr"`
	Failure   *detail `xml:"failure"`
	Error     *detail `xml:"error"`
	Skipped   *detail `xml:"skipped"`
	SystemOut *text   `xml:"system-out"`
}

type detail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

type text struct {
	Text string `xml:",chardata"`
}

// Write writes the report. Characters that XML 1.0 cannot carry become U+FFFD. It errs when w does.
func Write(w io.Writer, r *model.Report) error {
	all := testSuites{
		Name:      "bulkproof " + r.IG,
		Time:      seconds(r.Ended.Sub(r.Started).Milliseconds()),
		Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"),
	}
	requirements := r.RequirementByID()
	// Areas in the order of the plan, so that the file reads like the run.
	place := map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		at, known := place[c.Area]
		if !known {
			at = len(all.Suites)
			place[c.Area] = at
			all.Suites = append(all.Suites, testSuite{Name: c.Area, Timestamp: all.Timestamp, Properties: properties(r)})
		}
		s := &all.Suites[at]
		s.add(caseOf(c, r.Strict, requirements), c.DurationMS)
	}
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Time = seconds(s.durationMS)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *testSuite) add(c testCase, durationMS int64) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	s.durationMS += durationMS
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

// properties stand in each suite because several CI systems ignore them on the root.
func properties(r *model.Report) []property {
	return []property{
		{"tool", strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version)},
		{"ig", r.IG},
		{"target", r.Target.BaseURL},
		{"verdict", string(r.Verdict)},
		{"report digest", r.Digest},
	}
}

func caseOf(c *model.Check, strict bool, requirements map[string]model.Requirement) testCase {
	// The name is the id alone: CI systems follow a test's history by its name, and titles get reworded.
	t := testCase{Name: c.ID, ClassName: "bulkproof." + c.Area, Time: seconds(c.DurationMS)}
	d := &detail{Message: message(c), Type: string(c.Outcome), Text: body(c, requirements)}
	switch {
	case c.Outcome == model.Pass:
	case c.Outcome == model.Skip, c.Outcome == model.NotRun, c.Outcome == model.Waived:
		t.Skipped = d
	case c.Provisional:
		d.Message = "Provisional, does not count yet: " + d.Message
		t.Skipped = d
	case c.Outcome == model.Warn && !strict:
		t.SystemOut = &text{Text: d.Message + "\n\n" + d.Text}
	case c.Outcome == model.Warn, c.Outcome == model.Fail:
		t.Failure = d
	default: // inconclusive, error, and whatever a later version invents
		t.Error = d
	}
	if t.Skipped != nil {
		d.Type = "" // the dialect's schemas allow a type on failure and error only
	}
	return t
}

// message is the one line that CI systems show in lists.
func message(c *model.Check) string {
	if c.Reason != "" && c.Outcome != model.Fail && c.Outcome != model.Warn {
		return c.Reason
	}
	for _, severity := range []string{"fail", "warn"} {
		for _, f := range c.Findings {
			if f.Severity != severity {
				continue
			}
			if n := len(c.Findings) - 1; n > 0 {
				return fmt.Sprintf("%s (and %d more)", f.Observed, n)
			}
			return f.Observed
		}
	}
	if c.Reason != "" {
		return c.Reason
	}
	return c.Title
}

func body(c *model.Check, requirements map[string]model.Requirement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Title)
	if c.Reason != "" {
		fmt.Fprintf(&b, "%s: %s\n", c.Outcome, c.Reason)
	}
	for i, f := range c.Findings {
		fmt.Fprintf(&b, "\n%d. %s: %s", i+1, f.Severity, f.Requirement)
		if q, ok := requirements[f.Requirement]; ok && q.Key != "" {
			fmt.Fprintf(&b, " %s", q.Key)
		}
		fmt.Fprintf(&b, " (%s)\n", f.Level)
		line(&b, "source", requirements[f.Requirement].Source)
		line(&b, "expected", f.Expected)
		line(&b, "observed", f.Observed)
		if f.Count > 1 {
			line(&b, "seen", fmt.Sprintf("%d times", f.Count))
		}
		line(&b, "evidence", f.Evidence.String())
		line(&b, "url", f.Evidence.URL)
		line(&b, "reproduce", f.Reproduce)
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	return b.String()
}

func line(b *strings.Builder, label, value string) {
	if value != "" {
		fmt.Fprintf(b, "   %-10s %s\n", label+":", strings.ReplaceAll(value, "\n", "\n              "))
	}
}

// seconds formats milliseconds as the dialect wants them. A clock that went backwards is no negative time.
func seconds(ms int64) string {
	ms = max(ms, 0)
	return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
}
