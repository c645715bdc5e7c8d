package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	goccy "github.com/goccy/go-json"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
	"github.com/valyala/fastjson"
	"github.com/xeipuuv/gojsonschema"
)

// libraries are JSON libraries that tell whether a line is valid. Unlike jsontext they accept duplicate keys, lone
// surrogates and, but for encoding/json's replacement of it, invalid UTF-8.
func libraries() []contestant {
	return []contestant{
		{name: "goccy/go-json Valid", ok: goccy.Valid},
		{name: "gjson ValidBytes", ok: gjson.ValidBytes},
		{name: "fastjson ValidateBytes", ok: func(line []byte) bool { return fastjson.ValidateBytes(line) == nil }},
	}
}

// schemaValidators judge each line by the definition of its own type in the FHIR schema; by the schema as a whole,
// which tries all types, they are fifty times slower.
func schemaValidators(file string) ([]contestant, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	const url = "file:///fhir.schema.json"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	byType := map[string]*jsonschema.Schema{}
	santhosh := func(line []byte) bool {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			return false
		}
		object, _ := v.(map[string]any)
		name, _ := object["resourceType"].(string)
		s := byType[name]
		if s == nil {
			if s, err = compiler.Compile(url + "#/definitions/" + name); err != nil {
				return false
			}
			byType[name] = s
		}
		return s.Validate(v) == nil
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	delete(whole, "oneOf")
	delete(whole, "discriminator")
	delete(whole, "id")
	xeipuuv := map[string]*gojsonschema.Schema{}
	return []contestant{
		{name: "santhosh-tekuri/jsonschema, per type", slow: true, ok: santhosh},
		{name: "xeipuuv/gojsonschema, per type", slow: true, ok: func(line []byte) bool {
			var head struct {
				ResourceType string `json:"resourceType"`
			}
			if json.Unmarshal(line, &head) != nil {
				return false
			}
			s := xeipuuv[head.ResourceType]
			if s == nil {
				whole["$ref"] = "#/definitions/" + head.ResourceType
				var err error
				if s, err = gojsonschema.NewSchema(gojsonschema.NewGoLoader(whole)); err != nil {
					return false
				}
				xeipuuv[head.ResourceType] = s
			}
			result, err := s.Validate(gojsonschema.NewBytesLoader(line))
			return err == nil && result.Valid()
		}},
	}, nil
}
