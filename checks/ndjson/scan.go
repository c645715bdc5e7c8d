package ndjson

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/bulkproof/bulkproof/checks/resource"
)

// Scan reads r to its end as NDJSON and judges every line; file is the name that findings bear. What is wrong
// with the content is in the Summary. The error is not nil if reading failed, ctx ended, or the judge panicked;
// the Summary then covers what was read, its Complete is false and its last line was not judged.
//
// Memory stays below about 20 MB and what the judge needs; lines beyond 1 MiB or so share one buffer that grows by
// doubling, so that lines of 64 MiB take 100 to 160 MB until the old buffer is collected.
// A cancelled ctx takes effect when the current Read returns.
func Scan(ctx context.Context, file string, r io.Reader, o Options) (Summary, error) {
	o = o.withDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := newMerger(file, &o)
	s := newSplitter(ctx, r, o.MaxLine, o.Jobs+3, o.chunk, o.Hash)
	var err error
	if o.Jobs == 1 {
		err = scanHere(s, m, &o)
	} else {
		err = scanParallel(ctx, cancel, s, m, &o)
	}
	return m.finish(s, err)
}

func (o Options) withDefaults() Options {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	o.Jobs = min(o.Jobs, maxJobs)
	switch {
	case o.MaxFindings == 0:
		o.MaxFindings = DefaultMaxFindings
	case o.MaxFindings < 0:
		o.MaxFindings = 0
	}
	if o.NewJudge == nil {
		o.NewJudge = func() resource.Judge { return resource.NewJudge(nil, resource.Options{}) }
	}
	if o.chunk == 0 {
		o.chunk = chunkSize
	}
	o.chunk = max(o.chunk, 8) // what refuse looks at
	return o
}

// spareChunks are for scanHere, whose callers have many small files one after the other.
var spareChunks = sync.Pool{New: func() any { return new(chunk) }}

// scanHere does everything in one goroutine.
func scanHere(s *splitter, m *merger, o *Options) error {
	free := []*chunk{spareChunks.Get().(*chunk), spareChunks.Get().(*chunk)}
	defer func() {
		for _, c := range free {
			if len(c.own) == chunkSize { // one that grew is for the collector
				*c = chunk{own: c.own}
				spareChunks.Put(c)
			}
		}
	}()
	s.get = func() (*chunk, error) {
		c := free[len(free)-1]
		free = free[:len(free)-1]
		return c, nil
	}
	var failed error
	w := newWorker(o, func(b *batch) *batch {
		m.batch(b)
		if failed = b.err; failed != nil {
			return nil
		}
		b.reset()
		return b
	})
	w.b = new(batch)
	for {
		c, err := s.nextChunk()
		if err != nil {
			return err
		}
		m.begin(c)
		if !w.chunk(c) {
			return failed
		}
		m.end(c)
		s.release(c)
		free = append(free, c)
	}
}

// scanParallel reads in one goroutine, judges in o.Jobs others, and merges in this one. Chunks reach the merger
// in the order of the input and each delivers its batches through its own channel, so the order of findings does
// not depend on which goroutine is faster.
func scanParallel(ctx context.Context, cancel context.CancelCauseFunc, s *splitter, m *merger, o *Options) error {
	chunks := o.Jobs + 3
	free := make(chan *chunk, chunks)
	for range chunks {
		free <- &chunk{out: make(chan *batch, 1)}
	}
	// At most one batch waits in each chunk's channel and one in each worker's hands, so that the chunk whose turn
	// it is always finds a free one.
	batches := make(chan *batch, 2*chunks+o.Jobs)
	for range cap(batches) {
		batches <- nil // made when needed
	}
	todo := make(chan *chunk, chunks)
	order := make(chan *chunk, chunks)
	var readErr error

	s.get = func() (*chunk, error) {
		select {
		case c := <-free:
			return c, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil) // before the wait
	wg.Go(func() {
		defer close(order)
		defer close(todo)
		for {
			c, err := s.nextChunk()
			if err != nil {
				readErr = err // order is closed after this and read until then
				return
			}
			order <- c // never blocks: there are not more chunks than room
			todo <- c
		}
	})
	take := func() *batch {
		select {
		case b := <-batches:
			if b == nil {
				b = new(batch)
			}
			return b
		case <-ctx.Done():
			return nil
		}
	}
	for range o.Jobs {
		wg.Go(func() {
			var current *chunk
			w := newWorker(o, func(b *batch) *batch {
				select {
				case current.out <- b:
					return take()
				case <-ctx.Done():
					return nil
				}
			})
			for current = range todo {
				if w.b == nil {
					if w.b = take(); w.b == nil {
						return
					}
				}
				if !w.chunk(current) {
					return
				}
			}
		})
	}
	for c := range order {
		m.begin(c)
		for done := false; !done; {
			select {
			case b := <-c.out:
				m.batch(b)
				if b.err != nil {
					return b.err
				}
				done = b.done
				b.reset()
				batches <- b
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		m.end(c)
		s.release(c)
		free <- c
	}
	return readErr
}

// finish makes the Summary. err is what ended the scan, io.EOF if all is well.
func (m *merger) finish(s *splitter, err error) (Summary, error) {
	var refused *refusal
	sum := &m.sum
	switch {
	case err == io.EOF:
		m.endOfStream()
		sum.Complete = true
		if s.sum != nil {
			sum.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
		}
		err = nil
	case errors.As(err, &refused):
		m.find(Finding{File: sum.File, Line: 1, Problem: refused.p})
		sum.Incompleteness = refused.p.Message
		err = nil
	default:
		m.flushBlanks(resource.Warning)
		sum.Incompleteness = fmt.Sprintf("Reading stopped after %d bytes: %v.", sum.Bytes, err)
		err = fmt.Errorf("reading %s stopped after %d lines (%d bytes): %w", sum.File, sum.Physical, sum.Bytes, err)
	}
	sum.ByType = m.types.sorted()
	sum.Groups, sum.GroupsTruncated = m.tally.groups()
	sum.Errors, sum.Warnings, sum.Notes = m.tally.count[resource.Error], m.tally.count[resource.Warning], m.tally.count[resource.Note]
	if m.o.Progress != nil {
		m.o.Progress(sum.Bytes)
	}
	return *sum, err
}
