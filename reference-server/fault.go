package refserver

// Fault is one named way to break the reference server, and the checks that must notice.
//
// Check ids are plain strings here: the server knows nothing of the judge's code.
type Fault struct {
	// Name is stable, lower-case, with dashes: "manifest-no-error-array".
	Name string
	// Area is the requirement area it violates, in lower case: "manifest".
	Area string
	// Doc is a sentence or two: what the broken server does, and why that matters to a client.
	Doc string
	// Versions lists the IG versions for which the fault is one; empty means 2.0.0 and 3.0.0.
	Versions []string
	// Caught lists exactly the checks that must fail.
	Caught []string
	// Warned lists exactly the checks that must end in a warning (a SHOULD is violated).
	Warned []string
	// Waits says that the fault shows only to those who wait for minutes: the self-test permits slow checks for it, runs
	// them one at a time, and lets the server's clock go with the session's.
	Waits bool
	// Options lists what a tester has to add to the command line for the fault to show: OptionThrottling and its
	// like. The self-test adds it.
	Options []string
	// Apply breaks a conforming Behaviour.
	Apply func(*Behaviour)
}

// What a tester may have to add for a fault to show. The last two name something of the default dataset.
const (
	OptionThrottling = "--probe-throttling"
	OptionLossyGroup = "--known-lossy-group " + RehearseLoss
	OptionDeleted    = "--known-deleted-patients"
)
