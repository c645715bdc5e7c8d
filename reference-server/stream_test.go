package refserver

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// countingWriter is a ResponseWriter that keeps nothing but a count, and watches the heap.
type countingWriter struct {
	header http.Header
	status int
	n      int64
	peak   uint64
}

func (w *countingWriter) Header() http.Header { return w.header }
func (w *countingWriter) WriteHeader(s int)   { w.status = s }
func (w *countingWriter) Write(p []byte) (int, error) {
	if w.n>>22 != (w.n+int64(len(p)))>>22 { // every 4 MiB
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.peak = max(w.peak, m.HeapAlloc)
	}
	w.n += int64(len(p))
	return len(p), nil
}

// download serves a request without a network.
func download(s *Server, target string) *countingWriter {
	w := &countingWriter{header: http.Header{}}
	s.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

func completeJob(tb testing.TB, s *Server, query string) *job {
	tb.Helper()
	w := download(s, mount+query)
	if w.status != http.StatusAccepted {
		tb.Fatalf("kick-off: %d", w.status)
	}
	jobs := s.jobs.list()
	j := jobs[len(jobs)-1]
	j.wait(context.Background())
	if j.planErr != nil {
		tb.Fatal(j.planErr)
	}
	j.mu.Lock()
	j.completed = s.now()
	j.mu.Unlock()
	return j
}

// Memory must not grow with the number of patients: a file of a large set is sent in the same space as
// one of a small set.
func TestMemoryDoesNotGrowWithThePatients(t *testing.T) {
	if testing.Short() {
		t.Skip("generates some hundred MiB")
	}
	peak := func(patients int) uint64 {
		s, err := New(Config{Patients: patients, BaseURL: "http://x.example", ResourcesPerFile: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		j := completeJob(t, s, "/$export?_since=2019-01-01T00:00:00Z&_type=Observation")
		runtime.GC()
		w := download(s, mount+shelfPath+j.ticket+"/o01")
		if w.status != 200 || w.n < int64(patients)*10*500 {
			t.Fatalf("%d, %d bytes", w.status, w.n)
		}
		return w.peak
	}
	small, large := peak(500), peak(8000)
	if large > small+32<<20 {
		t.Errorf("peak heap %d KiB with 500 patients, %d KiB with 8,000", small>>10, large>>10)
	}
}

// BenchmarkExport generates a whole system export of 20,000 patients without a network.
func BenchmarkExport(b *testing.B) {
	s, err := New(Config{Patients: 20_000, BaseURL: "http://x.example"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		start := time.Now()
		j := completeJob(b, s, "/$export")
		b.ReportMetric(time.Since(start).Seconds(), "plan-s")
		var bytes, lines int64
		var peak uint64
		for i, p := range j.plan.output {
			w := download(s, mount+shelfPath+j.ticket+"/"+fileName(OutputFile, i))
			bytes, lines, peak = bytes+w.n, lines+int64(p.lines), max(peak, w.peak)
		}
		b.SetBytes(bytes)
		b.ReportMetric(float64(lines), "resources")
		b.ReportMetric(float64(peak>>20), "peak-MiB")
	}
}

// BenchmarkOrganize plans and generates the first file of blocks for 20,000 patients.
func BenchmarkOrganize(b *testing.B) {
	s, err := New(Config{Patients: 20_000, BaseURL: "http://x.example"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		j := completeJob(b, s, "/Patient/$export?organizeOutputBy=Patient")
		if err := j.writeFile(context.Background(), io.Discard, j.plan.output[0]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGroup plans the export of a group of two among 20,000 patients.
func BenchmarkGroup(b *testing.B) {
	s, err := New(Config{Patients: 20_000, BaseURL: "http://x.example"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		completeJob(b, s, "/Group/few/$export")
	}
}
