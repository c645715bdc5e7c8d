package yamlsource

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader turns YAML nodes of one file into values and collects what is wrong with them.
type reader struct {
	file     string
	problems []error
}

func (rd *reader) addf(at string, format string, a ...any) {
	rd.problems = append(rd.problems, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, a...)))
}

// at names a node for an error: file:line and the entry it belongs to.
func (rd *reader) at(n *yaml.Node, entry string) string {
	where := fmt.Sprintf("%s:%d", rd.file, n.Line)
	if entry != "" {
		where += ": " + entry
	}
	return where
}

// parse returns the only document of a file. Aliases and tags are refused with everything else that is not plain data.
func (rd *reader) parse(data []byte) *yaml.Node {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) != 1:
		rd.addf(rd.file, "the file is empty")
		return nil
	case err != nil:
		rd.addf(rd.file, "not YAML: %v", err)
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		rd.addf(rd.at(&second, ""), "something follows the document (a second document); a catalogue file holds one")
		return nil
	}
	return doc.Content[0]
}

// fields calls take for each member of a mapping. take returns false for a name it does not know.
func (rd *reader) fields(n *yaml.Node, entry string, take func(name string, v *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode {
		rd.addf(rd.at(n, entry), "expected fields (name: value)")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			rd.addf(rd.at(name, entry), "expected a field name")
			continue
		}
		if seen[name.Value] {
			rd.addf(rd.at(name, entry), "duplicate field %q", name.Value)
			continue
		}
		seen[name.Value] = true
		if !take(name.Value, v) {
			rd.addf(rd.at(name, entry), "unknown field %q", name.Value)
		}
	}
}

// items calls take for each item of a list.
func (rd *reader) items(n *yaml.Node, entry string, take func(v *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		rd.addf(rd.at(n, entry), "expected a list")
		return
	}
	for _, v := range n.Content {
		take(v)
	}
}

// text reads a string; null stands for "".
func (rd *reader) text(n *yaml.Node, entry string, into *string) {
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!str" && n.Tag != "!!null") {
		rd.addf(rd.at(n, entry), "expected a text, got %q; put quotes around it if it is one", n.Value)
		return
	}
	*into = ""
	if n.Tag == "!!str" {
		*into = n.Value
	}
}

// texts reads a list of non-empty strings without repetitions.
func (rd *reader) texts(n *yaml.Node, entry string, into *[]string) {
	*into = nil
	rd.items(n, entry, func(v *yaml.Node) {
		var s string
		rd.text(v, entry, &s)
		switch {
		case s == "":
			rd.addf(rd.at(v, entry), "empty item in a list")
		case slices.Contains(*into, s):
			rd.addf(rd.at(v, entry), "%q is listed twice", s)
		default:
			*into = append(*into, s)
		}
	})
}

// number reads a non-negative decimal number.
func (rd *reader) number(n *yaml.Node, entry string, into *int) {
	i, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || i < 0 {
		rd.addf(rd.at(n, entry), "expected a number, got %q", n.Value)
		return
	}
	*into = i
}
