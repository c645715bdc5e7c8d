package refserver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How long a poll that should find the job complete waits for the files to be counted. The fast mode
// promises completion at a certain poll, and counting 1,000 patients takes well under a second; the timed
// mode answers "in progress" instead and goes on counting.
const (
	waitFast  = 30 * time.Second
	waitTimed = 2 * time.Second
)

// desk answers at a polling location, and at the linked manifests below it.
func (s *Server) desk(r *http.Request, rest string) *Answer {
	e := Status
	if r.Method == http.MethodDelete {
		e = Delete
	}
	ticket, leaf, nested := strings.Cut(rest, "/")
	j := s.jobs.find(ticket, s.now())
	if j == nil || j.isDeleted() {
		return s.withoutJob(e, r, func(r *http.Request) *Answer { return s.unknownJob(e, r) })
	}
	info := j.info(e)
	d := demand{job: j}
	if e == Status {
		// The manifest tells what there is: it takes a token for all of it (3.0.0
		// export.html#privacy-and-security-considerations). To cancel takes the same client only.
		d.types = j.coveredTypes()
	}
	grant, refusal := s.admit(e, r, &info, d)
	if refusal != nil {
		return refusal
	}
	var a *Answer
	switch {
	case nested:
		page, err := strconv.Atoi(strings.TrimPrefix("/"+leaf, leafPath))
		if err != nil || page < 2 {
			return s.unknownJob(e, r)
		}
		if r.Method != http.MethodGet {
			return s.methodNotAllowed(e, r, "GET")
		}
		a = s.state(r, j, page)
	case r.Method == http.MethodGet:
		a = s.poll(r, j)
	case r.Method == http.MethodDelete:
		a = s.deleteJob(r, j)
	default:
		return s.methodNotAllowed(e, r, "GET, DELETE")
	}
	a.Client = grant.ClientID
	return a
}

func (j *job) isDeleted() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.deleted
}

func (s *Server) unknownJob(e Endpoint, r *http.Request) *Answer {
	return s.notFound(e, r, "There is no export here: it never was, has expired, was deleted, or is another client's.")
}

// poll answers a status request.
func (s *Server) poll(r *http.Request, j *job) *Answer {
	s.counters.add(func(c *Stats) { c.Polls++ })
	now := s.now()
	if j.running(now) && j.tooOften(now) {
		a := s.throttle(Status, r, s.cfg.RetryAfter, Issue{Code: "throttled", Status: http.StatusTooManyRequests,
			Text: "This job is polled too often; obey Retry-After."})
		info := j.info(Status)
		a.Job = &info
		return a
	}
	j.mu.Lock()
	j.polls++
	j.mu.Unlock()
	if hook := s.cfg.Behaviour.TransientStatus; hook != nil {
		info := j.info(Status)
		if status := hook(info); status != 0 {
			a := s.throttle(Status, r, s.cfg.RetryAfter, Issue{Code: "transient", Status: status,
				Text: "The state of the job cannot be told at the moment; the job itself goes on. Ask again later."})
			a.Job = &info
			return a
		}
	}
	return s.state(r, j, 1)
}

// state tells the state of a job at one page of its manifest: in progress, failed or complete.
func (s *Server) state(r *http.Request, j *job, page int) *Answer {
	progress := j.progress(s.now())
	wait := waitTimed
	if _, byPolls := j.pollsUntilDone(); byPolls {
		wait = waitFast
	}
	var p *plan
	if progress >= 1 || j.ex.Partial || j.isForced() {
		var err error
		p, err = j.ready(r.Context(), wait)
		if (err != nil && progress >= 1) || j.isForced() {
			return s.failedJob(r, j)
		}
	}
	pages := 0
	if p != nil {
		pages = j.pagesReady(progress)
	}
	switch {
	case page > 1 && page > pages:
		return s.unknownJob(Status, r)
	case p != nil && progress >= 1:
		return s.completeJob(r, j, page)
	}
	return s.inProgress(r, j, page, pages, progress)
}

// stateAnswer begins an answer that tells the state of a job by an HTTP status, or by X-Export-Status if
// the client wanted the two apart.
func (s *Server) stateAnswer(e Endpoint, r *http.Request, j *job, status int) *Answer {
	a := &Answer{Endpoint: e, Request: r, Status: status, Header: http.Header{}, Body: []byte{}}
	if j.ex.Separate {
		a.Status = http.StatusOK
		a.Header.Set("X-Export-Status", fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	return a
}

func (s *Server) inProgress(r *http.Request, j *job, page, pages int, progress float64) *Answer {
	a := s.stateAnswer(Status, r, j, http.StatusAccepted)
	a.Header.Set("X-Progress", fmt.Sprintf("packing, %d%% done", int(progress*100)))
	a.Header.Set("Retry-After", strconv.Itoa(s.cfg.RetryAfter))
	info := j.info(Status)
	info.Page, info.Pages = page, pages
	if pages > 0 {
		a.Header.Set("Content-Type", plainJSON)
		a.Body = j.manifest(page, pages, &info)
	}
	a.Job = &info
	return a
}

func (s *Server) completeJob(r *http.Request, j *job, page int) *Answer {
	completed := j.complete(s.now())
	if page == 1 {
		j.mu.Lock()
		j.refetches++
		j.mu.Unlock()
	}
	a := s.stateAnswer(Manifest, r, j, http.StatusOK)
	a.Header.Set("Content-Type", plainJSON)
	a.Header.Set("Expires", completed.Add(s.cfg.FilesLifetime).UTC().Format(http.TimeFormat))
	info := j.info(Manifest)
	info.Page, info.Pages = page, j.plan.pages
	a.Body = j.manifest(page, j.plan.pages, &info)
	a.Job = &info
	return a
}

func (s *Server) failedJob(r *http.Request, j *job) *Answer {
	j.fail()
	oo := s.refuse(Status, r, Issue{Code: "exception", Status: http.StatusInternalServerError,
		Text: "The export failed and will not be completed. Start it anew, or ask the operator."})
	a := s.stateAnswer(Status, r, j, http.StatusInternalServerError)
	a.Header.Set("Content-Type", oo.Header.Get("Content-Type"))
	a.Body = oo.Body
	info := j.info(Status)
	a.Job = &info
	return a
}

// isForced tells whether the operator made the job fail over the management listener.
func (j *job) isForced() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.forced
}

// deleteJob cancels a job, or discards a complete one with its files.
func (s *Server) deleteJob(r *http.Request, j *job) *Answer {
	info := j.info(Delete)
	if s.cfg.Behaviour.KeepComplete && !info.Completed.IsZero() {
		a := s.refuse(Delete, r, Issue{Code: "business-rule", Status: http.StatusConflict,
			Text: "The export is complete; its files go by themselves when they expire."})
		a.Job = &info
		return a
	}
	spare := s.cfg.Behaviour.SpareJob
	if !s.cfg.Behaviour.DeleteDoesNothing && (spare == nil || !spare(info)) {
		j.mu.Lock()
		already := j.deleted
		j.deleted = true
		j.mu.Unlock()
		j.cancel()
		if !already {
			s.counters.add(func(c *Stats) { c.Deleted++ })
		}
	}
	return &Answer{Endpoint: Delete, Request: r, Job: &info, Status: http.StatusAccepted, Header: http.Header{}, Body: []byte{}}
}

// wait blocks until the job is planned or ctx ends; for tests and the management listener.
func (j *job) wait(ctx context.Context) {
	go j.prepare()
	select {
	case <-j.prepared:
	case <-ctx.Done():
	}
}
