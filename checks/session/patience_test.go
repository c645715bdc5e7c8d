package session

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A status request of a check's own outlasts what the server says will pass, and nothing else.
func TestPatiently(t *testing.T) {
	for _, c := range []struct {
		answers []string // status and issue code; the last one is repeated
		status  int
		n       int64
	}{
		{[]string{"200"}, 200, 1},
		{[]string{"429", "503", "500 transient", "202"}, 202, 4},
		{[]string{"500 exception", "200"}, 500, 1},
		{[]string{"404", "200"}, 404, 1},
		{[]string{"429"}, 429, maxTransient + 1},
	} {
		var n atomic.Int64
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			var status int
			var code string
			_, _ = fmt.Sscan(c.answers[min(int(n.Add(1)), len(c.answers))-1], &status, &code)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":%q}]}`, code)
		}))
		s, err := Open(context.Background(), Config{BaseURL: srv.URL, Clock: &SkipClock{}})
		if err != nil {
			t.Fatal(err)
		}
		if res := s.Client("").Patiently(context.Background(), StatusRequest(srv.URL)); res.Status != c.status || n.Load() != c.n {
			t.Errorf("%v: HTTP %d after %d requests, want %d after %d", c.answers, res.Status, n.Load(), c.status, c.n)
		}
		s.Close(context.Background())
		srv.Close()
	}
}

// A client that may hold one token at a time gets its requests through although others ask for tokens all the while.
func TestRenewalUnderContention(t *testing.T) {
	var mu sync.Mutex
	current := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		current++
		token := current
		mu.Unlock()
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_in":300}`, token)
	})
	mux.HandleFunc("/data", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", current) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s, err := Open(context.Background(), Config{BaseURL: srv.URL, TokenURL: srv.URL + "/token", ClientID: "c", Access: Access{ClientSecret: "s"}, Clock: &SkipClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	ctx, stop := context.WithCancel(context.Background())
	var others sync.WaitGroup
	others.Go(func() {
		for range maxRenewals - 1 {
			if s.Client("").PostToken(ctx, srv.URL+"/token", nil).Err != nil {
				return
			}
		}
	})
	for i := range 30 {
		if res := s.Client("").Do(ctx, Request{URL: "data"}); res.Status != http.StatusOK {
			t.Errorf("request %d: HTTP %d", i, res.Status)
		}
	}
	stop()
	others.Wait()
}

// A server that allows one export at a time gets the session's exports one after the other, and none is given up; without
// an export of the session's own in progress the waits named by the server are obeyed, for some time.
func TestOneExportAtATime(t *testing.T) {
	var mu sync.Mutex
	running, most, refused, polls := 0, 0, 0, map[string]int{}
	var base string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.URL.Path == "/metadata":
			_, _ = fmt.Fprint(w, `{"resourceType":"CapabilityStatement"}`)
		case r.URL.Path == "/$export" && running > 0:
			refused++
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case r.URL.Path == "/$export":
			running++
			most = max(most, running)
			w.Header().Set("Content-Location", fmt.Sprintf("%s/job/%s", base, r.URL.Query().Get("_type")))
			w.WriteHeader(http.StatusAccepted)
		case polls[r.URL.Path] < 40:
			polls[r.URL.Path]++
			w.WriteHeader(http.StatusAccepted)
		default:
			running--
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"output":[]}`)
		}
	}))
	defer srv.Close()
	base = srv.URL
	s, err := Open(context.Background(), Config{BaseURL: srv.URL, Clock: &SkipClock{}, ParallelJobs: 4, ExportTimeout: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if ex := s.Export(Scenario{Level: System}.With("_type", fmt.Sprint("T", i))); ex.State != Completed {
				t.Errorf("export %d: %s %s", i, ex.State, ex.Reason)
			}
		})
	}
	all.Wait()
	mu.Lock()
	if most != 1 || refused > 60 {
		t.Errorf("%d exports at a time, %d refused kick-offs", most, refused)
	}
	running, refused = 1, 0 // somebody else's, for ever
	mu.Unlock()
	if ex := s.Export(Scenario{Level: System}.With("_type", "Z")); ex.State != Refused || refused != maxBusy+1 {
		t.Errorf("%s after %d kick-offs", ex.State, refused)
	}
	// A second export beside one's own does not wait for its own end.
	ctx, release, ok := s.Slot(context.Background())
	if !ok {
		t.Fatal("no slot")
	}
	defer release()
	if res, _ := s.Client("").KickOffPatiently(ctx, Scenario{Level: System}.With("_type", "Y")); res.Status != http.StatusTooManyRequests {
		t.Errorf("HTTP %d, want 429", res.Status)
	}
}

// A body that comes in drops is read no longer than a file may take, even by a check that sets no limit of its own.
func TestStreamIsBoundedInTime(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	}))
	defer srv.Close()
	s, err := Open(context.Background(), Config{BaseURL: srv.URL, Clock: &SkipClock{}, FileTimeout: 20 * time.Millisecond, RequestTimeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	c := s.Client("")
	for _, get := range []func(context.Context, Request, func(*Response, io.Reader) error) *Response{c.Stream, c.Glance} {
		res := get(context.Background(), Request{URL: "x"}, func(_ *Response, body io.Reader) error {
			_, err := io.Copy(io.Discard, body)
			return err
		})
		if res.Err == nil || !strings.Contains(res.Err.Error(), "in time") {
			t.Errorf("a body without end was read: %v", res.Err)
		}
	}
}
