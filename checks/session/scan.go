package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
)

// keptGroups bounds what is kept of the findings of one file: with as many files as a manifest may have, it has to be
// little.
const (
	keptGroups   = 60
	keptFindings = 3
)

// readers and decompressors are reused from file to file: most exports have many small ones.
var (
	readers       = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}
	decompressors = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// scan reads the body of one file: its encoding, then its lines.
func (r *reading) scan(ctx context.Context, i int, f *File, res *Response, body io.Reader) error {
	buffered := readers.Get().(*bufio.Reader)
	buffered.Reset(body)
	defer func() {
		buffered.Reset(nil)
		readers.Put(buffered)
	}()
	head, _ := buffered.Peek(2)
	f.Magic = len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b
	var plain io.Reader = buffered
	switch enc := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		// A body that is gzip all the same is unreadable as NDJSON; the file checks say so.
	case "gzip", "x-gzip":
		if f.Magic {
			z := decompressors.Get().(*gzip.Reader)
			defer decompressors.Put(z)
			if err := z.Reset(buffered); err != nil {
				f.Misencoded = true
				return fmt.Errorf("the body is marked as gzip but does not decompress: %w", err)
			}
			f.Gzip, plain = true, &members{z: z, from: buffered, whole: &f.Whole}
		}
		f.Misencoded = !f.Magic && len(head) > 0
	default:
		f.Misencoded = true
		return errors.New("the body has a Content-Encoding that was not offered")
	}
	if f.Magic && !f.Gzip {
		f.Misencoded = true
	}
	o := ndjson.Options{MaxLine: r.s.cfg.MaxLine, Jobs: 1, MaxFindings: keptFindings, Hash: r.again, OnLine: f.line}
	switch f.Item.Kind {
	case "output":
		o.Type, o.Unique = f.Item.Type, r.unique
	case "error":
		o.Type = "OperationOutcome"
	case "deleted":
		o.Type = "Bundle"
	}
	j := r.newJudge(f)
	defer r.judges.put(j.inner, j.plain)
	o.NewJudge = func() resource.Judge { return j }
	o.OnFinding = func(found ndjson.Finding) { j.attached.place(found) }
	sum, err := ndjson.Scan(ctx, f.Item.Name(), f.kept.tee(&boundedReader{r: plain, left: r.s.cfg.MaxFile}), o)
	f.Summary = sum
	j.finish()
	r.sort(i, f)
	return err
}

// sort moves the findings that are judged over all files together from the file's summary to where they belong.
func (r *reading) sort(i int, f *File) {
	own := f.Summary.Groups[:0]
	for _, g := range f.Summary.Groups {
		switch {
		case g.Rule == ruleAttachment:
		case f.Item.Kind == "output" && (strings.HasPrefix(g.Rule, "fhir.") || strings.HasPrefix(g.Rule, "bulk.")):
			r.problems.add(i, g)
		case len(own) < keptGroups:
			own = append(own, g)
		default:
			f.Summary.GroupsTruncated = true
		}
	}
	f.Summary.Groups = append([]ndjson.Group(nil), own...) // lets go of the long array
}

// members reads a gzip stream member by member, so that it is known whether the stream itself was whole when the body
// around it breaks off.
type members struct {
	z     *gzip.Reader
	from  *bufio.Reader
	whole *bool
	begun bool
}

func (m *members) Read(p []byte) (int, error) {
	if !m.begun {
		m.z.Multistream(false)
		m.begun = true
	}
	for {
		n, err := m.z.Read(p)
		if err != io.EOF {
			if err != nil {
				err = fmt.Errorf("the gzip data is damaged or cut short: %w", err)
			}
			return n, err
		}
		*m.whole = true
		if n > 0 {
			return n, nil // the end is met again
		}
		if _, err := m.from.Peek(1); err != nil {
			return 0, err // io.EOF, or what broke the body off
		}
		*m.whole = false
		if err := m.z.Reset(m.from); err != nil {
			return 0, fmt.Errorf("something that is not gzip follows the gzip data: %w", err)
		}
		m.z.Multistream(false)
	}
}

// definitions returns the compiled definitions of the FHIR version that the target declares, R4 if it declares none, and
// their name. Without definitions the last result says why.
func (s *Session) definitions() (*resource.Definitions, string, string) {
	version := Text(s.Discover().Capability, "fhirVersion")
	if version == "" {
		version = "4.0.1"
	}
	d, err := resource.For(version)
	if err != nil {
		if !plainVersion(version) {
			version = "of that name"
		}
		return nil, "", fmt.Sprintf("the CapabilityStatement declares FHIR %s, and the suite has definitions of 4.0.1, 4.3.0 and 5.0.0 only", version)
	}
	return d, d.Version(), ""
}

func plainVersion(s string) bool {
	return len(s) < 20 && strings.Trim(s, "0123456789.-abcdefghijklmnopqrstuvwxyz") == ""
}

// judges lends judges out, since making one takes longer than judging a small file.
type judges struct {
	definitions *resource.Definitions
	plain       bool // of all files, the resources are judged elsewhere
	full, json  sync.Pool
}

func (js *judges) get(plain bool) resource.Judge {
	pool, d := &js.full, js.definitions
	if plain || d == nil {
		pool, d = &js.json, nil
	}
	if v := pool.Get(); v != nil {
		return v.(resource.Judge)
	}
	return resource.NewJudge(d, resource.Options{})
}

func (js *judges) put(j resource.Judge, plain bool) {
	if plain || js.definitions == nil {
		js.json.Put(j)
	} else {
		js.full.Put(j)
	}
}

// lineJudge judges the lines of one file: JSON and FHIR by the judge it wraps, and what Bulk Data says of the lines of
// such a file by itself. It is used by one goroutine, in the order of the lines.
type lineJudge struct {
	r     *reading
	f     *File
	inner resource.Judge
	plain bool
	held  []resource.Problem
	hold  func(resource.Problem)
	emit  func(resource.Problem)
	own   func(line []byte, head resource.Head) // by the kind of file; may be nil

	blocks   *blockReader // of organised output; nil otherwise
	attached attachmentReader
}

func (r *reading) newJudge(f *File) *lineJudge {
	// Deletions are judged in full, whatever the export: the plain one has none.
	j := &lineJudge{r: r, f: f, plain: r.judges.plain && (f.Item.Kind != "deleted" || r.again)}
	j.inner = r.judges.get(j.plain)
	j.hold = func(p resource.Problem) { j.held = append(j.held, p) }
	switch {
	case r.again:
	case f.Item.Kind == "deleted":
		j.own = j.deletedLine
	case f.Item.Kind == "output":
		j.own = j.outputLine
		j.attached = attachmentReader{rules: r.attachments, file: f.Item.Name()}
		if by := r.ex.organizedBy(); by != "" {
			f.Blocks = &Blocks{}
			j.blocks = &blockReader{j: j, by: by}
		}
	}
	return j
}

// Line judges one line. Where its JSON is damaged, nothing is said of its FHIR: that would be guesswork, and one defect
// would be told twice.
func (j *lineJudge) Line(line []byte, emit func(resource.Problem)) resource.Head {
	j.held = j.held[:0]
	head := j.inner.Line(line, j.hold)
	damaged := false
	for i := range j.held {
		damaged = damaged || strings.HasPrefix(j.held[i].Rule, "json.")
	}
	for _, p := range j.held {
		if !damaged || !strings.HasPrefix(p.Rule, "fhir.") || p.Rule == "fhir.resource-type" {
			emit(p)
		}
	}
	switch {
	case head.Object && !damaged && j.own != nil:
		j.emit = emit
		j.own(line, head)
	case j.blocks != nil:
		j.blocks.lost()
	}
	return head
}

// problem records what Bulk Data's own rules find on the present line.
func (j *lineJudge) problem(rule string, severity resource.Severity, pointer, path, message string) {
	j.emit(resource.Problem{Rule: rule, Severity: severity, Pointer: pointer, Path: path, Message: message})
}

func (j *lineJudge) finish() {
	j.f.Found = j.attached.result()
}

// outputLine looks at a resource of the export itself.
func (j *lineJudge) outputLine(line []byte, head resource.Head) {
	if j.blocks != nil {
		j.blocks.line(line, head)
	}
	if !j.f.Patients {
		j.f.Patients = bytes.Contains(line, []byte("Patient/")) || bytes.Contains(line, []byte(`Patient\/`))
	}
	if !j.r.deleted.empty() && head.ID != "" && j.r.deleted.has(head.ResourceType, head.ID) {
		j.problem(RuleDeletedExported, resource.Error, "/id", typePath(head.ResourceType), "The resource is listed as deleted and exported all the same.")
	}
	if j.attached.rules != nil {
		j.attached.line(line, head, j.problem)
	}
}

// typePath returns the name of a resource type if it could be one, so that nothing else gets into a report.
func typePath(typ string) string {
	if len(typ) > 64 || typ == "" || typ[0] < 'A' || typ[0] > 'Z' {
		return ""
	}
	for _, c := range typ {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return typ
}

// sampler keeps a bounded number of values, spread evenly over however many there are.
type sampler[T any] struct {
	limit  int
	stride int64
	seen   int64
	kept   []T
}

// wants counts a value and reports whether it belongs to the sample.
func (s *sampler[T]) wants() bool {
	if s.stride == 0 {
		s.stride = 1
	}
	s.seen++
	return (s.seen-1)%s.stride == 0
}

// keep adds a value that wants has asked for.
func (s *sampler[T]) keep(v T) {
	s.kept = append(s.kept, v)
	if len(s.kept) < s.limit {
		return
	}
	half := s.kept[:0]
	for i := 0; i < len(s.kept); i += 2 {
		half = append(half, s.kept[i])
	}
	clear(s.kept[len(half):])
	s.kept = half
	s.stride *= 2
}
