package ndjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zst(s string, o ...zstd.EOption) string {
	w, err := zstd.NewWriter(nil, o...)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

// tree writes files into a new folder and returns its path.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents opens the arguments and returns "name type content" for each input.
func contents(o InputOptions, args ...string) ([]string, error) {
	inputs, err := Open(context.Background(), o, args...)
	if err != nil {
		return nil, err
	}
	var all []string
	for i := range inputs {
		in := &inputs[i]
		r, err := in.Open(context.Background(), o.Limits, nil)
		if err != nil {
			return all, err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return all, err
		}
		if err := r.Close(); err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s %s %s", in.Name, in.Type, b))
	}
	return all, nil
}

func same(t *testing.T, got []string, err error, dir string, want ...string) {
	t.Helper()
	for i := range got {
		got[i] = strings.ReplaceAll(filepath.ToSlash(got[i]), filepath.ToSlash(dir), "DIR")
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

func TestOpenFolder(t *testing.T) {
	dir := tree(t, map[string]string{
		"b.ndjson": "b", "a.ndjson.gz": gz("a"), "c.ndjson.zst": zst("c"), "d.jsonl": "d", "e.txt": "no", "f.json": "{}", ".g.ndjson": "no",
		"sub/h.NDJSON": "h", ".hidden/i.ndjson": "no",
	})
	got, err := contents(InputOptions{}, dir)
	same(t, got, err, dir, "DIR/a.ndjson.gz  a", "DIR/b.ndjson  b", "DIR/c.ndjson.zst  c", "DIR/d.jsonl  d", "DIR/sub/h.NDJSON  h")
	if _, err := contents(InputOptions{}, tree(t, nil)); err == nil || !strings.Contains(err.Error(), "*.ndjson") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestOpenFilesAndStdin(t *testing.T) {
	dir := tree(t, map[string]string{"x": gz("x"), "y.ndjson": "", "z.ndjson.gz": "plain"})
	in := func(s string) InputOptions { return InputOptions{Stdin: strings.NewReader(s)} }
	got, err := contents(in(zst("s")), dir+"/x", "-", dir+"/y.ndjson", dir+"/z.ndjson.gz")
	same(t, got, err, dir, "DIR/x  x", "-  s", "DIR/y.ndjson  ", "DIR/z.ndjson.gz  plain")
	long := strings.Repeat("0123456789", 20000)
	got, err = contents(in(long), "-")
	same(t, got, err, dir, "-  "+long)
	for _, args := range [][]string{nil, {"-", "-"}, {dir + "/missing"}, {"http://"}, {"https://\x7f"}} {
		if _, err := Open(context.Background(), in(""), args...); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestOpenManifest(t *testing.T) {
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/m":
			fmt.Fprintf(w, `{"transactionTime":"2024-01-01T00:00:00Z","output":[{"type":"Patient","url":"%s/p?sig=secret"}],"link":[{"relation":"next","url":"m2"}]}`, srv.URL)
		case "/m2":
			io.WriteString(w, `{"output":[{"type":"Group","url":"g.ndjson"}],"link":[{"relation":"next","url":"m2"}]}`)
		case "/p", "/g.ndjson", "/q":
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, gz("at "+r.URL.Path))
		case "/loop":
			io.WriteString(w, `{"output":[],"link":[{"relation":"next","url":"/q"}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer srv.Close()
	dir := tree(t, map[string]string{
		"m.json": fmt.Sprintf(`{"output":[{"type":"Patient","url":"p.ndjson"},{"type":"Group","url":%q},{"type":"Device","url":%q}],
			"deleted":[{"type":"Bundle","url":"d.ndjson"}],"error":[{"type":"OperationOutcome","url":"sub/e.ndjson"}]}`, srv.URL+"/some/g1.ndjson?x=1", srv.URL+"/q?sig=secret"),
		"p.ndjson": "p", "g1.ndjson": "saved", "d.ndjson": "d", "sub/e.ndjson": "e",
		"organised.json":    `{"outputOrganizedBy":"Patient","output":[{"type":"Patient","url":"p.ndjson"}]}`,
		"outside.json":      `{"output":[{"type":"Patient","url":"../p.ndjson"}]}`,
		"file.json":         `{"output":[{"type":"Patient","url":"file:///etc/passwd"}]}`,
		"absent.json":       `{"output":[{"type":"Patient","url":"q.ndjson"}]}`,
		"twice.json":        `{"output":[],"output":[]}`,
		"wrong.json":        `{"output":{"secret":1}}`,
		"nourl.json":        `{"output":[{"type":"Patient"}]}`,
		"resource.json":     `{"resourceType":"Patient","output":1}`,
		"pretty.json":       "\ufeff{\n \"request\": \"x\",\n \"output\": [ ]\n}",
		"loop.json":         fmt.Sprintf(`{"output":[],"link":[{"relation":"next","url":"%s/loop"}]}`, srv.URL),
		"missing-next.json": fmt.Sprintf(`{"output":[],"link":[{"relation":"next","url":"%s/404?sig=secret"}]}`, srv.URL),
	})
	got, err := contents(InputOptions{}, dir+"/m.json")
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], srv.URL, "SRV")
	}
	same(t, got, err, dir, "DIR/p.ndjson Patient p", "DIR/g1.ndjson Group saved", "SRV/q Device at /q", "DIR/d.ndjson Bundle d", "DIR/sub/e.ndjson OperationOutcome e")
	got, err = contents(InputOptions{Client: srv.Client()}, srv.URL+"/m", srv.URL+"/q?sig=secret")
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], srv.URL, "SRV")
	}
	same(t, got, err, dir, "SRV/p Patient at /p", "SRV/g.ndjson Group at /g.ndjson", "SRV/q  at /q")
	got, err = contents(InputOptions{}, dir+"/organised.json", dir+"/resource.json", dir+"/pretty.json")
	same(t, got, err, dir, "DIR/p.ndjson  p", `DIR/resource.json  {"resourceType":"Patient","output":1}`)
	for name, want := range map[string]string{
		"outside": "leaves the manifest's folder", "file": "not an http or https URL", "absent": "no file", "twice": "duplicate", "wrong": "wrong type of JSON value at /output",
		"nourl": "output[0].url", "loop": "which is no manifest", "missing-next": "/404: the answer is 404 Not Found",
	} {
		_, err := contents(InputOptions{}, dir+"/"+name+".json")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := contents(InputOptions{}, "http://127.0.0.1:1/x.ndjson?sig=secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a refused connection: %v", err)
	}
}

func TestStalledServerIsGivenUp(t *testing.T) {
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half.ndjson" {
			io.WriteString(w, good+"\n")
			http.NewResponseController(w).Flush()
		}
		<-done // sends nothing until the client has given up
	}))
	defer srv.Close()
	defer close(done)
	o := InputOptions{Stall: 20 * time.Millisecond}
	for _, path := range []string{"/half.ndjson", "/none.ndjson"} {
		if _, err := contents(o, srv.URL+path); !errors.Is(err, errStalled) || !strings.Contains(err.Error(), "nothing for 20ms") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestManifestOnStdin(t *testing.T) {
	dir := tree(t, map[string]string{"p.ndjson": "p"})
	t.Chdir(dir)
	got, err := contents(InputOptions{Stdin: strings.NewReader(gz(`{"output":[{"type":"Patient","url":"p.ndjson"}]}`))}, "-")
	same(t, got, err, dir, "p.ndjson Patient p")
	for _, in := range []string{`{"output":[`, `{"output":[],"x":"` + strings.Repeat("x", maxManifest) + `"}`, gz("x")[:12]} {
		if _, err := contents(InputOptions{Stdin: strings.NewReader(in)}, "-"); err == nil || !strings.Contains(err.Error(), "standard input") {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

func TestDecompressRefusesBombsAndDamage(t *testing.T) {
	zeros := strings.Repeat("\x00", freeBytes+1<<20)
	text := "gzip cut short"
	cases := []struct {
		name, data string
		l          Limits
		bomb       bool
		want       string // in the error, "" for none
	}{
		{"gzip bomb", gz(zeros), Limits{}, true, "decompression bomb"},
		{"zstd bomb", zst(zeros), Limits{}, true, "decompression bomb"},
		{"gzip bomb allowed", gz(zeros), Limits{MaxRatio: 2000}, false, ""},
		{"zstd bomb allowed", zst(zeros), Limits{MaxRatio: -1}, false, ""},
		{"small and dense", gz(zeros[:freeBytes]), Limits{}, false, ""},
		{"zstd window", zst(strings.Repeat("a", 4<<20), zstd.WithWindowSize(4<<20), zstd.WithSingleSegment(false)), Limits{MaxWindow: 1 << 20}, false, "--long"},
		{"cut gzip", gz(text)[:20], Limits{}, false, "cut short"},
		{"cut zstd", zst(text)[:10], Limits{}, false, "cut short"},
		{"damaged gzip", strings.Replace(gz(text), text[:4], "gzap", 1), Limits{}, false, "damaged"},
		{"damaged gzip header", "\x1f\x8b\x08\xff", Limits{}, false, "header"},
		{"two gzip members", gz("a") + gz("b"), Limits{}, false, ""},
		{"two zstd frames", zst("a") + zst("b"), Limits{}, false, ""},
		{"skippable zstd frame", "\x50\x2a\x4d\x18\x01\x00\x00\x00x" + zst("b"), Limits{}, false, ""},
	}
	for _, c := range cases {
		r, err := Decompress(strings.NewReader(c.data), c.l)
		n := int64(0)
		if err == nil {
			n, err = io.Copy(io.Discard, r)
			r.Close()
		}
		switch {
		case c.want == "" && (err != nil || n == 0):
			t.Errorf("%s: %d bytes, %v", c.name, n, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrBomb) != c.bomb):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestInputCountsStoredBytes(t *testing.T) {
	data := gz(string(generate(1000, 1)))
	dir := tree(t, map[string]string{"a.ndjson.gz": data})
	inputs, err := Open(context.Background(), InputOptions{}, dir)
	if err != nil || inputs[0].Size != int64(len(data)) {
		t.Fatalf("%+v, %v", inputs, err)
	}
	var stored atomic.Int64
	r, err := inputs[0].Open(context.Background(), Limits{}, &stored)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil || stored.Load() != int64(len(data)) {
		t.Errorf("%d of %d bytes, %v", stored.Load(), len(data), err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"output":[{"type":"Patient","url":"p.ndjson"}],"link":[{"relation":"next","url":"x"}]}`))
	f.Add([]byte(`{"transactionTime":1,"deleted":[{"url":"https:///x"}]}`))
	f.Add([]byte(`{"output":[{"url":"..\\x"},{"url":"//host/x"},{"url":"http:opaque"},{"url":"/etc/passwd"}]}`))
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.ndjson"), nil, 0o644); err != nil {
		f.Fatal(err)
	}
	o := InputOptions{Client: &http.Client{Transport: noTransport{}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := o.manifest(context.Background(), bytes.NewReader(data), place{name: "m", dir: dir}, nil)
		if err != nil {
			return
		}
		for _, in := range list {
			if !isURL(in.Name) && !strings.HasPrefix(in.Name, dir+string(filepath.Separator)) {
				t.Fatalf("%q lies outside of the folder", in.Name)
			}
		}
	})
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("offline")
}
