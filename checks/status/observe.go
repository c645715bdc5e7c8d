package status

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Aftermath is what the polling location of an export answered after the session had stopped asking.
type Aftermath struct {
	Answers []*session.Response
}

// Lived reports whether an export that seemed to have failed went on: a later answer was 202 or 200.
func (a *Aftermath) Lived() bool {
	return slices.ContainsFunc(a.Answers, func(r *session.Response) bool {
		return r.Err == nil && (r.Status == http.StatusAccepted || r.Status == http.StatusOK)
	})
}

// Last returns the last answer, or nil.
func (a *Aftermath) Last() *session.Response {
	if len(a.Answers) == 0 {
		return nil
	}
	return a.Answers[len(a.Answers)-1]
}

// maxAftermath is how often an export is asked about that ended in neither 200 nor silence.
const maxAftermath = 4

// After is AfterOf for the shared plain export.
func After(s *session.Session) *Aftermath { return AfterOf(s, session.Baseline) }

// AfterOf asks at the polling location of a shared export once more after its completion, or a few times more after
// another end, for all checks that judge the two together. An export that ended in an error may go on all the same, if the
// error was one of the status request.
func AfterOf(s *session.Session, sc session.Scenario) *Aftermath {
	return session.Shared(s, "status aftermath "+sc.String(), func(ctx context.Context) *Aftermath {
		ex := s.Export(sc)
		a := &Aftermath{}
		if ex.Location == "" || len(ex.Polls) == 0 {
			return a
		}
		c := s.Client("")
		if ex.State == session.Completed {
			if res, ok := c.Again(ctx, ex, nil, 0); ok {
				a.Answers = append(a.Answers, res)
			}
			return a
		}
		if ex.State == session.TimedOut {
			return a
		}
		last := ex.Final()
		for n := range maxAftermath {
			res, ok := c.Again(ctx, ex, last, n)
			if !ok {
				break
			}
			a.Answers = append(a.Answers, res)
			if last = res; a.Lived() {
				break
			}
		}
		return a
	})
}

// Unfinished says, where it is so, why the 200 that ended the plain export was not its end: the next answer to the same
// request shows that the work went on. Otherwise it returns "".
func Unfinished(s *session.Session) string {
	ex, next := s.Export(session.Baseline), After(s).Last()
	if ex.State != session.Completed || next == nil || next.Err != nil {
		return ""
	}
	if next.Status == http.StatusAccepted {
		return "the next answer is 202, in progress"
	}
	if next.Status != http.StatusOK {
		return ""
	}
	first, second := ex.Manifest, session.ReadManifest(next)
	switch {
	case second.Tree == nil:
		return ""
	case first.Tree == nil || !isManifest(first.Tree) && isManifest(second.Tree):
		if isManifest(second.Tree) {
			return "the next answer has the manifest, and this one has not"
		}
		return ""
	case first.TransactionTime == second.TransactionTime && len(second.Output) > len(first.Output):
		return "the next answer lists more output files"
	}
	return ""
}

// isManifest reports whether the object is meant for a manifest: it has a field that nothing else has.
func isManifest(tree map[string]any) bool {
	_, a := tree["transactionTime"]
	_, b := tree["output"]
	return a || b
}

// progress returns the in-progress answers of an export: 202, or 200 with X-Export-Status 202.
func progress(ex *session.Export) []*session.Response {
	var out []*session.Response
	for _, p := range ex.Polls {
		if p.Err == nil && ex.ExportStatus(p) == http.StatusAccepted {
			out = append(out, p)
		}
	}
	return out
}

// polled returns the shared plain export; the check is inconclusive if its status was never answered.
func polled(t *checks.T) *session.Export {
	ex := t.Session().Export(session.Baseline)
	if len(ex.Polls) == 0 {
		t.Inconclusivef("the status was never asked for: %s", ex.Reason)
	}
	return ex
}

// finished returns the shared plain export and the answer that completed it.
func finished(t *checks.T) (*session.Export, *session.Response) {
	ex := polled(t)
	if ex.State != session.Completed {
		t.Inconclusivef("the export did not complete: %s", ex.Reason)
	}
	if Unfinished(t.Session()) != "" {
		t.Inconclusivef("the export was not complete when it was answered with 200 (see status.in-progress-202)")
	}
	return ex, ex.Final()
}

// Invented returns a polling location like the given one, for a job that cannot exist: the part that looks most like an
// id is replaced by one of the same shape. Short numbers become long ones, since another client may have a short one.
func Invented(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	segments := strings.Split(u.EscapedPath(), "/")
	best, where, query := "", -1, ""
	better := func(s string) bool { return idLike(s) > idLike(best) }
	for i, s := range segments {
		if s != "" && (best == "" || better(s) || idLike(s) == idLike(best)) {
			best, where = s, i
		}
	}
	values, _ := url.ParseQuery(u.RawQuery)
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if v := values.Get(name); better(v) {
			best, query = v, name
		}
	}
	switch {
	case query != "":
		values.Set(query, scramble(best))
		u.RawQuery = values.Encode()
	case where >= 0:
		segments[where] = scramble(best)
		raw := strings.Join(segments, "/")
		plain, err := url.PathUnescape(raw)
		if err != nil {
			return ""
		}
		u.Path, u.RawPath = plain, raw
	default:
		return ""
	}
	return u.String()
}

// idLike weighs how much a string looks like an id: its length if there is a digit in it.
func idLike(s string) int {
	if !strings.ContainsAny(s, "0123456789") {
		return 0
	}
	return len(s)
}

// scramble keeps length and alphabet (digits, hexadecimal and other letters), so that nothing but the look-up can fail.
func scramble(s string) string {
	if len(s) < 10 && strings.Trim(s, "0123456789") == "" {
		return "9" + strings.Repeat("7", 17)
	}
	b := []byte(s)
	turn := func(c, first byte, n byte) byte { return first + (c-first+n/2)%n }
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			b[i] = turn(c, '0', 10)
		case c >= 'a' && c <= 'f':
			b[i] = turn(c, 'a', 6)
		case c >= 'A' && c <= 'F':
			b[i] = turn(c, 'A', 6)
		case c >= 'g' && c <= 'z':
			b[i] = turn(c, 'g', 20)
		case c >= 'G' && c <= 'Z':
			b[i] = turn(c, 'G', 20)
		}
	}
	return string(b)
}

// UnknownJob asks for the status of a job that cannot exist. The answer is nil if no polling location is known to make
// one up from.
func UnknownJob(s *session.Session) *session.Response {
	return session.Shared(s, "status of an unknown job", func(ctx context.Context) *session.Response {
		location := Invented(s.Export(session.Baseline).Location)
		if location == "" {
			return nil
		}
		return s.Client("").Do(ctx, session.StatusRequest(location))
	})
}
