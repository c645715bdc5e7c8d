package ndjson

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// JSONLines writes findings one by one, each as a JSON object on a line of its own:
//
//	{"file":…,"line":…,"offset":…,"pointer":…,"rule":…,"severity":…,"message":…}
//
// line counts from 1; offset is Finding.Pos, bytes from the start of the decompressed file.
type JSONLines struct {
	w      *bufio.Writer
	values bool
	buf    []byte
	err    error
}

// NewJSONLines returns a writer to w. With values each object also has the member "value", if there is one: it
// is health data.
func NewJSONLines(w io.Writer, values bool) *JSONLines {
	return &JSONLines{w: bufio.NewWriterSize(w, 64<<10), values: values}
}

// Write writes one finding. It has the type of Options.OnFinding; an error is kept for Flush.
func (j *JSONLines) Write(f Finding) {
	if j.err != nil {
		return
	}
	b := append(j.buf[:0], `{"file":`...)
	b = quote(b, f.File)
	b = append(b, `,"line":`...)
	b = strconv.AppendInt(b, f.Line, 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, f.Pos(), 10)
	for _, m := range [...]struct{ name, value string }{
		{"pointer", f.Pointer}, {"rule", f.Rule}, {"severity", f.Severity.String()}, {"message", f.Message},
	} {
		b = append(append(append(b, `,"`...), m.name...), `":`...)
		b = quote(b, m.value)
	}
	if j.values && f.Value != "" {
		b = append(b, `,"value":`...)
		b = quote(b, f.Value)
	}
	j.buf = append(b, "}\n"...)
	_, j.err = j.w.Write(j.buf)
}

// Flush writes what is buffered and returns the first error there was.
func (j *JSONLines) Flush() error {
	if j.err == nil {
		j.err = j.w.Flush()
	}
	return j.err
}

// quote appends s as a JSON string, with U+FFFD for what is not UTF-8.
func quote(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\ufffd"))
	}
	return out
}
