package jsonreport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

func TestMarshal(t *testing.T) {
	first, err := Marshal(reporttest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	second, err := Marshal(reporttest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("equal reports give different bytes")
	}
	if !json.Valid(first) || !bytes.HasSuffix(first, []byte("}\n")) || !bytes.HasPrefix(first, []byte("{\n  \"schemaVersion\": \"1.1\",\n")) {
		t.Errorf("unexpected form: %.60q … %q", first, first[len(first)-5:])
	}
	// Another library agrees on what it says.
	var other model.Report
	if err := json.Unmarshal(first, &other); err != nil {
		t.Fatal(err)
	}
	third, err := Marshal(&other)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, third) {
		t.Error("read by encoding/json, it is another report")
	}
	if strings.Contains(string(first), "null") {
		t.Error("a list is null")
	}
}

func TestTimeOutsideRFC3339(t *testing.T) {
	r := reporttest.Sample()
	r.Started = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := Write(io.Discard, r); err == nil || !strings.Contains(err.Error(), "encode the report as JSON") {
		t.Errorf("the year 12000 gives %v", err)
	}
}

func TestBrokenWriter(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := Write(w, reporttest.Sample()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken writer gives %v", err)
	}
}
