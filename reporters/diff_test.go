package reporters

import (
	"reflect"
	"testing"

	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

func TestDiff(t *testing.T) {
	of := func(outcomes ...any) *Report {
		r := &Report{IG: "3.0.0"}
		for i := 0; i < len(outcomes); i += 2 {
			id := outcomes[i].(string)
			r.Checks = append(r.Checks, Check{ID: id, Title: "title of " + id, Outcome: outcomes[i+1].(Outcome)})
		}
		return r
	}
	change := func(id string, old, new Outcome) Change {
		return Change{ID: id, Title: "title of " + id, Old: old, New: new}
	}
	d := Diff(
		of("same", Pass, "broke", Pass, "warned", Warn, "mended", Fail, "half", Fail, "blind", Fail, "lost", Pass, "waived", Waived, "gone", Pass, "gone.fail", Fail, "still", Fail),
		of("new.pass", Pass, "new.fail", Fail, "still", Fail, "waived", Fail, "lost", Inconclusive, "blind", Inconclusive, "half", Warn, "mended", Pass, "warned", Fail, "broke", Fail, "same", Pass),
	)
	want := DiffResult{
		NewlyFailing: []Change{change("waived", Waived, Fail), change("warned", Warn, Fail), change("broke", Pass, Fail)},
		Fixed:        []Change{change("half", Fail, Warn), change("mended", Fail, Pass)},
		Appeared:     []Change{change("new.pass", "", Pass), change("new.fail", "", Fail)},
		Disappeared:  []Change{change("gone", Pass, ""), change("gone.fail", Fail, "")},
		Changed:      []Change{change("lost", Pass, Inconclusive), change("blind", Fail, Inconclusive)},
		Remarks:      []string{},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	if got, want := d.Regressions(), append(want.NewlyFailing, change("new.fail", "", Fail)); !reflect.DeepEqual(got, want) {
		t.Errorf("regressions %+v, want %+v", got, want)
	}
	if len(d.NewlyFailing) != 3 {
		t.Error("asking for the regressions changed the result")
	}
	if d.Same() {
		t.Error("a difference is taken for none")
	}
}

func TestDiffOfEqualReports(t *testing.T) {
	d := Diff(reporttest.Sample(), reporttest.Sample())
	if !d.Same() || len(d.Remarks) != 0 || len(d.Regressions()) != 0 {
		t.Errorf("equal reports differ: %+v", d)
	}
}

func TestDiffRemarks(t *testing.T) {
	a, b := reporttest.Sample(), reporttest.Sample()
	b.IG, b.Target.BaseURL, b.Verdict = "2.0.0", "https://other.example/fhir", Incomplete
	want := []string{
		`The two runs differ in the version under test: "3.0.0" and "2.0.0".`,
		`The two runs differ in the target: "https://ehr.example.org/fhir" and "https://other.example/fhir".`,
		"The new run was interrupted.",
	}
	if got := Diff(a, b).Remarks; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}
