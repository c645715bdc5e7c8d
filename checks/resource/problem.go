// Package resource judges single FHIR resources, given as the bytes of one NDJSON line, against
// definitions compiled from the published StructureDefinitions. It is the hot path of the suite.
package resource

// Severity says how much a Problem weighs.
type Severity uint8

// Severities, from least to most. Only Error makes a line invalid.
const (
	Note Severity = iota
	Warning
	Error
)

func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	default:
		return "error"
	}
}

// Problem is one thing wrong with one line.
type Problem struct {
	Offset   int      // byte offset within the line, from 0
	Pointer  string   // JSON pointer (RFC 6901) of the offending value, "" for the whole line
	Path     string   // Pointer without array indices, in FHIR notation ("Observation.component.valueQuantity.value"), for grouping
	Rule     string   // stable rule id, such as "json.duplicate-key" or "fhir.cardinality.min"
	Severity Severity //
	Message  string   // one sentence without any element value
	Value    string   // the offending value, shortened; writers show it only when the user asked for values
}

// Head is what a line says about itself, as far as it could be read.
//
// ID and LastUpdated may share the memory of the line, so that a line costs no allocation: clone them
// (strings.Clone) to keep them longer than the line's bytes.
type Head struct {
	ResourceType string // "" if absent or not a string; may be kept
	ID           string // "" if absent or not a string
	LastUpdated  string // meta.lastUpdated as written, "" if absent
	Object       bool   // the line is one JSON object, complete and alone
}

// Judge examines lines one at a time. An implementation keeps buffers between calls, so each goroutine
// needs its own.
type Judge interface {
	// Line examines one line, without its line feed. It calls emit once for each problem, in ascending order of
	// Offset, and returns what the line says about itself. The line is not kept after the call.
	Line(line []byte, emit func(Problem)) Head
}
