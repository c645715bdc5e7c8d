package authz

import (
	"crypto"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func readKeys(t *testing.T, data []byte) jose.JSONWebKeySet {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// TestKeysWork: both the published and freshly made key pairs authenticate a client, with both algorithms.
func TestKeysWork(t *testing.T) {
	fresh, freshPublic, err := GenerateKeys("demo", 2048)
	if err != nil {
		t.Fatal(err)
	}
	fixed, fixedPublic := PublicTestKeys()
	for name, pair := range map[string][2][]byte{"fresh": {fresh, freshPublic}, "published": {fixed, fixedPublic}} {
		if strings.Contains(string(pair[1]), `"d"`) {
			t.Errorf("%s: the public set holds a private key", name)
		}
		w := newWorld(t, nil)
		if err := w.Register(Client{ID: "client-a", JWKS: pair[1], Scopes: []string{"system/*.rs"}}); err != nil {
			t.Fatal(name, err)
		}
		set := readKeys(t, pair[0])
		if len(set.Keys) != 2 || set.Keys[0].Algorithm != "RS384" || set.Keys[1].Algorithm != "ES384" {
			t.Fatalf("%s: %d keys", name, len(set.Keys))
		}
		for _, k := range set.Keys {
			if a := w.try(as("client-a", k.KeyID, k.Algorithm, k.Key.(crypto.Signer))); a.String() != ok {
				t.Errorf("%s %s: %v %s", name, k.Algorithm, a, a.body)
			}
			if name == "published" && !strings.Contains(k.KeyID, "DO-NOT-TRUST") {
				t.Errorf("kid %s does not say what the key is", k.KeyID)
			}
		}
	}
	again, _, err := GenerateKeys("demo", 2048)
	if err != nil || string(again) == string(fresh) {
		t.Errorf("keys are not fresh: %v", err)
	}
	if _, _, err := GenerateKeys("demo", 1024); err == nil {
		t.Error("an RSA key of 1024 bits is made")
	}
}
