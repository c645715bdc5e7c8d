package authz

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// audience requires the token endpoint of smart-configuration in aud (RFC 7519 §4.1.3; claim aud of the profile).
func (v *verifier) audience() *tokenError {
	own := v.s.cfg.TokenURL(v.r)
	raw, ok := v.a.claims.get("aud")
	if !ok {
		return v.bad(ReasonAudMissing, v.b.AcceptMissingAud, "aud is missing.")
	}
	var auds []string
	switch raw.Kind() {
	case '"':
		aud, _ := text(raw)
		auds = []string{aud}
	case '[':
		if v.b.CrashOnArrayAud {
			crash()
		}
		els, err := decodeArray(raw)
		if err != nil {
			return v.bad(ReasonAudType, false, "aud is broken.")
		}
		for _, el := range els {
			aud, ok := text(el)
			if !ok {
				return v.bad(ReasonAudType, v.b.AcceptAudWrongType, "aud holds something that is no string.")
			}
			auds = append(auds, aud)
		}
		if v.b.RefuseArrayAud {
			return v.bad(ReasonAudType, false, "aud has to be a string.")
		}
	default:
		return v.bad(ReasonAudType, v.b.AcceptAudWrongType, "aud is neither a string nor an array.")
	}
	if len(auds) == 0 || len(auds) == 1 && auds[0] == "" {
		return v.bad(ReasonAud, v.b.AcceptAudWrongType, "aud is empty.")
	}
	for _, aud := range auds {
		if aud == own || v.b.AcceptWrongAud ||
			v.b.AcceptAudPrefix && (strings.Contains(aud, own) || aud != "" && strings.HasPrefix(own, aud)) ||
			v.b.AcceptAudFHIRBase && v.s.cfg.FHIRBase != nil && aud == v.s.cfg.FHIRBase(v.r) {
			return nil
		}
	}
	return v.bad(ReasonAud, false, "aud is not the URL of this token endpoint.")
}

// times applies exp, nbf and the type of iat (RFC 7523 §3 (4) to (6); five minutes by the profile).
func (v *verifier) times() *tokenError {
	now := float64(v.now.UnixNano()) / 1e9
	leeway := v.leeway.Seconds()
	iat, hasIat, isNumber := numericDate(v.a.claims, "iat")
	switch {
	case hasIat && !isNumber:
		if e := v.bad(ReasonIatType, false, "iat is no number."); e != nil {
			return e
		}
	case !hasIat && v.b.DemandIat:
		return v.bad(ReasonIat, false, "iat is missing.")
	case hasIat && (v.b.RefuseFutureIat && iat > now+leeway || v.b.RefuseOldIat && iat < now-MaxAssertionLifetime.Seconds()-leeway):
		return v.bad(ReasonIat, false, "iat is in the future or long ago.")
	}
	nbf, hasNbf, isNumber := numericDate(v.a.claims, "nbf")
	switch {
	case hasNbf && !isNumber:
		if e := v.bad(ReasonNbfType, v.b.AcceptFutureNbf, "nbf is no number."); e != nil {
			return e
		}
	case !hasNbf && v.b.DemandNbf:
		return v.bad(ReasonNbf, false, "nbf is missing.")
	case hasNbf && nbf > now+leeway:
		if e := v.bad(ReasonNbf, v.b.AcceptFutureNbf, "nbf is in the future."); e != nil {
			return e
		}
	}
	return v.expiry(now, leeway, iat, hasIat)
}

func (v *verifier) expiry(now, leeway, iat float64, hasIat bool) *tokenError {
	exp, has, isNumber := numericDate(v.a.claims, "exp")
	if !has {
		if v.b.CrashOnMissingExp {
			crash()
		}
		return v.bad(ReasonExpMissing, v.b.AcceptMissingExp, "exp is missing.")
	}
	if !isNumber {
		raw, _ := v.a.claims.get("exp")
		s, _ := text(raw)
		n, err := strconv.ParseUint(s, 10, 53)
		if err != nil || !v.b.AcceptExpString {
			return v.bad(ReasonExpType, v.b.AcceptExpWrongType && err != nil, "exp is no number.")
		}
		exp = float64(n)
	}
	v.a.exp = exp
	switch {
	case exp <= 0 && v.b.AcceptExpZero:
		return nil
	case v.b.ExpRelativeToIat:
		if hasIat && (exp <= iat || exp > iat+MaxAssertionLifetime.Seconds()+leeway) {
			return v.bad(ReasonExpFar, false, "exp is not within five minutes after iat.")
		}
		return nil
	case exp <= now-leeway: // RFC 7519 §4.1.4: on or after exp it must not be accepted
		return v.bad(ReasonExpPast, v.b.AcceptExpired, "the assertion has expired; is the clock of the client right?")
	case exp > now+MaxAssertionLifetime.Seconds()+leeway:
		return v.bad(ReasonExpFar, v.b.AcceptFarExp, "exp is more than five minutes ahead; is the clock of the client right?")
	}
	return nil
}

// numericDate returns a NumericDate (RFC 7519 §2) in seconds; number is false for other types. A number beyond the range
// of a float64 is infinity, which is as far ahead or past as it says.
func numericDate(o object, name string) (seconds float64, has, number bool) {
	raw, ok := o.get(name)
	if !ok {
		return 0, false, false
	}
	if raw.Kind() != jsontext.KindNumber {
		return 0, true, false
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // the one error is the range
	return f, true, true
}

// nonce checks jti against the replay cache, last of all, so that only assertions that are right otherwise take room.
func (v *verifier) nonce() *tokenError {
	raw, ok := v.a.claims.get("jti")
	if !ok {
		return v.bad(ReasonJtiMissing, v.b.AcceptMissingJti, "jti is missing.")
	}
	jti, ok := text(raw)
	if !ok || jti == "" {
		return v.bad(ReasonJtiType, v.b.AcceptJtiWrongType, "jti is empty or no string.")
	}
	v.a.jti = jti
	return v.burn(!v.b.BurnJtiOnSuccess)
}

// burn looks the jti up and remembers it when remember is set.
func (v *verifier) burn(remember bool) *tokenError {
	if v.a.jti == "" || v.b.AcceptReplay {
		return nil
	}
	client, what := v.reg.ID, v.a.jti
	if v.b.ReplayAcrossClients {
		client = ""
	}
	if v.b.ReplayByText {
		what = v.a.text
	}
	if v.b.ReplayPerConnection {
		what = v.r.RemoteAddr + " " + what
	}
	hold := v.leeway
	if v.b.ReplayUntilExp {
		hold = 0
	}
	// Five minutes at least, which is the example of the text; a day at most, so that an exp which only a defect accepts
	// does not fill the cache for years.
	left := v.a.exp - float64(v.now.UnixNano())/1e9
	if !v.b.ReplayUntilExp {
		left = max(left, MaxAssertionLifetime.Seconds())
	}
	left = max(0, min(left, (24*time.Hour).Seconds()))
	until := v.now.Add(time.Duration(left*float64(time.Second)) + hold)
	switch v.s.replay.check(client, what, v.now, until, remember) {
	case replaySeen:
		return v.bad(ReasonReplay, false, "this jti was used before.")
	case replayFull:
		return &tokenError{reason: ReasonReplayFull, status: http.StatusServiceUnavailable, code: "temporarily_unavailable",
			description: "Too many token requests of this client within five minutes; use a token until it expires.", retryAfter: 60}
	}
	return nil
}
