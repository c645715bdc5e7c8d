package manifest

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

func TestParseInstant(t *testing.T) {
	for s, want := range map[string]string{
		"2026-01-02T03:04:05Z":                "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.123456789+02:00": "2026-01-02T01:04:05.123456789Z",
		"2026-01-02T03:04:05.1234567890123Z":  "2026-01-02T03:04:05.123456789Z",
		"2016-12-31T23:59:60Z":                "2016-12-31T23:59:59Z",
		"2026-01-02":                          "",
		"2026-01-02T03:04Z":                   "",
		"2026-01-02T03:04:05":                 "",
		"2026-02-30T00:00:00Z":                "",
		"2026-01-02T25:00:00Z":                "",
		"2026-01-02t03:04:05z":                "",
		"Fri, 02 Jan 2026 03:04:05 GMT":       "",
		"2026-01-02T03:04:05Z ":               "",
		"":                                    "",
	} {
		at, ok := parseInstant(s)
		if got := at.UTC().Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("parseInstant(%q) = %s, %v, want %q", s, got, ok, want)
		}
	}
}

// FuzzParseInstant looks for a string that makes the reader panic, or that it takes although its form is not an instant's.
func FuzzParseInstant(f *testing.F) {
	for _, seed := range []string{"2026-01-02T03:04:05Z", "0000-00-00T00:00:00Z", "2026-01-02T03:04:60+99:99", "", "9999-12-31T23:59:59.999999999999999999999Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := parseInstant(s); ok && !instantForm.MatchString(s) {
			t.Errorf("%q is taken for an instant", s)
		}
	})
}

func TestWhole(t *testing.T) {
	for n, want := range map[string]bool{"0": true, "12": true, "12.0": true, "1.2e1": true, "-0": true, "-1": false, "0.5": false, "1e-1": false,
		"1e999999999": false, "123456789012345678901234567890": true} {
		if got := whole(n); got != want {
			t.Errorf("whole(%s) = %v, want %v", n, got, want)
		}
	}
}

func TestOperation(t *testing.T) {
	for path, want := range map[string]string{"/r4/$export": "/$export", "/r4/Patient/$export": "/Patient/$export", "/a/b/Group/g1/$export": "/Group/g1/$export", "$export": "/$export"} {
		if got := operation(path); got != want {
			t.Errorf("operation(%s) = %s, want %s", path, got, want)
		}
	}
}

func TestParametersCompareDecoded(t *testing.T) {
	parse := func(s string) []string {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return parameters(u)
	}
	for _, c := range []struct {
		a, b           string
		missing, extra []string
	}{
		{"/$export?_type=Patient,Condition&_since=x", "/$export?_since=x&_type=Condition%2CPatient", nil, nil},
		{"/$export?_type=Patient,Condition", "/$export?_type=Patient&_type=Condition", nil, nil},
		{"/$export?_type=Patient", "/$export", []string{"_type"}, nil},
		{"/$export", "/$export?_outputFormat=ndjson", nil, []string{"_outputFormat"}},
	} {
		missing, extra := difference(parse(c.a), parse(c.b))
		if !slices.Equal(missing, c.missing) || !slices.Equal(extra, c.extra) {
			t.Errorf("%s against %s: missing %v, extra %v", c.a, c.b, missing, extra)
		}
	}
}

func TestAbsolute(t *testing.T) {
	for u, ok := range map[string]bool{"https://x.example/f?sig=1": true, "http://x": true, "/f": false, "//x/f": false, "ftp://x/f": false, "https:///f": false, "urn:uuid:1": false, "http://%zz": false} {
		if why := absolute(u); (why == "") != ok {
			t.Errorf("absolute(%q) = %q", u, why)
		}
	}
}

func TestMemberOf(t *testing.T) {
	for field, want := range map[string]string{"output.3": "MANIFEST-010", "output.12.type": "MANIFEST-012", "deleted": "MANIFEST-022", "transactionTime": "", "output.0.count": "", "(root)": ""} {
		if got := memberOf(field); got != want {
			t.Errorf("memberOf(%s) = %q, want %q", field, got, want)
		}
	}
}
