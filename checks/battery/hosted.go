package battery

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
)

// Hosted is the client that registered the URL of its JWKS, which the suite hosts, and how the server treats it.
type Hosted struct {
	ID    string
	Keys  []session.Key // registered, by what is hosted
	Scope string
	Works []session.Key // those with which a valid request gets a token

	Response *session.Response // to the last request without jku
	Grant    *session.Grant    // of the request that was accepted, or nil
	Reason   string            // why none was; "" if one was
	// WantsJKU says that a token is given only if jku names the registered URL.
	WantsJKU bool
}

// noHost says what a run without a hosted JWKS lacks.
const noHost = "no client with a hosted JWKS is configured: register the URL of a JWKS for a client, and name the address at which to host it with " +
	"--jwks-listen (and --jwks-second if it is the second client's)"

// HostedOf returns the client with the hosted JWKS, with a valid request tried for each of its keys, and why there is
// none.
func HostedOf(s *session.Session) (*Hosted, string) {
	c := s.Config()
	if c.Hosted == nil {
		return nil, noHost
	}
	return session.Shared(s, "hosted client", func(ctx context.Context) *Hosted {
		w := Of(s)
		h := &Hosted{ID: c.ClientID, Keys: s.SigningKeys(), Scope: w.Scope}
		if c.HostedSecond {
			h.ID, h.Keys, h.Scope = c.Second.ID, c.Second.Keys, c.Second.Scope
		}
		h.first(ctx, w)
		return h
	}), ""
}

func (h *Hosted) first(ctx context.Context, w *World) {
	if w.Endpoint == "" {
		h.Reason = "no token endpoint is known"
		return
	}
	for _, jku := range []string{"", w.s.Config().Hosted.URL()} {
		for _, k := range h.Keys {
			res, err := w.patient(ctx, "", func() *Attempt {
				a := h.attempt(w, k)
				if jku != "" {
					a.Header.Set("jku", jku)
				}
				return a
			})
			if err != nil {
				h.Reason = err.Error()
				return
			}
			if jku == "" {
				h.Response = res
			}
			switch g := session.ReadGrant(res); {
			case g.Err == nil:
				h.Works = append(h.Works, k)
				if h.Grant == nil {
					h.Grant, h.Reason, h.WantsJKU = g, "", jku != ""
				}
			case h.Reason == "" && h.Grant == nil:
				h.Reason = g.Err.Error()
			}
			if res.Err != nil {
				return
			}
		}
		if h.Grant != nil {
			return
		}
	}
}

// attempt is a valid request of the client.
func (h *Hosted) attempt(w *World, k session.Key) *Attempt {
	a := w.newFor(h.ID, k)
	a.Form.Set("scope", h.Scope)
	return a
}

// key returns a registered key that works, for the algorithm or, with "", any.
func (h *Hosted) key(alg string) (session.Key, bool) {
	i := slices.IndexFunc(h.Works, func(k session.Key) bool { return alg == "" || k.Algorithm == alg })
	if i < 0 {
		return session.Key{}, false
	}
	return h.Works[i], true
}

// spare returns a key that nobody registered, of an algorithm that the client can use, under a kid of its own.
func (h *Hosted) spare(i int) session.Key {
	k := h.Works[0]
	k.ID = "bulkproof-" + random()
	if isEC(k) {
		k.Private = spareEC[i]()
	} else {
		k.Private = spareRSA[i]()
	}
	return k
}

// use lets a key sign the attempt under its kid.
func (a *Attempt) use(k session.Key) {
	a.Key, a.Alg = k, k.Algorithm
	a.Header.Set("alg", k.Algorithm)
	a.Header.Set("kid", k.ID)
}

// renew makes an attempt that was sent already a new one.
func (w *World) renew(a *Attempt) {
	a.Claims.Set("jti", random())
	a.Claims.Set("exp", w.Now().Add(life).Unix())
}

// uncached is a page that no server may keep, so that the next request shows what it makes of the page.
func uncached(body []byte) session.KeyPage {
	return session.KeyPage{Body: body, CacheControl: "no-store"}
}

// with is a JWK Set of the given keys and, behind them, the client's own.
func (h *Hosted) with(keys ...session.Key) session.KeyPage {
	return uncached(session.PublicJWKS(slices.Concat(keys, h.Keys)))
}

// withMembers is with for members that need not be keys.
func (h *Hosted) withMembers(members ...map[string]any) session.KeyPage {
	for _, k := range h.Keys {
		members = append(members, session.PublicJWK(k))
	}
	return uncached(session.JWKSOf(members...))
}

// bare leaves nothing in a JWK but what RFC 7518 demands, and kid.
func bare(k session.Key) map[string]any {
	m := session.PublicJWK(k)
	for _, name := range []string{"use", "alg", "key_ops"} {
		delete(m, name)
	}
	return m
}

// Caching is how often the server read a JWKS that it was allowed to cache.
type Caching struct {
	Requests, Fetches int
	Last              *session.Response
	Reason            string // why it cannot be told
}

const (
	cacheTries = 6
	// cacheAge is long enough for a few requests, and over when the next run begins.
	cacheAge = 15 * time.Second
)

// CachingOf sends a few valid requests while the hosted JWKS may be cached. It comes after all cases, each of which needs
// a JWKS that is read anew.
func CachingOf(s *session.Session, h *Hosted) *Caching {
	return session.Shared(s, "hosted caching", func(ctx context.Context) *Caching {
		w := Of(s)
		for _, c := range Cases() {
			if c.Hosted {
				w.run(ctx, c)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		out := &Caching{}
		host := s.Config().Hosted
		page := h.with()
		page.CacheControl = fmt.Sprintf("max-age=%d", int(cacheAge.Seconds()))
		done := host.Alone()
		host.Set(page)
		defer func() {
			host.Reset(h.Keys)
			done()
		}()
		before, started := gets(host, ""), time.Now()
		for range cacheTries {
			a := h.attempt(w, h.Works[0])
			res, err := w.send(ctx, "jwt.jwks-cache", a)
			if err != nil || reactionTo(res) != Issued {
				out.Reason = "a valid request got no token while the JWKS could be cached"
				return out
			}
			out.Requests, out.Last = out.Requests+1, res
		}
		out.Fetches = gets(host, "") - before
		if time.Since(started) > cacheAge/2 {
			out.Reason = "the token endpoint is so slow that the JWKS grew stale meanwhile"
		}
		return out
	})
}

// gets counts the GETs of a hosted page.
func gets(host *session.KeyHost, of string) int {
	n := 0
	for _, r := range host.Requests(of) {
		if r.Method == http.MethodGet {
			n++
		}
	}
	return n
}
