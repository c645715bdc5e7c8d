package reporters

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What Normalise puts in place of what changes from run to run.
const (
	normalHost = "target.example"
	normalID   = "ID"
	normalTime = "2000-01-01T00:00:00Z"
	normalDate = "Sat, 01 Jan 2000 00:00:00 GMT"
	normalHash = "0000000000000000000000000000000000000000000000000000000000000000"
)

var (
	// loopback is any address of this machine with a port, as test servers have.
	loopback = regexp.MustCompile(`(?i)\b(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?\b|\[::1\](?::\d+)?`)
	// An instant, also as it stands in the query of a URL.
	instant  = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?(?:Z|(?:[+-]|%2B)\d\d(?::|%3A)\d\d)`)
	httpDate = regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT`)
	lasted   = regexp.MustCompile(`\b(?:(?:\d+h)?\d+m)?\d+(?:\.\d+)?(?: ?(?:ns|µs|ms|s|min|h))\b`)
	// A random id in a path or a parameter: long, and of letters and digits mixed. Resource types, check ids and words
	// have no digits, versions and dates are short.
	randomID = regexp.MustCompile(`[A-Za-z0-9_-]{16,}`)
	amount   = regexp.MustCompile(`\d[\d,]*`)
	// The same in groups of hexadecimal digits, as the reference server writes the ids of its jobs.
	groupedID = regexp.MustCompile(`\b[0-9a-f]{2,}(?:\.[0-9a-f]{2,}){3,}\b`)
)

// Normalise replaces, in place, everything in a report that differs between two runs of the same tool against the
// same server: times, durations, hosts and ports, random ids, hashes of bodies that carry them, what polling made
// of the number of requests, the numbers of exchanges, how much a check examined, and those exchanges that no check caused or points at: with
// checks running side by side, which of the shared ones came first is chance. Two runs that found the same are equal afterwards, so
// that golden files and repeated runs can be compared. The digest goes; the result is for comparing, not for
// keeping.
func Normalise(r *Report) {
	host := ""
	if u, err := url.Parse(r.Target.BaseURL); err == nil {
		host = u.Host
	}
	checks, requirements := r.Checks, r.Requirements
	tool, ig := r.Tool, r.IG
	*r = *r.MapStrings(func(s string) string { return normalText(s, host) })
	// Identifiers are the tool's own and never random.
	r.Tool, r.IG = tool, ig
	for i := range r.Checks {
		c := &r.Checks[i]
		c.ID, c.Area, c.Requires = checks[i].ID, checks[i].Area, slices.Clone(checks[i].Requires)
		c.DurationMS = 0
		// How much was looked at depends on polling, on requests repeated after 429, and on where a second ends.
		c.Examined = amount.ReplaceAllString(c.Examined, "n")
		for n := range c.Findings {
			c.Findings[n].Requirement = checks[i].Findings[n].Requirement
		}
	}
	for i := range r.Requirements {
		q := &r.Requirements[i]
		*q = requirements[i]
		q.Checks = slices.Clone(q.Checks)
	}
	at, err := time.Parse(time.RFC3339, normalTime)
	if err != nil {
		at = time.Time{} // cannot happen: a constant
	}
	r.Digest = ""
	r.Started, r.Ended = at, at
	r.Environment = Environment{GoVersion: "go", Platform: "platform"}
	r.Traffic.Requests, r.Traffic.BytesReceived = 0, 0
	for i := range r.Exports {
		r.Exports[i].Bytes = 0 // files may hold URLs with a port
	}
	// Exports wait for each other, so that their order is chance as well.
	slices.SortStableFunc(r.Exports, func(a, b Export) int {
		return cmp.Or(cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(a.Request, b.Request))
	})
	for i := range r.Target.Facts {
		if f := &r.Target.Facts[i]; f.Name == "clock" {
			f.Value = normalTime // the difference of two clocks, to a second
		}
	}
	normaliseExchanges(r, at)
}

func normalText(s, host string) string {
	if host != "" {
		s = strings.ReplaceAll(s, host, normalHost)
	}
	s = loopback.ReplaceAllString(s, normalHost)
	s = instant.ReplaceAllString(s, normalTime)
	s = httpDate.ReplaceAllString(s, normalDate)
	s = lasted.ReplaceAllString(s, "0 s")
	s = groupedID.ReplaceAllString(s, normalID)
	return randomID.ReplaceAllStringFunc(s, func(id string) string {
		if strings.ContainsAny(id, "0123456789") && strings.ContainsFunc(id, func(r rune) bool { return r >= 'A' }) {
			return normalID
		}
		return id
	})
}

// normaliseExchanges brings the exchanges into an order of their own, folds those that are equal but for their
// number (one more poll), and numbers them anew: with checks running side by side, the order of requests is chance.
func normaliseExchanges(r *Report, at time.Time) {
	key := func(e Exchange) string {
		status := 0
		if e.Response != nil {
			status = e.Response.Status
		}
		return fmt.Sprintf("%s\n%s\n%s\n%s\n%03d\n%s", e.Check, e.Purpose, e.Request.Method, e.Request.URL, status, e.Error)
	}
	pointedAt := map[int]bool{}
	for i := range r.Checks {
		for _, n := range r.Checks[i].Exchanges {
			pointedAt[n] = true
		}
		for _, f := range r.Checks[i].Findings {
			pointedAt[f.Evidence.Exchange] = true
		}
	}
	r.Exchanges = slices.DeleteFunc(r.Exchanges, func(e Exchange) bool { return e.Check == "" && !pointedAt[e.Number] })
	for i := range r.Exchanges {
		e := &r.Exchanges[i]
		e.Started, e.DurationMS = at, 0
		normaliseMessage(&e.Request)
		if e.Response != nil {
			normaliseMessage(e.Response)
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(r.Exchanges), func(a, b Exchange) int { return cmp.Compare(key(a), key(b)) })
	renumbered := map[int]int{}
	kept := sorted[:0:0]
	for i, e := range sorted {
		old := e.Number
		if i == 0 || key(sorted[i-1]) != key(e) {
			e.Number = len(kept) + 1
			kept = append(kept, e)
		}
		renumbered[old] = len(kept)
	}
	r.Exchanges = kept
	for i := range r.Checks {
		c := &r.Checks[i]
		for n := range c.Findings {
			e := &c.Findings[n].Evidence
			e.Exchange = renumbered[e.Exchange]
		}
		var numbers []int
		for _, old := range c.Exchanges {
			// One that is not listed has no content to know it by.
			if n := renumbered[old]; n > 0 {
				numbers = append(numbers, n)
			}
		}
		slices.Sort(numbers)
		c.Exchanges = slices.Compact(numbers)
	}
}

func normaliseMessage(m *Message) {
	if m.BodyBytes > 0 {
		m.BodyBytes = 1
	}
	if m.BodySHA256 != "" {
		m.BodySHA256 = normalHash
	}
	for i := range m.Headers {
		switch h := &m.Headers[i]; strings.ToLower(h.Name) {
		case "content-length", "etag", "age", "retry-after", "x-progress", "x-request-id":
			h.Value = "*"
		}
	}
}
