package manifest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

func output() checks.Check {
	return checks.Check{
		ID:    "manifest.output",
		Title: "The manifest has an output array",
		// export.html#response---output-manifest, output: required, JSON array.
		Doc:      "Present also when nothing was exported; an empty array passes, null does not.",
		Requires: []string{"MANIFEST-010", "ASYNC-033"},
		Exports:  []session.Scenario{session.Baseline},
		Run:      func(_ context.Context, t *checks.T) { judgeArray(t, final(t), "output", "MANIFEST-010") },
	}
}

func judgeArray(t *checks.T, ex *session.Export, name, req string) {
	v, present := ex.Manifest.Tree[name]
	if !present {
		t.Violates(req, at(ex, ""), "the manifest has no %s", name)
	} else if list, ok := v.([]any); !ok {
		t.Violates(req, at(ex, "/"+name), "%s is %s, expected is an array", name, kind(v))
	} else {
		t.Examined("%d items", len(list))
	}
}

func outputEmpty() checks.Check {
	return checks.Check{
		ID:    "manifest.output-empty",
		Title: "An export without resources completes with an empty output array",
		// export.html#response---output-manifest, output: "If no resources are returned from the kick-off request, the server SHOULD
		// return an empty array."
		Doc: "Asked for are patients changed since the year 2999. A server may refuse a moment in the future, and the check is skipped then. A failed job, or " +
			"a file without a line, is the warning; files with lines mean that _since had no effect, which is judged with the parameters.",
		Requires: []string{"MANIFEST-011"},
		Exports:  []session.Scenario{session.Baseline, session.Future},
		Run: func(_ context.Context, t *checks.T) {
			final(t) // where the plain export does not complete, an error here has nothing to do with emptiness
			ex := t.Session().Export(session.Future)
			switch ex.State {
			case session.Refused:
				t.Skipf("the server refuses _since in the future, which is legal: %s", ex.Reason)
			case session.Failed:
				if status.AfterOf(t.Session(), session.Future).Lived() {
					t.Inconclusivef("a status request failed while the export went on: %s", ex.Reason)
				}
				t.Violates("MANIFEST-011", ex.Final().At(), "the export of no resources ends in an error: %s", ex.Reason)
				return
			}
			ex = t.Export(session.Future)
			if len(ex.Manifest.Output) == 0 {
				return
			}
			for _, f := range t.Session().Files(ex).Kind("output") {
				if f.Read && f.Summary.Lines == 0 {
					t.Violates("MANIFEST-011", at(ex, f.Item.Pointer()), "nothing is exported, and output lists a file without a resource: %s", f.Item.Name())
				}
			}
		},
	}
}

func noEmptyItem() checks.Check {
	return checks.Check{
		ID:    "manifest.no-empty-item",
		Title: "A type without resources has no output item",
		// 2.0.0 export.html#response---complete-status, output.type: "If no data are found for a resource, the server SHOULD NOT
		// return an output item for that resource in the response."
		Doc:      "No output file of the plain export is without a line. A warning at most, and from 3.0.0 on the sentence is gone.",
		Requires: []string{"MANIFEST-017"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			_, set := t.Files(session.Baseline)
			for _, f := range set.Kind("output") {
				if f.Read && f.Summary.Lines == 0 {
					t.Violates("MANIFEST-017", at(ex, f.Item.Pointer()), "%s has no resource", f.Item.Name())
				}
			}
			t.Examined("%d files", len(set.Kind("output")))
		},
	}
}

var typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)

// resourceTypes are the names of the resource types of R4, R4B and R5: which of them a server has is its own affair.
var resourceTypes = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, v := range definitions.Versions {
		set, err := definitions.Load(v.Number)
		if err != nil {
			return nil // judged by its form alone then
		}
		for _, i := range set.Resources {
			out[set.Nodes[i].Path] = true
		}
	}
	return out
})

func outputType() checks.Check {
	return checks.Check{
		ID:    "manifest.output-type",
		Title: "Each output item names the resource type of its file",
		// export.html#response---output-manifest, output: "When the kick-off request does not contain an organizedOutputBy parameter,
		// the type field SHALL be populated for each item."
		Doc: "type is the name of a FHIR resource type, of R4, R4B or R5. Names of types that only STU3 had are noted. Whether the lines of the file are " +
			"of that type is judged with the lines.",
		Requires: []string{"MANIFEST-012", "ASYNC-035"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			for _, it := range ex.Manifest.Output {
				m, isObject := it.Tree.(map[string]any)
				raw, present := m["type"]
				_, isString := raw.(string)
				switch {
				case !isObject || present && raw != nil && !isString:
					continue // manifest.schema
				case it.Type == "":
					t.Violates("MANIFEST-012", at(ex, it.Pointer()), "%s has no type", it.Name())
				case !typeName.MatchString(it.Type):
					t.Violates("MANIFEST-012", at(ex, it.Pointer()+"/type"), "the type of %s is not the name of a resource type", short(it.Name()))
				case resourceTypes() != nil && !resourceTypes()[it.Type]:
					t.Violates("MANIFEST-012", at(ex, it.Pointer()+"/type"), "the type of %s is not a resource type of FHIR R4, R4B or R5", short(it.Name()))
				}
			}
			t.Examined("%d items", len(ex.Manifest.Output))
		},
	}
}

// place returns the URL of an item and whether it is a non-empty string. ok is false where manifest.schema has the say.
func place(it session.Item) (text string, ok bool) {
	m, isObject := it.Tree.(map[string]any)
	raw, present := m["url"]
	_, isString := raw.(string)
	return it.URL, isObject && (!present || raw == nil || isString)
}

func outputURL() checks.Check {
	return checks.Check{
		ID:    "manifest.output-url",
		Title: "Each output item has a url",
		// export.html#response---output-manifest, output: "The url field SHALL be populated for each output item."
		Doc:      "Present and not empty. Whether it is absolute is judged by manifest.output-url-absolute, whether it leads to a file with the files.",
		Requires: []string{"MANIFEST-014", "ASYNC-036"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			for _, it := range ex.Manifest.Output {
				if u, ok := place(it); ok && u == "" {
					t.Violates("MANIFEST-014", at(ex, it.Pointer()), "%s has no url", it.Name())
				}
			}
			t.Examined("%d items", len(ex.Manifest.Output))
		},
	}
}

// absolute reports what keeps a URL from being an absolute one of http or https, or "".
func absolute(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "is not a URL"
	case !u.IsAbs():
		return "is not absolute"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is neither http nor https"
	case u.Host == "":
		return "names no host"
	}
	return ""
}

func outputURLAbsolute() checks.Check {
	return checks.Check{
		ID:    "manifest.output-url-absolute",
		Title: "The url of each output item is absolute",
		// export.html#response---output-manifest, output.url: "the absolute path to the file".
		Doc: "A URL with scheme and host, as all examples have it; a path alone cannot name a file server, and clients differ in what they resolve it " +
			"against. Any host, port, path and query pass.",
		Requires: []string{"MANIFEST-015"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			for _, it := range ex.Manifest.Output {
				if it.URL == "" {
					continue
				}
				if why := absolute(it.URL); why != "" {
					t.Violates("MANIFEST-015", at(ex, it.Pointer()+"/url"), "the url of %s %s: %s", it.Name(), why, short(session.RedactURL(it.URL)))
				}
			}
			t.Examined("%d items", len(ex.Manifest.Output))
		},
	}
}

func duplicateURLs() checks.Check {
	return checks.Check{
		ID:    "manifest.duplicate-urls",
		Title: "No file is listed twice",
		// export.html#response---output-manifest, output: "An array of file items with one entry for each generated file."
		Doc: "There is one item for each file, so no url occurs twice, in output or in another array. A client that takes each item for a file reads the " +
			"data twice. The text states this as a fact and forbids nothing: a warning.",
		Requires: []string{"MANIFEST-010"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			first := map[string]session.Item{}
			for _, it := range ex.Manifest.Items() {
				if it.Resolved == "" {
					continue
				}
				if earlier, ok := first[it.Resolved]; ok {
					t.Warns("MANIFEST-010", at(ex, it.Pointer()+"/url"), "%s has the url of %s", it.Name(), earlier.Name())
					continue
				}
				first[it.Resolved] = it
			}
			t.Examined("%d items", len(ex.Manifest.Items()))
		},
	}
}

func count() checks.Check {
	return checks.Check{
		ID:    "manifest.count",
		Title: "count, where an item has it, is a JSON number that counts something",
		// export.html#response---output-manifest, output.count: "the number of resources in the file, represented as a JSON number".
		Doc: "Optional on every item. A non-negative whole number; 12.0 is the same number as 12. A string of digits is not a number. Whether it is the " +
			"number of resources is judged by file.count.",
		Requires: []string{"MANIFEST-019", "MANIFEST-018", "ASYNC-037"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			n := 0
			for _, it := range ex.Manifest.Items() {
				m, _ := it.Tree.(map[string]any)
				v, present := m["count"]
				if !present {
					continue
				}
				n++
				where := at(ex, it.Pointer()+"/count")
				if number, ok := v.(session.Number); !ok {
					t.Violates("MANIFEST-019", where, "the count of %s is %s, expected is a JSON number", it.Name(), kind(v))
				} else if !whole(string(number)) {
					t.Violates("MANIFEST-019", where, "the count of %s is not a whole number from 0: %s", it.Name(), short(string(number)))
				}
			}
			t.Examined("%d counts", n)
		},
	}
}

// whole reports whether a JSON number is a non-negative integer, however it is written.
func whole(n string) bool {
	if i := strings.IndexAny(n, "eE"); i >= 0 && len(n)-i > 4 {
		return false // no file has 10^100 resources, and such a power is not worked out
	}
	r, ok := new(big.Rat).SetString(n)
	return ok && r.IsInt() && r.Sign() >= 0
}

// firstLineBytes bounds what is read of a file to see its format.
const firstLineBytes = 1 << 20

func outputFormat() checks.Check {
	return checks.Check{
		ID:    "manifest.output-format",
		Title: "The files have the format that _outputFormat asked for",
		// export.html#response---output-manifest, output.url: "The format of the file SHOULD reflect that requested in the
		// _outputFormat parameter of the initial kick-off request."
		Doc: "In an export with _outputFormat=application/fhir+ndjson the first line of the first file is a JSON object. Judged is the content, decompressed " +
			"if Content-Encoding says gzip; the media type is judged with the files. Skipped where the export is refused or has no file.",
		Requires: []string{"MANIFEST-016", "ASYNC-041"},
		Exports:  []session.Scenario{session.SinceLongAgo},
		Cost:     checks.Cost{Downloads: 1},
		Run: func(ctx context.Context, t *checks.T) {
			ex := t.Session().Export(session.SinceLongAgo)
			if ex.State == session.Refused {
				t.Skipf("the server refuses the export with _outputFormat (see kickoff.output-format-spellings): %s", ex.Reason)
			}
			ex = t.Export(session.SinceLongAgo)
			if len(ex.Manifest.Output) == 0 {
				t.Skipf("the export with _outputFormat has no file")
			}
			it := ex.Manifest.Output[0]
			if why := t.Session().WhyNotFetch(ex.Manifest, it); why != "" {
				t.Inconclusivef("%s was not requested: %s", it.Name(), why)
			}
			var first []byte
			whole := false
			res := t.Client().Glance(ctx, ex.Manifest.FileRequest(it), func(res *session.Response, body io.Reader) error {
				if res.Status != 200 {
					return nil
				}
				if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
					z, err := gzip.NewReader(body)
					if err != nil {
						return err
					}
					body = z
				}
				var err error
				first, err = bufio.NewReader(io.LimitReader(body, firstLineBytes)).ReadBytes('\n')
				whole = err == nil || len(first) < firstLineBytes
				if err == io.EOF {
					err = nil
				}
				return err
			})
			switch {
			case res.Err != nil || res.Status != 200:
				t.Inconclusivef("%s could not be read: %s", it.Name(), res.Describe())
			case !whole:
				t.Inconclusivef("the first line of %s is longer than 1 MiB", it.Name())
			case len(bytes.TrimSpace(first)) == 0:
				t.Inconclusivef("%s has no first line", it.Name())
			}
			// A line that is JSON for a lenient reader is NDJSON with a flaw, which is judged with the lines.
			if c := bytes.TrimSpace(first)[0]; c != '{' && c != 0xef {
				e := res.At()
				e.File, e.Line = it.Name(), 1
				t.Violates("MANIFEST-016", e, "the kick-off asked for application/fhir+ndjson, and the first line of %s is no JSON object", it.Name())
			}
		},
	}
}
