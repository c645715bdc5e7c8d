// Package discovery judges the smart-configuration document (SMART App Launch, conformance.html#using-well-known).
package discovery

import (
	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Area returns the checks of this area.
func Area() checks.Area {
	return checks.Area{
		Name:  "discovery",
		Title: "Authorization discovery",
		Doc: "A server that asks for access tokens tells in [base]/.well-known/smart-configuration where and how to get one: token endpoint, grant, " +
			"client authentication, signature algorithms, scopes and capabilities.",
		Checks: []checks.Check{
			present(),
			jsonWhateverAccept(),
			contentType(),
			absoluteURLs(),
			tokenEndpoint(),
			grantTypes(),
			authMethods(),
			signingAlgorithms(),
			scopesSupported(),
			capabilities(),
			capabilityNames(),
			capabilityAsymmetric(),
			pkceMethods(),
			openID(),
			authorizationEndpoint(),
			associatedEndpoints(),
			recommendedMembers(),
		},
	}
}

// at points at a member of the document.
func at(t *checks.T, name string) checks.Evidence {
	return t.Discovery().SMART.At().In("/" + name)
}

// member is one member of the document: whether it is there, and its values if it is an array of strings. null counts as
// absent, with a note, as some servers write what they have not got.
type member struct {
	there, strings bool
	values         []string
}

func read(t *checks.T, name string) member {
	v, ok := t.Configuration()[name]
	if ok && v == nil {
		t.Note("%s is null, which is taken as absent", name)
	}
	if v == nil {
		return member{}
	}
	m := member{there: true}
	list, ok := v.([]any)
	m.strings = ok
	for _, e := range list {
		s, ok := e.(string)
		m.strings = m.strings && ok
		m.values = append(m.values, s)
	}
	return m
}

func (m member) has(value string) bool {
	for _, v := range m.values {
		if v == value {
			return true
		}
	}
	return false
}

// backendServices reports whether Backend Services demonstrably works, or is expected to by the way the run is configured.
func backendServices(s *session.Session) bool { return s.Config().ClientID != "" }

// launches reports whether the document announces anything for apps with a user.
func launches(t *checks.T) bool {
	capabilities, grants := read(t, "capabilities"), read(t, "grant_types_supported")
	return capabilities.has("launch-ehr") || capabilities.has("launch-standalone") || grants.has("authorization_code") ||
		session.Text(t.Configuration(), "authorization_endpoint") != ""
}
