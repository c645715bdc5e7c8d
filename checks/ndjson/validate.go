package ndjson

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// ValidateOptions say how Validate works. Its zero value judges JSON well-formedness and uniqueness.
type ValidateOptions struct {
	// Scan applies to every file. Its Type, if set, overrides what a manifest announces; its Unique is replaced.
	Scan Options
	// Limits bound compressed input.
	Limits Limits
	// NoDuplicates leaves out the uniqueness of type and id.
	NoDuplicates bool
	// TempDir is where notes about ids go when they do not fit into memory; "" means the system's folder.
	TempDir string
	// OnFile, if set, gets the result of each file when it is done.
	OnFile func(FileResult)
	// Progress, if set, is called now and then, in the goroutine that called Validate.
	Progress func(Progress)
}

// Progress says how far Validate is.
type Progress struct {
	File        string
	Index       int   // of the file, from 0
	Files       int   // number of files
	Stored      int64 // bytes read so far, as stored, over all files
	StoredTotal int64 // bytes of all files as stored, -1 if not known
	Bytes       int64 // decompressed bytes judged so far, over all files
}

// FileResult is what became of one file.
type FileResult struct {
	Summary
	Err error // why the file was not read to its end, nil if it was
}

// Result is what Validate found.
type Result struct {
	Files   []FileResult // in the order of the inputs
	Groups  []Group      // over all files, with duplicates; errors first, then by rule and path
	ByType  []TypeCount  // exported resources, sorted by type; without error and deleted files
	Lines   int64        // lines that are not blank, in all files
	Skipped int64        // lines too long to be judged
	Bytes   int64        // decompressed

	Errors, Warnings, Notes int64

	GroupsTruncated bool
	// Incomplete says, one sentence each, what was not judged. A result with one is not a pass.
	Incomplete []string
}

// keptGroups is how many groups of single files Validate keeps; those over all files are kept besides.
const keptGroups = 10000

// Validate scans the inputs one after another and puts the results together. Findings about duplicates come last,
// because they can be known only then; o.Scan.NewJudge is called once for each goroutine, not for each file. A file that cannot be read does not
// end it: that is in the file's Err and in Incomplete. The error is not nil only if ctx ended; the Result then
// covers what was done until then.
func Validate(ctx context.Context, inputs []Input, o ValidateOptions) (Result, error) {
	o.Scan = o.Scan.withDefaults()
	var u *Unique
	if !o.NoDuplicates {
		u = NewUnique(o.TempDir, 0)
		defer u.Close()
	}
	pool := judgePool{make: o.Scan.NewJudge}
	o.Scan.NewJudge = pool.get
	v := &validation{o: &o, inputs: inputs, unique: u, judges: &pool, tally: newTally(o.Scan.MaxFindings)}
	for i := range inputs {
		if err := ctx.Err(); err != nil {
			break
		}
		v.file(ctx, i)
	}
	if u != nil && ctx.Err() == nil {
		kept := o.Scan.MaxFindings
		if kept == 0 {
			kept = -1
		}
		groups, err := u.Report(ctx, kept, o.Scan.OnFinding)
		v.tally.merge(groups, false)
		if err != nil {
			v.result.Incomplete = append(v.result.Incomplete, fmt.Sprintf("Duplicates were not looked for: %v.", err))
		}
	}
	r := &v.result
	r.ByType = v.types.sorted()
	r.Groups, r.GroupsTruncated = v.tally.groups()
	r.Errors, r.Warnings, r.Notes = v.tally.count[resource.Error], v.tally.count[resource.Warning], v.tally.count[resource.Note]
	if err := ctx.Err(); err != nil {
		r.Incomplete = append(r.Incomplete, fmt.Sprintf("The validation was interrupted after %d of %d files.", len(r.Files), len(inputs)))
		return *r, context.Cause(ctx)
	}
	return *r, nil
}

// validation is one run of Validate.
type validation struct {
	o      *ValidateOptions
	inputs []Input
	unique *Unique
	judges *judgePool
	tally  tally
	types  typeCounts
	groups int // kept in result.Files
	stored atomic.Int64
	total  int64 // bytes of all inputs as stored, -1 if one is unknown
	result Result
}

// judgePool gives the judges of one file to the next one, because a judge may be costly to make and learns from
// what it has seen.
type judgePool struct {
	make   func() resource.Judge
	mu     sync.Mutex
	judges []resource.Judge
	next   int // the first one not in use
}

func (p *judgePool) get() resource.Judge {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == len(p.judges) {
		p.judges = append(p.judges, p.make())
	}
	p.next++
	return p.judges[p.next-1]
}

// file scans one input.
func (v *validation) file(ctx context.Context, i int) {
	in, o, r := &v.inputs[i], v.o.Scan, &v.result
	if o.Type == "" {
		o.Type = in.Type
	}
	if !in.Auxiliary {
		o.Unique = v.unique
	} else {
		o.Unique = nil
	}
	progress := o.Progress
	o.Progress = func(bytes int64) {
		if progress != nil {
			progress(r.Bytes + bytes)
		}
		if v.o.Progress != nil {
			v.o.Progress(Progress{
				File: in.Name, Index: i, Files: len(v.inputs),
				Stored: v.stored.Load(), StoredTotal: v.total, Bytes: r.Bytes + bytes,
			})
		}
	}
	f := FileResult{Summary: Summary{File: in.Name, FinalNewline: true}}
	content, err := in.Open(ctx, v.o.Limits, &v.stored)
	v.total = storedTotal(v.inputs)
	if err != nil {
		f.Err, f.Incompleteness = err, fmt.Sprintf("The file could not be opened: %v.", err)
	} else {
		v.judges.next = 0
		f.Summary, f.Err = Scan(ctx, in.Name, content, o)
		if err := content.Close(); err != nil && f.Err == nil {
			f.Err = fmt.Errorf("closing %s: %w", in.Name, err)
		}
	}
	r.Lines += f.Lines
	r.Skipped += f.Skipped
	r.Bytes += f.Bytes
	if !in.Auxiliary {
		for _, t := range f.ByType {
			v.types.add(t)
		}
	}
	v.tally.merge(f.Groups, f.GroupsTruncated)
	if !f.Complete {
		r.Incomplete = append(r.Incomplete, in.Name+": "+f.Incompleteness)
	}
	if f.Skipped > 0 {
		r.Incomplete = append(r.Incomplete, fmt.Sprintf("%s: %d lines are longer than the limit and were not judged.", in.Name, f.Skipped))
	}
	if v.o.OnFile != nil {
		v.o.OnFile(f)
	}
	// However many files there are, what is kept of them stays bounded.
	if v.groups += len(f.Groups); v.groups > keptGroups {
		f.GroupsTruncated = f.GroupsTruncated || len(f.Groups) > 0
		f.Groups = nil
	}
	r.Files = append(r.Files, f)
}

func storedTotal(inputs []Input) int64 {
	var sum int64
	for i := range inputs {
		if inputs[i].Size < 0 {
			return -1
		}
		sum += inputs[i].Size
	}
	return sum
}

// FailOn is the least severity of a finding that makes a validation fail.
type FailOn uint8

// Levels of FailOn. The zero value is the default of the command line.
const (
	FailOnError FailOn = iota
	FailOnWarning
	FailOnNote
	FailNever
)

// ParseFailOn returns the level of that name: "error", "warning", "note" or "never".
func ParseFailOn(name string) (FailOn, error) {
	switch name {
	case "error":
		return FailOnError, nil
	case "warning":
		return FailOnWarning, nil
	case "note":
		return FailOnNote, nil
	case "never":
		return FailNever, nil
	}
	return 0, fmt.Errorf("%q is no level to fail on: use error, warning, note or never", name)
}

// Failed reports whether there is a finding of at least that severity.
func (r *Result) Failed(on FailOn) bool {
	switch on {
	case FailOnError:
		return r.Errors > 0
	case FailOnWarning:
		return r.Errors+r.Warnings > 0
	case FailOnNote:
		return r.Errors+r.Warnings+r.Notes > 0
	}
	return false
}

// ExitCode returns the process's exit code: 0 if all is well, 1 if Failed, 3 if something was not judged, 4 if
// there was not one resource.
func (r *Result) ExitCode(on FailOn) int {
	switch {
	case r.Failed(on):
		return 1
	case len(r.Incomplete) > 0:
		return 3
	case r.Lines == 0:
		return 4
	}
	return 0
}
