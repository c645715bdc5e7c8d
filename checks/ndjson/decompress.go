package ndjson

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits bound what compressed input can cost. The zero value stands for the defaults.
type Limits struct {
	// MaxRatio is how many times larger than its compressed form a stream may become; 0 means 250, negative no
	// limit. FHIR data reaches 10 to 40, a bomb of gzip 1,032 and one of Zstandard far more. The first 64 MiB of a
	// stream are free, so that small files of equal lines pass.
	MaxRatio int64
	// MaxWindow is the memory in bytes that a Zstandard stream may ask for; 0 means 8 MiB, which every decoder
	// should support (RFC 8878 section 3.1.1.1.2).
	MaxWindow uint64
}

const freeBytes = 64 << 20

// ErrBomb is wrapped by the error of a stream that grew beyond Limits.MaxRatio.
var ErrBomb = errors.New("refused as a decompression bomb")

// Decompress returns the content of r: decompressed if r starts like a gzip or a Zstandard stream, as it is
// otherwise. It errs if r cannot be read. Reading errs when the compressed data is damaged or beyond the limits.
// Close releases what decompressing took; it does not close r.
func Decompress(r io.Reader, l Limits) (io.ReadCloser, error) {
	if l.MaxRatio == 0 {
		l.MaxRatio = 250
	}
	if l.MaxWindow == 0 {
		l.MaxWindow = 8 << 20
	}
	counted := &countingReader{r: r}
	b := bufio.NewReaderSize(counted, 64<<10)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case len(head) >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8:
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("the gzip header is damaged: %w", err)
		}
		return &inflated{r: z, close: func() { z.Close() }, in: counted, max: l.MaxRatio, what: "gzip"}, nil
	case len(head) == 4 && (string(head) == "\x28\xb5\x2f\xfd" || head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18"):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(l.MaxWindow))
		if err != nil {
			return nil, fmt.Errorf("the Zstandard stream cannot be read: %w", err)
		}
		return &inflated{r: z, close: z.Close, in: counted, max: l.MaxRatio, what: "Zstandard"}, nil
	}
	return io.NopCloser(b), nil
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// inflated reads decompressed data and watches the ratio.
type inflated struct {
	r     io.Reader
	close func()
	in    *countingReader
	out   int64
	max   int64
	what  string
}

func (z *inflated) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	z.out += int64(n)
	if z.max > 0 && z.out > freeBytes && z.out/z.max > z.in.n {
		return n, fmt.Errorf("%d bytes of %s data became more than %d bytes, over %d times as much: %w; decompress it yourself if it is genuine",
			z.in.n, z.what, z.out, z.max, ErrBomb)
	}
	switch {
	case err == nil || err == io.EOF:
	case err == io.ErrUnexpectedEOF:
		err = fmt.Errorf("the %s data is cut short: %w", z.what, err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fmt.Errorf("the Zstandard data needs more memory than allowed, it was probably compressed with --long; decompress it yourself: %w", err)
	default:
		err = fmt.Errorf("the %s data is damaged: %w", z.what, err)
	}
	return n, err
}

func (z *inflated) Close() error {
	z.close()
	return nil
}
