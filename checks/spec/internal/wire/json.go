package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

type sharedFile struct {
	Areas        []Area                 `json:"areas"`
	Requirements map[string]Requirement `json:"requirements"`
}

type versionFile struct {
	Document Document         `json:"document"`
	Entries  map[string]Entry `json:"entries"`
}

// ReadJSON reads the JSON files in the root of dir. It refuses what encoding would not have written: unknown or repeated
// members, invalid UTF-8, a second value, entries without a requirement. It does not look at the content beyond that;
// that is Validate's part. Errors name the file, and the entry by its JSON pointer.
func ReadJSON(dir fs.FS) (*Catalogue, error) {
	var shared sharedFile
	if err := readJSON(dir, SharedFile, &shared); err != nil {
		return nil, err
	}
	c := &Catalogue{Areas: shared.Areas, Requirements: make([]Requirement, 0, len(shared.Requirements))}
	for _, id := range sortedKeys(shared.Requirements) {
		r := shared.Requirements[id]
		r.ID, r.At, r.Entries = id, SharedFile+": "+id, map[string]Entry{}
		c.Requirements = append(c.Requirements, r)
	}
	byID := make(map[string]*Requirement, len(c.Requirements))
	for i := range c.Requirements {
		byID[c.Requirements[i].ID] = &c.Requirements[i]
	}
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, fmt.Errorf("listing the catalogue: %w", err)
	}
	var problems []error
	for _, name := range names {
		if name == SharedFile {
			continue
		}
		var f versionFile
		if err := readJSON(dir, name, &f); err != nil {
			problems = append(problems, err)
			continue
		}
		version := strings.TrimSuffix(path.Base(name), ".json")
		if f.Document.Version != version {
			problems = append(problems, fmt.Errorf("%s: document.version is %q, the file name says %q", name, f.Document.Version, version))
			continue
		}
		c.Documents = append(c.Documents, f.Document)
		for id, e := range f.Entries {
			r, ok := byID[id]
			if !ok {
				problems = append(problems, fmt.Errorf("%s: entry %s is not in %s", name, id, SharedFile))
				continue
			}
			e.At = name + ": " + id
			r.Entries[version] = e
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	c.Sort()
	return c, nil
}

func readJSON(dir fs.FS, name string, into any) error {
	data, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w (run go generate in checks/spec)", err)
	}
	if err := json.Unmarshal(data, into, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// EncodeJSON returns the JSON files by name. The same catalogue always gives the same bytes, one line per requirement so
// that a difference between two versions of a file can be read.
func (c *Catalogue) EncodeJSON() (map[string][]byte, error) {
	c.Sort()
	e := &encoder{}
	e.raw("{\"areas\":[\n")
	for i, a := range c.Areas {
		e.separator(i)
		e.value(a)
	}
	e.raw("\n],\"requirements\":{\n")
	for i, r := range c.Requirements {
		e.separator(i)
		e.member(r.ID, r)
	}
	e.raw("\n}}\n")
	files := map[string][]byte{SharedFile: e.buf.Bytes()}
	if e.err != nil {
		return nil, fmt.Errorf("encoding %s: %w", SharedFile, e.err)
	}
	for _, d := range c.Documents {
		name := d.Version + ".json"
		e := &encoder{}
		e.raw("{")
		e.member("document", d)
		e.raw(",\n\"entries\":{\n")
		n := 0
		for _, r := range c.Requirements {
			if entry, ok := r.Entries[d.Version]; ok {
				e.separator(n)
				e.member(r.ID, entry)
				n++
			}
		}
		e.raw("\n}}\n")
		if e.err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, e.err)
		}
		files[name] = e.buf.Bytes()
	}
	return files, nil
}

// encoder writes a JSON value line by line and keeps the first error.
type encoder struct {
	buf bytes.Buffer
	err error
}

func (e *encoder) raw(s string) { e.buf.WriteString(s) }

func (e *encoder) separator(i int) {
	if i > 0 {
		e.raw(",\n")
	}
}

func (e *encoder) value(v any) {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil && e.err == nil {
		e.err = err
	}
	e.buf.Write(data)
}

func (e *encoder) member(name string, v any) {
	e.value(name)
	e.raw(":")
	e.value(v)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
