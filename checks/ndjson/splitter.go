package ndjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
)

const (
	// chunkSize is what a goroutine judges at a time. 55 MB of Synthea data with two jobs on two free cores took
	// 36 ms in chunks of 16 KiB, 31 of 64, 29 of 128, 26 of 256, and no less than 25 in larger ones.
	chunkSize = 256 << 10
	// chunkBudget bounds all chunks of a scan together, however many goroutines there are. A line that is
	// longer than its share waits for the one big buffer.
	chunkBudget = 8 << 20
	maxJobs     = chunkBudget/chunkSize - 4
)

// chunk is a run of whole lines, or the announcement of one line that is too long to be judged.
type chunk struct {
	own     []byte      // the chunk's buffer
	buf     []byte      // own, or the big buffer
	n       int         // bytes of buf in use
	base    int64       // offset of buf[0] in the stream
	size    int64       // bytes of the stream that this chunk stands for
	tooLong int64       // length of a line beyond MaxLine, without line feed; nothing of it is in buf
	noLF    bool        // the stream ended without line feed after the chunk's last line
	out     chan *batch // results, in parallel scans
}

// splitter cuts a stream into chunks of whole lines.
type splitter struct {
	r       io.Reader
	ctx     context.Context
	get     func() (*chunk, error)  // a free chunk
	big     chan []byte             // holds the one big buffer while nobody uses it
	size    int                     // initial size of chunks
	medium  int                     // size up to which a chunk's own buffer may grow
	maxLine int                     //
	sum     hash.Hash               // nil if not wanted
	next    *chunk                  // chunk begun with the tail of the one before
	off     int64                   // bytes read
	err     error                   // what ended the stream
	refused func(head []byte) error // looks at the first bytes of the stream
	begun   bool
}

func newSplitter(ctx context.Context, r io.Reader, maxLine, chunks, size int, hash bool) *splitter {
	s := &splitter{r: r, ctx: ctx, size: size, maxLine: maxLine, big: make(chan []byte, 1), refused: refuse}
	s.medium = max(chunkBudget/chunks, size)
	s.big <- nil
	if hash {
		s.sum = sha256.New()
	}
	return s
}

// read reads into p and counts. It never returns 0, nil.
func (s *splitter) read(p []byte) (int, error) {
	for range 100 {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := s.r.Read(p)
		if n > 0 {
			s.off += int64(n)
			if s.sum != nil {
				s.sum.Write(p[:n])
			}
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// nextChunk returns the next chunk. After the last one it returns io.EOF, or the error that ended the stream; a
// line cut short by such an error is not returned.
func (s *splitter) nextChunk() (*chunk, error) {
	c := s.next
	s.next = nil
	if c == nil {
		if s.err != nil {
			return nil, s.err
		}
		var err error
		if c, err = s.take(nil); err != nil {
			return nil, err
		}
	}
	searched := 0
	for {
		s.fill(c)
		if !s.begun {
			s.begun = true
			if err := s.refused(c.buf[:c.n]); err != nil {
				s.err = err
				return nil, err
			}
		}
		if s.err == io.EOF {
			if c.n == 0 {
				return nil, io.EOF
			}
			c.noLF = c.buf[c.n-1] != '\n'
			c.size = int64(c.n)
			return c, nil
		}
		if lf := lastLineFeed(c.buf[searched:c.n]); lf >= 0 {
			return s.cut(c, searched+lf+1)
		}
		if s.err != nil {
			return nil, s.err
		}
		if c.n > s.maxLine { // and still no line feed
			return s.skip(c)
		}
		searched = c.n
		if c.n == len(c.buf) {
			if err := s.grow(c); err != nil {
				return nil, err
			}
		}
	}
}

// lastLineFeed is bytes.LastIndexByte for bytes that hold either many line feeds or none: looking from the front
// is vectorised, looking from the back is not.
func lastLineFeed(b []byte) int {
	if bytes.IndexByte(b, '\n') < 0 {
		return -1
	}
	return bytes.LastIndexByte(b, '\n')
}

// fill reads until the chunk is full or the stream ends. The big buffer is filled in steps, because what follows
// the long line must fit into an ordinary chunk.
func (s *splitter) fill(c *chunk) {
	for s.err == nil && c.n < len(c.buf) {
		free := c.buf[c.n:]
		if s.isBig(c) {
			free = free[:min(len(free), s.size)]
		}
		n, err := s.read(free)
		c.n += n
		s.err = err
		if s.isBig(c) {
			return
		}
	}
}

// take gets a free chunk and puts the tail into it.
func (s *splitter) take(tail []byte) (*chunk, error) {
	c, err := s.get()
	if err != nil {
		return nil, err
	}
	if need := max(s.size, min(2*len(tail), s.medium), len(tail)); len(c.own) < need {
		c.own = make([]byte, need)
	}
	c.buf, c.tooLong, c.noLF, c.size = c.own, 0, false, 0
	c.n = copy(c.buf, tail)
	c.base = s.off - int64(len(tail))
	return c, nil
}

// cut ends the chunk after end bytes and carries the rest over into the next one.
func (s *splitter) cut(c *chunk, end int) (*chunk, error) {
	if tail := c.buf[end:c.n]; len(tail) > 0 && s.err == nil {
		next, err := s.take(tail)
		if err != nil {
			return nil, err
		}
		s.next = next
	}
	c.n, c.size = end, int64(end)
	return c, nil
}

func (s *splitter) isBig(c *chunk) bool { return len(c.buf) > len(c.own) }

// grow makes room in a chunk that is full without holding one whole line.
func (s *splitter) grow(c *chunk) error {
	if !s.isBig(c) {
		if size := min(2*len(c.own), s.medium); size > len(c.own) {
			own := make([]byte, size)
			copy(own, c.buf[:c.n])
			c.own, c.buf = own, own
			return nil
		}
		select {
		case buf := <-s.big:
			if len(buf) <= len(c.own) {
				buf = make([]byte, min(2*len(c.own), s.limit()))
			}
			copy(buf, c.buf[:c.n])
			c.buf = buf
			return nil
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	buf := make([]byte, min(2*len(c.buf), s.limit()))
	copy(buf, c.buf[:c.n])
	c.buf = buf
	return nil
}

// limit is the size of the big buffer: one line that may just be judged, and the step in which it is read.
func (s *splitter) limit() int { return max(s.maxLine+s.size, s.medium+s.size) }

// release gives the big buffer back if the chunk has it.
func (s *splitter) release(c *chunk) {
	if s.isBig(c) {
		buf := c.buf
		c.buf = c.own
		s.big <- buf
	}
}

// skip reads on to the end of a line that is too long, without keeping it.
func (s *splitter) skip(c *chunk) (*chunk, error) {
	s.release(c)
	length := int64(c.n)
	c.n = 0
	for {
		n, err := s.read(c.own)
		if lf := bytes.IndexByte(c.own[:n], '\n'); lf >= 0 {
			s.err = err
			c.tooLong = length + int64(lf)
			c.size = c.tooLong + 1
			if tail := c.own[lf+1 : n]; len(tail) > 0 {
				if s.next, err = s.take(tail); err != nil {
					return nil, err
				}
			}
			return c, nil
		}
		length += int64(n)
		if err != nil {
			s.err = err
			if err != io.EOF {
				return nil, err
			}
			c.tooLong, c.size, c.noLF = length, length, true
			return c, nil
		}
	}
}
