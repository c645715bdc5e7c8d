package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
)

// streamFiles is into how many output files the stream is divided.
const streamFiles = 4

// streamed is one resource of about 1.2 kB. Each # of the id becomes a digit.
const streamed = `{"resourceType":"Observation","id":"##########","meta":{"versionId":"1","lastUpdated":"2024-03-14T05:56:03.028Z"},"status":"final",` +
	`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}],"text":"Vital Signs"}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"59408-5","display":"Oxygen saturation in Arterial blood by Pulse oximetry"},` +
	`{"system":"http://loinc.org","code":"2708-6","display":"Oxygen saturation in Arterial blood"}],"text":"Oxygen saturation in Arterial blood by Pulse oximetry"},` +
	`"subject":{"reference":"Patient/pt-m6r.d3w"},"encounter":{"reference":"Encounter/v.x5p-q3k"},"effectiveDateTime":"2021-04-25T19:01:00Z",` +
	`"issued":"2021-04-25T23:07:41.000Z","performer":[{"reference":"Practitioner/8sp.sDh-dr"},{"reference":"Organization/org.q28-cpR"}],` +
	`"valueQuantity":{"value":90,"unit":"%","system":"http://unitsofmeasure.org","code":"%"},"note":[{"text":"Synthetic, made up for a benchmark. It describes nobody."}]}` + "\n"

// writeStream writes count resources with ids from first on, without keeping more than a batch.
func writeStream(w io.Writer, first, count int64) {
	const batch = 200
	line := []byte(streamed)
	id := bytes.IndexByte(line, '#')
	all := bytes.Repeat(line, batch)
	for done := int64(0); done < count; {
		n := min(batch, count-done)
		for i := range n {
			at := all[int(i)*len(line)+id:]
			v := first + done + i
			for k := 9; k >= 0; k-- {
				at[k] = byte('0' + v%10)
				v /= 10
			}
		}
		if _, err := w.Write(all[:int(n)*len(line)]); err != nil {
			return
		}
		done += n
	}
}

// streamTarget is an open server whose one export has about size bytes, made while they are sent.
func streamTarget(size int64) *httptest.Server {
	each := max(size/int64(len(streamed))/streamFiles, 1)
	var base string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		fmt.Fprint(w, `{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","rest":[{"mode":"server","operation":[{"name":"export",`+
			`"definition":"http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}]}]}`)
	})
	mux.HandleFunc("GET /$export", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Location", base+"/job")
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /job", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var items []string
		for i := range streamFiles {
			items = append(items, fmt.Sprintf(`{"type":"Observation","url":"%s/file/%d","count":%d}`, base, i, each))
		}
		fmt.Fprintf(w, `{"transactionTime":"2025-01-01T00:00:00Z","request":"%s/$export","requiresAccessToken":false,"output":[%s],"error":[]}`, base, strings.Join(items, ","))
	})
	mux.HandleFunc("GET /file/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.PathValue("n"), 10, 64)
		w.Header().Set("Content-Type", "application/fhir+ndjson")
		writeStream(w, n*each, each)
	})
	s := httptest.NewServer(mux)
	base = s.URL
	return s
}

// judgeStream reads and judges an export of about size bytes and returns what there was, in bytes and resources.
func judgeStream(tb testing.TB, size int64) (read, resources int64) {
	tb.Helper()
	target := streamTarget(size)
	defer target.Close()
	ctx := context.Background()
	s, err := session.Open(ctx, session.Config{BaseURL: target.URL, Clock: &session.SkipClock{}})
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close(ctx)
	ex := s.Export(session.Baseline)
	if ex.State != session.Completed {
		tb.Fatalf("the export ended as %s: %s", ex.State, ex.Reason)
	}
	set := s.Files(ex)
	for _, f := range set.Files {
		if !f.Read || f.Summary.Lines != *f.Item.Count {
			tb.Fatalf("%s: %d of %d lines were read: %s", f.Item.Name(), f.Summary.Lines, *f.Item.Count, f.Reason)
		}
		read += f.Summary.Bytes
	}
	if len(set.Problems) > 0 || len(set.Duplicates) > 0 || set.DuplicatesErr != nil || set.Definitions != "4.0.1" {
		tb.Fatalf("definitions %q, problems %v, duplicates %v (%v); none are there", set.Definitions, set.Problems, set.Duplicates, set.DuplicatesErr)
	}
	return read, set.Resources()
}

// peakMemory returns the most memory that this process has had in use, in bytes; 0 where the system does not tell.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// maxPeak is the memory in which an export of any size has to be judged. The server of the stream lives in it as well.
const maxPeak = 200_000_000

// An export is judged as it streams by: in full, and in memory that does not grow with it.
func TestStreamIsJudgedInBoundedMemory(t *testing.T) {
	const size = 48 << 20
	read, n := judgeStream(t, size)
	if read < size*9/10 || n < 1000 {
		t.Errorf("%d bytes with %d resources were judged; about %d bytes were sent", read, n, size)
	}
	if peak := peakMemory(); peak > maxPeak {
		t.Errorf("the process has used %d MB; it may use %d MB", peak/1_000_000, maxPeak/1_000_000)
	}
}

// BenchmarkJudgeStream judges a stream whose size BULKPROOF_STREAM_BYTES says, 256 MB by default, with all that a run does
// on every line: JSON, FHIR R4, uniqueness of type and id, attachments. The peak is that of the whole process, server
// included:
//
//	BULKPROOF_STREAM_BYTES=5000000000 go test ./checks/session -run '^$' -bench JudgeStream -benchtime 1x
func BenchmarkJudgeStream(b *testing.B) {
	size := int64(256_000_000)
	if v := os.Getenv("BULKPROOF_STREAM_BYTES"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n <= 0 {
			b.Fatalf("BULKPROOF_STREAM_BYTES is %q, a number of bytes was expected", v)
		}
		size = n
	}
	b.SetBytes(size)
	var n int64
	began := time.Now()
	for range b.N {
		_, n = judgeStream(b, size)
	}
	b.ReportMetric(float64(n)*float64(b.N)/time.Since(began).Seconds(), "resources/s")
	peak := peakMemory()
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
	if peak > maxPeak {
		b.Errorf("the process has used %d MB; it may use %d MB", peak/1_000_000, maxPeak/1_000_000)
	}
}
