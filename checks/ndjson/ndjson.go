package ndjson

import (
	"fmt"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// Defaults of Options.
const (
	DefaultMaxLine     = 64 << 20
	DefaultMaxFindings = 20
)

// Options say how to scan. The zero value judges JSON well-formedness on all processors.
type Options struct {
	// MaxLine is the length in bytes, without the line feed, up to which a line is judged; 0 means DefaultMaxLine.
	// A longer line is a finding: it is skipped and the scan goes on behind it.
	MaxLine int
	// Jobs is the number of goroutines that judge; 0 means GOMAXPROCS. With 1 everything happens in the goroutine
	// that called Scan. No result depends on it.
	Jobs int
	// Type is the resourceType expected on every line, "" for any.
	Type string
	// NewJudge makes a judge for one goroutine; nil means JSON well-formedness only.
	NewJudge func() resource.Judge
	// MaxFindings is the number of findings kept for each rule and path; 0 means DefaultMaxFindings, negative none.
	// Counting goes on regardless.
	MaxFindings int
	// Unique collects type and id of every resource, over all scans it is given to; nil means not checked. What it
	// found is asked of it (Unique.Report) after the last scan: it is in no Summary.
	Unique *Unique
	// Hash asks for Summary.SHA256. It costs a reading goroutine about 0.7 ns per byte.
	Hash bool
	// OnLine, if set, is called for every line that was given to the judge, in the order of the input, in the
	// goroutine that called Scan.
	OnLine func(Line)
	// OnFinding, if set, is called for every finding, in the order of the input, in the goroutine that called Scan.
	// The findings of a line follow its OnLine.
	OnFinding func(Finding)
	// Progress, if set, is called now and then with the number of decompressed bytes dealt with so far, in the
	// goroutine that called Scan.
	Progress func(bytes int64)

	chunk int // size of chunks, for tests
}

// Line is one line that a judge has seen.
type Line struct {
	File   string
	Number int64 // from 1
	Offset int64 // of the first byte in the decompressed stream
	Head   resource.Head
	Bytes  []byte // without line end; valid during the call only
	Errors int    // findings of this line with severity Error
}

// Finding is one problem of one line. The embedded Problem's Offset counts from the start of the line.
type Finding struct {
	File       string
	Line       int64 // from 1
	LineOffset int64 // of the line's first byte in the decompressed stream
	resource.Problem
}

// Pos returns the offset of the problem in the decompressed stream, in bytes from 0.
func (f Finding) Pos() int64 { return f.LineOffset + int64(f.Problem.Offset) }

// String returns the finding as one line, without the offending value: "Observation.ndjson:1042 /status: …".
func (f Finding) String() string {
	if f.Pointer == "" {
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message)
	}
	return fmt.Sprintf("%s:%d %s: %s", f.File, f.Line, f.Pointer, f.Message)
}

// Group is all findings of one rule at one path.
type Group struct {
	Rule, Path string
	Severity   resource.Severity
	Count      int64
	First      []Finding // the first ones, at most Options.MaxFindings
}

// TypeCount is a number of resources of one type.
type TypeCount struct {
	Type  string // "" for lines without a resourceType that could be a type's name
	Count int64
}

// Summary is what a scan found.
type Summary struct {
	File            string
	Lines           int64       // lines that are not blank: resources, or what stands in their place
	Physical        int64       // all lines
	Skipped         int64       // lines counted in Lines but too long to be judged
	Bytes           int64       // decompressed
	SHA256          string      // of the decompressed bytes in lower-case hex; "" unless Options.Hash and Complete
	ByType          []TypeCount // sorted by type
	Groups          []Group     // errors first, then by rule and path
	FinalNewline    bool        // the last line has its line feed; true for an empty stream
	CRLF            int64       // lines that end with CR LF
	Errors          int64
	Warnings        int64
	Notes           int64
	Complete        bool   // the whole stream was read
	Incompleteness  string // why not, one sentence; "" if Complete
	GroupsTruncated bool   // there were more rule/path pairs than are kept apart; the rest is under path "…"
}

// maxGroups bounds the rule/path pairs kept apart: the names of unknown elements are the sender's to choose.
const maxGroups = 2000

// maxTypes bounds the types counted apart. FHIR R5 has 157.
const maxTypes = 512
