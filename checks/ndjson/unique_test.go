package ndjson

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

func line(typ, id, more string) string {
	return fmt.Sprintf(`{"resourceType":%q,"id":%q%s}`+"\n", typ, id, more)
}

func report(t *testing.T, u *Unique) ([]Group, []Finding) {
	t.Helper()
	var all []Finding
	groups, err := u.Report(context.Background(), 0, func(f Finding) { all = append(all, f) })
	if err != nil {
		t.Fatal(err)
	}
	return groups, all
}

func scanInto(t *testing.T, u *Unique, file, data string, jobs int) {
	t.Helper()
	if _, err := Scan(context.Background(), file, strings.NewReader(data), Options{Jobs: jobs, Unique: u}); err != nil {
		t.Error(err)
	}
}

func TestDuplicatesOverFiles(t *testing.T) {
	u := NewUnique(t.TempDir(), 0)
	defer u.Close()
	scanInto(t, u, "1.ndjson", line("Patient", "a", "")+line("Patient", "b", "")+line("Group", "a", ""), 1)
	scanInto(t, u, "2.ndjson", "\n"+line("Patient", "b", "")+line("Patient", "a", `,"x":1`)+strings.TrimSuffix(line("Patient", "b", ""), "\n")+" \r\n", 2)
	groups, all := report(t, u)
	want := []string{
		"2.ndjson:2 /id: The line repeats 1.ndjson:2. 1 note ndjson.duplicate-identical Patient.id",
		"2.ndjson:3 /id: The resource has the type and id of 1.ndjson:1 and different content. 37 error ndjson.duplicate-id Patient.id",
		"2.ndjson:4 /id: The line repeats 1.ndjson:2. 79 note ndjson.duplicate-identical Patient.id",
	}
	var got []string
	for _, f := range all {
		got = append(got, fmt.Sprint(f, " ", f.Pos(), " ", f.Severity, " ", f.Rule, " ", f.Path))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(groups) != 2 || groups[0].Rule != RuleDuplicateID || groups[0].Count != 1 || groups[1].Count != 2 || len(groups[1].First) != 2 {
		t.Errorf("groups %+v", groups)
	}
	if _, again := report(t, u); !slices.Equal(again, all) {
		t.Error("a second report differs")
	}
}

func TestLinesWithoutTypeOrIDAreNoDuplicates(t *testing.T) {
	u := NewUnique("", 0)
	defer u.Close()
	scanInto(t, u, "f", `{"resourceType":"Patient"}`+"\n"+`{"resourceType":"Patient"}`+"\n"+`{"id":"a"}`+"\n"+`{"id":"a"}`+"\n[]\n[]\n", 1)
	if groups, _ := report(t, u); len(groups) != 0 {
		t.Errorf("groups %+v", groups)
	}
}

// TestUniqueOnDisk compares a Unique that is too small for its data with a map.
func TestUniqueOnDisk(t *testing.T) {
	dir := t.TempDir()
	u := NewUnique(dir, 0)
	u.mem = 64 << 10 // far below what NewUnique allows: buffers, table and sorted runs all overflow
	u.parts.limit = minPartition
	r := rand.New(rand.NewPCG(1, 1))
	type place struct {
		file, line int
		more       string
	}
	first := map[string]place{}
	var want []string
	for file := range 4 {
		var b strings.Builder
		for n := range 10000 {
			typ, id, more := []string{"Patient", "Group"}[r.IntN(2)], fmt.Sprint(r.IntN(60000)), ""
			if r.IntN(3) == 0 {
				more = `,"x":1`
			}
			if r.IntN(5000) == 0 {
				id = strings.Repeat("long", 100) // beyond what is kept as it is
			}
			b.WriteString(line(typ, id, more))
			if p, ok := first[typ+id]; !ok {
				first[typ+id] = place{file, n + 1, more}
			} else {
				want = append(want, fmt.Sprintf("f%d:%d f%d:%d %v", file, n+1, p.file, p.line, p.more == more))
			}
		}
		scanInto(t, u, fmt.Sprintf("f%d", file), b.String(), 1+file%2)
	}
	groups, all := report(t, u)
	var got []string
	for _, f := range all {
		words := strings.Fields(strings.NewReplacer(".", " ", "of", " ", "repeats", " ").Replace(f.Message))
		was := words[slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "f") })]
		got = append(got, fmt.Sprintf("%s:%d %s %v", f.File, f.Line, was, f.Rule == RuleDuplicateIdentical))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d duplicates, want %d; first %q, want %q", len(got), len(want), got[:min(3, len(got))], want[:3])
	}
	if u.parts.file == nil || len(groups) != 4 {
		t.Errorf("nothing was spilled, or groups are %d", len(groups))
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := u.Report(context.Background(), 0, nil); err == nil {
		t.Error("a report after Close succeeded")
	}
}

func TestHashCollisionsAreNoFalseAlarm(t *testing.T) {
	u := NewUnique("", 0)
	defer u.Close()
	var b uniqueBatch
	for i := range 50 {
		u.hash(&b, "Patient", fmt.Sprint(i%40), []byte("x"), int64(i+1), i)
	}
	for i := range b.entries {
		b.entries[i].hash = 7
	}
	u.add(u.begin("f"), 0, 0, &b)
	groups, all := report(t, u)
	if len(groups) != 1 || groups[0].Count != 10 || all[0].Line != 41 || !strings.Contains(all[0].Message, "f:1") {
		t.Errorf("%+v", groups)
	}
}

func TestConcurrentScansReportInExpectedOrder(t *testing.T) {
	data := string(generate(500, 1))
	var want []Finding
	for range 5 {
		u := NewUnique("", 0)
		u.Expect("a", "b", "c")
		var wg sync.WaitGroup
		for _, file := range []string{"c", "a", "b"} {
			wg.Go(func() { scanInto(t, u, file, data, 2) })
		}
		wg.Wait()
		_, all := report(t, u)
		if want == nil {
			want = all
		}
		if len(all) != 1000 || all[0].File != "b" || !slices.Equal(all, want) {
			t.Fatalf("%d findings, the first in %s", len(all), all[0].File)
		}
		u.Close()
	}
}

func TestUniqueThatCannotSpillSaysSo(t *testing.T) {
	u := NewUnique("/nonexistent/folder", 0)
	u.parts.limit = 512
	defer u.Close()
	scanInto(t, u, "f", string(generate(2000, 1)), 1)
	if _, err := u.Report(context.Background(), 0, nil); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := NewUnique("", 0)
	defer v.Close()
	if _, err := v.Report(ctx, 0, nil); err == nil {
		t.Error("a cancelled report succeeded")
	}
}

func FuzzNote(f *testing.F) {
	n := note{hash: 1, content: 2, place: 300, offset: 4, key: []byte("Patient/a")}
	f.Add(n.append(nil))
	f.Add([]byte(strings.Repeat("\xff", 40)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var n, m note
		if w := n.parse(b); w > 0 {
			again := n.append(nil)
			if m.parse(again) != len(again) || m.place != n.place || !bytes.Equal(m.key, n.key) || w > len(b) {
				t.Fatalf("%x became %x", b[:w], again)
			}
		}
	})
}
