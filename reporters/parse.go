package reporters

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/xeipuuv/gojsonschema"

	"github.com/bulkproof/bulkproof/fixtures/schemas"
)

// Parse reads a report.json. It is strict: one JSON value without duplicate keys or invalid UTF-8, a schema version
// this tool knows, valid against the report's JSON Schema, no unknown members. The error names each place that is
// wrong, in a fixed order. Parse says nothing about the content's consistency (Validate) or about its digest
// (Verify).
func Parse(data []byte) (*Report, error) {
	// The version first: everything else about a report of another version would be a misleading error.
	var head struct {
		SchemaVersion *string        `json:"schemaVersion"`
		Rest          jsontext.Value `json:",inline"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	switch {
	case head.SchemaVersion == nil:
		return nil, errors.New(`not a report: it has no "schemaVersion" (expected a report.json as bulkproof run writes it)`)
	case !slices.Contains(readable, *head.SchemaVersion):
		return nil, fmt.Errorf("the report has schema version %q, this tool reads %s: use the version of bulkproof that wrote it",
			*head.SchemaVersion, strings.Join(readable, " and "))
	}
	if err := checkSchema(*head.SchemaVersion, data); err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(data, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	return r, nil
}

// maxSchemaErrors bounds an error text; beyond it a file is simply something else.
const maxSchemaErrors = 20

// readable are the schema versions that Parse accepts: this one, and earlier ones of which it is an extension.
var readable = []string{"1.0", SchemaVersion}

// compiled holds the JSON Schemas, compiled once each; they are constants, and compiling takes longer than validating.
var compiled = func() map[string]func() (*gojsonschema.Schema, error) {
	out := map[string]func() (*gojsonschema.Schema, error){}
	for _, v := range readable {
		out[v] = sync.OnceValues(func() (*gojsonschema.Schema, error) {
			return gojsonschema.NewSchema(gojsonschema.NewBytesLoader(schemas.ReportOf(v)))
		})
	}
	return out
}()

// checkSchema validates data against the JSON Schema of its version, which has to be readable.
func checkSchema(version string, data []byte) error {
	s, err := compiled[version]()
	if err != nil {
		return fmt.Errorf("read the schema of reports: %w", err)
	}
	result, err := s.Validate(gojsonschema.NewBytesLoader(data))
	if err != nil {
		return fmt.Errorf("check the report against its schema: %w", err)
	}
	if result.Valid() {
		return nil
	}
	// The library reports in changing order, and "(root)" for the document.
	var lines []string
	for _, e := range result.Errors() {
		lines = append(lines, strings.Replace(e.Field(), "(root)", "the report", 1)+": "+e.Description())
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if more := len(lines) - maxSchemaErrors; more > 0 {
		lines = append(lines[:maxSchemaErrors], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("the report does not follow its schema:\n  %s", strings.Join(lines, "\n  "))
}
