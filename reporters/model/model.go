// Package model holds the versioned Report: plain data, complete, redacted and in a fixed order before any
// writer sees it. It is a package of its own so that package reporters can list the writers, which need the
// model, without an import cycle; everybody else uses it under its names in package reporters.
package model

import "time"

// SchemaVersion is the version of the Report model and of its JSON Schema. Adding a field raises the second
// number; changing or removing one raises the first.
const SchemaVersion = "1.1"

// Outcome is the result of one check.
type Outcome string

// Outcomes. Inconclusive is never a skip and never conformant.
const (
	Pass         Outcome = "pass"         // judged, nothing found but notes
	Warn         Outcome = "warn"         // a SHOULD is violated
	Fail         Outcome = "fail"         // a SHALL is violated
	Skip         Outcome = "skip"         // not applicable, with a reason
	Inconclusive Outcome = "inconclusive" // the server or the network made it impossible to judge
	Error        Outcome = "error"        // a defect of the suite itself
	NotRun       Outcome = "not-run"      // filtered out or interrupted
	Waived       Outcome = "waived"       // failed as a waiver said it would
)

// Verdict sums a run up.
type Verdict string

// Verdicts.
const (
	Conformant            Verdict = "conformant"
	ConformantWithWaivers Verdict = "conformant with waivers"
	NotConformant         Verdict = "not conformant"
	VerdictInconclusive   Verdict = "inconclusive" // something could not be judged, or the suite failed
	Incomplete            Verdict = "incomplete"   // the run was interrupted
	NothingSelected       Verdict = "nothing selected"
)

// Report is everything a run found. It never holds a token, a key or an element value of health data.
type Report struct {
	SchemaVersion string        `json:"schemaVersion"`
	Digest        string        `json:"digest"` // "sha256:…" over the canonical JSON without this member; see reporters.Seal
	Tool          Tool          `json:"tool"`
	Verdict       Verdict       `json:"verdict"`
	ExitCode      int           `json:"exitCode"`
	Strict        bool          `json:"strict"` // a warning weighs as much as a failure
	IG            string        `json:"ig"`     // version under test, such as "3.0.0"
	Started       time.Time     `json:"started"`
	Ended         time.Time     `json:"ended"`
	CommandLine   []string      `json:"commandLine"`        // redacted
	Profile       *Profile      `json:"profile,omitempty"`  // since 1.1; absent where nothing but single files was judged
	Scenario      *Scenario     `json:"scenario,omitempty"` // since 1.1; only in a run of a connectathon scenario
	Target        Target        `json:"target"`
	Environment   Environment   `json:"environment"`
	Totals        Totals        `json:"totals"`
	Traffic       Traffic       `json:"traffic"`
	Checks        []Check       `json:"checks"`       // in plan order
	Requirements  []Requirement `json:"requirements"` // those the listed checks cite, sorted by id
	Exchanges     []Exchange    `json:"exchanges"`    // those referred to by findings and the first ones of each endpoint, by number
	Exports       []Export      `json:"exports"`      // every export the run started
	Problems      []string      `json:"problems"`     // run-level remarks: clean-up that failed, interruption, limits reached
}

// Tool says what judged.
type Tool struct {
	Name            string `json:"name"`
	Version         string `json:"version"`
	CatalogueDigest string `json:"catalogueDigest"` // "sha256:…" of the requirement catalogue
}

// Environment says where the tool ran.
type Environment struct {
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"` // GOOS/GOARCH
}

// Target is the server under test, with where each fact comes from.
type Target struct {
	BaseURL        string    `json:"baseUrl"`
	Implementation string    `json:"implementation,omitempty"` // as the user gave it
	Identity       *Identity `json:"identity,omitempty"`       // since 1.1: the same, taken apart
	Capture        string    `json:"capture,omitempty"`        // since 1.1: "sha256:…" of the recorded exchanges that stood in for a live server
	Software       string    `json:"software,omitempty"`       // as the CapabilityStatement gives it
	Authorization  string    `json:"authorization"`            // "open", "smart-backend-services", "static token", …
	Facts          []Fact    `json:"facts"`                    // sorted by Name
}

// Fact is one thing known of the target.
type Fact struct {
	Name       string `json:"name"`       // "token endpoint"
	Value      string `json:"value"`      //
	Provenance string `json:"provenance"` // "declared", "probed" or "told"
	Source     string `json:"source"`     // "/metadata rest[0].operation", "--group"
}

// Totals counts checks by outcome.
type Totals struct {
	Checks       int `json:"checks"`
	Pass         int `json:"pass"`
	Warn         int `json:"warn"`
	Fail         int `json:"fail"`
	Skip         int `json:"skip"`
	Inconclusive int `json:"inconclusive"`
	Error        int `json:"error"`
	NotRun       int `json:"notRun"`
	Waived       int `json:"waived"`
}

// Traffic is what the run cost the target.
type Traffic struct {
	Requests         int   `json:"requests"`
	KickOffs         int   `json:"kickOffs"`         // kick-off requests answered 202
	KickOffAttempts  int   `json:"kickOffAttempts"`  // all kick-off requests, refused ones included
	CompletedExports int   `json:"completedExports"` //
	JobsDeleted      int   `json:"jobsDeleted"`      //
	BytesReceived    int64 `json:"bytesReceived"`    // of response bodies, as received (before decompression)
	Resources        int64 `json:"resources"`        // NDJSON lines judged
}

// Check is the result of one check.
type Check struct {
	ID          string    `json:"id"`
	Area        string    `json:"area"`
	Title       string    `json:"title"`
	Doc         string    `json:"doc"`
	Requires    []string  `json:"requires"`
	Provisional bool      `json:"provisional,omitzero"`
	Outcome     Outcome   `json:"outcome"`
	Reason      string    `json:"reason,omitempty"`    // for skip, inconclusive, error, not-run, waived: a sentence
	Findings    []Finding `json:"findings"`            // in the order found
	Notes       []string  `json:"notes"`               //
	Examined    string    `json:"examined,omitempty"`  // what the verdict rests on: "12 files, 4,310 lines"
	DurationMS  int64     `json:"durationMs"`          // milliseconds
	Exchanges   []int     `json:"exchanges,omitempty"` // numbers of exchanges this check caused or judged
}

// Finding is one violation.
type Finding struct {
	Requirement string   `json:"requirement"`         // id
	Level       string   `json:"level"`               // SHALL, SHALL NOT, SHOULD, SHOULD NOT, MAY: in the version under test
	Severity    string   `json:"severity"`            // "fail", "warn" or "note"
	Expected    string   `json:"expected"`            // what the requirement asks
	Observed    string   `json:"observed"`            // what the server did
	Evidence    Evidence `json:"evidence"`            //
	Reproduce   string   `json:"reproduce,omitempty"` // a command to see it again
	Count       int      `json:"count,omitzero"`      // equal findings folded into this one, when more than one
}

// Evidence points at where a finding was seen. Zero fields do not apply.
type Evidence struct {
	Exchange int    `json:"exchange,omitzero"` // number in Report.Exchanges
	URL      string `json:"url,omitempty"`     // redacted
	File     string `json:"file,omitempty"`    // output file, by its place in the manifest: "output[3] Patient"
	Line     int64  `json:"line,omitzero"`     // from 1
	Offset   int64  `json:"offset,omitzero"`   // byte offset in the file, of the line's start
	Pointer  string `json:"pointer,omitempty"` // JSON pointer
}

// Exchange is one request with its response, redacted when it was recorded.
type Exchange struct {
	Number     int       `json:"number"`
	Check      string    `json:"check,omitempty"` // the check that caused it, "" for shared work
	Purpose    string    `json:"purpose"`         // "kick-off", "status", "output file", …
	Started    time.Time `json:"started"`
	DurationMS int64     `json:"durationMs"`
	Request    Message   `json:"request"`
	Response   *Message  `json:"response,omitempty"`
	Error      string    `json:"error,omitempty"` // why there is no response, or why its body ended early
}

// Message is one side of an exchange.
type Message struct {
	Method     string   `json:"method,omitempty"`
	URL        string   `json:"url,omitempty"`
	Proto      string   `json:"proto,omitempty"`
	Status     int      `json:"status,omitzero"`
	Headers    []Header `json:"headers"` // sorted by name
	BodyBytes  int64    `json:"bodyBytes"`
	BodySHA256 string   `json:"bodySha256,omitempty"`
	Excerpt    string   `json:"excerpt,omitempty"` // only where the user asked for it
}

// Header is one header line.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Export is one export the run started.
type Export struct {
	Scenario  string `json:"scenario"`
	Request   string `json:"request"`   // method and redacted URL
	State     string `json:"state"`     // completed, failed, refused, cancelled, timed out
	Files     int    `json:"files"`     //
	Resources int64  `json:"resources"` //
	Bytes     int64  `json:"bytes"`     //
	Deleted   bool   `json:"deleted"`   // the job was deleted at the end
}

// Requirement is one row of the catalogue, in the version under test.
type Requirement struct {
	ID      string   `json:"id"`
	Key     string   `json:"key"`
	Level   string   `json:"level"`
	Summary string   `json:"summary"`
	Source  string   `json:"source"` // page#anchor, as a full address where known
	Checks  []string `json:"checks"`
}
