package resource

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

var oraclePatterns = map[string]*regexp.Regexp{
	"uri":         regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"url":         regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"canonical":   regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"code":        regexp.MustCompile(`^[^\t\n\v\f\r ]+([\t\n\v\f\r ][^\t\n\v\f\r ]+)*$`),
	"id":          regexp.MustCompile(`^[A-Za-z0-9\-\.]{1,64}$`),
	"oid":         regexp.MustCompile(`^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$`),
	"uuid":        regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	"date":        regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?$`),
	"dateTime":    regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?$`),
	"instant":     regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))$`),
	"time":        regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?$`),
	"integer":     regexp.MustCompile(`^-?([0]|([1-9][0-9]*))$`),
	"integer64":   regexp.MustCompile(`^-?([0]|([1-9][0-9]*))$`),
	"unsignedInt": regexp.MustCompile(`^([0]|([1-9][0-9]*))$`),
	"positiveInt": regexp.MustCompile(`^[1-9][0-9]*$`),
	"decimal":     regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`),
}

func oracleFormat(typ, text string) bool {
	if p := oraclePatterns[typ]; p != nil && !p.MatchString(text) {
		return false
	}
	switch typ {
	case "date", "dateTime", "instant":
		if len(text) >= 10 {
			_, err := time.Parse("2006-01-02", text[:10])
			return err == nil
		}
	case "integer", "unsignedInt", "positiveInt":
		n, ok := new(big.Int).SetString(text, 10)
		return ok && n.IsInt64() && n.Int64() >= -1<<31 && n.Int64() < 1<<31
	case "integer64":
		n, ok := new(big.Int).SetString(text, 10)
		return ok && n.IsInt64()
	case "base64Binary":
		compact := strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\f", "", "\v", "").Replace(text)
		_, err := base64.StdEncoding.DecodeString(compact)
		return err == nil && compact != ""
	}
	return true
}

func (o *oracle) primitive(typ string, t *tree, pointer string, codes *definitions.CodeSet) {
	want := jsontext.Kind('"')
	switch typ {
	case "boolean":
		if t.kind != 't' && t.kind != 'f' {
			o.add("fhir.type", pointer)
		}
		return
	case "integer", "positiveInt", "unsignedInt", "decimal":
		want = '0'
	}
	switch {
	case t.kind != want:
		o.add("fhir.type", pointer)
		return
	case t.text == "":
		o.add("fhir.empty", pointer)
		return
	case typ == "xhtml":
		var n narrative
		var rules []string
		if n.judge([]byte(t.text), func(_ int, rule, _ string) { o.add(rule, pointer); rules = append(rules, rule) }) && !n.content {
			o.add("fhir.narrative.empty", pointer)
		}
		return
	case !oracleFormat(typ, t.text):
		o.add("fhir.format."+typ, pointer)
		return
	case codes != nil && !slices.ContainsFunc(codes.Systems, func(s definitions.System) bool { return oracleCode(s, t.text) }):
		o.add("fhir.code", pointer)
	}
	if typ != "string" && typ != "markdown" {
		return
	}
	if utf8.RuneCountInString(t.text) > 1024*1024 {
		o.add("fhir.size", pointer)
	}
	if strings.Trim(t.text, " \t\n\v\f\r") == "" {
		o.add("fhir.blank", pointer)
	}
	if strings.ContainsFunc(t.text, func(r rune) bool { return r < 0x20 && r != '\t' && r != '\n' && r != '\r' }) {
		o.add("fhir.control-character", pointer)
	}
}

// oracleCode says whether a code is one of a system, as far as the system is known.
func oracleCode(s definitions.System, code string) bool {
	if len(s.Codes) > 0 {
		return slices.Contains(s.Codes, code)
	}
	valid := grammars[s.URL]
	return valid == nil || valid([]byte(code))
}

func (o *oracle) concept(codes *definitions.CodeSet, t *tree, pointer string) {
	coding := t.member("coding")
	var codings []*tree
	if coding != nil {
		codings = []*tree{coding}
		if coding.kind == '[' {
			codings = coding.items
		}
	}
	codings = slices.DeleteFunc(slices.Clone(codings), func(c *tree) bool { return c.kind != '{' || len(c.names) == 0 })
	if len(codings) == 0 && t.member("extension") != nil {
		return
	}
	o.coded(codes, codings, pointer)
}

func (o *oracle) coded(codes *definitions.CodeSet, codings []*tree, pointer string) {
	almost := false
	for _, c := range codings {
		for _, s := range codes.Systems {
			if code := c.str("code"); code != "" && s.URL == c.str("system") && oracleCode(s, code) {
				return
			}
			almost = almost || c.str("system") == "" && oracleCode(s, c.str("code"))
		}
	}
	if almost {
		o.add("fhir.code.system", pointer)
	} else {
		o.add("fhir.code", pointer)
	}
}

var (
	oracleRelative = regexp.MustCompile(`^([A-Za-z]+)/([^/]*)(/_history/[A-Za-z0-9\-\.]{1,64})?$`)
	oracleAbsolute = regexp.MustCompile(`^https?://([^/ ]+/)+([A-Za-z]+)/[A-Za-z0-9\-\.]{1,64}(/_history/[A-Za-z0-9\-\.]{1,64})?$`)
	oracleScheme   = regexp.MustCompile(`^[A-Za-z]+:[^\t\n\v\f\r ]+$`)
	oracleSearch   = regexp.MustCompile(`^([A-Za-z]+)\?`)
)

func (o *oracle) reference(t *tree, pointer string, c oracleContext) {
	typ := strings.TrimPrefix(t.str("type"), "http://hl7.org/fhir/StructureDefinition/")
	if t.str("type") != "" && !strings.Contains(typ, ":") && !o.isResource(typ) {
		o.add("fhir.reference.type", pointer+"/type")
	}
	if !o.isResource(typ) {
		typ = ""
	}
	if typ != "" && c.targets != nil && !slices.Contains(c.targets, typ) {
		o.add("fhir.reference.target", pointer+"/type")
	}
	ref := t.str("reference")
	pointer += "/reference"
	target := func(named string) {
		if c.targets != nil && !slices.Contains(c.targets, named) {
			o.add("fhir.reference.target", pointer)
		} else if typ != "" && typ != named {
			o.add("fhir.reference.type", pointer)
		}
	}
	switch {
	case ref == "" || ref == "#":
	case ref[0] == '#':
		c.scope.refs = append(c.scope.refs, func() {
			if named := c.scope.ids[ref[1:]]; named != "" {
				target(named)
			} else if c.scope.container {
				o.add("fhir.reference.contained", pointer)
			}
		})
	case oracleScheme.MatchString(ref):
		switch {
		case strings.HasPrefix(ref, "urn:uuid:"):
			if !oraclePatterns["uuid"].MatchString(strings.ToLower(ref)) {
				o.add("fhir.reference.shape", pointer)
			}
		case strings.HasPrefix(ref, "urn:oid:"):
			if !oraclePatterns["oid"].MatchString(ref) {
				o.add("fhir.reference.shape", pointer)
			}
		default:
			if m := oracleAbsolute.FindStringSubmatch(ref); m != nil && o.isResource(m[2]) {
				target(m[2])
			}
		}
	case oracleSearch.MatchString(ref) && o.isResource(oracleSearch.FindStringSubmatch(ref)[1]):
		target(oracleSearch.FindStringSubmatch(ref)[1])
	default:
		m := oracleRelative.FindStringSubmatch(ref)
		switch {
		case m == nil || !o.isResource(m[1]):
			o.add("fhir.reference.shape", pointer)
		case oraclePatterns["id"].MatchString(m[2]):
			target(m[1])
		case regexp.MustCompile(`^[A-Za-z0-9\-\.]{65,}$`).MatchString(m[2]):
			o.add("fhir.reference.long-id", pointer)
			target(m[1])
		default:
			o.add("fhir.reference.shape", pointer)
			target(m[1])
		}
	}
}
