// Package figures writes numbers the way every report shows them.
package figures

import "fmt"

// Number writes 4310 as "4,310".
func Number[N int | int64](n N) string {
	s := fmt.Sprint(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes "1 check", "2 checks".
func Plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// Size writes a number of bytes in decimal units, as storage and networks are measured.
func Size(n int64) string {
	if n < 1000 {
		return Plural(n, "byte")
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		v /= 1000
		if v < 999.95 { // 999.95 would be rounded to "1000.0"
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
