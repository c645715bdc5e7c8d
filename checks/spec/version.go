package spec

import (
	"fmt"
	"strings"
)

// Version names a specification whose text the catalogue holds: a version of the Bulk Data Access IG (the four that
// [Versions] lists, chosen with --ig), or a specification those rely on ([SMART], [Async]).
type Version string

const (
	V101  Version = "1.0.1"        // Bulk Data Access 1.0.1 (STU1 technical correction)
	V200  Version = "2.0.0"        // Bulk Data Access 2.0.0 (STU2)
	V300  Version = "3.0.0"        // Bulk Data Access 3.0.0 (STU3)
	V400  Version = "4.0.0-ballot" // Bulk Data Access 4.0.0-ballot, with Bulk Publish and Bulk Submit
	SMART Version = "smart-2.2.0"  // SMART App Launch 2.2.0: Backend Services, asymmetric authentication, discovery, scopes
	Async Version = "fhir-async"   // FHIR R4 async.html and, for Group creation, async-bundle.html
)

// Versions returns the IG versions, oldest first.
func Versions() []Version { return []Version{V101, V200, V300, V400} }

// known is every version the catalogue may hold an entry for.
func known() []Version { return append(Versions(), SMART, Async) }

// releases maps the names HL7 gives published releases to version numbers. There is no STU4 yet: a ballot text is not
// a release, and the name would silently mean something else once there is one.
var releases = map[string]Version{"stu1": V101, "stu2": V200, "stu3": V300}

// ParseVersion returns the IG version that s names: a version number as in [Versions], or STU1, STU2, STU3 in either
// case. SMART and Async are not IG versions. The error lists the names that are known.
func ParseVersion(s string) (Version, error) {
	for _, v := range Versions() {
		if s == string(v) {
			return v, nil
		}
	}
	if v, ok := releases[strings.ToLower(s)]; ok {
		return v, nil
	}
	names := make([]string, 0, len(Versions()))
	for _, v := range Versions() {
		names = append(names, string(v))
	}
	return "", fmt.Errorf("unknown Bulk Data IG version %q: use one of %s (or STU1, STU2, STU3)", s, strings.Join(names, ", "))
}
