package session

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// open returns a session with a server that runs the handler.
func open(t *testing.T, h http.Handler, edit func(*Config)) (*Session, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c := Config{BaseURL: srv.URL, Clock: &SkipClock{}}
	if edit != nil {
		edit(&c)
	}
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s, srv.URL
}

func TestDecodeJSONIsStrict(t *testing.T) {
	for _, c := range []struct{ in, wrong string }{
		{`{"a":1}`, ""}, {` [1, 2] `, ""}, {`"x"`, ""},
		{``, "empty"}, {`{"a":1,"a":2}`, "twice"}, {"{\"a\":\"\xff\"}", "UTF-8"}, {`{"a":"\ud800"}`, "surrogate"},
		{`{"a":1} {}`, "follows"}, {`{"a":1`, "cut off"}, {`{'a':1}`, "not valid JSON"}, {"\xef\xbb\xbf{}", "byte order mark"},
		{strings.Repeat("[", 300) + strings.Repeat("]", 300), "nested"}, {`<html>`, "not valid JSON"},
	} {
		_, err := DecodeJSON([]byte(c.in))
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%.30q: %v", c.in, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%.30q: got %v, want an error with %q", c.in, err, c.wrong)
		}
	}
}

func TestNumberKeepsItsSpelling(t *testing.T) {
	v, err := DecodeJSON([]byte(`{"a":1.0,"b":12,"c":1e3,"d":-4}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": false, "b": true, "c": false, "d": true} {
		if _, ok := v.(map[string]any)[name].(Number).Int(); ok != want {
			t.Errorf("%s: integer %v, want %v", name, ok, want)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,true,null,"x"]}`, `{"a":1,"a":2}`, `[[[[`, "\"\xff\"", `{"resourceType":"Bundle"}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeJSON(b)
		if err != nil && len(b) > 40 && strings.Contains(err.Error(), string(b)) {
			t.Error("the error quotes the document")
		}
		if err == nil {
			_ = Text(v, "resourceType")
			_ = List(v, "a")
		}
	})
}

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://h/x?_type=Patient&sig=abc":       "https://h/x?_type=Patient&sig=[redacted]",
		"https://user:pw@h/x#frag":                "https://%5Bredacted%5D@h/x",
		"https://h/x?" + strings.Repeat("k", 40):  "https://h/x?[redacted]",
		"https://h/x?X-Amz-Signature=1&patient=2": "https://h/x?X-Amz-Signature=[redacted]&patient=[redacted]",
		"data:text/plain,secret":                  "data:[redacted]",
		"http://h/\x7f":                           "[unparseable URL]",
	} {
		if got := RedactURL(in); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRecordsHoldNoSecret(t *testing.T) {
	const secret = "s3cr3t-t0ken-value"
	s, url := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "id="+secret)
		w.Header().Set("Location", "https://files.example.org/x?sig="+secret)
		fmt.Fprintf(w, `{"access_token":%q}`, secret)
	}), func(c *Config) {
		c.Token = secret
		c.Header = http.Header{"X-Tenant": {secret}}
		c.Excerpts = true
	})
	s.Client("").Do(context.Background(), Request{URL: url + "/a?signature=" + secret})
	s.Client("").PostToken(context.Background(), url+"/token", TokenForm(secret, "x"))
	res := s.Client("").Do(context.Background(), Request{URL: url + "/b", Purpose: "token"})
	if !strings.Contains(string(res.Body), secret) {
		t.Fatal("the server was not reached")
	}
	// Excerpts are asked for explicitly; the token endpoint's are never kept.
	for _, e := range s.Exchanges() {
		if e.Purpose != "token" {
			e.Excerpt = ""
		}
		if strings.Contains(fmt.Sprintf("%+v", e), secret) {
			t.Errorf("the record of %s %s holds a secret", e.Method, e.URL)
		}
	}
}

func TestTokenStaysAtItsOrigin(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("X-Tenant") != "" {
			leaked.Store(true)
		}
		fmt.Fprint(w, "{}")
	}))
	defer other.Close()
	s, url := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("the target itself got no token")
		}
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}), func(c *Config) { c.Token = "tok"; c.Header = http.Header{"X-Tenant": {"me"}} })
	res := s.Client("").Do(context.Background(), Request{URL: url + "/file"})
	if res.Status != 200 || res.Redirects != 1 {
		t.Fatalf("redirect not followed: %s", res.Describe())
	}
	s.Client("").Do(context.Background(), Request{URL: other.URL})
	if leaked.Load() {
		t.Error("the token or a header of the user's reached another origin")
	}
	s.trusted[origin(mustParse(t, other.URL))] = true
	s.Client("").Do(context.Background(), Request{URL: other.URL})
	if !leaked.Load() {
		t.Error("an origin the user trusts gets the token")
	}
}

func TestHostileAnswersAreBounded(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		b := bytes.Repeat([]byte(" "), 1<<16)
		for {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1 << 10 {
			if _, err := z.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
		z.Close()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/endless", endless)
	mux.HandleFunc("/bomb", bomb)
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) {
		for i := range 5000 {
			w.Header().Set(fmt.Sprint("X-Flood-", i), strings.Repeat("x", 200))
		}
	})
	mux.HandleFunc("/drop", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "{")
		panic(http.ErrAbortHandler)
	})
	s, url := open(t, mux, func(c *Config) { c.MaxDocument = 1 << 20 })
	do := func(path string) *Response {
		return s.Client("").Do(context.Background(), Request{URL: url + path})
	}
	if r := do("/endless"); !r.Truncated || len(r.Body) != 1<<20 {
		t.Errorf("an endless body: %s, truncated %v, kept %d", r.Describe(), r.Truncated, len(r.Body))
	}
	if r := do("/bomb"); r.Err == nil || !strings.Contains(r.Err.Error(), "decompress") {
		t.Errorf("a gzip bomb: %s", r.Describe())
	}
	if r := do("/loop"); r.Err == nil || !strings.Contains(r.Err.Error(), "redirects") {
		t.Errorf("a redirect loop: %s", r.Describe())
	}
	if r := do("/headers"); r.Err == nil || !strings.Contains(r.Err.Error(), "headers") {
		t.Errorf("a header flood: %s", r.Describe())
	}
	if r := do("/drop"); r.Err == nil || !strings.Contains(r.Err.Error(), "closed the connection") {
		t.Errorf("a dropped connection: %s", r.Describe())
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		retry, date string
		want        time.Duration
		ok          bool
	}{
		{"120", "", 2 * time.Minute, true}, {"0", "", 0, true}, {" 7 ", "", 7 * time.Second, true},
		{"Fri, 02 Jan 2026 03:05:05 GMT", "", time.Minute, true},
		{"Fri, 02 Jan 2026 03:05:05 GMT", "Fri, 02 Jan 2026 03:05:00 GMT", 5 * time.Second, true},
		{"Fri, 02 Jan 2025 03:05:05 GMT", "", 0, true},
		{"", "", 0, false}, {"soon", "", 0, false}, {"-5", "", 0, false}, {"1.5", "", 0, false}, {"99999999999999", "", 0, false},
	} {
		res := &Response{Header: http.Header{"Retry-After": {c.retry}, "Date": {c.date}}}
		if d, ok := RetryAfter(res, now); d != c.want || ok != c.ok {
			t.Errorf("Retry-After %q (Date %q): got %v %v, want %v %v", c.retry, c.date, d, ok, c.want, c.ok)
		}
	}
}

// bulk is a minimal open server whose status answers are scripted.
func bulk(polls ...func(w http.ResponseWriter)) (http.Handler, *atomic.Int32) {
	var n, deleted atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /$export", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Location", "http://"+r.Host+"/job")
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("GET /job", func(w http.ResponseWriter, r *http.Request) {
		i := min(int(n.Add(1)), len(polls)) - 1
		polls[i](w)
	})
	mux.HandleFunc("DELETE /job", func(w http.ResponseWriter, r *http.Request) { deleted.Add(1); w.WriteHeader(http.StatusAccepted) })
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+ndjson")
		fmt.Fprint(w, "{\"resourceType\":\"Patient\",\"id\":\"a\"}\n{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true}\n")
	})
	return mux, &deleted
}

func status(code int, header, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if k, v, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(k, v)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func TestExportIsSharedPolledAndDeleted(t *testing.T) {
	h, deleted := bulk(status(202, "Retry-After: 3600", ""), status(429, "Retry-After: 10", ""),
		status(500, "", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient"}]}`),
		status(200, "", `{"requiresAccessToken":false,"output":[{"type":"Patient","url":"/file","count":2}]}`))
	s, _ := open(t, h, func(c *Config) { c.ExportTimeout = 2 * time.Hour })
	ex := s.Export(Scenario{Level: System})
	if again := s.Export(Scenario{Level: System}); again != ex {
		t.Error("the same scenario was exported twice")
	}
	if ex.State != Completed || len(ex.Polls) != 4 {
		t.Fatalf("state %s after %d polls: %s", ex.State, len(ex.Polls), ex.Reason)
	}
	fs := s.Files(ex)
	if len(fs.Files) != 1 || !fs.Files[0].Read || fs.Files[0].Summary.Lines != 2 {
		t.Fatalf("the file was not read: %+v", fs.Files)
	}
	if len(fs.Duplicates) != 1 {
		t.Errorf("the duplicate id was not found: %+v", fs.Duplicates)
	}
	if tr := s.Traffic(); tr.KickOffs != 1 || tr.CompletedExports != 1 || tr.Resources != 2 {
		t.Errorf("traffic %+v", tr)
	}
	if problems := s.Close(context.Background()); len(problems) != 0 || deleted.Load() != 1 {
		t.Errorf("%d deletions, problems %v", deleted.Load(), problems)
	}
}

func TestExportThatNeverEnds(t *testing.T) {
	h, _ := bulk(status(202, "", ""))
	s, _ := open(t, h, func(c *Config) { c.ExportTimeout = time.Hour })
	if ex := s.Export(Scenario{Level: System}); ex.State != TimedOut || !strings.Contains(ex.Reason, "--export-timeout") {
		t.Errorf("state %s: %s", ex.State, ex.Reason)
	}
}

func TestExportThatFailsForGood(t *testing.T) {
	h, _ := bulk(status(500, "", `{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"exception"}]}`))
	s, _ := open(t, h, nil)
	if ex := s.Export(Scenario{Level: System}); ex.State != Failed || len(ex.Polls) != 1 {
		t.Errorf("state %s after %d polls: %s", ex.State, len(ex.Polls), ex.Reason)
	}
}

func TestConfigListsAllProblems(t *testing.T) {
	_, err := Open(context.Background(), Config{BaseURL: "fhir.example.org/metadata", IG: "9", Token: "a b", ClientID: "c", ExportTimeout: -1, TrustOrigins: []string{"x"}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"not an absolute", "/metadata", "9", "both a static token", "white space", "no private key", "negative", "trusted origin"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q:\n%v", want, err)
		}
	}
}

func TestSharedRunsUnderTheSession(t *testing.T) {
	s, _ := open(t, http.NotFoundHandler(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = ctx // a check's own context plays no part
	if got := Shared(s, "k", func(ctx context.Context) int { return map[bool]int{true: 1, false: 2}[ctx.Err() == nil] }); got != 1 {
		t.Error("shared work ran under an ended context")
	}
	if got := Shared(s, "k", func(context.Context) int { return 7 }); got != 1 {
		t.Error("shared work ran twice")
	}
}
