package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 0
	wantV200   = 0
	wantV300   = 0
	wantV400   = 0
	wantFaults = 0
)
