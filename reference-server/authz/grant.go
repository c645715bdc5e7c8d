package authz

import "time"

// Grant is what a valid access token allows.
type Grant struct {
	// ClientID is the client to which the token was issued.
	ClientID string
	// Scopes are the granted scopes.
	Scopes Scopes
	// Expires is the end of the token's life.
	Expires time.Time

	types []string // that the server holds; for MayReadAll
}

// Unlimited returns a grant to read everything, for defects and for an open server.
func Unlimited(clientID string, expires time.Time) *Grant {
	return &Grant{ClientID: clientID, Scopes: Scopes{{Type: "*", Letters: Read | Search}}, Expires: expires}
}

// MayRead reports whether resources of the type may be read; "*" asks for all types at once. The letter r decides: which
// letters an export needs is left open (scopes-and-launch-context.html, quick start), and r is the one that hands out content.
func (g *Grant) MayRead(typ string) bool { return g.Scopes.letters(typ).Has(Read) }

// MaySearch reports whether resources of the type may be searched.
func (g *Grant) MaySearch(typ string) bool { return g.Scopes.letters(typ).Has(Search) }

// MayWrite reports whether the type may be created, updated or deleted: never with a conformant Behaviour.
func (g *Grant) MayWrite(typ string) bool {
	return g.Scopes.letters(typ)&(Create|Update|Delete) != 0
}

// MayReadAll reports whether every type may be read: by a wildcard, or by scopes for each type that the server holds.
func (g *Grant) MayReadAll() bool {
	if g.MayRead("*") {
		return true
	}
	for _, typ := range g.types {
		if !g.MayRead(typ) {
			return false
		}
	}
	return len(g.types) > 0
}

// MayReadEach returns the types of the list that may not be read, in the order given; none means all may.
func (g *Grant) MayReadEach(types []string) (forbidden []string) {
	for _, typ := range types {
		if !g.MayRead(typ) {
			forbidden = append(forbidden, typ)
		}
	}
	return forbidden
}
