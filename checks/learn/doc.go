// Package learn finds out what a target's data are like, from the files of exports while they stream by: which resources
// there are, when they changed, what they refer to, whose compartments they are in, and which values one could filter by.
// The suite does not own the data it judges by; what a parameter should have returned is computed from what an export
// without it returned.
//
// Nothing is kept of a resource but numbers: a hash of type and id, meta.lastUpdated, a bit for each root element, the
// numbers of a few values (Row), its references (Edge), and whose compartment it is in. They go to tables of fixed-size
// records, divided into 256 parts by the key. A small table stays in memory; a larger one goes to a temporary file, and
// oracles pass over it part by part, with the same part of another export beside it.
//
// # Memory and disk
//
// While files are read: at most 12 MiB for each export, whatever its size, and 8 bytes for each Patient. During a pass:
// a 256th of the tables that the pass looks at, about 1 byte for each resource, times the passes at the same time. Disk:
// 48 bytes for a resource, 24 for a reference, 16 for a compartment, about 180 bytes for a resource in all.
// docs/performance.md has measurements up to ten million resources.
package learn
