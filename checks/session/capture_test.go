package session

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testSeed = [16]byte{1, 2, 3}

func TestPseudonyms(t *testing.T) {
	p := newPseudonyms(testSeed)
	// Within a shape they are a permutation, so that short ids do not collide.
	for _, shape := range [][]string{ids("%d", 1, 10), ids("%d", 10, 100), ids("p%02d", 0, 100), ids("%x-", 0, 16)} {
		seen := map[string]string{}
		for _, v := range shape {
			run := strings.TrimSuffix(v, "-")
			out := p.of(run)
			if len(out) != len(run) || seen[out] != "" {
				t.Errorf("%q becomes %q, like %q", run, out, seen[out])
			}
			seen[out] = run
		}
	}
	for _, v := range []string{"0", "1", "Smith", "SMITH", "0123456789abcdef0123456789abcdef", "ZZZZZZZZZZZZZZZZZZZZZZZZ", "a1B2c3D4e5F6g7H8i9J0k1L2", strings.Repeat("9", 40)} {
		out := p.of(v)
		if out != p.of(v) {
			t.Errorf("%q has two pseudonyms", v)
		}
		a, b := classes(v), classes(out)
		for i := range a {
			if in := out[i] >= a[i].low && uint64(out[i]-a[i].low) < a[i].n; !in || len(a) != len(b) {
				t.Fatalf("%q becomes %q, of another shape", v, out)
			}
		}
	}
	if q := newPseudonyms([16]byte{9}); q.of("Smith") == p.of("Smith") && q.of("Miller") == p.of("Miller") {
		t.Error("the key does not matter")
	}
}

func ids(format string, from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func TestTimesAreMovedTogether(t *testing.T) {
	s := newScrubber(&testSeed)
	for _, v := range []string{"2024-02-29", "2024-02-29T23:59:59Z", "2024-02-29T12:30:00.123-05:00"} {
		got := s.when(v)
		if got == v || got[10:] != v[10:] {
			t.Errorf("%s becomes %s", v, got)
		}
		was, _ := time.Parse(time.DateOnly, v[:10])
		is, err := time.Parse(time.DateOnly, got[:10])
		if err != nil || is.Sub(was) != s.shift {
			t.Errorf("%s moves by %s, not by %s", v, is.Sub(was), s.shift)
		}
	}
	for _, v := range constantTimes {
		if s.when(v) != v {
			t.Errorf("%s, which the suite sends itself, is moved", v)
		}
	}
	// What is no date stays none.
	if got := s.when("2020-13-45"); got != "1999-13-45" {
		t.Errorf("a thirteenth month becomes %s", got)
	}
	if h := s.header(http.Header{"Date": {"Sat, 21 Nov 2026 07:00:00 GMT"}, "Expires": {"0"}, "Set-Cookie": {"a=b"}, "X-Api-Key": {"k"}, "Bad Name": {"x"}}); h.Get("Set-Cookie") != Redacted ||
		h.Get("X-Api-Key") != Redacted || h.Get("Expires") != "0" || len(h) != 4 {
		t.Errorf("headers %v", h)
	} else if d, err := http.ParseTime(h.Get("Date")); err != nil || d.Sub(time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)) != s.shift {
		t.Errorf("Date %s, %v", h.Get("Date"), err)
	}
}

// Structure, equality and validity stay; values go.
func TestBodiesAreRedacted(t *testing.T) {
	s := newScrubber(&testSeed)
	data := func(v string) string { return string(s.json([]byte(v), regimeData)) }
	id := func(v string) string { return s.text(v) }
	for in, want := range map[string]string{
		`{"resourceType":"Patient","id":"mrn-123","active":true}`:                          `{"resourceType":"Patient","id":"` + id("mrn-123") + `","active":true}`,
		`{"subject":{"reference":"Patient/mrn-123"}}`:                                      `{"subject":{"reference":"Patient/` + id("mrn-123") + `"}}`,
		`{"status":"final","valueInteger":42,"valueDecimal":-1.050}`:                       `{"status":"final","valueInteger":11,"valueDecimal":-1.010}`,
		`{"valueInteger":9999999999,"count":0}`:                                            `{"valueInteger":9999999999,"count":0}`,
		"{\"resourceType\" : \"Patient\" , \"id\":\"a\" \r\n":                              "{\"resourceType\" : \"Patient\" , \"id\":\"" + id("a") + "\" \r\n",
		`{"system":"http://loinc.org","code":"718-7"}`:                                     `{"system":"http://loinc.org","code":"` + id("718-7") + `"}`,
		`{"data":"U21pdGg=","contentType":"text/plain","size":5}`:                          `{"data":"AAAAAAA=","contentType":"text/plain","size":5}`,
		`{"identifier":[{"value":""}],"x":null}`:                                           `{"identifier":[{"value":""}],"` + id("x") + `":null}`,
		`{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b id=\"q7\">Joe</b></div>"}`: `{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b id=\"` + id("q7") + `\">` + id("Joe") + `</b></div>"}`,
	} {
		if got := data(in); got != want {
			t.Errorf("%s\n becomes %s\n    want %s", in, got, want)
		}
	}
	for _, broken := range []string{`{"id":"a`, `{"id":"a"`, `{"id":"\x41"}`, `{"id":"\ud800"}`, "{\"id\":\"\xff\"}", `{"id":01}`, `{"id":"a"}}`, `{"id":"a","id":"b"}`, "\xef\xbb\xbf{}", `{'id':1}`, `[1,]`, ``} {
		_, was := DecodeJSON([]byte(broken))
		_, is := DecodeJSON([]byte(data(broken)))
		if was == nil || is == nil {
			t.Errorf("%q was %v, %q is %v", broken, was, data(broken), is)
		}
	}
	token := string(s.json([]byte(`{"access_token":"eyJhbGciOi.secret","token_type":"bearer","expires_in":300,"scope":"system/*.rs","error_description":"Joe"}`), regimeToken))
	if strings.Contains(token, "secret") || strings.Contains(token, "Joe") || !strings.Contains(token, `"token_type":"bearer","expires_in":300,"scope":"system/*.rs"`) {
		t.Errorf("token response: %s", token)
	}
	if !s.issued("Bearer eyJhbGciOi.secret") || s.issued("Bearer other") || len(s.token("eyJhbGciOi.secret")) != len("eyJhbGciOi.secret") {
		t.Error("issued tokens are not known again, or change their length")
	}
	manifest := string(s.json([]byte(`{"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"Patient","url":"https://h.example/f/1?sig=abc","count":12}]}`), regimeManifest))
	if !strings.Contains(manifest, `"count":12`) || strings.Contains(manifest, "h.example") || strings.Contains(manifest, "sig=abc") || !strings.Contains(manifest, "https://target.example/") {
		t.Errorf("manifest: %s", manifest)
	}
}

func TestURLsAreRedacted(t *testing.T) {
	s := newScrubber(&testSeed)
	base := s.url("https://fhir.clinic.example:8443/r4")
	for in, want := range map[string]string{
		"https://fhir.clinic.example:8443/r4":                                 base,
		"https://fhir.clinic.example:8443/r4/metadata":                        base + "/metadata",
		"https://fhir.clinic.example:8443/r4/Group/g1/$export?_type=Patient":  base + "/Group/" + s.text("g1") + "/$export?_type=Patient",
		"https://fhir.clinic.example:8443/r4/.well-known/smart-configuration": base + "/.well-known/smart-configuration",
		"/r4/jobs/7":                           "/" + s.text("r4") + "/" + s.text("jobs") + "/" + s.text("7"),
		"Patient/7":                            "Patient/" + s.text("7"),
		"http://loinc.org":                     "http://loinc.org",
		"https://user:pw@files.clinic.example": "https://other-1.example",
	} {
		if got := s.url(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	signed := s.url("https://files.clinic.example/a?X-Sig=secret&_type=Patient,Group&_since=2001-01-01T00:00:00Z")
	if strings.Contains(signed, "secret") || strings.Contains(signed, "clinic") || !strings.Contains(signed, "_type=Patient,Group&_since=2001-01-01T00:00:00Z") {
		t.Errorf("signed URL: %s", signed)
	}
	for in, want := range map[string]string{
		"export system, _type=Patient [baseline]": "export system, _type=Patient[baseline]", "probe x system, _typeFilter=Patient?name=Joe, _count=1": "probe x system, _typeFilter=*, _count=*",
		"battery key abc-123": "battery key abc-*",
	} {
		if got := plainCause(in); got != want {
			t.Errorf("the cause %q becomes %q, want %q", in, got, want)
		}
	}
}

// tape records what do does against the handler and replays it; both return what do returned.
func tape(t *testing.T, h http.Handler, name string, do func(*Session) string) (recorded, replayed string, c *Capture) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	path := filepath.Join(t.TempDir(), name)
	cfg := Config{BaseURL: srv.URL + "/fhir", Clock: &SkipClock{}, Token: "static-secret", ExportTimeout: 2 * time.Hour}
	rec, err := NewRecorder(path, "test", cfg, []string{"a.b"}, &testSeed)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Tap = rec
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	recorded = do(s)
	s.Close(context.Background())
	if _, err := os.Stat(path); err == nil {
		t.Error("the capture has its name before it is complete")
	}
	if err := rec.Close("conformant", map[string]string{"a.b": "pass"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("static-secret")) || bytes.Contains(b, []byte("127.0.0.1")) {
		t.Error("the capture holds the token or the address")
	}
	if c, err = LoadCapture(path); err != nil {
		t.Fatal(err)
	}
	if c.End.Outcomes["a.b"] != "pass" || c.Header.Authorization != "token" {
		t.Errorf("header %+v, end %+v", c.Header, c.End)
	}
	rcfg, err := NewReplay(c).Configure(Config{ExportTimeout: 2 * time.Hour}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(context.Background(), rcfg)
	if err != nil {
		t.Fatal(err)
	}
	replayed = do(again)
	again.Close(context.Background())
	return recorded, replayed, c
}

// recordedServer is a server with an export, a body that breaks off and one that is compressed.
func recordedServer() http.Handler {
	h, _ := bulk(status(202, "Retry-After: 3600", ""), status(429, "Retry-After: 10", ""),
		status(200, "", `{"requiresAccessToken":false,"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"Patient","url":"/file","count":2}]}`))
	mux := http.NewServeMux()
	mux.Handle("/fhir/", http.StripPrefix("/fhir", h))
	mux.Handle("/", h)
	mux.HandleFunc("/fhir/$drop", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"id":"Smith`)
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/fhir/$gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `{"resourceType":"Patient","id":"Smith"}`)
		z.Close()
	})
	return mux
}

func TestRecordAndReplay(t *testing.T) {
	do := func(s *Session) string {
		var b strings.Builder
		ex := s.Export(Scenario{Level: System})
		fmt.Fprintf(&b, "%s %d polls\n", ex.State, len(ex.Polls))
		for _, f := range s.Files(ex).Files {
			fmt.Fprintf(&b, "%s %d lines, read %v %s\n", f.Item.Name(), f.Summary.Lines, f.Read, f.Reason)
		}
		fmt.Fprintf(&b, "%d duplicates\n", len(s.Files(ex).Duplicates))
		for _, path := range []string{"$drop", "$gzip"} {
			res := s.Client("x.y").Do(context.Background(), Request{URL: path})
			fmt.Fprintf(&b, "%s: %d, error %v, %d bytes\n", path, res.Status, res.Err != nil, len(res.Body))
		}
		return b.String()
	}
	for _, name := range []string{"c.jsonl", "c.jsonl.gz"} {
		recorded, replayed, c := tape(t, recordedServer(), name, do)
		if recorded != replayed || !strings.Contains(recorded, "completed 3 polls") || !strings.Contains(recorded, "1 duplicates") {
			t.Errorf("recorded:\n%s\nreplayed:\n%s", recorded, replayed)
		}
		for _, e := range c.Exchanges {
			if strings.Contains(e.Body, "Smith") {
				t.Errorf("a name is left in %s", e.Body)
			}
		}
		// A request that was never made has no answer, and says so.
		r := NewReplay(c)
		cfg, _ := r.Configure(Config{}, nil)
		s, err := Open(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if res := s.Client("x.y").Do(context.Background(), Request{URL: "$other"}); res.Err == nil || !strings.Contains(res.Err.Error(), "holds no answer") || len(r.Missing()) != 1 {
			t.Errorf("an unknown request: %v, missing %v", res.Err, r.Missing())
		}
	}
}

// The time of a replay is that of the recording.
func TestReplayedTimes(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/fhir/a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	})
	do := func(s *Session) string {
		res := s.Client("x.y").Do(context.Background(), Request{URL: "a"})
		d, _ := http.ParseTime(res.Header.Get("Date"))
		skew, _ := s.Skew()
		return fmt.Sprint(d.Sub(res.Received).Round(time.Minute), skew.Round(time.Minute))
	}
	recorded, replayed, _ := tape(t, mux, "c.jsonl", do)
	if recorded != "1h0m0s 1h0m0s" || replayed != recorded {
		t.Errorf("recorded %s, replayed %s", recorded, replayed)
	}
}

const goodHeader = `{"capture":1,"tool":"t","recorded":"2024-01-01T00:00:00Z","ig":"3.0.0","baseUrl":"https://target.example/r4","authorization":"open","scope":"s","types":["Patient"],"checks":[]}`

func TestParseCaptureIsStrict(t *testing.T) {
	exchange := `{"n":1,"cause":"c","purpose":"p","at":0,"took":0,"method":"GET","url":"https://target.example/r4/metadata","auth":"none","sent":"x","status":200}`
	end := `{"end":true,"exchanges":1,"verdict":"conformant","outcomes":{}}`
	good := strings.Join([]string{goodHeader, exchange, end}, "\n")
	if c, err := ParseCapture(strings.NewReader(good)); err != nil || len(c.Exchanges) != 1 || !strings.HasPrefix(c.Digest, "sha256:") {
		t.Fatalf("a good capture: %v", err)
	}
	replace := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, c := range map[string]struct{ in, want string }{
		"nothing":          {"", "ends before its end"},
		"no JSON":          {"<html>", "line 1: it is not a line of a capture"},
		"other version":    {replace(`"capture":1`, `"capture":2`), "version 2"},
		"unknown member":   {replace(`"tool":"t"`, `"tool":"t","x":1`), "line 1"},
		"duplicate":        {replace(`"n":1`, `"n":1,"n":1`), "line 2"},
		"no end":           {goodHeader + "\n" + exchange, "ends before its end"},
		"after the end":    {good + "\n" + exchange, "line 4: something follows"},
		"wrong number":     {replace(`"exchanges":1`, `"exchanges":2`), "says that it has 2 exchanges"},
		"number twice":     {goodHeader + "\n" + exchange + "\n" + exchange + "\n" + strings.Replace(end, "1", "2", 1), "exchange 1 is there twice"},
		"relative base":    {replace(`"baseUrl":"https://target.example/r4"`, `"baseUrl":"/r4"`), "baseUrl"},
		"ig":               {replace(`"ig":"3.0.0"`, `"ig":"9"`), "ig is no version"},
		"authorization":    {replace(`"authorization":"open"`, `"authorization":"magic"`), "authorization is none of"},
		"backend, no keys": {replace(`"authorization":"open"`, `"authorization":"backend"`), "keys are missing"},
		"status":           {replace(`"status":200`, `"status":20000`), "status is out of range"},
		"no answer":        {replace(`,"status":200`, ``), "neither an answer nor an error"},
		"error":            {replace(`"status":200`, `"error":"boom"`), "no known kind"},
		"auth":             {replace(`"auth":"none"`, `"auth":"maybe"`), "auth is none of"},
		"header":           {replace(`"status":200`, `"status":200,"header":{"x-a":["b"]}`), "a header is malformed"},
		"header injection": {replace(`"status":200`, `"status":200,"header":{"X-A":["b\r\nc"]}`), "a header is malformed"},
		"two bodies":       {replace(`"status":200`, `"status":200,"body":"a","bytes":"YQ=="`), "two bodies"},
		"url":              {replace(`"url":"https://target.example/r4/metadata"`, `"url":"x"`), "url is not absolute"},
		"method":           {replace(`"method":"GET"`, `"method":"get it"`), "method"},
		"gzip":             {"\x1f\x8b\x00", "begins like gzip"},
	} {
		if got, err := ParseCapture(strings.NewReader(c.in)); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := LoadCapture(filepath.Join(t.TempDir(), "nosuch")); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzParseCapture(f *testing.F) {
	f.Add([]byte(goodHeader))
	f.Add([]byte(goodHeader + "\n" + `{"n":1,"cause":"c","purpose":"p","at":0,"took":0,"method":"GET","url":"https://target.example/r4","auth":"none","sent":"","error":"reset"}` + "\n" +
		`{"end":true,"exchanges":1,"verdict":"","outcomes":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCapture(bytes.NewReader(b))
		if (c == nil) == (err == nil) {
			t.Fatal("neither a capture nor an error")
		}
		if err != nil {
			return
		}
		r := NewReplay(c)
		for _, e := range c.Exchanges {
			req, err := http.NewRequest(e.Method, e.URL, nil)
			if err != nil {
				continue
			}
			if resp, err := r.Wrap(nil).RoundTrip(req); err == nil {
				resp.Body.Close()
			}
		}
	})
}

// Valid JSON stays valid and invalid stays invalid, and neither a name nor a number of the input is in the output.
func FuzzRedactJSON(f *testing.F) {
	for _, v := range []string{`{"resourceType":"Patient","id":"Qzxwvu"}`, `{"a":["Qzxwvu",1.5e3,null]}`, `{"a":"\u00e9\n\"Qzxwvu"}`, `{"a`, "\xff", `{"div":"<p a='Qzxwvu'>"}`, `{"url":"https://Qzxwvu/%zz"}`} {
		f.Add(v)
	}
	s := newScrubber(&testSeed)
	f.Fuzz(func(t *testing.T, in string) {
		if strings.ContainsAny(in, "\n\r") {
			return // lines begin anew
		}
		out := s.json([]byte(in), regimeData)
		if json.Valid([]byte(in)) && !json.Valid(out) {
			t.Errorf("%q was valid, %q is not", in, out)
		}
		if strings.Contains(string(out), "Qzxwvu") {
			t.Errorf("%q is still in %q", "Qzxwvu", out)
		}
		_ = s.json([]byte(in), regimeManifest)
		_ = s.json([]byte(in), regimePublic)
		_ = s.json([]byte(in), regimeToken)
	})
}

func FuzzRedactURL(f *testing.F) {
	for _, v := range []string{"https://h/a?b=c", "//h", "?", "#", "%zz", "https://u:p@h:1/$export?_type=a&_type", "urn:x"} {
		f.Add(v)
	}
	s := newScrubber(&testSeed)
	f.Fuzz(func(t *testing.T, in string) {
		out := s.url(in)
		u, err := url.Parse(in)
		if _, err2 := url.Parse(out); err == nil && err2 != nil && u.Host != "" {
			t.Errorf("%q was a URL, %q is not", in, out)
		}
	})
}
