package refserver

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
)

// demand is what a request needs beyond a valid token: types that the token has to cover, and a Group
// that has to be open to the client.
type demand struct {
	job   *job
	types []string
	group string
	// search says that the types are searched, for which the letter s counts in place of r.
	search bool
}

// admit decides whether a request may go on. It returns the grant, or the answer that refuses. info is
// nil where no job is concerned.
func (s *Server) admit(e Endpoint, r *http.Request, info *JobInfo, d demand) (*authz.Grant, *Answer) {
	var (
		grant   = authz.Unlimited("", time.Time{})
		refusal *authz.Refusal
		problem string
		answer  *Answer
	)
	if s.auth != nil {
		grant, refusal = s.auth.Authenticate(r)
		problem, answer = s.judge(e, r, d, grant, refusal)
	}
	if hook := s.cfg.Behaviour.Access; hook != nil {
		a := AccessRequest{Endpoint: e, Request: r, Job: info, HasToken: r.Header.Get("Authorization") != "", Problem: problem}
		if grant != nil {
			a.Client = grant.ClientID
		}
		switch allowed := hook(a, problem == ""); {
		case allowed && problem != "":
			// The token says too little, or there is none: let through with every right.
			client := a.Client
			if client == "" && d.job != nil {
				client = d.job.client
			}
			return authz.Unlimited(client, time.Time{}), nil
		case !allowed && problem == "":
			answer = s.refuse(e, r, Issue{Code: "forbidden", Status: http.StatusForbidden, Text: "Access is refused."})
			problem = ProblemScope
		}
	}
	if problem != "" {
		answer.Job = info
		return nil, answer
	}
	return grant, nil
}

// judge names the first problem of a request, and the answer it gets.
func (s *Server) judge(e Endpoint, r *http.Request, d demand, grant *authz.Grant, refusal *authz.Refusal) (string, *Answer) {
	switch {
	case refusal != nil:
		return ProblemToken, s.refused(e, r, "login", refusal)
	case d.job != nil && grant.ClientID != "" && d.job.client != "" && grant.ClientID != d.job.client:
		// Either id is empty only where a Behaviour let a request in without a token.
		return ProblemClient, s.unknownJob(e, r)
	}
	forbidden := grant.MayReadEach(d.types)
	if d.search {
		forbidden = slices.DeleteFunc(slices.Clone(d.types), grant.MaySearch)
	}
	if len(forbidden) > 0 {
		needed := make([]string, len(forbidden))
		for i, t := range forbidden {
			needed[i] = "system/" + t + ".rs"
		}
		return ProblemScope, s.refused(e, r, "forbidden",
			s.auth.InsufficientScope("The access token does not cover "+join(forbidden)+".", needed...))
	}
	if d.group != "" && s.cfg.GroupPolicy != nil && !s.cfg.GroupPolicy(grant.ClientID, d.group) {
		return ProblemGroup, s.refuse(e, r, Issue{Code: "forbidden", Status: http.StatusForbidden,
			Text: "This Group is not open to the client."})
	}
	return "", nil
}

// refused words a refusal of the authorization server as OperationOutcome with its challenge.
func (s *Server) refused(e Endpoint, r *http.Request, code string, f *authz.Refusal) *Answer {
	a := s.refuse(e, r, Issue{Code: code, Status: f.Status, Text: f.Description})
	if f.Challenge != "" {
		a.Header.Set("WWW-Authenticate", f.Challenge)
	}
	return a
}

// join lists a few names in a sentence.
func join(names []string) string {
	out := ""
	for i, n := range names {
		switch {
		case i == 0:
		case i == 6:
			return out + " and more"
		case i == len(names)-1:
			out += " and "
		default:
			out += ", "
		}
		out += n
	}
	return out
}

// equalSecret compares without telling by its duration how much was right.
func equalSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
