// Package build turns what a run left behind into a Report. It is the border: nothing behind it sees a session.
package build

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/reporters"
)

// Input is everything a report is made from.
type Input struct {
	Session        *session.Session
	Plan           *checks.Plan
	Results        []checks.Result
	Verdict        checks.Verdict
	ExitCode       int
	Started, Ended time.Time
	ToolVersion    string
	CommandLine    []string // redacted by the caller
	Implementation string
	Strict         bool
	Problems       []string
}

// Report returns the report. It does not seal it.
func Report(in Input) *reporters.Report {
	c := in.Session.Config()
	d := in.Session.Discover()
	tr := in.Session.Traffic()
	r := &reporters.Report{
		SchemaVersion: reporters.SchemaVersion,
		Tool:          reporters.Tool{Name: "bulkproof", Version: in.ToolVersion, CatalogueDigest: in.Plan.Catalogue.Digest()},
		Verdict:       reporters.Verdict(in.Verdict), ExitCode: in.ExitCode, Strict: in.Strict, IG: string(in.Plan.IG),
		Started: in.Started.UTC(), Ended: in.Ended.UTC(), CommandLine: nonNil(in.CommandLine),
		Environment: reporters.Environment{GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH},
		Target: reporters.Target{BaseURL: session.RedactURL(c.BaseURL), Implementation: in.Implementation, Software: d.Software,
			Authorization: authorization(c), Facts: []reporters.Fact{}},
		Traffic: reporters.Traffic{Requests: tr.Requests, KickOffs: tr.KickOffs, KickOffAttempts: tr.KickOffAttempts,
			CompletedExports: tr.CompletedExports, JobsDeleted: tr.JobsDeleted, BytesReceived: tr.BytesReceived, Resources: tr.Resources},
		Problems: nonNil(in.Problems),
	}
	for _, f := range d.Facts {
		r.Target.Facts = append(r.Target.Facts, reporters.Fact{Name: f.Name, Value: f.Value, Provenance: f.Provenance, Source: f.Source})
	}
	if skew, ok := in.Session.Skew(); ok {
		r.Target.Facts = append(r.Target.Facts, reporters.Fact{Name: "clock", Value: skewText(skew), Provenance: session.Probed, Source: "Date headers"})
	}
	sort.SliceStable(r.Target.Facts, func(i, j int) bool { return r.Target.Facts[i].Name < r.Target.Facts[j].Name })

	exchanges := in.Session.Exchanges()
	wanted := map[int]bool{}
	cited := map[string][]string{}
	for _, res := range in.Results {
		r.Checks = append(r.Checks, checkOf(in.Plan, res, exchanges, wanted))
		for _, id := range res.Check.Requires {
			cited[id] = append(cited[id], res.Check.ID)
		}
	}
	for _, c := range r.Checks {
		count(&r.Totals, c.Outcome)
	}
	r.Requirements = requirements(in.Plan, cited)
	r.Exchanges = selectExchanges(exchanges, wanted)
	r.Exports = exportsOf(in.Session)
	if r.Checks == nil {
		r.Checks = []reporters.Check{}
	}
	return r
}

func authorization(c session.Config) string {
	switch {
	case c.ClientID != "":
		return "SMART Backend Services"
	case c.Token != "":
		return "static token"
	}
	return "open"
}

func skewText(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d > 0:
		return fmt.Sprintf("%s ahead of ours", d)
	case d < 0:
		return fmt.Sprintf("%s behind ours", -d)
	}
	return "agrees with ours to a second"
}

// Check returns one result as the report will show it, while the run goes on.
func Check(s *session.Session, p *checks.Plan, res checks.Result) reporters.Check {
	var exchanges []session.Exchange
	if len(res.Findings) > 0 {
		exchanges = s.Exchanges()
	}
	return checkOf(p, res, exchanges, map[int]bool{})
}

// Requirements returns the plan's requirements as the report will list them.
func Requirements(p *checks.Plan) []reporters.Requirement {
	cited := map[string][]string{}
	for _, e := range p.Entries {
		for _, id := range e.Check.Requires {
			cited[id] = append(cited[id], e.Check.ID)
		}
	}
	return requirements(p, cited)
}

func checkOf(p *checks.Plan, res checks.Result, exchanges []session.Exchange, wanted map[int]bool) reporters.Check {
	c := res.Check
	out := reporters.Check{ID: c.ID, Area: c.Area(), Title: c.Title, Doc: c.Doc, Requires: nonNil(c.Requires), Provisional: c.Provisional,
		Outcome: reporters.Outcome(res.Outcome), Reason: res.Reason, Findings: []reporters.Finding{}, Notes: nonNil(res.Notes),
		Examined: res.Examined, DurationMS: res.Took.Milliseconds()}
	for _, f := range res.Findings {
		req, _ := p.Catalogue.Get(f.Requirement)
		ev := f.At
		out.Findings = append(out.Findings, reporters.Finding{Requirement: f.Requirement, Level: f.Entry.Keyword(), Severity: string(f.Severity),
			Expected: checks.Expected(req, p.IG), Observed: f.Observed, Count: f.Count, Reproduce: reproduce(ev, exchanges),
			Evidence: reporters.Evidence{Exchange: ev.Exchange, URL: ev.URL, File: ev.File, Line: ev.Line, Offset: ev.Offset, Pointer: ev.Pointer}})
		if ev.Exchange > 0 {
			wanted[ev.Exchange] = true
			if !slices.Contains(out.Exchanges, ev.Exchange) {
				out.Exchanges = append(out.Exchanges, ev.Exchange)
			}
		}
	}
	for _, e := range exchanges {
		if e.Check == c.ID && len(out.Exchanges) < 40 && !slices.Contains(out.Exchanges, e.Number) {
			out.Exchanges = append(out.Exchanges, e.Number)
			wanted[e.Number] = true
		}
	}
	slices.Sort(out.Exchanges)
	return out
}

// reproduce returns a curl command that repeats the exchange. Secrets appear as shell variables.
func reproduce(ev session.Evidence, exchanges []session.Exchange) string {
	if ev.Exchange < 1 || ev.Exchange > len(exchanges) {
		return ""
	}
	e := exchanges[ev.Exchange-1]
	var b strings.Builder
	b.WriteString("curl -i")
	if e.Method != http.MethodGet {
		b.WriteString(" -X " + e.Method)
	}
	for _, h := range headers(e.RequestHeader) {
		switch h.Name {
		case "User-Agent":
		case "Accept-Encoding":
			if h.Value != "identity" {
				b.WriteString(" --compressed")
			}
		case "Authorization":
			b.WriteString(` -H "Authorization: Bearer $TOKEN"`)
		default:
			b.WriteString(" -H " + quote(h.Name+": "+h.Value))
		}
	}
	if e.RequestBytes > 0 {
		b.WriteString(" --data-binary @body")
	}
	return b.String() + " " + quote(e.URL)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func count(t *reporters.Totals, o reporters.Outcome) {
	t.Checks++
	switch o {
	case reporters.Pass:
		t.Pass++
	case reporters.Warn:
		t.Warn++
	case reporters.Fail:
		t.Fail++
	case reporters.Skip:
		t.Skip++
	case reporters.Inconclusive:
		t.Inconclusive++
	case reporters.Error:
		t.Error++
	case reporters.NotRun:
		t.NotRun++
	case reporters.Waived:
		t.Waived++
	}
}

func requirements(p *checks.Plan, cited map[string][]string) []reporters.Requirement {
	out := []reporters.Requirement{}
	for _, req := range p.Catalogue.All() {
		ids := cited[req.ID]
		e, ok := req.In(p.IG)
		if len(ids) == 0 || !ok {
			continue
		}
		out = append(out, reporters.Requirement{ID: req.ID, Key: req.Key, Level: e.Keyword(), Summary: req.SummaryIn(p.IG), Source: req.SourceIn(p.IG), Checks: ids})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// selectExchanges keeps what findings point at, what checks caused, and the first few of each purpose, so that a reader
// sees how the conversation went.
func selectExchanges(all []session.Exchange, wanted map[int]bool) []reporters.Exchange {
	const firsts = 3
	seen := map[string]int{}
	out := []reporters.Exchange{}
	for _, e := range all {
		seen[e.Purpose]++
		if !wanted[e.Number] && seen[e.Purpose] > firsts {
			continue
		}
		x := reporters.Exchange{Number: e.Number, Check: e.Check, Purpose: e.Purpose, Started: e.Started.UTC(), DurationMS: e.Took.Milliseconds(), Error: e.Err,
			Request: reporters.Message{Method: e.Method, URL: e.URL, Headers: headers(e.RequestHeader), BodyBytes: e.RequestBytes}}
		if e.Status != 0 {
			x.Response = &reporters.Message{Status: e.Status, Proto: e.Proto, Headers: headers(e.ResponseHeader), BodyBytes: e.ResponseBytes, BodySHA256: e.ResponseSHA256, Excerpt: e.Excerpt}
		}
		out = append(out, x)
	}
	return out
}

func headers(h http.Header) []reporters.Header {
	out := []reporters.Header{}
	for k, vs := range h {
		for _, v := range vs {
			out = append(out, reporters.Header{Name: k, Value: v})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func exportsOf(s *session.Session) []reporters.Export {
	out := []reporters.Export{}
	for _, e := range s.Exports() {
		x := reporters.Export{Scenario: e.Scenario.String(), State: string(e.State)}
		if e.KickOff != nil {
			method := http.MethodGet
			if e.Scenario.Post {
				method = http.MethodPost
			}
			x.Request = method + " " + session.RedactURL(e.KickOff.URL)
		}
		if fs := s.FilesIfRead(e); fs != nil {
			for _, f := range fs.Files {
				x.Files++
				if f.Response != nil {
					x.Bytes += f.Response.Bytes
				}
			}
			x.Resources = fs.Resources()
		}
		x.Deleted = s.WasDeleted(e.Location)
		out = append(out, x)
	}
	return out
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
