// Package yamlsource reads the catalogue's source, the YAML files that people edit:
//
//	areas.yaml     the areas, in their order
//	versions.yaml  the specification versions
//	untested.yaml  why requirements are not cited by any check
//	<area>.yaml    the requirements of one area
//
// It is strict: a field it does not know is an error, never ignored, because a misspelt "leniency" would otherwise turn
// into a false verdict.
package yamlsource

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
	"go.yaml.in/yaml/v3"
)

const (
	areasFile    = "areas.yaml"
	versionsFile = "versions.yaml"
	untestedFile = "untested.yaml"
)

// Read reads and validates the source in the root of dir. versions is every specification version, ig those among them
// that are versions of the IG. The error lists every problem with file, line and entry.
func Read(dir fs.FS, versions, ig []string) (*wire.Catalogue, error) {
	c, rules, err := readFiles(dir)
	if err != nil {
		return nil, err
	}
	c.Sort()
	return c, errors.Join(applyUntested(c, rules), c.Validate(versions, ig))
}

func readFiles(dir fs.FS) (*wire.Catalogue, []rule, error) {
	c := &wire.Catalogue{}
	var problems []error
	read := func(name string, parse func(rd *reader, root *yaml.Node)) {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("reading the catalogue's source: %w", err))
			return
		}
		rd := &reader{file: name}
		if root := rd.parse(data); root != nil {
			parse(rd, root)
		}
		problems = append(problems, rd.problems...)
	}
	var rules []rule
	read(areasFile, func(rd *reader, root *yaml.Node) { c.Areas = rd.areas(root) })
	read(versionsFile, func(rd *reader, root *yaml.Node) { c.Documents = rd.documents(root) })
	read(untestedFile, func(rd *reader, root *yaml.Node) { rules = rd.rules(root) })
	files, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, nil, fmt.Errorf("listing the catalogue's source: %w", err)
	}
	expected := []string{areasFile, versionsFile, untestedFile}
	for _, a := range c.Areas {
		name := strings.ToLower(a.Name) + ".yaml"
		expected = append(expected, name)
		read(name, func(rd *reader, root *yaml.Node) {
			for _, r := range rd.requirements(root) {
				if wire.AreaOf(r.ID) != a.Name {
					rd.addf(r.At, "id %s does not belong into the file of area %s", r.ID, a.Name)
				}
				c.Requirements = append(c.Requirements, r)
			}
		})
	}
	for _, name := range files {
		if !slices.Contains(expected, name) {
			problems = append(problems, fmt.Errorf("%s: %s lists no such area", name, areasFile))
		}
	}
	return c, rules, errors.Join(problems...)
}

func (rd *reader) areas(root *yaml.Node) []wire.Area {
	var out []wire.Area
	rd.items(root, "", func(n *yaml.Node) {
		var a wire.Area
		rd.fields(n, "", func(name string, v *yaml.Node) bool {
			switch name {
			case "name":
				rd.text(v, "", &a.Name)
			case "title":
				rd.text(v, a.Name, &a.Title)
			case "keys":
				rd.text(v, a.Name, &a.Keys)
			default:
				return false
			}
			return true
		})
		out = append(out, a)
	})
	return out
}

func (rd *reader) documents(root *yaml.Node) []wire.Document {
	var out []wire.Document
	rd.fields(root, "", func(version string, n *yaml.Node) bool {
		d := wire.Document{Version: version}
		text := map[string]*string{
			"ig": &d.IG, "version": &d.Title, "repo": &d.Repo, "commit": &d.Commit, "ref": &d.Ref, "licence": &d.Licence,
			"site": &d.Site, "offline": &d.Offline,
		}
		rd.fields(n, version, func(name string, v *yaml.Node) bool {
			if into, ok := text[name]; ok {
				rd.text(v, version, into)
				return true
			}
			switch name {
			case "requirement_count":
				rd.number(v, version, &d.Count)
			case "serves":
				rd.items(v, version, func(n *yaml.Node) { d.Serves = append(d.Serves, rd.serve(n, version)) })
			default:
				return false
			}
			return true
		})
		out = append(out, d)
		return true
	})
	return out
}

func (rd *reader) serve(n *yaml.Node, version string) wire.Serve {
	var s wire.Serve
	rd.fields(n, version, func(name string, v *yaml.Node) bool {
		switch name {
		case "page":
			rd.text(v, version, &s.Page)
		case "versions":
			rd.texts(v, version, &s.Versions)
		default:
			return false
		}
		return true
	})
	return s
}

func (rd *reader) requirements(root *yaml.Node) []wire.Requirement {
	var out []wire.Requirement
	rd.items(root, "", func(n *yaml.Node) { out = append(out, rd.requirement(n)) })
	return out
}

func (rd *reader) requirement(n *yaml.Node) wire.Requirement {
	r := wire.Requirement{Entries: map[string]wire.Entry{}}
	text := map[string]*string{
		"id": &r.ID, "key": &r.Key, "actor": &r.Actor, "summary": &r.Summary, "conditional": &r.Conditional,
		"testable": &r.Testable, "negative": &r.Negative, "leniency": &r.Leniency, "changes": &r.Changes,
	}
	rd.fields(n, idOf(n), func(name string, v *yaml.Node) bool {
		if into, ok := text[name]; ok {
			rd.text(v, idOf(n), into)
			return true
		}
		switch name {
		case "related":
			rd.texts(v, r.ID, &r.Related)
		case "needs":
			rd.texts(v, r.ID, &r.Needs)
		case "versions":
			rd.fields(v, r.ID, func(version string, v *yaml.Node) bool {
				r.Entries[version] = rd.entry(v, idOf(n)+" "+version)
				return true
			})
		default:
			return false
		}
		return true
	})
	r.At = rd.at(n, r.ID)
	return r
}

// idOf returns the id of a requirement before it is read, so that errors can name it whatever the order of its fields.
func idOf(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" {
			return n.Content[i+1].Value
		}
	}
	return "entry without id"
}

func (rd *reader) entry(n *yaml.Node, at string) wire.Entry {
	e := wire.Entry{At: rd.at(n, at)}
	text := map[string]*string{
		"level": &e.Level, "kind": &e.Kind, "basis": &e.Basis, "source": &e.Source, "file": &e.File, "summary": &e.Summary,
	}
	rd.fields(n, at, func(name string, v *yaml.Node) bool {
		if into, ok := text[name]; ok {
			rd.text(v, at, into)
			return true
		}
		if name == "also_at" {
			rd.texts(v, at, &e.AlsoAt)
			return true
		}
		return false
	})
	return e
}
