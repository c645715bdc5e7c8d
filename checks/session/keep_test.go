package session

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeeper(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	k, err := newKeeper(dir)
	if err != nil {
		t.Fatal(err)
	}
	ex := &Export{Scenario: Baseline.With("_type", "Patient,../../etc")}
	folder := k.folder(ex)
	if folder != "default-level-type-patient-etc-baseline" {
		t.Errorf("the folder is %q", folder)
	}
	if again := k.folder(ex); again == folder {
		t.Error("two exports share a folder")
	}
	keep := func(i int, it Item, text string, whole bool) {
		p := k.open(folder, i, it)
		b, err := io.ReadAll(p.tee(strings.NewReader(text)))
		if string(b) != text || err != nil {
			t.Errorf("%q came through, %v", b, err)
		}
		p.close(whole)
	}
	keep(0, Item{Kind: "output", Type: "Patient"}, "whole\n", true)
	keep(1, Item{Kind: "output", Type: "../../../Patient"}, "hostile\n", true)
	keep(2, Item{Kind: "error", Type: "OperationOutcome"}, "cut", false)
	for name, want := range map[string]string{"output-0000-Patient.ndjson": "whole\n", "output-0001.ndjson": "hostile\n", "error-0002-OperationOutcome.ndjson.part": "cut"} {
		if b, err := os.ReadFile(filepath.Join(dir, folder, name)); string(b) != want {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
		if i, err := os.Stat(filepath.Join(dir, folder, name)); err == nil && i.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", name, i.Mode())
		}
	}
	if p := k.problem(); p != "" {
		t.Error(p)
	}

	// What lies there already is not mixed with what comes.
	if _, err := newKeeper(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder in use: %v", err)
	}
	if _, err := newKeeper(filepath.Join(dir, folder, "output-0000-Patient.ndjson")); err == nil {
		t.Error("a file passes for a folder")
	}

	// A disk that fails costs what was to be kept, and is told.
	p := k.open(folder, 3, Item{Kind: "output", Type: "Patient"})
	p.f.Close()
	if b, err := io.ReadAll(p.tee(strings.NewReader(strings.Repeat("x", 1<<20)))); len(b) != 1<<20 || err != nil {
		t.Errorf("%d bytes came through, %v", len(b), err)
	}
	p.close(true)
	if got := k.problem(); !strings.Contains(got, "not all files could be kept") {
		t.Errorf("the problem is %q", got)
	}
	if k.open(folder, 4, Item{Kind: "output"}) != nil {
		t.Error("after a failure more is kept")
	}
	if _, err := os.Stat(filepath.Join(dir, folder, "output-0003-Patient.ndjson")); err == nil {
		t.Error("a file that could not be written passes for whole")
	}

	var none *keeper
	if none.open(none.folder(ex), 0, Item{}).tee(nil) != nil || none.problem() != "" {
		t.Error("without a folder something is kept")
	}
	none.open("", 0, Item{}).close(true)
}
