package session

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// jobTable remembers every job the target accepted, so that none is left behind.
type jobTable struct {
	mu        sync.Mutex
	open      []string        // polling locations, in the order of their kick-offs
	gone      map[string]bool // deleted, or reported gone by the target
	attempts  int
	accepted  int
	completed int
	deleted   int
	resources int64
}

func (t *jobTable) started(location string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, location)
}

// NoteDeleted tells the session that a check has deleted a job itself.
func (s *Session) NoteDeleted(location string) {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if s.jobs.gone == nil {
		s.jobs.gone = map[string]bool{}
	}
	if !s.jobs.gone[location] {
		s.jobs.gone[location] = true
		s.jobs.deleted++
	}
}

// deleteAll asks the target to delete what is left.
func (t *jobTable) deleteAll(ctx context.Context, s *Session) []string {
	t.mu.Lock()
	var left []string
	for _, l := range t.open {
		if !t.gone[l] {
			left = append(left, l)
		}
	}
	t.mu.Unlock()
	var problems []string
	for _, l := range left {
		res := s.Client("").Do(ctx, Request{Method: http.MethodDelete, URL: l, Purpose: "clean-up", Header: http.Header{"Accept": {"application/fhir+json"}}})
		switch {
		case res.Err != nil:
			problems = append(problems, fmt.Sprintf("the job at %s could not be deleted: %v", RedactURL(l), res.Err))
		case res.Status >= 200 && res.Status < 300:
			s.NoteDeleted(l)
		case res.Status == http.StatusNotFound || res.Status == http.StatusGone:
			// gone already
		default:
			problems = append(problems, fmt.Sprintf("the job at %s could not be deleted: %s", RedactURL(l), res.Describe()))
		}
	}
	return problems
}

// WasDeleted reports whether the job at the polling location was deleted by the session or one of its checks.
func (s *Session) WasDeleted(location string) bool {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return s.jobs.gone[location]
}
