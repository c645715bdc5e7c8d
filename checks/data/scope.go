package data

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/params"
	"github.com/bulkproof/bulkproof/checks/scopes"
	"github.com/bulkproof/bulkproof/checks/session"
)

// wrappers are types that need no scope of their own: errors, deletions and headers.
var wrappers = []string{"OperationOutcome", "Bundle", "Parameters"}

func withinScope() checks.Check {
	return checks.Check{
		ID:    "data.within-scope",
		Title: "An export holds no type that the token's scopes do not cover",
		// export.html#privacy-and-security-considerations: "The FHIR server SHALL limit the data returned to only those FHIR resources for which
		// the client is authorized."
		Doc: "With a token for Patient alone an export without _type is asked for at the level of the plain one. Refusing it for want of scopes is legal. If it is " +
			"accepted, its manifest lists files of types that were granted, and of OperationOutcome, Bundle and Parameters. What counts is the granted " +
			"scope. The job is deleted afterwards.",
		Requires: []string{"SECURITY-012"}, Needs: []checks.Need{checks.NeedAuth}, Exports: plain, Learns: true, Cost: checks.Cost{KickOffs: 1}, Spare: 1,
		Run: func(ctx context.Context, t *checks.T) {
			base, s := params.Plain(t), t.Session()
			if !slices.ContainsFunc(base.Types(), func(typ string) bool { return typ != "Patient" && !slices.Contains(wrappers, typ) }) {
				t.Inconclusivef("the plain export has nothing but Patient, so there is nothing to hold back")
			}
			if _, set := t.Files(session.Baseline); slices.ContainsFunc(set.Duplicates, func(g ndjson.Group) bool { return g.Rule != ndjson.RuleDuplicateIdentical }) {
				t.Inconclusivef("the plain export has resources in two versions, and files that may have no place in any (see ndjson.unique)")
			}
			n := &narrowed{t: t, ask: "system/Patient.rs"}
			for _, sc := range scopes.Parse(s.Config().Scope).System {
				if sc.V1 {
					n.ask = "system/Patient.read"
				}
			}
			n.renew(ctx)
			kick, location := n.kickOff(ctx, base.Export.Scenario.Level)
			if kick.Status == http.StatusForbidden || kick.Status == http.StatusUnauthorized || kick.Status == http.StatusBadRequest {
				t.Examined("refused with HTTP %d", kick.Status)
				return
			}
			if location == "" {
				t.Inconclusivef("the kick-off with a token for Patient alone was answered with %s", kick.Describe())
			}
			last := n.poll(ctx, location)
			if res := n.send(ctx, session.DeleteRequest(location)); res.Err == nil && res.Status >= 200 && res.Status < 300 {
				s.NoteDeleted(location)
			}
			if !last.OK(http.StatusOK) {
				t.Inconclusivef("the export with a token for Patient alone did not complete: %s", last.Describe())
			}
			m := session.ReadManifest(last)
			if m.Tree == nil {
				t.Inconclusivef("its manifest cannot be read: %v", m.Err)
			}
			var foreign []string
			for _, it := range m.Output {
				// A type that no line of the plain export has is a misnomer, which other checks judge.
				if base.Count(it.Type) > 0 && !n.granted.MayRead(it.Type) && !slices.Contains(wrappers, it.Type) && !slices.Contains(foreign, it.Type) {
					foreign = append(foreign, it.Type)
				}
			}
			t.Examined("%d files, %d types in the plain export", len(m.Output), len(base.Types()))
			if len(foreign) > 0 {
				slices.Sort(foreign)
				t.Violates("SECURITY-012", last.At(), "with a token for Patient alone, files of %d further types are exported, such as %s", len(foreign), foreign[0])
			}
		},
	}
}

// narrowed has an export of its own with tokens for Patient alone.
type narrowed struct {
	t       *checks.T
	ask     string
	granted scopes.Set
	cred    session.Credentials
	renewed int
}

// maxRenewals is how often another token is asked for where one was refused that had been good: a server may let a client
// hold one token at a time, and other checks ask for tokens meanwhile.
const maxRenewals = 20

// renew gets a token; the check is inconclusive if it covers more or less than it should.
func (n *narrowed) renew(ctx context.Context) {
	g := n.t.Client().RequestToken(ctx, n.t.Session().SigningKeys()[0], n.ask)
	if n.granted = scopes.Parse(g.Scope); g.Err != nil || !n.granted.MayRead("Patient") || n.granted.MayRead("Observation") {
		n.t.Inconclusivef("no token for Patient alone could be had: a request for %s was refused or granted something else", n.ask)
	}
	n.cred = session.Bearer(g.Token)
}

// kickOff asks for a plain export, once more with another token where one is refused as such.
func (n *narrowed) kickOff(ctx context.Context, l session.Level) (res *session.Response, location string) {
	for try := 0; ; try++ {
		req := n.t.Session().RequestOf(session.Scenario{Level: l})
		req.Credentials = n.cred
		res, location = n.t.Client().KickOffRequestPatiently(ctx, req)
		if res.Status != http.StatusUnauthorized || try > 0 || !n.again(ctx) {
			return res, location
		}
	}
}

// send sends a request about the export, with another token where one is refused, and repeats it while the answer says
// that it will pass.
func (n *narrowed) send(ctx context.Context, req session.Request) *session.Response {
	for {
		req.Credentials = n.cred
		res := n.t.Client().Patiently(ctx, req)
		if res.Status != http.StatusUnauthorized || !n.again(ctx) {
			return res
		}
	}
}

func (n *narrowed) again(ctx context.Context) bool {
	if n.renewed++; n.renewed > maxRenewals {
		return false
	}
	n.renew(ctx)
	return true
}

// poll asks until the export ends, and returns the last answer.
func (n *narrowed) poll(ctx context.Context, location string) *session.Response {
	s := n.t.Session()
	deadline := s.Now().Add(s.Config().ExportTimeout)
	for {
		res := n.send(ctx, session.StatusRequest(location))
		if res.Status != http.StatusAccepted {
			return res
		}
		wait, named := session.RetryAfter(res, s.Now())
		if !named {
			wait = s.Config().PollInterval
		}
		wait = max(wait, 50*time.Millisecond)
		if s.Now().Add(wait).After(deadline) || s.Sleep(ctx, wait) != nil {
			return res
		}
	}
}
