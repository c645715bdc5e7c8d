package session

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"strings"
)

// Level is where an export starts: the whole system, all patients, or one Group.
type Level string

// Levels (export.html#endpoints).
const (
	System  Level = "system"
	Patient Level = "patient"
	Group   Level = "group"
)

// Levels lists all levels, in the order in which they are preferred for a shared export.
var Levels = []Level{System, Patient, Group}

// Fact is one thing known of the target, and where it comes from.
type Fact struct{ Name, Value, Provenance, Source string }

// Provenances of facts.
const (
	Declared = "declared" // the target says so
	Probed   = "probed"   // an answer showed it
	Told     = "told"     // the user says so
)

// Discovery is what the target says of itself.
type Discovery struct {
	Metadata      *Response      // without a token, unless that is refused and with one it is not
	Capability    map[string]any // the CapabilityStatement; nil if not usable
	CapabilityErr error          // why not
	SMART         *Response      // nil if not asked for
	Configuration map[string]any // smart-configuration; nil if not usable
	SMARTErr      error
	TokenURL      string
	GroupID       string
	Software      string
	Operations    map[Level][]Operation // declared export operations
	Facts         []Fact
}

// Operation is one declared export operation.
type Operation struct{ Name, Definition, Pointer string }

// Declares reports whether the CapabilityStatement declares export at the level.
func (d *Discovery) Declares(l Level) bool { return len(d.Operations[l]) > 0 }

// Reachable reports whether anything answered like a FHIR or SMART server; if not, the error says what to do.
func (d *Discovery) Reachable() error {
	switch {
	case d.Metadata.Err != nil && d.Metadata.Status == 0 && (d.SMART == nil || d.SMART.Status == 0):
		return d.Metadata.Err
	case d.CapabilityErr != nil && d.SMARTErr != nil && d.Metadata.Redirects >= maxRedirects:
		return fmt.Errorf("%s redirects without end; is this the FHIR base URL?", d.Metadata.At().URL)
	case d.CapabilityErr != nil && d.SMARTErr != nil && d.Metadata.MediaType() == "text/html":
		return fmt.Errorf("%s answered with an HTML page where a CapabilityStatement was expected; is this the FHIR base URL?", d.Metadata.At().URL)
	case d.CapabilityErr != nil && d.SMARTErr != nil && d.Metadata.Truncated:
		return fmt.Errorf("%s answered with more than %d bytes where a CapabilityStatement was expected; is this the FHIR base URL?", d.Metadata.At().URL, len(d.Metadata.Body))
	case d.CapabilityErr != nil && d.SMARTErr != nil && d.Metadata.Status == http.StatusNotFound:
		return fmt.Errorf("%s answered 404, and there is no smart-configuration either; is this the FHIR base URL?", d.Metadata.At().URL)
	}
	return nil
}

// Discover asks for the CapabilityStatement and the smart-configuration, once for all checks.
func (s *Session) Discover() *Discovery {
	return Shared(s, "discovery", func(ctx context.Context) *Discovery {
		d := &Discovery{Operations: map[Level][]Operation{}}
		c := s.Client("")
		d.Metadata = c.Do(ctx, Request{URL: "metadata", Purpose: "capability statement", Credentials: NoToken,
			Header: http.Header{"Accept": {"application/fhir+json"}}})
		d.SMART = c.Do(ctx, Request{URL: ".well-known/smart-configuration", Purpose: "smart configuration", Credentials: NoToken,
			Header: http.Header{"Accept": {"application/json"}}})
		d.Configuration, d.SMARTErr = documentOf(d.SMART, "")
		d.TokenURL = s.cfg.TokenURL
		if d.TokenURL != "" {
			d.fact("token endpoint", RedactURL(d.TokenURL), Told, "--token-url")
		} else if u := Text(d.Configuration, "token_endpoint"); u != "" {
			d.TokenURL = u
			d.fact("token endpoint", RedactURL(u), Declared, "smart-configuration token_endpoint")
		}
		s.retryMetadata(ctx, d)
		d.Capability, d.CapabilityErr = documentOf(d.Metadata, "CapabilityStatement")
		d.readOperations()
		d.Software = strings.TrimSpace(Text(Object(d.Capability, "software"), "name") + " " + Text(Object(d.Capability, "software"), "version"))
		if v := Text(d.Capability, "fhirVersion"); v != "" {
			d.fact("FHIR version", v, Declared, "/metadata fhirVersion")
		}
		for _, l := range Levels {
			for _, op := range d.Operations[l] {
				d.fact(string(l)+" export", "offered as "+op.Name, Declared, "/metadata "+op.Pointer)
			}
		}
		if s.cfg.Group != "" {
			d.GroupID = s.cfg.Group
			d.fact("group", d.GroupID, Told, "--group")
		}
		sort.SliceStable(d.Facts, func(i, j int) bool { return d.Facts[i].Name < d.Facts[j].Name })
		return d
	})
}

// retryMetadata asks for the CapabilityStatement once more with a token, where a server protects it (which it may:
// AUTHZ/risk-based).
func (s *Session) retryMetadata(ctx context.Context, d *Discovery) {
	if st := d.Metadata.Status; st != http.StatusUnauthorized && st != http.StatusForbidden {
		return
	}
	token := s.cfg.Token
	if token == "" && s.cfg.BackendServices() {
		token = s.Client("").requestTokenAt(ctx, d.TokenURL, s.cfg.Keys[0], s.cfg.Scope).Token
	}
	if token == "" {
		return
	}
	d.Metadata = s.Client("").Do(ctx, Request{URL: "metadata", Purpose: "capability statement", Credentials: Bearer(token),
		Header: http.Header{"Accept": {"application/fhir+json"}}})
}

func (d *Discovery) fact(name, value, provenance, source string) {
	d.Facts = append(d.Facts, Fact{name, value, provenance, source})
}

func documentOf(res *Response, resourceType string) (map[string]any, error) {
	if res.Err != nil {
		return nil, res.Err
	}
	if res.Status != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", res.Describe())
	}
	v, err := res.JSON()
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the JSON value is not an object")
	}
	if resourceType != "" && Text(m, "resourceType") != resourceType {
		return nil, fmt.Errorf("the JSON object is not a %s", resourceType)
	}
	return m, nil
}

// readOperations finds export operations. The names differ between IG versions ("export", "patient-export",
// "group-export"), so the definition's canonical counts as well as the name.
func (d *Discovery) readOperations() {
	for i, r := range List(d.Capability, "rest") {
		at := fmt.Sprintf("rest[%d]", i)
		if mode := Text(r, "mode"); mode != "" && mode != "server" {
			continue
		}
		d.collect(System, r, at)
		for j, res := range List(r, "resource") {
			switch where := fmt.Sprintf("%s.resource[%d]", at, j); Text(res, "type") {
			case "Patient":
				d.collect(Patient, res, where)
			case "Group":
				d.collect(Group, res, where)
			}
		}
	}
}

func (d *Discovery) collect(l Level, holder any, at string) {
	for k, op := range List(holder, "operation") {
		name, def := Text(op, "name"), Text(op, "definition")
		level := l
		if !isExport(name, def) {
			continue
		}
		// Some servers list all three operations at the system level; the definition tells which is meant.
		switch {
		case strings.Contains(def, "patient-export") || name == "patient-export":
			level = Patient
		case strings.Contains(def, "group-export") || name == "group-export":
			level = Group
		}
		d.Operations[level] = append(d.Operations[level], Operation{name, def, fmt.Sprintf("%s.operation[%d]", at, k)})
	}
}

func isExport(name, definition string) bool {
	switch strings.TrimPrefix(name, "$") {
	case "export", "patient-export", "group-export":
		return true
	}
	def, _, _ := strings.Cut(definition, "|")
	return strings.HasSuffix(def, "/OperationDefinition/export") || strings.HasSuffix(def, "/OperationDefinition/patient-export") ||
		strings.HasSuffix(def, "/OperationDefinition/group-export")
}

// GroupID returns the id of a Group to export: the one the user named, or the first that a search returns. The
// string is empty if there is none, and the second result then says what to do.
func (s *Session) GroupID() (string, string) {
	d := s.Discover()
	if d.GroupID != "" {
		return d.GroupID, ""
	}
	type found struct{ id, why string }
	f := Shared(s, "group search", func(ctx context.Context) found {
		const tell = "name a Group with --group"
		if d.Capability != nil && !d.Declares(Group) {
			return found{"", "the CapabilityStatement declares no Group-level export"}
		}
		res := s.Client("").Do(ctx, Request{URL: "Group?_count=5", Purpose: "group search", Header: http.Header{"Accept": {"application/fhir+json"}}})
		b, err := documentOf(res, "Bundle")
		if err != nil {
			return found{"", "no Group is known, and searching for one failed (" + res.Describe() + "); " + tell}
		}
		for _, e := range List(b, "entry") {
			if r := Object(e, "resource"); Text(r, "resourceType") == "Group" && Text(r, "id") != "" {
				return found{Text(r, "id"), ""}
			}
		}
		return found{"", "no Group is known, and a search for one found none; " + tell}
	})
	return f.id, f.why
}
