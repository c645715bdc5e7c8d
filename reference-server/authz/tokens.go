package authz

import (
	"container/list"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxTokens bounds the token store; the oldest token goes first, which ends it early (legal, RFC 6749 §1.5). A client
// can make 20,000 tokens in five minutes before its replay cache is full, so that several busy clients fit.
const maxTokens = 100_000

// keepDead is how long an expired token is remembered, so that its refusal can say "expired".
const keepDead = time.Hour

// tokenPrefix marks access tokens for secret scanners.
const tokenPrefix = "bpt_"

// tokenStore keeps grants by the SHA-256 of their token: a copy of memory holds no usable token, and a look-up by hash
// tells an attacker nothing by its duration.
type tokenStore struct {
	mu      sync.Mutex
	byHash  map[[32]byte]*list.Element
	byStart map[[32]byte]*list.Element // hash of the first characters; only AcceptTamperedToken looks here
	order   *list.List                 // of *storedToken, oldest first
}

type storedToken struct {
	hash, start [32]byte
	grant       Grant
}

func newTokenStore() *tokenStore {
	return &tokenStore{
		byHash:  make(map[[32]byte]*list.Element),
		byStart: make(map[[32]byte]*list.Element),
		order:   list.New(),
	}
}

// newToken returns 256 random bits in base64url behind the prefix.
func newToken(source io.Reader) (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(source, raw[:]); err != nil {
		return "", fmt.Errorf("authz: random source: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// startOf is what a server that compares sixteen characters would compare.
func startOf(token string) [32]byte {
	return sha256.Sum256([]byte(token[:min(len(token), 16)]))
}

func (ts *tokenStore) add(token string, g Grant, now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for e := ts.order.Front(); e != nil; e = ts.order.Front() {
		if ts.order.Len() < maxTokens && now.Sub(e.Value.(*storedToken).grant.Expires) < keepDead {
			break
		}
		ts.drop(e)
	}
	t := &storedToken{hash: sha256.Sum256([]byte(token)), start: startOf(token), grant: g}
	e := ts.order.PushBack(t)
	ts.byHash[t.hash] = e
	ts.byStart[t.start] = e
}

func (ts *tokenStore) drop(e *list.Element) {
	t := ts.order.Remove(e).(*storedToken)
	delete(ts.byHash, t.hash)
	if ts.byStart[t.start] == e {
		delete(ts.byStart, t.start)
	}
}

// find returns the grant of a token, live or dead, or nil.
func (ts *tokenStore) find(token string) *Grant {
	return ts.lookup(ts.byHash, sha256.Sum256([]byte(token)))
}

// findStart returns the grant of a token that begins with the same characters, or nil.
func (ts *tokenStore) findStart(token string) *Grant {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) < 16 {
		return nil
	}
	return ts.lookup(ts.byStart, startOf(token))
}

func (ts *tokenStore) lookup(in map[[32]byte]*list.Element, key [32]byte) *Grant {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	e, ok := in[key]
	if !ok {
		return nil
	}
	g := e.Value.(*storedToken).grant
	return &g
}

// hasLive reports whether the client holds a token that is not expired.
func (ts *tokenStore) hasLive(client string, now time.Time) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for e := ts.order.Front(); e != nil; e = e.Next() {
		if g := e.Value.(*storedToken).grant; g.ClientID == client && now.Before(g.Expires) {
			return true
		}
	}
	return false
}

func (ts *tokenStore) revokeClient(client string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for e := ts.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*storedToken).grant.ClientID == client {
			ts.drop(e)
		}
		e = next
	}
}
