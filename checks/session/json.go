package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Number is a JSON number exactly as written.
type Number string

// Int returns the number as a non-negative or negative integer, and whether it is written as one.
func (n Number) Int() (int64, bool) {
	var v int64
	if _, err := fmt.Sscanf(string(n), "%d", &v); err != nil || fmt.Sprint(v) != string(n) {
		return 0, false
	}
	return v, true
}

// maxJSONDepth bounds nesting of protocol documents. FHIR protocol documents stay below 20.
const maxJSONDepth = 200

// DecodeJSON decodes exactly one JSON value: objects as map[string]any, arrays as []any, numbers as Number.
// It refuses duplicate names, invalid UTF-8, lone surrogates, trailing data, and nesting beyond 200 levels.
// The error names the byte offset and never quotes the document.
func DecodeJSON(b []byte) (any, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("the body is empty")
	}
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		return nil, errors.New("the body begins with a byte order mark, which JSON does not allow (RFC 8259 section 8.1)")
	}
	d := jsontext.NewDecoder(bytes.NewReader(b))
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, describeJSONError(d, err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows the JSON value at byte %d", d.InputOffset())
	}
	return v, nil
}

func describeJSONError(d *jsontext.Decoder, err error) error {
	var se *jsontext.SyntacticError
	at := d.InputOffset()
	what := "it is not valid JSON"
	if errors.As(err, &se) {
		at = se.ByteOffset
		switch text := se.Error(); {
		case errors.Is(err, jsontext.ErrDuplicateName):
			what = "an object has the same name twice"
		case strings.Contains(text, "UTF-8"):
			what = "it is not valid UTF-8"
		case strings.Contains(text, "surrogate"):
			what = "a string has a lone surrogate"
		case errors.Is(err, io.ErrUnexpectedEOF):
			what = "the JSON value is cut off"
		}
	} else if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		what = "the JSON value is cut off"
	} else if errors.Is(err, errDepth) {
		what = fmt.Sprintf("it is nested deeper than %d levels", maxJSONDepth)
	}
	return fmt.Errorf("%s (byte %d)", what, at)
}

var errDepth = errors.New("too deep")

func decodeValue(d *jsontext.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, errDepth
	}
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{':
		m := map[string]any{}
		for d.PeekKind() != '}' {
			k, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			name := k.String()
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			m[name] = v
		}
		_, err := d.ReadToken()
		return m, err
	case '[':
		a := []any{}
		for d.PeekKind() != ']' {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err := d.ReadToken()
		return a, err
	case '"':
		return tok.String(), nil
	case '0':
		return Number(tok.String()), nil
	case 't', 'f':
		return tok.Bool(), nil
	default:
		return nil, nil
	}
}

// Object returns v[name] as an object, or nil.
func Object(v any, name string) map[string]any {
	m, _ := v.(map[string]any)
	o, _ := m[name].(map[string]any)
	return o
}

// List returns v[name] as an array, or nil.
func List(v any, name string) []any {
	m, _ := v.(map[string]any)
	a, _ := m[name].([]any)
	return a
}

// Text returns v[name] as a string, or "".
func Text(v any, name string) string {
	m, _ := v.(map[string]any)
	s, _ := m[name].(string)
	return s
}
