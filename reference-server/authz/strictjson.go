package authz

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

var errNotObject = errors.New("it is another JSON value")

// member is one name and value of a JSON object, the value as it was written.
type member struct {
	name  string
	value jsontext.Value
}

// object is a JSON object with its members in order.
type object []member

// decodeObject reads exactly one JSON object. Invalid UTF-8, lone surrogates, trailing data and, unless duplicates is
// set, doubled names are errors.
func decodeObject(data []byte, duplicates bool) (object, error) {
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(duplicates))
	if k := d.PeekKind(); k != '{' {
		if _, err := d.ReadValue(); err != nil {
			return nil, err
		}
		return nil, errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var o object
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		o = append(o, member{text, slices.Clone(value)})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		if err == nil {
			err = errors.New("data after the end of the JSON object")
		}
		return nil, err
	}
	return o, nil
}

// decodeArray reads exactly one JSON array as its elements.
func decodeArray(data []byte) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if d.PeekKind() != '[' {
		return nil, errors.New("is no JSON array")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var out []jsontext.Value
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Clone(v))
	}
	return out, nil
}

// get returns the first member of the name.
func (o object) get(name string) (jsontext.Value, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// text returns the value of a string; false for every other type.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err == nil
}
