package security

import (
	"context"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/scopes"
	"github.com/bulkproof/bulkproof/checks/session"
)

// narrow is a token that covers Patient and nothing else.
type narrow struct {
	bad
	reason string // why there is none
}

// narrowScope is the scope for Patient alone, in the syntax in which the session asks for its own.
func narrowScope(s *session.Session) string {
	for _, sc := range scopes.Parse(s.Config().Scope).System {
		if sc.V1 {
			return "system/Patient.read"
		}
	}
	return "system/Patient.rs"
}

// narrowToken asks for a token for Patient alone, once for all checks. What counts is what was granted.
func narrowToken(t *checks.T) narrow {
	s := t.Session()
	n := session.Shared(s, "narrow token", func(ctx context.Context) narrow {
		ask := narrowScope(s)
		g := s.Client("").RequestToken(ctx, s.SigningKeys()[0], ask)
		if g.Err != nil {
			return narrow{reason: "no token could be had for " + ask + ": " + g.Err.Error()}
		}
		granted := scopes.Parse(g.Scope)
		if !granted.MayRead("Patient") || granted.MayRead("Observation") {
			return narrow{reason: "a request for " + ask + " was granted something else, so that no token of narrow scope is at hand"}
		}
		return narrow{bad: bad{"narrow token", "with a token for " + strings.TrimPrefix(ask, "system/") + " only", session.Bearer(g.Token)}}
	})
	if n.reason != "" {
		t.Inconclusivef("%s", n.reason)
	}
	return n
}

// free are types that need no scope of their own: wrappers of errors, deletions and headers.
var free = []string{"OperationOutcome", "Bundle", "Parameters"}

// foreign reports whether an output item is of a type that a token for Patient does not cover.
func foreign(it session.Item) bool {
	return it.Kind == "output" && it.Type != "" && it.Type != "Patient" && !slices.Contains(free, it.Type)
}

func scopeAtKickOff() checks.Check {
	return checks.Check{
		ID:    "security.scope-at-kickoff",
		Title: "A kick-off for a type outside the token's scopes is refused",
		Doc: "With a token for Patient only, a kick-off with _type=Observation should be refused at once, with any 4xx status. Acceptance is a warning; " +
			"whether data comes of it is judged by data.within-scope. The job is deleted at once.",
		Requires: []string{"AUTHZ-001"},
		Needs:    []checks.Need{checks.NeedAuth},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{KickOffs: 1},
		Run: func(_ context.Context, t *checks.T) {
			n := narrowToken(t)
			p := t.Session().ProbeEdited(session.Scenario{}.With("_type", "Observation"), n.name, func(r *session.Request) { r.Credentials = n.cred })
			if p.KickOff == nil {
				t.Inconclusivef("%s", p.Reason)
			}
			v := try{n.what, "a kick-off with _type=Observation", p.KickOff}
			// backend-services.html#enforce-authorization: "a client asks for Observation resources but has scopes that only permit access to
			// Patient resources … a server SHOULD respond with a failure to the initial request".
			if v.taken() {
				t.Violates("AUTHZ-001", v.res.At(), "%s", tell(v))
			} else if !v.refused() {
				t.Inconclusivef("%s", tell(v))
			}
		},
	}
}

func scopeAtStatus() checks.Check {
	return checks.Check{
		ID:    "security.scope-at-status",
		Title: "The status of an export is not shown to a token that covers only a part of it",
		Doc: "The finished plain export holds more types than Patient; its status is asked for with a token for Patient only. By the letter the answer has to " +
			"be a refusal; as it shows counts and URLs and no data, this is a warning.",
		Requires: []string{"SECURITY-007"},
		Needs:    []checks.Need{checks.NeedAuth},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := exported(t)
			if !slices.ContainsFunc(ex.Manifest.Output, foreign) {
				t.Skipf("the plain export has no type but Patient")
			}
			n := narrowToken(t)
			v := statusAs(t.Session(), n.bad)
			// export.html#privacy-and-security-considerations: the token's scopes "SHALL" cover all the resources exported.
			if v.let() {
				t.Warns("SECURITY-007", v.res.At(), "%s", tell(v))
			} else if !v.refused() {
				t.Inconclusivef("%s", tell(v))
			}
		},
	}
}

func scopeAtFiles() checks.Check {
	return checks.Check{
		ID:    "security.scope-at-files",
		Title: "No file of a type outside the token's scopes is given out",
		Doc: "Every output file of the plain export whose type is not Patient is asked for with a token for Patient only, and refused with a 4xx status. " +
			"Patient files may be given or refused. Files of error and deleted need no scope of their own.",
		Requires: []string{"SECURITY-007", "AUTHZ-006"},
		Needs:    []checks.Need{checks.NeedAuth},
		Exports:  []session.Scenario{session.Baseline},
		Cost:     checks.Cost{EachFile: 1},
		Run: func(_ context.Context, t *checks.T) {
			ex := protectedFiles(t)
			if !slices.ContainsFunc(ex.Manifest.Output, foreign) {
				t.Skipf("the plain export has no type but Patient")
			}
			n := narrowToken(t)
			if why := gate(t.Session(), garbage(t.Session())); why != "" {
				t.Inconclusivef("%s", why)
			}
			judged := 0
			for _, f := range filesAs(t.Session(), n.bad) {
				if f.res == nil || !foreign(f.item) || !t.Session().TokenAllowedAt(f.item.Resolved) {
					continue
				}
				judged++
				if f.content {
					at := f.res.At()
					at.File = f.item.Name()
					// export.html#privacy-and-security-considerations: the token's scopes "SHALL" cover all the resources exported.
					t.Violates("SECURITY-007", at, "%s", tell(f.try))
				}
			}
			t.Examined("%d files of other types", judged)
		},
	}
}
