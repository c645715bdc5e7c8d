package ndjson

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of manifests, which are the sender's to choose.
const (
	maxManifest      = 64 << 20 // bytes
	maxManifestPages = 10000
	maxManifestFiles = 1 << 20
)

// manifestFile is what this package needs of a complete-status body (Bulk Data export.html#response---complete-status).
type manifestFile struct {
	OrganizedBy string          `json:"outputOrganizedBy"`
	Output      []manifestEntry `json:"output"`
	Deleted     []manifestEntry `json:"deleted"`
	Error       []manifestEntry `json:"error"`
	Link        []struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	} `json:"link"`
}

type manifestEntry struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// place is where a manifest was found: a folder or a URL.
type place struct {
	name string
	dir  string
	url  *url.URL
}

// sniff reads the start of r and reports whether it is a manifest's: a JSON object that has output or
// transactionTime and no resourceType before it.
func sniff(r io.Reader) (manifest bool, head []byte, err error) {
	head, err = io.ReadAll(io.LimitReader(r, sniffed))
	if err != nil {
		return false, head, err
	}
	d := jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(head, bom)))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false, head, nil
	}
	for {
		t, err := d.ReadToken()
		if err != nil || t.Kind() != '"' {
			return false, head, nil
		}
		switch t.String() {
		case "resourceType":
			return false, head, nil
		case "output", "transactionTime":
			return true, head, nil
		}
		if d.SkipValue() != nil {
			return false, head, nil
		}
	}
}

// manifest returns the files that a manifest lists, and those of the pages that follow it.
func (o InputOptions) manifest(ctx context.Context, r io.Reader, at place, seen map[string]bool) ([]Input, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.name, err)
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("%s: the manifest is larger than %d bytes", at.name, maxManifest)
	}
	var m manifestFile
	if err := json.Unmarshal(bytes.TrimPrefix(data, bom), &m); err != nil {
		return nil, fmt.Errorf("%s: the manifest is not valid: %w", at.name, withoutValues(err))
	}
	var list []Input
	for _, l := range []struct {
		name    string
		entries []manifestEntry
		typ     string
	}{{"output", m.Output, ""}, {"deleted", m.Deleted, "Bundle"}, {"error", m.Error, "OperationOutcome"}} {
		for i, e := range l.entries {
			in, err := o.entry(at, e.URL)
			if err != nil {
				return nil, fmt.Errorf("%s: %s[%d].url: %w", at.name, l.name, i, err)
			}
			switch {
			case l.typ != "":
				in.Type, in.Auxiliary = l.typ, true
			case m.OrganizedBy == "" && typeName(e.Type): // organised output has several types in a file
				in.Type = e.Type
			}
			list = append(list, in)
		}
	}
	if seen == nil {
		seen = make(map[string]bool)
	}
	for _, l := range m.Link {
		if l.Relation != "next" || seen[l.URL] {
			continue
		}
		seen[l.URL] = true
		if len(seen) > maxManifestPages {
			return nil, fmt.Errorf("%s: the manifest has more than %d pages", at.name, maxManifestPages)
		}
		page, next, err := o.page(at, l.URL)
		if err != nil {
			return nil, fmt.Errorf("%s: link next: %w", at.name, err)
		}
		more, err := o.maybeManifest(ctx, page, next, seen)
		if err != nil {
			return nil, err
		}
		if len(more) == 1 && more[0].Name == page.Name {
			return nil, fmt.Errorf("%s: link next leads to %s, which is no manifest", at.name, page.Name)
		}
		list = append(list, more...)
	}
	if len(list) > maxManifestFiles {
		return nil, fmt.Errorf("%s: the manifest lists more than %d files", at.name, maxManifestFiles)
	}
	return list, nil
}

// withoutValues keeps the place of a JSON error and drops what was found there.
func withoutValues(err error) error {
	if e, ok := err.(*json.SemanticError); ok {
		return fmt.Errorf("wrong type of JSON value at %s", cleanPointer(string(e.JSONPointer)))
	}
	if e, ok := err.(*jsontext.SyntacticError); ok {
		return fmt.Errorf("JSON error at offset %d, within %q: %v", e.ByteOffset, cleanPointer(string(e.JSONPointer)), e.Err)
	}
	return err
}

func cleanPointer(p string) string { return strings.ToValidUTF8(shorten(p), "") }

// entry returns the input that a URL in a manifest stands for.
func (o InputOptions) entry(at place, raw string) (Input, error) {
	in, _, err := o.page(at, raw)
	return in, err
}

// page resolves a URL of a manifest. Beside a saved manifest the file of the same name comes first, so that a
// saved export can be judged without its server; a manifest can name no file outside its folder.
func (o InputOptions) page(at place, raw string) (Input, place, error) {
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return Input{}, place{}, fmt.Errorf("this is not a URL")
	}
	if at.url != nil {
		u = at.url.ResolveReference(u)
	}
	if u.IsAbs() && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return Input{}, place{}, fmt.Errorf("this is not an http or https URL")
	}
	if at.url == nil {
		name := filepath.FromSlash(u.Path)
		if u.IsAbs() {
			name = path.Base(u.Path)
		}
		if filepath.IsLocal(name) && (!u.IsAbs() || name != ".") {
			file := filepath.Join(at.dir, name)
			info, err := os.Stat(file)
			if err == nil && info.Mode().IsRegular() {
				return fileInput(file, info), place{name: file, dir: filepath.Dir(file)}, nil
			}
			if !u.IsAbs() {
				return Input{}, place{}, fmt.Errorf("there is no file %s beside the manifest", file)
			}
		}
		if !u.IsAbs() {
			return Input{}, place{}, fmt.Errorf("a relative URL that leaves the manifest's folder is not followed")
		}
	}
	in := o.urlInput(u)
	return in, place{name: in.Name, url: u}, nil
}
