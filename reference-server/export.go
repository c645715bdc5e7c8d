package refserver

import "time"

// The IG versions the server can take the part of.
const (
	IG101 = "1.0.1"
	IG200 = "2.0.0"
	IG300 = "3.0.0"
)

// IGVersions lists the values of Config.IG, oldest first.
func IGVersions() []string { return []string{IG101, IG200, IG300} }

// Level is the level of an export.
type Level string

// The three levels (3.0.0 export.html#bulk-data-kick-off-request).
const (
	SystemLevel  Level = "system"
	PatientLevel Level = "patient"
	GroupLevel   Level = "group"
)

// Levels lists all of them.
func Levels() []Level { return []Level{SystemLevel, PatientLevel, GroupLevel} }

// Values of includeAssociatedData that are supported; no others are.
const (
	LatestProvenance   = "LatestProvenanceResources"
	RelevantProvenance = "RelevantProvenanceResources"
)

// Parameter is one occurrence of a kick-off parameter as it was sent.
type Parameter struct {
	// Name and Value; the value of a Reference is its reference.
	Name, Value string
	// Type is the suffix of value[x] in a Parameters resource ("String", "Instant"), "" in a query string.
	Type string
}

// Element is an entry of _elements: a root element, of one type or, with an empty Type, of all.
type Element struct{ Type, Name string }

// Export is an accepted export request.
type Export struct {
	Level Level
	// Group is the id of the Group, "" at the other levels.
	Group string
	// Method and URL of the kick-off; URL is the manifest's request.
	Method, URL string
	// Sent are the parameters as they came.
	Sent []Parameter

	// Types lists the types asked for with _type; nil without _type.
	Types []string
	// Since and Until are exclusive bounds of lastUpdated; zero if not given.
	Since, Until time.Time
	Elements     []Element
	// Patients lists the ids given with patient; nil without the parameter.
	Patients []string
	Filters  []TypeFilter
	// Associated is the least restrictive includeAssociatedData value given, "" without one.
	Associated string
	// OrganizeBy is "Patient" or "".
	OrganizeBy string
	// Partial is allowPartialManifests, Separate the preference separate-export-status, Lenient
	// handling=lenient.
	Partial, Separate, Lenient bool
	// Ignored are the problems that lenient handling passed over; each becomes a line of an error file.
	Ignored []Issue
}

// filtersFor returns the queries about a type; none means that the type is not filtered.
func (e *Export) filtersFor(typ string) []TypeFilter {
	var out []TypeFilter
	for _, f := range e.Filters {
		if f.Type == typ {
			out = append(out, f)
		}
	}
	return out
}
