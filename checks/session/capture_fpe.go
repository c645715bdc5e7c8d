package session

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
)

// pseudonyms replaces runs of letters and digits by others of the same shape, under a key that dies with the recording:
// equal runs stay equal, different ones different, lengths and classes of characters stay. Short runs are permuted within
// their shape (a Feistel network with cycle walking), so that ids like "1" to "9" do not collide; long ones are drawn.
type pseudonyms struct{ block cipher.Block }

func newPseudonyms(key [16]byte) pseudonyms {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("AES takes a key of 16 bytes") // and it is an array of 16 bytes
	}
	return pseudonyms{b}
}

// class is what a character may become.
type class struct {
	low byte
	n   uint64
}

// classes returns the class of each character of a run of ASCII letters and digits. Letters of hexadecimal runs stay
// hexadecimal, as in a UUID; the first digit of a number stays zero or not zero, as in an OID.
func classes(run string) []class {
	hexLow, hexUp, digits := true, true, true
	for i := range len(run) {
		c := run[i]
		d := c >= '0' && c <= '9'
		digits = digits && d
		hexLow = hexLow && (d || c >= 'a' && c <= 'f')
		hexUp = hexUp && (d || c >= 'A' && c <= 'F')
	}
	out := make([]class, len(run))
	for i := range len(run) {
		switch c := run[i]; {
		case c == '0' && i == 0 && digits:
			out[i] = class{'0', 1}
		case c >= '1' && c <= '9' && i == 0 && digits:
			out[i] = class{'1', 9}
		case c >= '0' && c <= '9':
			out[i] = class{'0', 10}
		case c >= 'a' && c <= 'z' && hexLow:
			out[i] = class{'a', 6}
		case c >= 'A' && c <= 'Z' && hexUp:
			out[i] = class{'A', 6}
		case c >= 'a' && c <= 'z':
			out[i] = class{'a', 26}
		default:
			out[i] = class{'A', 26}
		}
	}
	return out
}

// of returns the pseudonym of a run.
func (p pseudonyms) of(run string) string {
	cs := classes(run)
	size, x := uint64(1), uint64(0)
	for i, c := range cs {
		hi, lo := bits.Mul64(size, c.n)
		if hi != 0 || lo > 1<<60 {
			return p.drawn(run, cs)
		}
		size = lo
		x = x*c.n + uint64(run[i]-c.low)
	}
	if size == 1 {
		return run
	}
	x = p.permute(x, size, tweak(cs))
	out := make([]byte, len(run))
	for i := len(cs) - 1; i >= 0; i-- {
		out[i] = cs[i].low + byte(x%cs[i].n)
		x /= cs[i].n
	}
	return string(out)
}

// tweak tells shapes apart, so that each has a permutation of its own.
func tweak(cs []class) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range cs {
		h = (h ^ uint64(c.low)<<8 ^ c.n) * 1099511628211
	}
	return h
}

func (p pseudonyms) permute(x, size, tweak uint64) uint64 {
	half := (bits.Len64(size-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		l, r := x>>half, x&mask
		for round := range uint64(6) {
			l, r = r, l^(p.prf(round, tweak, r)&mask)
		}
		if x = l<<half | r; x < size {
			return x
		}
	}
}

func (p pseudonyms) prf(round, tweak, x uint64) uint64 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], tweak^round<<61)
	binary.LittleEndian.PutUint64(b[8:], x)
	p.block.Encrypt(b[:], b[:])
	return binary.LittleEndian.Uint64(b[:8])
}

// drawn returns the pseudonym of a run too long to be permuted: drawn by a stream that begins with a digest of the run.
func (p pseudonyms) drawn(run string, cs []class) string {
	var state [16]byte
	for i := 0; i < len(run); i += 16 { // CBC-MAC; the length goes first
		if i == 0 {
			binary.LittleEndian.PutUint64(state[:8], uint64(len(run)))
			p.block.Encrypt(state[:], state[:])
		}
		for j := i; j < min(i+16, len(run)); j++ {
			state[j-i] ^= run[j]
		}
		p.block.Encrypt(state[:], state[:])
	}
	out := make([]byte, len(run))
	for i := range cs {
		if i%8 == 0 {
			state[15] ^= 0xa5
			p.block.Encrypt(state[:], state[:])
		}
		out[i] = cs[i].low + byte(uint64(binary.LittleEndian.Uint16(state[i%8:]))%cs[i].n)
	}
	return string(out)
}
