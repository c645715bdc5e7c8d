package refserver

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// rehearsalMembers is the Group whose members the rehearsal groups have; rehearsalLoss the type that
// RehearseLoss loses.
const (
	rehearsalMembers = dataset.GroupFew
	rehearsalLoss    = "Procedure"
)

// job is one accepted export. What is not guarded by mu does not change.
type job struct {
	s       *Server
	ticket  string
	key     string // of its capability URLs
	ex      *Export
	client  string
	granted func(typ string) bool
	base    string // FHIR base as the originator sees it
	created time.Time
	sel     *selection
	ctx     context.Context
	cancel  context.CancelFunc

	prepareOnce sync.Once
	prepared    chan struct{} // closed when plan or planErr is set
	plan        *plan
	planErr     error
	strays      map[string][]reference // set with plan

	mu        sync.Mutex
	polls     int
	refetches int
	completed time.Time
	failed    bool
	deleted   bool
	forced    bool        // to fail, by the operator
	recent    []time.Time // polls within the last second
}

// newJob freezes a request: what the job exports is decided now, by the transaction time.
func (s *Server) newJob(ex *Export, grant *authz.Grant, base string) *job {
	now := s.now()
	j := &job{
		s: s, ticket: newTicket(), key: secret(16), ex: ex, client: grant.ClientID, granted: grant.MayRead, base: base,
		created: now, prepared: make(chan struct{}),
	}
	j.ctx, j.cancel = context.WithCancel(s.stop)
	var types []string
	for _, t := range s.typesAt(ex.Level) {
		if grant.MayRead(t) {
			types = append(types, t)
		}
	}
	// The base was checked when the server was made or comes from a connection: it is a URL.
	set, err := s.set(base)
	if err != nil {
		set, _ = s.set("http://127.0.0.1" + mount)
	}
	var keep func(*dataset.Resource, bool) bool
	if hook := s.cfg.Behaviour.Keep; hook != nil {
		keep = func(r *dataset.Resource, include bool) bool { return hook(j.info(""), r, include) }
	}
	j.sel = newSelection(set, ex, j.transactionTime(), types, keep)
	if ex.Group == RehearseLoss && s.cfg.RehearsalGroups {
		j.sel.lost = rehearsalLoss
	}
	return j
}

// newTicket is random, in groups of four: as unlike a UUID or a number as it is hard to guess.
func newTicket() string {
	s := secret(14)
	var parts []string
	for i := 0; i < len(s); i += 4 {
		parts = append(parts, s[i:i+4])
	}
	return strings.Join(parts, ".")
}

// transactionTime has the milliseconds that the manifest shows.
func (j *job) transactionTime() time.Time { return j.created.Truncate(time.Millisecond) }

// location is the polling location.
func (j *job) location() string { return j.base + deskPath + j.ticket }

// pageLocation is where a linked manifest is, pages counted from 1.
func (j *job) pageLocation(page int) string {
	if page == 1 {
		return j.location()
	}
	return j.location() + leafPath + strconv.Itoa(page)
}

// info describes the job for a hook.
func (j *job) info(e Endpoint) JobInfo {
	j.mu.Lock()
	defer j.mu.Unlock()
	return JobInfo{Ticket: j.ticket, Export: j.ex, Data: j.sel.set, Client: j.client, Granted: j.granted, Endpoint: e, TransactionTime: j.transactionTime(),
		Completed: j.completed, Poll: j.polls, Refetch: j.refetches}
}

// prepare works out the plan, once. It may be called from several goroutines; each may then wait for
// prepared.
func (j *job) prepare() {
	j.prepareOnce.Do(func() {
		defer close(j.prepared)
		j.plan, j.planErr = j.makePlan(j.ctx)
	})
}

// ready returns the plan, or nil while it is being worked out. wait says how long to wait for it: the
// fast mode promises completion at a certain poll and waits; the timed mode just takes longer.
func (j *job) ready(ctx context.Context, wait time.Duration) (*plan, error) {
	go j.prepare()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-j.prepared:
		return j.plan, j.planErr
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil, nil
}

// pollsUntilDone is how many polls find the job in progress, and whether polls count at all.
func (j *job) pollsUntilDone() (int, bool) {
	if n := j.s.cfg.Behaviour.PollsUntilDone; n > 0 {
		return n, true
	}
	return j.s.cfg.PollsUntilDone, j.s.cfg.JobTime == 0
}

// progress is how far the job is, 1 for done, by the polls counted so far or by the clock.
func (j *job) progress(now time.Time) float64 {
	j.mu.Lock()
	polls, completed := j.polls, !j.completed.IsZero()
	j.mu.Unlock()
	n, byPolls := j.pollsUntilDone()
	p := 1.0
	switch {
	case completed:
		return 1
	case byPolls:
		p = float64(polls) / float64(n+1)
	default:
		p = float64(now.Sub(j.created)) / float64(j.s.cfg.JobTime)
	}
	if j.s.cfg.Behaviour.NeverDone {
		return min(p, 0.99)
	}
	return max(0, min(p, 1))
}

// complete marks the job as done, and returns since when it is.
func (j *job) complete(now time.Time) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.completed.IsZero() {
		j.completed = now
		if _, byPolls := j.pollsUntilDone(); !byPolls {
			// The clock finished it, whenever somebody asks.
			if due := j.created.Add(j.s.cfg.JobTime); due.Before(now) {
				j.completed = due
			}
		}
		j.s.counters.add(func(c *Stats) { c.Completed++ })
	}
	return j.completed
}

// fail marks the job as failed.
func (j *job) fail() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.failed {
		j.failed = true
		j.s.counters.add(func(c *Stats) { c.Failed++ })
	}
}

// running tells whether the job still counts as in progress.
func (j *job) running(now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.deleted || j.failed || !j.completed.IsZero() {
		return false
	}
	_, byPolls := j.pollsUntilDone()
	return byPolls || j.s.cfg.Behaviour.NeverDone || now.Before(j.created.Add(j.s.cfg.JobTime))
}

// expired tells whether the job and its files are to be forgotten.
func (j *job) expired(now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.completed.IsZero() {
		return now.After(j.created.Add(runningLifetime))
	}
	return now.After(j.completed.Add(j.s.cfg.FilesLifetime))
}

// tooOften counts a poll and tells whether there were too many within a second.
func (j *job) tooOften(now time.Time) bool {
	limit := j.s.cfg.PollBurst
	if limit < 0 {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recent = slices.DeleteFunc(j.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(j.recent) >= limit {
		return true
	}
	j.recent = append(j.recent, now)
	return false
}

// jobTable holds the jobs, oldest first.
type jobTable struct {
	mu    sync.Mutex
	limit int
	byID  map[string]*job
	order []*job
}

func newJobTable(limit int) *jobTable {
	return &jobTable{limit: limit, byID: map[string]*job{}}
}

// add puts a job into the table. It returns false if its client has perClient running jobs already, or
// the table is full of running ones.
func (t *jobTable) add(j *job, perClient int, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	running := 0
	for _, other := range t.order {
		if other.client == j.client && other.running(now) {
			running++
		}
	}
	if running >= perClient {
		return false
	}
	if len(t.order) >= t.limit {
		oldest := slices.IndexFunc(t.order, func(o *job) bool { return !o.running(now) })
		if oldest < 0 {
			return false
		}
		t.remove(oldest)
	}
	t.byID[j.ticket] = j
	t.order = append(t.order, j)
	return true
}

// sweep forgets expired jobs.
func (t *jobTable) sweep(now time.Time) {
	for i := len(t.order) - 1; i >= 0; i-- {
		if t.order[i].expired(now) {
			t.remove(i)
		}
	}
}

func (t *jobTable) remove(i int) {
	t.order[i].cancel()
	delete(t.byID, t.order[i].ticket)
	t.order = slices.Delete(t.order, i, i+1)
}

// find returns the job of a ticket unless it has expired. Deleted jobs are found.
func (t *jobTable) find(ticket string, now time.Time) *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.byID[ticket]
	if j == nil || j.expired(now) {
		return nil
	}
	return j
}

// running counts the running jobs of a client, or of all.
func (t *jobTable) running(client string, now time.Time, all bool) int {
	n := 0
	for _, j := range t.list() {
		if (all || j.client == client) && j.running(now) {
			n++
		}
	}
	return n
}

// list returns the jobs, oldest first.
func (t *jobTable) list() []*job {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.order)
}
