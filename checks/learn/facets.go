package learn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/fixtures/compartment"
)

// Facet is a search parameter with the values that the resources of one type have.
type Facet struct {
	Type  string
	Param string // as it stands in a query
	Kind  string // compartment.Token or compartment.Date
	// Values are the tokens, or years, with the number of resources that have them, most frequent first.
	Values []Value
	// Unknown is the number of resources of which cannot be said what they match.
	Unknown int64

	index int
}

// Value is a value of a facet.
type Value struct {
	Text  string // a token's code, or a year
	Count int64

	value uint8
	year  int
}

// Facets returns the search parameters of a type that at least one of its resources has a value for, best first.
func (d *Data) Facets(typ string) []Facet {
	f := d.Type(typ)
	w := d.Words.words(typ)
	var out []Facet
	for i, p := range w.params {
		facet := Facet{Type: typ, Param: p.Code, Kind: p.Kind, index: i}
		years := map[int]int64{}
		for key, n := range f.values {
			if int(key>>8) != i {
				continue
			}
			switch v := uint8(key); {
			case v == facetUnknown:
				facet.Unknown += n
			case v == facetAbsent || v == facetOther:
			case p.Kind == compartment.Date && v%2 == 1:
				years[firstYear+int(v)/2] += n
			case p.Kind == compartment.Date:
				facet.Unknown += n
			default:
				facet.Values = append(facet.Values, Value{Text: d.Words.token(w, i, v), Count: n, value: v})
			}
		}
		for y, n := range years {
			facet.Values = append(facet.Values, Value{Text: fmt.Sprint(y), Count: n, year: y})
		}
		if len(facet.Values) == 0 {
			continue
		}
		slices.SortFunc(facet.Values, func(a, b Value) int {
			if a.Count != b.Count {
				return int(min(1, max(-1, b.Count-a.Count)))
			}
			return strings.Compare(a.Text, b.Text)
		})
		out = append(out, facet)
	}
	return out
}

// Query is one query that a _typeFilter may hold, simple enough for its meaning to be beyond dispute.
type Query struct {
	Type, Param string
	Text        string // "Condition?clinical-status=active"
	Absent      bool   // a legal value that no resource has: nothing matches

	facet int
	value uint8
	year  int
}

// Plain reports whether the token can stand in a query as it is, without escapes or a meaning of its own.
func (v Value) Plain() bool {
	if v.Text == "" {
		return false
	}
	for _, c := range v.Text {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

// Is returns the query for resources that have the token.
func (f Facet) Is(v Value) Query {
	return Query{Type: f.Type, Param: f.Param, Text: f.Type + "?" + f.Param + "=" + v.Text, facet: f.index, value: v.value}
}

// From returns the query for resources dated in the year or later.
func (f Facet) From(year int) Query {
	return Query{Type: f.Type, Param: f.Param, Text: fmt.Sprintf("%s?%s=ge%d-01-01", f.Type, f.Param, year), facet: f.index, year: year}
}

// Matches reports whether a resource of the query's type matches, and whether that can be said.
func (q Query) Matches(r *Row) (matches, known bool) {
	switch v := r.Facet(q.facet); {
	case q.Absent:
		return false, true
	case q.year != 0:
		return fromYear(v, q.year)
	case v == facetUnknown:
		return false, false
	default:
		return v == q.value, true
	}
}

// MatchesAny reports whether a resource matches one of the queries about its type, and whether that can be said.
func MatchesAny(queries []Query, r *Row) (matches, known bool) {
	known = true
	for _, q := range queries {
		m, k := q.Matches(r)
		if m {
			return true, true
		}
		known = known && k
	}
	return false, known
}

// Never returns the query for a code that no resource has; false if some has it, or may have it.
func (f Facet) Never(code string) (Query, bool) {
	for _, v := range f.Values {
		if v.Text == code {
			return Query{}, false
		}
	}
	return Query{Type: f.Type, Param: f.Param, Text: f.Type + "?" + f.Param + "=" + code, Absent: true, facet: f.index, value: facetOther},
		f.Unknown == 0 && f.Kind == compartment.Token
}
