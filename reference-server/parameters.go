package refserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxBody is the size of a request body that is read, in bytes: room for the 10,000 patients that
// MaxParameters allows.
const MaxBody = 1 << 20

// parseParameters reads a Parameters resource (https://hl7.org/fhir/R4/parameters.html) in the order of
// its entries. It is strict: repeated keys, invalid UTF-8, a second value and entries without name or
// value are errors, which say where and never quote a value.
func parseParameters(body []byte) ([]Parameter, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	var (
		out  []Parameter
		kind string
	)
	err := eachMember(dec, func(key string) error {
		switch key {
		case "resourceType":
			var err error
			kind, err = readString(dec, key)
			return err
		case "parameter":
			if dec.PeekKind() != '[' {
				return errors.New("parameter is not an array")
			}
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
			for dec.PeekKind() != ']' {
				if len(out) == MaxParameters {
					return fmt.Errorf("more than %d entries in parameter", MaxParameters)
				}
				p, err := readParameter(dec, len(out))
				if err != nil {
					return err
				}
				out = append(out, p)
			}
			_, err := dec.ReadToken()
			return err
		}
		return dec.SkipValue()
	})
	if err != nil {
		return nil, jsonProblem(err)
	}
	if kind != "Parameters" {
		return nil, errors.New("resourceType is not Parameters")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text follows the resource")
	}
	return out, nil
}

// readParameter reads one entry of the array.
func readParameter(dec *jsontext.Decoder, n int) (Parameter, error) {
	var (
		p     Parameter
		value bool
	)
	at := fmt.Sprintf("parameter[%d]", n)
	err := eachMember(dec, func(key string) error {
		var err error
		typ, isValue := strings.CutPrefix(key, "value")
		switch {
		case key == "name":
			p.Name, err = readString(dec, at+".name")
			return err
		case key == "resource" || key == "part":
			return fmt.Errorf("%s has a %s, which no parameter of the operation takes", at, key)
		case !isValue || typ == "":
			return dec.SkipValue() // id, extension
		case value:
			return fmt.Errorf("%s has two values", at)
		}
		value, p.Type = true, typ
		p.Value, err = readValue(dec, at+"."+key, typ)
		return err
	})
	switch {
	case err != nil:
		return p, err
	case p.Name == "":
		return p, fmt.Errorf("%s has no name", at)
	case !value:
		return p, fmt.Errorf("%s has no value[x]", at)
	}
	return p, nil
}

// readValue returns the text of a primitive value and the reference of a Reference.
func readValue(dec *jsontext.Decoder, at, typ string) (string, error) {
	if typ != "Reference" {
		v, err := dec.ReadValue()
		if err != nil {
			return "", err
		}
		switch v.Kind() {
		case '"':
			text, err := jsontext.AppendUnquote(nil, v)
			return string(text), err
		case 't', 'f':
			if typ != "Boolean" {
				return "", fmt.Errorf("%s is not a string", at)
			}
			return string(v), nil
		}
		// Other types of value are told apart by their type later on; what they hold is of no interest.
		return "", nil
	}
	reference := ""
	if dec.PeekKind() != '{' {
		return "", fmt.Errorf("%s is not an object", at)
	}
	err := eachMember(dec, func(key string) error {
		if key != "reference" {
			return dec.SkipValue()
		}
		var err error
		reference, err = readString(dec, at+".reference")
		return err
	})
	return reference, err
}

// eachMember reads an object; visit has to read the value of the key it is given.
func eachMember(dec *jsontext.Decoder, visit func(key string) error) error {
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return err
		}
		return errors.New("an object is expected")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		key, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := visit(key.String()); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func readString(dec *jsontext.Decoder, at string) (string, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return "", err
	}
	if v.Kind() != '"' {
		return "", fmt.Errorf("%s is not a string", at)
	}
	text, err := jsontext.AppendUnquote(nil, v)
	return string(text), err
}

// jsonProblem drops what the decoder quotes from the input: a body may hold patient ids.
func jsonProblem(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		return fmt.Errorf("it is not valid JSON (near byte %d: %v)", syntactic.ByteOffset, plainCause(syntactic.Err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is not valid JSON (it ends early)")
	}
	return err
}

func plainCause(err error) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("a key occurs twice")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends early")
	}
	return errors.New("syntax error")
}
