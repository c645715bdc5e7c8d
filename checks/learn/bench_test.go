package learn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/session"
)

// generate writes n Observations of n/50 patients, after those.
func generate(w io.Writer, n int) {
	b := bufio.NewWriterSize(w, 1<<16)
	defer b.Flush()
	patients := max(1, n/50)
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		when := at.Add(time.Duration(i%100_000_000) * time.Second).Format(time.RFC3339)
		if i < patients {
			fmt.Fprintf(b, `{"resourceType":"Patient","id":"p%d","meta":{"lastUpdated":"%s"},"gender":"female","birthDate":"1980-05-01"}`+"\n", i, when)
			continue
		}
		fmt.Fprintf(b, `{"resourceType":"Observation","id":"o%d","meta":{"versionId":"1","lastUpdated":"%s"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/p%d"},"encounter":{"reference":"Encounter/e%d"},"performer":[{"reference":"Practitioner/d%d"}],"effectiveDateTime":"2021-05-01T10:00:00Z","valueQuantity":{"value":13.2,"unit":"g/dL"}}`+"\n", i, when, i%patients, i%(patients*4), i%1000)
	}
}

// peak returns the largest resident set of this process so far, in MiB; 0 where the system does not tell.
func peak() int {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(l, "VmHWM:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n / 1024
		}
	}
	return 0
}

// BenchmarkLearn learns from generated resources and passes over them three times, twice with everything.
// BULKPROOF_LEARN sets their number.
func BenchmarkLearn(b *testing.B) {
	n := 100_000
	if v, err := strconv.Atoi(os.Getenv("BULKPROOF_LEARN")); err == nil {
		n = v
	}
	for range b.N {
		d := newData(&session.Session{}, &session.Export{}, newVocabulary())
		it := session.Item{Kind: "output", Type: "Observation"}
		line, end := d.File(0, it)
		r, w := io.Pipe()
		go func() { generate(w, n); w.Close() }()
		started := time.Now()
		sum, err := ndjson.Scan(context.Background(), "f", r, ndjson.Options{Jobs: 1, OnLine: line})
		if err != nil {
			b.Fatal(err)
		}
		end()
		d.Done(&session.FileSet{Files: []*session.File{{Item: it, Read: true}}})
		learned := time.Since(started)
		seen := 0
		for _, with := range []Parts{0, Patients | Refs | Witnesses, Patients | Refs | Witnesses} {
			if err := d.Each(with, func(*Entry) { seen++ }); err != nil {
				b.Fatal(err)
			}
		}
		if seen != 3*n || d.Resources != int64(n) {
			b.Fatalf("%d resources learned, %d seen, of %d", d.Resources, seen, n)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(sum.Bytes)/1e6/learned.Seconds(), "MB/s")
		b.ReportMetric(float64(peak()), "MiB-peak")
		b.ReportMetric(float64(d.rows.end+d.edges.end+d.members.end+d.witnesses.end)/float64(n), "disk-bytes/resource")
		d.close()
	}
}
