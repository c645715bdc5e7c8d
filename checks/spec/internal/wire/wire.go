// Package wire holds the catalogue in the form in which it is stored: what the YAML sources are read into, what the
// embedded JSON files are written from and read into, and the rules both have to keep. Package spec turns it into the
// types that checks use.
package wire

// SharedFile is the JSON file with what all versions share. Every other file is named after its version.
const SharedFile = "requirements.json"

// Catalogue is the whole catalogue.
type Catalogue struct {
	Areas        []Area        // in the order in which they are listed
	Documents    []Document    // sorted by version
	Requirements []Requirement // by area and number
}

// Area is a group of requirements with one YAML file.
type Area struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Keys  string `json:"keys,omitempty"` // what keys begin with, where that is not Name
}

// KeyPrefix returns what the keys of the area's requirements begin with, without the slash.
func (a Area) KeyPrefix() string {
	if a.Keys != "" {
		return a.Keys
	}
	return a.Name
}

// Document is a specification version.
type Document struct {
	Version string  `json:"version"`
	IG      string  `json:"ig"`
	Title   string  `json:"title"`
	Repo    string  `json:"repo"`
	Commit  string  `json:"commit"`
	Ref     string  `json:"ref,omitempty"`
	Licence string  `json:"licence"`
	Site    string  `json:"site"`
	Offline string  `json:"offline"`
	Count   int     `json:"requirement_count"`
	Serves  []Serve `json:"serves,omitempty"`
}

// Serve says that IG versions make a document, or one page of it, part of themselves.
type Serve struct {
	Page     string   `json:"page,omitempty"` // "" for the whole document
	Versions []string `json:"versions"`
}

// Requirement is one requirement. At is where it was read, for errors.
type Requirement struct {
	ID             string           `json:"-"`
	Key            string           `json:"key"`
	Actor          string           `json:"actor"`
	Summary        string           `json:"summary"`
	Conditional    string           `json:"conditional,omitempty"`
	Testable       string           `json:"testable,omitempty"`
	Negative       string           `json:"negative,omitempty"`
	Leniency       string           `json:"leniency,omitempty"`
	Changes        string           `json:"changes,omitempty"`
	Related        []string         `json:"related,omitempty"`
	Needs          []string         `json:"needs,omitempty"`
	Untested       string           `json:"untested,omitempty"`
	UntestedStatus string           `json:"untested_status,omitempty"`
	Entries        map[string]Entry `json:"-"`
	At             string           `json:"-"`
}

// Entry is a requirement in one version.
type Entry struct {
	Level   string   `json:"level"` // with NOT
	Kind    string   `json:"kind"`
	Basis   string   `json:"basis"`
	Source  string   `json:"source"`
	File    string   `json:"file"`
	Summary string   `json:"summary,omitempty"`
	AlsoAt  []string `json:"also_at,omitempty"`
	At      string   `json:"-"`
}
