package ndjson

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// Bounds of what is kept of findings, however many there are and however long their texts.
const (
	keptText  = 512     // bytes of a pointer, path, message or value
	keptBytes = 8 << 20 // of all texts together
	otherPath = "…"
)

type groupKey struct {
	rule, path string
	severity   resource.Severity
}

// tally groups findings by rule and path.
type tally struct {
	max       int
	byKey     map[groupKey]*Group
	last      *Group
	count     [3]int64 // by severity
	bytes     int
	truncated bool
}

func newTally(maxFindings int) tally {
	return tally{max: maxFindings, byKey: make(map[groupKey]*Group)}
}

// add counts a finding and keeps it if it is among the first of its group.
func (t *tally) add(f *Finding) {
	g := t.group(groupKey{f.Rule, f.Path, f.Severity})
	g.Count++
	t.count[min(f.Severity, resource.Error)]++
	t.keep(g, f)
}

func (t *tally) keep(g *Group, f *Finding) {
	size := len(f.Pointer) + len(f.Message) + len(f.Value) + 96
	if len(g.First) >= t.max || t.bytes+size > keptBytes && len(g.First) > 0 {
		return
	}
	t.bytes += size
	kept := *f
	kept.Pointer, kept.Path, kept.Message, kept.Value = shorten(f.Pointer), g.Path, shorten(f.Message), shorten(f.Value)
	g.First = append(g.First, kept)
}

func (t *tally) group(k groupKey) *Group {
	if g := t.last; g != nil && g.Rule == k.rule && g.Path == k.path && g.Severity == k.severity {
		return g
	}
	k.path = shorten(k.path)
	g := t.byKey[k]
	if g == nil {
		if len(t.byKey) >= maxGroups && k.path != otherPath {
			t.truncated = true
			return t.group(groupKey{k.rule, otherPath, k.severity})
		}
		k.path = strings.Clone(k.path)
		g = &Group{Rule: k.rule, Path: k.path, Severity: k.severity}
		t.byKey[k] = g
	}
	t.last = g
	return g
}

// merge adds the groups of another scan.
func (t *tally) merge(groups []Group, truncated bool) {
	t.truncated = t.truncated || truncated
	for i := range groups {
		g := t.group(groupKey{groups[i].Rule, groups[i].Path, groups[i].Severity})
		g.Count += groups[i].Count
		t.count[min(g.Severity, resource.Error)] += groups[i].Count
		for k := range groups[i].First {
			t.keep(g, &groups[i].First[k])
		}
	}
}

// groups returns the groups: errors first, then by rule and path.
func (t *tally) groups() ([]Group, bool) {
	list := make([]Group, 0, len(t.byKey))
	for _, g := range t.byKey {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Path, b.Path))
	})
	return list, t.truncated
}

// shorten cuts s so that it is short and holds no memory of a long line.
func shorten(s string) string {
	if len(s) <= keptText {
		return s
	}
	return strings.ToValidUTF8(s[:keptText], "") + "…"
}
