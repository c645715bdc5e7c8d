package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 213
	wantV200   = 291
	wantV300   = 328
	wantV400   = 322
	wantFaults = 719
)
