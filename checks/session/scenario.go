package session

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Scenario is one way to ask for an export. Equal scenarios share one export.
type Scenario struct {
	Level  Level
	Group  string      // id of the Group at the Group level; "" is the session's own
	Post   bool        // a POST with a Parameters resource instead of a GET
	Params []Param     // in order; a name may repeat
	Header http.Header // replaces the default Accept and Prefer; an empty list removes one
	Label  string      // tells apart what is otherwise equal, where a check needs an export of its own
	Late   bool        // begins only when the plain export has ended, so that it shows at least what that one had to show
}

// Param is one kick-off parameter. In a POST it becomes a part of the Parameters resource.
type Param struct{ Name, Value string }

// Baseline is the shared plain export: everything the client may see, at the first level that the target offers.
var Baseline = Scenario{Label: "baseline"}

// With returns a copy of the scenario with one more parameter.
func (sc Scenario) With(name, value string) Scenario {
	sc.Params = append(append([]Param(nil), sc.Params...), Param{name, value})
	return sc
}

// WithHeader returns a copy of the scenario with a header set to the values; none removes it.
func (sc Scenario) WithHeader(name string, values ...string) Scenario {
	h := sc.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h[http.CanonicalHeaderKey(name)] = values
	sc.Header = h
	return sc
}

// String names the scenario for people: "system, GET, _type=Patient". It is its key as well.
func (sc Scenario) String() string {
	var b strings.Builder
	if sc.Level == "" {
		b.WriteString("default level")
	} else {
		b.WriteString(string(sc.Level))
	}
	if sc.Group != "" {
		b.WriteString(" " + sc.Group)
	}
	if sc.Post {
		b.WriteString(", POST")
	}
	for _, p := range sc.Params {
		b.WriteString(", " + p.Name + "=" + p.Value)
	}
	for _, k := range []string{"Accept", "Prefer"} {
		if v, ok := sc.Header[k]; ok {
			b.WriteString(", " + k + ": " + strings.Join(v, "; "))
		}
	}
	if sc.Label != "" {
		b.WriteString(" [" + sc.Label + "]")
	}
	return b.String()
}

// parameterTypes are the value types of parameters in a Parameters resource;
// all others are sent as valueString (OperationDefinition-export.html).
var parameterTypes = map[string]string{"patient": "valueReference", "_since": "valueInstant", "_until": "valueInstant", "allowPartialManifests": "valueBoolean",
	"includeAssociatedData": "valueCode"}

// request builds the kick-off request. groupID is used at the Group level only.
func (sc Scenario) request(groupID string) Request {
	path := map[Level]string{System: "$export", Patient: "Patient/$export", Group: "Group/" + url.PathEscape(groupID) + "/$export"}[sc.Level]
	h := http.Header{"Accept": {"application/fhir+json"}, "Prefer": {"respond-async"}}
	for k, v := range sc.Header {
		h[k] = v
	}
	req := Request{Method: http.MethodGet, URL: path, Header: h, Purpose: "kick-off"}
	if sc.Post {
		req.Method = http.MethodPost
		req.Body = sc.parameters()
		if _, own := sc.Header["Content-Type"]; !own {
			h["Content-Type"] = []string{"application/fhir+json"}
		}
		return req
	}
	if len(sc.Params) > 0 {
		parts := make([]string, len(sc.Params))
		for i, p := range sc.Params {
			parts[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
		}
		req.URL += "?" + strings.Join(parts, "&")
	}
	return req
}

func (sc Scenario) parameters() []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Parameters"`)
	for i, p := range sc.Params {
		if i == 0 {
			b.WriteString(`,"parameter":[`)
		} else {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(p.Name)
		value, _ := json.Marshal(p.Value)
		typ := parameterTypes[p.Name]
		switch typ {
		case "":
			typ = "valueString"
		case "valueReference":
			value = append(append([]byte(`{"reference":`), value...), '}')
		case "valueBoolean":
			if p.Value == "true" || p.Value == "false" {
				value = []byte(p.Value)
			} else {
				typ = "valueString"
			}
		}
		b.WriteString(`{"name":` + string(name) + `,"` + typ + `":` + string(value) + `}`)
	}
	if len(sc.Params) > 0 {
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.Bytes()
}
