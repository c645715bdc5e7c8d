package status

import (
	"net/url"
	"strings"
	"testing"
)

func TestInvented(t *testing.T) {
	for _, c := range []struct{ location, want string }{
		{"https://x.example/jobs/12", "https://x.example/jobs/977777777777777777"},
		{"https://x.example/r4/desk/f23f.c7ed", "https://x.example/r4/desk/c78c.f2ba"},
		{"https://x.example/bulkstatus/3fa85f64-5717-4562-b3fc-2c963f66afa6", "https://x.example/bulkstatus/8cd30c19-0262-9017-e8cf-7f418c11dcd1"},
		{"https://x.example/status?job=9012345678&v=1", "https://x.example/status?job=4567890123&v=1"},
		{"https://x.example/export/status/latest", "https://x.example/export/status/vdjbij"},
		{"https://x.example/", ""},
		{"://", ""},
	} {
		if got := Invented(c.location); got != c.want {
			t.Errorf("Invented(%q) = %q, want %q", c.location, got, c.want)
		}
	}
}

// FuzzInvented looks for a polling location that makes the scrambling panic, leave the host, or change nothing although
// there is an id in it.
func FuzzInvented(f *testing.F) {
	for _, seed := range []string{"https://x.example/jobs/12", "https://x.example/s?id=a%2Fb1", "http://[::1]:8/a%2f9/", "mailto:a@b", "https://x.example/ä1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		got := Invented(location)
		was, err := url.Parse(location)
		if got == "" || err != nil {
			return
		}
		is, err := url.Parse(got)
		if err != nil {
			return // then it is not requested either
		}
		if is.Host != was.Host {
			t.Errorf("Invented(%q) leads to another host: %q", location, got)
		}
	})
}

func TestScrambleChangesIDs(t *testing.T) {
	for _, id := range []string{"0", "12345678901", "abc", "ABCxyz", "5e8d-11", strings.Repeat("f", 64)} {
		if s := scramble(id); s == id {
			t.Errorf("scramble(%q) changes nothing", id)
		}
	}
}

func TestExportStatusCode(t *testing.T) {
	for v, want := range map[string]int{"202 Accepted": 202, "202": 202, "500 Internal Server Error": 500, "in-progress": 0, "": 0, "20": 0, "999": 0, "2020": 0, "+20": 0} {
		n, ok := code(v)
		if ok != (want != 0) || ok && n != want {
			t.Errorf("code(%q) = %d, %v, want %d", v, n, ok, want)
		}
	}
}
