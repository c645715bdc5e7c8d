package ndjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// at is a finding as the tables write it: line, offset of the line, offset in the line, rule.
type at struct {
	line, start int64
	offset      int
	rule        string
}

func scanAll(t *testing.T, data string, o Options) (Summary, []Finding) {
	t.Helper()
	var all []Finding
	o.OnFinding = func(f Finding) { all = append(all, f) }
	s, err := Scan(context.Background(), "f.ndjson", strings.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

const good = `{"resourceType":"Patient","id":"a"}`

func TestEveryRuleHasItsPlace(t *testing.T) {
	n := int64(len(good)) + 1
	cases := []struct {
		name, data string
		o          Options
		lines      int64
		want       []at
	}{
		{"clean", good + "\n" + good + "\n", Options{}, 2, nil},
		{"empty", "", Options{}, 0, nil},
		{"white space around the object", " \t" + good + " \n", Options{}, 1, nil},
		{"byte order mark", "\ufeff" + good + "\n", Options{}, 1, []at{{1, 0, 0, RuleBOM}}},
		{"byte order mark on a later line", good + "\n\ufeff" + good + "\n", Options{}, 2, []at{{2, n, 0, RuleBOM}}},
		{"byte order mark and nothing", "\ufeff", Options{}, 0, []at{{1, 0, 0, RuleBOM}, {1, 0, 0, RuleBlankEnd}}},
		{"offset behind a byte order mark", "\ufeff{\"resourceType\":\"Patient\",\"id\":\"a\",\"x\":tru}\n", Options{}, 1, []at{{1, 0, 0, RuleBOM}, {1, 0, 42, "json.syntax"}}},
		{"utf-16 with mark", "\xff\xfe{\x00\n\x00", Options{}, 0, []at{{1, 0, 0, RuleUTF16}}},
		{"utf-16 without mark", "{\x00\"\x00", Options{}, 0, []at{{1, 0, 0, RuleUTF16}}},
		{"gzip within", "\x1f\x8b\x08\x00\x00", Options{}, 0, []at{{1, 0, 0, RuleCompressed}}},
		{"zip within", "PK\x03\x04", Options{}, 0, []at{{1, 0, 0, RuleCompressed}}},
		{"invalid UTF-8 in a string", `{"resourceType":"Patient","id":"a","x":"M` + "\xfc" + `ller"}` + "\n", Options{}, 1, []at{{1, 0, 41, RuleInvalidUTF8}}},
		{"blank line", good + "\n\n" + good + "\n", Options{}, 2, []at{{2, n, 0, RuleBlankLine}}},
		{"blank line of spaces", good + "\n \t\n" + good + "\n", Options{}, 2, []at{{2, n, 0, RuleBlankLine}}},
		{"blank first line", "\n" + good + "\n", Options{}, 1, []at{{1, 0, 0, RuleBlankLine}}},
		{"blank lines at the end", good + "\n\n \n", Options{}, 1, []at{{2, n, 0, RuleBlankEnd}, {3, n + 1, 0, RuleBlankEnd}}},
		{"spaces at the end", good + "\n  ", Options{}, 1, []at{{2, n, 0, RuleBlankEnd}}},
		{"CR LF", good + "\r\n" + good + "\r\n", Options{}, 2, []at{{1, 0, int(n) - 1, RuleCRLF}}},
		{"CR LF and LF", good + "\n" + good + "\r\n", Options{}, 2, []at{{2, n, int(n) - 1, RuleCRLF}}},
		{"CR LF on a blank line", good + "\n\r\n" + good + "\n", Options{}, 2, []at{{2, n, 0, RuleCRLF}, {2, n, 0, RuleBlankLine}}},
		{"CR at the end of the stream", good + "\r", Options{}, 1, []at{{1, 0, int(n) - 1, RuleCRLF}, {1, 0, int(n), RuleFinalNewline}}},
		{"CR between tokens", "{\"resourceType\":\r\"Patient\",\"id\":\"a\"}\n", Options{}, 1, []at{{1, 0, 16, RuleBareCR}}},
		{"CR CR LF", good + "\r\r\n", Options{}, 1, []at{{1, 0, int(n), RuleCRLF}, {1, 0, int(n) - 1, RuleBareCR}}},
		{"no final line feed", good + "\n" + good, Options{}, 2, []at{{2, n, int(n) - 1, RuleFinalNewline}}},
		{"two values", good + good + "\n", Options{}, 1, []at{{1, 0, int(n) - 1, RuleTwoValues}}},
		{"two values apart", good + " \t" + good + "\n", Options{}, 1, []at{{1, 0, int(n) + 1, RuleTwoValues}}},
		{"comma behind", good + ",\n", Options{}, 1, []at{{1, 0, int(n) - 1, RuleTrailingData}}},
		{"half an object behind", good + "{\"a\":\n", Options{}, 1, []at{{1, 0, int(n) - 1, RuleTrailingData}}},
		{"too long", good + "\n" + strings.Repeat("x", 101) + "\n" + good + "\n", Options{MaxLine: 100}, 3, []at{{2, n, 0, RuleLineTooLong}}},
		{"just not too long", good + strings.Repeat(" ", 100-len(good)) + "\n", Options{MaxLine: 100}, 1, nil},
		{"too long without line feed", strings.Repeat("x", 101), Options{MaxLine: 100}, 1, []at{{1, 0, 0, RuleLineTooLong}, {1, 0, 101, RuleFinalNewline}}},
		{"array", "[" + good + "]\n", Options{}, 1, []at{{1, 0, 0, RuleNotObject}}},
		{"string", "\"x\"\n", Options{}, 1, []at{{1, 0, 0, RuleNotObject}}},
		{"number behind a space", " 12\n", Options{}, 1, []at{{1, 0, 1, RuleNotObject}}},
		{"pretty-printed", "{\n" + good + "\n", Options{}, 2, []at{{1, 0, 0, RuleMultiLine}, {1, 0, 1, "json.syntax"}}},
		{"no resourceType", "{\"id\":\"a\"}\n", Options{}, 1, []at{{1, 0, 0, RuleTypeMissing}}},
		{"empty object", "{}\n", Options{}, 1, []at{{1, 0, 0, RuleTypeMissing}}},
		{"resourceType is a number", "{\"resourceType\":1,\"id\":\"a\"}\n", Options{}, 1, []at{{1, 0, 16, RuleTypeMissing}}},
		{"other type", "{\"id\":\"a\", \"resourceType\":\"Group\"}\n", Options{Type: "Patient"}, 1, []at{{1, 0, 26, RuleTypeMismatch}}},
		{"expected type", good + "\n", Options{Type: "Patient"}, 1, nil},
		{"no id", "{\"resourceType\":\"Patient\"}\n", Options{}, 1, []at{{1, 0, 0, RuleIDMissing}}},
		{"no id needed", "{\"resourceType\":\"OperationOutcome\"}\n{\"resourceType\":\"Bundle\"}\n", Options{}, 2, nil},
		{"duplicate key", "{\"resourceType\":\"Patient\",\"id\":\"a\",\"id\":\"a\"}\n", Options{}, 1, []at{{1, 0, 35, "json.duplicate-key"}}},
	}
	for _, c := range cases {
		for _, jobs := range []int{1, 3} {
			for _, chunk := range []int{8, 13, 64, chunkSize} {
				c.o.Jobs, c.o.chunk = jobs, chunk
				s, found := scanAll(t, c.data, c.o)
				var got []at
				for _, f := range found {
					got = append(got, at{f.Line, f.LineOffset, f.Problem.Offset, f.Rule})
				}
				if !slices.Equal(got, c.want) || s.Lines != c.lines {
					t.Errorf("%s (jobs %d, chunk %d): %d lines, findings %v\nwant %d lines, %v\n%v", c.name, jobs, chunk, s.Lines, got, c.lines, c.want, found)
				}
				if refused := len(c.want) == 1 && (c.want[0].rule == RuleUTF16 || c.want[0].rule == RuleCompressed); s.Complete == refused {
					t.Errorf("%s: Complete is %v", c.name, s.Complete)
				} else if s.Complete && s.Bytes != int64(len(c.data)) {
					t.Errorf("%s (jobs %d, chunk %d): %d bytes, want %d", c.name, jobs, chunk, s.Bytes, len(c.data))
				}
			}
		}
	}
}

func TestEveryRuleIsDocumentedAndItsSeverityUsed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || !strings.HasPrefix(r.ID, "ndjson.") || !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
	}
	_, found := scanAll(t, "\ufeff"+good+"\n\n"+good+good+"\n[]", Options{})
	for _, f := range found {
		if strings.HasPrefix(f.Rule, "ndjson.") && f.Severity != severityOf(f.Rule) {
			t.Errorf("%s has severity %v", f.Rule, f.Severity)
		}
	}
	if len(found) != 5 {
		t.Errorf("found %v", found)
	}
}

func TestSummary(t *testing.T) {
	data := good + "\r\n" + `{"resourceType":"Group","id":"g"}` + "\n\n" + `{"resourceType":"Patient","id":"b"} x` + "\n" + `{"resourceType":"no type"}`
	s, _ := scanAll(t, data, Options{Hash: true, MaxFindings: 1})
	want := Summary{
		File: "f.ndjson", Lines: 4, Physical: 5, Bytes: int64(len(data)), CRLF: 1, Errors: 1, Warnings: 1, Notes: 2, Complete: true,
		SHA256: s.SHA256, ByType: []TypeCount{{"", 1}, {"Group", 1}, {"Patient", 2}}, Groups: s.Groups,
	}
	if got := fmt.Sprintf("%+v", s); got != fmt.Sprintf("%+v", want) || len(s.SHA256) != 64 {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	var rules []string
	for _, g := range s.Groups {
		rules = append(rules, fmt.Sprint(g.Severity, " ", g.Rule, " ", g.Path, " ", g.Count, " ", len(g.First)))
	}
	wantRules := []string{"error ndjson.trailing-data  1 1", "warning ndjson.blank-line  1 1", "note ndjson.crlf  1 1", "note ndjson.final-newline  1 1"}
	if !slices.Equal(rules, wantRules) {
		t.Errorf("groups %q", rules)
	}
}

func TestFindingsAreKeptUpToALimitAndCountedBeyond(t *testing.T) {
	s, all := scanAll(t, strings.Repeat("[]\n", 5000), Options{MaxFindings: 3})
	if len(s.Groups) != 1 || s.Groups[0].Count != 5000 || len(s.Groups[0].First) != 3 || len(all) != 5000 || s.Groups[0].First[2].Line != 3 {
		t.Errorf("groups %+v, %d findings", s.Groups, len(all))
	}
	if s, _ := scanAll(t, "[]\n", Options{MaxFindings: -1}); len(s.Groups[0].First) != 0 || s.Groups[0].Count != 1 {
		t.Errorf("groups %+v", s.Groups)
	}
}

func TestManyBlankLinesAreAHole(t *testing.T) {
	for _, n := range []int{endBlanks, endBlanks + 1, 3000} {
		s, all := scanAll(t, good+"\n"+strings.Repeat("\n", n), Options{chunk: 64, Jobs: 2})
		rule := RuleBlankEnd
		if n > endBlanks {
			rule = RuleBlankLine
		}
		if len(s.Groups) != 1 || s.Groups[0].Rule != rule || s.Groups[0].Count != int64(n) {
			t.Errorf("%d blank lines: %+v", n, s.Groups)
		}
		for i, f := range all {
			if f.Line != int64(i)+2 {
				t.Fatalf("finding %d is on line %d", i, f.Line)
			}
		}
	}
}

func TestGroupsAreBounded(t *testing.T) {
	judge := judgeFunc(func(line []byte, emit func(resource.Problem)) resource.Head {
		emit(resource.Problem{Rule: "x", Path: string(line), Severity: resource.Error, Message: strings.Repeat("m", 5000)})
		return resource.Head{}
	})
	var b strings.Builder
	for i := range 3 * maxGroups {
		fmt.Fprintf(&b, "%d\n", i)
	}
	s, _ := scanAll(t, b.String(), Options{NewJudge: func() resource.Judge { return judge }})
	if len(s.Groups) != maxGroups+1 || !s.GroupsTruncated || s.Errors != 3*maxGroups {
		t.Errorf("%d groups, truncated %v, %d errors", len(s.Groups), s.GroupsTruncated, s.Errors)
	}
	for _, g := range s.Groups {
		if g.Path == otherPath && g.Count != 2*maxGroups || len(g.First) > 0 && len(g.First[0].Message) > keptText+4 {
			t.Errorf("group %s %s %d", g.Rule, g.Path, g.Count)
		}
	}
}

type judgeFunc func(line []byte, emit func(resource.Problem)) resource.Head

func (f judgeFunc) Line(line []byte, emit func(resource.Problem)) resource.Head { return f(line, emit) }

func TestOneLineCannotFillTheMemory(t *testing.T) {
	judge := judgeFunc(func(line []byte, emit func(resource.Problem)) resource.Head {
		for i := range lineProblems + 10 {
			emit(resource.Problem{Rule: "x", Offset: i % 7, Severity: resource.Error})
		}
		return resource.Head{}
	})
	s, all := scanAll(t, "{}\n", Options{NewJudge: func() resource.Judge { return judge }})
	if len(all) != lineProblems+1 || s.Errors != lineProblems || all[lineProblems-1].Problem.Offset != 6 {
		t.Errorf("%d findings, %d errors", len(all), s.Errors)
	}
	if !strings.Contains(s.Groups[1].First[0].Message, " 10 more") {
		t.Errorf("%+v", s.Groups[1])
	}
}

func TestOnLine(t *testing.T) {
	data := generate(3000, 1)
	for _, jobs := range []int{1, 4} {
		var lines []Line
		var rebuilt []byte
		_, err := Scan(context.Background(), "f", bytes.NewReader(data), Options{Jobs: jobs, chunk: 1000, OnLine: func(l Line) {
			rebuilt = append(append(rebuilt, l.Bytes...), '\n')
			if int64(bytes.Index(data[l.Offset:], l.Bytes)) != 0 {
				t.Fatalf("line %d is not at offset %d", l.Number, l.Offset)
			}
			l.Bytes = nil
			lines = append(lines, l)
		}})
		if err != nil || !bytes.Equal(rebuilt, data) {
			t.Fatalf("jobs %d: lines missing, error %v", jobs, err)
		}
		for i, l := range lines {
			if l.Number != int64(i)+1 || l.Head.ID != fmt.Sprintf("id-%d", i) || l.Head.ResourceType == "" || l.Head.LastUpdated != "2024-01-01T00:00:00Z" || l.File != "f" {
				t.Fatalf("line %d: %+v", i, l)
			}
		}
	}
}

func TestLinesAndFindingsComeInTurn(t *testing.T) {
	var got []string
	data := good + "\n\n[]\n" + good + "\n" + good + good + "\n"
	_, err := Scan(context.Background(), "f", strings.NewReader(data), Options{
		OnLine:    func(l Line) { got = append(got, fmt.Sprintf("line %d %d", l.Number, l.Errors)) },
		OnFinding: func(f Finding) { got = append(got, fmt.Sprintf("finding %d", f.Line)) },
	})
	want := []string{"line 1 0", "finding 2", "line 3 1", "finding 3", "line 4 0", "line 5 1", "finding 5"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestJudgesThatSayItThemselves: what a judge says about the line as a whole is not said twice, and gets one rule id
// whichever judge it was.
func TestJudgesThatSayItThemselves(t *testing.T) {
	d, err := resource.For("4.0.1")
	if err != nil {
		t.Fatal(err)
	}
	r4 := func() resource.Judge { return resource.NewJudge(d, resource.Options{Type: "Patient"}) }
	silent := func() resource.Judge {
		return judgeFunc(func(line []byte, _ func(resource.Problem)) resource.Head {
			switch string(line) {
			case "[]", `"x"`, "true", "null":
				return resource.Head{}
			case "{}":
				return resource.Head{Object: true}
			}
			return resource.Head{Object: true, ResourceType: "no type", ID: "x"}
		})
	}
	for _, c := range []struct {
		name  string
		judge func() resource.Judge
		data  string
		want  []string
	}{
		{"R4", r4, good + "\n" + `{"resourceType":"Group","id":"g","type":"person","actual":true}` + "\n{\"id\":\"x\"}\n[]\n" + good + good + "\n",
			[]string{"2 ndjson.type-mismatch /resourceType", "3 ndjson.type-missing ", "4 ndjson.not-object ", "5 ndjson.two-values "}},
		{"silent", silent, "[]\n\"x\"\ntrue\nnull\n{}\n{\"resourceType\":\"no type\"}\nx\n",
			[]string{"1 ndjson.not-object ", "2 ndjson.not-object ", "3 ndjson.not-object ", "4 ndjson.not-object ", "5 ndjson.type-missing ",
				"6 ndjson.type-mismatch /resourceType", "7 ndjson.type-mismatch /resourceType"}},
	} {
		_, all := scanAll(t, c.data, Options{NewJudge: c.judge, Type: "Patient"})
		var got []string
		for _, f := range all {
			got = append(got, fmt.Sprintf("%d %s %s", f.Line, f.Rule, f.Pointer))
			if strings.Contains(f.Message, "no type") {
				t.Errorf("content in %q", f.Message)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q\n%v", c.name, got, all)
		}
	}
}

func TestTypesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 2 * maxTypes {
		fmt.Fprintf(&b, `{"resourceType":"T%d","id":"a"}`+"\n", i)
	}
	s, _ := scanAll(t, b.String(), Options{})
	if len(s.ByType) != maxTypes+1 || s.ByType[0].Type != "" || s.ByType[0].Count != maxTypes {
		t.Errorf("%d types, the first %+v", len(s.ByType), s.ByType[0])
	}
}

func TestReadErrorsEndTheScanAndSpareTheLastLine(t *testing.T) {
	boom := errors.New("boom")
	for _, jobs := range []int{1, 2} {
		r := io.MultiReader(strings.NewReader(good+"\n"+good+"\n{\"resourceType\":"), iotest.ErrReader(boom))
		s, err := Scan(context.Background(), "f", r, Options{Jobs: jobs})
		if !errors.Is(err, boom) || s.Complete || s.Incompleteness == "" || s.Lines != 2 || len(s.Groups) != 0 {
			t.Errorf("jobs %d: %+v, %v", jobs, s, err)
		}
	}
	if _, err := Scan(context.Background(), "f", zeroReader{}, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that returns nothing: %v", err)
	}
}

type zeroReader struct{}

func (zeroReader) Read([]byte) (int, error) { return 0, nil }

func TestCancel(t *testing.T) {
	for _, jobs := range []int{1, 2} {
		ctx, cancel := context.WithCancel(context.Background())
		lines := 0
		s, err := Scan(ctx, "f", endless{}, Options{Jobs: jobs, OnLine: func(Line) {
			if lines++; lines == 100 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || s.Complete || s.Lines < 100 {
			t.Errorf("jobs %d: %d lines, %v", jobs, s.Lines, err)
		}
	}
}

// endless is good lines for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, good+"\n"), nil }

func TestJudgePanicIsAnError(t *testing.T) {
	judge := judgeFunc(func(line []byte, emit func(resource.Problem)) resource.Head {
		if bytes.Contains(line, []byte("b")) {
			panic("oops")
		}
		return resource.Head{Object: true, ResourceType: "Patient", ID: "x"}
	})
	for _, jobs := range []int{1, 2} {
		_, err := Scan(context.Background(), "f", strings.NewReader("{a}\n{b}\n"), Options{Jobs: jobs, NewJudge: func() resource.Judge { return judge }})
		if err == nil || !strings.Contains(err.Error(), "offset 4") || !strings.Contains(err.Error(), "oops") {
			t.Errorf("jobs %d: %v", jobs, err)
		}
	}
}

func TestCallbackPanicReachesTheCaller(t *testing.T) {
	for _, jobs := range []int{1, 2} {
		func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("jobs %d: recovered %v", jobs, r)
				}
			}()
			_, _ = Scan(context.Background(), "f", endless{}, Options{Jobs: jobs, OnLine: func(Line) { panic("mine") }})
		}()
	}
}
