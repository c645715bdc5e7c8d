package authz

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxReplay bounds the remembered jti per client: 65 token requests per second for five minutes. A client beyond that
// is refused until entries run out; forgetting one would allow a replay.
const maxReplay = 20_000

// replayCache remembers the jti of accepted assertions, per client, until the assertion could no longer be accepted
// (client-confidential-asymmetric.html#signature-verification). It keeps hashes, so that a long jti costs no memory.
type replayCache struct {
	mu      sync.Mutex
	seen    map[string]map[[32]byte]time.Time
	sweepAt map[string]int
}

func newReplayCache() *replayCache {
	return &replayCache{seen: make(map[string]map[[32]byte]time.Time), sweepAt: make(map[string]int)}
}

type replayVerdict int

const (
	replayFresh replayVerdict = iota
	replaySeen
	replayFull
)

// check remembers key for the client until the time given and reports whether it was there before, in one step, so that
// of two requests at once only one passes. With remember false it only looks.
func (rc *replayCache) check(client, key string, now, until time.Time, remember bool) replayVerdict {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	m := rc.seen[client]
	if m == nil {
		m = make(map[[32]byte]time.Time)
		rc.seen[client] = m
		rc.sweepAt[client] = 1024
	}
	h := sha256.Sum256([]byte(key))
	if t, ok := m[h]; ok && now.Before(t) {
		return replaySeen
	}
	if !remember {
		return replayFresh
	}
	if len(m) >= rc.sweepAt[client] {
		for k, t := range m {
			if !now.Before(t) {
				delete(m, k)
			}
		}
		// Twice what is alive: each entry is swept over at most once or twice in its life.
		rc.sweepAt[client] = min(maxReplay, max(1024, 2*len(m)))
		if len(m) >= maxReplay {
			return replayFull
		}
	}
	m[h] = until
	return replayFresh
}
