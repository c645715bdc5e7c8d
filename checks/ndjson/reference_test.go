package ndjson

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// generate returns n good lines of different lengths.
func generate(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	types := []string{"Patient", "Observation", "Condition"}
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"resourceType":%q,"id":"id-%d","meta":{"lastUpdated":"2024-01-01T00:00:00Z"},"text":"%s"}`+"\n",
			types[r.IntN(3)], i, strings.Repeat("é€x", r.IntN(40)))
	}
	return b.Bytes()
}

// spoil puts something wrong into every few lines.
func spoil(data []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	var b bytes.Buffer
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch r.IntN(30) {
		case 0:
			b.WriteString("\n")
		case 1:
			b.WriteString(" \t\r\n")
		case 2:
			b.WriteString("\ufeff")
		case 3:
			line = append(slices.Clone(line), '\r')
		case 4:
			line = append(slices.Clone(line), line...)
		case 5:
			line = line[:len(line)/2]
		case 6:
			line = []byte("[1,2]")
		case 7:
			line = bytes.Replace(line, []byte(`"text"`), []byte("\r\"text\""), 1)
		case 8:
			line = bytes.Replace(line, []byte("é"), []byte("\xe9"), 1)
		case 9:
			line = bytes.Replace(line, []byte(`"id"`), []byte(`"resourceType"`), 1)
		case 10:
			line = bytes.Repeat([]byte("x"), r.IntN(3000))
		case 11:
			line = []byte(`{}`)
		}
		b.Write(line)
		b.WriteString("\n")
	}
	return b.Bytes()
}

// reference is the slow, obvious scan: all lines at hand at once. What it shares with Scan is the judge and, for a
// single line, settle.
func reference(data []byte, o Options) (found []Finding, lines int64) {
	o = o.withDefaults()
	if err := refuse(data); err != nil {
		return []Finding{{File: "f.ndjson", Line: 1, Problem: err.(*refusal).p}}, 0
	}
	texts := bytes.Split(data, []byte("\n"))
	lastResource := -1
	for i, text := range texts {
		if strings.Trim(strings.TrimPrefix(string(text), "\ufeff"), " \t\r") != "" || len(text) > o.MaxLine {
			lastResource = i
		}
	}
	start, crlf := int64(0), false
	last := len(texts) - 1
	if len(texts[last]) == 0 {
		texts = texts[:last]
	}
	for i, text := range texts {
		add := func(p resource.Problem) {
			found = append(found, Finding{File: "f.ndjson", Line: int64(i) + 1, LineOffset: start, Problem: p})
		}
		full := len(text)
		if full > o.MaxLine {
			add(problem(RuleLineTooLong, 0, "", "", fmt.Sprintf("The line has %d bytes and the limit is %d: it was not judged. Raise the limit (--max-line) to judge it.", full, o.MaxLine)))
		} else {
			if bytes.HasSuffix(text, []byte("\r")) {
				text = text[:full-1]
				if !crlf {
					add(problem(RuleCRLF, len(text), "", "", "Lines end with CR LF."))
				}
				crlf = true
			}
			w := newWorker(&o, nil)
			w.b = new(batch)
			w.b.total = int64(i)
			rest, skip := text, 0
			if strings.HasPrefix(string(text), "\ufeff") {
				skip = 3
				rest = text[3:]
				w.emit(problem(RuleBOM, 0, "", "", "The line starts with a byte order mark (EF BB BF), which is skipped."))
			}
			if strings.Trim(string(rest), " \t\r") == "" {
				for _, p := range w.problems {
					add(p)
				}
				blanks := 0
				for k := len(texts) - 1; k > lastResource; k-- {
					t := string(texts[k])
					blanks++
					if strings.HasPrefix(t, "\ufeff") {
						blanks++ // its byte order mark waits as well
					}
					if strings.HasSuffix(t, "\r") && firstCR(texts) == k {
						blanks++ // and so does the note about CR LF
					}
				}
				switch {
				case i > lastResource && blanks <= endBlanks:
					add(problem(RuleBlankEnd, 0, "", "", "A blank line follows the last resource; it is skipped."))
				case len(text) == 0:
					add(problem(RuleBlankLine, 0, "", "", "The line is empty; it is skipped."))
				default:
					add(problem(RuleBlankLine, 0, "", "", "The line holds nothing but white space; it is skipped."))
				}
				start += int64(full) + 1
				continue
			}
			if t := strings.TrimSpace(string(rest)); i == 0 && (t == "{" || t == "[") && len(rest) <= 8 {
				w.emit(problem(RuleMultiLine, 0, "", "", "The line is a lone bracket: this looks like one JSON document over several lines; NDJSON has one resource on each line."))
			}
			own := len(w.problems)
			head := w.judge.Line(rest, w.emit)
			w.settle(text, skip, own, head)
			for _, p := range w.problems {
				add(p)
			}
		}
		lines++
		if i == last {
			add(problem(RuleFinalNewline, full, "", "", "The last line does not end with a line feed."))
		}
		start += int64(full) + 1
	}
	return found, lines
}

func firstCR(texts [][]byte) int {
	return slices.IndexFunc(texts, func(t []byte) bool { return bytes.HasSuffix(t, []byte("\r")) })
}

// accepted is what a line must be to have no error, by jsontext and by hand.
func accepted(line []byte) bool {
	line = bytes.TrimPrefix(bytes.TrimSuffix(line, []byte("\r")), bom)
	if !utf8.Valid(line) || bytes.IndexByte(line, '\r') >= 0 || !jsontext.Value(line).IsValid() {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return false
		}
		if name.String() == "resourceType" {
			v, err := d.ReadToken()
			return err == nil && v.Kind() == '"' && v.String() != ""
		}
		if d.SkipValue() != nil {
			return false
		}
	}
	return false
}

func compare(t *testing.T, data []byte, o Options) {
	t.Helper()
	want, lines := reference(data, o)
	var got []Finding
	o.OnFinding = func(f Finding) { got = append(got, f) }
	s, err := Scan(context.Background(), "f.ndjson", &ragged{data: data, r: rand.New(rand.NewPCG(uint64(o.chunk), 1))}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("chunk %d, jobs %d, %q: finding %d is\n%+v\nwant\n%+v", o.chunk, o.Jobs, shorten(string(data)), i, got[min(i, len(got)):], want[min(i, len(want)):])
		}
	}
	if s.Lines != lines || s.Complete && (s.Bytes != int64(len(data)) || s.Physical != int64(bytes.Count(data, []byte("\n")))+int64(b2i(len(data) > 0 && data[len(data)-1] != '\n'))) {
		t.Fatalf("chunk %d, jobs %d, %q: %+v, want %d lines", o.chunk, o.Jobs, shorten(string(data)), s, lines)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ragged returns data in pieces of random length, sometimes with io.EOF along with the last one.
type ragged struct {
	data []byte
	r    *rand.Rand
}

func (r *ragged) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 1+r.r.IntN(500))], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 && r.r.IntN(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestFindingsDoNotDependOnJobsOrChunks(t *testing.T) {
	data := spoil(generate(2000, 7), 8)
	for _, chunk := range []int{16, 97, 1000, 4096, chunkSize} {
		for _, jobs := range []int{1, 2, 8} {
			compare(t, data, Options{Jobs: jobs, chunk: chunk, MaxLine: 2000, Type: "Patient"})
		}
	}
}

func TestEveryBoundaryOfChunks(t *testing.T) {
	// Every byte of this is once the last one of a chunk: line ends, halves of CR LF, of characters, of the mark.
	data := "\ufeff" + good + "\r\n" + `{"resourceType":"Patient","id":"é€😀"}` + "\r\n\r\n\xe9\n" + good + good + "\n \r\n" + strings.Repeat("x", 60) + "\r\n" + good
	for chunk := 8; chunk <= len(data)+1; chunk++ {
		for cut := range len(data) + 1 {
			compare(t, []byte(data[:cut]), Options{Jobs: 1, chunk: chunk, MaxLine: 59})
		}
		compare(t, []byte(data), Options{Jobs: 3, chunk: chunk, MaxLine: 59})
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(good+"\n"), uint16(10), uint8(1), uint16(0))
	f.Add(spoil(generate(20, 1), 2), uint16(100), uint8(2), uint16(300))
	f.Add([]byte("\ufeff\r\n\r\r\n\n{\n{}{}\n[\n"), uint16(3), uint8(2), uint16(2))
	f.Add(bytes.Repeat([]byte("\n"), 40), uint16(5), uint8(1), uint16(9))
	f.Add([]byte("{}\r"), uint16(1), uint8(1), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, chunk uint16, jobs uint8, maxLine uint16) {
		o := Options{Jobs: 1 + int(jobs%4), chunk: 1 + int(chunk), MaxLine: int(maxLine)}
		compare(t, data, o)
		if refuse(data) != nil {
			return
		}
		bad := map[int64]bool{}
		o.OnFinding = func(f Finding) {
			if f.Severity == resource.Error {
				bad[f.Line] = true
			}
		}
		o.MaxLine = 0
		if _, err := Scan(context.Background(), "f", bytes.NewReader(data), o); err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if blank(bytes.TrimPrefix(line, bom)) || bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > 200 {
				continue
			}
			if accepted(line) == bad[int64(i)+1] {
				t.Fatalf("line %q: accepted by jsontext %v, error reported %v", line, accepted(line), bad[int64(i)+1])
			}
		}
	})
}
