// Package refserver is a Bulk Data server to test a judge on: it conforms to FHIR Bulk Data Access 2.0.0 and
// 3.0.0 (and as far as parameters go to 1.0.1), serves synthetic data (package dataset), asks for SMART
// Backend Services tokens if told to (package authz), and can be broken in one named way at a time.
//
// # What it does
//
// System, Patient and Group export; GET and POST kick-off; every parameter of both versions; status with
// the preference separate-export-status; manifests, also partial and linked ones; files by type or
// organized by Patient; deletions; DELETE; read of every type and search of Group. Strict: what it does not
// support it refuses with an OperationOutcome, or reports in the manifest's error files under
// handling=lenient. One thing is refused even then: a patient parameter that cannot be applied, since
// passing over it would hand out data of people nobody asked for.
//
// It keeps no data. Which resources an export holds follows from each resource and the request alone, so a
// file is generated while it is sent, the same bytes each time, and memory does not grow with the number of
// patients.
//
// Where the guide leaves a choice:
//
//   - The transaction time is the moment of the kick-off, to the millisecond.
//   - _since and _until are exclusive and hold for every resource; no older data of new Group members, no
//     resources for context.
//   - The patient and group levels export the Patient compartment without Group, and Provenance about
//     anything in it; a type from outside is refused there, alone or in a list.
//   - Provenance asked for with includeAssociatedData is not filtered by _since or _typeFilter.
//   - A deletion is reported whatever _typeFilter says: what the resource held is not known any more.
//   - The first poll of the fast mode may find the job complete; polls beyond 25 within a second get 429.
//   - A job is visible to the client that started it; to others it does not exist.
//   - A Group export needs read access to Group (3.0.0).
//
// # Writing a fault
//
// A [Fault] breaks one thing and names exactly the checks that must notice. It lives in faults_<area>.go and
// is registered from there:
//
//	func init() {
//		registerFaults(
//			Fault{
//				Name:   "manifest-no-error-array",
//				Area:   "manifest",
//				Doc:    "The manifest has no error array; a client that reads it without looking crashes.",
//				Caught: []string{"manifest.error-array"},
//				Apply: func(b *Behaviour) {
//					b.Manifest = func(m map[string]any, _ JobInfo) { delete(m, "error") }
//				},
//			},
//		)
//	}
//
// Take the highest seam that fits, since it breaks the least else. From the kick-off to the wire:
//
//	Behaviour.Auth         token endpoint, tokens, smart-configuration: fields and hooks of authz.Behaviour
//	Behaviour.Parameters   the parameters as they were sent: drop, change, repeat them
//	Behaviour.KickOff      the accepted Export: forget _since, drop a filter, change request (URL)
//	Behaviour.Keep         each resource: in the export or not; asked for every type, wanted or not
//	Behaviour.Deletion     each deletion
//	Behaviour.Extra        additional files
//	Behaviour.Manifest     the manifest as a tree; JobInfo has the poll, the page, the job
//	Behaviour.Capability   the CapabilityStatement as a tree
//	Behaviour.Access       each access decision, with the reason of a refusal; JobInfo has the file's index
//	Behaviour.Answer       any answer: status, header, body, lines of a file, the connection
//	Behaviour.TLS          the TLS configuration
//
// and the fields of [Behaviour] for the life cycle of jobs. In an Answer hook, tell answers apart by Endpoint,
// Status and Job:
//
//	b.Answer = func(a *Answer) {
//		if a.Endpoint == File && a.Status == 200 && a.Job.LastFile() {
//			a.Line = func(n int, line []byte) []byte { ... }  // nil leaves the line out
//		}
//	}
//
// A stateful fault ("only the second poll") uses JobInfo.Poll, Refetch, Page and File instead of counters of
// its own: hooks run for many requests at once, and the same Behaviour may serve several servers.
//
// A [Variation] is the opposite: a legal way to be different, which no check may mind.
package refserver
