package refserver

import (
	"bytes"
	"io"
)

func init() { registerFaults(ndjsonFaults()...) }

// replaceFirst replaces the first occurrence.
func replaceFirst(old, repl string) func([]byte) []byte {
	return func(line []byte) []byte { return bytes.Replace(line, []byte(old), []byte(repl), 1) }
}

// afterBrace puts text behind the opening brace of the resource.
func afterBrace(text string) func([]byte) []byte { return replaceFirst("{", "{"+text) }

// prefixed writes text before the body.
func prefixed(text string) func(*Answer) {
	return func(a *Answer) {
		a.Wrap = func(w io.Writer) io.Writer { return &prefixWriter{w: w, text: text} }
	}
}

type prefixWriter struct {
	w    io.Writer
	text string
}

func (p *prefixWriter) Write(b []byte) (int, error) {
	if p.text != "" {
		if _, err := io.WriteString(p.w, p.text); err != nil {
			return 0, err
		}
		p.text = ""
	}
	return p.w.Write(b)
}

func ndjsonFaults() []Fault {
	return []Fault{
		{
			Name: "ndjson-latin1", Area: "ndjson",
			Doc:    "A string in the last line of the last file is in ISO 8859-1 instead of UTF-8.",
			Caught: []string{"ndjson.utf8"},
			Apply:  onLine(lastOutput, -1, afterBrace("\"language\":\"fran\xe7ais\",")),
		},
		{
			Name: "ndjson-byte-order-mark", Area: "ndjson",
			Doc:    "The last file begins with a byte order mark, which many JSON parsers refuse.",
			Warned: []string{"ndjson.no-byte-order-mark"},
			Apply:  onFile(lastOutput, prefixed("\xef\xbb\xbf")),
		},
		{
			Name: "ndjson-line-cut-off", Area: "ndjson",
			Doc:    "The last line of a file ends in the middle of a resource.",
			Caught: []string{"ndjson.json"},
			Apply:  onLine(lastOfMany, -1, func(line []byte) []byte { return line[:len(line)-1] }),
		},
		{
			Name: "ndjson-trailing-comma", Area: "ndjson",
			Doc:    "A resource in the middle of a file has a comma behind its last element, as JavaScript allows and JSON does not.",
			Caught: []string{"ndjson.json"},
			Apply:  onLine(lastOutput, 1, func(line []byte) []byte { return append(line[:len(line)-1], ",}"...) }),
		},
		{
			Name: "ndjson-number-leading-zero", Area: "ndjson",
			Doc:    "A number is written with a leading zero.",
			Caught: []string{"ndjson.json"},
			Apply:  onLine(lastOutput, 0, afterBrace(`"extension":[{"url":"http://example.org/n","valueInteger":07}],`)),
		},
		{
			Name: "ndjson-lone-surrogate", Area: "ndjson",
			Doc:    "A string holds half a UTF-16 surrogate pair; parsers disagree on what it means.",
			Caught: []string{"ndjson.json"},
			Apply:  onLine(lastOutput, -1, afterBrace(`"language":"\ud83d",`)),
		},
		{
			Name: "ndjson-two-on-a-line", Area: "ndjson",
			Doc:    "Two resources share a line; a reader that parses line by line loses the second one or the whole file.",
			Caught: []string{"ndjson.one-resource-per-line"},
			Apply: onFile(func(a *Answer) bool { return lastOfMany(a) && a.Job.Lines > 1 }, func(a *Answer) {
				var held []byte
				a.Line = func(n int, line []byte) []byte {
					switch n {
					case 0:
						held = bytes.Clone(line)
						return nil
					case 1:
						return append(held, line...)
					}
					return line
				}
			}),
		},
		{
			Name: "ndjson-array", Area: "ndjson",
			Doc:    "A line is a JSON array around the resource.",
			Caught: []string{"ndjson.one-resource-per-line"},
			Apply:  onLine(lastOutput, -1, func(line []byte) []byte { return append(append([]byte("["), line...), ']') }),
		},
		{
			Name: "ndjson-comma-separated", Area: "ndjson",
			Doc:    "Each line ends with a comma, as if the file were the inside of a JSON array.",
			Caught: []string{"ndjson.one-resource-per-line"},
			Apply:  onFile(lastOutput, func(a *Answer) { a.Line = func(_ int, line []byte) []byte { return append(bytes.Clone(line), ',') } }),
		},
		{
			Name: "ndjson-duplicate-name", Area: "ndjson",
			Doc:    "An object of the last resource has the same name twice; each client sees another value.",
			Caught: []string{"ndjson.no-duplicate-names"},
			Apply:  onLine(lastOutput, -1, afterBrace(`"language":"en","language":"de",`)),
		},
		{
			Name: "ndjson-blank-lines", Area: "ndjson",
			Doc:    "A blank line follows the first resource of a file; strict readers stop there.",
			Warned: []string{"ndjson.no-blank-lines"},
			Apply:  onLine(lastOfMany, 0, func(line []byte) []byte { return append(line, '\n') }),
		},
		{
			Name: "ndjson-no-resource-type", Area: "ndjson",
			Doc:    "The last resource of a file lacks its resourceType.",
			Caught: []string{"ndjson.resource-type-present"},
			Apply:  onLine(lastOutput, -1, replaceFirst(`"resourceType":`, `"resourceTyp":`)),
		},
		{
			Name: "ndjson-other-type", Area: "ndjson",
			Doc:    "The last line of a file holds a resource of another type than the manifest says.",
			Caught: []string{"ndjson.file-type"},
			Apply: onLine(lastOutput, -1, func([]byte) []byte {
				return []byte(`{"resourceType":"Basic","id":"stray-1","code":{"text":"stray"}}`)
			}),
		},
		{
			Name: "ndjson-no-id", Area: "ndjson",
			Doc:    "An exported resource has no id, so that nothing can refer to it.",
			Warned: []string{"ndjson.id-present"},
			Apply:  onLine(lastOutput, -1, replaceFirst(`"id":`, `"implicitRules":`)),
		},
		{
			Name: "ndjson-two-versions", Area: "ndjson",
			Doc:    "A resource occurs twice with different content: an older version is exported beside the current one, in another file of its type.",
			Caught: []string{"ndjson.unique"},
			Apply:  twoVersions,
		},
	}
}

// twoVersions adds two files with two versions of one resource to exports of everything.
func twoVersions(b *Behaviour) {
	b.Extra = func(j JobInfo) []ExtraFile {
		const line = `{"resourceType":"Location","id":"twice","meta":{"versionId":"%"},"name":"%"}`
		version := func(v string) string { return string(bytes.ReplaceAll([]byte(line), []byte("%"), []byte(v))) }
		if len(j.Export.Types) > 0 || j.Export.OrganizeBy != "" {
			return nil
		}
		return []ExtraFile{
			{Kind: OutputFile, Type: "Location", Lines: []string{version("1")}},
			{Kind: OutputFile, Type: "Location", Lines: []string{version("2")}},
		}
	}
}
