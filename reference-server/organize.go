package refserver

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Output organized by Patient (3.0.0 export.html#bulk-data-output-file-organization): a block is a header,
// the Patient, and what the export holds of the patient's compartment, in the order of the types. At the
// system level Devices and Groups come with the patient they name (first); resources that refer to no
// patient are left out, which the guide allows.
//
// The blocks are made by walking through all types side by side: the dataset yields each type in the
// order of the patients, so one pass with one resource per type in memory is enough.

// blockPlace is where in the sequence of blocks a file begins: the block, and how many of its resources
// came before.
type blockPlace struct{ block, resource int }

// block is one resource block; its lines are copies and hold no header.
type block struct {
	patient string
	n       int
	lines   [][]byte
}

// homeOf is the patient in whose block a resource stands: the one the dataset hangs it on, or the first
// one it refers to if it is in no compartment; "" if there is none. A Coverage names its subscriber
// before its beneficiary and hangs on the latter, so the last one counts.
func homeOf(r *dataset.Resource) string {
	switch {
	case r.Type == "Patient":
		return r.ID
	case r.Provenance != nil:
		for _, t := range r.Provenance.Targets {
			if len(t.Patients) > 0 {
				return t.Patients[0]
			}
		}
	case len(r.Patients) > 0:
		return r.Patients[len(r.Patients)-1]
	}
	for _, ref := range r.Refs {
		if id, ok := strings.CutPrefix(ref, "Patient/"); ok {
			return id
		}
	}
	return ""
}

// walked tells whether resources of a type come in the order of the patients.
func walked(typ string) bool {
	return typ == "Device" || slices.Contains(compartmentTypes, typ)
}

// reference names a resource.
type reference struct{ typ, id string }

// strays finds the resources whose home is not in the export or that do not come in order, and gives
// them another patient: the first one of the export that they belong or refer to. Only those are
// remembered: Groups, and what a member shares with a non-member.
func (s *selection) strays(ctx context.Context) (map[string][]reference, error) {
	out := map[string][]reference{}
	limited := s.ex.Level == GroupLevel || s.patients != nil
	for _, typ := range s.exportTypes() {
		if walked(typ) && !limited {
			continue
		}
		for r := range s.resources(ctx, typ) {
			home := homeOf(r)
			if home == "" || walked(typ) && s.covers(home) {
				continue
			}
			if to := s.otherHome(r); to != "" {
				out[to] = append(out[to], reference{r.Type, r.ID})
			}
		}
	}
	return out, ctx.Err()
}

func (s *selection) otherHome(r *dataset.Resource) string {
	candidates := slices.Clone(r.Patients)
	if r.Provenance != nil {
		for _, t := range r.Provenance.Targets {
			candidates = append(candidates, t.Patients...)
		}
	}
	for _, ref := range r.Refs {
		if id, ok := strings.CutPrefix(ref, "Patient/"); ok {
			candidates = append(candidates, id)
		}
	}
	for _, id := range candidates {
		if s.covers(id) {
			return id
		}
	}
	return ""
}

// blocks yields the blocks of the export. Those before number full only tell how many resources they
// have. A block without resources is none.
func (s *selection) blocks(ctx context.Context, strays map[string][]reference, full int) iter.Seq[*block] {
	return func(yield func(*block) bool) {
		type stream struct {
			head *dataset.Resource
			next func() (*dataset.Resource, bool)
		}
		var streams []*stream
		for _, typ := range s.exportTypes() {
			if typ == "Patient" || !walked(typ) {
				continue
			}
			next, stop := iter.Pull(s.set.Resources(typ))
			defer stop()
			st := &stream{next: next}
			st.head, _ = next()
			streams = append(streams, st)
		}
		b, number := &block{}, 0
		add := func(r *dataset.Resource) {
			b.n++
			if number >= full {
				b.lines = append(b.lines, s.render(slices.Clone(r.JSON), r.Type))
			}
		}
		for patient := range s.set.Resources("Patient") {
			if gone(ctx) {
				return
			}
			*b = block{patient: patient.ID}
			if s.includes(patient) {
				add(patient)
			}
			for _, st := range streams {
				for st.head != nil {
					home := homeOf(st.head)
					if home != "" && home != patient.ID {
						break
					}
					if home != "" && s.covers(home) && s.includes(st.head) {
						add(st.head)
					}
					st.head, _ = st.next()
				}
			}
			for _, ref := range strays[patient.ID] {
				if r, ok := s.set.Get(ref.typ, ref.id); ok {
					add(r)
				}
			}
			if b.n == 0 {
				continue
			}
			if !yield(b) {
				return
			}
			number++
		}
	}
}

// planBlocks divides the blocks into files. Whole blocks only, unless a block alone exceeds the bound of
// a file: then it is split, its header repeated, and continues tells where it goes on.
func (j *job) planBlocks(ctx context.Context) ([]part, error) {
	strays, err := j.sel.strays(ctx)
	if err != nil {
		return nil, err
	}
	j.strays = strays
	limit, target := j.fileSize(), 0
	if limit == 0 {
		// No bound: blocks are never split, and files are closed at about a quarter of everything.
		total := 0
		for _, typ := range j.sel.exportTypes() {
			total += j.sel.set.Count(typ)
		}
		limit, target = unlimited, max(smallestFile, total/filesPerType)
	} else {
		limit = max(limit, 2) // a header and a resource
		target = limit
	}
	var (
		out  []part
		open *part
		n    int
	)
	begin := func(at blockPlace) {
		out = append(out, part{kind: OutputFile, from: at, continues: -1})
		open = &out[len(out)-1]
	}
	for b := range j.sel.blocks(ctx, strays, unlimited) {
		if open == nil || open.lines > 0 && (open.lines+1+b.n > target || open.lines >= target) {
			begin(blockPlace{block: n})
		}
		done := 0
		for {
			room := b.n - done
			if limit != unlimited {
				room = min(room, limit-open.lines-1)
			}
			open.lines += 1 + room
			done += room
			if done == b.n {
				break
			}
			open.continues = len(out)
			begin(blockPlace{block: n, resource: done})
		}
		n++
	}
	return out, ctx.Err()
}

// blockHeader is the Parameters resource at the start of a block.
func (j *job) blockHeader(patient string) []byte {
	reference := "Patient/" + patient
	if j.s.cfg.AbsoluteReferences {
		reference = j.base + "/" + reference
	}
	line, _ := json.Marshal(map[string]any{"resourceType": "Parameters", "parameter": []any{
		map[string]any{"name": "header", "valueReference": map[string]any{"reference": reference}}}})
	return line
}

// writeBlocks writes the file that begins at p.from, p.lines lines long.
func (j *job) writeBlocks(ctx context.Context, w io.Writer, p part) error {
	left, n := p.lines, -1
	for b := range j.sel.blocks(ctx, j.strays, p.from.block) {
		n++
		if n < p.from.block {
			continue
		}
		lines := b.lines
		if n == p.from.block {
			lines = lines[p.from.resource:]
		}
		if err := writeLine(w, j.blockHeader(b.patient)); err != nil {
			return err
		}
		left--
		for _, line := range lines {
			if left == 0 {
				return nil
			}
			if err := writeLine(w, line); err != nil {
				return err
			}
			left--
		}
		if left <= 0 {
			return nil
		}
	}
	return ctx.Err()
}
