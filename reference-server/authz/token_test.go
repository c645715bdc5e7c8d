package authz

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTokenAnswer(t *testing.T) {
	w := newWorld(t, nil)
	a := w.try()
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if len(a.json) != 4 || a.json["token_type"] != "bearer" || a.json["expires_in"] != 300.0 || a.json["scope"] != "system/*.read" {
		t.Errorf("body %s", a.body)
	}
	if n := len(a.token()); n != len(tokenPrefix)+43 {
		t.Errorf("a token of %d characters", n)
	}
	if b := w.try(); b.token() == a.token() || b.token() == "" {
		t.Errorf("two requests gave the same token or none")
	}
}

// field sets one Behaviour field and says what of a good token answer has to change.
func TestTokenAnswerBehaviours(t *testing.T) {
	member := func(name string, want any) func(answer) bool {
		return func(a answer) bool { return a.json[name] == want }
	}
	gone := func(name string) func(answer) bool {
		return func(a answer) bool { _, ok := a.json[name]; return !ok && len(a.json) == 3 }
	}
	for name, tc := range map[string]struct {
		b    Behaviour
		show func(answer) bool
	}{
		"ExpiresInString":  {Behaviour{ExpiresInString: true}, member("expires_in", "300")},
		"NoExpiresIn":      {Behaviour{NoExpiresIn: true}, gone("expires_in")},
		"LongLifetime":     {Behaviour{LongLifetime: true}, member("expires_in", 90000.0)},
		"Lifetime":         {Behaviour{Lifetime: 20 * time.Second}, member("expires_in", 20.0)},
		"CapByAssertion":   {Behaviour{CapByAssertion: true}, member("expires_in", 120.0)},
		"RefreshToken":     {Behaviour{RefreshToken: true}, func(a answer) bool { return a.json["refresh_token"] != nil }},
		"NoTokenType":      {Behaviour{NoTokenType: true}, gone("token_type")},
		"WrongTokenType":   {Behaviour{WrongTokenType: true}, member("token_type", "JWT")},
		"TokenTypeCapital": {Behaviour{TokenTypeCapital: true}, member("token_type", "Bearer")},
		"NoScope":          {Behaviour{NoScope: true}, gone("scope")},
		"ScopeArray":       {Behaviour{ScopeArray: true}, func(a answer) bool { list, ok := a.json["scope"].([]any); return ok && len(list) == 1 }},
		"NoAccessToken":    {Behaviour{NoAccessToken: true}, gone("access_token")},
		"NoCacheControl": {Behaviour{NoCacheControl: true}, func(a answer) bool {
			return a.header.Get("Cache-Control") == "" && a.header.Get("Pragma") == ""
		}},
		"NoPragma": {Behaviour{NoPragma: true}, func(a answer) bool {
			return a.header.Get("Cache-Control") == "no-store" && a.header.Get("Pragma") == ""
		}},
		"AnswerAsForm": {Behaviour{AnswerAsForm: true}, func(a answer) bool { return strings.Contains(a.body, "expires_in=300") && a.json == nil }},
		"AnswerAsText": {Behaviour{AnswerAsText: true}, func(a answer) bool {
			return strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") && json.Valid([]byte(a.body))
		}},
		"Answer201":    {Behaviour{Answer201: true}, func(a answer) bool { return a.status == 201 && a.token() != "" }},
		"HugeToken":    {Behaviour{HugeToken: true}, func(a answer) bool { return len(a.token()) > 20_000 }},
		"JWTTokens":    {Behaviour{JWTTokens: true}, func(a answer) bool { return looksLikeJWT(a.token()) }},
		"ExtraMembers": {Behaviour{ExtraMembers: true}, member("tenant", "synthetic")},
		"EditTokenResponse": {Behaviour{EditTokenResponse: func(body map[string]any) { body["scope"] = "edited" }},
			member("scope", "edited")},
	} {
		w := newWorld(t, &tc.b)
		a := w.try()
		if !tc.show(a) {
			t.Errorf("%s: not seen in %d %v %.300s", name, a.status, a.header, a.body)
		}
		if tc.show(newWorld(t, nil).try()) {
			t.Errorf("%s: seen on the conformant server too", name)
		}
		// Whatever the answer looks like, the token in it works.
		if token := a.token(); token != "" {
			if _, f := w.Authenticate(resourceRequest(fhirBase, "Bearer "+token)); f != nil {
				t.Errorf("%s: the token is refused: %+v", name, f)
			}
		}
	}
}

func TestErrorBehaviours(t *testing.T) {
	for name, tc := range map[string]struct {
		b    Behaviour
		show func(answer) bool
	}{
		"ErrorsAs200Text": {Behaviour{ErrorsAs200Text: true}, func(a answer) bool {
			return a.status == 200 && strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") && strings.HasPrefix(a.body, "invalid_client")
		}},
		"ErrorsAs200": {Behaviour{ErrorsAs200: true}, func(a answer) bool { return a.String() == "200 invalid_client" }},
		"ErrorNotJSON": {Behaviour{ErrorNotJSON: true}, func(a answer) bool {
			return a.status == 400 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(a.body, "<h1>")
		}},
		"ErrorOperationOutcome": {Behaviour{ErrorOperationOutcome: true}, func(a answer) bool {
			return a.status == 400 && a.header.Get("Content-Type") == "application/fhir+json" && strings.Contains(a.body, "OperationOutcome")
		}},
		"ErrorStatus500":     {Behaviour{ErrorStatus500: true}, func(a answer) bool { return a.String() == "500 invalid_client" }},
		"ErrorStatus403":     {Behaviour{ErrorStatus403: true}, func(a answer) bool { return a.String() == "403 invalid_client" }},
		"WrongErrorCode":     {Behaviour{WrongErrorCode: true}, func(a answer) bool { return a.String() == "400 unauthorized_client" }},
		"UndefinedErrorCode": {Behaviour{UndefinedErrorCode: true}, func(a answer) bool { return a.String() == "400 authentication_failed" }},
		"NoErrorDescription": {Behaviour{NoErrorDescription: true}, func(a answer) bool { return len(a.json) == 1 }},
		"EchoAssertion":      {Behaviour{EchoAssertion: true}, func(a answer) bool { return strings.Contains(a.body, ".ey") }},
		"InvalidClient401": {Behaviour{InvalidClient401: true}, func(a answer) bool {
			return a.String() == "401 invalid_client" && a.header.Get("WWW-Authenticate") != ""
		}},
		"EditError": {Behaviour{EditError: func(status *int, body map[string]any, h http.Header) { *status = 418; h.Set("X", "y") }},
			func(a answer) bool { return a.String() == "418 invalid_client" && a.header.Get("X") == "y" }},
	} {
		if a := newWorld(t, &tc.b).try(sig(flip)); !tc.show(a) {
			t.Errorf("%s: not seen in %d %v %.300s", name, a.status, a.header, a.body)
		}
		if a := newWorld(t, nil).try(sig(flip)); tc.show(a) {
			t.Errorf("%s: seen on the conformant server too", name)
		}
		if a := newWorld(t, &tc.b).try(); a.String() != ok || a.token() == "" {
			t.Errorf("%s: a good request got %v", name, a)
		}
	}
	w := newWorld(t, &Behaviour{WrongScopeErrorCode: true})
	if a := w.try(f("scope", "foo")); a.String() != client {
		t.Errorf("WrongScopeErrorCode: %v", a)
	}
	w = newWorld(t, &Behaviour{DemandClientID: true})
	if a := w.try(); a.String() != request {
		t.Errorf("DemandClientID, without: %v", a)
	}
	if a := w.try(f("client_id", "client-a")); a.String() != ok {
		t.Errorf("DemandClientID, with: %v", a)
	}
}

// TestNoSecretsInErrors: no refusal of the whole battery quotes the assertion, nor does it leave ASCII.
func TestNoSecretsInErrors(t *testing.T) {
	for _, bc := range battery() {
		for _, v := range bc.variants {
			a := run(t, nil, v)
			if a.status == 200 {
				continue
			}
			for _, part := range strings.FieldsFunc(v.steps[len(v.steps)-1].bytes, func(r rune) bool { return r == '.' || r == '=' || r == '&' }) {
				if len(part) > 60 && strings.Contains(a.body, part) {
					t.Errorf("%s %s: the answer quotes the request", bc.key, v.name)
				}
			}
			for _, r := range a.body {
				if r > 0x7e {
					t.Errorf("%s %s: error_description outside RFC 6749 §5.2: %s", bc.key, v.name, a.body)
					break
				}
			}
		}
	}
}

// TestReplayRace: of many simultaneous uses of one assertion exactly one gets a token.
func TestReplayRace(t *testing.T) {
	for _, b := range []*Behaviour{nil, {BurnJtiOnSuccess: true}} {
		w := newWorld(t, b)
		r := newDraft().ready()
		var wg sync.WaitGroup
		got := make([]answer, 16)
		for i := range got {
			wg.Go(func() { got[i] = serveCopy(w, r) })
		}
		wg.Wait()
		tokens := 0
		for _, a := range got {
			switch a.String() {
			case ok:
				tokens++
			case client:
			default:
				t.Errorf("%v", a)
			}
		}
		if tokens != 1 {
			t.Errorf("%d tokens for one assertion", tokens)
		}
	}
}

// serveCopy sends without touching the clock, so that several may do it at once.
func serveCopy(w *world, r *ready) answer { return serve(w.ServeToken, r.request()) }

func TestReplayCacheIsBounded(t *testing.T) {
	rc := newReplayCache()
	now := clockStart
	for i := range maxReplay {
		if v := rc.check("c", strconv.Itoa(i), now, now.Add(time.Minute), true); v != replayFresh {
			t.Fatalf("entry %d: %v", i, v)
		}
	}
	if v := rc.check("c", "one more", now, now.Add(time.Minute), true); v != replayFull {
		t.Errorf("beyond the bound: %v", v)
	}
	if v := rc.check("other", "one more", now, now.Add(time.Minute), true); v != replayFresh {
		t.Errorf("another client: %v", v)
	}
	if v := rc.check("c", "one more", now.Add(time.Minute), now.Add(2*time.Minute), true); v != replayFresh {
		t.Errorf("after the entries ran out: %v", v)
	}
	if n := len(rc.seen["c"]); n != 1 {
		t.Errorf("%d entries after the sweep", n)
	}
	// The client sees 503 with a time to wait, and no token.
	w := newWorld(t, nil)
	for i := range maxReplay {
		w.replay.check("client-a", strconv.Itoa(i), w.now, w.now.Add(time.Hour), true)
	}
	if a := w.try(); a.String() != "503 temporarily_unavailable" || a.header.Get("Retry-After") != "60" {
		t.Errorf("%v %v", a, a.header)
	}
}

func TestTokenStoreIsBounded(t *testing.T) {
	ts := newTokenStore()
	for i := range maxTokens + 10 {
		ts.add(tokenPrefix+strconv.Itoa(i)+strings.Repeat("x", 20), Grant{Expires: clockStart.Add(time.Hour)}, clockStart)
	}
	if n := ts.order.Len(); n != maxTokens || len(ts.byHash) != n || len(ts.byStart) > n {
		t.Errorf("%d tokens, %d and %d in the maps", n, len(ts.byHash), len(ts.byStart))
	}
	ts.add("late", Grant{Expires: clockStart.Add(3 * time.Hour)}, clockStart.Add(time.Hour+keepDead))
	if n := ts.order.Len(); n != 1 {
		t.Errorf("%d tokens after all others died", n)
	}
}

type brokenRand struct{}

func (brokenRand) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestRandomFailure(t *testing.T) {
	w := newWorld(t, nil)
	w.cfg.Rand = brokenRand{}
	if a := w.try(); a.String() != "500 server_error" || a.token() != "" {
		t.Errorf("%v", a)
	}
}

func TestIssueToken(t *testing.T) {
	w := newWorld(t, nil)
	token, err := w.IssueToken("client-a", "system/Patient.rs", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	g, refusal := w.Authenticate(resourceRequest(fhirBase, "Bearer "+token))
	if refusal != nil || g.ClientID != "client-a" || !g.MayRead("Patient") || g.MayRead("Observation") || !g.Expires.Equal(clockStart.Add(time.Minute)) {
		t.Errorf("%+v %+v", g, refusal)
	}
	for _, tc := range []struct {
		client, scope string
		lifetime      time.Duration
		want          string
	}{
		{"nobody", "system/*.rs", time.Minute, "not registered"},
		{"client-a", "foo", time.Minute, "nothing in scope"},
		{"client-a", "system/*.rs", time.Millisecond, "too short"},
	} {
		if _, err := w.IssueToken(tc.client, tc.scope, tc.lifetime); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc, err)
		}
	}
}

func TestServerTokenAsAssertion(t *testing.T) {
	for _, jwtTokens := range []bool{false, true} {
		w := newWorld(t, &Behaviour{JWTTokens: jwtTokens})
		token := w.mustToken(t)
		if a := w.try(f("client_assertion", token)); a.String() != client {
			t.Errorf("JWT %v: %v", jwtTokens, a)
		}
		w.b = &Behaviour{JWTTokens: jwtTokens, AcceptServerToken: true}
		if a := w.try(f("client_assertion", token)); a.String() != ok {
			t.Errorf("AcceptServerToken, JWT %v: %v", jwtTokens, a)
		}
	}
}

func TestRevokeOlderTokens(t *testing.T) {
	w := newWorld(t, &Behaviour{RevokeOlderTokens: true})
	first := w.mustToken(t)
	second := w.mustToken(t)
	if _, f := w.Authenticate(resourceRequest(fhirBase, "Bearer "+first)); f == nil {
		t.Error("the older token still works")
	}
	if _, f := w.Authenticate(resourceRequest(fhirBase, "Bearer "+second)); f != nil {
		t.Errorf("the newer token is refused: %v", f)
	}
}
