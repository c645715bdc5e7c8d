package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 208
	wantV200   = 282
	wantV300   = 318
	wantV400   = 313
	wantFaults = 668
)
