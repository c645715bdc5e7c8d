package kickoff

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// ofLevel returns the shared export to look at for a level, and one that differs from it in having or not having a
// parameter: where the first is refused, the second tells whether that was about the level or about the parameter.
func ofLevel(s *session.Session, l session.Level) []session.Scenario {
	if s.Export(session.Baseline).Scenario.Level == l {
		return []session.Scenario{session.Baseline, {Level: l, Params: []session.Param{{Name: "_type", Value: "Patient"}}}}
	}
	switch l {
	case session.Patient:
		return []session.Scenario{session.PatientLevel, {Level: l}}
	case session.Group:
		return []session.Scenario{session.GroupLevel, session.GroupLevel.With("_type", "Patient")}
	}
	return []session.Scenario{session.Scenario{Level: l}.With("_type", "Patient"), {Level: l}}
}

// aboutAccess reports whether a refusal says nothing about the request itself: authorization, rate, size, or a server
// out of service (KICKOFF/async-pattern, leniency).
func aboutAccess(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// kickOffs returns the kick-off answers of the shared exports at all levels that are offered, as far as there was an
// answer.
func kickOffs(s *session.Session) []*session.Export {
	var out []*session.Export
	seen := map[int]bool{}
	add := func(sc session.Scenario) {
		ex := s.Export(sc)
		if k := ex.KickOff; k != nil && k.Status > 0 && !seen[k.Exchange] {
			seen[k.Exchange] = true
			out = append(out, ex)
		}
	}
	add(session.Baseline)
	for _, l := range session.Levels {
		if s.Discover().Declares(l) {
			if _, why := s.GroupID(); l != session.Group || why == "" {
				add(ofLevel(s, l)[0])
			}
		}
	}
	return out
}

func success(res *session.Response) bool { return res.Status >= 200 && res.Status <= 299 }

// export.html#endpoint---system-level-export, #endpoint---all-patients, #endpoint---group-of-patients: the paths at which
// the operation lives. export.html#bulk-data-kick-off-request: "A server SHALL support GET requests".
func judgeLevel(l session.Level, path, endpoint string) func(context.Context, *checks.T) {
	return func(_ context.Context, t *checks.T) {
		s := t.Session()
		both := ofLevel(s, l)
		ex := s.Export(both[0])
		if ex.KickOff != nil && ex.KickOff.Status >= 400 && !aboutAccess(ex.KickOff.Status) {
			if other := s.Export(both[1]); other.KickOff != nil && success(other.KickOff) {
				t.Note("a kick-off (%s) is refused and one that differs in having a parameter (%s) is accepted", ex.Scenario, other.Scenario)
				ex = other
			}
		}
		res := ex.KickOff
		switch {
		case res == nil || res.Status == 0:
			t.Inconclusivef("the kick-off at %s got no answer: %s", path, ex.Reason)
		case success(res):
			t.Examined("%s: %s", path, res.Describe())
		case aboutAccess(res.Status):
			t.Inconclusivef("the kick-off at %s was refused with HTTP %d, which says nothing about the endpoint", path, res.Status)
		case !t.Discovery().Declares(l):
			t.Skipf("%s export is not declared, and a kick-off at %s is answered with HTTP %d: the level is not offered", l, path, res.Status)
		case res.Status == http.StatusNotFound:
			t.Violates(endpoint, res.At(), "the level is declared, and a kick-off at %s is answered with HTTP 404", path)
		default:
			t.Violates("KICKOFF-002", res.At(), "a plain GET kick-off at %s is answered with HTTP %d", path, res.Status)
		}
	}
}

const levelDoc = " A level that is declared has to work; a level that the CapabilityStatement leaves out is not asked for. Refusals for " +
	"authorization, rate or size (401, 403, 413, 429, 503) are inconclusive. Only the kick-off itself is judged: any 2xx status passes here " +
	"and is looked at by kickoff.accepted-202."

func getSystem() checks.Check {
	return checks.Check{
		ID:       "kickoff.get-system",
		Title:    "A GET at [base]/$export starts a system-level export",
		Doc:      "The system-level export lives at [base]/$export and can be started with GET." + levelDoc,
		Requires: []string{"KICKOFF-012", "KICKOFF-002", "ASYNC-002"},
		Needs:    []checks.Need{checks.NeedSystem},
		Exports:  []session.Scenario{session.Baseline},
		Run:      judgeLevel(session.System, "[base]/$export", "KICKOFF-012"),
	}
}

func getPatient() checks.Check {
	return checks.Check{
		ID:       "kickoff.get-patient",
		Title:    "A GET at [base]/Patient/$export starts an export of all patients",
		Doc:      "The export of all patients lives at [base]/Patient/$export and can be started with GET." + levelDoc,
		Requires: []string{"KICKOFF-010", "KICKOFF-002"},
		Needs:    []checks.Need{checks.NeedPatient},
		Exports:  []session.Scenario{session.Baseline, session.PatientLevel},
		Run:      judgeLevel(session.Patient, "[base]/Patient/$export", "KICKOFF-010"),
	}
}

func getGroup() checks.Check {
	return checks.Check{
		ID:       "kickoff.get-group",
		Title:    "A GET at [base]/Group/[id]/$export starts an export of a Group's members",
		Doc:      "The export of a Group lives at [base]/Group/[id]/$export and can be started with GET." + levelDoc,
		Requires: []string{"KICKOFF-011", "KICKOFF-002"},
		Needs:    []checks.Need{checks.NeedGroup},
		Exports:  []session.Scenario{session.Baseline, session.GroupLevel},
		Run:      judgeLevel(session.Group, "[base]/Group/[id]/$export", "KICKOFF-011"),
	}
}
