package selftest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// findingSites learns which calls of Violates and Warns find something while the matrix runs.
type findingSites struct {
	mu   sync.Mutex
	seen map[string]bool // "kickoff/accepted.go:42"
	runs int             // versions whose matrix was run
}

func newSites() *findingSites { return &findingSites{seen: map[string]bool{}} }

func (f *findingSites) note(file string, line int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[site(file, line)] = true
}

// judge complains about every line that can record a finding and that no fault made record one: what never ran was never
// seen to work.
func (f *findingSites) judge(t *testing.T) {
	t.Helper()
	all := allSites(t)
	missing := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return f.seen[s] })
	t.Logf("%d of %d lines that record findings are executed by faults", len(all)-len(missing), len(all))
	left := maps.Clone(unseen)
	for _, s := range missing {
		if area := path.Dir(s); left[area] > 0 {
			left[area]--
			t.Logf("no fault makes checks/%s record a finding; to be done", s)
			continue
		}
		t.Errorf("no fault makes checks/%s record a finding", s)
	}
}

// unseen is how many lines of an area may still be without a fault. The numbers are to go down, and none is to be added.
var unseen = map[string]int{}

// site names a line of a source file from its area on.
func site(file string, line int) string {
	return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
}

func isT(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == "t"
}

// allSites returns the calls of Violates and Warns in the areas' packages, sorted.
func allSites(t *testing.T) []string {
	t.Helper()
	var out []string
	root := filepath.Join("..", "..", "checks")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || filepath.Dir(name) == root {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				// A check's T is named t everywhere; what has methods of the same names calls those of t.
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Violates" || sel.Sel.Name == "Warns") && isT(sel.X) {
					p := fset.Position(sel.Sel.Pos())
					out = append(out, site(p.Filename, p.Line))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
