package resource

import (
	"os"
	"runtime"
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

// TestLongLine bounds what a line of 64 MiB makes the judge allocate, beside the line itself.
func TestLongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("needs half a gigabyte")
	}
	const size = 64 << 20
	tests := []struct {
		name  string
		line  string
		limit uint64 // bytes
		rules []string
	}{
		{"base64", `{"resourceType":"Binary","contentType":"a/b","data":"` + strings.Repeat("AAAA", size/4) + `"}`, 1 << 20, nil},
		{"escaped base64", `{"resourceType":"Binary","contentType":"a/b","data":"` + strings.Repeat(`AA\/A`, size/5) + `"}`, size + 1<<20, nil},
		{"items", `{"resourceType":"Patient","name":[` + strings.Repeat(`{"given":["abcdefgh"]},`, size/23) + `{"family":"x"}]}`, 1 << 20, nil},
		{"text", `{"resourceType":"Patient","name":[{"text":"` + strings.Repeat("abcd", size/4) + `"}]}`, 1 << 20, []string{"fhir.size /name/0/text"}},
		{"problems", `{"resourceType":"Patient","active":[` + strings.Repeat("01,", size/3) + `1]}`, 64 << 20, nil},
	}
	v := NewJudge(definitionsFor(t, "R4"), Options{})
	for _, tt := range tests {
		line := []byte(tt.line)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := 0
		v.Line(line, func(p Problem) {
			if got++; tt.rules != nil && p.Rule+" "+p.Pointer != tt.rules[got-1] {
				t.Errorf("%s: %s", tt.name, describe(p))
			}
		})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > tt.limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", tt.name, used, tt.limit)
		}
		if tt.name != "problems" && got != len(tt.rules) {
			t.Errorf("%s: %d problems, want %d", tt.name, got, len(tt.rules))
		}
	}
}
