package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 211
	wantV200   = 286
	wantV300   = 322
	wantV400   = 316
	wantFaults = 682
)
