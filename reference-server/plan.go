package refserver

import (
	"context"
	"errors"
	"math"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// part is one file of a job: what is in it, not the content.
type part struct {
	kind FileKind
	typ  string
	// lines as the manifest counts them. For a file by type, first is the number of selected resources
	// before it; for a file of blocks, the place where it begins.
	lines int
	first int
	from  blockPlace
	// continues is the index of the file in which the last block goes on, -1 if none.
	continues int
	// extra holds the lines themselves: OperationOutcomes, and files a Behaviour adds.
	extra []string
	// typeIndex of typeFiles with the same type.
	typeIndex, typeFiles int
}

// plan lists the files of a job. Its size depends on the number of files alone.
type plan struct {
	output, deleted, errors []part
	// pages is how many linked manifests the output is spread over, at least 1; ends[i] is the number of
	// output files on the first i pages.
	pages int
	ends  []int
}

// of returns the files of one array.
func (p *plan) of(kind FileKind) []part {
	switch kind {
	case OutputFile:
		return p.output
	case DeletedFile:
		return p.deleted
	case ErrorFile:
		return p.errors
	}
	return nil
}

// pageRange returns which output files are on a page, pages counted from 1; none for page 0.
func (p *plan) pageRange(page int) (from, to int) {
	if page < 1 {
		return 0, 0
	}
	return p.ends[page-1], p.ends[page]
}

// paginate spreads the output over up to limit pages of about the same size. A file and the one it
// continues in stay together: a manifest names available files only.
func (p *plan) paginate(limit int) {
	n := len(p.output)
	p.ends = []int{0}
	for page := 1; page <= limit; page++ {
		end := max(n*page/limit, p.ends[len(p.ends)-1])
		for end > 0 && end < n && p.output[end-1].continues >= 0 {
			end++
		}
		if end > p.ends[len(p.ends)-1] {
			p.ends = append(p.ends, end)
		}
	}
	if len(p.ends) == 1 {
		p.ends = append(p.ends, 0) // an export without output still has a manifest
	}
	p.pages = len(p.ends) - 1
}

const (
	// filesPerType is into how many files a type is divided without ResourcesPerFile, and
	// smallestFile the size below which dividing stops.
	filesPerType = 4
	smallestFile = 20
	// deletionsPerBundle and bundlesPerFile bound the deleted files.
	deletionsPerBundle = 10
	bundlesPerFile     = 1000
	// maxPages is how many manifests allowPartialManifests spreads the output over: three, so that a chain
	// has a middle.
	maxPages = 3
)

var errFailed = errors.New("the job failed")

// makePlan counts what the job exports and divides it into files.
func (j *job) makePlan(ctx context.Context) (*plan, error) {
	b := &j.s.cfg.Behaviour
	if j.ex.Group == RehearseFailure && j.s.cfg.RehearsalGroups || b.FailJob != nil && b.FailJob(j.info("")) {
		return nil, errFailed
	}
	p := &plan{}
	var err error
	if j.ex.OrganizeBy != "" {
		p.output, err = j.planBlocks(ctx)
	} else {
		p.output, err = j.planTypes(ctx)
	}
	if err != nil {
		return nil, err
	}
	if p.deleted, err = j.planDeleted(ctx); err != nil {
		return nil, err
	}
	p.errors = j.planErrors()
	if b.Extra != nil {
		for _, x := range b.Extra(j.info("")) {
			extra := part{kind: x.Kind, typ: x.Type, lines: len(x.Lines), extra: x.Lines, continues: -1}
			switch x.Kind {
			case OutputFile:
				p.output = append(p.output, extra)
			case DeletedFile:
				p.deleted = append(p.deleted, extra)
			case ErrorFile:
				p.errors = append(p.errors, extra)
			}
		}
	}
	if j.ex.Partial {
		p.paginate(maxPages)
	} else {
		p.paginate(1)
	}
	for _, list := range [][]part{p.output, p.deleted, p.errors} {
		number(list)
	}
	return p, ctx.Err()
}

// number fills in typeIndex and typeFiles.
func number(list []part) {
	total := map[string]int{}
	for i := range list {
		list[i].typeIndex = total[list[i].typ]
		total[list[i].typ]++
	}
	for i := range list {
		list[i].typeFiles = total[list[i].typ]
	}
}

// fileSize is the configured bound of lines per file, 0 if there is none.
func (j *job) fileSize() int {
	if n := j.s.cfg.Behaviour.ResourcesPerFile; n > 0 {
		return n
	}
	return j.s.cfg.ResourcesPerFile
}

// planTypes divides the export into files of one type each. A type without resources has no file.
func (j *job) planTypes(ctx context.Context) ([]part, error) {
	var out []part
	for _, typ := range j.sel.exportTypes() {
		n, err := j.sel.count(ctx, typ)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if j.s.cfg.Behaviour.EmptyFiles && j.sel.wants(typ) {
				out = append(out, part{kind: OutputFile, typ: typ, continues: -1})
			}
			continue
		}
		size := j.fileSize()
		if size == 0 {
			size = max(smallestFile, (n+filesPerType-1)/filesPerType)
		}
		for first := 0; first < n; first += size {
			out = append(out, part{kind: OutputFile, typ: typ, first: first, lines: min(size, n-first), continues: -1})
		}
	}
	return out, nil
}

// planDeleted counts the Bundles of deletions.
func (j *job) planDeleted(ctx context.Context) ([]part, error) {
	if j.ex.Since.IsZero() || j.s.cfg.IG < IG200 {
		return nil, nil
	}
	n := 0
	for range j.deletions(ctx) {
		n++
	}
	bundles := (n + deletionsPerBundle - 1) / deletionsPerBundle
	var out []part
	for first := 0; first < bundles; first += bundlesPerFile {
		out = append(out, part{kind: DeletedFile, typ: "Bundle", first: first, lines: min(bundlesPerFile, bundles-first), continues: -1})
	}
	return out, ctx.Err()
}

// deletions yields the deletions the job reports, hooks included.
func (j *job) deletions(ctx context.Context) func(func(dataset.Deletion) bool) {
	hook := j.s.cfg.Behaviour.Deletion
	if hook == nil {
		return j.sel.deletions(ctx)
	}
	return func(yield func(dataset.Deletion) bool) {
		for d := range j.sel.set.Deletions() {
			if hook(j.info(""), d, j.sel.includesDeletion(d)) && !yield(d) {
				return
			}
		}
	}
}

// planErrors makes an OperationOutcome of each problem that was passed over, and of what got lost.
func (j *job) planErrors() []part {
	var lines []string
	for _, i := range j.ex.Ignored {
		i.Text += " It was ignored, as handling=lenient asks for."
		lines = append(lines, string(outcome("warning", i)))
	}
	if j.sel.lost != "" {
		lines = append(lines, string(outcome("error", Issue{Code: "exception",
			Text: "The " + j.sel.lost + " resources could not be read and are missing from the export. (This Group rehearses a loss.)"})))
	}
	if len(lines) == 0 {
		return nil
	}
	return []part{{kind: ErrorFile, typ: "OperationOutcome", lines: len(lines), extra: lines, continues: -1}}
}

// unlimited stands in for no bound of a file.
const unlimited = math.MaxInt
