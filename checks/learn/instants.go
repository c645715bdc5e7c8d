package learn

import "time"

// Instant writes nanoseconds since 1970 as a FHIR instant in UTC, with as many digits of a second as it needs.
func Instant(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
