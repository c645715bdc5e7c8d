package battery

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// grace is how long a server may take to notice a change of the JWKS: a few seconds without a word, as throttles against
// floods of fetches are usual, and a minute with a warning.
var grace = []time.Duration{5 * time.Second, time.Minute}

type hosting = func(*World, *Hosted, *Attempt) (session.KeyPage, error)

// signedBySpare hosts a page with a new key, which signs.
func signedBySpare(page func(h *Hosted, spare session.Key) session.KeyPage) hosting {
	return func(_ *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
		k := h.spare(0)
		a.use(k)
		return page(h, k), nil
	}
}

// bareKey hosts the client's key for an algorithm once more, under a new kid and with nothing but the key.
func bareKey(alg string) hosting {
	return func(_ *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
		k, ok := h.key(alg)
		if !ok {
			return session.KeyPage{}, errors.New("the client with the hosted JWKS has no key for " + alg + " that works")
		}
		k.ID = "bulkproof-" + random()
		a.use(k)
		return h.withMembers(bare(k)), nil
	}
}

// doubleKid hosts two keys under one kid, of which the i-th signs.
func doubleKid(i int) hosting {
	return func(_ *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
		pair := []session.Key{h.spare(0), h.spare(1)}
		pair[1].ID = pair[0].ID
		a.use(pair[i])
		return h.with(pair...), nil
	}
}

// oddMembers are keys that no server can understand, each in its own way.
func oddMembers(h *Hosted) []map[string]any {
	lame := session.PublicJWK(h.spare(1))
	for _, name := range []string{"n", "x"} {
		delete(lame, name)
	}
	broken, nameless := session.PublicJWK(h.spare(1)), session.PublicJWK(h.spare(1))
	for _, name := range []string{"n", "x"} {
		if _, ok := broken[name]; ok {
			broken[name] = "%%%"
		}
	}
	delete(nameless, "kid")
	return []map[string]any{{"kty": "bulkproof", "kid": "bulkproof-" + random()}, lame, broken, nameless}
}

func oddMember(i int) hosting {
	return signedBySpare(func(h *Hosted, k session.Key) session.KeyPage {
		return h.withMembers(oddMembers(h)[i], session.PublicJWK(k))
	})
}

// lure returns an edit that signs with a key nobody registered, and names in jku a page that holds it.
func lure(newKid bool, add func(host *session.KeyHost, p session.KeyPage) string) edit {
	return func(w *World, a *Attempt) error {
		k := Rogue(a.Key)
		if newKid {
			k.ID = "bulkproof-" + random()
		}
		a.use(k)
		a.Lure = add(w.s.Config().Hosted, session.KeyPage{Body: session.PublicJWKS([]session.Key{k}), CacheControl: "no-store"})
		a.Header.Set("jku", a.Lure)
		return nil
	}
}

func beside(host *session.KeyHost, p session.KeyPage) string { return host.Add(random()+".json", p) }

// behindUser is a URL that begins with the registered one's host, and is another's: what stands there is a user name.
func behindUser(host *session.KeyHost, p session.KeyPage) string {
	u, err := url.Parse(beside(host, p))
	if err != nil {
		return ""
	}
	name, port, _ := strings.Cut(u.Host, ":")
	u.User = url.UserPassword(name, port)
	return u.String()
}

func broken(p session.KeyPage) hosting {
	p.CacheControl = "no-store"
	return func(w *World, _ *Hosted, _ *Attempt) (session.KeyPage, error) {
		if !w.s.Config().HostedSecond {
			return p, errors.New("breaking the JWKS of the client that the run itself uses would break the run; let the second client have the hosted one (--jwks-second)")
		}
		return p, nil
	}
}

// endless writes until the reader has had enough, at most 20 MB.
func endless(w io.Writer, stop <-chan struct{}) {
	block := []byte(strings.Repeat(" ", 64<<10))
	for range 20 << 20 / len(block) {
		select {
		case <-stop:
			return
		default:
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// trickle writes a byte a second for a minute.
func trickle(w io.Writer, stop <-chan struct{}) {
	for range 60 {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		select {
		case <-stop:
			return
		case <-time.After(time.Second):
		}
	}
}

func needsHost(w *World) string {
	_, why := HostedOf(w.s)
	return why
}

func under101(w *World) bool    { return w.s.IG() == spec.V101 }
func notUnder101(w *World) bool { return !under101(w) }

func hostedCases() []Case {
	doubles := []Variant{{Name: "the first", Host: doubleKid(0)}, {Name: "the second", Host: doubleKid(1)}}
	return []Case{
		{
			Key: "jku-registered", Ref: "NEG-025", Check: "jwt.jku-registered", Requirement: "JWT-044", Hosted: true, Want: Accept,
			Change: "whose jku is the registered JWKS URL",
			Variants: one(func(w *World, a *Attempt) error {
				a.Header.Set("jku", w.s.Config().Hosted.URL())
				return nil
			}),
		},
		{
			Key: "jku-foreign-url-client", Ref: "NEG-021", Check: "jwt.jku-foreign", Requirement: "JWT-043", Hosted: true, Errors: clientOnly,
			Change: "of a client with a registered JWKS URL, with another jku, signed with a registered key",
			Variants: one(func(_ *World, a *Attempt) error {
				a.Header.Set("jku", "https://example.org/"+random()+".json")
				return nil
			}),
		},
		{
			Key: "jku-foreign-rogue-key", Ref: "NEG-022", Check: "jwt.jku-foreign", Requirement: "JWT-043", Ready: needsHost, Errors: clientOnly,
			Change:   "with a jku that is not registered, signed with the key that is found there",
			Variants: []Variant{{Name: "the registered kid", Edit: lure(false, beside)}, {Name: "a new kid", Edit: lure(true, beside)}},
		},
		{
			Key: "jku-foreign-rogue-key-url-client", Ref: "NEG-022", Check: "jwt.jku-foreign", Requirement: "JWT-043", Hosted: true, Errors: clientOnly,
			Omit:     func(w *World) bool { return w.s.Config().Hosted != nil && !w.s.Config().HostedSecond },
			Change:   "of a client with a registered JWKS URL, with another jku, signed with the key that is found there",
			Variants: []Variant{{Name: "the registered kid", Edit: lure(false, beside)}, {Name: "a new kid", Edit: lure(true, beside)}},
		},
		{
			Key: "jku-near-miss", Ref: "NEG-023", Check: "jwt.jku-foreign", Requirement: "JWT-043", Hosted: true, Errors: clientOnly,
			Change: "whose jku only resembles the registered JWKS URL, signed with the key that is found there",
			Variants: []Variant{
				{Name: "with more path", Edit: lure(false, func(h *session.KeyHost, p session.KeyPage) string { return h.AddBehind("/"+random(), p) })},
				{Name: "with a query", Edit: lure(false, func(h *session.KeyHost, p session.KeyPage) string { return h.AddBehind("?v="+random(), p) })},
				{Name: "beside it", Edit: lure(true, beside)},
				{Name: "its host as user name", Edit: lure(false, behindUser)},
			},
		},
		{
			Key: "jwks-double-kid", Ref: "NEG-026", Check: "jwt.key-choice", Requirement: "JWT-046", Hosted: true, Errors: clientOnly, Omit: under101,
			Unless: []string{"sig-other-key"}, Change: "whose kid two keys of one type have in the JWKS, signed with one of them", Variants: doubles,
		},
		{
			// Under 1.0.1 each candidate is tried.
			Key: "jwks-double-kid-101", Ref: "NEG-026", Check: "jwt.key-choice", Requirement: "JWT-046", Hosted: true, Omit: notUnder101, Want: Accept, Strength: Warns,
			Change: "whose kid two keys of one type have in the JWKS, signed with one of them", Variants: doubles,
		},
		{
			Key: "jwks-same-kid-other-type", Ref: "NEG-027", Check: "jwt.key-choice", Requirement: "JWT-046", Hosted: true, Want: Either, Strength: Notes, Errors: clientOnly,
			Change: "whose kid an RSA key and an EC key have in the JWKS, signed with one of them",
			Variants: []Variant{{Host: func(_ *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
				r, okR := h.key("RS384")
				e, okE := h.key("ES384")
				if !okR || !okE {
					return session.KeyPage{}, errors.New("the client with the hosted JWKS has no two keys of different types that work")
				}
				r.ID = "bulkproof-" + random()
				e.ID = r.ID
				a.use(e)
				return h.with(r, e), nil
			}}},
		},
		{
			Key: "kid-other-hosted-key", Ref: "NEG-016", Check: "jwt.key-choice", Requirement: "JWT-046", Hosted: true, Errors: clientOnly, Unless: []string{"sig-other-key"},
			Change: "with the kid of another key of the JWKS than the one that signed",
			Variants: []Variant{{Host: func(_ *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
				first, second := h.spare(0), h.spare(1)
				a.use(first)
				a.Header.Set("kid", second.ID)
				return h.with(first, second), nil
			}}},
		},
		{
			Key: "jwks-odd-sibling", Ref: "NEG-028", Check: "jwt.jwks-odd-keys", Requirement: "JWT-056", Hosted: true, Want: Accept, Strength: Warns,
			Change: "whose key has a neighbour in the JWKS that nobody understands",
			Variants: []Variant{
				{Name: "of unknown kty", Host: oddMember(0)}, {Name: "without n or x", Host: oddMember(1)},
				{Name: "with broken base64url", Host: oddMember(2)}, {Name: "without kid", Host: oddMember(3)},
			},
		},
		{
			Key: "jwk-bare-rsa", Ref: "NEG-028", Check: "jwt.jwks-bare-keys", Requirement: "JWT-016", Hosted: true, Want: Accept,
			Change: "whose key is in the JWKS with kty, kid, n and e alone", Variants: []Variant{{Host: bareKey("RS384")}},
		},
		{
			Key: "jwk-bare-ec", Ref: "NEG-028", Check: "jwt.jwks-bare-keys", Requirement: "JWT-017", Hosted: true, Want: Accept,
			Change: "whose key is in the JWKS with kty, kid, crv, x and y alone", Variants: []Variant{{Host: bareKey("ES384")}},
		},
		{
			Key: "jwks-new-key", Ref: "NEG-030", Check: "jwt.jwks-rotation", Requirement: "JWT-057", Hosted: true, Want: Accept,
			Change: "signed with a key that has just come into the JWKS",
			Variants: []Variant{{Stale: true, Grace: grace, Host: signedBySpare(func(h *Hosted, k session.Key) session.KeyPage {
				return h.with(k)
			})}},
		},
		{
			Key: "jwks-removed-key", Ref: "NEG-030", Check: "jwt.jwks-rotation", Requirement: "JWT-050", Hosted: true, Errors: clientOnly,
			Change: "signed with a key that is gone from the JWKS, which had Cache-Control: no-store,",
			Variants: []Variant{{Stale: true, Grace: grace, Host: signedBySpare(func(h *Hosted, k session.Key) session.KeyPage { return h.with(k) }),
				Twice: func(w *World, a *Attempt) error {
					h, why := HostedOf(w.s)
					if why != "" {
						return errors.New(why)
					}
					w.s.Config().Hosted.Set(h.with())
					w.renew(a)
					return nil
				}}},
		},
		{
			Key: "jwks-broken", Ref: "NEG-029", Check: "jwt.survives", Requirement: "JWT-049", Hosted: true, Want: Either, Strength: Notes,
			Errors: []string{invalidClient, "temporarily_unavailable", "server_error"}, Bare: []int{500, 502, 503, 504},
			Change: "of a client whose JWKS cannot be had",
			Variants: []Variant{
				{Name: "HTTP 500", Host: broken(session.KeyPage{Status: http.StatusInternalServerError, Body: []byte("down")})},
				{Name: "HTTP 404", Host: broken(session.KeyPage{Status: http.StatusNotFound})},
				{Name: "HTML", Host: broken(session.KeyPage{ContentType: "text/html", Body: []byte("<!doctype html><title>Keys</title>")})},
				{Name: "keys is no array", Host: broken(session.KeyPage{Body: []byte(`{"keys":{}}`)})},
				{Name: "no keys", Host: broken(session.KeyPage{Body: []byte(`{"keys":[]}`)})},
				{Name: "broken JSON", Host: broken(session.KeyPage{Body: []byte(`{"keys":[`)})},
				{Name: "a redirect to itself", Host: func(w *World, h *Hosted, a *Attempt) (session.KeyPage, error) {
					return broken(session.KeyPage{Status: http.StatusFound, Location: w.s.Config().Hosted.URL()})(w, h, a)
				}},
			},
		},
		{
			Key: "jwks-endless", Ref: "NEG-029", Check: "jwt.survives", Requirement: "JWT-049", Hosted: true, Ready: heavyAllowed, Want: Either, Strength: Notes,
			Errors: []string{invalidClient, "temporarily_unavailable", "server_error"}, Bare: []int{500, 502, 503, 504},
			Change: "of a client whose JWKS does not end",
			Variants: []Variant{
				{Name: "20 MB", Host: broken(session.KeyPage{Write: endless})}, {Name: "a byte a second", Host: broken(session.KeyPage{Write: trickle})},
			},
		},
	}
}
