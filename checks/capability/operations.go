package capability

import (
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks/session"
)

// Canonicals of the operations, by level (OperationDefinition-export.html, -patient-export.html, -group-export.html).
const definitions = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"

var ownDefinition = map[session.Level]string{
	session.System:  definitions + "export",
	session.Patient: definitions + "patient-export",
	session.Group:   definitions + "group-export",
}

// operation is a declared operation that is, or looks like, one of the exports.
type operation struct {
	name, definition string
	place            session.Level // where it is declared; "" at another resource type
	pointer          string
}

func (o operation) canonical() string { c, _, _ := strings.Cut(o.definition, "|"); return c }

// level returns the level that is meant: a server may list all three operations at the system level, where the definition
// or the name tells them apart.
func (o operation) level() session.Level {
	switch name := strings.TrimPrefix(o.name, "$"); {
	case strings.HasSuffix(o.canonical(), "/patient-export") || name == "patient-export":
		return session.Patient
	case strings.HasSuffix(o.canonical(), "/group-export") || name == "group-export":
		return session.Group
	}
	return o.place
}

// exports returns the operations that evidently are exports, by name or by definition.
func exports(statement map[string]any) []operation {
	var out []operation
	collect := func(place session.Level, holder any, at string) {
		for k, v := range session.List(holder, "operation") {
			o := operation{session.Text(v, "name"), session.Text(v, "definition"), place, fmt.Sprintf("%s/operation/%d", at, k)}
			name := strings.TrimPrefix(o.name, "$")
			byName := name == "export" || strings.HasPrefix(name, "export-") || name == "patient-export" || name == "group-export"
			byDefinition := strings.HasPrefix(o.definition, definitions)
			if byName || byDefinition {
				out = append(out, o)
			}
		}
	}
	for i, r := range session.List(statement, "rest") {
		if mode := session.Text(r, "mode"); mode != "" && mode != "server" {
			continue
		}
		at := fmt.Sprintf("/rest/%d", i)
		collect(session.System, r, at)
		for j, res := range session.List(r, "resource") {
			place := map[string]session.Level{"Patient": session.Patient, "Group": session.Group}[session.Text(res, "type")]
			if place != "" {
				collect(place, res, fmt.Sprintf("%s/resource/%d", at, j))
			}
		}
	}
	return out
}

// resourceEntry is one entry of rest.resource.
type resourceEntry struct {
	typ     string
	tree    map[string]any
	pointer string
}

func resources(statement map[string]any) []resourceEntry {
	var out []resourceEntry
	for i, r := range session.List(statement, "rest") {
		for j, v := range session.List(r, "resource") {
			if m, ok := v.(map[string]any); ok {
				out = append(out, resourceEntry{session.Text(m, "type"), m, fmt.Sprintf("/rest/%d/resource/%d", i, j)})
			}
		}
	}
	return out
}

// The two URLs under which the guide itself knows the extension: its text has the first, the published definition the second.
const (
	notSupportedText      = "http://hl7.org/fhir/uv/bulkdata/Extension/operation-not-supported"
	notSupportedPublished = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/operation-not-supported"
)

func isNotSupported(ext any) bool {
	u := session.Text(ext, "url")
	return u == notSupportedText || u == notSupportedPublished
}

// excluded reports whether an element is marked as not working in exports at the level.
func excluded(element map[string]any, l session.Level) bool {
	for _, ext := range session.List(element, "extension") {
		if !isNotSupported(ext) {
			continue
		}
		c, _, _ := strings.Cut(session.Text(ext, "valueCanonical"), "|")
		if c == ownDefinition[l] || c == igStatement {
			return true
		}
	}
	return false
}
