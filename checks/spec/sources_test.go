package spec

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// specDir returns the folder with the kept texts of the specifications, one folder per version. They are not part of the
// repository (their licences differ), so the tests that read them are skipped where they are absent.
func specDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BULKPROOF_SPEC")
	if dir == "" {
		dir = "/work/shared/spec"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the specifications' texts are not here (set BULKPROOF_SPEC to their folder): %v", err)
	}
	return dir
}

var folders = map[Version]string{
	V101: "bulkdata-1.0.1", V200: "bulkdata-2.0.0", V300: "bulkdata-3.0.0", V400: "bulkdata-4.0.0-ballot",
	SMART: "smart-app-launch", Async: "fhir-async",
}

// kept is one version's texts.
type kept struct {
	dir   string
	lines map[string][]string // by path
	ids   map[string]bool     // of resources and logical models
}

var resourceID = regexp.MustCompile(`(?m)^\s*(?:Id:|Instance:|"id"\s*:)\s*"?([A-Za-z0-9.-]+)"?`)

func readKept(t *testing.T, dir string) *kept {
	t.Helper()
	k := &kept{dir: dir, lines: map[string][]string{}, ids: map[string]bool{}}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		k.lines[filepath.ToSlash(name)] = strings.Split(string(data), "\n")
		for _, m := range resourceID.FindAllStringSubmatch(string(data), -1) {
			k.ids[m[1]] = true
		}
		k.ids[strings.TrimSuffix(path.Base(p), path.Ext(p))] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// line returns the text that "path:line" names.
func (k *kept) line(place string) (string, error) {
	file, number, _ := strings.Cut(place, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		return "", err
	}
	lines, ok := k.lines[file]
	if !ok {
		return "", fmt.Errorf("no file %s", file)
	}
	if n < 1 || n > len(lines) || strings.TrimSpace(lines[n-1]) == "" {
		return "", fmt.Errorf("no text at line %d of %s", n, file)
	}
	return lines[n-1], nil
}

// pageSources are where a published page may come from, with the page's name without .html in place of %s.
var pageSources = []string{"input/pagecontent/%s.md", "input/pages/%s.md", "%s.html", "r4-%s.html"}

var artifactPage = regexp.MustCompile(`^(?:StructureDefinition|OperationDefinition|CapabilityStatement|ValueSet|Binary)-(.+)$`)

// page returns the path of a page's source, or "" for the page of a generated artifact that exists.
func (k *kept) page(source string) (string, error) {
	name, _, _ := strings.Cut(source, "#")
	name = strings.TrimSuffix(name[strings.LastIndex(name, "hl7.org/fhir/")+1:], ".html")
	if strings.Contains(source, "://") {
		name = path.Base(name)
	}
	if m := artifactPage.FindStringSubmatch(name); m != nil {
		if !k.ids[m[1]] {
			return "", fmt.Errorf("no artifact %s", m[1])
		}
		return "", nil
	}
	if rest, ok := strings.CutSuffix(name, "/index"); ok {
		name = "spec/" + rest + "/index.md"
		if _, ok := k.lines[name]; ok {
			return name, nil
		}
	}
	for _, form := range append([]string{"spec/%s.md"}, pageSources...) {
		if p := fmt.Sprintf(form, name); k.lines[p] != nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no page %s.html", name)
}

var (
	heading    = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	named      = regexp.MustCompile(`(?:id|name)="([^"]+)"|^\{:\s*#([a-z-]+)\}`)
	include    = regexp.MustCompile(`^\{% include ([a-z-]+\.md) %\}`)
	markdown   = regexp.MustCompile("[`*]|<[^>]*>")
	link       = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notAllowed = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors returns the anchors of a page as the guides' tools make them: a heading in lower case, without punctuation,
// with hyphens for spaces, numbered when repeated. Underscores stay: 2.0.0 itself links to
// #_typefilter-experimental-query-parameter.
func (k *kept) anchors(file string) map[string]bool {
	out := map[string]bool{}
	repeated := map[string]int{}
	var read func(file string)
	read = func(file string) {
		for _, l := range k.lines[file] {
			if m := include.FindStringSubmatch(l); m != nil {
				read(path.Join(path.Dir(file), m[1]))
			}
			for _, m := range named.FindAllStringSubmatch(l, -1) {
				out[m[1]+m[2]] = true
			}
			m := heading.FindStringSubmatch(l)
			if m == nil {
				continue
			}
			text := markdown.ReplaceAllString(link.ReplaceAllString(m[1], "$1"), "")
			id := strings.ReplaceAll(notAllowed.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), ""), " ", "-")
			if n := repeated[id]; n > 0 {
				out[fmt.Sprintf("%s-%d", id, n)] = true
			} else {
				out[id] = true
			}
			repeated[id]++
		}
	}
	read(file)
	return out
}

// Every place a requirement names has to exist: the page, its anchor, the line in the kept text.
func TestSourcesExist(t *testing.T) {
	root := specDir(t)
	places := 0
	for _, v := range known() {
		k := readKept(t, filepath.Join(root, folders[v]))
		anchors := map[string]map[string]bool{}
		for _, r := range MustLoad().In(v) {
			e, own := r.Entries[v]
			if !own {
				continue
			}
			check := func(source, place string) {
				places++
				if _, err := k.line(place); err != nil {
					t.Errorf("%s %s: %s: %v", r.ID, v, place, err)
				}
				file, err := k.page(source)
				if err != nil {
					t.Errorf("%s %s: %s: %v", r.ID, v, source, err)
				}
				_, anchor, found := strings.Cut(source, "#")
				if file == "" || !found {
					return
				}
				if anchors[file] == nil {
					anchors[file] = k.anchors(file)
				}
				if !anchors[file][anchor] {
					t.Errorf("%s %s: %s has no anchor #%s", r.ID, v, file, anchor)
				}
			}
			check(e.Source, e.File)
			for _, also := range e.AlsoAt {
				source, place, _ := strings.Cut(also, " (")
				check(source, strings.TrimSuffix(place, ")"))
			}
		}
	}
	if places < 2000 {
		t.Errorf("only %d places were looked at", places)
	}
}

// lookBack is how many lines a list may begin above the item that is cited: twelve for the last step of SMART's signature
// verification.
const lookBack = 12

var synonyms = map[string]string{"SHALL": "SHALL|MUST|REQUIRED", "SHALL NOT": "SHALL NOT|MUST NOT", "SHOULD": "SHOULD|RECOMMENDED",
	"SHOULD NOT": "SHOULD NOT|SHOULD not", "MAY": "MAY|OPTIONAL"}

// An entry that claims a keyword has to have it at the cited line, or at the head of the list or sentence it belongs to.
func TestKeywordsStandInTheText(t *testing.T) {
	root := specDir(t)
	looked := 0
	for _, v := range known() {
		k := readKept(t, filepath.Join(root, folders[v]))
		for _, r := range MustLoad().In(v) {
			e, own := r.Entries[v]
			if !own || e.Basis != Keyword {
				continue
			}
			looked++
			word := regexp.MustCompile(`\b(` + synonyms[e.Keyword()] + `)\b`)
			file, number, _ := strings.Cut(e.File, ":")
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			head := k.lines[file][max(0, n-1-lookBack):n]
			if !slices.ContainsFunc(head, word.MatchString) {
				t.Errorf("%s %s says %s by keyword; %s has none: %s", r.ID, v, e.Keyword(), e.File, head[len(head)-1])
			}
		}
	}
	if looked < 900 {
		t.Errorf("only %d entries were looked at", looked)
	}
}
