package battery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
)

// Want is the reaction that is right for a case.
type Want uint8

// Reactions that are right.
const (
	Refuse Want = iota
	Accept
	Either
)

// Strength is what the opposite reaction weighs.
type Strength uint8

// Strengths.
const (
	Fails Strength = iota
	Warns
	Notes
)

// Case is one way in which a request is wrong, or unusual.
type Case struct {
	Key         string // stable: "sig-flipped"
	Ref         string // number in the list of negative assertions that the cases began as
	Check       string // the check that judges it
	Change      string // what differs from the valid request, as the end of a sentence "a request …"
	Want        Want
	Strength    Strength
	Requirement string // violated by the opposite reaction
	// Errors are the error codes that are right for a refusal; empty: any.
	Errors []string
	// Bare are statuses below OAuth that a refusal may have without an OAuth body.
	Bare []int
	// Unless names cases whose acceptance explains that of this one: it then says nothing.
	Unless []string
	// Ready says why the case cannot be tried in this session, "" if it can.
	Ready func(*World) string
	// Omit says that the case does not arise in this session, of which nothing has to be said.
	Omit func(*World) bool
	// Hosted cases begin with a valid request of the client whose JWKS the suite hosts.
	Hosted   bool
	Variants []Variant
}

// Variant is one form of a case.
type Variant struct {
	Name string // "" if there is one only
	// Edit changes the valid attempt.
	Edit func(*World, *Attempt) error
	// With returns the valid attempt to begin with; nil: one with the key of the baseline.
	With func(*World) *Attempt
	// Twice sends the edited attempt first, which has to be accepted, and then it is edited again and sent over another
	// connection. What comes then is judged.
	Twice func(*World, *Attempt) error
	// Before does something with the edited attempt before it is sent and judged.
	Before func(context.Context, *World, *Attempt) error
	// Host changes a valid attempt of a hosted case and returns what the JWKS URL answers meanwhile. Unless Stale is set, the
	// reaction counts only if the server asked for the JWKS.
	Host  func(*World, *Hosted, *Attempt) (session.KeyPage, error)
	Stale bool
	// Grace are waits, after each of which a wrong reaction is looked at again. Right after the first, it is right; right
	// after a later one, it is a warning.
	Grace []time.Duration
	// AtOnce sends the attempt twice at the same time; what is judged is whether both get a token.
	AtOnce bool
	// Optional says that the first of two sendings may be refused as well: then there is nothing to judge.
	Optional bool
	// Strength, if set, replaces that of the case.
	Strength *Strength
	// Granted judges the grant of an accepted variant of a case with Want Either; it returns a sentence, or "".
	Granted func(*World, *session.Grant) string
}

// Reaction is what the server did.
type Reaction uint8

// Reactions.
const (
	Issued  Reaction = iota // a token
	Refused                 // an error status, and no token
	Busy                    // 429, or something in front of the server
	Broken                  // no answer, or an internal error
	Odd                     // neither a token nor an error
)

// Result is how the server reacted to one variant.
type Result struct {
	Case     *Case
	Variant  string
	Reaction Reaction
	Response *session.Response
	Grant    *session.Grant
	Code     string // error in the body of a refusal, "" if the body is no OAuth error
	Skipped  string // why it was not tried
	Unsure   string // why it says nothing
	Moot     bool   // there was nothing to try after what came before
	Strength Strength
	Granted  string
	Fetched  bool // a URL that the server had no reason to ask for was asked for
	// After is how a valid request was answered afterwards if not with a token, AfterBroken that the server did not refuse
	// it but broke.
	After       string
	AfterBroken bool
}

// Name names the variant in a sentence.
func (r *Result) Name() string {
	if r.Variant == "" {
		return "a request " + r.Case.Change
	}
	return "a request " + r.Case.Change + " (" + r.Variant + ")"
}

// slow is the time after which an answer counts as none.
const slow = 30 * time.Second

// reactionTo classifies an answer.
func reactionTo(res *session.Response) Reaction {
	switch {
	case res.Status == 0 || res.Err != nil && res.Status >= 200 && res.Status <= 299:
		return Broken
	case !res.Received.IsZero() && res.Received.Sub(res.Started) > slow:
		return Broken
	case busy(res):
		return Busy
	case res.Status >= 500 && res.Status != http.StatusNotImplemented:
		return Broken
	case session.ReadGrant(res).Err == nil:
		return Issued
	case res.Status >= 400 || res.Status == http.StatusNotImplemented:
		if v, err := res.JSON(); err == nil && session.Text(v, "access_token") != "" {
			return Issued
		}
		return Refused
	}
	return Odd
}

// reactionTo classifies an answer in the light of the case: a status of the server's trouble is a refusal where the case
// made the trouble.
func (c *Case) reactionTo(res *session.Response) Reaction {
	r := reactionTo(res)
	if (r == Busy || r == Broken) && res.Err == nil && slices.Contains(c.Bare, res.Status) {
		return Refused
	}
	return r
}

// right reports whether a reaction is the one that is wanted.
func (c *Case) right(r Reaction) bool {
	return c.Want == Either || c.Want == Accept && r == Issued || c.Want == Refuse && r == Refused
}

// run tries every variant of a case, once in a session.
func (w *World) run(ctx context.Context, c *Case) []*Result {
	if c.Omit != nil && c.Omit(w) {
		return nil
	}
	general, judged := "", false
	for _, key := range c.Unless {
		if other := find(key); other != nil {
			for _, r := range w.run(ctx, other) {
				if r.Reaction == Issued && r.Response != nil {
					general = r.Name() + " gets a token as well, which explains this one"
					judged = judged || other.Check == c.Check
				}
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if done, ok := w.results[c.Key]; ok {
		return done
	}
	var out, tried []*Result
	why, lame := "", ""
	if c.Hosted {
		var h *Hosted
		if h, why = HostedOf(w.s); h != nil && (h.Grant == nil || h.WantsJKU) {
			lame = "the client with the hosted JWKS gets no token for a valid request (see jwt.jwks-url)"
		}
	}
	if c.Ready != nil && why == "" {
		why = c.Ready(w)
	}
	for i := range c.Variants {
		r := &Result{Case: c, Variant: c.Variants[i].Name, Strength: c.Strength}
		out = append(out, r)
		switch {
		case w.Baseline.Grant == nil:
			r.Unsure = "no valid token request was accepted: " + w.Baseline.Reason
		case why != "":
			r.Skipped = why
		case lame != "":
			r.Unsure = lame
		case judged:
			r.Moot = true // the same check has its finding already
		case general != "":
			r.Unsure = general
		case w.stopped != "":
			r.Unsure = w.stopped
		default:
			w.try(ctx, r, &c.Variants[i])
			if r.Response != nil && r.Reaction != Busy {
				tried = append(tried, r)
			}
			if r.Reaction == Broken && len(tried) > 0 {
				w.settle(ctx, tried)
				tried = nil
			}
		}
	}
	if len(tried) > 0 {
		w.settle(ctx, tried)
	}
	if ctx.Err() == nil {
		w.results[c.Key] = out
	}
	return out
}

func (w *World) try(ctx context.Context, r *Result, v *Variant) {
	if v.Strength != nil {
		r.Strength = *v.Strength
	}
	var a *Attempt
	make := func() *Attempt {
		switch {
		case v.With != nil:
			a = v.With(w)
		case r.Case.Hosted:
			h, _ := HostedOf(w.s)
			a = h.attempt(w, h.Works[0])
		default:
			a = w.New(w.Key)
		}
		return a
	}
	make()
	asked := 0
	if v.Host != nil {
		h, _ := HostedOf(w.s)
		page, err := v.Host(w, h, a)
		if err != nil {
			r.Skipped = err.Error()
			return
		}
		host := w.s.Config().Hosted
		done := host.Alone()
		host.Set(page)
		defer func() {
			host.Reset(h.Keys)
			done()
		}()
		asked = gets(host, "")
	}
	if v.Edit != nil {
		if err := v.Edit(w, a); err != nil {
			r.Skipped = err.Error()
			return
		}
	}
	if v.Twice != nil {
		res, err := w.send(ctx, r.Case.Check, a)
		for _, wait := range v.Grace {
			if err != nil || reactionTo(res) == Issued || w.s.Sleep(ctx, wait) != nil {
				break
			}
			w.renew(a)
			res, err = w.send(ctx, r.Case.Check, a)
		}
		if err == nil && reactionTo(res) == Refused && v.Optional {
			r.Moot = true
			return
		}
		if err != nil || reactionTo(res) != Issued {
			r.Unsure = "the first of two requests got no token"
			return
		}
		if err := v.Twice(w, a); err != nil {
			r.Unsure = err.Error()
			return
		}
		a.Fresh = true
	}
	if v.Before != nil {
		if err := v.Before(ctx, w, a); err != nil {
			r.Unsure = err.Error()
			return
		}
	}
	send := w.send
	if v.AtOnce {
		send = w.twins
	}
	res, err := send(ctx, r.Case.Check, a)
	if err != nil {
		r.Unsure = err.Error()
		return
	}
	if r.Case.reactionTo(res) == Busy && v.Before == nil && v.Twice == nil && v.Host == nil {
		// The refused jti may be burnt, so the second try is a new request.
		res, err = w.patient(ctx, r.Case.Check, func() *Attempt {
			make()
			if v.Edit != nil {
				_ = v.Edit(w, a) // it worked a moment ago
			}
			return a
		})
		if err != nil {
			r.Unsure = err.Error()
			return
		}
	}
	if v.Host != nil && !v.Stale && gets(w.s.Config().Hosted, "") == asked {
		// A fetch that was under way when the page changed may have served this request.
		w.renew(a)
		if res, err = w.send(ctx, r.Case.Check, a); err != nil || gets(w.s.Config().Hosted, "") == asked {
			r.Unsure = "the server did not read the hosted JWKS again, so that it may have judged by an older one (see jwt.jwks-rotation)"
			return
		}
	}
	for i, wait := range v.Grace {
		if r.Case.right(r.Case.reactionTo(res)) || w.s.Sleep(ctx, wait) != nil {
			break
		}
		w.renew(a)
		later, err := w.send(ctx, r.Case.Check, a)
		if err != nil {
			break
		}
		if !r.Case.right(r.Case.reactionTo(later)) {
			continue
		}
		if i == 0 {
			res = later
		} else {
			r.Strength = Warns
		}
		break
	}
	if errors.Is(res.Err, session.ErrNotRecorded) {
		r.Unsure = res.Err.Error()
		return
	}
	r.Fetched = a.Lure != "" && len(w.s.Config().Hosted.Requests(a.Lure)) > 0
	r.Response, r.Reaction = res, r.Case.reactionTo(res)
	switch r.Reaction {
	case Issued:
		r.Grant = session.ReadGrant(res)
		if v.Granted != nil {
			r.Granted = v.Granted(w, r.Grant)
		}
	case Refused:
		if d, err := res.JSON(); err == nil {
			r.Code = session.Text(d, "error")
		}
	case Busy:
		w.stopped = fmt.Sprintf("the token endpoint asks for patience (HTTP %d) and was left alone from then on", res.Status)
		r.Unsure = w.stopped
		return
	}
	if ctx.Err() != nil {
		r.Unsure = "the run was stopped"
		return
	}
}

// settle sends a valid request after what was tried since the last one, and says of the last result how it went. It is
// sent once a case, and at once where the server broke: one after every variant would double what a server has to bear.
func (w *World) settle(ctx context.Context, tried []*Result) {
	last := tried[len(tried)-1]
	if last.Reaction == Issued || ctx.Err() != nil {
		return // the token shows what a valid request would
	}
	if last.After, last.AfterBroken = w.alive(ctx); last.After == "" {
		return
	}
	w.stopped = "an earlier request left the token endpoint without a token for valid requests"
	for _, r := range tried[:len(tried)-1] {
		if r.Reaction == Refused && r.Unsure == "" {
			r.Unsure = "it was refused, but somewhere in this case the token endpoint began to refuse valid requests as well"
		}
	}
}

// twins sends an attempt twice at once and returns the worse answer: a refusal if there is one.
func (w *World) twins(ctx context.Context, check string, a *Attempt) (*session.Response, error) {
	type answer struct {
		res *session.Response
		err error
	}
	other := make(chan answer, 1)
	twin := *a
	twin.Fresh = true
	go func() {
		res, err := w.send(ctx, check, &twin)
		other <- answer{res, err}
	}()
	res, err := w.send(ctx, check, a)
	second := <-other
	if err != nil || second.err != nil || reactionTo(res) != Issued {
		return res, errors.Join(err, second.err)
	}
	return second.res, nil
}

var (
	registry     []*Case
	registryOnce sync.Once
)

// Cases returns all cases, in the order in which they are tried. They are shared: do not modify them.
func Cases() []*Case {
	registryOnce.Do(func() {
		for _, group := range [][]Case{signatureCases(), keyCases(), timeCases(), identityCases(), replayCases(), formCases(), requestCases(), hostedCases()} {
			for i := range group {
				registry = append(registry, &group[i])
			}
		}
	})
	return slices.Clone(registry)
}

func find(key string) *Case {
	for _, c := range Cases() {
		if c.Key == key {
			return c
		}
	}
	return nil
}

// Run tries the cases for which keep holds and returns their results, in order.
func Run(ctx context.Context, s *session.Session, keep func(*Case) bool) []*Result {
	w := Of(s)
	var out []*Result
	for _, c := range Cases() {
		if keep(c) {
			// Under the session's context: what one check asked for serves the next as well.
			out = append(out, w.run(s.Context(), c)...)
		}
	}
	_ = ctx
	return out
}
