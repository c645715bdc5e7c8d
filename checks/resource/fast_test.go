package resource

import (
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func BenchmarkSynthea(b *testing.B) {
	lines := load(b, "synthea-sample-55mb.ndjson.gz")
	size := 0
	for _, l := range lines {
		size += len(l) + 1
	}
	run := func(name string, f func(line []byte) bool) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				for _, l := range lines {
					if !f(l) {
						b.Fatal("a valid line was declined")
					}
				}
			}
		})
	}
	v := NewJudge(definitionsFor(b, "R4"), Options{})
	run("R4", func(l []byte) bool { _, ok := v.accept(l); return ok })
	run("reader", func(l []byte) bool { v.reader.line(l); return len(v.reader.problems) == 0 })
	plain := NewJudge(nil, Options{})
	run("JSON", func(l []byte) bool { _, ok := plain.accept(l); return ok })
	run("jsontext", func(l []byte) bool { return jsontext.Value(l).IsValid() })
}

// TestAllocations: lines without problems cost no allocation, in JSON-only mode and with definitions.
func TestAllocations(t *testing.T) {
	lines := [][]byte{
		[]byte(strings.Replace(samples[0], `"given":["A",null,"B"],"_given":[null,{"extension":[{"url":"http://x","valueBoolean":true}]},null]`, `"given":["A\n","é"]`, 1)),
		[]byte(samples[1]), []byte(samples[2]), []byte(samples[3]), []byte(samples[4]),
	}
	if _, err := os.Stat(sharedData); err == nil {
		lines = append(lines, load(t, "synthea-sample-55mb.ndjson.gz")[:2000]...)
	}
	ignore := func(p Problem) { t.Error(describe(p)) }
	for _, v := range []*Validator{NewJudge(definitionsFor(t, "R4"), Options{}), NewJudge(nil, Options{})} {
		judge := func() {
			for _, line := range lines {
				v.Line(line, ignore)
			}
		}
		judge() // learns, and grows buffers
		judge()
		if n := testing.AllocsPerRun(5, judge); n != 0 {
			t.Errorf("%v allocations for %d lines", n, len(lines))
		}
	}
}
