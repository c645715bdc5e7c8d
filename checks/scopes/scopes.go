// Package scopes reads SMART scopes (scopes-and-launch-context.html#scopes-for-requesting-fhir-resources) and compares them
// by meaning, whichever of their two syntaxes they are written in.
package scopes

import (
	"slices"
	"strings"
)

// letters in the order in which a v2 scope names them.
const letters = "cruds"

// Scope is one system scope.
type Scope struct {
	Type    string // resource type, or "*"
	Letters string // a part of "cruds", in this order
	V1      bool   // written as .read, .write or .*
	Query   string // search constraint without its question mark
	Text    string // as written
}

// Set is the scopes of a scope string that could be read.
type Set struct {
	System []Scope
	Other  []string // everything else: other contexts, openid, vendors' own, and malformed ones
}

// Parse reads a scope string. It never fails: what is no system scope lands in Other.
func Parse(s string) Set {
	var out Set
	for _, part := range strings.Fields(s) {
		if sc, ok := parse(part); ok {
			out.System = append(out.System, sc)
		} else {
			out.Other = append(out.Other, part)
		}
	}
	return out
}

func parse(s string) (Scope, bool) {
	sc := Scope{Text: s}
	rest, ok := strings.CutPrefix(s, "system/")
	if !ok {
		return sc, false
	}
	rest, sc.Query, _ = strings.Cut(rest, "?")
	typ, suffix, ok := strings.Cut(rest, ".")
	if !ok || typ == "" || suffix == "" {
		return sc, false
	}
	sc.Type = typ
	switch suffix {
	case "read":
		sc.V1, sc.Letters = true, "rs"
	case "write":
		sc.V1, sc.Letters = true, "cud"
	case "*":
		sc.V1, sc.Letters = true, letters
	default:
		last := -1
		for _, l := range suffix {
			at := strings.IndexRune(letters, l)
			if at <= last {
				return sc, false
			}
			last = at
		}
		sc.Letters = suffix
	}
	return sc, true
}

// Letters returns the union of letters for a type, in order; "*" asks for what holds of every type. Scopes with a search
// constraint count only if constrained is set.
func (s Set) Letters(typ string, constrained bool) string {
	var out strings.Builder
	for _, l := range letters {
		if slices.ContainsFunc(s.System, func(sc Scope) bool {
			return (sc.Type == typ || sc.Type == "*") && (sc.Query == "" || constrained) && strings.ContainsRune(sc.Letters, l)
		}) {
			out.WriteRune(l)
		}
	}
	return out.String()
}

// Reads reports whether resources of the type may be read and searched, without constraint.
func (s Set) Reads(typ string) bool {
	l := s.Letters(typ, false)
	return strings.Contains(l, "r") && strings.Contains(l, "s")
}

// MayRead reports whether any scope lets resources of the type be read or searched in part.
func (s Set) MayRead(typ string) bool { return strings.ContainsAny(s.Letters(typ, true), "rs") }

// Beyond returns the scopes of s that allow something which asked does not, in the order written. Scopes that are no system
// scopes never count.
func (s Set) Beyond(asked Set) []string {
	var out []string
	for _, sc := range s.System {
		have := asked.Letters(sc.Type, true)
		for _, l := range sc.Letters {
			if !strings.ContainsRune(have, l) {
				out = append(out, sc.Text)
				break
			}
		}
	}
	return out
}

// Writes returns the scopes that allow create, update or delete.
func (s Set) Writes() []string {
	var out []string
	for _, sc := range s.System {
		if strings.ContainsAny(sc.Letters, "cud") {
			out = append(out, sc.Text)
		}
	}
	return out
}
