package refserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// read answers FHIR reads of every type and the search of Group, which lets clients find the groups they
// can export (3.0.0 export.html#endpoint---group-of-patients).
func (s *Server) read(r *http.Request, path string) *Answer {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	search := len(parts) == 1 && parts[0] == "Group"
	if !search && len(parts) != 2 || !slices.Contains(s.held, parts[0]) {
		return s.notFound(Other, r, "There is nothing here; the CapabilityStatement at "+s.base(r)+"/metadata says what there is.")
	}
	typ := parts[0]
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return s.methodNotAllowed(Read, r, "GET, HEAD")
	}
	d := demand{types: []string{typ}, search: search}
	if typ == "Group" && !search {
		d.group = parts[1]
	}
	grant, refusal := s.admit(Read, r, nil, d)
	if refusal != nil {
		return refusal
	}
	if !acceptable(r.Header) {
		return s.refuse(Read, r, Issue{Code: "not-supported", Status: http.StatusNotAcceptable, Text: "Only FHIR JSON is supported."})
	}
	set, err := s.set(s.base(r))
	if err != nil {
		return s.refuse(Read, r, Issue{Code: "exception", Status: http.StatusInternalServerError, Text: "The dataset cannot be opened."})
	}
	a := &Answer{Endpoint: Read, Request: r, Status: http.StatusOK, Header: http.Header{}, Client: grant.ClientID}
	a.Header.Set("Content-Type", fhirJSON)
	if !search {
		resource, ok := set.Get(typ, parts[1])
		if !ok {
			return s.notFound(Read, r, "There is no "+typ+" with this id.")
		}
		a.Body = resource.JSON
		return a
	}
	filter, issue := groupFilter(r.URL.RawQuery)
	if issue != nil {
		return s.refuse(Read, r, *issue)
	}
	entries := []any{}
	for g := range set.Resources("Group") {
		if !filter.Matches(g.JSON) || s.auth != nil && s.cfg.GroupPolicy != nil && !s.cfg.GroupPolicy(grant.ClientID, g.ID) {
			continue
		}
		entries = append(entries, map[string]any{
			"fullUrl":  s.base(r) + "/Group/" + g.ID,
			"resource": json.RawMessage(slices.Clone(g.JSON)),
			"search":   map[string]any{"mode": "match"},
		})
	}
	self := s.base(r) + "/Group"
	if r.URL.RawQuery != "" {
		self += "?" + r.URL.RawQuery
	}
	a.Body, err = json.Marshal(map[string]any{"resourceType": "Bundle", "type": "searchset", "total": len(entries),
		"link": []any{map[string]any{"relation": "self", "url": self}}, "entry": entries})
	if err != nil {
		return s.refuse(Read, r, Issue{Code: "exception", Status: http.StatusInternalServerError, Text: "The search result cannot be written."})
	}
	return a
}

// groupFilter reads the query of a Group search. Paging and format parameters change nothing here: there
// are a few groups, in JSON.
func groupFilter(query string) (TypeFilter, *Issue) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return TypeFilter{}, &Issue{Code: "structure", Text: "The query string is not correctly URL-encoded."}
	}
	for _, name := range []string{"_count", "_format", "_pretty", "access_token"} {
		delete(values, name)
	}
	f, err := newTypeFilter("Group", query, values)
	if err != nil {
		return f, &Issue{Code: "not-supported", Text: "In the search, " + err.Error() + "."}
	}
	return f, nil
}
