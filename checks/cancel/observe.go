package cancel

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

// Cancelled is an export that was started in order to be deleted while it was running, and all that was seen of it.
type Cancelled struct {
	Reason   string // why there is none; "" otherwise
	KickOff  *session.Response
	Location string
	Before   *session.Response // the status request before the DELETE

	Rival    *session.Response // a second kick-off, sent while the first export was running
	Delete   *session.Response
	After    []*session.Response // status requests after it, until 404 came or patience ended
	Again    *session.Response   // a second DELETE
	Unlocked *session.Response   // the second kick-off once more, if it had been refused because of the first
}

// Running reports whether the export was still running just before the DELETE.
func (c *Cancelled) Running() bool { return c.Before.OK(http.StatusAccepted) }

// Deleted reports whether the DELETE succeeded.
func (c *Cancelled) Deleted() bool { return succeeded(c.Delete) }

func succeeded(r *session.Response) bool {
	return r != nil && r.Err == nil && r.Status >= 200 && r.Status < 300
}

// toCancel asks for everything since before there were computers: as large as the plain export, and not the same request,
// so that a server which answers equal requests with one job does not lose that of others.
var toCancel = session.Scenario{Label: "deleted while running"}.With("_since", "1900-01-01T00:00:00Z")

// rival is the second export; it is deleted as soon as it is accepted.
var rival = session.Scenario{Label: "second at a time"}.With("_since", "1900-01-02T00:00:00Z")

// How often, and after what time, the status is asked for after a DELETE until it is 404: deleting may take its time
// (DELETE/then-404, leniency).
const (
	patience  = 3
	betweenIt = 2 * time.Second
)

// RunningExport starts an export, tries a second one beside it, deletes it while it is running, and looks at what
// becomes of it, once for all checks.
func RunningExport(s *session.Session) *Cancelled {
	return session.Shared(s, "cancelled export", func(ctx context.Context) *Cancelled {
		x := &Cancelled{}
		l, why := s.Level()
		if x.Reason = why; why != "" {
			return x
		}
		ctx, release, ok := s.Slot(ctx)
		if !ok {
			x.Reason = "the run was stopped before this export"
			return x
		}
		defer release()
		c := s.Client("")
		sc := toCancel
		sc.Level = l
		x.KickOff, x.Location = c.KickOffPatiently(ctx, sc)
		switch {
		case x.Location == "":
			x.Reason = "the kick-off of an export to be deleted was answered with " + x.KickOff.Describe()
			return x
		case s.Kickoffs(x.Location) > 1:
			x.Reason = "the server answers a new kick-off with the location of an earlier export, which must not be deleted"
			return x
		}
		x.Before = c.Do(ctx, session.StatusRequest(x.Location))
		if x.Running() {
			second := rival
			second.Level = l
			var loc string
			if x.Rival, loc = c.KickOff(ctx, second); loc != "" && loc != x.Location && s.Kickoffs(loc) == 1 {
				if succeeded(c.Do(ctx, session.DeleteRequest(loc))) {
					s.NoteDeleted(loc)
				}
			}
		}
		x.Delete = c.Do(ctx, session.DeleteRequest(x.Location))
		if !x.Deleted() {
			return x
		}
		s.NoteDeleted(x.Location)
		x.After = until404(ctx, s, x.Location)
		x.Again = c.Do(ctx, session.DeleteRequest(x.Location))
		if x.Rival != nil && x.Rival.Status == http.StatusTooManyRequests {
			second := rival
			second.Level = l
			var loc string
			if x.Unlocked, loc = c.KickOffPatiently(ctx, second); loc != "" && s.Kickoffs(loc) == 1 {
				if succeeded(c.Do(ctx, session.DeleteRequest(loc))) {
					s.NoteDeleted(loc)
				}
			}
		}
		return x
	})
}

func until404(ctx context.Context, s *session.Session, location string) []*session.Response {
	var out []*session.Response
	for range patience {
		res := s.Client("").Do(ctx, session.StatusRequest(location))
		out = append(out, res)
		if res.Status == http.StatusNotFound || s.Sleep(ctx, betweenIt) != nil {
			break
		}
	}
	return out
}

// Discarded is a finished export that was deleted.
type Discarded struct {
	Reason string // why there is none; "" otherwise
	Delete *session.Response
	After  []*session.Response
	File   *session.Response // a request for its first file after the DELETE, without the body; nil if it had none
}

// FinishedExport deletes an export that is complete, and asks for its status, once for all checks.
func FinishedExport(s *session.Session) *Discarded {
	return session.Shared(s, "deleted finished export", func(ctx context.Context) *Discarded {
		d := &Discarded{}
		ex := s.Export(session.RepeatedTypes)
		if ex.State != session.Completed {
			// The server stumbles over the repeated parameter; any export that is nobody else's will do.
			ex = s.Export(session.Scenario{Label: "deleted when complete"}.With("_since", "1900-01-03T00:00:00Z"))
		}
		switch {
		case ex.State != session.Completed:
			d.Reason = "no export could be completed in order to be deleted: " + ex.Reason
			return d
		case s.Kickoffs(ex.Location) > 1:
			d.Reason = "the server answers a new kick-off with the location of an earlier export, which must not be deleted"
			return d
		}
		d.Delete = s.Client("").Do(ctx, session.DeleteRequest(ex.Location))
		if succeeded(d.Delete) {
			s.NoteDeleted(ex.Location)
			d.After = until404(ctx, s, ex.Location)
			if m := ex.Manifest; len(m.Output) > 0 && m.Output[0].Resolved != "" {
				d.File = s.Client("").Glance(ctx, m.FileRequest(m.Output[0]), func(*session.Response, io.Reader) error { return nil })
			}
		}
		return d
	})
}

// unknown deletes a job that cannot exist. It is nil if no polling location is known to make one up from.
func unknown(s *session.Session) *session.Response {
	return session.Shared(s, "delete of an unknown job", func(ctx context.Context) *session.Response {
		location := status.Invented(s.Export(session.Baseline).Location)
		if location == "" {
			return nil
		}
		return s.Client("").Do(ctx, session.DeleteRequest(location))
	})
}

// RunningObservation is what RunningExport costs.
var RunningObservation = []checks.Observation{{Name: "cancelled export", Cost: checks.Cost{KickOffs: 2}}}

// running returns the cancelled export; the check ends if there is none.
func running(t *checks.T) *Cancelled {
	x := RunningExport(t.Session())
	if x.Reason != "" {
		t.Inconclusivef("%s", x.Reason)
	}
	return x
}
