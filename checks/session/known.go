package session

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Known is what the tester may tell of the target's data. Everything is optional: what is not told, a check finds out
// for itself, or is skipped with a sentence that says what to add.
type Known struct {
	UnsupportedType string    // a resource type of FHIR that the server does not export
	NonMember       string    // id of a Patient that is not a member of the exported Group
	Members         []string  // ids of Patients that are members of the exported Group
	LossyGroup      string    // id of a Group whose export completes although some resources cannot be exported
	ForbiddenGroup  string    // id of a Group that exists and that the client must not export
	Instant         time.Time // lies between two updates of the data: where to put _since; zero: chosen from what is exported
	Expected        []string  // "Type/id" of resources that the plain export has to hold
	DefaultTypes    []string  // types that an export without _type has to hold, as the server's documentation says
	DeletedPatients []string  // ids of Patients that the plain export would hold if they had not been deleted since 2001
}

var (
	knownType = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)
	knownID   = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)
)

// check returns everything that is wrong with the knowledge.
func (k Known) check() []error {
	var errs []error
	each := func(what string, ok *regexp.Regexp, form string, values ...string) {
		for _, v := range values {
			if v != "" && !ok.MatchString(v) {
				errs = append(errs, fmt.Errorf("known %s: a value is not %s", what, form))
			}
		}
	}
	const id = "a resource id (letters, digits, - and . only; without the type)"
	each("unsupported type", knownType, "a resource type", k.UnsupportedType)
	each("default types", knownType, "a resource type", k.DefaultTypes...)
	each("non-member", knownID, id, k.NonMember)
	each("members", knownID, id, k.Members...)
	each("deleted patients", knownID, id, k.DeletedPatients...)
	each("forbidden group", knownID, id, k.ForbiddenGroup)
	each("lossy group", knownID, id, k.LossyGroup)
	for _, e := range k.Expected {
		typ, rest, ok := strings.Cut(e, "/")
		if !ok || !knownType.MatchString(typ) || !knownID.MatchString(rest) {
			errs = append(errs, fmt.Errorf("known expected resources: a value is not of the form Type/id"))
		}
	}
	return errs
}
