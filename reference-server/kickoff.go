package refserver

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// kickOff answers a request to "…/$export"; where is the path before it.
func (s *Server) kickOff(r *http.Request, where string) *Answer {
	a := s.tryKickOff(r, where)
	s.counters.add(func(c *Stats) {
		if a.Status == http.StatusAccepted {
			c.KickOffs++
		} else {
			c.Refused++
		}
	})
	return a
}

// levelOf finds the level and the Group of a kick-off path. Group/$export and Patient/[id]/$export are
// not operations of the guide, nor of this server.
func levelOf(where string) (level Level, group string, ok bool) {
	switch parts := strings.Split(strings.TrimPrefix(where, "/"), "/"); {
	case where == "":
		return SystemLevel, "", true
	case where == "/Patient":
		return PatientLevel, "", true
	case len(parts) == 2 && parts[0] == "Group" && parts[1] != "":
		return GroupLevel, parts[1], true
	}
	return "", "", false
}

func (s *Server) tryKickOff(r *http.Request, where string) *Answer {
	level, group, ok := levelOf(where)
	if !ok || !slices.Contains(s.cfg.Levels, level) {
		return s.notFound(KickOff, r, "There is no export operation here; the CapabilityStatement lists those that are.")
	}
	b := &s.cfg.Behaviour
	switch {
	case b.NoPost && r.Method != http.MethodGet:
		return s.methodNotAllowed(KickOff, r, "GET")
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return s.methodNotAllowed(KickOff, r, "GET, POST")
	}
	// First the token: what is wrong with a request is nobody's business without one.
	d := demand{group: group}
	if group != "" && s.cfg.IG >= IG300 {
		d.types = []string{"Group"} // 3.0.0 export.html#privacy-and-security-considerations
	}
	grant, refusal := s.admit(KickOff, r, nil, d)
	if refusal != nil {
		return refusal
	}
	if !acceptable(r.Header) {
		return s.refuse(KickOff, r, Issue{Code: "not-supported", Status: http.StatusNotAcceptable,
			Text: "The answer to a kick-off is application/fhir+json; the Accept header allows none of its names."})
	}
	prefer := parsePrefer(r.Header.Values("Prefer"))
	switch {
	case b.RequireAccept && r.Header.Get("Accept") == "":
		return s.refuse(KickOff, r, Issue{Code: "required", Text: "Send Accept: application/fhir+json."})
	case b.RequirePrefer && !prefer.async:
		return s.refuse(KickOff, r, Issue{Code: "required", Text: "Send Prefer: respond-async; exports are asynchronous."})
	}
	base := s.base(r)
	set, err := s.set(base)
	if err != nil {
		return s.refuse(KickOff, r, Issue{Code: "exception", Status: http.StatusInternalServerError, Text: "The dataset cannot be opened."})
	}
	rehearsal := s.cfg.RehearsalGroups && (group == RehearseFailure || group == RehearseLoss)
	if group != "" && !rehearsal && !set.Has("Group", group) && !b.AcceptUnknownGroup {
		return s.notFound(KickOff, r, "There is no Group with this id; search "+base+"/Group for those there are.")
	}

	sent, issue := readSent(r)
	if issue != nil && !(r.Method == http.MethodPost && s.cfg.Behaviour.IgnoreMalformedBody) {
		return s.refuse(KickOff, r, *issue)
	}
	if hook := b.Parameters; hook != nil {
		sent = hook(r.WithContext(context.WithValue(r.Context(), dataKey{}, set)), level, sent)
	}
	ex := &Export{
		Level: level, Group: group, Method: r.Method, Sent: sent,
		URL:     base + strings.TrimPrefix(r.URL.EscapedPath(), mount),
		Lenient: prefer.lenient && s.cfg.IG >= IG200 && !b.NoLenient || b.SwallowProblems,
	}
	if r.URL.RawQuery != "" {
		ex.URL += "?" + r.URL.RawQuery
	}
	ex.Separate = prefer.separate && s.cfg.IG >= IG300 && !slices.Contains(b.Unsupported, "separate-export-status")
	issues := readParams(environment{
		ig: s.cfg.IG, unsupported: b.Unsupported, types: s.typesAt(level), held: s.held, base: base,
		hasPatient: func(id string) bool { return set.Has("Patient", id) },
		isMember:   func(g, id string) bool { return set.IsMember(memberGroup(g), id) },
	}, ex)
	if b.SwallowProblems {
		issues, ex.Ignored = nil, nil
	}
	if len(issues) == 0 {
		issues = s.limitToScopes(ex, grant)
	}
	if len(issues) > 0 {
		return s.refuse(KickOff, r, issues...)
	}
	if hook := b.KickOff; hook != nil {
		hook(ex)
	}
	return s.accept(r, ex, grant, base)
}

// memberGroup is the Group whose members a rehearsal group borrows.
func memberGroup(group string) string {
	if group == RehearseFailure || group == RehearseLoss {
		return rehearsalMembers
	}
	return group
}

// limitToScopes refuses types that were asked for by name and are not covered by the token, and leaves
// others out without a word: nobody asked for them.
func (s *Server) limitToScopes(ex *Export, grant *authz.Grant) []Issue {
	var forbidden []string
	if ex.Types != nil {
		forbidden = grant.MayReadEach(ex.Types)
	}
	if ex.Associated != "" && !grant.MayRead("Provenance") {
		forbidden = append(forbidden, "Provenance")
	}
	if len(forbidden) > 0 {
		slices.Sort(forbidden)
		return []Issue{{Code: "forbidden", Status: http.StatusForbidden,
			Text: "The access token does not cover " + join(slices.Compact(forbidden)) + "."}}
	}
	if ex.Types == nil && len(grant.MayReadEach(s.typesAt(ex.Level))) == len(s.typesAt(ex.Level)) {
		return []Issue{{Code: "forbidden", Status: http.StatusForbidden,
			Text: "The access token covers no resource type that is exported at this level."}}
	}
	return nil
}

// accept starts the job.
func (s *Server) accept(r *http.Request, ex *Export, grant *authz.Grant, base string) *Answer {
	j := s.newJob(ex, grant, base)
	if !s.jobs.add(j, s.cfg.MaxJobs, s.now()) {
		j.cancel()
		return s.throttle(KickOff, r, s.cfg.RetryAfter, Issue{Code: "throttled", Status: http.StatusTooManyRequests,
			Text: "Too many exports are in progress; wait for one to complete, or delete one."})
	}
	if s.cfg.JobTime > 0 {
		go j.prepare()
	}
	a := &Answer{Endpoint: KickOff, Request: r, Status: http.StatusAccepted, Header: http.Header{}, Client: grant.ClientID, Body: []byte{}}
	a.Header.Set("Content-Location", j.location())
	if ex.Separate {
		a.Header.Set("Preference-Applied", "respond-async, separate-export-status")
	}
	info := j.info(KickOff)
	a.Job = &info
	return a
}

// readSent collects the parameters of the query string (GET) or of the body (POST).
func readSent(r *http.Request) ([]Parameter, *Issue) {
	if r.Method == http.MethodGet {
		sent, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, &Issue{Code: "structure", Text: "The query string cannot be read: " + err.Error() + "."}
		}
		return sent, nil
	}
	if r.URL.RawQuery != "" {
		return nil, &Issue{Code: "not-supported", Text: "A POST kick-off takes its parameters from a Parameters resource in the body, not from the URL."}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	var tooLarge *http.MaxBytesError
	switch {
	case len(body) > MaxBody || errors.As(err, &tooLarge):
		return nil, &Issue{Code: "too-long", Status: http.StatusRequestEntityTooLarge, Text: "The body is longer than 1 MiB."}
	case err != nil:
		return nil, &Issue{Code: "structure", Text: "The body cannot be read to its end."}
	case len(body) == 0:
		return nil, nil // every parameter is optional
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != fhirJSON && media != plainJSON {
		return nil, &Issue{Code: "not-supported", Status: http.StatusUnsupportedMediaType,
			Text: "The body of a kick-off has to be a Parameters resource with Content-Type application/fhir+json."}
	}
	sent, err := parseParameters(body)
	if err != nil {
		return nil, &Issue{Code: "structure", Text: "The body is not a Parameters resource: " + err.Error() + "."}
	}
	return sent, nil
}

// acceptable tells whether Accept, if given, has a name of FHIR JSON in it. Without the header the
// request is processed as if it had (3.0.0 export.html#headers).
func acceptable(h http.Header) bool {
	values := h.Values("Accept")
	if len(values) == 0 {
		return true
	}
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		media, _, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "", fhirJSON, plainJSON, fhirNDJSON, "application/ndjson", "application/json+fhir", "*/*", "application/*":
			return true
		}
	}
	return false
}
