package learn

import (
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/fixtures/compartment"
)

// maxElements is how many root elements of a type are told apart; R4 has no type with more than 50 (ExplanationOfBenefit
// with its primitive extensions aside, which share the bit of their element).
const maxElements = 63

// maxFacets is how many search parameters of a type are learned.
const maxFacets = 8

// maxValues is how many values of one search parameter are told apart.
const maxValues = 250

// Values of a facet with a meaning of their own; all others number the values of a token, or the year of a date.
const (
	facetAbsent  = 0
	facetOther   = 254 // something stands there that no token equals
	facetUnknown = 255 // several values, or more than can be told apart: nothing is said about a match
)

// Vocabulary numbers types, elements and values for all exports of a session, so that what was learned of one can be
// compared with what was learned of another.
type Vocabulary struct {
	mu     sync.Mutex
	byName map[string]*typeWords
	byNum  []*typeWords
}

// typeWords is what is known of one type. Names, numbers and the tree never change; elements and values grow.
type typeWords struct {
	num    uint16
	name   string
	root   *node
	params []compartment.Param
	facets map[string]int // by JSON name of the element
	// guarded by Vocabulary.mu
	elements []string
	values   [maxFacets][]string
}

// maxTypes bounds the types that are told apart: their names are the server's to choose.
const maxTypes = 1000

// furtherTypes stands for all types beyond maxTypes.
const furtherTypes = "…"

// maxName is how long the name of an element or a token may be to be told apart.
const maxName = 64

func newVocabulary() *Vocabulary { return &Vocabulary{byName: map[string]*typeWords{}} }

func (v *Vocabulary) words(typ string) *typeWords {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w := v.byName[typ]; w != nil {
		return w
	}
	if len(v.byNum) >= maxTypes {
		typ = furtherTypes
		if w := v.byName[typ]; w != nil {
			return w
		}
	}
	w := &typeWords{num: uint16(len(v.byNum)), name: typ, root: &node{}, facets: map[string]int{}}
	for _, p := range compartment.Paths(typ) {
		w.root.at(p).compartment = true
	}
	switch typ {
	case "Provenance":
		w.root.at("target").target = true
	case "Binary":
		w.root.at("securityContext").security = true
	}
	w.params = chooseParams(typ)
	for i, p := range w.params {
		w.facets[p.Element] = i
		for _, suffix := range choiceSuffixes {
			w.facets[p.Element+suffix] = i
		}
	}
	v.byName[typ] = w
	v.byNum = append(v.byNum, w)
	return w
}

// choiceSuffixes are what the name of a choice element may end with, of the types that tokens and dates are searched in.
var choiceSuffixes = []string{"CodeableConcept", "Boolean", "Coding", "Code", "DateTime", "Date", "Instant", "Period", "Timing"}

// preferred lists the elements whose values are learned, best first: few values, set by every server, and nothing that
// points at a person. Others are not learned.
var preferred = []string{"status", "clinicalStatus", "gender", "birthDate", "effective", "recordedDate", "authoredOn", "intent", "verificationStatus",
	"performed", "occurrence", "onset", "class", "category", "active", "lifecycleStatus", "use", "docStatus", "date", "created", "priority",
	"criticality", "type", "code", "vaccineCode", "medication"}

func chooseParams(typ string) []compartment.Param {
	all := slices.DeleteFunc(compartment.Params(typ), func(p compartment.Param) bool { return !slices.Contains(preferred, p.Element) })
	slices.SortStableFunc(all, func(a, b compartment.Param) int {
		return slices.Index(preferred, a.Element) - slices.Index(preferred, b.Element)
	})
	return all[:min(len(all), maxFacets)]
}

// element returns the number of a root element.
func (v *Vocabulary) element(w *typeWords, name string) uint8 {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(w.elements, name)
	if i < 0 {
		if len(w.elements) >= maxElements {
			return maxElements
		}
		i = len(w.elements)
		w.elements = append(w.elements, name)
	}
	return uint8(i)
}

// value returns the number of a token.
func (v *Vocabulary) value(w *typeWords, facet int, token string) uint8 {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(w.values[facet], token)
	if i < 0 {
		if len(w.values[facet]) >= maxValues {
			return facetUnknown
		}
		i = len(w.values[facet])
		w.values[facet] = append(w.values[facet], token)
	}
	return uint8(i + 1)
}

// token returns the text of a token's number.
func (v *Vocabulary) token(w *typeWords, facet int, value uint8) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value < 1 || int(value) > len(w.values[facet]) {
		return ""
	}
	return w.values[facet][value-1]
}

// name returns the name of a type's number.
func (v *Vocabulary) name(num uint16) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if int(num) >= len(v.byNum) {
		return ""
	}
	return v.byNum[num].name
}

// Elements returns the names of the root elements in a set, sorted.
func (v *Vocabulary) Elements(typ string, set uint64) []string {
	w := v.words(typ)
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for i, name := range w.elements {
		if set>>i&1 == 1 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Element returns the set of a type's root elements with that name, or with that name and the name of a type behind it
// ("value" has valueQuantity). It is empty if none was seen.
func (v *Vocabulary) Element(typ, name string) uint64 {
	w := v.words(typ)
	v.mu.Lock()
	defer v.mu.Unlock()
	var set uint64
	for i, n := range w.elements {
		rest, ok := strings.CutPrefix(n, name)
		if ok && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z') {
			set |= 1 << i
		}
	}
	return set
}

// fileWords are the words that one file has used: read without a lock.
type fileWords struct {
	v     *Vocabulary
	types map[string]*fileType
}

type fileType struct {
	*typeWords
	elements map[string]uint8
	tokens   [maxFacets]map[string]uint8
	facts    *TypeFacts
}

func (f *fileWords) of(typ string) *fileType {
	t := f.types[typ]
	if t == nil && len(f.types) >= maxTypes {
		typ = furtherTypes
		t = f.types[typ]
	}
	if t == nil {
		t = &fileType{typeWords: f.v.words(typ), elements: map[string]uint8{}, facts: newTypeFacts(typ)}
		f.types[typ] = t
	}
	return t
}

func (f *fileWords) element(t *fileType, name []byte) uint8 {
	n, ok := t.elements[string(name)]
	if !ok {
		if len(name) > maxName || len(t.elements) > 4*maxElements {
			return maxElements
		}
		n = f.v.element(t.typeWords, string(name))
		t.elements[string(name)] = n
	}
	return n
}

func (f *fileWords) token(t *fileType, facet int, token []byte) uint8 {
	n, ok := t.tokens[facet][string(token)]
	if !ok {
		if len(token) > maxName {
			return facetUnknown
		}
		n = f.v.value(t.typeWords, facet, string(token))
		if t.tokens[facet] == nil {
			t.tokens[facet] = map[string]uint8{}
		}
		if len(t.tokens[facet]) <= maxValues {
			t.tokens[facet][string(token)] = n
		}
	}
	return n
}
