package checks

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// Evidence points at where something was seen.
type Evidence = session.Evidence

// Severity is what a finding does to its check.
type Severity string

// Severities.
const (
	SeverityFail Severity = "fail"
	SeverityWarn Severity = "warn"
	SeverityNote Severity = "note"
)

// Finding is one violation of one requirement.
type Finding struct {
	Requirement string
	Entry       spec.Entry // the requirement in the version under test
	Severity    Severity
	Observed    string
	At          Evidence
	Count       int // equal findings, this one included
}

// maxFindings bounds what one check keeps; what comes later is counted.
const maxFindings = 50

// T is one run of one check. Its methods may be called from several goroutines, but Skipf, Inconclusivef and
// Export, which end the check, only from the one that runs it.
type T struct {
	s     *session.Session
	cat   *spec.Catalogue
	check *Check

	onFinding func(file string, line int) // see Options

	mu       sync.Mutex
	findings []Finding
	dropped  int
	notes    []string
	examined string
}

// Session returns the session, for what is shared between checks.
func (t *T) Session() *session.Session { return t.s }

// Client returns a client whose requests are recorded in the name of this check.
func (t *T) Client() *session.Client { return t.s.Client(t.check.ID) }

// IG returns the version under test.
func (t *T) IG() spec.Version { return t.s.IG() }

// Discovery returns what the target says of itself.
func (t *T) Discovery() *session.Discovery { return t.s.Discover() }

// Capability returns the CapabilityStatement; the check is inconclusive if it cannot be read.
func (t *T) Capability() map[string]any {
	d := t.s.Discover()
	if d.Capability == nil {
		t.Inconclusivef("the CapabilityStatement cannot be read: %v", d.CapabilityErr)
	}
	return d.Capability
}

// Configuration returns the smart-configuration; the check is inconclusive if it cannot be read.
func (t *T) Configuration() map[string]any {
	d := t.s.Discover()
	if d.Configuration == nil {
		t.Inconclusivef("the smart-configuration cannot be read: %v", d.SMARTErr)
	}
	return d.Configuration
}

// Export returns the shared export of the scenario once it is complete and has a readable manifest; the check is
// inconclusive otherwise. A check that judges how exports end asks the session itself.
func (t *T) Export(sc session.Scenario) *session.Export {
	ex := t.s.Export(sc)
	if ex.State != session.Completed {
		t.Inconclusivef("the export (%s) did not complete: %s", ex.Scenario, ex.Reason)
	}
	if ex.Manifest.Tree == nil {
		t.Inconclusivef("the manifest of the export (%s) cannot be read: %v", ex.Scenario, ex.Manifest.Err)
	}
	return ex
}

// Files returns the files of a completed export, fetched and read; the check is inconclusive if there are none to
// be had.
func (t *T) Files(sc session.Scenario) (*session.Export, *session.FileSet) {
	ex := t.Export(sc)
	fs := t.s.Files(ex)
	if fs.Reason != "" {
		t.Inconclusivef("the files of the export (%s) were not read: %s", ex.Scenario, fs.Reason)
	}
	return ex, fs
}

// Violates records a finding and goes on. Its weight is the requirement's level in the version under test; where the
// requirement does not exist in that version nothing is recorded.
func (t *T) Violates(req string, at Evidence, format string, a ...any) {
	t.record(req, SeverityFail, at, fmt.Sprintf(format, a...))
}

// Warns records a finding that never weighs more than a SHOULD: where the text can be read in two ways, or where the
// rule is common understanding rather than letter. The check's Doc says why.
func (t *T) Warns(req string, at Evidence, format string, a ...any) {
	t.record(req, SeverityWarn, at, fmt.Sprintf(format, a...))
}

func (t *T) record(req string, most Severity, at Evidence, observed string) {
	if !slices.Contains(t.check.Requires, req) {
		panic(fmt.Sprintf("check %s cites %s, which it does not require", t.check.ID, req))
	}
	r, ok := t.cat.Get(req)
	if !ok {
		panic("unknown requirement " + req)
	}
	e, ok := r.In(t.s.IG())
	if !ok {
		return
	}
	if t.onFinding != nil {
		// The caller of Violates or Warns, which called this.
		if _, file, line, ok := runtime.Caller(2); ok {
			t.onFinding(file, line)
		}
	}
	sev := most
	switch {
	case e.Level == spec.May:
		sev = SeverityNote
	case e.Level == spec.Should && most == SeverityFail:
		sev = SeverityWarn
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.findings {
		if f := &t.findings[i]; f.Requirement == req && f.Observed == observed {
			f.Count++
			return
		}
	}
	if len(t.findings) >= maxFindings {
		t.dropped++
		return
	}
	t.findings = append(t.findings, Finding{req, e, sev, observed, at, 1})
}

// Note records a remark that does not weigh.
func (t *T) Note(format string, a ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.notes) < maxFindings {
		t.notes = append(t.notes, fmt.Sprintf(format, a...))
	}
}

// Examined says what the verdict rests on: "12 files, 4,310 lines".
func (t *T) Examined(format string, a ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.examined = fmt.Sprintf(format, a...)
}

// ended is how Skipf and Inconclusivef leave a check.
type ended struct {
	outcome Outcome
	reason  string
}

// Skipf ends the check as not applicable, with a sentence why.
func (t *T) Skipf(format string, a ...any) { panic(ended{Skip, fmt.Sprintf(format, a...)}) }

// Inconclusivef ends the check: it could not be judged, and why. What was found before still counts.
func (t *T) Inconclusivef(format string, a ...any) {
	panic(ended{Inconclusive, fmt.Sprintf(format, a...)})
}

// finish turns what a check left behind into its result.
func (t *T) finish(recovered any, started time.Time) Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Result{Check: t.check, Findings: t.findings, Notes: t.notes, Examined: t.examined, Took: time.Since(started), Outcome: Pass}
	if t.dropped > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d further findings were counted but not kept", t.dropped))
	}
	for _, f := range t.findings {
		switch {
		case f.Severity == SeverityFail:
			r.Outcome = Fail
		case f.Severity == SeverityWarn && r.Outcome == Pass:
			r.Outcome = Warn
		}
	}
	switch e := recovered.(type) {
	case nil:
	case ended:
		r.Reason = e.reason
		// A violation seen stands, whatever could not be judged after it; a lesser one does not hide the gap.
		if r.Outcome != Fail {
			if e.outcome == Skip && r.Outcome != Pass {
				break
			}
			r.Outcome = e.outcome
		}
	default:
		r.Outcome, r.Reason = Error, fmt.Sprintf("the check itself failed: %v", recovered)
		r.Stack = string(debug.Stack())
	}
	return r
}
