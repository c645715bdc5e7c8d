package resource

import (
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
	plain := NewJudge(nil, Options{})
	run("JSON", func(l []byte) bool { _, ok := plain.accept(l); return ok })
	run("jsontext", func(l []byte) bool { return jsontext.Value(l).IsValid() })
}
