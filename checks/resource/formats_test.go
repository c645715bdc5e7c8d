package resource

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	tests := []struct {
		kind kind
		good string // separated by |
		bad  string
	}{
		{uriKind, "x|urn:oid:1.2|http://é/|#a|a%20b", "| |a b|a\tb|x\n"},
		{codeKind, "a|a b|a-b c.d|\u00a0", "| | a|a |a  b|a\n\nb"},
		{idKind, "a|A.b-9|" + strings.Repeat("x", 64), "|a_b|a b|é|" + strings.Repeat("x", 65)},
		{oidKind, "urn:oid:1.2|urn:oid:0.0.10|urn:oid:2.16.840", "urn:oid:1|urn:oid:3.1|urn:oid:1.02|urn:oid:1.|urn:oid:1..2|1.2|urn:oid:1.2x|urn:oid:"},
		{uuidKind, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "c757873d-ec9a-4326-a141-556f43239520|urn:uuid:C757873D-ec9a-4326-a141-556f43239520|urn:uuid:c757873d-ec9a-4326-a141-556f4323952|urn:uuid:c757873dxec9a-4326-a141-556f43239520"},
		{dateKind, "2018|1973-06|1905-08-23|2000-02-29|0001-01-01", "0000|18|2018-1|2018-13|2018-00|1900-02-29|2018-04-31|2018-01-00|2018-01-01T00:00:00Z|2018/01/01|2018-01-1| 2018"},
		{dateTimeKind, "2018|1973-06|1905-08-23|2015-02-07T13:28:17-05:00|2017-01-01T00:00:00.000Z|2016-12-31T23:59:60Z|2017-01-01T00:00:00+14:00|2017-01-01T00:00:00.123456789012Z",
			"2015-02-07T13:28-05:00|2015-02-07T13:28:17|2015-02-07T24:00:00Z|2015-02-07T13:60:00Z|2015-02-07T13:28:61Z|2015-02-30T13:28:17Z|2015-02-07T13:28:17+14:01|2015-02-07T13:28:17+15:00|2015-02-07T13:28:17.Z|2015-02-07 13:28:17Z|2015-02-07T13:28:17z|2015-02-07T13:28:17+0500|2015-02-07T13:28:17Zx"},
		{instantKind, "2015-02-07T13:28:17.239+02:00|2017-01-01T00:00:00Z", "2017|2017-01|2017-01-01|2017-01-01T00:00Z|2017-01-01T00:00:00"},
		{timeKind, "00:00:00|23:59:60|12:34:56.7", "|24:00:00|12:34|12:34:56.|12:34:56Z|1:02:03"},
		{base64Kind, "AAAA|AA==|AAA=|AA AA\n|+/9z", "|A|AA|AA=|A===|====|AAAA=|=AAA|AA-_|AA==AA=="},
		{integer64Kind, "0|-1|9223372036854775807|-9223372036854775808", "|9223372036854775808|-9223372036854775809|01|+1|1.0|-"},
		{integerKind, "0|-0|-1|2147483647|-2147483648", "2147483648|-2147483649|1.0|1e3|99999999999999999999"},
		{positiveKind, "1|2147483647", "0|-1|2147483648|1.5"},
		{unsignedKind, "0|1|2147483647", "-1|-0|2147483648|0.0"},
	}
	for _, tt := range tests {
		for _, s := range strings.Split(tt.good, "|") {
			if !formatOK(tt.kind, []byte(s)) {
				t.Errorf("%q is %s", s, formats[tt.kind])
			}
		}
		for _, s := range strings.Split(tt.bad, "|") {
			if s == "" && tt.kind >= integerKind {
				continue // not a JSON number
			}
			if formatOK(tt.kind, []byte(s)) {
				t.Errorf("%q is not %s", s, formats[tt.kind])
			}
		}
	}
}

// TestFastDates compares the arithmetic of the fast path with that of dateTimeOK on every day around the limits.
func TestFastDates(t *testing.T) {
	const after = `","rest":"0123456789012345678901234567"`
	times := []string{"", "T00:00:00Z", "T23:59:59+13:59", "T23:59:60Z", "T24:00:00Z", "T20:00:00.5-05:00", "T19:60:00Z", "T00:00:00+14:00", "T00:00:00+14:01", "T1:00:00Z", "T00:00:00.Z", "T00:00:00"}
	for _, year := range []string{"0000", "0001", "1900", "2000", "2023", "2024", "x000"} {
		for month := range 14 {
			for day := range 33 {
				date := year + "-" + pad(month) + "-" + pad(day)
				for _, at := range times {
					text := date + at
					for as, k := range map[op]kind{opDate: dateKind, opDateTime: dateTimeKind, opInstant: instantKind} {
						if dateEnd([]byte(`"`+text+after), 0, as) >= 0 && !formatOK(k, []byte(text)) {
							t.Errorf("%s is accepted as %s", text, formats[k])
						}
					}
				}
				if got, want := dateEnd([]byte(`"`+date+after), 0, opDate) == len(date)+2, dateOK([]byte(date)); got != want {
					t.Errorf("%s: %v, want %v", date, got, want)
				}
			}
		}
	}
}

func pad(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

func TestScansByWord(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := []byte(strings.Repeat("a", 20) + `"`)
			b[at] = byte(c)
			want := at
			if idByte[c] {
				want = 20
			}
			if got := idEnd(b, 0); got != want {
				t.Errorf("byte %#x at %d: an id ends at %d, want %d", c, at, got, want)
			}
			want = at
			if c > ' ' && c < 0x80 && c != '"' && c != '\\' {
				want = 20
			}
			if got := wordEnd(b, 0); got != want {
				t.Errorf("byte %#x at %d: a word ends at %d, want %d", c, at, got, want)
			}
		}
	}
}

func TestGrammars(t *testing.T) {
	for system, codes := range map[string][2]string{
		"urn:ietf:bcp:13":      {"text/plain|application/fhir+json;fhirVersion=4.0|json|image/*|application/vnd.x-y.z+xml", "|text|/plain|text/|te xt/plain|text/plain,x"},
		"urn:ietf:bcp:47":      {"en|en-US|zh-Hant-TW|x-private|de-1996", "|-|en_US|en-|1en|abcdefghi|en--US"},
		"urn:iso:std:iso:4217": {"USD|EUR|DEM", "|usd|US|XYZ"},
		"urn:iso:std:iso:3166": {"US|USA|840|US-CA", "|u|us|84|USA!"},
	} {
		for k, list := range codes {
			for _, code := range strings.Split(list, "|") {
				if got := grammars[system]([]byte(code)); got != (k == 0) {
					t.Errorf("%s %q: %v", system, code, got)
				}
			}
		}
	}
}
