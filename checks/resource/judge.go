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
	options Options
	plain   plain
	fast    *fast // nil without definitions
	reader  *reader
}

// NewJudge returns a Validator that judges lines against d. If d is nil it judges only what needs no
// definitions: that the line is one well-formed JSON object (RFC 8259 with the restrictions of RFC 7493) with
// a resourceType.
func NewJudge(d *Definitions, o Options) *Validator {
	depth := o.MaxDepth
	if depth <= 0 {
		depth = defaultMaxDepth
	}
	v := &Validator{options: o, plain: plain{maxDepth: depth}, reader: newReader(d, depth, o)}
	if d != nil {
		v.fast = newFast(d, depth)
	}
	return v
}

// Line examines one line, without its line feed. See Judge. Valid lines cost no allocation.
func (v *Validator) Line(line []byte, emit func(Problem)) Head {
	if head, ok := v.accept(line); ok && (v.options.Type == "" || v.options.Type == head.ResourceType) {
		return head
	}
	head := v.reader.line(line)
	for _, p := range v.reader.problems {
		emit(p)
	}
	return head
}

// accept reports whether the fast path finds no problem with the line.
func (v *Validator) accept(line []byte) (Head, bool) {
	if v.fast != nil {
		ok := v.fast.line(line)
		return v.fast.head, ok
	}
	ok := v.plain.line(line)
	return v.plain.head, ok
}
