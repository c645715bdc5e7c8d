package ndjson

import "github.com/bulkproof/bulkproof/checks/resource"

// Rule ids. They are stable: reports and waivers refer to them.
const (
	RuleBOM                = "ndjson.bom"
	RuleUTF16              = "ndjson.utf-16"
	RuleCompressed         = "ndjson.compressed"
	RuleInvalidUTF8        = "ndjson.invalid-utf8"
	RuleBlankLine          = "ndjson.blank-line"
	RuleBlankEnd           = "ndjson.blank-end"
	RuleCRLF               = "ndjson.crlf"
	RuleBareCR             = "ndjson.bare-cr"
	RuleFinalNewline       = "ndjson.final-newline"
	RuleMultiLine          = "ndjson.multi-line"
	RuleTwoValues          = "ndjson.two-values"
	RuleTrailingData       = "ndjson.trailing-data"
	RuleLineTooLong        = "ndjson.line-too-long"
	RuleMoreProblems       = "ndjson.more-problems"
	RuleNotObject          = "ndjson.not-object"
	RuleTypeMissing        = "ndjson.type-missing"
	RuleTypeMismatch       = "ndjson.type-mismatch"
	RuleIDMissing          = "ndjson.id-missing"
	RuleDuplicateID        = "ndjson.duplicate-id"
	RuleDuplicateIdentical = "ndjson.duplicate-identical"
)

// RuleInfo describes a rule of this package. Rules of the judge ("json.…", "fhir.…") are not among them.
type RuleInfo struct {
	ID       string
	Severity resource.Severity
	Doc      string // one sentence
}

var ruleInfos = []RuleInfo{
	{RuleBOM, resource.Warning, "A text must not start with a byte order mark; it is skipped (RFC 8259 section 8.1)."},
	{RuleUTF16, resource.Error, "NDJSON is UTF-8; a stream in UTF-16 is not read any further (NDJSON 3.1)."},
	{RuleCompressed, resource.Error, "The content is compressed data and not text: it was compressed twice, or Content-Encoding does not say how; it is not read any further."},
	{RuleInvalidUTF8, resource.Error, "NDJSON is UTF-8; the line holds bytes that are not (NDJSON 3.1)."},
	{RuleBlankLine, resource.Warning, "A line between resources holds nothing; it is skipped, other readers may refuse it (NDJSON 3.2)."},
	{RuleBlankEnd, resource.Note, "Blank lines follow the last resource; they are skipped (NDJSON 3.2)."},
	{RuleCRLF, resource.Note, "Lines end with CR LF, which readers accept as well as LF; told once for each file, at the first such line (NDJSON 3.2)."},
	{RuleBareCR, resource.Error, "A JSON text in NDJSON must not hold carriage returns, not even between its tokens (NDJSON 3.1)."},
	{RuleFinalNewline, resource.Note, "The last line has no line feed; writers should end every text with one, readers take it all the same (NDJSON 3.1)."},
	{RuleMultiLine, resource.Note, "The first line is a lone bracket: the stream looks like one JSON document spread over many lines, not like NDJSON."},
	{RuleTwoValues, resource.Error, "A line holds one JSON text, this one holds several (NDJSON 3.1)."},
	{RuleTrailingData, resource.Error, "Something that is not JSON follows the resource on its line (NDJSON 3.1)."},
	{RuleLineTooLong, resource.Warning, "The line is longer than the limit of this scan and was not judged."},
	{RuleMoreProblems, resource.Note, "The line has more problems than are listed."},
	{RuleNotObject, resource.Error, "The line is JSON but not an object, so it is no resource (FHIR nd-json)."},
	{RuleTypeMissing, resource.Error, "The object has no resourceType that is a string, so it is no resource (FHIR json#resources)."},
	{RuleTypeMismatch, resource.Error, "The resourceType is not the one that the file is said to hold (Bulk Data, output file organization)."},
	{RuleIDMissing, resource.Warning, "An exported resource has no id, so nothing can refer to it; Bundle, OperationOutcome and Parameters need none (FHIR resource#id)."},
	{RuleDuplicateID, resource.Error, "Two lines of an export have one type and id and different content: only the newest version is exported (Bulk Data, output file request)."},
	{RuleDuplicateIdentical, resource.Note, "A line repeats another one of the export byte for byte."},
}

// Rules returns the rules of this package in a fixed order.
func Rules() []RuleInfo { return append([]RuleInfo(nil), ruleInfos...) }

func severityOf(rule string) resource.Severity {
	for _, r := range ruleInfos {
		if r.ID == rule {
			return r.Severity
		}
	}
	return resource.Error
}

// problem makes a Problem of one of the rules above.
func problem(rule string, offset int, pointer, path, message string) resource.Problem {
	return resource.Problem{Rule: rule, Severity: severityOf(rule), Offset: offset, Pointer: pointer, Path: path, Message: message}
}
