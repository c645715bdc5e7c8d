package ndjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Input is one NDJSON stream: a file, a URL or standard input.
type Input struct {
	Name string // the path as given, or the URL without user, query and fragment, which may be secret
	Type string // resourceType that a manifest announces for it, "" for any
	Size int64  // stored bytes, -1 if unknown before opening
	// Auxiliary marks the error and deleted files of a manifest, whose resources are not exported data.
	Auxiliary bool

	open func(context.Context) (io.ReadCloser, int64, error)
}

// InputOptions say how inputs are found and read.
type InputOptions struct {
	// Client fetches URLs; nil means http.DefaultClient. It is the place for credentials, and for keeping them from
	// other origins.
	Client *http.Client
	Stdin  io.Reader // what "-" means; nil means os.Stdin
	Limits Limits
	// Stall is how long a server may take to answer or to send the next bytes; 0 means 2 minutes, negative for ever.
	Stall time.Duration
}

// sniffed is how much of an input is looked at to find out whether it is a manifest.
const sniffed = 64 << 10

// Open returns the inputs that the arguments stand for, in order: "-" is standard input, an http or https URL or
// the path of a file is an NDJSON stream or a manifest of Bulk Data (recognised by its content), whose files are
// taken in its place, and a folder stands for all *.ndjson and *.jsonl files in it and below, also with .gz or
// .zst, sorted by path, without hidden ones. Compression is recognised by content, whatever the name. Nothing but
// manifests is read before Input.Open. The error names the argument that is of no use.
func Open(ctx context.Context, o InputOptions, pathOrURL ...string) ([]Input, error) {
	if len(pathOrURL) == 0 {
		return nil, errors.New("nothing to read: name a file, a folder, a manifest, a URL, or - for standard input")
	}
	var all []Input
	stdin := false
	for _, arg := range pathOrURL {
		var list []Input
		var err error
		switch {
		case arg == "-":
			if stdin {
				return nil, errors.New("standard input (-) is named twice and can be read only once")
			}
			stdin = true
			list, err = o.stdin(ctx)
		case isURL(arg):
			list, err = o.url(ctx, arg)
		default:
			list, err = o.path(ctx, arg)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// Open opens the input and returns its content, decompressed. stored, if not nil, is updated with the number of
// stored bytes read so far. The caller closes what is returned; when ctx ends, reading a URL fails.
func (in *Input) Open(ctx context.Context, l Limits, stored *atomic.Int64) (io.ReadCloser, error) {
	raw, size, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	if size >= 0 {
		in.Size = size
	}
	var r io.Reader = raw
	if stored != nil {
		r = &progressReader{raw, stored}
	}
	content, err := Decompress(r, l)
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("%s: %w", in.Name, err)
	}
	return &inputReader{content, raw}, nil
}

type inputReader struct {
	io.ReadCloser
	raw io.Closer
}

func (r *inputReader) Close() error { return errors.Join(r.ReadCloser.Close(), r.raw.Close()) }

type progressReader struct {
	r io.Reader
	n *atomic.Int64
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n.Add(int64(n))
	return n, err
}

func isURL(s string) bool {
	return strings.HasPrefix(strings.ToLower(s), "http://") || strings.HasPrefix(strings.ToLower(s), "https://")
}

// stdin is not opened twice, so what was looked at is put back in front.
func (o InputOptions) stdin(ctx context.Context) ([]Input, error) {
	r := o.Stdin
	if r == nil {
		r = os.Stdin
	}
	z, err := Decompress(r, o.Limits)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	manifest, head, err := sniff(z)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if manifest {
		return o.manifest(ctx, io.MultiReader(bytes.NewReader(head), z), place{name: "the manifest on standard input", dir: "."}, nil)
	}
	again := io.MultiReader(bytes.NewReader(head), z)
	return []Input{{Name: "-", Size: -1, open: func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(again), -1, nil
	}}}, nil
}

func (o InputOptions) path(ctx context.Context, path string) ([]Input, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return folder(path)
	}
	in := fileInput(path, info)
	if !info.Mode().IsRegular() || hasStreamName(path) {
		return []Input{in}, nil
	}
	at := place{name: path, dir: filepath.Dir(path)}
	return o.maybeManifest(ctx, in, at, nil)
}

// maybeManifest returns the files that in lists if it is a manifest, in itself otherwise.
func (o InputOptions) maybeManifest(ctx context.Context, in Input, at place, seen map[string]bool) ([]Input, error) {
	r, err := in.Open(ctx, o.Limits, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	manifest, head, err := sniff(r)
	if err != nil || !manifest { // an error will be met again when the whole is read
		return []Input{in}, nil
	}
	return o.manifest(ctx, io.MultiReader(bytes.NewReader(head), r), at, seen)
}

func fileInput(path string, info fs.FileInfo) Input {
	in := Input{Name: path, Size: -1}
	if info != nil && info.Mode().IsRegular() {
		in.Size = info.Size()
	}
	in.open = func(context.Context) (io.ReadCloser, int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, -1, err
		}
		return f, in.Size, nil
	}
	return in
}

// folder lists the NDJSON files in dir and below.
func folder(dir string) ([]Input, error) {
	var list []Input
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && path != dir
		switch {
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case d.IsDir() || hidden || !hasStreamName(d.Name()):
			return nil
		}
		info, err := os.Stat(path) // follows a link, which d.Info would not
		if err != nil {
			return err
		}
		if !info.IsDir() {
			list = append(list, fileInput(path, info))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: the folder holds no *.ndjson or *.jsonl file, nor one with .gz or .zst behind it", dir)
	}
	return list, nil
}

// hasStreamName reports whether a name promises NDJSON.
func hasStreamName(name string) bool {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return strings.HasSuffix(name, ".ndjson") || strings.HasSuffix(name, ".jsonl")
}

func (o InputOptions) url(ctx context.Context, raw string) ([]Input, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, errors.New("an argument starts like a URL but is none") // not shown: it may hold a signature
	}
	in := o.urlInput(u)
	if hasStreamName(u.Path) {
		return []Input{in}, nil
	}
	return o.maybeManifest(ctx, in, place{name: in.Name, url: u}, nil)
}

// publicName is a URL without what may be secret in it.
func publicName(u *url.URL) string {
	v := *u
	v.User, v.RawQuery, v.ForceQuery, v.Fragment, v.RawFragment = nil, "", false, "", ""
	return v.String()
}

func (o InputOptions) urlInput(u *url.URL) Input {
	name := publicName(u)
	client := o.Client
	if client == nil {
		client = http.DefaultClient
	}
	stall := o.Stall
	if stall == 0 {
		stall = 2 * time.Minute
	}
	return Input{Name: name, Size: -1, open: func(ctx context.Context) (io.ReadCloser, int64, error) {
		ctx, watch := watchStall(ctx, stall)
		body, size, err := get(ctx, client, u, name)
		if err != nil {
			err = watch.explain(err)
			watch.stop()
			return nil, -1, err
		}
		return &watchedBody{body, watch}, size, nil
	}}
}

// get requests a URL. Its errors do not show the query, which may hold a signature.
func get(ctx context.Context, client *http.Client, u *url.URL, name string) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, -1, fmt.Errorf("%s: the URL cannot be requested", name)
	}
	req.Header.Set("Accept", "application/fhir+ndjson, application/json;q=0.9, */*;q=0.5")
	// Set by hand, so that the transport does not decompress without our limits.
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // its text has the whole URL
			err = ue.Err
		}
		return nil, -1, fmt.Errorf("GET %s: %w", name, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, -1, fmt.Errorf("GET %s: the answer is %d %s, 200 was expected", name, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return resp.Body, resp.ContentLength, nil
}

// stallWatch cancels a request that makes no progress.
type stallWatch struct {
	after  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
}

var errStalled = errors.New("the server sent nothing")

func watchStall(ctx context.Context, after time.Duration) (context.Context, *stallWatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stallWatch{after: after, cancel: cancel, ctx: ctx}
	if after > 0 {
		w.timer = time.AfterFunc(after, func() { cancel(errStalled) })
	}
	return ctx, w
}

// explain replaces the error that cancelling causes.
func (w *stallWatch) explain(err error) error {
	if context.Cause(w.ctx) == errStalled {
		return fmt.Errorf("%w for %v", errStalled, w.after)
	}
	return err
}

func (w *stallWatch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}

// watchedBody is a body whose reads are watched; the time between reads is the reader's own.
type watchedBody struct {
	body io.ReadCloser
	w    *stallWatch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.w.timer != nil {
		b.w.timer.Reset(b.w.after)
		defer b.w.timer.Stop()
	}
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = b.w.explain(err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.w.stop()
	return b.body.Close()
}
