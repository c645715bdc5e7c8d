package ndjson

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// part is some bytes several times.
type part struct {
	text  string
	times int
}

// stream reads the parts one after another, over and over, until n bytes are exceeded at the end of the last part.
// It holds none of what it generates, because live memory would let the heap of the scan grow along.
type stream struct {
	parts       []part
	i, k, pos   int
	total, want int64
}

func (s *stream) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if s.i == len(s.parts) {
			if s.total >= s.want {
				break
			}
			s.i = 0
		}
		c := copy(p[n:], s.parts[s.i].text[s.pos:])
		n += c
		s.total += int64(c)
		if s.pos += c; s.pos == len(s.parts[s.i].text) {
			s.pos = 0
			if s.k++; s.k == s.parts[s.i].times {
				s.k = 0
				s.i++
			}
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// longLine is a good line of about n bytes with its line feed.
func longLine(n int) []part {
	return []part{{`{"resourceType":"Binary","id":"a","data":"`, 1}, {strings.Repeat("A", 1000), (n - 60) / 1000}, {`"}` + "\n", 1}}
}

// TestMemory asserts the bounds that the package promises, for the heap as the runtime accounts for it.
func TestMemory(t *testing.T) {
	mixed := append([]part{{string(generate(2000, 1)), 1}}, longLine(1<<20)...)
	cases := []struct {
		name  string
		lines []part
		n     int64
		limit uint64
	}{
		{"lines up to 1 MiB", mixed, 50 << 20, 24 << 20},
		{"lines of 64 MiB", append(longLine(64<<20), part{good + "\n", 9}), 130 << 20, 170 << 20},
		{"lines beyond the limit", append(longLine(65<<20), part{good + "\n", 9}), 130 << 20, 170 << 20},
		{"nothing but line feeds", []part{{"\n", 1}}, 2 << 20, 24 << 20},
		{"nothing but errors", []part{{"1\n", 1}}, 2 << 20, 32 << 20},
	}
	for _, c := range cases {
		for _, jobs := range []int{1, 2} {
			if jobs == 1 && c.limit > 32<<20 {
				continue // slow, and less than with two
			}
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			var peak uint64
			look := func(int64) {
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse-min(before.HeapInuse, now.HeapInuse))
			}
			u := NewUnique(t.TempDir(), 0)
			next := int64(0)
			s, err := Scan(context.Background(), "f", &stream{parts: c.lines, want: c.n}, Options{Jobs: jobs, Unique: u, Progress: func(n int64) {
				if n >= next { // looking stops the world
					look(n)
					next = n + c.n/20
				}
			}})
			if err != nil || s.Bytes < c.n {
				t.Fatalf("%s: %d bytes, %v", c.name, s.Bytes, err)
			}
			if _, err := u.Report(context.Background(), 0, nil); err != nil {
				t.Fatal(err)
			}
			look(0)
			u.Close()
			if peak > c.limit {
				t.Errorf("%s, %d jobs: %d MiB, limit %d", c.name, jobs, peak>>20, c.limit>>20)
			}
			t.Logf("%s, %d jobs: %d MiB", c.name, jobs, peak>>20)
		}
	}
}

// TestGoodLinesCostNoAllocation compares scans of some lines and of five times as many.
func TestGoodLinesCostNoAllocation(t *testing.T) {
	data := generate(20000, 1)
	part := data[:bytes.LastIndexByte(data[:len(data)/5], '\n')+1]
	for _, jobs := range []int{1, 2} {
		run := func(data []byte) float64 {
			return testing.AllocsPerRun(3, func() {
				if s, err := Scan(context.Background(), "f", bytes.NewReader(data), Options{Jobs: jobs, Type: ""}); err != nil || s.Errors > 0 {
					t.Fatal(s, err)
				}
			})
		}
		// With one goroutine the number is exact. With several it depends on how many chunks and batches are in
		// use at a time, at most jobs+3 and their batches.
		if few, many := run(part), run(data); many-few > float64(jobs-1)*100 {
			t.Errorf("%d jobs: %v allocations for %d bytes, %v for %d", jobs, few, len(part), many, len(data))
		}
	}
}

func sample(b *testing.B) []byte {
	b.Helper()
	const path = "/work/shared/data/synthea-sample-55mb.ndjson.gz" // real data if they are there, generated ones otherwise
	f, err := os.Open(path)
	if err != nil {
		return generate(200000, 1)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkScan and BenchmarkGzip tell something about two jobs only while two cores are free: compare with
// "json/jobs=1", which needs one.
func BenchmarkScan(b *testing.B) {
	data := sample(b)
	for _, jobs := range []int{1, 2} {
		for _, mode := range []string{"json", "lines only", "unique", "hash", "online"} {
			b.Run(fmt.Sprintf("%s/jobs=%d", mode, jobs), func(b *testing.B) {
				o := Options{Jobs: jobs}
				switch mode {
				case "lines only":
					o.NewJudge = func() resource.Judge {
						return judgeFunc(func([]byte, func(resource.Problem)) resource.Head {
							return resource.Head{Object: true, ResourceType: "X", ID: "x"}
						})
					}
				case "hash":
					o.Hash = true
				case "online":
					o.OnLine = func(Line) {}
				}
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if mode == "unique" {
						o.Unique = NewUnique(b.TempDir(), 0)
					}
					if _, err := Scan(context.Background(), "f", bytes.NewReader(data), o); err != nil {
						b.Fatal(err)
					}
					if mode == "unique" {
						if _, err := o.Unique.Report(context.Background(), 0, nil); err != nil {
							b.Fatal(err)
						}
						o.Unique.Close()
					}
				}
			})
		}
	}
}

func BenchmarkGzip(b *testing.B) {
	data := sample(b)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(data)
	w.Close()
	read := func(b *testing.B, use func(io.Reader) error) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r, err := Decompress(bytes.NewReader(z.Bytes()), Limits{})
			if err != nil {
				b.Fatal(err)
			}
			if err := use(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("decompressor alone", func(b *testing.B) {
		buf := make([]byte, chunkSize)
		read(b, func(r io.Reader) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buf)
			return err
		})
	})
	for _, jobs := range []int{1, 2} {
		b.Run(fmt.Sprintf("scan/jobs=%d", jobs), func(b *testing.B) {
			read(b, func(r io.Reader) error {
				_, err := Scan(context.Background(), "f", r, Options{Jobs: jobs})
				return err
			})
		})
	}
}
