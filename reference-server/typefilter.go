package refserver

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// TypeFilter is one query of _typeFilter: resources of its type have to meet every clause.
type TypeFilter struct {
	// Type is the resource type the query is about.
	Type string
	// Raw is the query as it was sent.
	Raw     string
	clauses []clause
}

// clause is one search parameter with its values, of which one has to match.
type clause struct {
	param    searchParam
	modifier string
	values   []string
	missing  bool
	dates    []dateValue
}

var (
	typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)
	// nextQuery finds the comma between two joined queries: one that is followed by a type and a
	// question mark. A comma inside a search value is not.
	nextQuery = regexp.MustCompile(`,[A-Z][A-Za-z]+\?`)
)

// splitJoinedQueries takes a 2.0.0 value apart, which may hold several queries joined by commas
// (2.0.0 export.html, "_typeFilter experimental query parameter").
func splitJoinedQueries(value string) []string {
	var parts []string
	for {
		at := nextQuery.FindStringIndex(value)
		if at == nil {
			return append(parts, value)
		}
		parts = append(parts, value[:at[0]])
		value = value[at[0]+1:]
	}
}

// parseTypeFilter reads one query. The error says, for the client, what is not supported.
func parseTypeFilter(raw string) (TypeFilter, error) {
	typ, query, _ := strings.Cut(raw, "?")
	shown := clip(raw, 80)
	switch {
	case typ == "":
		return TypeFilter{}, fmt.Errorf("the query %q has no resource type; only the search context of one type is supported (Type?parameter=value)", shown)
	case strings.Contains(typ, "/"):
		return TypeFilter{}, fmt.Errorf("the query %q names a compartment or an instance; only the search context of one type is supported (Type?parameter=value)", shown)
	case !typeName.MatchString(typ):
		return TypeFilter{}, fmt.Errorf("the query %q does not begin with a resource type (Type?parameter=value)", shown)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return TypeFilter{}, fmt.Errorf("the query %q is not correctly URL-encoded", shown)
	}
	return newTypeFilter(typ, raw, values)
}

// newTypeFilter builds the filter from decoded search parameters.
func newTypeFilter(typ, raw string, values url.Values) (TypeFilter, error) {
	f := TypeFilter{Type: typ, Raw: raw}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range values[key] {
			c, err := newClause(typ, key, value)
			if err != nil {
				return TypeFilter{}, err
			}
			f.clauses = append(f.clauses, c)
		}
	}
	return f, nil
}

func newClause(typ, key, value string) (clause, error) {
	name, modifier, _ := strings.Cut(key, ":")
	p, known := findSearchParam(typ, name)
	switch {
	case slices.Contains(resultParams, name):
		return clause{}, fmt.Errorf("%s is a search result parameter, which a _typeFilter query shall not use", name)
	case strings.Contains(key, "."):
		return clause{}, fmt.Errorf("the chained search parameter %q is not supported", clip(key, 40))
	case !known:
		return clause{}, fmt.Errorf("the search parameter %q of %s is not supported; the CapabilityStatement lists those that are", clip(name, 40), typ)
	case value == "":
		return clause{}, fmt.Errorf("the search parameter %s of %s has no value", name, typ)
	case strings.Contains(value, "?"):
		return clause{}, fmt.Errorf("the value of %s of %s holds a second query; repeat _typeFilter for each query", name, typ)
	}
	c := clause{param: p, modifier: modifier, values: splitValues(value)}
	if !modifierFits(p.Kind, modifier) {
		return clause{}, fmt.Errorf("the modifier :%s is not supported for %s of %s", clip(modifier, 20), name, typ)
	}
	if modifier == "missing" {
		if value != "true" && value != "false" {
			return clause{}, fmt.Errorf("the value of %s:missing has to be true or false", name)
		}
		c.missing = value == "true"
		return c, nil
	}
	if p.Kind == dateSearch {
		for _, v := range c.values {
			d, err := parseDateValue(v)
			if err != nil {
				return clause{}, fmt.Errorf("the value of %s of %s %w", name, typ, err)
			}
			c.dates = append(c.dates, d)
		}
	}
	return c, nil
}

func modifierFits(kind searchKind, modifier string) bool {
	switch modifier {
	case "", "missing":
		return true
	case "not":
		return kind == tokenSearch
	case "exact", "contains":
		return kind == stringSearch
	}
	return false
}

// splitValues splits at commas that are not escaped, and resolves the escapes of
// https://hl7.org/fhir/R4/search.html#escaping for them. Escaped | and $ stay as they are.
func splitValues(value string) []string {
	var (
		out []string
		b   strings.Builder
	)
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && i+1 < len(value) && (value[i+1] == ',' || value[i+1] == '\\'):
			i++
			b.WriteByte(value[i])
		case value[i] == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(value[i])
		}
	}
	return append(out, b.String())
}

// Matches tells whether a resource meets every clause. JSON is one resource; text that is none matches
// nothing.
func (f TypeFilter) Matches(resource []byte) bool {
	if len(f.clauses) == 0 {
		return true
	}
	var tree map[string]any
	if json.Unmarshal(resource, &tree) != nil {
		return false
	}
	return f.matches(tree)
}

func (f TypeFilter) matches(tree map[string]any) bool {
	for _, c := range f.clauses {
		if !c.matches(tree) {
			return false
		}
	}
	return true
}

func (c clause) matches(tree map[string]any) bool {
	var found []any
	for _, path := range c.param.Paths {
		found = collect(found, tree, strings.Split(path, "."))
	}
	if c.modifier == "missing" {
		return c.missing == (len(found) == 0)
	}
	for _, element := range found {
		if c.matchesElement(element) {
			return c.modifier != "not"
		}
	}
	return c.modifier == "not"
}

func (c clause) matchesElement(element any) bool {
	for i, v := range c.values {
		switch c.param.Kind {
		case tokenSearch:
			if tokenMatches(element, v) {
				return true
			}
		case dateSearch:
			if c.dates[i].matches(element) {
				return true
			}
		case referenceSearch:
			if referenceMatches(element, v, c.param.Target) {
				return true
			}
		case stringSearch:
			if stringMatches(element, v, c.modifier) {
				return true
			}
		case uriSearch:
			if element == any(v) {
				return true
			}
		}
	}
	return false
}

// collect appends the elements at a path, through arrays.
func collect(found []any, node any, path []string) []any {
	if list, ok := node.([]any); ok {
		for _, item := range list {
			found = collect(found, item, path)
		}
		return found
	}
	if len(path) == 0 {
		if node == nil {
			return found
		}
		return append(found, node)
	}
	if object, ok := node.(map[string]any); ok {
		if child, ok := object[path[0]]; ok {
			return collect(found, child, path[1:])
		}
	}
	return found
}

// tokenMatches compares by https://hl7.org/fhir/R4/search.html#token: code, system|code, |code, system|.
// A plain code element has no system of its own to compare with, so any system fits it.
func tokenMatches(element any, want string) bool {
	system, code, piped := strings.Cut(want, "|")
	if !piped {
		system, code = "", want
	}
	object, ok := element.(map[string]any)
	if !ok {
		return fmt.Sprint(element) == code
	}
	if codings, ok := object["coding"].([]any); ok {
		for _, c := range codings {
			if tokenMatches(c, want) {
				return true
			}
		}
		return false
	}
	value, _ := object["code"].(string) // Coding
	if v, ok := object["value"].(string); ok {
		value = v // Identifier, ContactPoint
	}
	has, _ := object["system"].(string)
	switch {
	case !piped:
		return value == code
	case code == "":
		return has == system
	}
	return has == system && value == code
}

// referenceMatches compares the last two segments, so that relative and absolute references are equal.
func referenceMatches(element any, want, target string) bool {
	object, ok := element.(map[string]any)
	if !ok {
		return false
	}
	reference, _ := object["reference"].(string)
	hasType, hasID := lastSegments(reference)
	wantType, wantID := lastSegments(want)
	if wantType == "" {
		wantType = target
	}
	if target != "" && hasType != target {
		return false
	}
	return hasID != "" && hasID == wantID && (wantType == "" || wantType == hasType)
}

// lastSegments splits "…/Type/id" and "id"; a version suffix is dropped.
func lastSegments(reference string) (typ, id string) {
	reference, _, _ = strings.Cut(reference, "/_history/")
	parts := strings.Split(reference, "/")
	id = parts[len(parts)-1]
	if len(parts) > 1 {
		typ = parts[len(parts)-2]
	}
	return typ, id
}

func stringMatches(element any, want, modifier string) bool {
	has, ok := element.(string)
	if !ok {
		return false
	}
	switch modifier {
	case "exact":
		return has == want
	case "contains":
		return strings.Contains(strings.ToLower(has), strings.ToLower(want))
	}
	return strings.HasPrefix(strings.ToLower(has), strings.ToLower(want))
}

// dateValue is a date of a query: a prefix and the range of time it stands for.
type dateValue struct {
	prefix string
	from   time.Time
	to     time.Time // exclusive
}

// parseDateValue reads a date with its prefix. "ap" is refused: how near is near is for each server to say.
func parseDateValue(v string) (dateValue, error) {
	d := dateValue{prefix: "eq"}
	if len(v) > 2 && v[0] >= 'a' && v[0] <= 'z' {
		d.prefix, v = v[:2], v[2:]
	}
	if !slices.Contains([]string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"}, d.prefix) {
		return d, fmt.Errorf("has the prefix %q, which is not supported", clip(d.prefix, 2))
	}
	// A plus sign that was not encoded twice arrives as a space.
	from, to, ok := dateRange(strings.ReplaceAll(v, " ", "+"))
	if !ok {
		return d, fmt.Errorf("is not a FHIR date or dateTime: %q", clip(v, 40))
	}
	d.from, d.to = from, to
	return d, nil
}

// matches compares ranges by https://hl7.org/fhir/R4/search.html#prefix.
func (d dateValue) matches(element any) bool {
	from, to, ok := elementRange(element)
	if !ok {
		return false
	}
	equal := !from.Before(d.from) && !to.After(d.to)
	switch d.prefix {
	case "ne":
		return !equal
	case "gt":
		return to.After(d.to)
	case "lt":
		return from.Before(d.from)
	case "ge":
		return equal || to.After(d.to)
	case "le":
		return equal || from.Before(d.from)
	case "sa":
		return !from.Before(d.to)
	case "eb":
		return !to.After(d.from)
	}
	return equal
}

var (
	beginningOfTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	endOfTime       = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// elementRange is the time an element spans: a date by its precision, a Period from start to end, open
// ends without bound.
func elementRange(element any) (from, to time.Time, ok bool) {
	switch e := element.(type) {
	case string:
		return dateRange(e)
	case map[string]any:
		from, to = beginningOfTime, endOfTime
		start, hasStart := e["start"].(string)
		end, hasEnd := e["end"].(string)
		if hasStart {
			if from, _, ok = dateRange(start); !ok {
				return from, to, false
			}
		}
		if hasEnd {
			if _, to, ok = dateRange(end); !ok {
				return from, to, false
			}
		}
		return from, to, hasStart || hasEnd
	}
	return from, to, false
}

// dateLayouts lists the precisions of FHIR dates with the length of time each stands for. Without a zone
// UTC is meant, which is where this server keeps its clock.
var dateLayouts = []struct {
	layout string
	next   func(time.Time) time.Time
}{
	{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01-02T15:04Z07:00", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04:05Z07:00", func(t time.Time) time.Time { return t.Add(time.Second) }},
	{"2006-01-02T15:04:05", func(t time.Time) time.Time { return t.Add(time.Second) }},
}

func dateRange(s string) (from, to time.Time, ok bool) {
	if len(s) > 40 {
		return from, to, false
	}
	for _, l := range dateLayouts {
		t, err := time.Parse(l.layout, s)
		if err != nil {
			continue
		}
		t = t.UTC()
		if dot := strings.IndexByte(s, '.'); dot >= 0 {
			digits := 0
			for dot+1+digits < len(s) && s[dot+1+digits] >= '0' && s[dot+1+digits] <= '9' {
				digits++
			}
			unit := time.Second
			for range min(digits, 9) {
				unit /= 10
			}
			return t, t.Add(unit), true
		}
		return t, l.next(t), true
	}
	return from, to, false
}
