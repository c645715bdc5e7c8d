package spec

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/spec/internal/wire"
)

//go:generate go run ./internal/gencatalogue -dir catalogue

//go:embed catalogue/*.json
var embedded embed.FS

// Load reads and validates the embedded catalogue. An error lists every problem, each with its file and entry.
func Load() (*Catalogue, error) {
	dir, err := fs.Sub(embedded, "catalogue")
	if err != nil {
		return nil, fmt.Errorf("requirement catalogue: %w", err)
	}
	return load(dir)
}

// MustLoad returns the embedded catalogue, read once per process. It panics if the catalogue is invalid, which the
// package's tests exclude for a built program.
func MustLoad() *Catalogue {
	return loadOnce()
}

var loadOnce = sync.OnceValue(func() *Catalogue {
	c, err := Load()
	if err != nil {
		panic(err)
	}
	return c
})

func load(dir fs.FS) (*Catalogue, error) {
	w, err := wire.ReadJSON(dir)
	if err != nil {
		return nil, fmt.Errorf("requirement catalogue: %w", err)
	}
	if err := w.Validate(names(known()), names(Versions())); err != nil {
		return nil, fmt.Errorf("requirement catalogue: %w", err)
	}
	return build(w), nil
}

func names(versions []Version) []string {
	out := make([]string, len(versions))
	for i, v := range versions {
		out[i] = string(v)
	}
	return out
}

// build turns a valid stored catalogue into the one that checks use.
func build(w *wire.Catalogue) *Catalogue {
	c := &Catalogue{
		requirements: make([]Requirement, 0, len(w.Requirements)),
		byName:       make(map[string]int, 2*len(w.Requirements)),
		in:           map[Version][]int{},
		documents:    map[Version]Document{},
	}
	for _, a := range w.Areas {
		c.areas = append(c.areas, area{a.Name, a.Title})
	}
	stored := map[Version]wire.Document{}
	for _, d := range w.Documents {
		stored[Version(d.Version)] = d
		c.documents[Version(d.Version)] = Document{
			Version: Version(d.Version), IG: d.IG, Title: d.Title, Repo: d.Repo, Commit: d.Commit, Ref: d.Ref,
			Licence: d.Licence, Site: d.Site, Count: d.Count,
		}
	}
	for i, r := range w.Requirements {
		req := requirement(r, stored)
		c.requirements = append(c.requirements, req)
		c.byName[r.ID], c.byName[r.Key] = i, i
		for _, v := range known() {
			if _, ok := req.In(v); ok {
				c.in[v] = append(c.in[v], i)
			}
		}
	}
	c.digest = sync.OnceValue(func() string { return digest(w) })
	return c
}

func requirement(r wire.Requirement, documents map[Version]wire.Document) Requirement {
	req := Requirement{
		ID: r.ID, Key: r.Key, Area: wire.AreaOf(r.ID), Actor: r.Actor, Summary: r.Summary, Conditional: r.Conditional,
		Testable: r.Testable, Negative: r.Negative, Leniency: r.Leniency, Changes: r.Changes,
		Related: r.Related, Needs: r.Needs, Untested: r.Untested, UntestedStatus: r.UntestedStatus,
		Entries: make(map[Version]Entry, len(r.Entries)),
	}
	for name, e := range r.Entries {
		req.Entries[Version(name)] = entry(Version(name), e, documents[Version(name)].Site)
	}
	// SMART before Async, should a requirement ever have both.
	for _, v := range []Version{SMART, Async} {
		e, ok := req.Entries[v]
		if !ok {
			continue
		}
		for _, ig := range servedBy(documents[v], e.Source) {
			if _, bound := req.bound[ig]; bound {
				continue
			}
			if req.bound == nil {
				req.bound = map[Version]Entry{}
			}
			req.bound[ig] = e
		}
	}
	return req
}

// servedBy returns the IG versions that make the page of source part of themselves.
func servedBy(d wire.Document, source string) []Version {
	page, _, _ := strings.Cut(source, "#")
	var out []Version
	for _, s := range d.Serves {
		if s.Page != "" && s.Page != page {
			continue
		}
		for _, v := range s.Versions {
			out = append(out, Version(v))
		}
	}
	return out
}

func entry(v Version, e wire.Entry, site string) Entry {
	out := Entry{
		Version: v, Kind: Kind(e.Kind), Basis: Basis(e.Basis), Source: e.Source, URL: e.Source, File: e.File,
		Summary: e.Summary, AlsoAt: e.AlsoAt,
	}
	level, not := strings.CutSuffix(e.Level, " NOT")
	out.Not = not
	switch level {
	case "SHALL":
		out.Level = Shall
	case "SHOULD":
		out.Level = Should
	}
	if !strings.Contains(e.Source, "://") {
		out.URL = strings.TrimSuffix(site, "/") + "/" + e.Source
	}
	return out
}

// digest hashes the canonical encoding, so that it depends on the content and not on how the files were laid out.
func digest(w *wire.Catalogue) string {
	files, err := w.EncodeJSON()
	if err != nil { // plain strings and numbers that were decoded a moment ago can be encoded
		panic(fmt.Sprintf("requirement catalogue: %v", err))
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
