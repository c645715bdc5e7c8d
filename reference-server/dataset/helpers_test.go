package dataset_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

const base = "https://ref.example.org/fhir/r4"

func newSet(t testing.TB, seed uint64, patients int) *dataset.Set {
	t.Helper()
	s, err := dataset.New(dataset.Config{Seed: seed, Patients: patients, BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// held is a copy of a Resource that outlives the step it was yielded in, with its JSON decoded.
type held struct {
	dataset.Resource
	tree map[string]any
}

func (h *held) ref() string { return h.Type + "/" + h.ID }

func hold(t testing.TB, r *dataset.Resource) *held {
	t.Helper()
	h := &held{Resource: *r}
	h.Patients, h.Refs, h.JSON = slices.Clone(r.Patients), slices.Clone(r.Refs), slices.Clone(r.JSON)
	if r.Provenance != nil {
		p := *r.Provenance
		p.Targets = slices.Clone(p.Targets)
		h.Provenance = &p
	}
	// Decodes strictly: duplicate names, invalid UTF-8 and trailing data are errors.
	if err := json.Unmarshal(h.JSON, &h.tree, jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false)); err != nil {
		t.Fatalf("%s/%s is not one strict JSON object: %v\n%s", r.Type, r.ID, err, r.JSON)
	}
	return h
}

// all holds every resource of a set, in order.
func all(t testing.TB, s *dataset.Set) []*held {
	t.Helper()
	var list []*held
	for _, typ := range s.Types() {
		for r := range s.Resources(typ) {
			list = append(list, hold(t, r))
		}
	}
	return list
}

func index(list []*held) map[string]*held {
	m := make(map[string]*held, len(list))
	for _, h := range list {
		m[h.ref()] = h
	}
	return m
}

// at returns every value at a path of element names, going through lists.
func at(v any, path string) []any {
	if list, ok := v.([]any); ok {
		var out []any
		for _, e := range list {
			out = append(out, at(e, path)...)
		}
		return out
	}
	if path == "" {
		return []any{v}
	}
	head, rest, _ := strings.Cut(path, ".")
	object, ok := v.(map[string]any)
	if !ok || object[head] == nil {
		return nil
	}
	return at(object[head], rest)
}

// walk calls f for every object in v with its path of element names, parents first.
func walk(v any, path string, f func(path string, object map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, path, f)
		}
	case map[string]any:
		f(path, v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], path+"."+k, f)
		}
	}
}

// seeds runs a test on seeds 1 to 3 with 25 patients and on the smallest set.
func seeds(t *testing.T, f func(t *testing.T, s *dataset.Set, list []*held)) {
	for _, c := range []struct {
		seed     uint64
		patients int
	}{{1, 25}, {2, 25}, {3, 25}, {1, 5}, {7, 5}} {
		t.Run(fmt.Sprintf("seed %d, %d patients", c.seed, c.patients), func(t *testing.T) {
			s := newSet(t, c.seed, c.patients)
			f(t, s, all(t, s))
		})
	}
}
