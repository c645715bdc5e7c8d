package refserver

import (
	"bytes"
	"errors"
	"net"
	"sync"
)

// overlooking is a listener behind which the header authorization, in lower case, is not seen: net/http itself takes every
// spelling, as HTTP wants it.
type overlooking struct{ net.Listener }

func (l overlooking) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return overlookingConn{c}, nil
}

type overlookingConn struct{ net.Conn }

// Read renames the header to one of the same length. The head of a request comes in one piece from clients that write it in
// one.
func (c overlookingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	const seen, overlooked = "\nauthorization:", "\nx-overlooked-:"
	for rest := p[:n]; ; {
		i := bytes.Index(rest, []byte(seen))
		if i < 0 {
			return n, err
		}
		copy(rest[i:], overlooked)
		rest = rest[i+len(seen):]
	}
}

// handshakeByte begins every TLS connection (RFC 8446 section 5.1, ContentType handshake).
const handshakeByte = 0x16

// divide returns two listeners in place of l: one for the connections that begin like TLS, one for all others. Both end
// with l.
func divide(l net.Listener) (secure, plain net.Listener) {
	a, b := newBranch(l), newBranch(l)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				a.end()
				b.end()
				return
			}
			go func() {
				first := make([]byte, 1)
				if _, err := c.Read(first); err != nil {
					c.Close()
					return
				}
				to := b
				if first[0] == handshakeByte {
					to = a
				}
				to.deliver(&begun{Conn: c, first: first})
			}()
		}
	}()
	return a, b
}

// branch is a listener for a part of the connections of another one.
type branch struct {
	net.Listener
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newBranch(l net.Listener) *branch {
	return &branch{Listener: l, conns: make(chan net.Conn), ended: make(chan struct{})}
}

func (b *branch) deliver(c net.Conn) {
	select {
	case b.conns <- c:
	case <-b.ended:
		c.Close()
	}
}

func (b *branch) end() { b.once.Do(func() { close(b.ended) }) }

func (b *branch) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.ended:
		return nil, net.ErrClosed
	}
}

func (b *branch) Close() error {
	b.end()
	if err := b.Listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// begun is a connection of which the first byte was read.
type begun struct {
	net.Conn
	first []byte
}

func (c *begun) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
