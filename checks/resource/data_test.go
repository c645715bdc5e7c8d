package resource

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// sharedData is where reference data lies that is no part of the product; tests that need it are skipped without.
const sharedData = "../../../shared/data"

// eachLine calls f with every line of a file of the reference data, and its number from 1.
func eachLine(t testing.TB, name string, f func(number int, line []byte)) {
	t.Helper()
	file, err := os.Open(filepath.Join(sharedData, name))
	if err != nil {
		t.Skip("the reference data is not here")
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<28)
	for n := 1; scanner.Scan(); n++ {
		f(n, scanner.Bytes())
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
}

func definitionsFor(t testing.TB, version string) *Definitions {
	t.Helper()
	d, err := For(version)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func describe(p Problem) string {
	return strings.TrimRight(fmt.Sprintf("%s %s %s %d %s %s", p.Severity, p.Rule, p.Pointer, p.Offset, p.Message, p.Value), " ")
}
