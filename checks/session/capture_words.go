package session

import (
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// vocabulary is what is FHIR's and not anybody's: it may stay in a capture.
type vocabulary struct {
	types    map[string]bool // resource types
	elements map[string]bool // names of elements, in JSON
	codes    map[string]bool // members of the closed lists that FHIR itself defines and requires, such as statuses
}

// protocolNames are members of JSON objects that the protocols define outside of FHIR's resources.
var protocolNames = strings.Fields(`resourceType transactionTime request requiresAccessToken outputOrganizedBy output error deleted link relation url type
	inputUrl count extension outputFormat continuesInFile eventTime manifestUrl access_token token_type expires_in scope error_description error_uri refresh_token id_token
	active client_id exp iat iss sub aud jti username issuer jwks_uri token_endpoint authorization_endpoint introspection_endpoint revocation_endpoint registration_endpoint
	management_endpoint grant_types_supported scopes_supported response_types_supported capabilities code_challenge_methods_supported associated_endpoints
	token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported fhir_comments`)

// protocolCodes are values with a meaning in the protocols.
var protocolCodes = strings.Fields(`application/fhir+ndjson application/fhir+json application/ndjson application/json ndjson json next self SUBSETTED DELETE PUT POST GET true false`)

// protocolRuns are runs of letters that stay in any text: names of kick-off parameters, which an OperationOutcome has to
// be able to name, and the one of a block header. They are the suite's and the guide's own words.
var protocolRuns = func() map[string]bool {
	m := map[string]bool{"header": true, "patient": true}
	for _, n := range plainQuery {
		m[strings.TrimPrefix(n, "_")] = true
	}
	return m
}()

var words = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{types: map[string]bool{}, elements: map[string]bool{}, codes: map[string]bool{}}
	for _, version := range definitions.Versions {
		set, err := definitions.Load(version.Number)
		if err != nil {
			continue // the definitions are embedded; without them more is replaced, never less
		}
		for _, i := range set.Resources {
			v.types[set.Nodes[i].Path] = true
		}
		for i := range set.Nodes {
			for _, e := range set.Nodes[i].Elements {
				name := strings.TrimSuffix(e.Name, "[x]")
				v.elements[name] = true
				if e.Choice() {
					for _, t := range e.Types {
						v.elements[name+strings.ToUpper(t.Name[:min(1, len(t.Name))])+t.Name[min(1, len(t.Name)):]] = true
					}
				}
			}
		}
		for _, cs := range set.CodeSets {
			for _, s := range cs.Systems {
				for _, c := range s.Codes {
					v.codes[c] = true
				}
			}
		}
	}
	for _, n := range protocolNames {
		v.elements[n] = true
	}
	for _, c := range protocolCodes {
		v.codes[c] = true
	}
	// Sex is data about a person, whoever defines the list; see genders.
	for _, g := range genders {
		delete(v.codes, g)
	}
	return v
})

// genders is the one required list whose codes describe a person. They are permuted, so that a code stays a code.
var genders = []string{"male", "female", "other", "unknown"}

// neutral are those of them that are codes of other required lists as well, such as statuses, and tell nothing of a person
// there.
var neutral = map[string]bool{"other": true, "unknown": true}

// publicHosts publish terminologies and specifications: a URL of theirs identifies a code system or a profile.
var publicHosts = []string{"hl7.org", "loinc.org", "snomed.info", "unitsofmeasure.org", "nucc.org", "ama-assn.org", "cms.gov", "nlm.nih.gov", "cdc.gov", "who.int",
	"ihe.net", "ietf.org", "w3.org", "rfc-editor.org", "smarthealthit.org", "standards.org", "omg.org"}

func public(host string) bool {
	host = strings.ToLower(host)
	for _, p := range publicHosts {
		if host == p || strings.HasSuffix(host, "."+p) {
			return true
		}
	}
	return false
}

// CaptureKeeps reports whether a value stays as it is in a capture: a resource type, a code that FHIR itself defines, or a
// word of the protocols.
func CaptureKeeps(v string) bool {
	w := words()
	return w.types[v] || w.elements[v] || w.codes[v] || protocolRuns[v] || mediaType.MatchString(v)
}
