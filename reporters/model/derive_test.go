package model

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTallyCountsEveryOutcome(t *testing.T) {
	var checks []Check
	for i, o := range Outcomes() {
		for range i + 1 {
			checks = append(checks, Check{Outcome: o})
		}
	}
	totals := Tally(append(checks, Check{Outcome: "unheard of"}))
	for i, o := range Outcomes() {
		if got := totals.Of(o); got != i+1 {
			t.Errorf("%d × %s, want %d", got, o, i+1)
		}
	}
	if totals.Checks != len(checks)+1 || totals.Of("unheard of") != 0 {
		t.Errorf("%+v", totals)
	}
}

func TestVerdicts(t *testing.T) {
	want := map[Verdict]int{Conformant: 0, ConformantWithWaivers: 0, NotConformant: 1, VerdictInconclusive: 3, Incomplete: 3, NothingSelected: 4}
	said := map[string]bool{}
	for _, v := range Verdicts() {
		code, ok := want[v]
		if !ok || v.ExitCode() != code {
			t.Errorf("%s: exit code %d, want %d", v, v.ExitCode(), code)
		}
		says, not := v.Meaning()
		if said[says] || !strings.HasSuffix(says, ".") || !strings.HasSuffix(not, ".") {
			t.Errorf("%s: %q / %q", v, says, not)
		}
		said[says] = true
	}
	if len(said) != len(want) {
		t.Errorf("%d verdicts, want %d", len(said), len(want))
	}
	if Verdict("splendid").ExitCode() == 0 {
		t.Error("an unknown verdict is a success")
	}
	if says, _ := Verdict("splendid").Meaning(); !strings.Contains(says, "not known") {
		t.Errorf("an unknown verdict says %q", says)
	}
}

func TestEvidenceString(t *testing.T) {
	for _, c := range []struct {
		e    Evidence
		want string
	}{
		{Evidence{}, ""},
		{Evidence{URL: "https://x"}, ""},
		{Evidence{Exchange: 7, File: "output[3] Patient", Line: 12, Offset: 4410, Pointer: "/birthDate"}, "exchange 7, output[3] Patient, line 12 (byte 4410), /birthDate"},
		{Evidence{Line: 1, Pointer: "/id"}, "line 1, /id"},
		{Evidence{File: "f", Offset: 9}, "f, byte 9"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("%+v reads %q, want %q", c.e, got, c.want)
		}
	}
}

func TestStrongestLevel(t *testing.T) {
	r := Report{Requirements: []Requirement{{ID: "a", Level: "MAY"}, {ID: "b", Level: "SHALL NOT"}, {ID: "c", Level: "should"}}}
	byID := r.RequirementByID()
	for _, c := range []struct {
		ids  []string
		want string
	}{{nil, ""}, {[]string{"unknown"}, ""}, {[]string{"a"}, "MAY"}, {[]string{"a", "c"}, "SHOULD"}, {[]string{"a", "c", "b"}, "SHALL"}} {
		if got := (&Check{Requires: c.ids}).StrongestLevel(byID); got != c.want {
			t.Errorf("%v: %q, want %q", c.ids, got, c.want)
		}
	}
}

// TestMapStrings fills every field there is, so that a field added later is mapped or this fails.
func TestMapStrings(t *testing.T) {
	var r Report
	strings := fill(reflect.ValueOf(&r).Elem())
	before := r
	n := 0
	out := r.MapStrings(func(s string) string { n++; return s + "!" })
	if n != strings || n < 60 {
		t.Errorf("%d strings were mapped, there are %d", n, strings)
	}
	if !reflect.DeepEqual(r, before) {
		t.Error("the original changed")
	}
	back := out.MapStrings(func(s string) string { return s[:len(s)-1] })
	if !reflect.DeepEqual(*back, r) {
		t.Error("mapping there and back gives another report")
	}
	out.Checks[0].Findings[0].Evidence.Line++
	out.Exchanges[0].Response.Headers[0].Name = "changed"
	if r.Checks[0].Findings[0].Evidence.Line == out.Checks[0].Findings[0].Evidence.Line || r.Exchanges[0].Response.Headers[0].Name == "changed" {
		t.Error("the copy shares memory with the original")
	}
	if empty := (&Report{}).MapStrings(func(s string) string { return s }); !reflect.DeepEqual(*empty, Report{}) {
		t.Error("an empty report does not stay empty")
	}
}

func fill(v reflect.Value) (strings int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
		return 1
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		return fill(v.Index(0)) + fill(v.Index(1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
			return 0
		}
		for i := range v.NumField() {
			strings += fill(v.Field(i))
		}
	default:
		panic("a kind that MapStrings has not met: " + v.Kind().String())
	}
	return strings
}

func TestStepsAndScenarios(t *testing.T) {
	for _, c := range []struct {
		outcomes []Outcome
		want     StepOutcome
	}{
		{nil, StepInconclusive}, {[]Outcome{Pass}, StepPass}, {[]Outcome{Pass, Warn, Waived}, StepPass}, {[]Outcome{Pass, Skip}, StepPass}, {[]Outcome{Skip}, StepInconclusive}, {[]Outcome{Pass, NotRun}, StepInconclusive},
		{[]Outcome{NotRun}, StepInconclusive}, {[]Outcome{Error}, StepInconclusive}, {[]Outcome{Inconclusive, Fail}, StepFail}, {[]Outcome{Fail, Skip}, StepFail},
	} {
		if got := StepOf(c.outcomes); got != c.want {
			t.Errorf("%v: %s, want %s", c.outcomes, got, c.want)
		}
	}
	steps := func(os ...StepOutcome) (out []ScenarioStep) {
		for _, o := range os {
			out = append(out, ScenarioStep{Outcome: o})
		}
		return out
	}
	for _, c := range []struct {
		steps []ScenarioStep
		want  StepOutcome
	}{
		{nil, StepInconclusive}, {steps(StepPass, StepPass), StepPass}, {steps(StepPass, StepInconclusive), StepInconclusive},
		{steps(StepInconclusive, StepFail), StepFail}, {steps("splendid"), StepInconclusive},
	} {
		if got := WorstStep(c.steps); got != c.want {
			t.Errorf("%v: %s, want %s", c.steps, got, c.want)
		}
	}
}
