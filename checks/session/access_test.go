package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testKey(t testing.TB, kid string) Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{ID: kid, Algorithm: "ES384", Private: k}
}

// tokenServer answers smart-configuration and hands its token requests to h.
func tokenServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/.well-known/smart-configuration", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"token_endpoint":"`+srv.URL+`/token"}`)
	})
	mux.HandleFunc("/token", h)
	return srv.URL
}

func TestClientSecret(t *testing.T) {
	for _, inForm := range []bool{false, true} {
		url := tokenServer(t, func(w http.ResponseWriter, r *http.Request) {
			user, password, ok := r.BasicAuth()
			if inForm {
				user, password, ok = r.PostFormValue("client_id"), r.PostFormValue("client_secret"), r.Header.Get("Authorization") == ""
			}
			if !ok || user != "one" || password != "s%3Acret" && password != "s:cret" || r.PostFormValue("client_assertion") != "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"access_token":"toktoktok","token_type":"bearer","expires_in":300,"scope":"system/*.rs"}`)
		})
		s, err := Open(context.Background(), Config{BaseURL: url, ClientID: "one", Access: Access{ClientSecret: "s:cret", SecretInForm: inForm}})
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := s.Token(context.Background()); tok != "toktoktok" || err != nil {
			t.Errorf("in form %v: %q, %v", inForm, tok, err)
		}
		if c := s.Config(); c.BackendServices() || !c.Authorized() {
			t.Error("a client secret counts as a signed assertion, or as nothing")
		}
		b, _ := json.Marshal(s.Exchanges())
		if strings.Contains(string(b), "s:cret") || strings.Contains(string(b), "toktoktok") {
			t.Error("the record holds a secret")
		}
	}
}

func TestTokenCommand(t *testing.T) {
	for command, want := range map[string]string{"echo abc": "", "printf abc": "", "exit 3": "failed", "echo": "no token", "echo two words": "no token"} {
		s, err := Open(context.Background(), Config{BaseURL: "https://fhir.example.org", Access: Access{TokenCommand: command}})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := s.Token(context.Background())
		if want == "" && (tok != "abc" || err != nil) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", command, tok, err)
		}
		if err != nil && strings.Contains(err.Error(), "two") {
			t.Errorf("the error shows what the command printed: %v", err)
		}
	}
}

func TestAccessProblems(t *testing.T) {
	key := testKey(t, "k")
	for _, c := range []struct {
		c    Config
		want string
	}{
		{Config{Token: "x", Access: Access{TokenCommand: "y"}}, "token command is given beside"},
		{Config{Access: Access{ClientSecret: "x"}}, "client secret is given but no client id"},
		{Config{ClientID: "a", Keys: []Key{key}, Access: Access{ClientSecret: "x"}}, "both a private key and a client secret"},
		{Config{ClientID: "a", Keys: []Key{key}, Access: Access{Second: &OtherClient{ID: "a", Keys: []Key{key}}}}, "id of the first"},
		{Config{ClientID: "a", Keys: []Key{key}, Access: Access{Second: &OtherClient{ID: "b"}}}, "both an id and a private key"},
		{Config{Access: Access{Hosted: &KeyHost{}}}, "no client with a private key"},
	} {
		c.c.BaseURL = "https://fhir.example.org"
		if _, err := Open(context.Background(), c.c); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
}

func TestKeyHost(t *testing.T) {
	key := testKey(t, "first")
	h, err := HostKeys("127.0.0.1:0", "", nil, []Key{key})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	get := func(method, url string) (int, string, http.Header) {
		req, _ := http.NewRequest(method, url, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b), res.Header
	}
	status, body, header := get("GET", h.URL())
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(body), &set); err != nil || status != 200 || len(set.Keys) != 1 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	k := set.Keys[0]
	if k["kid"] != "first" || k["use"] != "sig" || k["alg"] != "ES384" || k["kty"] != "EC" || k["key_ops"] == nil || k["d"] != nil {
		t.Errorf("%v", k)
	}
	if header.Get("Cache-Control") == "" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", header)
	}
	if status, _, _ := get("POST", h.URL()); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
	other := h.Add("rogue.json", KeyPage{Body: []byte(`{"keys":[]}`)})
	if _, body, _ := get("GET", other); body != `{"keys":[]}` {
		t.Errorf("%s", body)
	}
	if n, m := len(h.Requests("")), len(h.Requests(other)); n != 2 || m != 1 {
		t.Errorf("%d and %d requests", n, m)
	}
	h.Reset([]Key{testKey(t, "next")})
	if _, body, _ := get("GET", h.URL()); !strings.Contains(body, "next") || strings.Contains(body, "first") {
		t.Errorf("%s", body)
	}
	if status, _, _ := get("GET", other); status != http.StatusNotFound {
		t.Errorf("a page outlived Reset: %d", status)
	}
}

func FuzzReadGrant(f *testing.F) {
	for _, s := range []string{`{"access_token":"a","token_type":"bearer","expires_in":300,"scope":"system/*.rs"}`, `{"access_token":1}`, `[]`, `{"error":"invalid_client"}`,
		`{"access_token":"a","access_token":"b"}`, "", "\xff", `{"expires_in":1e999}`} {
		f.Add(200, s)
		f.Add(400, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		g := ReadGrant(&Response{Status: status, Body: []byte(body), Header: http.Header{}})
		if g.Err == nil && (g.Token == "" || status != 200 && status != 201) {
			t.Fatal("a grant without a token, or of an error")
		}
		if g.Err != nil && g.Token != "" && len(g.Token) > 8 && strings.Contains(g.Err.Error(), g.Token) {
			t.Fatal("the error holds the token")
		}
	})
}

func FuzzConfiguration(f *testing.F) {
	for _, s := range []string{`{"token_endpoint":"https://a.example/token","capabilities":["x"]}`, `{"token_endpoint":1}`, `null`, `{"rest":[{"operation":[{"name":"export"}]}]}`, "{", "\xef\xbb\xbf{}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		res := &Response{Status: 200, Body: []byte(body), Header: http.Header{}}
		doc, err := documentOf(res, "")
		if (doc == nil) == (err == nil) {
			t.Fatal("neither a document nor an error, or both")
		}
		_ = RedactURL(Text(doc, "token_endpoint"))
		d := &Discovery{Operations: map[Level][]Operation{}, Capability: doc}
		d.readOperations()
	})
}
