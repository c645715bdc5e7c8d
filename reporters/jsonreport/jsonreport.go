// Package jsonreport writes a Report as JSON: the form of record, which the others are views of.
package jsonreport

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/reporters/model"
)

// Marshal returns the report as indented JSON with a final line feed. Equal reports give equal bytes. Lists that
// are nil are written as empty lists, and bytes that are not UTF-8 as U+FFFD, so that the result is always valid
// against the report's schema. It errs only if a time lies outside the years that RFC 3339 can write.
func Marshal(r *model.Report) ([]byte, error) {
	data, err := json.Marshal(r,
		json.Deterministic(true),
		jsontext.AllowInvalidUTF8(true),
		jsontext.WithIndent("  "),
	)
	if err != nil {
		return nil, fmt.Errorf("encode the report as JSON: %w", err)
	}
	return append(data, '\n'), nil
}

// Write writes the report as Marshal gives it. It errs when w does.
func Write(w io.Writer, r *model.Report) error {
	data, err := Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
