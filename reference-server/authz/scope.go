package authz

import (
	"slices"
	"strings"
)

// Letters is a set of SMART v2 interactions (scopes-and-launch-context.html#scopes-for-requesting-fhir-resources).
type Letters uint8

// The interactions, in the order in which a scope has to name them.
const (
	Create Letters = 1 << iota
	Read
	Update
	Delete
	Search
)

const letterOrder = "cruds"

// Has reports whether all of want are in l.
func (l Letters) Has(want Letters) bool { return l&want == want }

// String writes the letters in cruds order.
func (l Letters) String() string {
	var b strings.Builder
	for i := range len(letterOrder) {
		if l&(1<<i) != 0 {
			b.WriteByte(letterOrder[i])
		}
	}
	return b.String()
}

// Scope is one SMART system scope.
type Scope struct {
	// Type is a resource type or "*".
	Type string
	// Letters are the interactions it allows.
	Letters Letters
	// V1 says that it was written, and is to be answered, as .read, .write or .*.
	V1 bool
	// Query is a search constraint without its question mark; this server grants none.
	Query string

	unconstrained bool // Query is told but not enforced: Behaviour.GrantConstraint
}

// String writes the scope in the syntax it was asked in, as far as that syntax can express the letters.
func (sc Scope) String() string {
	suffix := sc.Letters.String()
	if sc.V1 {
		switch sc.Letters {
		case Read | Search:
			suffix = "read"
		case Create | Update | Delete:
			suffix = "write"
		case Create | Read | Update | Delete | Search:
			suffix = "*"
		}
	}
	text := "system/" + sc.Type + "." + suffix
	if sc.Query != "" {
		text += "?" + sc.Query
	}
	return text
}

// Scopes are granted or pre-authorised scopes; together they allow the union.
type Scopes []Scope

// String is the scope member of a token answer.
func (ss Scopes) String() string {
	parts := make([]string, len(ss))
	for i, sc := range ss {
		parts[i] = sc.String()
	}
	return strings.Join(parts, " ")
}

// letters returns the union for a type; "*" asks for what holds of every type.
func (ss Scopes) letters(typ string) Letters {
	var l Letters
	for _, sc := range ss {
		if (sc.Query == "" || sc.unconstrained) && (sc.Type == typ || sc.Type == "*") {
			l |= sc.Letters
		}
	}
	return l
}

// parseScope reads system/Type.suffix in v1 or v2 syntax. It returns false for anything else: another context, no
// suffix, letters which are undefined, doubled or out of order.
func parseScope(text string) (Scope, bool) {
	rest, ok := strings.CutPrefix(text, "system/")
	if !ok {
		return Scope{}, false
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery && query == "" {
		return Scope{}, false
	}
	typ, suffix, ok := strings.Cut(rest, ".")
	if !ok || typ != "*" && !typeName(typ) {
		return Scope{}, false
	}
	sc := Scope{Type: typ, Query: query}
	switch suffix {
	case "":
		return Scope{}, false
	case "read":
		sc.V1, sc.Letters = true, Read|Search
	case "write":
		sc.V1, sc.Letters = true, Create|Update|Delete
	case "*":
		sc.V1, sc.Letters = true, Create|Read|Update|Delete|Search
	default:
		last := -1
		for i := range len(suffix) {
			at := strings.IndexByte(letterOrder, suffix[i])
			if at <= last {
				return Scope{}, false
			}
			last = at
			sc.Letters |= 1 << at
		}
	}
	if sc.V1 && sc.Query != "" {
		return Scope{}, false // constraints are v2 only
	}
	return sc, true
}

// typeName reports whether text is written like a FHIR resource type.
func typeName(text string) bool {
	if len(text) == 0 || len(text) > 64 || text[0] < 'A' || text[0] > 'Z' {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// maxScopes bounds a scope parameter. FHIR R4 has under 150 resource types, each of which may be asked for by letter.
const maxScopes = 2000

// splitScope takes a scope parameter apart (RFC 6749 §3.3: scope-token, separated by single spaces; more are forgiven).
// It returns false when a character is outside the syntax or there are too many.
func splitScope(text string) ([]string, bool) {
	for i := range len(text) {
		c := text[i]
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return nil, false
		}
	}
	parts := strings.Fields(text)
	return parts, len(parts) <= maxScopes
}

// mediation is the outcome of comparing a scope request with a pre-authorization.
type mediation struct {
	granted Scopes
	// echo is the scope member of the answer. With a conformant Behaviour it is granted.String().
	echo string
	// refused says that something asked for was left out.
	refused bool
}

// mediate grants what was asked for, pre-authorised, readable and held by the server
// (backend-services.html#evaluate-requested-access), in the syntax it was asked in and in its shortest form.
func (s *Server) mediate(b *Behaviour, asked []string, allowed Scopes) mediation {
	var m mediation
	var unknown []string
	readable := Read | Search
	if b.GrantWriteAsked {
		readable |= Create | Update | Delete
		allowed = append(slices.Clone(allowed), Scope{Type: "*", Letters: Create | Update | Delete})
	}
	if b.GrantEverything || (b.DefaultScope || b.SilentDefaultScope) && len(asked) == 0 {
		asked = nil
		for _, sc := range allowed {
			asked = append(asked, sc.String())
		}
	}
	if b.GrantExcess {
		allowed = Scopes{{Type: "*", Letters: Create | Read | Update | Delete | Search}}
	}
	for _, text := range asked {
		if b.FirstScopeOnly && len(m.granted) > 0 {
			m.refused = true
			break
		}
		want, ok := parseScope(text)
		want.unconstrained = want.Query != "" && b.GrantConstraint
		if !ok || want.Query != "" && !want.unconstrained || !s.holds(want.Type) || b.RefuseV1 && want.V1 || b.RefuseV2 && !want.V1 {
			m.refused = true
			unknown = append(unknown, text)
			continue
		}
		before := len(m.granted)
		if b.ReadAsLetters && strings.HasSuffix(text, ".read") {
			want.V1, want.Letters = false, Read|Delete
			m.granted = append(m.granted, want)
			continue
		}
		want.Letters &= readable
		m.granted = append(m.granted, s.narrow(want, allowed)...)
		if len(m.granted) == before {
			m.refused = true
		}
	}
	if b.ExpandWildcard {
		m.granted = s.expand(m.granted)
	}
	if b.GrantWrite {
		for i := range m.granted {
			m.granted[i].Letters = Create | Read | Update | Delete | Search
		}
	}
	m.granted = shortest(m.granted)
	if b.V1AsV2 {
		for i := range m.granted {
			m.granted[i].V1 = false
		}
	}
	if b.ReverseScopes {
		slices.Reverse(m.granted)
	}
	m.echo = m.granted.String()
	if b.SplitScopes {
		m.echo = split(m.granted)
	}
	if b.GrantUnknown && len(m.granted) > 0 {
		m.echo = strings.Join(append([]string{m.echo}, unknown...), " ")
	}
	if b.EchoRequestedScope && len(asked) > 0 {
		m.echo = strings.Join(asked, " ")
	}
	return m
}

// holds reports whether a scope for the type makes sense here.
func (s *Server) holds(typ string) bool {
	return typ == "*" || len(s.types) == 0 || s.types[typ]
}

// narrow returns the part of want that is pre-authorised: want itself with fewer letters, or, for a wildcard of which
// only some types are pre-authorised, one scope for each of these.
func (s *Server) narrow(want Scope, allowed Scopes) Scopes {
	var out Scopes
	base := want.Letters & allowed.letters(want.Type)
	if base != 0 {
		granted := want
		granted.Letters = base
		out = append(out, granted)
	}
	if want.Type != "*" || base == want.Letters {
		return out
	}
	for _, sc := range allowed {
		more := want.Letters & allowed.letters(sc.Type)
		if sc.Type != "*" && more != base && s.holds(sc.Type) {
			granted := want
			granted.Type, granted.Letters = sc.Type, more
			out = append(out, granted)
		}
	}
	return out
}

// expand writes each wildcard as one scope per type that the server holds.
func (s *Server) expand(in Scopes) Scopes {
	var out Scopes
	for _, sc := range in {
		if sc.Type != "*" || len(s.cfg.Types) == 0 {
			out = append(out, sc)
			continue
		}
		for _, typ := range s.cfg.Types {
			sc.Type = typ
			out = append(out, sc)
		}
	}
	return out
}

// shortest merges scopes of one type and syntax and drops those that the wildcard of the same syntax covers
// (scopes-and-launch-context.html#scope-equivalence). v1 and v2 forms stay side by side, as each was asked for.
func shortest(in Scopes) Scopes {
	type slot struct {
		typ string
		v1  bool
	}
	at := make(map[slot]int, len(in))
	var merged Scopes
	for _, sc := range in {
		sc.V1 = sc.V1 && (sc.Letters == Read|Search || sc.Letters.Has(Create|Update|Delete)) // else v1 has no word for it
		k := slot{sc.Type, sc.V1}
		if i, ok := at[k]; ok {
			merged[i].Letters |= sc.Letters
			continue
		}
		at[k] = len(merged)
		merged = append(merged, sc)
	}
	return slices.DeleteFunc(merged, func(sc Scope) bool {
		return sc.Type != "*" && wildcardLetters(in, sc.V1).Has(sc.Letters)
	})
}

func wildcardLetters(in Scopes, v1 bool) Letters {
	var l Letters
	for _, sc := range in {
		if sc.Type == "*" && sc.V1 == v1 {
			l |= sc.Letters
		}
	}
	return l
}

// split writes one scope per letter.
func split(in Scopes) string {
	var parts []string
	for _, sc := range in {
		for i := range len(letterOrder) {
			if l := sc.Letters & (1 << i); l != 0 {
				parts = append(parts, Scope{Type: sc.Type, Letters: l}.String())
			}
		}
	}
	return strings.Join(parts, " ")
}
