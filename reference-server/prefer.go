package refserver

import "strings"

// preferences is what the Prefer headers of a kick-off ask for.
type preferences struct {
	async    bool
	lenient  bool
	separate bool
}

// parsePrefer reads Prefer headers by RFC 7240 section 2: several headers are one list, names are
// compared without regard to case, a value may be quoted, parameters after a semicolon are skipped, of a
// repeated preference the first counts, and what cannot be read is ignored as the RFC demands.
func parsePrefer(headers []string) preferences {
	var p preferences
	seen := map[string]bool{}
	for _, h := range headers {
		for _, item := range splitOutsideQuotes(h, ',') {
			preference := splitOutsideQuotes(item, ';')[0]
			name, value, _ := strings.Cut(preference, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "" || seen[name] {
				continue
			}
			seen[name] = true
			value = unquote(strings.TrimSpace(value))
			switch name {
			case "respond-async":
				p.async = true
			case "separate-export-status":
				p.separate = true
			case "handling":
				p.lenient = strings.EqualFold(value, "lenient")
			}
		}
	}
	return p
}

// splitOutsideQuotes splits at sep, except inside a quoted string. It returns at least one part.
func splitOutsideQuotes(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unquote takes a quoted-string apart; other text is returned as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
