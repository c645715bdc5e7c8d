package dataset_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// published holds the official definitions, which are not part of the repository. Tests that need them are skipped
// without them.
const published = "/work/shared/data"

type element struct {
	ID               string `json:"id"`
	Path             string `json:"path"`
	Min              int    `json:"min"`
	Max              string `json:"max"`
	ContentReference string `json:"contentReference"`
	Type             []struct {
		Code          string   `json:"code"`
		TargetProfile []string `json:"targetProfile"`
	} `json:"type"`
	PatternCodeableConcept map[string]any `json:"patternCodeableConcept"`
}

type structure struct {
	URL      string `json:"url"`
	Type     string `json:"type"`
	Kind     string `json:"kind"`
	Snapshot struct {
		Element []element `json:"element"`
	} `json:"snapshot"`
}

// children returns the elements directly below a path, without slices.
func (s *structure) children(path string) []element {
	var list []element
	for _, e := range s.Snapshot.Element {
		rest, ok := strings.CutPrefix(e.Path, path+".")
		if ok && !strings.Contains(rest, ".") && !strings.Contains(e.ID, ":") {
			list = append(list, e)
		}
	}
	return list
}

func readGzip(t *testing.T, name string, f func(io.Reader) error) {
	t.Helper()
	file, err := os.Open(filepath.Join(published, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no published definitions in %s", published)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err == nil {
		err = f(z)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func fhirDefinitions(t *testing.T) map[string]*structure {
	types := map[string]*structure{}
	for _, name := range []string{"profiles-types.json.gz", "profiles-resources.json.gz"} {
		readGzip(t, "hl7.fhir.r4-4.0.1/"+name, func(r io.Reader) error {
			var bundle struct {
				Entry []struct {
					Resource structure `json:"resource"`
				} `json:"entry"`
			}
			if err := json.UnmarshalRead(r, &bundle); err != nil {
				return err
			}
			for _, e := range bundle.Entry {
				if strings.HasSuffix(e.Resource.URL, "/"+e.Resource.Type) {
					types[e.Resource.Type] = &e.Resource
				}
			}
			return nil
		})
	}
	return types
}

// definitionWalk checks a tree against snapshots: known elements, cardinality, reference targets.
type definitionWalk struct {
	t     *testing.T
	types map[string]*structure
	ref   string
}

func (w *definitionWalk) object(s *structure, path string, o map[string]any) {
	left := maps.Clone(o)
	if path == s.Type && o["resourceType"] != nil {
		delete(left, "resourceType")
	}
	for _, e := range s.children(path) {
		name := e.Path[len(path)+1:]
		base, choice := strings.CutSuffix(name, "[x]")
		found := 0
		for _, typ := range e.Type {
			key := name
			if choice {
				key = base + strings.ToUpper(typ.Code[:1]) + typ.Code[1:]
			}
			if v, ok := left[key]; ok {
				w.value(s, &e, typ.Code, v)
				found++
			} else if left["_"+key] != nil {
				found++
			}
			if p, ok := left["_"+key]; ok {
				for _, one := range asList(p) {
					if one != nil {
						w.object(w.types["Element"], "Element", one.(map[string]any))
					}
				}
			}
			delete(left, key)
			delete(left, "_"+key)
		}
		if e.ContentReference != "" {
			if v, ok := left[name]; ok {
				delete(left, name)
				found++
				for _, one := range asList(v) {
					w.object(s, strings.TrimPrefix(e.ContentReference, "#"), one.(map[string]any))
				}
			}
		}
		if found == 0 && e.Min > 0 || found > 1 {
			w.t.Errorf("%s: %s occurs %d times", w.ref, e.Path, found)
		}
	}
	for k := range left {
		w.t.Errorf("%s: %s has no element %s", w.ref, path, k)
	}
}

func (w *definitionWalk) value(s *structure, e *element, typ string, v any) {
	if _, list := v.([]any); list != (e.Max != "1") {
		w.t.Errorf("%s: %s is a list: %v, but may occur %s times", w.ref, e.Path, list, e.Max)
	}
	if list, ok := v.([]any); ok && len(list) == 0 {
		w.t.Errorf("%s: %s is empty", w.ref, e.Path)
	}
	for _, one := range asList(v) {
		o, isObject := one.(map[string]any)
		def := w.types[typ]
		switch {
		case typ == "BackboneElement" || typ == "Element":
			w.object(s, e.Path, o)
		case typ == "Resource":
			def = w.types[o["resourceType"].(string)]
			w.object(def, def.Type, o)
		case !isObject:
			if def != nil && def.Kind == "complex-type" {
				w.t.Errorf("%s: %s should be an object", w.ref, e.Path)
			}
			if one == "" {
				w.t.Errorf("%s: %s is empty", w.ref, e.Path)
			}
		default:
			if def == nil || def.Kind != "complex-type" {
				w.t.Errorf("%s: %s should be a %s", w.ref, e.Path, typ)
				continue
			}
			w.object(def, typ, o)
			if ref, ok := o["reference"].(string); ok && typ == "Reference" {
				w.target(e, ref)
			}
		}
	}
}

func (w *definitionWalk) target(e *element, ref string) {
	target, _ := split(ref)
	if strings.HasPrefix(ref, "#") {
		target = "Medication" // the only contained resources of the set
	}
	for _, typ := range e.Type {
		for _, profile := range typ.TargetProfile {
			if strings.HasSuffix(profile, "/"+target) || strings.HasSuffix(profile, "/Resource") {
				return
			}
		}
	}
	w.t.Errorf("%s: %s may not refer to a %s", w.ref, e.Path, target)
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// TestDefinitions checks every resource against the published R4 StructureDefinitions.
func TestDefinitions(t *testing.T) {
	types := fhirDefinitions(t)
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		for _, h := range list {
			w := definitionWalk{t, types, h.ref()}
			w.object(types[h.Type], h.Type, h.tree)
		}
	})
}

// TestUSCore checks every claim of a US Core 6.1.0 profile: the elements that the profile requires are there, and
// where it fixes a code, it is the code.
func TestUSCore(t *testing.T) {
	profiles := map[string]*structure{}
	readGzip(t, "hl7.fhir.us.core-6.1.0.tgz", func(r io.Reader) error {
		archive := tar.NewReader(r)
		for {
			h, err := archive.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if ok, _ := filepath.Match("package/StructureDefinition-us-core-*.json", h.Name); ok {
				var s structure
				// Some of the published files hold duplicate names.
				if err := json.UnmarshalRead(archive, &s, jsontext.AllowDuplicateNames(true)); err != nil {
					return err
				}
				profiles[s.URL] = &s
			}
		}
	})
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		claimed := map[string]bool{}
		for _, h := range list {
			for _, url := range at(h.tree, "meta.profile") {
				if !strings.HasPrefix(url.(string), "http://hl7.org/fhir/us/core/") {
					continue
				}
				claimed[url.(string)] = true
				p := profiles[url.(string)]
				if p == nil || p.Type != h.Type {
					t.Errorf("%s claims %s, which US Core 6.1.0 does not have for it", h.ref(), url)
					continue
				}
				required(t, h, p, h.Type, h.tree)
			}
		}
		if len(claimed) < 22 && s.Patients() == 25 {
			t.Errorf("only %d profiles are claimed: %v", len(claimed), slices.Sorted(maps.Keys(claimed)))
		}
	})
}

func required(t *testing.T, h *held, p *structure, path string, o map[string]any) {
	for _, e := range p.children(path) {
		name := e.Path[len(path)+1:]
		var value any
		for k, v := range o {
			if base, ok := strings.CutSuffix(name, "[x]"); k == name || ok && strings.HasPrefix(k, base) {
				value = v
			}
		}
		if value == nil {
			if e.Min > 0 {
				t.Errorf("%s: %s requires %s", h.ref(), p.URL, e.Path)
			}
			continue
		}
		for _, one := range asList(value) {
			if len(e.PatternCodeableConcept) > 0 && !slices.ContainsFunc(at(one, "coding"), func(c any) bool {
				return slices.ContainsFunc(at(e.PatternCodeableConcept, "coding"), func(want any) bool {
					return slices.Equal(at(c, "system"), at(want, "system")) && slices.Equal(at(c, "code"), at(want, "code"))
				})
			}) {
				t.Errorf("%s: %s fixes another %s", h.ref(), p.URL, e.Path)
			}
			if object, ok := one.(map[string]any); ok {
				required(t, h, p, e.Path, object)
			}
		}
	}
	// Slices that must be there are told apart by a fixed code; those of Observation.category and the like.
	for _, e := range p.Snapshot.Element {
		head, slice, ok := strings.Cut(e.ID, ":")
		if !ok || strings.Contains(slice, ".") || e.Min == 0 || !strings.HasPrefix(head, path+".") || strings.Contains(head[len(path)+1:], ".") || len(e.PatternCodeableConcept) == 0 {
			continue
		}
		codes := at(o, head[len(path)+1:]+".coding.code")
		if !slices.ContainsFunc(at(e.PatternCodeableConcept, "coding.code"), func(want any) bool { return slices.Contains(codes, want) }) {
			t.Errorf("%s: %s requires slice %s", h.ref(), p.URL, e.ID)
		}
	}
}
