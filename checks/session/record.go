package session

import (
	"net/http"
	"sync"
	"time"
)

// Exchange is one request and its response, as recorded: already redacted, without bodies unless the user asked
// for excerpts.
type Exchange struct {
	Number  int    // from 1, in the order in which requests were sent
	Check   string // the check that caused it, "" for shared work
	Purpose string // "kick-off", "status", "output file", …
	Started time.Time
	Took    time.Duration

	Method        string
	URL           string // redacted
	RequestHeader http.Header
	RequestBytes  int64

	Status         int // 0: no response
	Proto          string
	ResponseHeader http.Header
	ResponseBytes  int64 // as received, before decompression
	ResponseSHA256 string
	Excerpt        string
	Err            string // why there is no response, or why its body ended early
}

// maxExchanges bounds the record. A full run stays below a thousand, plus one for each output file.
const maxExchanges = 100_000

type recorder struct {
	mu    sync.Mutex
	list  []*Exchange
	count int
	bytes int64
}

func (r *recorder) add(e *Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	e.Number = r.count
	if len(r.list) < maxExchanges {
		r.list = append(r.list, e)
	}
}

// done fills in what is known only after the body was read.
func (r *recorder) done(e *Exchange, fill func(*Exchange)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := e.ResponseBytes
	fill(e)
	r.bytes += e.ResponseBytes - before
}

// Exchanges returns copies of all exchanges so far, by number.
func (s *Session) Exchanges() []Exchange {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	out := make([]Exchange, len(s.rec.list))
	for i, e := range s.rec.list {
		out[i] = *e
	}
	return out
}
