package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
)

// Problem is everything wrong of one rule at one path, over all output files of an export.
type Problem struct {
	Rule, Path string
	Severity   resource.Severity
	Count      int64
	Files      int              // in which it occurs
	First      []ndjson.Finding // a few, in the order of the manifest
	files      []int            // of First
}

// Bounds of what is kept of problems, however many files there are. Names of unknown elements are the sender's to
// choose, so paths beyond the bound are put together.
const (
	maxProblems   = 2000
	problemSample = 5
	otherPath     = "…"
)

// problemTally puts the problems of all files together. The outcome does not depend on which file is read first, unless
// there are more than maxProblems.
type problemTally struct {
	mu    sync.Mutex
	byKey map[problemKey]*Problem
}

type problemKey struct {
	rule, path string
	severity   resource.Severity
}

func (t *problemTally) add(file int, g ndjson.Group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKey == nil {
		t.byKey = map[problemKey]*Problem{}
	}
	k := problemKey{g.Rule, g.Path, g.Severity}
	p := t.byKey[k]
	if p == nil && len(t.byKey) >= maxProblems {
		k.path = otherPath
		p = t.byKey[k]
	}
	if p == nil {
		p = &Problem{Rule: k.rule, Path: k.path, Severity: k.severity}
		t.byKey[k] = p
	}
	p.Count += g.Count
	p.Files++
	for _, f := range g.First {
		at, _ := slices.BinarySearch(p.files, file+1) // behind those of the same file
		if at >= problemSample {
			break
		}
		p.files = slices.Insert(p.files, at, file)
		p.First = slices.Insert(p.First, at, f)
		if len(p.files) > problemSample {
			p.files, p.First = p.files[:problemSample], p.First[:problemSample]
		}
	}
}

func (t *problemTally) sorted() []Problem {
	list := make([]Problem, 0, len(t.byKey))
	for _, p := range t.byKey {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Problem) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Path, b.Path))
	})
	return list
}

// Place points evidence at the first place of a problem and says in a sentence what it is and how often it occurs.
func (fs *FileSet) Place(p Problem) (Evidence, string) {
	at := Evidence{}
	text := "a problem of the kind " + p.Rule
	if len(p.First) > 0 {
		first := p.First[0]
		for _, f := range fs.Files {
			if f.Item.Name() == first.File {
				at = f.At()
				break
			}
		}
		at.File, at.Line, at.Offset, at.Pointer = first.File, first.Line, first.LineOffset, first.Pointer
		text = fmt.Sprintf("%s, line %d", first.File, first.Line)
		if p.Path != "" {
			text += ", " + p.Path
		}
		text += ": " + strings.TrimSuffix(first.Message, ".")
	}
	if p.Count > 1 {
		text += fmt.Sprintf(" (%s, %d times in %d files)", p.Rule, p.Count, p.Files)
	} else {
		text += " (" + p.Rule + ")"
	}
	return at, text
}
