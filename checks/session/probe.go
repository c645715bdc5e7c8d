package session

import (
	"context"
	"net/http"
)

// Probe is one kick-off that is sent only to see how it is answered. A job that it starts is deleted at once.
type Probe struct {
	Scenario Scenario  // with its level filled in
	KickOff  *Response // nil if it was not sent
	Location string    // polling location of the job it started, or ""
	Reason   string    // a sentence why it was not sent; "" otherwise
}

// Accepted reports whether the kick-off was answered with 202.
func (p *Probe) Accepted() bool { return p.KickOff.OK(http.StatusAccepted) }

// Refused reports whether the kick-off was answered with an error status.
func (p *Probe) Refused() bool { return p.KickOff != nil && p.KickOff.Status >= 400 }

// Level returns the level at which the shared plain export runs, so that a request that differs from it in one thing
// runs at the same one. The second result says why there is none.
func (s *Session) Level() (Level, string) {
	ex := s.Export(Baseline)
	if ex.KickOff == nil || ex.KickOff.Status < 200 || ex.KickOff.Status > 299 {
		return "", "no plain kick-off was accepted: " + ex.Reason
	}
	return ex.Scenario.Level, ""
}

// Probe sends the scenario's kick-off, once for all who ask, and deletes the job it may start. A scenario without a
// level runs at that of the shared plain export, and only after that was accepted: what a probe then shows is the
// doing of what it adds.
func (s *Session) Probe(sc Scenario) *Probe { return s.ProbeEdited(sc, "", nil) }

// ProbeEdited is Probe with a last change to the request; name tells edits of one scenario apart.
func (s *Session) ProbeEdited(sc Scenario, name string, edit func(*Request)) *Probe {
	return Shared(s, "probe "+name+" "+sc.String(), func(ctx context.Context) *Probe {
		p := &Probe{Scenario: sc}
		l, why := s.Level()
		if p.Scenario.Level == "" {
			p.Scenario.Level = l
		}
		if p.Reason = why; why != "" {
			return p
		}
		ctx, release, ok := s.Slot(ctx)
		if !ok {
			p.Reason = "the run was stopped before this kick-off"
			return p
		}
		defer release()
		req := s.RequestOf(p.Scenario)
		if edit != nil {
			edit(&req)
		}
		c := s.Client("")
		p.KickOff, p.Location = c.patientKickOff(ctx, req, p.Scenario)
		if p.Location != "" {
			s.discard(ctx, p.Location)
		}
		return p
	})
}

// maxBusy is how often a kick-off is repeated that was answered 429: a server may allow one export at a time
// (export.html#response---error-eg-unsupported-search-parameter).
const maxBusy = 5

// KickOffPatiently is KickOff, repeated while the server answers that another export has to end first. Where the caller
// has a Slot, ctx is the one that came with it.
func (c *Client) KickOffPatiently(ctx context.Context, sc Scenario) (*Response, string) {
	return c.patientKickOff(ctx, c.s.RequestOf(sc), sc)
}

// KickOffRequestPatiently is KickOffPatiently for a request that a check has put together itself.
func (c *Client) KickOffRequestPatiently(ctx context.Context, req Request) (*Response, string) {
	return c.patientKickOff(ctx, req, Scenario{Label: "of a check"})
}

// Again sends one more status request, after waiting as long as the last answer asks for; n counts from 0 for the
// interval where it does not. The second result is false if the wait was cut short.
func (c *Client) Again(ctx context.Context, ex *Export, last *Response, n int) (*Response, bool) {
	if last != nil && !c.s.wait(ctx, last, n, c.s.clock.Now().Add(c.s.cfg.ExportTimeout), ex.Scenario) {
		return nil, false
	}
	return c.Do(ctx, StatusRequest(ex.Location)), true
}

// Patiently sends a status request of a check's own, and repeats it a few times while the answer says that it will pass:
// 429, or a transient error (export.html#response---error-status-1).
func (c *Client) Patiently(ctx context.Context, req Request) *Response {
	deadline := c.s.clock.Now().Add(c.s.cfg.ExportTimeout)
	for n := 0; ; n++ {
		res := c.Do(ctx, req)
		passes := res.Status == http.StatusTooManyRequests || isTransient(res)
		if !passes || n == maxTransient || !c.s.wait(ctx, res, n, deadline, Scenario{Label: "of a check"}) {
			return res
		}
	}
}

// patientKickOff repeats a kick-off that is answered 429: when another export of the session's own has ended, which is
// what a server with a limit waits for, and otherwise a few times; never before the time that the answer names.
func (c *Client) patientKickOff(ctx context.Context, req Request, sc Scenario) (*Response, string) {
	deadline := c.s.clock.Now().Add(c.s.cfg.ExportTimeout)
	for try := 0; ; {
		since := c.s.slots.now()
		res, loc := c.KickOffRequest(ctx, req)
		answered := c.s.clock.Now()
		switch {
		case res.Status != http.StatusTooManyRequests:
			return res, loc
		case c.s.slots.anotherEnds(ctx, since, c.s.holdsSlot(ctx)):
			if d, named := RetryAfter(res, answered); named && (d > c.s.cfg.ExportTimeout || c.s.clock.Sleep(ctx, answered.Add(d).Sub(c.s.clock.Now())) != nil) {
				return res, loc
			}
			deadline = c.s.clock.Now().Add(c.s.cfg.ExportTimeout)
		case try == maxBusy || !c.s.wait(ctx, res, try, deadline, sc):
			return res, loc
		default:
			try++
		}
	}
}

// discard deletes a job that nobody needs. A server may answer a second request like the first with the location of
// the job in progress; such a job is somebody else's as well, and is left for the end.
func (s *Session) discard(ctx context.Context, location string) {
	if s.Kickoffs(location) > 1 {
		return
	}
	res := s.Client("").Do(ctx, DeleteRequest(location))
	if res.Err == nil && res.Status >= 200 && res.Status < 300 {
		s.NoteDeleted(location)
	}
}

// DeleteRequest is the request that cancels the job at a polling location (export.html#bulk-data-delete-request).
func DeleteRequest(location string) Request {
	return Request{Method: http.MethodDelete, URL: location, Purpose: "delete", Header: http.Header{"Accept": {"application/fhir+json"}}}
}

// Kickoffs returns how many kick-offs of the session were answered with the polling location.
func (s *Session) Kickoffs(location string) int {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	n := 0
	for _, l := range s.jobs.open {
		if l == location {
			n++
		}
	}
	return n
}
