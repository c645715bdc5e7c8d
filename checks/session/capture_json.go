package session

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // FHIR's Attachment.hash is SHA-1
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// regime says how much of a JSON text may stay.
type regime uint8

const (
	regimeData     regime = iota // resources: no value of an element stays
	regimeManifest               // the same, but numbers are counts and stay
	regimePublic                 // what a server publishes of itself: everything but its addresses
	regimeToken                  // token responses: everything but tokens and free text
)

// json replaces the values of JSON texts, valid or not: it walks the bytes, so that what is wrong with them stays wrong.
// Structure, white space, literals and the names that FHIR or the protocols know stay.
func (s *scrubber) json(b []byte, r regime) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	var hashes map[string]string
	if r == regimeData {
		hashes = s.attachmentHashes(b)
	}
	key, expectKey := "", false
	var stack []byte
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			j, closed := stringEnd(b, i)
			raw := b[i:j]
			name := expectKey && closed && colonFollows(b, j)
			switch {
			case name:
				out = append(out, s.name(raw, r)...)
				key, expectKey = unquoted(raw), false
			default:
				out = append(out, s.value(key, raw, closed, r, hashes)...)
			}
			i = j
		case c == '{' || c == '[':
			stack = append(stack, c)
			expectKey = c == '{'
			out = append(out, c)
			i++
		case c == '}' || c == ']':
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			expectKey = false
			out = append(out, c)
			i++
		case c == ',':
			expectKey = len(stack) > 0 && stack[len(stack)-1] == '{'
			out = append(out, c)
			i++
		case c == '\n':
			// A new line begins anew: in NDJSON a broken line must not confuse the next one.
			if r == regimeData {
				stack, expectKey, key = stack[:0], false, ""
			}
			out = append(out, c)
			i++
		case c == '-' || isAlnum(c) || c >= utf8.RuneSelf:
			j := i
			for j < len(b) && (isAlnum(b[j]) || b[j] == '-' || b[j] == '+' || b[j] == '.' || b[j] >= utf8.RuneSelf) {
				j++
			}
			out = append(out, s.bare(key, string(b[i:j]), r)...)
			i = j
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// stringEnd returns the index behind the closing quote of the string that begins at i, or where the line or the text ends.
func stringEnd(b []byte, i int) (end int, closed bool) {
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return j + 1, true
		case '\n':
			return j, false
		}
	}
	return len(b), false
}

func colonFollows(b []byte, i int) bool {
	for ; i < len(b); i++ {
		switch b[i] {
		case ' ', '\t', '\r':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}

func unquoted(raw []byte) string {
	v, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return ""
	}
	return string(v)
}

func (s *scrubber) name(raw []byte, r regime) []byte {
	v := unquoted(raw)
	w := words()
	if r == regimePublic || r == regimeToken || w.elements[strings.TrimPrefix(v, "_")] {
		return raw
	}
	return s.quoted(raw, s.text(v))
}

// quoted returns v as a JSON string, or where raw is no valid string, raw with its runs replaced.
func (s *scrubber) quoted(raw []byte, v string) []byte {
	if _, err := jsontext.AppendUnquote(nil, raw); err != nil || !utf8.Valid(raw) {
		return s.broken(raw)
	}
	if v == unquoted(raw) {
		return raw
	}
	q, err := jsontext.AppendQuote(nil, v)
	if err != nil {
		return s.broken(raw)
	}
	return q
}

var escape = regexp.MustCompile(`\\u[0-9a-fA-F]{4}|\\.`)

// broken replaces the runs of a string that is not valid, and leaves what makes it so.
func (s *scrubber) broken(raw []byte) []byte {
	var b strings.Builder
	rest := string(raw)
	for {
		at := escape.FindStringIndex(rest)
		if at == nil {
			b.WriteString(s.text(rest))
			return []byte(b.String())
		}
		b.WriteString(s.text(rest[:at[0]]))
		e := rest[at[0]:at[1]]
		if len(e) == 6 {
			if n, err := strconv.ParseUint(e[2:], 16, 16); err == nil && (n < 0xd800 || n > 0xdfff) && n > 0x1f {
				e = `\u00e4`
			}
		}
		b.WriteString(e)
		rest = rest[at[1]:]
	}
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// bare replaces what stands outside of strings: numbers, and in a broken text anything. Numbers of protocol documents
// count things and stay; of others the sign, the form and whether they are zero.
func (s *scrubber) bare(key, v string, r regime) string {
	switch {
	case v == "true" || v == "false" || v == "null":
		return v
	case !number.MatchString(v):
		if r == regimePublic || r == regimeToken {
			return v
		}
		return s.text(v)
	case r != regimeData || key == "size":
		return v
	}
	digit := byte('1')
	if n, err := strconv.ParseInt(v, 10, 64); err != nil || n > 1<<31-1 || n < -1<<31 {
		digit = '9' // stays beyond 32 bits where it was
		if strings.ContainsAny(v, ".eE") {
			digit = '1'
		}
	}
	mantissa, exponent := v, ""
	if i := strings.IndexAny(v, "eE"); i >= 0 {
		mantissa, exponent = v[:i], v[i:]
	}
	return strings.Map(func(c rune) rune {
		if c >= '1' && c <= '9' {
			return rune(digit)
		}
		return c
	}, mantissa) + exponent
}

// reference is a literal reference, relative or absolute (hl7.org/fhir/R4/references.html#literal).
var reference = regexp.MustCompile(`^(.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(/_history/[A-Za-z0-9.-]{1,64})?$`)

// value replaces a string value.
func (s *scrubber) value(key string, raw []byte, closed bool, r regime, hashes map[string]string) []byte {
	if !closed {
		return s.broken(raw)
	}
	v := unquoted(raw)
	if v == "" {
		if len(raw) == 2 {
			return raw
		}
		return s.broken(raw)
	}
	switch r {
	case regimePublic:
		return s.quoted(raw, s.publicValue(v))
	case regimeToken:
		return s.quoted(raw, s.tokenValue(key, v))
	}
	w := words()
	switch {
	case key == "resourceType":
		if !w.types[v] {
			v = s.text(v)
		}
	case key == "gender":
		v = s.gender(v)
	case key == "id":
		v = s.text(v) // first: an id that happens to be a code is replaced wherever it stands
	case w.codes[v] || w.types[v]:
	case neutral[v] && key != "display" && key != "text":
	case key == "div":
		v = s.xhtml(v)
	case key == "data" || key == "valueBase64Binary":
		v = blankBase64(v)
	case key == "hash" && hashes[v] != "":
		v = hashes[v]
	case key == "contentType" && mediaType.MatchString(v), key == "language" && len(v) <= 8, key == "currency" && len(v) == 3:
	case timeOfDay.MatchString(v):
		v = s.time(v)
	case partialDate.MatchString(v) && dateName.MatchString(key):
		v = s.partial(v)
	case strings.HasPrefix(v, "urn:ietf:") || strings.HasPrefix(v, "urn:iso:"):
	case strings.HasPrefix(v, "urn:uuid:") || strings.HasPrefix(v, "urn:oid:"):
		v = s.urn(v)
	case reference.MatchString(v) && w.types[reference.FindStringSubmatch(v)[2]], strings.Contains(v, "://"), key == "url" || key == "request":
		if head, canonical, ok := strings.Cut(v, "|"); ok {
			v = s.url(head) + "|" + canonical
		} else {
			v = s.url(v)
		}
	default:
		v = s.text(v)
	}
	return s.quoted(raw, v)
}

// timeOfDay is FHIR's time, which has no date to be moved with.
var timeOfDay = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(\.[0-9]+)?$`)

// time replaces the digits of a time of day by others that are one.
func (s *scrubber) time(v string) string {
	d := s.text(v)
	n := func(i, of int) int { return (int(d[i]-'0')*10 + int(d[i+1]-'0')) % of }
	return fmt.Sprintf("%02d:%02d:%02d%s", n(0, 24), n(3, 60), n(6, 60), d[8:])
}

var mediaType = regexp.MustCompile(`^(application|text|image|audio|video|multipart|model|font)/[a-z0-9.+-]{1,60}(;.{0,60})?$`)

// urn replaces a UUID or an OID by another valid one. The first arc of an OID is 0, 1 or 2 and stays.
func (s *scrubber) urn(v string) string {
	scheme, rest := v[:9], v[9:]
	if strings.HasPrefix(v, "urn:oid:") {
		scheme, rest = v[:8], v[8:]
		if first, arcs, ok := strings.Cut(rest, "."); ok {
			return scheme + first + "." + s.text(arcs)
		}
	}
	return scheme + s.text(rest)
}

func (s *scrubber) gender(v string) string {
	if i := slices.Index(genders, v); i >= 0 {
		return genders[(i+s.turn)%len(genders)]
	}
	return s.text(v)
}

// xhtml replaces the text of a narrative and the values of its attributes; tags stay, so that it is as valid as it was.
func (s *scrubber) xhtml(v string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(v, '<')
		if open < 0 {
			b.WriteString(s.between(v))
			return b.String()
		}
		b.WriteString(s.between(v[:open]))
		end := strings.IndexByte(v[open:], '>')
		if end < 0 {
			b.WriteString(s.text(v[open:]))
			return b.String()
		}
		tag := v[open : open+end+1]
		if strings.HasPrefix(tag, "<!") || strings.HasPrefix(tag, "<?") {
			b.WriteString(s.text(tag))
		} else {
			b.WriteString(attribute.ReplaceAllStringFunc(tag, func(a string) string {
				name, value, _ := strings.Cut(a, "=")
				if strings.TrimSpace(name) == "xmlns" || len(value) < 2 {
					return a
				}
				return name + "=" + value[:1] + s.between(value[1:len(value)-1]) + value[len(value)-1:]
			}))
		}
		v = v[open+end+1:]
	}
}

var (
	attribute = regexp.MustCompile(`[A-Za-z:_-]+\s*=\s*(?:"[^"]*"|'[^']*')`)
	entity    = regexp.MustCompile(`&[A-Za-z]+;`)
)

// between replaces the text between tags, entities aside.
func (s *scrubber) between(v string) string {
	var b strings.Builder
	for {
		at := entity.FindStringIndex(v)
		if at == nil {
			b.WriteString(s.text(v))
			return b.String()
		}
		b.WriteString(s.text(v[:at[0]]) + v[at[0]:at[1]])
		v = v[at[1]:]
	}
}

func blankBase64(v string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isAlnum(byte(r)) || r == '+' || r == '/' {
			return 'A'
		}
		return r
	}, v)
}

var dataMember = regexp.MustCompile(`"data"\s*:\s*"([A-Za-z0-9+/=\s]*)"`)

// attachmentHashes returns what the hashes of inline data become when the data is blanked: a right one stays right.
func (s *scrubber) attachmentHashes(b []byte) map[string]string {
	if !bytes.Contains(b, []byte(`"hash"`)) {
		return nil
	}
	out := map[string]string{}
	digest := func(text string) string {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return ""
		}
		sum := sha1.Sum(raw) //nolint:gosec // as above
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	for _, m := range dataMember.FindAllSubmatch(b, -1) {
		if h := digest(string(m[1])); h != "" {
			out[h] = digest(blankBase64(string(m[1])))
		}
	}
	return out
}

// publicValue moves addresses and times of what a server publishes of itself, and leaves the rest.
func (s *scrubber) publicValue(v string) string {
	if strings.Contains(v, "://") && !strings.ContainsAny(v, " \t\n") {
		return s.url(v)
	}
	s.mu.Lock()
	for _, o := range slices.Sorted(maps.Keys(s.origins)) {
		to := s.origins[o]
		host := o[strings.Index(o, "://")+3:]
		if at := strings.LastIndexByte(host, ':'); at > 0 {
			host = host[:at]
		}
		v = strings.ReplaceAll(v, host, to[strings.Index(to, "://")+3:])
	}
	s.mu.Unlock()
	return dateTimeText.ReplaceAllStringFunc(v, s.when)
}

var plainTokenValue = regexp.MustCompile(`^[A-Za-z0-9_ ./*:?=&,+-]*$`)

// tokenValue keeps what a token response says of its token, and no token.
func (s *scrubber) tokenValue(key, v string) string {
	switch key {
	case "access_token", "refresh_token", "id_token":
		return s.token(v)
	case "token_type", "scope", "error", "expires_in", "resourceType", "severity", "code":
		if plainTokenValue.MatchString(v) && len(v) < 2000 && !strings.HasPrefix(v, "eyJ") {
			return v
		}
	}
	if strings.Contains(v, "://") {
		return s.url(v)
	}
	return s.text(v)
}
