package session

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// keeper stores what is read of output, error and deleted files, decompressed, for who wants to look at them. It is for
// the user's eyes: only the owner may read what it writes. A disk that fails costs what was to be kept, never a verdict.
type keeper struct {
	root *os.Root

	mu      sync.Mutex
	folders map[string]bool
	err     error // the first; nothing more is kept after it
}

// partial ends the name of a file whose content did not come to its end.
const partial = ".part"

// newKeeper makes the folder. It has to be new or empty, so that what lies in it afterwards is of this run.
func newKeeper(dir string) (*keeper, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder to keep files in cannot be made: %w", err)
	}
	if list, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("the folder to keep files in cannot be read: %w", err)
	} else if len(list) > 0 {
		return nil, fmt.Errorf("the folder to keep files in, %s, is not empty; name a new one", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the folder to keep files in cannot be opened: %w", err)
	}
	return &keeper{root: root, folders: map[string]bool{}}, nil
}

// folder makes the folder of an export: "system-get-type-patient". A nil keeper has none.
func (k *keeper) folder(ex *Export) string {
	if k == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	base := plainName(ex.Scenario.String(), 80)
	name := base
	for n := 2; k.folders[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	k.folders[name] = true
	if err := k.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		k.fail(err)
	}
	return name
}

func (k *keeper) fail(err error) {
	if k.err == nil {
		k.err = err
	}
}

// problem says what was not kept, "" if everything was.
func (k *keeper) problem() string {
	if k == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		return ""
	}
	return fmt.Sprintf("not all files could be kept: %v", k.err)
}

// keeping is one file while it is written.
type keeping struct {
	k    *keeper
	name string // without partial
	f    *os.File
	w    *bufio.Writer
}

// open begins the i-th file of an export's manifest: "output-0003-Patient.ndjson". It returns nil, into which may be
// written, if nothing is to be kept.
func (k *keeper) open(folder string, i int, it Item) *keeping {
	if k == nil || folder == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil
	}
	name := fmt.Sprintf("%s-%04d", plainName(it.Kind, 16), i)
	if typ := safeType(it.Type); typ != "" {
		name += "-" + typ
	}
	name = filepath.Join(folder, name+".ndjson")
	f, err := k.root.OpenFile(name+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		k.fail(err)
		return nil
	}
	return &keeping{k: k, name: name, f: f, w: bufio.NewWriterSize(f, 64<<10)}
}

// tee returns a reader that keeps what is read from r.
func (p *keeping) tee(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return io.TeeReader(r, p)
}

// Write never fails: the judge behind it goes on.
func (p *keeping) Write(b []byte) (int, error) {
	if p.w != nil {
		if _, err := p.w.Write(b); err != nil {
			p.drop(err)
		}
	}
	return len(b), nil
}

func (p *keeping) drop(err error) {
	p.w = nil
	p.k.mu.Lock()
	p.k.fail(err)
	p.k.mu.Unlock()
}

// close ends the file; whole tells whether its content came to its end.
func (p *keeping) close(whole bool) {
	if p == nil {
		return
	}
	if p.w != nil {
		if err := p.w.Flush(); err != nil {
			p.drop(err)
		}
	}
	if err := p.f.Close(); err != nil && p.w != nil {
		p.drop(err)
	}
	if p.w == nil || !whole {
		return
	}
	if err := p.k.root.Rename(p.name+partial, p.name); err != nil {
		p.drop(err)
	}
}

// plainName makes a file name of a text: lower case letters, digits and single dashes.
func plainName(s string, most int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if n := b.Len(); n > 0 && b.String()[n-1] != '-' {
			b.WriteByte('-')
		}
		if b.Len() >= most {
			break
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "unnamed"
}

// safeType returns a resource type as it may stand in a file name, "" if what the manifest says is no name of a type.
func safeType(typ string) string {
	if len(typ) > 64 {
		return ""
	}
	for _, r := range typ {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return ""
		}
	}
	return typ
}
