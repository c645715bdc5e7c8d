package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 172
	wantV200   = 216
	wantV300   = 244
	wantV400   = 240
	wantFaults = 576
)
