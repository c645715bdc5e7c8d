package resource

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// The oracle is a second implementation of the judgement, as slow and obvious as it can be: it decodes a line to
// a tree with jsontext and follows the definitions with maps, regular expressions and the time package. It finds
// rules and pointers; it shares only narrative and mimeTypeOK and its kin with the implementation.

// tree is a JSON value.
type tree struct {
	kind  jsontext.Kind
	text  string // of a string, or a number as written
	names []string
	items []*tree // values of the members, or items
}

func parseTree(line []byte) (*tree, error) {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	var read func() (*tree, error)
	read = func() (*tree, error) {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		t := &tree{kind: token.Kind()}
		switch t.kind {
		case '"', '0':
			t.text = token.String()
		case '{', '[':
			for d.PeekKind() != '}' && d.PeekKind() != ']' {
				if t.kind == '{' {
					name, err := d.ReadToken()
					if err != nil {
						return nil, err
					}
					t.names = append(t.names, name.String())
				}
				item, err := read()
				if err != nil {
					return nil, err
				}
				t.items = append(t.items, item)
			}
			if _, err := d.ReadToken(); err != nil {
				return nil, err
			}
		}
		return t, nil
	}
	return read()
}

// write appends the tree as JSON.
func (t *tree) write(b []byte) []byte {
	switch t.kind {
	case '"':
		b, _ = jsontext.AppendQuote(b, t.text)
		return b
	case '0':
		return append(b, t.text...)
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case 'n':
		return append(b, "null"...)
	}
	b = append(b, byte(t.kind))
	for k, item := range t.items {
		if k > 0 {
			b = append(b, ',')
		}
		if t.kind == '{' {
			b, _ = jsontext.AppendQuote(b, t.names[k])
			b = append(b, ':')
		}
		b = item.write(b)
	}
	return append(b, byte(t.kind)+2)
}

func (t *tree) member(name string) *tree {
	if k := slices.Index(t.names, name); t.kind == '{' && k >= 0 {
		return t.items[k]
	}
	return nil
}

func (t *tree) str(name string) string {
	if m := t.member(name); m != nil && m.kind == '"' {
		return m.text
	}
	return ""
}

type oracle struct {
	set   *definitions.Set
	found []string
}

// oracleJudge returns "rule pointer" for every problem of the line, sorted.
func oracleJudge(set *definitions.Set, line *tree) []string {
	o := &oracle{set: set}
	if line.kind != '{' {
		return []string{"json.not-object "}
	}
	o.resource(line, "", onLine, nil)
	slices.Sort(o.found)
	return o.found
}

func (o *oracle) add(rule, pointer string) { o.found = append(o.found, rule+" "+pointer) }

func (o *oracle) isResource(name string) bool {
	return slices.ContainsFunc(o.set.Resources, func(k int) bool { return o.set.Nodes[k].Path == name })
}

// oracleScope is the resource that references of the form #id refer to.
type oracleScope struct {
	container bool
	ids       map[string]string // type by id
	refs      []func()
}

func (o *oracle) resource(t *tree, pointer string, at place, outer *oracleScope) {
	if t.kind != '{' {
		o.add("fhir.type", pointer)
		return
	}
	rt := t.member("resourceType")
	switch {
	case rt == nil:
		o.add(ruleResourceType, pointer)
		return
	case rt.kind != '"' || !o.isResource(rt.text):
		o.add(ruleResourceType, pointer+"/resourceType")
		return
	}
	scope := outer
	if at != contained {
		scope = &oracleScope{ids: map[string]string{}}
	}
	for k := range o.set.Nodes {
		n := &o.set.Nodes[k]
		if n.Path != rt.text {
			continue
		}
		if at != contained {
			scope.container = slices.ContainsFunc(n.Elements, func(e definitions.Element) bool { return e.Name == "contained" })
		}
		o.object(n, t, pointer, oracleContext{scope: scope, at: at})
	}
	if at == contained {
		id := t.member("id")
		switch {
		case id == nil || id.kind != '"':
			o.add("fhir.contained.id", pointer)
		case scope.ids[id.text] != "":
			o.add("fhir.contained.id", pointer+"/id")
		default:
			scope.ids[id.text] = rt.text
		}
		return
	}
	for _, check := range scope.refs {
		check()
	}
}

type oracleContext struct {
	scope   *oracleScope
	at      place
	inside  bool // of a contained resource
	codes   *definitions.CodeSet
	targets []string
	typ     string // name of the type, for constraints such as SimpleQuantity
}

var upperFirst = regexp.MustCompile(`^[A-Z]`)

func (o *oracle) object(n *definitions.Node, t *tree, pointer string, c oracleContext) {
	if len(t.names) == 0 {
		o.add("fhir.empty", pointer)
		return
	}
	isContained := c.inside || c.at == contained && n.Resource
	present := map[string]bool{}
	used := map[string]string{}
	for k, name := range t.names {
		if n.Resource && name == "resourceType" {
			continue
		}
		at := pointer + "/" + pointerEscapes.Replace(name)
		element, typ, twin := o.find(n, name)
		if element == nil {
			o.add(o.unknownRule(n, name), at)
			continue
		}
		present[element.Name] = true
		if element.Choice() {
			variant := strings.TrimPrefix(name, "_")
			if used[element.Name] != "" && used[element.Name] != variant {
				o.add("fhir.choice.several", at)
			} else {
				used[element.Name] = variant
			}
		}
		if isContained && n.Resource && name == "contained" {
			o.add("fhir.contained.nested", at)
		}
		if isContained && n.Path == "Meta" && (name == "versionId" || name == "lastUpdated" || name == "security") {
			o.add("fhir.contained.meta", at)
		}
		inner := oracleContext{scope: c.scope, inside: isContained, typ: typ.Name}
		if element.CodeSet >= 0 {
			inner.codes = &o.set.CodeSets[element.CodeSet]
		}
		if typ.Targets >= 0 {
			inner.targets = o.set.Targets[typ.Targets]
		}
		if n.Path == "CodeableReference" {
			switch name {
			case "concept":
				inner.codes = c.codes
			case "reference":
				inner.targets = c.targets
			}
		}
		if typ.Name == "Resource" {
			inner.at = inEntry
			if n.Resource && name == "contained" {
				inner.at = contained
			}
		}
		o.values(element, typ, twin, t.items[k], at, inner)
	}
	o.arrays(n, t, pointer)
	for _, e := range n.Elements {
		if e.Required && !present[e.Name] {
			if n.Path == "Extension" && e.Name == "url" {
				o.add("fhir.extension.url", pointer)
			} else {
				o.add("fhir.cardinality.min", pointer)
			}
		}
	}
	switch c.typ {
	case "Extension":
		if present["value[x]"] == present["extension"] {
			o.add("fhir.extension.value", pointer)
		}
	case "Coding", "Quantity":
		if c.codes != nil {
			o.coded(c.codes, []*tree{t}, pointer)
		}
	case "CodeableConcept":
		if c.codes != nil {
			o.concept(c.codes, t, pointer)
		}
	case "Reference":
		o.reference(t, pointer, c)
	}
}

// find returns the element that a member name stands for.
func (o *oracle) find(n *definitions.Node, name string) (*definitions.Element, definitions.Type, bool) {
	base, twin := strings.CutPrefix(name, "_")
	for k := range n.Elements {
		e := &n.Elements[k]
		for _, t := range e.Types {
			jsonName := e.Name
			if e.Choice() {
				jsonName = e.Name[:len(e.Name)-3] + strings.ToUpper(t.Name[:1]) + t.Name[1:]
			}
			if jsonName != base {
				continue
			}
			if !twin {
				return e, t, false
			}
			if slices.Contains(definitions.Primitives, t.Name) && t.Name != "xhtml" && !e.Attribute {
				return e, t, true
			}
		}
	}
	return nil, definitions.Type{}, false
}

// unknownRule tells the finer rules for members that are not defined.
func (o *oracle) unknownRule(n *definitions.Node, name string) string {
	base := strings.TrimPrefix(name, "_")
	if n.Resource && name == "_resourceType" {
		return "fhir.primitive-extension"
	}
	for _, e := range n.Elements {
		for _, t := range e.Types {
			jsonName := e.Name
			if e.Choice() {
				jsonName = e.Name[:len(e.Name)-3] + strings.ToUpper(t.Name[:1]) + t.Name[1:]
			}
			if strings.EqualFold(jsonName, name) || strings.EqualFold("_"+jsonName, name) {
				if jsonName == base && base != name {
					return "fhir.primitive-extension"
				}
				return "fhir.unknown-element"
			}
		}
	}
	if n.Resource && strings.EqualFold(name, "resourceType") {
		return "fhir.unknown-element"
	}
	for _, e := range n.Elements {
		if rest, ok := strings.CutPrefix(base, strings.TrimSuffix(e.Name, "[x]")); ok && e.Choice() && upperFirst.MatchString(rest) {
			return "fhir.choice.type"
		}
	}
	return "fhir.unknown-element"
}

func (o *oracle) values(e *definitions.Element, typ definitions.Type, twin bool, t *tree, pointer string, c oracleContext) {
	switch {
	case e.Repeats && t.kind == '[':
		if len(t.items) == 0 {
			o.add("fhir.empty", pointer)
		}
		for k, item := range t.items {
			at := fmt.Sprintf("%s/%d", pointer, k)
			if item.kind != 'n' {
				o.value(typ, twin, item, at, c)
			} else if !slices.Contains(definitions.Primitives, typ.Name) {
				o.add("fhir.null", at)
			}
		}
		return
	case e.Repeats:
		o.add("fhir.array", pointer)
	case t.kind == '[':
		o.add("fhir.array", pointer)
		return
	}
	if t.kind == 'n' {
		o.add("fhir.null", pointer)
		return
	}
	o.value(typ, twin, t, pointer, c)
}

// arrays checks that arrays of primitives and of their extensions fit together.
func (o *oracle) arrays(n *definitions.Node, t *tree, pointer string) {
	for k, name := range t.names {
		base := strings.TrimPrefix(name, "_")
		e, typ, _ := o.find(n, name)
		if e == nil || !e.Repeats || !slices.Contains(definitions.Primitives, typ.Name) || t.items[k].kind != '[' {
			continue
		}
		values, twins := t.member(base), t.member("_"+base)
		if values != nil && len(values.items) == 0 {
			values = nil // no array, or an empty one, which is reported as such
		}
		if twins != nil && len(twins.items) == 0 {
			twins = nil
		}
		if values != nil && twins != nil {
			if name != base {
				continue // done with the values
			}
			if len(values.items) != len(twins.items) {
				o.add("fhir.primitive-extension", pointer+"/_"+base)
				continue
			}
		}
		for j, item := range t.items[k].items {
			if item.kind == 'n' && (values == nil || twins == nil || twins.items[j].kind == 'n') {
				o.add("fhir.null", fmt.Sprintf("%s/%s/%d", pointer, name, j))
			}
		}
	}
}

func (o *oracle) value(typ definitions.Type, twin bool, t *tree, pointer string, c oracleContext) {
	switch {
	case twin:
		if t.kind != '{' {
			o.add("fhir.type", pointer)
			return
		}
		for k := range o.set.Nodes {
			if o.set.Nodes[k].Path == "Element" {
				o.object(&o.set.Nodes[k], t, pointer, oracleContext{scope: c.scope, inside: c.inside})
			}
		}
	case typ.Name == "Resource":
		o.resource(t, pointer, c.at, c.scope)
	case typ.Node >= 0:
		if t.kind != '{' {
			o.add("fhir.type", pointer)
			return
		}
		o.object(&o.set.Nodes[typ.Node], t, pointer, c)
	default:
		o.primitive(typ.Name, t, pointer, c.codes)
	}
}
