package refserver

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// areaFaults lists the fault lists of the areas, in the order they are shown. An area file adds its own
// in an init function with registerFaults, so that adding a fault touches that file alone.
var (
	areaFaults  []Fault
	faultsLock  sync.Mutex
	faultsKnown = map[string]bool{}
	faultName   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// registerFaults adds the faults of an area. It panics on an incomplete or repeated one: called from
// init functions only, this stops a bad list at start-up and never at run time.
func registerFaults(faults ...Fault) {
	faultsLock.Lock()
	defer faultsLock.Unlock()
	for _, f := range faults {
		if err := f.validate(); err != nil {
			panic("refserver: " + err.Error())
		}
		if faultsKnown[f.Name] {
			panic(fmt.Sprintf("refserver: fault %q is registered twice", f.Name))
		}
		faultsKnown[f.Name] = true
		areaFaults = append(areaFaults, f)
	}
}

// validate tells what is missing or malformed in a fault.
func (f Fault) validate() error {
	switch {
	case !faultName.MatchString(f.Name):
		return fmt.Errorf("fault name %q is not lower-case words joined by dashes", f.Name)
	case !faultName.MatchString(f.Area):
		return fmt.Errorf("fault %s: area %q is not a lower-case word", f.Name, f.Area)
	case f.Doc == "":
		return fmt.Errorf("fault %s: Doc is empty; say what the broken server does and why it matters to a client", f.Name)
	case f.Apply == nil:
		return fmt.Errorf("fault %s: Apply is nil", f.Name)
	case len(f.Caught)+len(f.Warned) == 0:
		return fmt.Errorf("fault %s: neither Caught nor Warned names a check", f.Name)
	}
	for _, v := range f.Versions {
		if !slices.Contains(IGVersions(), v) {
			return fmt.Errorf("fault %s: unknown IG version %q", f.Name, v)
		}
	}
	for _, o := range f.Options {
		if !slices.Contains([]string{OptionThrottling, OptionLossyGroup, OptionDeleted}, o) {
			return fmt.Errorf("fault %s: unknown option %q", f.Name, o)
		}
	}
	seen := map[string]bool{}
	for _, id := range slices.Concat(f.Caught, f.Warned) {
		if id == "" || seen[id] {
			return fmt.Errorf("fault %s: check id %q is empty or listed twice", f.Name, id)
		}
		seen[id] = true
	}
	return nil
}

// AppliesTo tells whether the fault is one under the given IG version. Without Versions it is one under
// 2.0.0 and 3.0.0.
func (f Fault) AppliesTo(ig string) bool {
	if len(f.Versions) == 0 {
		return ig == "2.0.0" || ig == "3.0.0"
	}
	return slices.Contains(f.Versions, ig)
}

// Faults returns every fault, sorted by area and name. The slice is the caller's own.
func Faults() []Fault {
	faultsLock.Lock()
	defer faultsLock.Unlock()
	all := slices.Clone(areaFaults)
	slices.SortFunc(all, func(a, b Fault) int {
		if a.Area != b.Area {
			return cmpString(a.Area, b.Area)
		}
		return cmpString(a.Name, b.Name)
	})
	return all
}

// FaultNamed finds a fault by its name.
func FaultNamed(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
