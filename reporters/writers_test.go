package reporters

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestWriteAllGolden(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	if err := WriteAll(dir, reporttest.Sample(), nil); err != nil {
		t.Fatal(err)
	}
	for _, w := range Writers() {
		got, err := os.ReadFile(filepath.Join(dir, w.File))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", w.File)
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s; look at the difference, then go test ./reporters -update", w.File, golden)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(Writers()) {
		t.Errorf("the folder holds %v, want the reports and nothing else", entries)
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(data); err != nil {
		t.Errorf("the report that was written does not verify: %v", err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte(r.Digest)) {
		t.Error("the page does not carry the report's digest")
	}
}

func TestWriteAllLeavesTheReportAlone(t *testing.T) {
	r := reporttest.Sample()
	if err := WriteAll(t.TempDir(), r, nil); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, reporttest.Sample()) {
		t.Error("writing changed the report")
	}
}

func TestSelectAndPaths(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, "d/report.html d/report.json d/junit.xml"},
		{[]string{}, "d/report.html d/report.json d/junit.xml"},
		{[]string{"junit", "json", "junit"}, "d/report.json d/junit.xml"},
	} {
		paths, err := Paths("d", c.names)
		if got := filepath.ToSlash(strings.Join(paths, " ")); err != nil || got != c.want {
			t.Errorf("Paths(%q) = %q, %v; want %q", c.names, got, err, c.want)
		}
	}
	dir := filepath.Join(t.TempDir(), "d")
	err := WriteAll(dir, reporttest.Sample(), []string{"json", "pdf"})
	if err == nil || err.Error() != `unknown report format "pdf": choose from html, json, junit` {
		t.Errorf("an unknown format gives %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written in spite of an unknown format")
	}
}

func TestWriteAllFails(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		err := WriteAll(dir, reporttest.Sample(), nil)
		if !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), "choose another folder, or remove that file") ||
			!strings.Contains(err.Error(), dir) {
			t.Errorf("a file in the place of the folder gives %v", err)
		}
	}
	// One format that cannot be written keeps no other from being written.
	dir := filepath.Join(base, "dir")
	if err := os.MkdirAll(filepath.Join(dir, "report.json", "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	err := WriteAll(dir, reporttest.Sample(), nil)
	if err == nil || !strings.Contains(err.Error(), "cannot write the json report") || strings.Contains(err.Error(), "junit") || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("a folder in the place of report.json gives %v", err)
	}
	for _, f := range []string{"report.html", "junit.xml"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			t.Errorf("%s is missing: %v", f, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	if os.Geteuid() == 0 {
		t.Log("root may write anywhere: the case without permission is not tried")
		return
	}
	closed := filepath.Join(base, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := WriteAll(closed, reporttest.Sample(), nil); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("a folder without permission gives %v", err)
	}
}

func TestWriteFileIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, []byte("the older one"), 0o666); err != nil {
		t.Fatal(err)
	}
	// As a disk that fills up half-way: writes go through a buffer, so more than fits it.
	err := writeFile(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return &os.PathError{Op: "write", Path: path + ".tmp", Err: syscall.ENOSPC}
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the error is lost: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "the older one" {
		t.Errorf("the older report is gone: %q, %v", data, err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.ENOSPC, "cannot write the json report out/report.json: no space left on device (the disk is full or the quota is used up: free some space, or choose a folder on another disk)"},
		{syscall.EDQUOT, "the disk is full or the quota is used up"},
		{syscall.EACCES, "cannot write the json report out/report.json: permission denied (no permission: choose a folder you may write to, or change its permissions)"},
		{syscall.EPERM, "no permission"},
		{syscall.EROFS, "the file system is read-only"},
		{syscall.ENOTDIR, "a part of the path is a file"},
		{syscall.EISDIR, "there is a folder of this name"},
		{syscall.EIO, "input/output error (check the path, or choose another folder)"},
	} {
		err := explain("write the json report", "out/report.json", &os.PathError{Op: "open", Path: "out/report.json.77.tmp", Err: c.err})
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ".tmp") || !errors.Is(err, c.err) {
			t.Errorf("explain(%v) = %q, want %q in it", c.err, err, c.want)
		}
	}
}
