package session

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// scrubber takes out of a recording what belongs to somebody and leaves what a judge looks at: structure, lengths,
// which values are equal, the order of times. It works on text and keeps no table of what it replaced, but for origins
// and tokens, which end with the recording like its key.
type scrubber struct {
	names pseudonyms
	shift time.Duration // whole days, added to every time
	turn  int           // by how much genders are turned

	mu      sync.Mutex
	origins map[string]string
	tokens  map[string]string
}

// newScrubber returns a scrubber with a key of its own; seed, for tests, fixes it.
func newScrubber(seed *[16]byte) *scrubber {
	var key [16]byte
	if seed != nil {
		key = *seed
	} else {
		_, _ = rand.Read(key[:]) // never fails since Go 1.24
	}
	s := &scrubber{names: newPseudonyms(key), origins: map[string]string{}, tokens: map[string]string{}}
	draw := s.names.prf(7, 0x7368696674, 0)
	// Between one and four years back: a replayed time is never in the future.
	s.shift = -time.Duration(366+draw%1096) * 24 * time.Hour
	s.turn = 1 + int(draw>>32%3)
	return s
}

// Times that the suite itself sends as constants; moved, they would no longer be what is asked on replay.
var constantTimes = []string{"2001-01-01T00:00:00Z", "2999-12-31T23:59:59Z"}

var (
	dateTimeText = regexp.MustCompile(`\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?`)
	httpDateText = regexp.MustCompile(`(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT`)
	partialDate  = regexp.MustCompile(`^\d{4}(-\d\d)?$`)
	dateName     = regexp.MustCompile(`(?i)date|period|start|end|issued|year|time|recorded|onset|abatement|birth|deceased|effective|occurrence|authored|performed`)
	runText      = regexp.MustCompile(`[A-Za-z0-9]+`)
)

// when moves one date or time. What only looks like one, such as a thirteenth month, stays what it is but for the year.
func (s *scrubber) when(v string) string {
	if slices.Contains(constantTimes, v) || v >= "2900" {
		return v
	}
	date := v[:10]
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "1999" + v[4:]
	}
	return t.Add(s.shift).Format(time.DateOnly) + v[10:]
}

// partial moves a year or a month.
func (s *scrubber) partial(v string) string {
	layout := "2006-01"
	if len(v) == 4 {
		layout = "2006"
	}
	t, err := time.Parse(layout, v)
	if err != nil {
		return "1999" + v[4:]
	}
	return t.Add(s.shift).Format(layout)
}

// text replaces every run of letters and digits, and moves every date. Other characters stay, those beyond ASCII as one
// of the same length.
func (s *scrubber) text(v string) string { return s.textExcept(v, nil) }

// textExcept is text, with the runs that keep accepts left alone.
func (s *scrubber) textExcept(v string, keep func(string) bool) string {
	var b strings.Builder
	for {
		at := dateTimeText.FindStringIndex(v)
		if at == nil {
			s.runs(&b, v, keep)
			return b.String()
		}
		s.runs(&b, v[:at[0]], keep)
		b.WriteString(s.when(v[at[0]:at[1]]))
		v = v[at[1]:]
	}
}

func (s *scrubber) runs(b *strings.Builder, v string, keep func(string) bool) {
	for i := 0; i < len(v); {
		c := v[i]
		if isAlnum(c) {
			j := i + 1
			for j < len(v) && isAlnum(v[j]) {
				j++
			}
			if run := v[i:j]; protocolRuns[run] || keep != nil && keep(run) {
				b.WriteString(run)
			} else {
				b.WriteString(s.names.of(run))
			}
			i = j
			continue
		}
		if c < utf8.RuneSelf {
			b.WriteByte(c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(v[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteByte(c) // not UTF-8, and that is for a check to see
		case n == 2:
			b.WriteString("ä")
		case n == 3:
			b.WriteString("字")
		default:
			b.WriteString("😀")
		}
		i += n
	}
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// origin returns what stands for a scheme, host and port: the target first, then the others as they come.
func (s *scrubber) origin(u *url.URL) string {
	key := origin(u)
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.origins[key]; ok {
		return o
	}
	host := "target.example"
	if n := len(s.origins); n > 0 {
		host = fmt.Sprintf("other-%d.example", n)
	}
	// Whether there is a network in between tells nothing of anybody, and matters to what is judged of http.
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		host = strings.TrimSuffix(host, "example") + "localhost"
	}
	o := strings.ToLower(u.Scheme) + "://" + host
	s.origins[key] = o
	return o
}

// pathWord reports whether a segment of a path means something to the protocols.
func pathWord(seg string) bool {
	return strings.HasPrefix(seg, "$") || words().types[seg] || slices.Contains([]string{"", "metadata", ".well-known", "smart-configuration", "_history", "jwks.json"}, seg)
}

// url replaces what is the target's own in a URL. Relative references stay relative, public ones as they are.
func (s *scrubber) url(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return s.text(raw)
	}
	if u.Host != "" && public(u.Hostname()) {
		return raw
	}
	var b strings.Builder
	switch {
	case u.Scheme != "" && u.Host != "":
		b.WriteString(s.origin(u))
	case u.Scheme != "":
		return s.text(raw)
	case u.Host != "":
		full := *u
		full.Scheme = "http"
		b.WriteString("//" + strings.TrimPrefix(s.origin(&full), "http://"))
	}
	for i, seg := range strings.Split(u.Path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		if pathWord(seg) {
			b.WriteString(strings.ReplaceAll(url.PathEscape(seg), "%24", "$"))
		} else {
			b.WriteString(strings.ReplaceAll(url.PathEscape(s.text(seg)), "%24", "$"))
		}
	}
	if u.RawQuery != "" || u.ForceQuery {
		b.WriteString("?" + s.query(u.RawQuery))
	}
	if u.Fragment != "" {
		b.WriteString("#" + url.PathEscape(s.text(u.Fragment)))
	}
	return b.String()
}

func (s *scrubber) query(raw string) string {
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, value, has := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		text, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			parts[i] = s.text(part)
			continue
		}
		known := slices.Contains(plainQuery, plain) || plain == "patient" || plain == "identifier" || plain == "name" || plain == "_id"
		if !known {
			name = url.QueryEscape(s.text(plain))
		}
		if parts[i] = name; !has {
			continue
		}
		if slices.Contains(plainQuery, plain) {
			parts[i] += "=" + s.parameter(value, text)
		} else {
			parts[i] += "=" + url.QueryEscape(s.text(text))
		}
	}
	return strings.Join(parts, "&")
}

// parameter replaces a value of a kick-off parameter: FHIR's own words stay. raw is returned where nothing changes, so
// that the way it is escaped stays too.
func (s *scrubber) parameter(raw, text string) string {
	w := words()
	if strings.Contains(text, "fhir+ndjson") || w.codes[text] || w.types[text] {
		return raw
	}
	out := s.textExcept(text, func(run string) bool {
		return w.types[run] || w.elements[run] || w.codes[run] || strings.HasPrefix(strings.ToLower(run), "bulkproof")
	})
	if out == text {
		return raw
	}
	return url.QueryEscape(out)
}

// token returns what stands for a token: the same for the same one, of the same length where that is enough for a number.
func (s *scrubber) token(v string) string {
	if v == "" {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tokens[v]; ok {
		return t
	}
	t := fmt.Sprintf("redacted-token-%d", len(s.tokens)+1)
	if len(t) < len(v) {
		t += "-" + strings.Repeat("x", len(v)-len(t)-1)
	}
	s.tokens[v] = t
	return t
}

// issued reports whether the header carries a token that the target issued, or that the user brought.
func (s *scrubber) issued(authorization string) bool {
	_, token, ok := strings.Cut(authorization, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.tokens[token]
	return ok && known
}

// verbatimHeaders say how an answer is to be read and hold nobody's data; moved are the dates in them.
var verbatimHeaders = []string{"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Retry-After", "X-Export-Status", "Preference-Applied", "Expires",
	"Date", "Last-Modified", "Cache-Control", "Pragma", "Vary", "Allow", "Accept", "Accept-Ranges", "Connection", "Content-Language", "Www-Authenticate", "Strict-Transport-Security"}

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	inBrackets = regexp.MustCompile(`<[^<>]*>`)
	inQuotes   = regexp.MustCompile(`"[^"]*"`)
)

// header returns a copy of a response's headers fit for a capture.
func (s *scrubber) header(h http.Header) http.Header {
	out := http.Header{}
	for k, vs := range h {
		if !headerName.MatchString(k) || k != http.CanonicalHeaderKey(k) {
			continue
		}
		for _, v := range vs {
			v = strings.Map(func(r rune) rune {
				if r < ' ' && r != '\t' || r == 0x7f {
					return '?'
				}
				return r
			}, v)
			out[k] = append(out[k], s.headerValue(k, v))
		}
	}
	return out
}

func (s *scrubber) headerValue(k, v string) string {
	switch {
	case slices.Contains(secretHeaders, k):
		return Redacted
	case k == "Location" || k == "Content-Location":
		return s.url(v)
	case k == "Link":
		return inBrackets.ReplaceAllStringFunc(v, func(u string) string { return "<" + s.url(u[1:len(u)-1]) + ">" })
	case k == "X-Progress":
		return s.text(v)
	case k == "Www-Authenticate":
		// The scheme and the names of its parameters say what to do; their values may name anything but an error code.
		return inQuotes.ReplaceAllStringFunc(v, func(q string) string {
			inner := q[1 : len(q)-1]
			if plainWord(inner) {
				return q
			}
			return `"` + s.text(inner) + `"`
		})
	case !slices.Contains(verbatimHeaders, k):
		return s.text(v)
	}
	v = httpDateText.ReplaceAllStringFunc(v, func(d string) string {
		t, err := http.ParseTime(d)
		if err != nil {
			return d
		}
		return t.Add(s.shift).UTC().Format(http.TimeFormat)
	})
	return dateTimeText.ReplaceAllStringFunc(v, s.when)
}

var equalsValue = regexp.MustCompile(`=[^,\[]*`)

// plainCause returns the key of a shared observation without the values in it: they may have been learned from the data.
func plainCause(key string) string {
	key = equalsValue.ReplaceAllStringFunc(key, func(v string) string {
		if v = strings.TrimSpace(v[1:]); words().types[v] {
			return "=" + v
		}
		return "=*"
	})
	return runText.ReplaceAllStringFunc(key, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return "*"
		}
		return run
	})
}
