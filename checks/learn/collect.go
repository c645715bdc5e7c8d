package learn

import (
	"bytes"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/session"
)

// batchSize is how many records a file collects before it hands them over.
const batchSize = 512

// fileCollector learns from the lines of one file, without a lock.
type fileCollector struct {
	d     *Data
	index int
	words *fileWords

	rows      []Row
	edges     []Edge
	members   []member
	witnesses []Witness
	patients  []uint64
	times     thinned
	forms     [forms]int64
	resources int64
	unusable  int64
	headers   bool                  // the output is organised in blocks, each of which begins with a Parameters resource
	ftypes    map[string]*TypeFacts // targets of references, by their type

	targets []uint64 // of the Provenance at hand
	owners  []uint64 // of the resource at hand
	seen    []uint64 // what the resource at hand refers to
}

// File implements session.Collector.
func (d *Data) File(index int, it session.Item) (func(ndjson.Line), func()) {
	switch it.Kind {
	case "output":
		c := &fileCollector{d: d, index: index, headers: d.organized(), words: &fileWords{v: d.Words, types: map[string]*fileType{}},
			times: thinned{k: keptTimes / 2}, ftypes: map[string]*TypeFacts{}}
		return c.line, c.end
	case "deleted":
		return d.deletedLine, nil
	}
	return nil, nil
}

// organized reports whether the output is organised in blocks with headers.
func (d *Data) organized() bool {
	return d.Export != nil && d.Export.Manifest != nil && session.Text(d.Export.Manifest.Tree, "outputOrganizedBy") != ""
}

func (c *fileCollector) line(l ndjson.Line) {
	if c.headers && l.Head.Object && l.Head.ResourceType == "Parameters" && l.Head.ID == "" {
		return // begins a block
	}
	if !l.Head.Object || l.Errors > 0 || !isType(l.Head.ResourceType) || !isID(l.Head.ID) {
		c.unusable++
		return
	}
	t := c.words.of(l.Head.ResourceType)
	row := Row{Key: Key(l.Head.ResourceType, l.Head.ID), Updated: instant(l.Head.LastUpdated), where: uint64(c.index)<<lineBits | uint64(l.Number),
		bits: uint64(t.num) << 48}
	c.targets, c.owners, c.seen = c.targets[:0], c.owners[:0], c.seen[:0]
	if l.Head.ResourceType == "Patient" {
		c.owners = append(c.owners, row.Key)
		c.patients = append(c.patients, row.Key)
	}
	recorded, occurred := int64(NoTime), int64(NoTime)
	var seenFacets [maxFacets]bool
	end := members(l.Bytes, 0, func(name []byte, at int) int {
		element := bytes.TrimPrefix(name, []byte("_")) // a primitive's extensions belong to the primitive
		row.Elements |= 1 << c.words.element(t, element)
		if i, ok := t.facets[string(name)]; ok {
			v := c.facet(t, i, l.Bytes, at)
			if seenFacets[i] {
				v = facetUnknown
			}
			seenFacets[i] = true
			row.facets |= uint64(v) << (8 * i)
		}
		switch string(name) {
		case "meta":
			if subsetted(l.Bytes, at) {
				row.bits |= flagSubsetted
			}
		case "recorded":
			recorded = stamp(l.Bytes, at)
		case "occurredDateTime":
			occurred = stamp(l.Bytes, at)
		}
		return references(l.Bytes, at, t.root.kid(name), false, 0, func(raw []byte, n *node, attachment bool) {
			c.reference(t, &row, raw, n, attachment)
		})
	})
	if end < 0 {
		c.unusable++
		return
	}
	c.resources++
	t.facts.Count++
	t.facts.Elements |= row.Elements
	t.facts.ids.add(l.Head.ID)
	for i := range t.params {
		t.facts.values[uint16(i)<<8|uint16(row.Facet(i))]++
	}
	if row.Updated != NoTime {
		t.facts.Dated++
		c.times.add(row.Updated)
	}
	c.rows = append(c.rows, row)
	for _, o := range c.owners {
		c.members = append(c.members, member{row.Key, o})
	}
	for _, to := range c.targets {
		c.witnesses = append(c.witnesses, Witness{to, row.Key, recorded, occurred, row.Updated})
	}
	if len(c.rows) >= batchSize {
		c.flush()
	}
}

// facet returns the value number of what stands in an element that a search parameter looks at.
func (c *fileCollector) facet(t *fileType, i int, b []byte, at int) uint8 {
	if t.params[i].Kind == "date" {
		if raw, end := text(b, at); end >= 0 {
			return yearValue(raw)
		}
		return facetUnknown // a Period or a Timing spans time
	}
	v := uint8(facetOther)
	tokens(b, at, 0, func(code []byte) {
		n := c.words.token(t, i, code)
		if v != facetOther && v != n {
			n = facetUnknown
		}
		v = n
	})
	return v
}

func (c *fileCollector) reference(t *fileType, row *Row, raw []byte, n *node, attachment bool) {
	ref := unescape(raw)
	typ, id, f := parseReference(ref, c.d.base)
	if attachment {
		if typ != "Binary" {
			return
		}
	} else {
		c.forms[f]++
	}
	if typ == "" {
		return
	}
	to := Key(typ, id)
	facts := c.ftypes[typ]
	if facts == nil && len(c.ftypes) < maxTypes {
		facts = newTypeFacts(typ)
		c.ftypes[typ] = facts
	}
	if facts != nil {
		facts.targets.add(id)
	}
	if n != nil {
		if n.compartment && typ == "Patient" {
			c.owners = addNew(c.owners, to)
		}
		if n.target {
			c.targets = addNew(c.targets, to)
		}
		if n.security {
			row.bits |= flagSecured
		}
	}
	if before := len(c.seen); attachment {
		c.edges = append(c.edges, Edge{to, row.Updated, uint64(t.num)<<48 | edgeAttachment})
	} else if c.seen = addNew(c.seen, to); len(c.seen) > before {
		c.edges = append(c.edges, Edge{to, row.Updated, uint64(t.num) << 48})
	}
}

// addNew appends what is not in the list, which is short: a resource with very many references just repeats some.
func addNew(list []uint64, v uint64) []uint64 {
	if len(list) < 256 {
		for _, x := range list {
			if x == v {
				return list
			}
		}
	}
	return append(list, v)
}

// flush hands over what was collected.
func (c *fileCollector) flush() {
	c.d.rows.add(c.rows)
	c.d.edges.add(c.edges)
	c.d.members.add(c.members)
	c.d.witnesses.add(c.witnesses)
	c.rows, c.edges, c.members, c.witnesses = c.rows[:0], c.edges[:0], c.members[:0], c.witnesses[:0]
}

func (c *fileCollector) end() {
	c.flush()
	d := c.d
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Resources += c.resources
	d.unusable += c.unusable
	d.patients = append(d.patients, c.patients...)
	for len(d.times) <= c.index {
		d.times = append(d.times, nil)
	}
	d.times[c.index] = c.times.list
	for i := range c.forms {
		d.forms[i] += c.forms[i]
	}
	facts := func(typ string) *TypeFacts {
		f := d.types[typ]
		if f == nil {
			f = newTypeFacts(typ)
			d.types[typ] = f
		}
		return f
	}
	for name, t := range c.words.types {
		f := facts(name)
		f.Count += t.facts.Count
		f.Dated += t.facts.Dated
		f.Elements |= t.facts.Elements
		for v, n := range t.facts.values {
			f.values[v] += n
		}
		f.ids.merge(&t.facts.ids)
	}
	for name, t := range c.ftypes {
		if len(d.types) < maxTypes || d.types[name] != nil {
			facts(name).targets.merge(&t.targets)
		}
	}
}

// stamp returns the instant in the string at i.
func stamp(b []byte, i int) int64 {
	raw, end := text(b, i)
	if end < 0 {
		return NoTime
	}
	return instant(string(raw))
}

// subsetted reports whether the Meta at i has a tag with the code SUBSETTED.
func subsetted(b []byte, i int) bool {
	found := false
	members(b, i, func(name []byte, at int) int {
		if string(name) != "tag" {
			return skip(b, at)
		}
		return items(b, at, func(at int) int {
			return tokens(b, at, 0, func(code []byte) { found = found || string(code) == "SUBSETTED" })
		})
	})
	return found
}

// maxDeleted bounds the deletions that are remembered.
const maxDeleted = 1 << 20

// deletedLine learns from a Bundle of a deleted file which resources are gone.
func (d *Data) deletedLine(l ndjson.Line) {
	if !l.Head.Object || l.Errors > 0 {
		return
	}
	var gone []uint64
	b := l.Bytes
	within := func(want string, f func(at int) int) func([]byte, int) int {
		return func(name []byte, at int) int {
			if string(name) != want {
				return skip(b, at)
			}
			return f(at)
		}
	}
	members(b, 0, within("entry", func(at int) int {
		return items(b, at, func(at int) int {
			return members(b, at, within("request", func(at int) int {
				return members(b, at, within("url", func(at int) int {
					raw, end := text(b, at)
					if end >= 0 {
						if typ, id, _ := parseReference(unescape(raw), d.base); typ != "" {
							gone = append(gone, Key(typ, id))
						}
					}
					return end
				}))
			}))
		})
	}))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deleted == nil {
		d.deleted = map[uint64]bool{}
	}
	for _, k := range gone {
		if len(d.deleted) < maxDeleted {
			d.deleted[k] = true
		}
	}
}
