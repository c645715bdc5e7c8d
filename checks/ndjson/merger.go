package ndjson

import (
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// endBlanks is how many blank lines at the end of a stream are taken for a clumsy end rather than for a hole.
const endBlanks = 16

// merger receives the batches in the order of the input and makes the Summary of them. It runs in one goroutine.
type merger struct {
	o        *Options
	sum      Summary
	tally    tally
	types    typeCounts
	file     int // number of the file in o.Unique
	c        *chunk
	pending  []Finding // of blank lines of which it is not known whether anything follows
	hole     bool      // the current run of blank lines has been reported
	toldCRLF bool
}

func newMerger(file string, o *Options) *merger {
	m := &merger{o: o, sum: Summary{File: file, FinalNewline: true}, tally: newTally(o.MaxFindings)}
	if o.Unique != nil {
		m.file = o.Unique.begin(file)
	}
	return m
}

// begin starts a chunk.
func (m *merger) begin(c *chunk) { m.c = c }

// end completes a chunk.
func (m *merger) end(c *chunk) {
	m.sum.Bytes += c.size
	m.sum.FinalNewline = !c.noLF
	if m.o.Progress != nil {
		m.o.Progress(m.sum.Bytes)
	}
}

// batch takes over what was found in a part of the chunk.
func (m *merger) batch(b *batch) {
	s := &m.sum
	if b.resource > 0 {
		m.flushBlanks(resource.Warning)
		m.hole = false
	}
	s.Lines += b.resource
	s.Skipped += b.skipped
	for _, t := range b.types {
		m.types.add(t)
	}
	next := 0
	for _, l := range b.lines {
		for ; next < b.tail && b.findings[next].line < l.line; next++ {
			m.finding(&b.findings[next])
		}
		m.o.OnLine(Line{
			File: s.File, Number: s.Physical + l.line, Offset: m.c.base + int64(l.start),
			Head: l.head, Bytes: m.c.buf[l.start:l.end:l.end], Errors: l.errors,
		})
	}
	for ; next < b.tail; next++ {
		m.finding(&b.findings[next])
	}
	for ; next < len(b.findings); next++ {
		m.hold(&b.findings[next])
	}
	if m.o.Unique != nil {
		m.o.Unique.add(m.file, s.Physical, m.c.base, &b.keys)
	}
	s.CRLF += b.crlf
	if b.done {
		s.Physical += b.total
	}
}

// finding passes on a finding of a batch.
func (m *merger) finding(f *lineFinding) {
	if !m.told(f) {
		m.find(m.at(f))
	}
}

// told reports whether f is about something that is told once for each file and has been.
func (m *merger) told(f *lineFinding) bool {
	if f.p.Rule != RuleCRLF {
		return false
	}
	told := m.toldCRLF
	m.toldCRLF = true
	return told
}

func (m *merger) at(f *lineFinding) Finding {
	return Finding{File: m.sum.File, Line: m.sum.Physical + f.line, LineOffset: m.c.base + int64(f.start), Problem: f.p}
}

func (m *merger) find(f Finding) {
	m.tally.add(&f)
	if m.o.OnFinding != nil {
		m.o.OnFinding(f)
	}
}

// hold holds a finding about a blank line back until it is known whether a resource follows.
func (m *merger) hold(f *lineFinding) {
	if m.hole {
		m.finding(f)
		return
	}
	if m.told(f) {
		return
	}
	m.pending = append(m.pending, m.at(f))
	if len(m.pending) > endBlanks {
		m.flushBlanks(resource.Warning)
		m.hole = true
	}
}

func (m *merger) flushBlanks(severity resource.Severity) {
	for _, f := range m.pending {
		if severity == resource.Note && f.Rule == RuleBlankLine {
			f.Rule, f.Severity, f.Message = RuleBlankEnd, resource.Note, "A blank line follows the last resource; it is skipped."
		}
		m.find(f)
	}
	m.pending = m.pending[:0]
}

func (m *merger) endOfStream() { m.flushBlanks(resource.Note) }

// typeCounts adds up resources by type.
type typeCounts struct{ list []TypeCount }

func (t *typeCounts) add(c TypeCount) {
	i, found := slices.BinarySearchFunc(t.list, c.Type, func(a TypeCount, typ string) int { return strings.Compare(a.Type, typ) })
	if !found {
		if len(t.list) >= maxTypes && c.Type != "" {
			t.add(TypeCount{Count: c.Count})
			return
		}
		t.list = slices.Insert(t.list, i, TypeCount{Type: c.Type})
	}
	t.list[i].Count += c.Count
}

func (t *typeCounts) sorted() []TypeCount { return t.list }
