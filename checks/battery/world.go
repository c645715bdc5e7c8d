package battery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
)

// World is what the cases know of the server, the client and its keys.
type World struct {
	s        *session.Session
	Endpoint string      // token endpoint
	Scope    string      // asked for in a valid request
	Key      session.Key // with which a valid request was accepted
	Baseline *Baseline

	mu      sync.Mutex // held by the case that runs
	stopped string     // why no further case is run
	results map[string][]*Result
}

// Baseline is how the server reacts to a valid request.
type Baseline struct {
	Response *session.Response // of the last try
	Grant    *session.Grant    // of the request that was accepted, or nil
	Reason   string            // why none was; "" if one was
	// Wants is what a plain valid request lacked in the server's eyes: with it, and only with it, a token was given. ""
	// otherwise. Such a Baseline is no ground for cases.
	Wants string
	// Refused are the keys that did not work, of which others did.
	Refused []session.Key
}

// Of returns the world of a session, with the baseline tried.
func Of(s *session.Session) *World {
	return session.Shared(s, "battery", func(ctx context.Context) *World {
		w := &World{s: s, Endpoint: s.Discover().TokenURL, Scope: s.Config().Scope, results: map[string][]*Result{}}
		w.Baseline = w.first(ctx)
		return w
	})
}

// Now is the time by the server's clock, as far as its Date headers tell.
func (w *World) Now() time.Time { return w.s.ServerNow() }

// Keys returns the registered keys that work, the one of the baseline first.
func (w *World) Keys() []session.Key {
	out := []session.Key{w.Key}
	for _, k := range w.s.Config().Keys {
		refused := false
		for _, r := range w.Baseline.Refused {
			refused = refused || r.ID == k.ID
		}
		if !refused && k.ID != w.Key.ID {
			out = append(out, k)
		}
	}
	return out
}

// KeyFor returns a key for the algorithm that is registered and works.
func (w *World) KeyFor(alg string) (session.Key, bool) {
	for _, k := range w.Keys() {
		if k.Algorithm == alg && w.Works(w.s.Context(), k) {
			return k, true
		}
	}
	return session.Key{}, false
}

// Sibling returns another registered key for the same algorithm.
func (w *World) Sibling(of session.Key) (session.Key, bool) {
	for _, k := range w.Keys() {
		if k.Algorithm == of.Algorithm && k.ID != of.ID && w.Works(w.s.Context(), k) {
			return k, true
		}
	}
	return session.Key{}, false
}

// siblings returns two working keys for one algorithm, if there are.
func (w *World) siblings() (first, second session.Key, ok bool) {
	for _, k := range w.Keys() {
		if !w.Works(w.s.Context(), k) {
			continue
		}
		if second, ok = w.Sibling(k); ok {
			return k, second, true
		}
	}
	return first, second, false
}

// Works reports whether a valid request signed with the key gets a token. Each key is tried once.
func (w *World) Works(ctx context.Context, k session.Key) bool { return w.KeyAnswer(ctx, k).Err == nil }

// KeyAnswer is the answer to a valid request signed with the key.
func (w *World) KeyAnswer(ctx context.Context, k session.Key) *session.Grant {
	if w.Baseline.Grant != nil && k.ID == w.Key.ID {
		return w.Baseline.Grant
	}
	return session.Shared(w.s, "battery key "+k.ID, func(ctx context.Context) *session.Grant {
		res, err := w.patient(ctx, "", func() *Attempt { return w.New(k) })
		if err != nil {
			return &session.Grant{Err: err}
		}
		return session.ReadGrant(res)
	})
}

// wishes are additions that a valid request does not need, each of which some servers demand.
var wishes = []struct {
	what string
	add  func(*World, *Attempt)
}{
	{"iat", func(w *World, a *Attempt) { a.Claims.Set("iat", w.Now().Unix()) }},
	{"nbf", func(w *World, a *Attempt) { a.Claims.Set("nbf", w.Now().Unix()) }},
	{"client_id", func(w *World, a *Attempt) { a.Form.Set("client_id", w.s.Config().ClientID) }},
}

// first sends a valid request with each key until one is accepted, and if none is, looks for what the server wants.
func (w *World) first(ctx context.Context) *Baseline {
	b := &Baseline{}
	if w.Endpoint == "" {
		b.Reason = "no token endpoint is known: smart-configuration names none, and --token-url is not given"
		return b
	}
	keys := w.s.SigningKeys()
	var refused []session.Key
	for _, k := range keys {
		res, err := w.patient(ctx, "", func() *Attempt { return w.New(k) })
		if err != nil {
			b.Reason = err.Error()
			return b
		}
		b.Response = res
		if g := session.ReadGrant(res); g.Err == nil {
			w.Key, b.Grant, b.Refused, b.Reason = k, g, refused, ""
			return b
		} else if b.Reason == "" {
			b.Reason = g.Err.Error()
		}
		if res.Err != nil || !authFailure(res) {
			return b
		}
		refused = append(refused, k)
	}
	for i := range wishes {
		for _, only := range []bool{true, false} {
			res, err := w.send(ctx, "", w.wishing(keys[0], i, only))
			if err == nil && session.ReadGrant(res).Err == nil {
				b.Wants = wishes[i].what
				if !only {
					for _, before := range wishes[:i] {
						b.Wants = before.what + " and " + b.Wants
					}
				}
				return b
			}
			if i == 0 {
				break // the first wish alone and with those before it are the same
			}
		}
	}
	return b
}

func (w *World) wishing(k session.Key, last int, only bool) *Attempt {
	a := w.New(k)
	for i := range wishes[:last+1] {
		if !only || i == last {
			wishes[i].add(w, a)
		}
	}
	return a
}

// authFailure reports whether a refusal may be about the client's authentication.
func authFailure(res *session.Response) bool {
	return res.Status == http.StatusBadRequest || res.Status == http.StatusUnauthorized || res.Status == http.StatusForbidden
}

// busy reports whether an answer asks for patience, or comes from something in front of the server.
func busy(res *session.Response) bool {
	switch res.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// patient sends an attempt, and once more after the wait that a busy server asks for.
func (w *World) patient(ctx context.Context, check string, make func() *Attempt) (*session.Response, error) {
	res, err := w.send(ctx, check, make())
	if err != nil || !busy(res) {
		return res, err
	}
	wait, named := session.RetryAfter(res, w.s.Now())
	if !named {
		wait = 5 * time.Second
	}
	if w.s.Sleep(ctx, min(wait, time.Minute)) != nil {
		return res, nil
	}
	return w.send(ctx, check, make())
}

// alive sends a valid request, for up to a minute until it is accepted. It returns "" then, and otherwise what came
// back, and whether the server broke rather than refused.
func (w *World) alive(ctx context.Context) (problem string, broken bool) {
	for _, wait := range []time.Duration{0, 5 * time.Second, 15 * time.Second, 40 * time.Second} {
		if wait > 0 && w.s.Sleep(ctx, wait) != nil {
			return "the run was stopped", false
		}
		res, err := w.send(ctx, "", w.New(w.Key))
		if err != nil {
			return err.Error(), false
		}
		g := session.ReadGrant(res)
		if g.Err == nil {
			return "", false
		}
		if errors.Is(res.Err, session.ErrNotRecorded) {
			return "", false // nobody can say
		}
		problem, broken = fmt.Sprintf("a valid token request is answered with %s", res.Describe()), reactionTo(res) == Broken
	}
	return problem, broken
}

// Another sends one more valid request.
func (w *World) Another(ctx context.Context) *session.Grant {
	defer w.s.Config().Hosted.Ordinary()()
	res, err := w.patient(ctx, "", func() *Attempt { return w.New(w.Key) })
	if err != nil {
		return &session.Grant{Err: err}
	}
	return session.ReadGrant(res)
}

// Asking sends a valid request for a scope; "" leaves the parameter out.
func (w *World) Asking(ctx context.Context, scope string) *session.Grant {
	defer w.s.Config().Hosted.Ordinary()()
	res, err := w.patient(ctx, "", func() *Attempt {
		a := w.New(w.Key)
		a.Form.Set("scope", scope)
		if scope == "" {
			a.Form.Del("scope")
		}
		return a
	})
	if err != nil {
		return &session.Grant{Err: err}
	}
	return session.ReadGrant(res)
}

// ThrowAway sends a token request to another URL than the token endpoint, with an assertion that is signed by a key nobody
// registered, so that it is worth nothing to whoever reads it.
func (w *World) ThrowAway(ctx context.Context, check, to string) *session.Response {
	signed, err := w.New(Rogue(w.Key)).Assertion()
	if err != nil {
		return &session.Response{Err: err}
	}
	return w.s.Client(check).PostToken(ctx, to, session.TokenForm(signed, w.Scope))
}

// AsOther sends a valid request of the second client for a scope.
func (w *World) AsOther(ctx context.Context, scope string) *session.Grant {
	defer w.s.Config().Hosted.Ordinary()()
	other := w.s.Config().Second
	if other == nil || w.Endpoint == "" {
		return &session.Grant{Err: errors.New("there is no second client or no token endpoint")}
	}
	res, err := w.patient(ctx, "", func() *Attempt {
		a := w.newFor(other.ID, other.Keys[0])
		a.Form.Set("scope", scope)
		return a
	})
	if err != nil {
		return &session.Grant{Err: err}
	}
	return session.ReadGrant(res)
}
