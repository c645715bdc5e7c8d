package resource

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// Definitions are the compiled definitions of one FHIR version. They never change and may be shared.
type Definitions struct {
	version   string
	nodes     []*node
	resources nameTable // resource types by name
	byType    []*node   // for each name in resources
	types     map[string]*node
	expanded  *definitions.Source // the value sets that the definitions list
}

var loaded [3]struct {
	once sync.Once
	d    *Definitions
	err  error
}

// For returns the definitions of a FHIR version, named by number ("4.0.1", "4.3.0", "5.0.0") or release ("R4",
// "R4B", "R5"). They are decoded on first use. It fails if the version is not one of these.
func For(fhirVersion string) (*Definitions, error) {
	for k, v := range definitions.Versions {
		if fhirVersion != v.Number && fhirVersion != v.Release {
			continue
		}
		l := &loaded[k]
		l.once.Do(func() {
			var set *definitions.Set
			if set, l.err = definitions.Load(v.Number); l.err == nil {
				l.d, l.err = link(set)
			}
		})
		return l.d, l.err
	}
	return nil, fmt.Errorf("FHIR version %q has no compiled definitions; use 4.0.1 (R4), 4.3.0 (R4B) or 5.0.0 (R5)", fhirVersion)
}

// Version returns the FHIR version, such as "4.0.1".
func (d *Definitions) Version() string { return d.version }

// ResourceTypes returns the names of all resource types, sorted. The caller may keep the slice but not change it.
func (d *Definitions) ResourceTypes() []string { return d.resources.names }

// kind is what the JSON value of an element must look like.
type kind uint8

const (
	complexKind  kind = iota // an object described by a node
	anyResource              // an object with a resourceType
	typeNameKind             // resourceType itself
	stringKind               // the kinds from here to integer64Kind are JSON strings
	markdownKind
	uriKind // also url and canonical
	codeKind
	idKind
	oidKind
	uuidKind
	dateKind
	dateTimeKind
	instantKind
	timeKind
	base64Kind
	xhtmlKind
	integer64Kind
	booleanKind
	integerKind // the kinds from here on are JSON numbers
	positiveKind
	unsignedKind
	decimalKind
)

var kindOf = map[string]kind{
	"Resource": anyResource, "string": stringKind, "markdown": markdownKind, "uri": uriKind, "url": uriKind,
	"canonical": uriKind, "code": codeKind, "id": idKind, "oid": oidKind, "uuid": uuidKind, "date": dateKind,
	"dateTime": dateTimeKind, "instant": instantKind, "time": timeKind, "base64Binary": base64Kind, "xhtml": xhtmlKind,
	"integer64": integer64Kind, "boolean": booleanKind, "integer": integerKind, "positiveInt": positiveKind,
	"unsignedInt": unsignedKind, "decimal": decimalKind,
}

// role marks the nodes whose rules go beyond their elements.
type role uint8

const (
	plainRole role = iota
	resourceRole
	extensionRole
	referenceRole
	codeableConceptRole
	codingRole
	quantityRole
	metaRole
	narrativeRole
	codeableReferenceRole
)

var roleOf = map[string]role{
	"Extension": extensionRole, "Reference": referenceRole, "CodeableConcept": codeableConceptRole, "Coding": codingRole,
	"Quantity": quantityRole, "Meta": metaRole, "Narrative": narrativeRole, "CodeableReference": codeableReferenceRole,
}

// node is a type or a backbone element, laid out for the walk over JSON members.
type node struct {
	path      string
	role      role
	container bool    // a resource type with contained resources
	fields    []field // one for each name that a JSON member may have
	table     nameTable
	required  uint64   // bits of the elements that must be there
	elements  []string // names of the elements by bit

	// For the fast walk:
	base      int    // where the node begins in fast.next
	need      uint64 // required, and typeNameBit for resources
	valueBit  uint64 // of Extension.value[x]
	nestedBit uint64 // of Extension.extension
	forbidden uint64 // of the elements of Meta that contained resources must not have
}

// typeNameBit stands for resourceType among the bits of a resource type.
const typeNameBit = 63

// field is one JSON member name of a node.
type field struct {
	name    string
	typ     string // name of the FHIR type, "" for a backbone element
	kind    kind
	bit     uint8 // of the element, shared by all types of a choice
	array   bool
	choice  bool
	twin    bool     // the member _x beside x, with the id and extensions of a primitive
	noTwin  bool     // a primitive that cannot have a twin
	element *node    // for complexKind
	codes   *codeSet // required binding
	targets *targetSet
	pair    int // index of the twin, or of what this is the twin of; -1 for none

	// For the fast walk:
	op           op
	choiceOrTwin bool
	slot         int // number among all fields of all nodes
	tok          token
}

// token is how the fast walk recognises a member: the bytes `"name":`.
type token struct {
	text   string
	m0     uint64 // mask of the bytes of first that count
	first  uint64
	last   uint64 // the last eight bytes, for texts of eight or more
	offset int    // where last begins
}

func newToken(name string) token {
	t := token{text: `"` + name + `":`, m0: ^uint64(0)}
	padded := append([]byte(t.text), make([]byte, 8)...)
	t.first = binary.LittleEndian.Uint64(padded)
	t.last = t.first
	if n := len(t.text); n < 8 {
		t.m0 = 1<<(8*n) - 1
	} else {
		t.offset = n - 8
		t.last = binary.LittleEndian.Uint64(padded[t.offset:])
	}
	return t
}

// codeSet is a value set as the walk needs it.
type codeSet struct {
	url     string
	codes   nameTable // the codes of all systems
	systems []codeSystem
	open    bool // some system does not list its codes
}

type codeSystem struct {
	url   string
	codes nameTable // empty if the definitions do not list them
	valid func([]byte) bool
}

// targetSet is the resource types that a reference may point to.
type targetSet struct {
	names []string
	bits  [4]uint64 // by index in Definitions.resources
}

func (t *targetSet) has(k int) bool { return t.bits[k>>6]>>(k&63)&1 != 0 }

// link builds the runtime form of a compiled set.
func link(set *definitions.Set) (*Definitions, error) {
	d := &Definitions{version: set.Version, types: map[string]*node{}, expanded: definitions.NewSource(set.CodeSets)}
	d.nodes = make([]*node, len(set.Nodes))
	for k, n := range set.Nodes {
		d.nodes[k] = &node{path: n.Path, role: roleOf[n.Path]}
		if n.Resource {
			d.nodes[k].role = resourceRole
		}
		if !strings.Contains(n.Path, ".") {
			d.types[n.Path] = d.nodes[k]
		}
	}
	// Constraints of a type play its role: SimpleQuantity is a Quantity.
	for _, n := range set.Nodes {
		for _, e := range n.Elements {
			for _, t := range e.Types {
				if t.Node >= 0 && t.Name != "" && d.nodes[t.Node].role == plainRole {
					d.nodes[t.Node].role = roleOf[t.Name]
				}
			}
		}
	}
	var names []string
	for _, k := range set.Resources {
		names = append(names, set.Nodes[k].Path)
		d.byType = append(d.byType, d.nodes[k])
	}
	if len(names) > 256 {
		return nil, fmt.Errorf("FHIR %s has %d resource types, target sets have room for 256", set.Version, len(names))
	}
	d.resources = newNameTable(names)
	codes := make([]*codeSet, len(set.CodeSets))
	for k, c := range set.CodeSets {
		codes[k] = newCodeSet(c)
	}
	targets := make([]*targetSet, len(set.Targets))
	for k, names := range set.Targets {
		t := &targetSet{names: names}
		for _, name := range names {
			if r := d.resources.find([]byte(name)); r >= 0 {
				t.bits[r>>6] |= 1 << (r & 63)
			}
		}
		targets[k] = t
	}
	slot, base := 0, 0
	for k, n := range set.Nodes {
		out := d.nodes[k]
		for bit, e := range n.Elements {
			out.elements = append(out.elements, e.Name)
			if e.Required {
				out.required |= 1 << bit
			}
			out.container = out.container || e.Name == "contained"
			for _, t := range e.Types {
				f := field{name: e.Name, typ: t.Name, bit: uint8(bit), array: e.Repeats, choice: e.Choice(), noTwin: e.Attribute, pair: -1}
				if f.choice {
					f.name = strings.TrimSuffix(e.Name, "[x]") + strings.ToUpper(t.Name[:1]) + t.Name[1:]
				}
				if t.Node >= 0 {
					f.element = d.nodes[t.Node]
				} else {
					f.kind = kindOf[t.Name]
				}
				if e.CodeSet >= 0 {
					f.codes = codes[e.CodeSet]
				}
				if t.Targets >= 0 {
					f.targets = targets[t.Targets]
				}
				out.fields = append(out.fields, f)
			}
		}
		out.addTwins(d.types["Element"])
		out.need = out.required
		if n.Resource {
			out.fields = append(out.fields, field{name: "resourceType", typ: n.Path, kind: typeNameKind, bit: typeNameBit, pair: -1})
			out.need |= 1 << typeNameBit
		}
		var names []string
		for j := range out.fields {
			f := &out.fields[j]
			f.slot = slot
			slot++
			names = append(names, f.name)
		}
		out.base = base
		base += len(out.fields) + 1
		out.table = newNameTable(names)
	}
	for _, n := range d.nodes {
		n.prepare()
	}
	if d.types["Element"] == nil || d.types["Extension"] == nil {
		return nil, fmt.Errorf("FHIR %s: the definitions have no Element or no Extension", set.Version)
	}
	return d, nil
}

// addTwins adds the members that hold the extensions of primitive elements (json.html#primitive).
func (n *node) addTwins(element *node) {
	for k := range len(n.fields) {
		f := &n.fields[k]
		if f.kind < stringKind || f.kind == xhtmlKind || f.noTwin {
			continue
		}
		twin := field{name: "_" + f.name, bit: f.bit, array: f.array, choice: f.choice, twin: true, element: element, pair: k}
		f.pair = len(n.fields)
		n.fields = append(n.fields, twin)
	}
}

func newCodeSet(c definitions.CodeSet) *codeSet {
	out := &codeSet{url: c.URL}
	var all []string
	for _, s := range c.Systems {
		out.systems = append(out.systems, codeSystem{s.URL, newNameTable(s.Codes), grammars[s.URL]})
		out.open = out.open || len(s.Codes) == 0
		all = append(all, s.Codes...)
	}
	slices.Sort(all)
	out.codes = newNameTable(slices.Compact(all))
	return out
}

// hasCode says whether a value of type code is in the set.
func (c *codeSet) hasCode(code []byte) bool {
	if c.codes.find(code) >= 0 {
		return true
	}
	if c.open {
		for k := range c.systems {
			if s := &c.systems[k]; len(s.codes.names) == 0 && (s.valid == nil || s.valid(code)) {
				return true
			}
		}
	}
	return false
}

// hasCoding says whether a code of a system is in the set.
func (c *codeSet) hasCoding(system, code []byte) bool {
	for k := range c.systems {
		s := &c.systems[k]
		if s.url != string(system) {
			continue
		}
		if len(s.codes.names) == 0 {
			return s.valid == nil || s.valid(code)
		}
		return s.codes.find(code) >= 0
	}
	return false
}

// nameTable finds names by hashing with open addressing.
type nameTable struct {
	names []string
	slots []uint16 // index in names plus one
	shift uint8
}

func newNameTable(names []string) nameTable {
	size := 4
	for size < 2*len(names) {
		size *= 2
	}
	t := nameTable{names: slices.Clone(names), slots: make([]uint16, size), shift: uint8(64 - log2(size))}
	for k, name := range names {
		h := t.hash([]byte(name))
		for t.slots[h] != 0 {
			h = (h + 1) & uint64(size-1)
		}
		t.slots[h] = uint16(k + 1)
	}
	return t
}

func log2(n int) int {
	k := 0
	for 1<<k < n {
		k++
	}
	return k
}

func (t *nameTable) hash(b []byte) uint64 { return signature(b) * 0x9e3779b97f4a7c15 >> t.shift }

// find returns the index of the name, -1 if it is not in the table.
func (t *nameTable) find(b []byte) int {
	h := t.hash(b)
	for {
		k := t.slots[h]
		if k == 0 {
			return -1
		}
		if t.names[k-1] == string(b) {
			return int(k - 1)
		}
		h = (h + 1) & uint64(len(t.slots)-1)
	}
}

// resourceNode returns the node of a resource type, nil if there is none of that name.
func (d *Definitions) resourceNode(name string) *node {
	if k := slices.Index(d.resources.names, name); k >= 0 {
		return d.byType[k]
	}
	return nil
}
