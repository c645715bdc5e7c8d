package refserver

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// paramSpec is what the OperationDefinitions say about a kick-off parameter.
type paramSpec struct {
	since  string   // first IG version that has it
	many   bool     // cardinality 0..*
	commas bool     // a value is a comma-delimited list
	types  []string // value[x] in a Parameters resource; the first is the one the OperationDefinition names
}

// paramSpecs holds every parameter of 3.0.0 (OperationDefinition-export.html, -patient-export.html,
// -group-export.html). includeAssociatedData is a code there and a "string" in the narrative: both are
// taken.
var paramSpecs = map[string]paramSpec{
	"_outputFormat":         {since: IG101, types: []string{"String"}},
	"_since":                {since: IG101, types: []string{"Instant"}},
	"_until":                {since: IG300, types: []string{"Instant"}},
	"_type":                 {since: IG101, many: true, commas: true, types: []string{"String", "Code"}},
	"_elements":             {since: IG200, many: true, commas: true, types: []string{"String"}},
	"patient":               {since: IG200, many: true, types: []string{"Reference"}},
	"includeAssociatedData": {since: IG200, many: true, commas: true, types: []string{"Code", "String"}},
	"_typeFilter":           {since: IG101, many: true, types: []string{"String"}},
	"organizeOutputBy":      {since: IG300, types: []string{"String", "Code"}},
	"allowPartialManifests": {since: IG300, types: []string{"Boolean"}},
}

// MaxParameters bounds the occurrences of parameters in one kick-off.
const MaxParameters = 10_000

// parseQuery reads a query string in the order it was written, which url.Values would lose.
func parseQuery(raw string) ([]Parameter, error) {
	var out []Parameter
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if len(out) == MaxParameters {
			return nil, fmt.Errorf("more than %d parameters", MaxParameters)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("the name of parameter %d is not correctly URL-encoded", len(out)+1)
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("the value of parameter %q is not correctly URL-encoded", clip(name, 40))
		}
		out = append(out, Parameter{Name: name, Value: value})
	}
	return out, nil
}

// environment is what the meaning of parameters depends on.
type environment struct {
	ig string
	// unsupported parameters are treated as unknown ones.
	unsupported []string
	// types can be exported at the level of the request, held are all types of the server.
	types, held []string
	base        string
	hasPatient  func(id string) bool
	isMember    func(group, id string) bool
}

// paramReader turns parameters into an Export, and collects what is wrong with them.
type paramReader struct {
	env    environment
	ex     *Export
	issues []Issue
}

// readParams fills ex, whose Level, Group, Method, Sent and Lenient are set. What can be passed over
// under handling=lenient ends in ex.Ignored; what cannot is returned.
func readParams(env environment, ex *Export) []Issue {
	p := &paramReader{env: env, ex: ex}
	seen := map[string]bool{}
	for _, sent := range ex.Sent {
		spec, known := paramSpecs[sent.Name]
		switch {
		case !known || spec.since > env.ig || slices.Contains(env.unsupported, sent.Name):
			p.ignorable(Issue{Parameter: sent.Name, Code: "not-supported",
				Text: fmt.Sprintf("The parameter %q is not supported.", clip(sent.Name, 60))})
			continue
		case seen[sent.Name] && !spec.many:
			p.ignorable(Issue{Parameter: sent.Name, Code: "invalid",
				Text: fmt.Sprintf("The parameter %s may be given once only; the first value counts.", sent.Name)})
			continue
		case sent.Type != "" && !slices.Contains(spec.types, sent.Type):
			p.ignorable(Issue{Parameter: sent.Name, Code: "invalid",
				Text: fmt.Sprintf("The parameter %s is given as value%s; expected is value%s.", sent.Name, clip(sent.Type, 30), spec.types[0])})
			continue
		}
		seen[sent.Name] = true
		for _, value := range p.values(spec, sent) {
			p.read(sent, value)
		}
	}
	if seen["_type"] && ex.Types == nil {
		// Everything asked for was passed over: nothing is left to export, certainly not everything.
		ex.Types = []string{}
	}
	p.checkTypes()
	return p.issues
}

// values splits a comma-delimited value. Empty entries are dropped: "a,,b" can only mean a and b.
func (p *paramReader) values(spec paramSpec, sent Parameter) []string {
	if sent.Name == "_typeFilter" && p.env.ig < IG300 {
		return splitJoinedQueries(sent.Value)
	}
	if !spec.commas {
		return []string{sent.Value}
	}
	var out []string
	for _, v := range strings.Split(sent.Value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// ignorable is a problem that handling=lenient passes over.
func (p *paramReader) ignorable(i Issue) {
	if p.ex.Lenient {
		p.ex.Ignored = append(p.ex.Ignored, i)
		return
	}
	p.issues = append(p.issues, i)
}

// fatal is a problem that is refused under handling=lenient too: passing over it would hand out data of
// patients nobody asked for.
func (p *paramReader) fatal(i Issue) { p.issues = append(p.issues, i) }

func (p *paramReader) read(sent Parameter, value string) {
	switch sent.Name {
	case "_outputFormat":
		p.outputFormat(value)
	case "_since":
		p.instant(sent.Name, value, &p.ex.Since)
	case "_until":
		p.instant(sent.Name, value, &p.ex.Until)
	case "_type":
		p.typ(value)
	case "_elements":
		p.element(value)
	case "patient":
		p.patient(value)
	case "includeAssociatedData":
		p.associated(value)
	case "_typeFilter":
		p.typeFilter(value)
	case "organizeOutputBy":
		p.organize(value)
	case "allowPartialManifests":
		p.boolean(sent.Name, value, &p.ex.Partial)
	}
}

func (p *paramReader) outputFormat(value string) {
	// A plus sign that was not percent-encoded arrives as a space.
	switch strings.ReplaceAll(value, " ", "+") {
	case fhirNDJSON, "application/ndjson", "ndjson":
		return
	}
	p.ignorable(Issue{Parameter: "_outputFormat", Code: "not-supported",
		Text: fmt.Sprintf("The output format %q is not supported; use %s.", clip(value, 60), fhirNDJSON)})
}

// instantForm is the FHIR instant: seconds and a zone are required (https://hl7.org/fhir/R4/datatypes.html#instant).
var instantForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func (p *paramReader) instant(name, value string, into *time.Time) {
	value = strings.ReplaceAll(value, " ", "+")
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || !instantForm.MatchString(value) {
		p.ignorable(Issue{Parameter: name, Code: "value",
			Text: fmt.Sprintf("The value %q of %s is not a FHIR instant such as 2024-05-01T00:00:00Z.", clip(value, 40), name)})
		return
	}
	*into = t.UTC()
}

func (p *paramReader) boolean(name, value string, into *bool) {
	switch value {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		p.ignorable(Issue{Parameter: name, Code: "value",
			Text: fmt.Sprintf("The value %q of %s is neither true nor false.", clip(value, 20), name)})
	}
}

func (p *paramReader) typ(value string) {
	switch {
	case !slices.Contains(p.env.held, value):
		p.ignorable(Issue{Parameter: "_type", Code: "not-supported",
			Text: fmt.Sprintf("The resource type %q of _type cannot be exported; the CapabilityStatement lists those that can.", clip(value, 40))})
	case !slices.Contains(p.env.types, value):
		p.ignorable(Issue{Parameter: "_type", Code: "not-supported",
			Text: fmt.Sprintf("The resource type %s of _type lies outside the Patient compartment and is exported at the system level only.", value)})
	case !slices.Contains(p.ex.Types, value):
		p.ex.Types = append(p.ex.Types, value)
	}
}

// checkTypes refuses a _type that was given and holds nothing.
func (p *paramReader) checkTypes() {
	if p.ex.Types != nil && len(p.ex.Types) == 0 && !p.reported("_type") {
		p.ignorable(Issue{Parameter: "_type", Code: "value", Text: "The parameter _type names no resource type."})
	}
}

func (p *paramReader) reported(name string) bool {
	for _, i := range slices.Concat(p.issues, p.ex.Ignored) {
		if i.Parameter == name {
			return true
		}
	}
	return false
}

var elementName = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,63}$`)

func (p *paramReader) element(value string) {
	typ, name, qualified := strings.Cut(value, ".")
	if !qualified {
		typ, name = "", value
	}
	problem := ""
	switch {
	case qualified && !typeName.MatchString(typ) || strings.Contains(name, "."):
		problem = "is not a root element; nested elements are not supported"
	case qualified && !slices.Contains(p.env.held, typ):
		problem = "names a resource type that cannot be exported"
	case !elementName.MatchString(name):
		problem = "is not an element name"
	}
	if problem != "" {
		p.ignorable(Issue{Parameter: "_elements", Code: "value",
			Text: fmt.Sprintf("The value %q of _elements %s; use Type.element or element.", clip(value, 60), problem)})
		return
	}
	p.ex.Elements = append(p.ex.Elements, Element{Type: typ, Name: name})
}

func (p *paramReader) patient(value string) {
	problem := Issue{Parameter: "patient", Code: "not-supported"}
	switch {
	case p.ex.Method != http.MethodPost:
		problem.Text = "The parameter patient is supported in POST requests only."
		p.fatal(problem)
		return
	case p.ex.Level == SystemLevel:
		problem.Text = "The parameter patient does not apply to system-level exports; use Patient/$export or Group/[id]/$export."
		p.fatal(problem)
		return
	}
	id, ok := strings.CutPrefix(strings.TrimPrefix(value, p.env.base+"/"), "Patient/")
	switch {
	case !ok:
		problem.Code, problem.Text = "value", "A value of patient is not a reference of the form Patient/[id]."
	case !p.env.hasPatient(id):
		problem.Code, problem.Text = "not-found", fmt.Sprintf("The patient %q is not known to this server.", clip("Patient/"+id, 80))
	case p.ex.Level == GroupLevel && !p.env.isMember(p.ex.Group, id):
		problem.Code, problem.Text = "not-found", fmt.Sprintf("The patient %q is not a member of this Group.", clip("Patient/"+id, 80))
	default:
		if !slices.Contains(p.ex.Patients, id) {
			p.ex.Patients = append(p.ex.Patients, id)
		}
		return
	}
	p.fatal(problem)
}

func (p *paramReader) associated(value string) {
	switch value {
	case RelevantProvenance:
		p.ex.Associated = RelevantProvenance // the least restrictive value wins
	case LatestProvenance:
		if p.ex.Associated == "" {
			p.ex.Associated = LatestProvenance
		}
	default:
		p.ignorable(Issue{Parameter: "includeAssociatedData", Code: "not-supported",
			Text: fmt.Sprintf("The value %q of includeAssociatedData is not supported; use %s or %s.", clip(value, 60), LatestProvenance, RelevantProvenance)})
	}
}

func (p *paramReader) typeFilter(value string) {
	f, err := parseTypeFilter(value)
	if err == nil && !slices.Contains(p.env.held, f.Type) {
		err = fmt.Errorf("the resource type %s cannot be exported", f.Type)
	}
	if err != nil {
		p.ignorable(Issue{Parameter: "_typeFilter", Code: "not-supported", Text: "In _typeFilter, " + err.Error() + "."})
		return
	}
	p.ex.Filters = append(p.ex.Filters, f)
}

func (p *paramReader) organize(value string) {
	if value != "Patient" {
		p.ignorable(Issue{Parameter: "organizeOutputBy", Code: "not-supported",
			Text: fmt.Sprintf("Output cannot be organized by %q; Patient is supported.", clip(value, 40))})
		return
	}
	p.ex.OrganizeBy = value
}
