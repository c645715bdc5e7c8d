package html

import (
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
	"github.com/bulkproof/bulkproof/reporters/model"
)

// page is what the template shows, computed: the template itself decides nothing.
type page struct {
	*model.Report
	Policy        string
	Style, Script template.HTML

	VerdictClass, VerdictWord string
	Says, SaysNot             string
	Decisive                  string // the numbers behind the verdict, in a sentence
	Day, When, Took           string
	Command                   string
	Counts                    []count // outcomes that occur
	Bar                       bar
	Areas                     []areaRow
	Levels                    []levelRow
	LevelNames                []string // levels that occur, for the filter
	Groups                    []group
	Track                     *track
	Shown                     []exchange
	Omitted                   bool // not every exchange is listed
	Cost                      []pair

	anchors []string // of Checks, by position
}

type pair struct{ Name, Value string }

type count struct {
	Outcome     model.Outcome
	Word, Class string
	N           int
}

// bar is a stacked bar; the numbers stand beside it in words.
type bar struct {
	Total int
	Parts []part
	Label string
}

type part struct {
	Class    string
	At, Size int
}

type areaRow struct {
	Name   string
	Total  int
	Counts []count // as page.Counts: the same columns
	Bar    bar
}

type levelRow struct {
	Name                              string
	Cited, Clean, Violated, NotJudged int
	Bar                               bar
}

type group struct {
	ID, Title, Lead string
	Checks          []check
}

type check struct {
	*model.Check
	Anchor      string
	Word, Class string
	Level       string
	LevelTokens string // base levels of its requirements, for the filter
	Open        bool
	Reqs        []requirement
	Finds       []finding
	DocParas    []string
	Took        string
	Links       []link
}

type requirement struct {
	ID, Key, Level, Summary string
	Source                  link
	Known                   bool
}

type finding struct {
	*model.Finding
	Word, Class string
	Req         requirement
	Where       string // evidence without the exchange
	Exchange    link
}

type exchange struct {
	*model.Exchange
	Anchor string
	Result string
	Class  string
	Took   string
	Cited  []link // checks whose findings point here
	Sides  []side
}

// side is the request or the response of an exchange.
type side struct {
	Title   string
	Message *model.Message
}

// link is text with a target; without one it is shown as text.
type link struct{ Text, Href string }

// words are the outcomes as a reader sees them.
func word(o model.Outcome) string {
	switch o {
	case model.Pass:
		return "Passed"
	case model.Warn:
		return "Warning"
	case model.Fail:
		return "Failed"
	case model.Skip:
		return "Not applicable"
	case model.Inconclusive:
		return "Inconclusive"
	case model.Error:
		return "Suite error"
	case model.NotRun:
		return "Not run"
	case model.Waived:
		return "Waived"
	default:
		return string(o)
	}
}

// class returns the CSS class of an outcome: one of a fixed set, whatever the report says.
func class(o model.Outcome) string {
	if slices.Contains(model.Outcomes(), o) {
		return string(o)
	}
	return "error"
}

func newPage(r *model.Report) *page {
	p := &page{Report: r, Policy: policy()}
	p.Style, p.Script = assets()
	p.VerdictWord = strings.ToUpper(string(r.Verdict[:min(1, len(r.Verdict))])) + string(r.Verdict[min(1, len(r.Verdict)):])
	p.VerdictClass = verdictClass(r.Verdict)
	p.Says, p.SaysNot = r.Verdict.Meaning()
	p.Day = r.Started.UTC().Format("2 January 2006")
	p.When = r.Started.UTC().Format("2 January 2006, 15:04:05 UTC")
	p.Took = took(r.Ended.Sub(r.Started).Milliseconds())
	p.Command = shellLine(r.CommandLine)
	for _, o := range model.Outcomes() {
		if n := r.Totals.Of(o); n > 0 {
			p.Counts = append(p.Counts, count{o, word(o), class(o), n})
		}
	}
	p.Bar = outcomeBar(r.Totals)
	p.Decisive = decisive(r)
	p.anchors = anchors(r.Checks)
	p.areas()
	p.levels()
	p.checks()
	p.track()
	p.exchanges()
	p.Cost = cost(r)
	return p
}

func verdictClass(v model.Verdict) string {
	switch v {
	case model.Conformant:
		return "pass"
	case model.ConformantWithWaivers:
		return "waived"
	case model.NotConformant:
		return "fail"
	default:
		return "inconclusive"
	}
}

// decisive says in a sentence which numbers the verdict rests on.
func decisive(r *model.Report) string {
	t := r.Totals
	s := fmt.Sprintf("%s: ", figures.Plural(t.Checks, "check"))
	var parts []string
	for _, o := range model.Outcomes() {
		if n := t.Of(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", figures.Number(n), strings.ToLower(word(o))))
		}
	}
	if len(parts) == 0 {
		return "No checks."
	}
	return s + strings.Join(parts, ", ") + "."
}

func outcomeBar(t model.Totals) bar {
	var b bar
	var labels []string
	for _, o := range model.Outcomes() {
		if n := t.Of(o); n > 0 {
			b.Parts = append(b.Parts, part{class(o), b.Total, n})
			b.Total += n
			labels = append(labels, fmt.Sprintf("%d %s", n, strings.ToLower(word(o))))
		}
	}
	b.Label = strings.Join(labels, ", ")
	return b
}

// areas keeps the order of the plan.
func (p *page) areas() {
	byArea := map[string][]model.Check{}
	var names []string
	for _, c := range p.Checks {
		if byArea[c.Area] == nil {
			names = append(names, c.Area)
		}
		byArea[c.Area] = append(byArea[c.Area], c)
	}
	for _, name := range names {
		t := model.Tally(byArea[name])
		row := areaRow{Name: name, Total: t.Checks, Bar: outcomeBar(t)}
		for _, c := range p.Counts {
			c.N = t.Of(c.Outcome)
			row.Counts = append(row.Counts, c)
		}
		p.Areas = append(p.Areas, row)
	}
}

// levels counts requirements: violated if any finding of weight cites them, clean if a check judged them and none
// does, otherwise not judged.
func (p *page) levels() {
	violated, judged := map[string]bool{}, map[string]bool{}
	for _, c := range p.Checks {
		for _, f := range c.Findings {
			if f.Severity != "note" {
				violated[f.Requirement] = true
			}
		}
		switch c.Outcome {
		case model.Pass, model.Warn, model.Fail, model.Waived:
			for _, id := range c.Requires {
				judged[id] = true
			}
		}
	}
	for _, name := range model.Levels() {
		row := levelRow{Name: name}
		for _, q := range p.Requirements {
			if model.BaseLevel(q.Level) != name {
				continue
			}
			row.Cited++
			switch {
			case violated[q.ID]:
				row.Violated++
			case judged[q.ID]:
				row.Clean++
			default:
				row.NotJudged++
			}
		}
		if row.Cited == 0 {
			continue
		}
		bad := "fail"
		if name != "SHALL" {
			bad = "warn"
		}
		for _, x := range []part{{bad, 0, row.Violated}, {"pass", 0, row.Clean}, {"skip", 0, row.NotJudged}} {
			if x.Size > 0 {
				x.At = row.Bar.Total
				row.Bar.Parts = append(row.Bar.Parts, x)
				row.Bar.Total += x.Size
			}
		}
		row.Bar.Label = fmt.Sprintf("%d violated, %d without a violation, %d not judged", row.Violated, row.Clean, row.NotJudged)
		p.Levels = append(p.Levels, row)
		p.LevelNames = append(p.LevelNames, name)
	}
}

func (p *page) checks() {
	byID := p.RequirementByID()
	listed := map[int]bool{}
	for _, e := range p.Exchanges {
		listed[e.Number] = true
	}
	groups := []group{
		{ID: "attention", Title: "Needs attention", Lead: "Everything that failed, warned, was waived or could not be judged."},
		{ID: "passed", Title: "Passed", Lead: "Judged, and nothing found."},
		{ID: "unjudged", Title: "Not judged", Lead: "Not applicable to this server, left out or interrupted, each with its reason."},
	}
	for _, o := range model.Outcomes() {
		at := 0
		switch o {
		case model.Pass:
			at = 1
		case model.Skip, model.NotRun:
			at = 2
		}
		for i := range p.Checks {
			if c := &p.Checks[i]; c.Outcome == o {
				groups[at].Checks = append(groups[at].Checks, newCheck(c, p.anchors[i], byID, listed))
			}
		}
	}
	for _, g := range groups {
		if len(g.Checks) > 0 {
			p.Groups = append(p.Groups, g)
		}
	}
}

// plainID is what check ids look like. Anything else came from an edited file and gets its position as an anchor.
var plainID = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// anchors returns the place of each check in the page, unique and stable where the ids are.
func anchors(checks []model.Check) []string {
	out := make([]string, len(checks))
	seen := map[string]bool{}
	for i := range checks {
		out[i] = fmt.Sprintf("check-%d", i+1)
		if id := checks[i].ID; plainID.MatchString(id) && !seen[id] {
			seen[id] = true
			out[i] = "check." + id // a dot, so that the check "1" is not the first one
		}
	}
	return out
}

func newCheck(c *model.Check, anchor string, byID map[string]model.Requirement, listed map[int]bool) check {
	v := check{Check: c, Anchor: anchor, Word: word(c.Outcome), Class: class(c.Outcome),
		Open: c.Outcome.NeedsAttention(), Level: c.StrongestLevel(byID)}
	var levels []string
	for _, id := range c.Requires {
		q := requirementOf(id, byID)
		v.Reqs = append(v.Reqs, q)
		if base := model.BaseLevel(q.Level); q.Known && !slices.Contains(levels, base) {
			levels = append(levels, base)
		}
	}
	v.LevelTokens = strings.Join(levels, " ")
	for n := range c.Findings {
		f := &c.Findings[n]
		w := finding{Finding: f, Req: requirementOf(f.Requirement, byID)}
		switch f.Severity {
		case "fail":
			w.Word, w.Class = "Violation", "fail"
		case "warn":
			w.Word, w.Class = "Warning", "warn"
		default:
			w.Word, w.Class = "Note", "skip"
		}
		if e := f.Evidence.Exchange; e > 0 {
			w.Exchange = exchangeLink(e, listed)
		}
		rest := f.Evidence
		rest.Exchange = 0
		w.Where = rest.String()
		v.Finds = append(v.Finds, w)
	}
	for _, para := range strings.Split(c.Doc, "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			v.DocParas = append(v.DocParas, para)
		}
	}
	if c.DurationMS > 0 {
		v.Took = took(c.DurationMS)
	}
	for _, n := range c.Exchanges {
		v.Links = append(v.Links, exchangeLink(n, listed))
	}
	return v
}

func exchangeLink(n int, listed map[int]bool) link {
	l := link{Text: fmt.Sprintf("exchange %d", n)}
	if listed[n] {
		l.Href = fmt.Sprintf("#exchange-%d", n)
	}
	return l
}

func requirementOf(id string, byID map[string]model.Requirement) requirement {
	q, ok := byID[id]
	if !ok {
		return requirement{ID: id}
	}
	return requirement{ID: id, Key: q.Key, Level: q.Level, Summary: q.Summary, Source: webLink(q.Source), Known: true}
}

// webLink links a source if it is an address of the web; anything else stays text.
func webLink(s string) link {
	l := link{Text: s}
	if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		l.Href = s
		l.Text = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	}
	return l
}

func (p *page) exchanges() {
	cited := map[int][]link{}
	for i := range p.Checks {
		c := &p.Checks[i]
		seen := map[int]bool{}
		for _, f := range c.Findings {
			if e := f.Evidence.Exchange; e > 0 && !seen[e] {
				seen[e] = true
				cited[e] = append(cited[e], link{c.ID, "#" + p.anchors[i]})
			}
		}
	}
	last := 0
	for i := range p.Exchanges {
		e := &p.Exchanges[i]
		v := exchange{Exchange: e, Anchor: fmt.Sprintf("exchange-%d", e.Number), Took: took(e.DurationMS), Cited: cited[e.Number],
			Sides: []side{{"Request", &e.Request}}}
		if e.Response != nil {
			v.Sides = append(v.Sides, side{"Response", e.Response})
		}
		switch {
		case e.Response == nil:
			v.Result, v.Class = "no response", "inconclusive"
		case e.Response.Status >= 400:
			v.Result, v.Class = fmt.Sprint(e.Response.Status), "refused"
		default:
			v.Result, v.Class = fmt.Sprint(e.Response.Status), "fine"
		}
		p.Omitted = p.Omitted || e.Number != last+1
		last = e.Number
		p.Shown = append(p.Shown, v)
	}
	p.Omitted = p.Omitted || p.Traffic.Requests > len(p.Shown)
}

func body(m *model.Message) string {
	if m.BodyBytes == 0 {
		return "no body"
	}
	s := figures.Size(m.BodyBytes)
	if m.BodySHA256 != "" {
		s += ", SHA-256 " + m.BodySHA256
	}
	return s
}

func cost(r *model.Report) []pair {
	t := r.Traffic
	kickOffs := figures.Number(t.KickOffs)
	if refused := t.KickOffAttempts - t.KickOffs; refused > 0 {
		kickOffs += fmt.Sprintf(" accepted, %s refused", figures.Number(refused))
	}
	return []pair{
		{"Requests", figures.Number(t.Requests)},
		{"Kick-offs", kickOffs},
		{"Completed exports", figures.Number(t.CompletedExports)},
		{"Jobs deleted", figures.Number(t.JobsDeleted)},
		{"Received", figures.Size(t.BytesReceived)},
		{"NDJSON lines judged", figures.Number(t.Resources)},
	}
}

func took(ms int64) string {
	d := time.Duration(max(ms, 0)) * time.Millisecond
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// shellLine joins arguments so that a shell would split them the same way.
func shellLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n\"'$`\\|&;<>()*?[]#~!{}") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
