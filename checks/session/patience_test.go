package session

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
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
