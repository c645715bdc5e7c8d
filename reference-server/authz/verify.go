package authz

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// verifier judges one client assertion. Its steps stand in the order of RFC 7523 §3 and of the key algorithm in
// client-confidential-asymmetric.html#signature-verification, except that cheap rules come before the signature.
type verifier struct {
	s        *Server
	b        *Behaviour
	r        *http.Request
	a        *Assertion
	reg      *registration
	clientID string // form parameter, may be empty
	now      time.Time
	leeway   time.Duration
}

// bad is the refusal for a broken rule, or nil when the Behaviour lets it pass.
func (v *verifier) bad(reason Reason, accept bool, format string, args ...any) *tokenError {
	if accept || v.b.Forgive != nil && v.a != nil && v.b.Forgive(reason, v.a) {
		return nil
	}
	return &tokenError{reason: reason, status: http.StatusBadRequest, code: "invalid_client",
		description: "Client authentication failed: " + fmt.Sprintf(format, args...)}
}

// crash drops the connection like a process that dies does: the client sees no answer.
func crash() { panic(http.ErrAbortHandler) }

// verify runs all steps; on success v.reg is the authenticated client.
func (v *verifier) verify(text string) *tokenError {
	a, err := decodeAssertion(v.b, text)
	if err != nil {
		if v.b.CrashOnGarbage && garbage(text) {
			crash()
		}
		if v.b.AcceptGarbage && garbage(text) && v.anyClient() {
			v.a = &Assertion{text: text, ClientID: v.reg.ID}
			return nil
		}
		return v.bad(ReasonMalformed, false, "the assertion %v.", err)
	}
	v.a = a
	for _, step := range []func() *tokenError{v.algorithm, v.headers, v.client, v.signature, v.audience, v.times, v.nonce} {
		if e := step(); e != nil {
			return e
		}
	}
	return nil
}

// anyClient picks a client for an assertion that names none.
func (v *verifier) anyClient() bool {
	v.reg = v.s.client(v.clientID)
	if all := v.s.registrations(); v.reg == nil && len(all) > 0 {
		v.reg = all[0]
	}
	return v.reg != nil
}

// algorithm admits the announced algorithms only (RFC 7515 §4.1.1: alg is case-sensitive).
func (v *verifier) algorithm() *tokenError {
	raw, ok := v.a.header.get("alg")
	if alg, isText := text(raw); !ok || !isText {
		return v.bad(ReasonAlgMissing, false, "alg is missing or no string.")
	} else if alg == "" || strings.EqualFold(alg, "none") {
		return v.bad(ReasonAlgNone, v.b.AcceptAlgNone, "an unsigned assertion proves nothing.")
	} else if strings.HasPrefix(strings.ToUpper(alg), "HS") {
		return v.bad(ReasonAlgHMAC, v.b.AcceptHMACWithPublicKey, "a shared secret is not registered; sign with %s.", either(v.b.announced()))
	} else if !slices.Contains(v.b.announced(), alg) || slices.Contains(v.b.RefuseAlgs, alg) {
		return v.bad(ReasonAlg, false, "this algorithm is not supported; sign with %s.", either(v.b.announced()))
	}
	return nil
}

// unsigned says that the signature step has nothing to look at, which only a defect allows.
func (v *verifier) unsigned() bool { return v.a.Alg == "" || strings.EqualFold(v.a.Alg, "none") }

func (v *verifier) headers() *tokenError {
	if _, ok := v.a.header.get("crit"); ok {
		// No extension is understood here, and a crit that names none is malformed (RFC 7515 §4.1.11).
		if e := v.bad(ReasonCrit, v.b.AcceptCrit || v.b.AcceptUnencodedPayload && v.a.unencoded(), "crit names an extension that is not supported here."); e != nil {
			return e
		}
	}
	typ, _ := v.a.header.get("typ")
	if name, ok := text(typ); !ok || !strings.EqualFold(name, "JWT") {
		if e := v.bad(ReasonTyp, v.b.LaxTyp, "typ has to be JWT."); e != nil {
			return e
		}
	}
	if kid, ok := v.a.header.get("kid"); !ok || v.a.Kid == "" && kid.Kind() == '"' {
		if e := v.bad(ReasonKidMissing, v.b.AcceptNoKid, "kid is missing."); e != nil {
			return e
		}
	} else if kid.Kind() != '"' {
		if v.b.CrashOnNonStringKid {
			crash()
		}
		if e := v.bad(ReasonKidType, v.b.AcceptNonStringKid, "kid is no string."); e != nil {
			return e
		}
	}
	if name, ok := v.a.unknownMember(); ok && v.b.RefuseUnknownMembers {
		return v.bad(ReasonUnknownMember, false, "the member %q is unknown.", name)
	}
	return nil
}

// client settles whom the assertion speaks for: iss = sub = a registered client_id.
func (v *verifier) client() *tokenError {
	iss, e := v.identity("iss", ReasonIssMissing, ReasonIssType, v.b.AcceptMissingIss)
	if e != nil {
		return e
	}
	sub, e := v.identity("sub", ReasonSubMissing, ReasonSubType, v.b.AcceptMissingSub)
	if e != nil {
		return e
	}
	if iss == "" {
		iss = sub
	}
	if sub == "" {
		sub = iss
	}
	id := iss
	if iss != sub {
		if e := v.bad(ReasonSubDiffers, v.b.AcceptSubDiffers || v.b.AcceptIssDiffers, "iss and sub differ."); e != nil {
			return e
		}
		if v.b.AcceptIssDiffers && (!v.b.AcceptSubDiffers || v.s.client(iss) == nil) {
			id = sub
		}
	}
	v.a.ClientID = id
	v.reg = v.s.client(id)
	if v.reg == nil && v.b.ClientIDIgnoreCase {
		near := func(s string) string { return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "/")) }
		for _, reg := range v.s.registrations() {
			if near(reg.ID) == near(id) {
				v.reg = reg
			}
		}
	}
	if v.reg == nil {
		if e := v.bad(ReasonClientUnknown, v.b.AcceptUnknownClient && v.ownerOfKey(), "the client is not known here."); e != nil {
			return e
		}
		if v.reg == nil && !v.ownerOfKey() {
			return v.bad(ReasonSignature, false, "no registered key verifies the assertion.")
		}
	}
	if v.clientID != "" && v.clientID != id {
		return v.bad(ReasonClientID, v.b.AcceptClientIDDiffers, "client_id and iss differ.")
	}
	return nil
}

func (v *verifier) identity(name string, missing, wrongType Reason, acceptMissing bool) (string, *tokenError) {
	raw, ok := v.a.claims.get(name)
	if !ok {
		return "", v.bad(missing, acceptMissing, "%s is missing.", name)
	}
	if id, ok := text(raw); ok && id != "" {
		return id, nil
	}
	if v.b.AcceptIssArray {
		if els, err := decodeArray(raw); err == nil && len(els) == 1 {
			if id, ok := text(els[0]); ok && id != "" {
				return id, nil
			}
		}
	}
	return "", v.bad(wrongType, false, "%s is empty or no string.", name)
}

// ownerOfKey looks for a client whose key verifies the assertion, for the defects that trust any registered key.
func (v *verifier) ownerOfKey() bool {
	for _, reg := range v.s.registrations() {
		keys, err := v.registeredKeys(reg)
		if err != nil {
			continue
		}
		for _, k := range keys.byKid(v.a.Kid, "", false) {
			if v.a.verifies(v.b, k) {
				v.reg = reg
				return true
			}
		}
	}
	return false
}

func (v *verifier) registeredKeys(reg *registration) (keySet, error) {
	if reg.JWKSURL == "" {
		return reg.keys, nil
	}
	keys, _, err := v.s.jwks.get(v.b, reg.JWKSURL, v.now)
	return keys, err
}

// signature finds the one key and verifies with it (client-confidential-asymmetric.html#signature-verification, steps 1 to 4).
func (v *verifier) signature() *tokenError {
	if v.unsigned() {
		return nil // algorithm let it pass
	}
	if k, ok := v.a.travellingKey(v.b); ok && v.a.verifies(v.b, k) {
		return nil
	}
	source, e := v.keySource()
	if e != nil {
		return e
	}
	keys, cached, err := v.keysAt(source)
	if err != nil {
		return v.bad(ReasonJWKS, false, "%v.", err)
	}
	if v.b.RefuseFetchedKeys && source != "" {
		return v.bad(ReasonJWKS, false, "keys from a JWKS URL are not trusted here.")
	}
	if v.b.OnlyFirstKey && source == "" && len(keys.keys) > 1 {
		keys.keys = keys.keys[:1]
	}
	candidates, e := v.candidates(keys)
	if e != nil && e.reason == ReasonKidUnknown && cached {
		// The client may have rotated its keys (§ registering, technique 1): look once more.
		if fresh, ok := v.s.jwks.again(v.b, source, v.now); ok {
			keys = fresh
			candidates, e = v.candidates(keys)
		}
	}
	if e != nil {
		return e
	}
	if v.b.AcceptWrongKid {
		candidates = append(candidates, keys.keys...)
	}
	for _, k := range candidates {
		if strings.HasPrefix(strings.ToUpper(v.a.Alg), "HS") {
			if v.a.verifiesHMAC(k) {
				return nil
			}
			continue
		}
		if v.a.verifies(v.b, k) {
			return nil
		}
	}
	return v.bad(ReasonSignature, false, "the signature does not fit the registered key.")
}

// keySource returns the JWKS URL to read, or "" for the inline JWKS; steps 1 and 2 of the algorithm.
func (v *verifier) keySource() (string, *tokenError) {
	registered := v.reg.JWKSURL
	if v.b.RefuseJWKSURL && registered != "" || v.b.RefuseInlineJWKS && registered == "" {
		return "", v.bad(ReasonJWKS, false, "this way of registration is not supported.")
	}
	raw, ok := v.a.header.get("jku")
	if !ok || v.b.IgnoreJKU || v.b.IgnoreJKUOfJWKS && registered == "" {
		if v.b.DemandJKU && registered != "" {
			return "", v.bad(ReasonJKU, false, "jku is missing.")
		}
		return registered, nil
	}
	jku, isText := text(raw)
	if !isText {
		return registered, v.bad(ReasonJKUType, false, "jku is no string.")
	}
	if jku == registered {
		if v.b.RefuseRegisteredJKU {
			return "", v.bad(ReasonJKU, false, "jku is not supported.")
		}
		return registered, nil
	}
	if (v.b.FollowAnyJKU || v.b.FollowJKUPrefix && nearURL(jku, registered)) && v.s.mayFollow(jku) {
		return jku, nil
	}
	if v.b.FetchForeignJKU && v.s.mayFollow(jku) {
		// The answer is not used: the defect is the request.
		_, _, _ = v.s.jwks.ask(v.b, jku, v.now)
	}
	return registered, v.bad(ReasonJKU, false, "jku is not the registered JWKS URL.")
}

// mayFollow reports whether a URL that a stranger names may be fetched by the defects that do so.
func (s *Server) mayFollow(text string) bool {
	u, err := url.Parse(text)
	return s.cfg.HTTP != nil || err == nil && loopback(u.Hostname())
}

// nearURL is the kind of comparison that lets an attacker's URL pass for the registered one.
func nearURL(jku, registered string) bool {
	if registered == "" {
		return false
	}
	origin := registered
	if scheme, rest, ok := strings.Cut(registered, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		origin = scheme + "://" + host
	}
	return strings.HasPrefix(jku, registered) || strings.HasPrefix(jku, origin)
}

// keysAt returns the keys of the source; cached says that a new fetch could bring others.
func (v *verifier) keysAt(source string) (keys keySet, cached bool, err error) {
	if source == "" {
		return v.reg.keys, false, nil
	}
	keys, cached, err = v.s.jwks.get(v.b, source, v.now)
	if err == nil && v.b.RefuseOddKeys && len(keys.odd) > 0 {
		err = fmt.Errorf("the JWKS is unusable: %w", keys.odd[0])
	}
	return keys, cached, err
}

// candidates is step 3: exactly one key may have the kid and the kty, and it has to be meant for this.
func (v *verifier) candidates(keys keySet) ([]key, *tokenError) {
	alg := v.a.Alg
	kty := ktyOf(alg)
	if v.a.Kid == "" {
		return keys.keys, nil // headers let it pass
	}
	found := keys.byKid(v.a.Kid, kty, v.b.KidIgnoreCase)
	sameKid := keys.byKid(v.a.Kid, "", v.b.KidIgnoreCase)
	if len(sameKid) == 0 && v.b.AcceptAnyRegisteredKey {
		for _, reg := range v.s.registrations() {
			if others, err := v.registeredKeys(reg); err == nil {
				found = append(found, others.byKid(v.a.Kid, kty, false)...)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	switch {
	case len(sameKid) == 0:
		return keys.keys, v.bad(ReasonKidUnknown, v.b.AcceptUnknownKid, "no key of the client has this kid.")
	case len(found) == 0:
		return keys.keys, v.bad(ReasonKeyType, v.b.AcceptKeyTypeConfusion, "the key with this kid is of another type than alg needs.")
	case len(found) > 1:
		return found, v.bad(ReasonKidAmbiguous, v.b.AcceptDuplicateKid, "more than one key of the client has this kid.")
	case len(sameKid) > 1 && v.b.RefuseSharedKid:
		return found, v.bad(ReasonKidAmbiguous, false, "more than one key of the client has this kid.")
	}
	if v.b.DemandKeyAlg && found[0].alg == "" {
		return found, v.bad(ReasonKeyUse, false, "the key has no alg.")
	}
	if err := found[0].allows(alg); err != nil && kty != "" {
		return found, v.bad(ReasonKeyUse, false, "%v.", err)
	}
	return found, nil
}

func either(names []string) string { return strings.Join(names, " or ") }
