package selftest

// The numbers of checks and faults, so that the suite cannot shrink unnoticed.
const (
	wantV101   = 166
	wantV200   = 209
	wantV300   = 237
	wantV400   = 233
	wantFaults = 551
)
