package reporters

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bulkproof/bulkproof/reporters/html"
	"github.com/bulkproof/bulkproof/reporters/jsonreport"
	"github.com/bulkproof/bulkproof/reporters/junit"
)

// Writer turns a finished Report into one file.
type Writer struct {
	Name  string // as the user selects it: "json"
	File  string // "report.json"
	About string // what it is for, for help texts
	Write func(io.Writer, *Report) error
}

// Writers returns the writers in the order in which their files are named to the user. A new writer is one
// package and one line here.
func Writers() []Writer {
	return []Writer{
		{"html", "report.html", "for people: one self-contained page", html.Write},
		{"json", "report.json", "the form of record, versioned, with a JSON Schema", jsonreport.Write},
		{"junit", "junit.xml", "for CI systems", junit.Write},
	}
}

// Select returns the writers of the given names, in the order of Writers and each once; all of them when names
// is empty. It errs on a name that no writer has.
func Select(names []string) ([]Writer, error) {
	all := Writers()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(w Writer) bool { return w.Name == name }) {
			known := make([]string, len(all))
			for i, w := range all {
				known[i] = w.Name
			}
			return nil, fmt.Errorf("unknown report format %q: choose from %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(w Writer) bool { return !slices.Contains(names, w.Name) }), nil
}

// Paths returns the files that WriteAll writes for the same arguments, in order. It errs as Select does.
func Paths(dir string, names []string) ([]string, error) {
	writers, err := Select(names)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(writers))
	for i, w := range writers {
		paths[i] = filepath.Join(dir, w.File)
	}
	return paths, nil
}

// WriteAll seals a copy of the report and writes it in every named format (all formats when names is empty) into
// dir, which it creates if needed. Each file appears whole or not at all: an older file of the same name stays
// until the new one is complete. A format that cannot be written does not keep the others from being written;
// the errors of all are joined, each saying which file, why and what to do.
func WriteAll(dir string, r *Report, names []string) error {
	writers, err := Select(names)
	if err != nil {
		return err
	}
	sealed := *r
	if err := Seal(&sealed); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return explain("create the report folder", dir, err)
	}
	var errs []error
	for _, w := range writers {
		path := filepath.Join(dir, w.File)
		if err := writeFile(path, func(out io.Writer) error { return w.Write(out, &sealed) }); err != nil {
			errs = append(errs, explain("write the "+w.Name+" report", path, err))
		}
	}
	return errors.Join(errs...)
}

// writeFile writes path through a temporary file beside it, so that no reader and no crash ever sees half a
// report. Permissions follow the umask, as for any file a tool writes; os.CreateTemp would leave 0600, which
// keeps a CI system's collector out.
func writeFile(path string, write func(io.Writer) error) (err error) {
	temp := path + "." + rand.Text() + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err // a full disk may show only here
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// explain says what happened to which path and what to try.
func explain(doing, path string, err error) error {
	advice := "check the path, or choose another folder"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = "the disk is full or the quota is used up: free some space, or choose a folder on another disk"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		advice = "a part of the path is a file where a folder is needed: choose another folder, or remove that file"
	case errors.Is(err, syscall.EISDIR):
		advice = "there is a folder of this name: remove it, or choose another folder"
	case errors.Is(err, os.ErrPermission):
		advice = "no permission: choose a folder you may write to, or change its permissions"
	case errors.Is(err, syscall.EROFS):
		advice = "the file system is read-only: choose a folder elsewhere"
	}
	// The operating system's error repeats the path, of the temporary file at that.
	cause := err
	var pathErr *os.PathError
	var linkErr *os.LinkError
	if errors.As(err, &pathErr) {
		cause = pathErr.Err
	} else if errors.As(err, &linkErr) {
		cause = linkErr.Err
	}
	return &writeError{text: fmt.Sprintf("cannot %s %s: %v (%s)", doing, path, cause, advice), err: err}
}

// writeError keeps the operating system's error for errors.Is while saying it better.
type writeError struct {
	text string
	err  error
}

func (e *writeError) Error() string { return e.text }
func (e *writeError) Unwrap() error { return e.err }
