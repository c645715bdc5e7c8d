package refserver

import (
	"fmt"
	"io"
	"sync"
)

// Stats counts what the server did since it was started.
type Stats struct {
	KickOffs  int `json:"kickOffs"`      // accepted with 202
	Refused   int `json:"refused"`       // kick-offs that were not
	Open      int `json:"openJobs"`      // in progress now
	Completed int `json:"completedJobs"` // whose manifest was fetched at least once
	Failed    int `json:"failedJobs"`
	Deleted   int `json:"deletedJobs"`
	Polls     int `json:"statusRequests"`
	Files     int `json:"fileRequests"` // answered with 200
	Tokens    int `json:"tokenRequests"`
	Requests  int `json:"requests"` // of the protocol listener, all of them
}

type counters struct {
	sync.Mutex
	Stats
}

func (c *counters) add(f func(*Stats)) {
	c.Lock()
	defer c.Unlock()
	f(&c.Stats)
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.counters.Lock()
	out := s.counters.Stats
	s.counters.Unlock()
	out.Open = s.jobs.running("", s.now(), true)
	return out
}

// logger writes whole lines, one at a time.
type logger struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *logger) printf(format string, args ...any) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}
