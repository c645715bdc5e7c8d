package ndjson

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// Bounds of a batch: what one goroutine may hold back before it hands over. They bound the memory that a
// hostile input can cause, a batch is a few hundred KiB at most.
const (
	batchFindings = 1024
	batchLines    = 2048
	batchTypes    = 32
	lineProblems  = 16384 // the resource judge stops at 10,000 by itself
)

// lineFinding is a problem whose line is known relative to its chunk.
type lineFinding struct {
	line  int64
	start int // of the line, in the chunk
	p     resource.Problem
}

// lineEntry is a judged line, kept for OnLine and Unique.
type lineEntry struct {
	line       int64
	start, end int
	head       resource.Head // copied
	errors     int
}

// batch is what a goroutine found in a part of a chunk.
type batch struct {
	findings []lineFinding
	lines    []lineEntry // if OnLine is set
	keys     uniqueBatch // if Unique is set
	types    []TypeCount // in order of appearance
	last     int         // index of the type seen last
	resource int64       // lines that are not blank
	skipped  int64       // too long
	crlf     int64       // lines ending with CR LF
	tail     int         // findings from here on belong to blank lines with nothing behind them in this batch
	total    int64       // lines of the chunk so far, all kinds
	done     bool        // the chunk's last batch
	err      error       // the judge failed
}

func (b *batch) reset() {
	clear(b.findings) // lets go of the strings
	clear(b.lines)
	b.findings, b.lines, b.types = b.findings[:0], b.lines[:0], b.types[:0]
	b.keys.reset()
	b.last, b.resource, b.skipped, b.crlf, b.tail, b.done, b.err = 0, 0, 0, 0, 0, false, nil
}

// worker judges the lines of chunks, one after another.
type worker struct {
	judge    resource.Judge
	typ      string
	maxLine  int
	keep     bool // fill batch.lines
	unique   *Unique
	b        *batch
	deliver  func(*batch) *batch // hands a batch over and returns an empty one, nil to stop
	problems []resource.Problem  // of the current line
	dropped  int
	emit     func(resource.Problem)
	first    bool     // the chunk is the first of its stream
	failed   error    // the judge panicked
	types    []string // names seen, so that each is a string once
}

func newWorker(o *Options, deliver func(*batch) *batch) *worker {
	w := &worker{judge: o.NewJudge(), typ: o.Type, maxLine: o.MaxLine, keep: o.OnLine != nil, unique: o.Unique, deliver: deliver}
	w.emit = func(p resource.Problem) {
		if len(w.problems) < lineProblems {
			w.problems = append(w.problems, p)
		} else {
			w.dropped++
		}
	}
	return w
}

// chunk judges all lines of c. It reports false when nobody wants the results any more.
func (w *worker) chunk(c *chunk) bool {
	w.b.total = 0
	w.first = c.base == 0
	if c.tooLong > 0 {
		w.tooLong(0, c.tooLong)
		if c.noLF {
			w.noFinalNewline(0, int(min(c.tooLong, math.MaxInt)))
		}
		w.b.total = 1
	}
	data := c.buf[:c.n]
	cr := bytes.IndexByte(data, '\r') >= 0
	for pos := 0; pos < len(data); {
		if b := w.b; len(b.findings) >= batchFindings || len(b.lines) >= batchLines || len(b.types) >= batchTypes || b.keys.full() {
			total := b.total
			if w.b = w.deliver(b); w.b == nil {
				return false
			}
			w.b.total = total
		}
		end, next := len(data), len(data)
		if i := bytes.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i
			next = end + 1
		}
		w.line(data[pos:end], pos, cr)
		if w.failed != nil {
			w.b.err = fmt.Errorf("judging the line at offset %d: %w", c.base+int64(pos), w.failed)
			break
		}
		if next == end && w.b.tail == len(w.b.findings) { // the last line, and not blank
			w.noFinalNewline(pos, end-pos)
		}
		w.b.total++
		pos = next
	}
	w.b.done = true
	w.b = w.deliver(w.b)
	return w.b != nil
}

// add records a problem of the current line, which is the one after total.
func (w *worker) add(start int, p resource.Problem) {
	line := w.b.total + 1
	w.b.findings = append(w.b.findings, lineFinding{line: line, start: start, p: p})
}

func (w *worker) tooLong(start int, length int64) {
	w.b.resource++
	w.b.skipped++
	w.add(start, problem(RuleLineTooLong, 0, "", "", fmt.Sprintf(
		"The line has %d bytes and the limit is %d: it was not judged. Raise the limit (--max-line) to judge it.", length, w.maxLine)))
	w.b.tail = len(w.b.findings)
}

func (w *worker) noFinalNewline(start, length int) {
	w.add(start, problem(RuleFinalNewline, length, "", "", "The last line does not end with a line feed."))
	w.b.tail = len(w.b.findings)
}

// judgeLine calls the judge. A judge that panics ends the scan with an error, not the process.
func (w *worker) judgeLine(text []byte) resource.Head {
	defer func() {
		if r := recover(); r != nil {
			w.failed = fmt.Errorf("the judge panicked: %v; please report this as a bug", r)
		}
	}()
	return w.judge.Line(text, w.emit)
}

// line judges one line, given without its line feed.
func (w *worker) line(line []byte, start int, cr bool) {
	b := w.b
	if len(line) > w.maxLine {
		w.tooLong(start, int64(len(line)))
		return
	}
	skip := 0 // bytes before what the judge gets
	if cr && len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
		if b.crlf == 0 {
			w.add(start, problem(RuleCRLF, len(line), "", "", "Lines end with CR LF."))
		}
		b.crlf++
	}
	w.problems, w.dropped = w.problems[:0], 0
	if len(line) == 0 || line[0] != '{' {
		if bytes.HasPrefix(line, bom) {
			w.emit(problem(RuleBOM, 0, "", "", "The line starts with a byte order mark (EF BB BF), which is skipped."))
			skip = len(bom)
		}
		if blank(line[skip:]) {
			w.blankLine(line, start)
			return
		}
	}
	if w.first && b.total == 0 && isLoneBracket(line[skip:]) {
		w.emit(problem(RuleMultiLine, 0, "", "", "The line is a lone bracket: this looks like one JSON document over several lines; NDJSON has one resource on each line."))
	}
	own := len(w.problems)
	head := w.judgeLine(line[skip:])
	b.resource++
	if len(w.problems) > 0 || !head.Object || head.ResourceType == "" || head.ID == "" || w.typ != "" && head.ResourceType != w.typ ||
		cr && bytes.IndexByte(line, '\r') >= 0 {
		w.settle(line, skip, own, head)
	}
	errors := 0
	for _, p := range w.problems {
		w.add(start, p)
		if p.Severity == resource.Error {
			errors++
		}
	}
	b.tail = len(b.findings)
	w.count(head.ResourceType)
	if w.keep {
		b.lines = append(b.lines, lineEntry{line: b.total + 1, start: start, end: start + len(line), head: w.copyHead(head), errors: errors})
	}
	if w.unique != nil && head.Object && head.ID != "" && head.ResourceType != "" {
		w.unique.hash(&b.keys, head.ResourceType, head.ID, line[skip:], b.total+1, start)
	}
}

func (w *worker) blankLine(line []byte, start int) {
	for _, p := range w.problems { // a byte order mark
		w.add(start, p)
	}
	message := "The line is empty; it is skipped."
	if len(line) > 0 {
		message = "The line holds nothing but white space; it is skipped."
	}
	w.add(start, problem(RuleBlankLine, 0, "", "", message))
}

var bom = []byte("\ufeff")

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

func isLoneBracket(line []byte) bool {
	if len(line) > 8 { // not worth a look
		return false
	}
	t := bytes.TrimSpace(line)
	return len(t) == 1 && (t[0] == '{' || t[0] == '[')
}

// count counts a resource's type.
func (w *worker) count(typ string) {
	b := w.b
	if b.last < len(b.types) && b.types[b.last].Type == typ {
		b.types[b.last].Count++
		return
	}
	if !typeName(typ) {
		typ = ""
	}
	for i := range b.types {
		if b.types[i].Type == typ {
			b.types[i].Count++
			b.last = i
			return
		}
	}
	b.last = len(b.types)
	b.types = append(b.types, TypeCount{Type: w.intern(typ), Count: 1})
}

// typeName reports whether s could be the name of a resource type. Only such names are shown: anything else
// would be content.
func typeName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// intern returns a copy of s that is allocated once for the names that recur.
func (w *worker) intern(s string) string {
	for _, known := range w.types {
		if known == s {
			return known
		}
	}
	s = strings.Clone(s)
	if len(w.types) < 256 {
		w.types = append(w.types, s)
	}
	return s
}

// copyHead copies the strings of a head, which may share the line's memory.
func (w *worker) copyHead(h resource.Head) resource.Head {
	if len(h.ResourceType) <= 64 {
		h.ResourceType = w.intern(h.ResourceType)
	} else {
		h.ResourceType = strings.Clone(h.ResourceType)
	}
	both := h.ID + h.LastUpdated // one allocation for two
	h.ID, h.LastUpdated = both[:len(h.ID)], both[len(h.ID):]
	return h
}

// sortProblems orders the problems of a line by offset and keeps the order of those at one offset.
func sortProblems(ps []resource.Problem) {
	slices.SortStableFunc(ps, func(a, b resource.Problem) int { return cmp.Compare(a.Offset, b.Offset) })
}
