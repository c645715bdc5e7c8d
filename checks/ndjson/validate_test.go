package ndjson

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	dir := tree(t, map[string]string{
		"m.json": `{"output":[{"type":"Patient","url":"1.ndjson"},{"type":"Patient","url":"2.ndjson.gz"},{"type":"Group","url":"3.ndjson.gz"}],
			"error":[{"type":"OperationOutcome","url":"e.ndjson"}]}`,
		"1.ndjson":    line("Patient", "a", "") + line("Group", "g", ""),
		"2.ndjson.gz": gz(line("Patient", "a", `,"x":1`) + "[]\n"),
		"3.ndjson.gz": gz(line("Group", "h", ""))[:30],
		"e.ndjson":    line("OperationOutcome", "o", "") + line("OperationOutcome", "o", ""),
	})
	inputs, err := Open(context.Background(), InputOptions{}, filepath.Join(dir, "m.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := NewJSONLines(&out, false)
	var files []string
	var last Progress
	r, err := Validate(context.Background(), inputs, ValidateOptions{
		Scan:     Options{OnFinding: w.Write},
		OnFile:   func(f FileResult) { files = append(files, filepath.Base(f.File)) },
		Progress: func(p Progress) { last = p },
	})
	if err != nil || w.Flush() != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
	want := `{"file":"1.ndjson","line":2,"offset":52,"pointer":"/resourceType","rule":"ndjson.type-mismatch","severity":"error","message":"The resource is of type Group, the file is said to hold Patient."}
{"file":"2.ndjson.gz","line":2,"offset":42,"pointer":"","rule":"ndjson.not-object","severity":"error","message":"The line is a JSON array; each line must be one JSON object, a resource."}
{"file":"2.ndjson.gz","line":1,"offset":0,"pointer":"/id","rule":"ndjson.duplicate-id","severity":"error","message":"The resource has the type and id of 1.ndjson:1 and different content."}
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if fmt.Sprint(files) != "[1.ndjson 2.ndjson.gz 3.ndjson.gz e.ndjson]" || last.Index != 3 || last.Files != 4 || last.Bytes != r.Bytes || last.Stored != last.StoredTotal || last.Stored == 0 {
		t.Errorf("files %v, progress %+v", files, last)
	}
	if len(r.Incomplete) != 1 || !strings.Contains(r.Incomplete[0], "cut short") || r.Files[2].Err == nil || r.Files[2].Complete {
		t.Errorf("incomplete %q", r.Incomplete)
	}
	var groups []string
	for _, g := range r.Groups {
		groups = append(groups, fmt.Sprint(g.Rule, " ", g.Path, " ", g.Count, " ", len(g.First)))
	}
	if !slices.Equal(groups, []string{"ndjson.duplicate-id Patient.id 1 1", "ndjson.not-object  1 1", "ndjson.type-mismatch Group.resourceType 1 1"}) {
		t.Errorf("groups %q", groups)
	}
	if r.Lines != 6 || r.Errors != 3 || fmt.Sprint(r.ByType) != "[{ 1} {Group 1} {Patient 2}]" {
		t.Errorf("%+v", r)
	}
	if r.ExitCode(FailOnError) != 1 || r.ExitCode(FailNever) != 3 {
		t.Errorf("exit codes %d %d", r.ExitCode(FailOnError), r.ExitCode(FailNever))
	}
}

func TestValidateTypeOverridesManifestAndDuplicatesCanBeLeftOut(t *testing.T) {
	inputs := []Input{fileInput(filepath.Join(tree(t, map[string]string{"a": line("Group", "g", "") + line("Group", "g", "")}), "a"), nil)}
	inputs[0].Type = "Patient"
	r, err := Validate(context.Background(), inputs, ValidateOptions{NoDuplicates: true, Scan: Options{Type: "Group"}})
	if err != nil || len(r.Groups) != 0 || r.ExitCode(FailOnNote) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestExitCodes(t *testing.T) {
	dir := tree(t, map[string]string{"note": strings.TrimSuffix(line("Group", "a", ""), "\n"), "warning": `{"resourceType":"Group"}` + "\n", "error": "x\n", "empty": ""})
	want := map[string][4]int{"note": {0, 0, 1, 0}, "warning": {0, 1, 1, 0}, "error": {1, 1, 1, 0}, "empty": {4, 4, 4, 4}, "missing": {3, 3, 3, 3}}
	for name, codes := range want {
		r, err := Validate(context.Background(), []Input{fileInput(filepath.Join(dir, name), nil)}, ValidateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, level := range []string{"error", "warning", "note", "never"} {
			on, err := ParseFailOn(level)
			if err != nil || r.ExitCode(on) != codes[i] {
				t.Errorf("%s, fail on %s: %d, want %d (%v)", name, level, r.ExitCode(on), codes[i], err)
			}
		}
	}
	if _, err := ParseFailOn("fatal"); err == nil {
		t.Error("an unknown level was accepted")
	}
	long := tree(t, map[string]string{"a": good + "\n" + strings.Repeat("x", 200) + "\n"})
	r, _ := Validate(context.Background(), []Input{fileInput(filepath.Join(long, "a"), nil)}, ValidateOptions{Scan: Options{MaxLine: 100}})
	if r.ExitCode(FailOnError) != 3 {
		t.Errorf("a line that was not judged: exit code %d", r.ExitCode(FailOnError))
	}
}

func TestValidateInterrupted(t *testing.T) {
	dir := tree(t, map[string]string{"a.ndjson": good, "b.ndjson": good})
	inputs, err := Open(context.Background(), InputOptions{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := Validate(ctx, inputs, ValidateOptions{OnFile: func(FileResult) { cancel() }})
	if err == nil || len(r.Files) != 1 || len(r.Incomplete) != 1 || r.ExitCode(FailOnError) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestValidateKeepsLittleOfManyFiles(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"a": "[]\n1\n{}\nx\n\n{}{}\n"}), "a")
	n := 3000
	inputs := slices.Repeat([]Input{fileInput(path, nil)}, n)
	r, err := Validate(context.Background(), inputs, ValidateOptions{Scan: Options{Jobs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, f := range r.Files {
		kept += len(f.Groups)
	}
	if kept > keptGroups || kept == 0 || r.Files[n-1].Groups != nil || !r.Files[n-1].GroupsTruncated || r.Groups[0].Count%int64(n) != 0 {
		t.Errorf("%d groups kept", kept)
	}
}

func TestJSONLinesShowsValuesOnlyWhenAsked(t *testing.T) {
	f := Finding{File: "a\xff\n", Line: 3}
	f.Value, f.Rule, f.Pointer = `se"cret`, "x", "/é"
	for _, values := range []bool{false, true} {
		var b bytes.Buffer
		w := NewJSONLines(&b, values)
		w.Write(f)
		if err := w.Flush(); err != nil || strings.Contains(b.String(), `"se\"cret"`) != values || !strings.Contains(b.String(), `"a`+"\ufffd"+`\n"`) || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%s, %v", b.String(), err)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	w := NewJSONLines(full, false)
	w.Write(f)
	if w.Flush() == nil {
		t.Error("a full disk was not noticed")
	}
}
