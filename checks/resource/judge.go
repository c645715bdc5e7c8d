package resource

// defaultMaxDepth is far beyond any resource: a Questionnaire needs two levels for each level of its items.
const defaultMaxDepth = 256

// ruleResourceType is the rule id of everything about resourceType itself.
const ruleResourceType = "fhir.resource-type"

// Options says how a Validator judges.
type Options struct {
	Type     string // resourceType every line must have, "" for any
	MaxDepth int    // how deep objects and arrays may nest, 0 for 256
	Values   bool   // fill Problem.Value
}

// Validator implements Judge. It keeps buffers between lines, so each goroutine needs its own.
type Validator struct {
	definitions *Definitions
	options     Options
	plain       plain
	reader      *reader
}

// NewJudge returns a Validator that judges lines against d. If d is nil it judges only what needs no
// definitions: that the line is one well-formed JSON object (RFC 8259 with the restrictions of RFC 7493) with
// a resourceType.
func NewJudge(d *Definitions, o Options) *Validator {
	depth := o.MaxDepth
	if depth <= 0 {
		depth = defaultMaxDepth
	}
	return &Validator{definitions: d, options: o, plain: plain{maxDepth: depth}, reader: newReader(d, depth, o)}
}

// Line examines one line, without its line feed. See Judge. Valid lines cost no allocation.
func (v *Validator) Line(line []byte, emit func(Problem)) Head {
	if v.definitions == nil && v.plain.line(line) && (v.options.Type == "" || v.options.Type == v.plain.head.ResourceType) {
		return v.plain.head
	}
	head := v.reader.line(line)
	for _, p := range v.reader.problems {
		emit(p)
	}
	return head
}
