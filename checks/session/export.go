package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// State is how an export ended, from the client's view.
type State string

// States.
const (
	Completed State = "completed" // the final manifest came
	Refused   State = "refused"   // the kick-off was answered with an error
	Failed    State = "failed"    // the status request was answered with an error
	TimedOut  State = "timed out" // no end within --export-timeout
	Lost      State = "lost"      // no polling location, or no more answers
)

// Export is one export from kick-off to manifest, shared by all checks. It does not change once returned, except
// for Files, which are fetched when first asked for.
type Export struct {
	Scenario Scenario // with its level filled in
	State    State
	Reason   string    // a sentence why there is no manifest; "" when Completed
	KickOff  *Response // the last kick-off request's answer
	Location string    // polling location, absolute
	Polls    []*Response
	Manifest *Manifest // nil unless Completed with a usable manifest
	Started  time.Time // by the machine's clock, just before the kick-off was sent
	Finished time.Time

	s *Session
}

// Final returns the last status response, or nil.
func (e *Export) Final() *Response {
	if len(e.Polls) == 0 {
		return nil
	}
	return e.Polls[len(e.Polls)-1]
}

// RequestOf returns the kick-off request of a scenario, whose level has to be set.
func (s *Session) RequestOf(sc Scenario) Request {
	id := sc.Group
	if sc.Level == Group && id == "" {
		id, _ = s.GroupID()
	}
	return sc.request(id)
}

// KickOff sends the scenario's kick-off once. A job that the target accepts is remembered, to be deleted at the end.
// The second result is the polling location, "" if there is none.
func (c *Client) KickOff(ctx context.Context, sc Scenario) (*Response, string) {
	return c.KickOffRequest(ctx, c.s.RequestOf(sc))
}

// KickOffRequest sends a kick-off that a check has put together itself, with the same care for the job it may start.
func (c *Client) KickOffRequest(ctx context.Context, req Request) (*Response, string) {
	if req.Purpose == "" {
		req.Purpose = "kick-off"
	}
	if err := ctx.Err(); err != nil {
		return &Response{URL: req.URL, Header: http.Header{}, Err: err}, ""
	}
	// A kick-off under way is not broken off: the server might have accepted it, and nobody would delete the job.
	c.s.kickingOff.Add(1)
	defer c.s.kickingOff.Done()
	res := c.Do(context.WithoutCancel(ctx), req)
	c.s.jobs.mu.Lock()
	c.s.jobs.attempts++
	if res.Status == http.StatusAccepted {
		c.s.jobs.accepted++
	}
	c.s.jobs.mu.Unlock()
	// A job may have been started whatever the success status is: what has a polling location is cleaned up.
	if res.Status < 200 || res.Status > 299 {
		return res, ""
	}
	loc := c.s.location(res)
	if loc != "" {
		c.s.jobs.started(loc)
	}
	return res, loc
}

// location resolves Content-Location. A relative one is a finding for a check; the session goes on with it.
func (s *Session) location(res *Response) string {
	raw := strings.TrimSpace(res.Header.Get("Content-Location"))
	base, err := url.Parse(res.URL)
	if raw == "" || err != nil {
		return ""
	}
	u, err := base.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return u.String()
}

// levels returns the levels at which the scenario may run, best first.
func (s *Session) levels(sc Scenario) []Level {
	if sc.Level != "" {
		return []Level{sc.Level}
	}
	d := s.Discover()
	var declared, rest []Level
	for _, l := range Levels {
		if l == Group {
			if id, _ := s.GroupID(); id == "" {
				continue
			}
		}
		if d.Declares(l) {
			declared = append(declared, l)
		} else {
			rest = append(rest, l)
		}
	}
	return append(declared, rest...)
}

// Export runs the scenario to its end, once for all who ask, and returns what happened. It never fails: State and
// Reason say how it ended.
func (s *Session) Export(sc Scenario) *Export {
	return Shared(s, "export "+sc.String(), func(ctx context.Context) *Export {
		if sc.Late {
			s.Export(Baseline)
		}
		var ex *Export
		for _, l := range s.levels(sc) {
			one := sc
			one.Level = l
			ex = s.runExport(ctx, one, nil)
			// Where the level is ours to choose, a refusal at one level leads to the next. Anything else is the answer; 401 and
			// 429 say nothing about the level.
			if ex.State != Refused || ex.KickOff.Status == http.StatusUnauthorized || ex.KickOff.Status == http.StatusTooManyRequests {
				break
			}
		}
		if ex == nil {
			ex = &Export{Scenario: sc, State: Refused, Reason: "no level of export can be asked for: no Group is known", s: s}
		}
		return ex
	})
}

// ObservedExport runs the scenario like Export, at a level that has to be set, and hands every status response to
// onPoll before it acts on it. It is not memoised: wrap it in Shared, under a key of its own.
func (s *Session) ObservedExport(ctx context.Context, sc Scenario, onPoll func(context.Context, *Export, *Response)) *Export {
	return s.runExport(ctx, sc, onPoll)
}

// ExportStatus returns the status of the export that a status response to it conveys: the HTTP status, or
// X-Export-Status where separate-export-status was asked for.
func (e *Export) ExportStatus(res *Response) int { return exportStatus(res, e.Scenario) }

// Exports returns all exports run so far, in the order of their kick-offs.
func (s *Session) Exports() []*Export {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return append([]*Export(nil), s.exports...)
}

func (s *Session) runExport(ctx context.Context, sc Scenario, onPoll func(context.Context, *Export, *Response)) *Export {
	ctx, release, ok := s.Slot(ctx)
	if !ok {
		return &Export{Scenario: sc, State: Lost, Reason: "the run was stopped before this export began", s: s}
	}
	defer release()
	ex := &Export{Scenario: sc, Started: s.wall(), s: s}
	s.jobs.mu.Lock()
	s.exports = append(s.exports, ex)
	s.jobs.mu.Unlock()
	c := s.Client("")
	ex.KickOff, ex.Location = c.KickOffPatiently(ctx, sc)
	if _, replayed := s.cfg.Tap.(*Replay); replayed {
		ex.Started = ex.KickOff.Started
	}
	switch k := ex.KickOff; {
	case k.Err != nil:
		ex.end(Lost, "the kick-off got no answer: "+k.Err.Error())
	case k.Status < 200 || k.Status > 299:
		ex.end(Refused, "the kick-off was answered with "+k.Describe())
	case ex.Location == "":
		ex.end(Lost, "the kick-off response names no usable polling location")
	default:
		// The time that went by until the server had room for the export is not the export's.
		s.poll(ctx, ex, s.clock.Now().Add(s.cfg.ExportTimeout), onPoll)
	}
	return ex
}

func (e *Export) end(st State, reason string) {
	e.State, e.Reason, e.Finished = st, reason, e.s.wall()
}

// StatusRequest is the status request for a polling location.
func StatusRequest(location string) Request {
	return Request{URL: location, Purpose: "status", Header: http.Header{"Accept": {"application/json"}}}
}

// maxTransient is how often in a row a failed status request is repeated. The specification wants a client to go on
// after a transient error (export.html#response---error-status-1) but names no number.
const maxTransient = 4

func (s *Session) poll(ctx context.Context, ex *Export, deadline time.Time, onPoll func(context.Context, *Export, *Response)) {
	c := s.Client("")
	transient := 0
	for n := 0; ; n++ {
		res := c.Do(ctx, StatusRequest(ex.Location))
		// All polls of a long job would be too many to keep; the first ones and the last say enough.
		if len(ex.Polls) >= 50 {
			ex.Polls = append(ex.Polls[:49:49], res)
		} else {
			ex.Polls = append(ex.Polls, res)
		}
		if onPoll != nil {
			onPoll(ctx, ex, res)
		}
		status := exportStatus(res, ex.Scenario)
		switch {
		case ctx.Err() != nil:
			ex.end(Lost, "the run was stopped while this export was in progress")
			return
		case status == http.StatusOK && res.Err == nil:
			ex.State, ex.Finished = Completed, s.wall()
			ex.Manifest = readManifest(res)
			s.jobs.mu.Lock()
			s.jobs.completed++
			s.jobs.mu.Unlock()
			return
		case status == http.StatusAccepted:
			transient = 0
		case status == http.StatusTooManyRequests:
			// polled too often: the wait below obeys Retry-After
		case (res.Err != nil || isTransient(res)) && transient < maxTransient:
			transient++
		case res.Err != nil:
			ex.end(Lost, "the status request got no answer: "+res.Err.Error())
			return
		default:
			ex.end(Failed, fmt.Sprintf("the status request was answered with %s (export status %d)", res.Describe(), status))
			return
		}
		if !s.wait(ctx, res, n, deadline, ex.Scenario) {
			if ctx.Err() != nil {
				ex.end(Lost, "the run was stopped while this export was in progress")
			} else {
				ex.end(TimedOut, fmt.Sprintf("the export did not end within %s (see --export-timeout)", s.cfg.ExportTimeout))
			}
			return
		}
	}
}

// exportStatus returns the status of the export that a status response conveys: the HTTP status, or X-Export-Status
// where separate-export-status is in effect.
func exportStatus(res *Response, sc Scenario) int {
	if strings.Contains(strings.Join(sc.Header["Prefer"], ","), "separate-export-status") {
		if v := strings.TrimSpace(res.Header.Get("X-Export-Status")); len(v) >= 3 && res.Status == http.StatusOK {
			if n, err := strconv.Atoi(v[:3]); err == nil {
				return n
			}
		}
	}
	return res.Status
}

// isTransient reports whether an error answer says that it will pass: an OperationOutcome with the code transient
// (export.html#response---error-status-1), or 502 to 504 of something in front of the server.
func isTransient(res *Response) bool {
	if res.Status >= 502 && res.Status <= 504 {
		return true
	}
	if res.Status < 400 {
		return false
	}
	v, err := res.JSON()
	if err != nil || Text(v, "resourceType") != "OperationOutcome" {
		return false
	}
	for _, i := range List(v, "issue") {
		if Text(i, "code") == "transient" {
			return true
		}
	}
	return false
}

// wait obeys Retry-After in both forms, or backs off from PollInterval to 30 s. It reports false if the deadline
// comes first or the context ends.
func (s *Session) wait(ctx context.Context, res *Response, n int, deadline time.Time, sc Scenario) bool {
	d, named := RetryAfter(res, s.clock.Now())
	if !named {
		d = s.cfg.PollInterval
		for i := 0; i < n && d < 30*time.Second; i++ {
			d += d / 2
		}
		d = min(d, 30*time.Second)
	}
	// Between two polls there is always a little time, so that a Retry-After of 0 is no licence to hammer.
	d = max(d, 50*time.Millisecond)
	if s.clock.Now().Add(d).After(deadline) {
		return false
	}
	s.cfg.Progress(fmt.Sprintf("export (%s): next status request in %s", sc, d.Round(100*time.Millisecond)))
	return s.clock.Sleep(ctx, d) == nil
}

// RetryAfter reads the Retry-After header as seconds or as an HTTP-date (RFC 9110 section 10.2.3), and reports
// whether it was present and usable. A date is taken against the response's own Date header, so that a wrong clock
// on either side does no harm.
func RetryAfter(res *Response, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(res.Header.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		now = date
	}
	return max(0, t.Sub(now)), true
}

// ErrNoManifest is returned where an export has no usable manifest.
var ErrNoManifest = errors.New("the export has no usable manifest")
