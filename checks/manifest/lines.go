package manifest

import (
	"bytes"
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// maxLineFiles bounds the error files of one export that are read whole.
const maxLineFiles = 10

// lineFile is an error file, read whole: they are small next to the data.
type lineFile struct {
	export   *session.Export
	item     session.Item
	response *session.Response
	reason   string // why it was not read; "" otherwise
	lines    []line
}

type line struct {
	number int
	tree   any   // nil if the line is not JSON
	err    error // why not
}

// at points to a line of the file.
func (f *lineFile) at(number int) checks.Evidence {
	e := f.response.At()
	e.File, e.Line = f.item.Name(), int64(number)
	return e
}

// readLines fetches the files and decodes their lines strictly. Blank lines are left out.
func readLines(ctx context.Context, s *session.Session, ex *session.Export, items []session.Item) []*lineFile {
	var out []*lineFile
	c := s.Client("")
	for i, it := range items {
		if i == maxLineFiles {
			break
		}
		f := &lineFile{export: ex, item: it, response: &session.Response{}}
		out = append(out, f)
		if f.reason = s.WhyNotFetch(ex.Manifest, it); f.reason != "" {
			continue
		}
		f.response = c.Do(ctx, ex.Manifest.FileRequest(it))
		if !f.response.OK(200) {
			f.reason = "it was answered with " + f.response.Describe()
			continue
		}
		for n, text := range bytes.Split(f.response.Body, []byte("\n")) {
			if len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			l := line{number: n + 1}
			l.tree, l.err = session.DecodeJSON(text)
			f.lines = append(f.lines, l)
		}
	}
	return out
}
