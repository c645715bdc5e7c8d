package figures

import "testing"

func TestFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000",
		-9223372036854775808: "-9,223,372,036,854,775,808"} {
		if got := Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB",
		48_391_227: "48.4 MB", 3_000_000_000: "3.0 GB", 2_500_000_000_000_000: "2500.0 TB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
	if got := Plural(1, "job") + ", " + Plural(1200, "job"); got != "1 job, 1,200 jobs" {
		t.Errorf("Plural gave %q", got)
	}
}
