// Package session is everything between a check and the wire: the target's address and what it says of
// itself, a recording and redacting HTTP client with bounds on all a hostile target controls, access tokens,
// and exports that are started once per scenario, shared by all checks, and deleted at the end.
//
// Nothing here judges. A session reports what it saw; checks compare that with requirements.
package session
