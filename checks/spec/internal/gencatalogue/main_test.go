package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const catalogue = "../../catalogue"

// The embedded files are what go generate makes of the YAML source: an edit of either alone fails here.
func TestRegeneratingChangesNothing(t *testing.T) {
	files, err := encode(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	present, err := filepath.Glob(filepath.Join(catalogue, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(present) != len(files) {
		t.Errorf("%d files are embedded, %d are generated: %v", len(present), len(files), present)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(catalogue, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the YAML files say: run go generate in checks/spec", name)
		}
	}
	again, err := encode(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !bytes.Equal(files[name], again[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(catalogue)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "3.0.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "3.0.0.json")); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "3.0.0.json"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("3.0.0.json was not written anew as it was: %v", err)
	}

	stale := filepath.Join(dir, "9.9.9.json")
	if err := os.WriteFile(stale, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir); err == nil || !strings.Contains(err.Error(), "9.9.9.json") {
		t.Errorf("a file of no version: %v", err)
	}
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "token.yaml"), []byte("- id: TOKEN-001\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "3.0.0.json"), 0); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir); err == nil || !strings.Contains(err.Error(), "token.yaml:1: TOKEN-001") {
		t.Errorf("a broken source: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "3.0.0.json")); err != nil || len(data) != 0 {
		t.Error("a broken source must leave the files as they are")
	}
}
