package scope

import (
	"context"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/battery"
	"github.com/bulkproof/bulkproof/checks/scopes"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

var needs = []checks.Need{checks.NeedAuth}

// own returns what the session's own token may do, from which narrower requests are made.
func own(t *checks.T) scopes.Set {
	g := t.Session().Grant(t.Session().Context())
	if g.Err != nil {
		t.Inconclusivef("no token was had: %v", g.Err)
	}
	set := scopes.Parse(g.Scope)
	if !set.Reads("Patient") {
		t.Skipf("the client may not read and search Patient, with which scopes are tried")
	}
	return set
}

// announces reports whether smart-configuration lists a capability.
func announces(t *checks.T, capability string) bool {
	return slices.Contains(session.List(t.Discovery().Configuration, "capabilities"), any(capability))
}

func v1() checks.Check {
	return checks.Check{
		ID:    "scope.v1",
		Title: "Scopes of SMART 1 are granted where they are announced",
		Doc: "system/Patient.read gets a token that reads Patient, where permission-v1 is announced or under 1.0.1. Judged only if the session's own token " +
			"reads Patient. An answer in letters of SMART 2 is judged by scope.v1-form.",
		Requires: []string{"SCOPE-002", "SCOPE-001", "DISCOVERY-002"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			if t.IG() != spec.V101 && !announces(t, "permission-v1") {
				t.Note("permission-v1 is not announced, so that v1 scopes need not be granted")
				return
			}
			req := "DISCOVERY-002" // the capability that is conveyed is not there
			if t.IG() == spec.V101 {
				req = "SCOPE-002" // authorization/index.html#scopes
			}
			judgeSyntax(t, "system/Patient.read", req)
		},
	}
}

func v2() checks.Check {
	return checks.Check{
		ID:    "scope.v2",
		Title: "Scopes of SMART 2 are granted where they are announced",
		Doc: "system/Patient.rs gets a token that reads Patient, where permission-v2 is announced. Judged only if the session's own token reads Patient. The " +
			"order of scopes and splitting into letters do not matter.",
		Requires: []string{"SCOPE-003", "SCOPE-001", "SCOPE-018"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			if !announces(t, "permission-v2") {
				t.Note("permission-v2 is not announced, so that v2 scopes need not be granted")
				return
			}
			// scopes-and-launch-context.html#scopes-for-requesting-fhir-resources.
			judgeSyntax(t, "system/Patient.rs", "SCOPE-003")
		},
	}
}

func judgeSyntax(t *checks.T, scope, req string) {
	g := ask(t, scope)
	unsure(t, g)
	if g.Err != nil {
		t.Violates(req, g.Response.At(), "a request for %s is refused with HTTP %d, although its syntax is announced and the client may read Patient", scope, g.Response.Status)
	} else if g.Scope != "" && !scopes.Parse(g.Scope).MayRead("Patient") {
		t.Violates(req, g.Response.At(), "a request for %s is granted without a right to read Patient, which the client has", scope)
	}
}

func v1Form() checks.Check {
	return checks.Check{
		ID:       "scope.v1-form",
		Title:    "A scope of SMART 1 is granted in the form in which it was asked for",
		Doc:      "system/Patient.read comes back as .read; both forms side by side pass. Judged if the scope was granted in substance. A warning.",
		Requires: []string{"SCOPE-006"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			g := ask(t, "system/Patient.read")
			got := scopes.Parse(g.Scope).System
			if g.Err != nil || len(got) != 1 || got[0].Type != "Patient" || got[0].Letters != "rs" {
				t.Note("system/Patient.read is not granted as such")
				return
			}
			// scopes-and-launch-context.html: "servers SHOULD … return v1 scopes when v1 scopes are requested and granted".
			if !got[0].V1 {
				t.Violates("SCOPE-006", g.Response.At().In("/scope"), "a request for system/Patient.read is answered with scopes of SMART 2 only")
			}
		},
	}
}

func announced() checks.Check {
	return checks.Check{
		ID:       "scope.announced",
		Title:    "The syntaxes of scopes that work are announced",
		Doc:      "permission-v1 should be announced, and permission-v2 is where system/Patient.rs is granted: clients choose by it. Warnings.",
		Requires: []string{"SCOPE-005", "DISCOVERY-002"},
		Needs:    append([]checks.Need{checks.NeedSMART}, needs...),
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			if !slices.ContainsFunc(session.List(t.Configuration(), "capabilities"), func(any) bool { return true }) {
				t.Inconclusivef("capabilities is missing or empty")
			}
			at := t.Discovery().SMART.At().In("/capabilities")
			// scopes-and-launch-context.html: "servers SHOULD … advertise the permission-v1 capability".
			if !announces(t, "permission-v1") {
				t.Violates("SCOPE-005", at, "permission-v1 is not announced")
			}
			if g := ask(t, "system/Patient.rs"); g.Err == nil && scopes.Parse(g.Scope).MayRead("Patient") && !announces(t, "permission-v2") {
				t.Warns("DISCOVERY-002", at, "system/Patient.rs is granted, and permission-v2 is not announced")
			}
		},
	}
}

func union() checks.Check {
	return checks.Check{
		ID:    "scope.union",
		Title: "Several scopes in a request add up",
		Doc: "A request for Patient and Observation together is granted for both, if the session's own token reads both and each is granted alone. " +
			"An unknown scope beside a good one may be left out, echoed, or make the request fail, and is noted.",
		Requires: []string{"SCOPE-008", "SCOPE-011", "TOKEN-032"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			set := own(t)
			suffix := ".rs"
			if slices.ContainsFunc(set.System, func(sc scopes.Scope) bool { return sc.V1 }) {
				suffix = ".read"
			}
			if !set.Reads("Observation") {
				t.Skipf("the client may not read Observation, with which this is tried")
			}
			for _, typ := range []string{"Patient", "Observation"} {
				if g := ask(t, "system/"+typ+suffix); g.Err != nil || !scopes.Parse(g.Scope).MayRead(typ) {
					t.Inconclusivef("a request for %s alone is not granted", typ)
				}
			}
			g := ask(t, "system/Patient"+suffix+" system/Observation"+suffix)
			unsure(t, g)
			if g.Err != nil {
				t.Violates("SCOPE-008", g.Response.At(), "a request for two scopes is refused with HTTP %d, and each of them alone is granted", g.Response.Status)
				return
			}
			got := scopes.Parse(g.Scope)
			// scopes-and-launch-context.html#scope-equivalence.
			for _, typ := range []string{"Patient", "Observation"} {
				if !got.MayRead(typ) {
					t.Violates("SCOPE-008", g.Response.At().In("/scope"), "a request for Patient and Observation is granted without %s, which is granted alone", typ)
				}
			}
			switch odd := ask(t, "system/Patient"+suffix+" bulkproof-no-such-scope"); {
			case refused(odd):
				t.Note("a request with an unknown scope beside a good one is refused, which is legal")
			case odd.Err == nil && strings.Contains(odd.Scope, "bulkproof"):
				t.Note("an unknown scope is echoed in the grant")
			}
		},
	}
}

func limited() checks.Check {
	return checks.Check{
		ID:    "scope.limited",
		Title: "No more is granted than was asked for",
		Doc: "A request for Patient alone is granted nothing beyond it. Sets of type and letter are compared, so that .rs equals .read. Narrower grants and " +
			"scopes that are none of FHIR pass; a wider one is a warning. Rights to write are judged by scope.no-write. With --forbidden-scope a scope that the " +
			"client is not pre-authorised for is asked for: refused, or granted in part without it; granted, it is a violation if a kick-off takes it, and a " +
			"warning otherwise.",
		Requires: []string{"TOKEN-019", "TOKEN-009", "SCOPE-020"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			for _, scope := range []string{"system/Patient.rs", "system/Patient.read"} {
				g := ask(t, scope)
				if g.Err != nil {
					continue
				}
				var reads []string
				for _, text := range scopes.Parse(g.Scope).Beyond(scopes.Parse(scope)) {
					if len(scopes.Parse(text).Writes()) == 0 {
						reads = append(reads, text)
					}
				}
				// backend-services.html#issue-access-token: "the scope of each access token SHOULD encompass, and be limited to, the resources
				// requested".
				if len(reads) > 0 {
					t.Violates("TOKEN-019", g.Response.At().In("/scope"), "a request for %s is granted %d scopes beyond it", scope, len(reads))
				}
			}
			judgeForbidden(t)
		},
	}
}

// judgeForbidden asks for what the client, or the second one, is not pre-authorised for.
func judgeForbidden(t *checks.T) {
	s := t.Session()
	forbidden := s.Config().ForbiddenScope
	if forbidden == "" {
		t.Note("not tried: a scope beyond the pre-authorization, which --forbidden-scope names")
		return
	}
	g := session.Shared(s, "forbidden scope", func(ctx context.Context) *session.Grant {
		if s.Config().Second != nil {
			return battery.Of(s).AsOther(ctx, forbidden)
		}
		return battery.Of(s).Asking(ctx, forbidden)
	})
	unsure(t, g)
	asked, got := scopes.Parse(forbidden), scopes.Parse(g.Scope)
	if g.Err != nil || len(asked.System) == 0 || !got.MayRead(asked.System[0].Type) && len(got.Writes()) == 0 {
		return
	}
	typ := asked.System[0].Type
	sc := session.Scenario{}
	if typ != "*" {
		sc = sc.With("_type", typ)
	}
	p := s.ProbeEdited(sc, "forbidden scope", func(r *session.Request) { r.Credentials = session.Bearer(g.Token) })
	at := g.Response.At().In("/scope")
	// backend-services.html#evaluate-requested-access: the server "SHALL mediate the request to assure that the scope requested is
	// within the scope pre-authorized to the client".
	if p.Accepted() {
		t.Violates("TOKEN-009", at, "a scope that the client is not pre-authorised for is granted, and a kick-off with the token is accepted")
	} else {
		t.Warns("TOKEN-009", at, "a scope that the client is not pre-authorised for is granted; a kick-off with the token is not accepted")
	}
}

func noWrite() checks.Check {
	return checks.Check{
		ID:    "scope.no-write",
		Title: "No right to write comes out of a request to read",
		Doc: "Requests for system/Patient.rs, system/Patient.read and malformed scopes (.sr, .x, no letters) are granted without create, update and delete. " +
			"Malformed ones may be refused, ignored or replaced by defaults. A server that takes the letters r and d of " +
			".read for read and delete is the worst of these. By the letter more than was asked for misses a SHOULD, so this is a warning.",
		Requires: []string{"SCOPE-004", "SCOPE-007", "TOKEN-019"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			for _, scope := range []string{"system/Patient.rs", "system/Patient.read", "system/Patient.sr", "system/Patient.x", "system/Patient."} {
				g := ask(t, scope)
				if g.Err != nil {
					continue
				}
				w := scopes.Parse(g.Scope).Writes()
				if len(w) == 0 {
					continue
				}
				// scopes-and-launch-context.html: .read is read and search. backend-services.html#issue-access-token: "limited to the
				// resources requested".
				req := "TOKEN-019"
				if strings.HasSuffix(scope, ".read") && t.IG() != spec.V101 {
					req = "SCOPE-007"
				}
				t.Violates(req, g.Response.At().In("/scope"), "a request for %s is granted the right to create, update or delete", scope)
			}
		},
	}
}

func shortest() checks.Check {
	return checks.Check{
		ID:       "scope.shortest-form",
		Title:    "A granted scope is written in its shortest form",
		Doc:      "system/Patient.rs comes back as one scope and not as one for each letter. The guide recommends it in lower case, so this is a warning at most.",
		Requires: []string{"SCOPE-019"},
		Needs:    needs,
		Run: func(_ context.Context, t *checks.T) {
			own(t)
			g := ask(t, "system/Patient.rs")
			if g.Err != nil {
				t.Note("system/Patient.rs is not granted")
				return
			}
			parts := map[string]int{}
			for _, sc := range scopes.Parse(g.Scope).System {
				if !sc.V1 && sc.Query == "" {
					parts[sc.Type]++
				}
			}
			// scopes-and-launch-context.html#scope-equivalence: the shortest form is recommended.
			if parts["Patient"] > 1 {
				t.Violates("SCOPE-019", g.Response.At().In("/scope"), "the scope for Patient is written in %d parts that one would say", parts["Patient"])
			}
		},
	}
}

// listedTries bounds how many listed scopes are asked for.
const listedTries = 8

func listedWork() checks.Check {
	return checks.Check{
		ID:    "scope.listed-work",
		Title: "Scopes listed in scopes_supported can be had",
		Doc: "The first eight system scopes of scopes_supported that lie within what the client has been granted are asked for, one at a time, and not refused. " +
			"Scopes beyond it, and those of other contexts, are not tried: a scope may be supported and not pre-authorised.",
		Requires: []string{"DISCOVERY-014"},
		Needs:    append([]checks.Need{checks.NeedSMART}, needs...),
		Run: func(_ context.Context, t *checks.T) {
			set := own(t)
			// A syntax that does not work at all is the business of scope.v1 and scope.v2.
			skipV1, skipV2 := refused(ask(t, "system/Patient.read")), refused(ask(t, "system/Patient.rs"))
			tried := 0
			for _, v := range session.List(t.Configuration(), "scopes_supported") {
				text, _ := v.(string)
				one := scopes.Parse(text)
				if len(one.System) != 1 || len(one.Beyond(set)) > 0 || tried == listedTries || one.System[0].V1 && skipV1 || !one.System[0].V1 && skipV2 {
					continue
				}
				tried++
				g := ask(t, text)
				unsure(t, g)
				// conformance.html#metadata: "The server SHALL support all scopes listed here".
				if g.Err != nil {
					t.Violates("DISCOVERY-014", g.Response.At(), "a listed scope that the client may have is refused with HTTP %d", g.Response.Status)
				}
			}
			t.Examined("%d listed scopes", tried)
		},
	}
}
