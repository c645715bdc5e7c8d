package resource

import (
	"cmp"
	"slices"
	"strings"
)

// defaultMaxDepth is far beyond any resource: a Questionnaire needs two levels for each level of its items.
const defaultMaxDepth = 256

// ruleResourceType is the rule id of everything about resourceType itself.
const ruleResourceType = "fhir.resource-type"

// Options says how a Validator judges.
type Options struct {
	Type     string // resourceType every line must have, "" for any
	MaxDepth int    // how deep objects and arrays may nest, 0 for 256
	Values   bool   // fill Problem.Value

	// Profiles are judged in addition to the definitions: those that a resource claims in meta.profile, and those
	// that are the only ones for its type. Nil for none.
	Profiles *Profiles
}

// Validator implements Judge. It keeps buffers between lines, so each goroutine needs its own.
type Validator struct {
	options   Options
	plain     plain
	fast      *fast // nil without definitions
	reader    *reader
	evaluator *evaluator // nil without profiles
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
		if o.Profiles != nil {
			v.evaluator = newEvaluator(o.Profiles, o)
		}
	}
	return v
}

// Line examines one line, without its line feed. See Judge. Valid lines cost no allocation unless there are profiles.
func (v *Validator) Line(line []byte, emit func(Problem)) Head {
	head, ok := v.accept(line)
	ok = ok && (v.options.Type == "" || v.options.Type == head.ResourceType)
	if !ok {
		head = v.reader.line(line)
	} else if v.evaluator == nil {
		return head
	}
	var problems []Problem
	if !ok {
		problems = v.reader.problems
	}
	if v.evaluator != nil && head.Object && !slices.ContainsFunc(problems, func(p Problem) bool { return strings.HasPrefix(p.Rule, "json.") }) {
		v.evaluator.line(line)
		problems = mergeByOffset(problems, v.evaluator.problems)
	}
	for _, p := range problems {
		emit(p)
	}
	return head
}

func mergeByOffset(a, b []Problem) []Problem {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	}
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y Problem) int { return cmp.Compare(x.Offset, y.Offset) })
	return all
}

// Support returns the count of must-support elements over all lines judged so far, nil without profiles.
func (v *Validator) Support() *Support {
	if v.evaluator == nil {
		return nil
	}
	return v.evaluator.support
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
