package authz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// jwksTimeout is for a whole fetch. A token request waits for at most two, well under the thirty seconds after
	// which clients give up.
	jwksTimeout = 5 * time.Second
	// jwksDefaultAge is how long a JWKS without Cache-Control and Expires is kept; the text leaves it open.
	jwksDefaultAge = time.Minute
	// jwksMaxAge caps what Cache-Control allows, so that a slip of the client does not last for a year.
	jwksMaxAge = 24 * time.Hour
	// jwksRefetchEvery is the least time between two fetches caused by an unknown kid: without it, anybody could make
	// this server hammer the host of a client.
	jwksRefetchEvery = 5 * time.Second
)

// jwksFetcher fetches and caches the JWK Sets of clients that registered a URL.
type jwksFetcher struct {
	http   *http.Client
	flight singleflight.Group

	mu    sync.Mutex
	cache map[string]*cachedJWKS // by URL; as many as registered clients
}

type cachedJWKS struct {
	keys     keySet
	until    time.Time // zero: not to be cached
	refetch  time.Time // when the last unknown kid caused a fetch
	everSeen []key     // for KeepRemovedKeys
}

func newJWKSFetcher(c *http.Client) *jwksFetcher {
	own := http.Client{Timeout: jwksTimeout}
	if c != nil {
		own = *c
	}
	// A redirect could lead anywhere, also into the server's own network.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &jwksFetcher{http: &own, cache: make(map[string]*cachedJWKS)}
}

func (f *jwksFetcher) forget(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cache, url)
}

// get returns the keys at the URL and whether they came from the cache, which serves as long as Cache-Control allows
// (client-confidential-asymmetric.html#signature-verification).
func (f *jwksFetcher) get(b *Behaviour, url string, now time.Time) (keys keySet, cached bool, err error) {
	f.mu.Lock()
	c := f.cache[url]
	if c != nil && !b.NeverCacheJWKS && (now.Before(c.until) || b.CacheJWKSForever) {
		keys = c.keys
		f.mu.Unlock()
		return keys, true, nil
	}
	f.mu.Unlock()
	keys, err = f.fetch(b, url, now)
	return keys, false, err
}

// again fetches the URL anew because a kid was not among the cached keys; false when it did so a moment ago.
func (f *jwksFetcher) again(b *Behaviour, url string, now time.Time) (keySet, bool) {
	if b.CacheJWKSForever {
		return keySet{}, false
	}
	f.mu.Lock()
	c := f.cache[url]
	if c == nil || now.Before(c.refetch.Add(jwksRefetchEvery)) {
		f.mu.Unlock()
		return keySet{}, false
	}
	c.refetch = now
	f.mu.Unlock()
	keys, err := f.fetch(b, url, now)
	return keys, err == nil
}

// fetch asks the URL; requests for the same URL at the same time share one answer.
func (f *jwksFetcher) fetch(b *Behaviour, url string, now time.Time) (keySet, error) {
	v, err, _ := f.flight.Do(url, func() (any, error) {
		keys, age, err := f.ask(b, url, now)
		if err != nil {
			return keySet{}, err // and no stale keys: SHALL NOT cache longer than Cache-Control says
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		c := &cachedJWKS{keys: keys, until: now.Add(age)}
		if old := f.cache[url]; old != nil {
			c.refetch, c.everSeen = old.refetch, old.everSeen
		}
		if b.KeepRemovedKeys {
			for _, k := range c.everSeen {
				if len(keys.byKid(k.kid, k.kty, false)) == 0 && len(c.keys.keys) < maxKeys {
					c.keys.keys = append(c.keys.keys, k)
				}
			}
			c.everSeen = c.keys.keys
		}
		f.cache[url] = c
		return c.keys, nil
	})
	if err != nil {
		return keySet{}, err
	}
	return v.(keySet), nil
}

// ask makes one request. Errors name no URL: they end in an answer to a client that may not be the owner.
func (f *jwksFetcher) ask(b *Behaviour, url string, now time.Time) (keySet, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), jwksTimeout)
	defer cancel()
	method := http.MethodGet
	if b.FetchJWKSByPOST {
		method = http.MethodPost
	}
	var body io.Reader
	if b.FetchJWKSWithBody {
		body = strings.NewReader("{}")
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return keySet{}, 0, errors.New("the JWKS URL is no URL")
	}
	req.Header.Set("Accept", "application/json")
	resp, err := f.http.Do(req)
	if err != nil {
		return keySet{}, 0, errors.New("the JWKS URL could not be reached")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return keySet{}, 0, fmt.Errorf("the JWKS URL answered with status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKSBytes+1))
	if err != nil {
		return keySet{}, 0, errors.New("the answer of the JWKS URL broke off")
	}
	keys, err := parseJWKS(text)
	if err != nil {
		return keySet{}, 0, fmt.Errorf("the answer of the JWKS URL is no JWK Set: %w", err)
	}
	return keys, cacheAge(resp.Header, now), nil
}

// cacheAge is how long an answer may be kept (RFC 9111 §5.2.2, §5.3): zero for no-store and no-cache, max-age less Age,
// else Expires, else a minute.
func cacheAge(h http.Header, now time.Time) time.Duration {
	age := time.Duration(-1)
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			switch name {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 32)
				if err != nil {
					return 0 // unreadable: stale at once (RFC 9111 §4.2.1)
				}
				if d := time.Duration(n) * time.Second; age < 0 || d < age {
					age = d
				}
			}
		}
	}
	if age >= 0 {
		if n, err := strconv.ParseUint(h.Get("Age"), 10, 32); err == nil {
			age = max(0, age-time.Duration(n)*time.Second)
		}
	} else if text := h.Get("Expires"); text != "" {
		age = 0
		if t, err := http.ParseTime(text); err == nil {
			age = max(0, t.Sub(now))
		}
	} else {
		age = jwksDefaultAge
	}
	return min(age, jwksMaxAge)
}
