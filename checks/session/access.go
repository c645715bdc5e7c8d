package session

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Access is how the suite gets in apart from a static token and from signed assertions, and how far it may go there.
// Checks that need SMART Backend Services are skipped where another way is used.
type Access struct {
	// ClientSecret, with ClientID and in place of Keys, gets tokens by client_credentials with a secret; SecretInForm sends
	// it as client_secret_post, otherwise it is client_secret_basic (RFC 6749 section 2.3.1).
	ClientSecret string
	SecretInForm bool
	// TokenCommand is run by the system's shell and prints an access token to its standard output. It is run again when the
	// token is four minutes old or was refused.
	TokenCommand string
	// ClientCertificate is shown to servers that ask for one (mutual TLS).
	ClientCertificate *tls.Certificate
	// CAPEM holds certificates to trust besides the system's, like CAFile.
	CAPEM []byte

	// Second is another client registered with the same server, for checks that need two.
	Second *OtherClient
	// Hosted is the JWKS of the client that registered its URL: nil, or one made with HostKeys. HostedSecond says that it is
	// that of Second; otherwise it is the first client's.
	Hosted       *KeyHost
	HostedSecond bool
	// ForbiddenScope is a scope that the client (Second, if there is one) is not pre-authorised for and asks for to see
	// that it is not granted. "" = not tried.
	ForbiddenScope string

	// AllowSlow permits checks that wait for minutes, AllowHeavy requests that are costly for the server or come at once.
	AllowSlow, AllowHeavy bool
}

// OtherClient is a second registered client.
type OtherClient struct {
	ID    string
	Keys  []Key
	Scope string // default: that of the first client
}

func (a *Access) setDefaults(scope string) {
	if a.Second != nil && a.Second.Scope == "" {
		second := *a.Second
		second.Scope = scope
		a.Second = &second
	}
}

// check returns everything that is wrong with the ways in.
func (c *Config) checkAccess() []error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Token != "" && c.ClientID != "" {
		bad("both a static token and a client id are given; choose one way of authorization")
	}
	if c.TokenCommand != "" && (c.Token != "" || c.ClientID != "") {
		bad("a token command is given beside a static token or a client id; choose one way of authorization")
	}
	if c.ClientID != "" && len(c.Keys) == 0 && c.ClientSecret == "" {
		bad("a client id is given but no private key and no client secret; name the key file that belongs to the registered client")
	}
	if c.ClientID == "" && len(c.Keys) > 0 {
		bad("a private key is given but no client id; name the id under which the client is registered")
	}
	if c.ClientID == "" && c.ClientSecret != "" {
		bad("a client secret is given but no client id; name the id that it belongs to")
	}
	if len(c.Keys) > 0 && c.ClientSecret != "" {
		bad("both a private key and a client secret are given; choose one of them")
	}
	if s := c.Second; s != nil {
		switch {
		case s.ID == "" || len(s.Keys) == 0:
			bad("the second client needs both an id and a private key")
		case s.ID == c.ClientID:
			bad("the second client has the id of the first; register another one")
		}
		if len(c.Keys) == 0 {
			bad("a second client is given, and the first has no private key; both authenticate with signed assertions")
		}
	}
	if c.Hosted != nil && c.HostedSecond && c.Second == nil {
		bad("the hosted JWKS is said to be the second client's, and there is no second client")
	}
	if c.Hosted != nil && len(c.Keys) == 0 {
		bad("a JWKS is hosted, and there is no client with a private key that it could belong to")
	}
	return errs
}

// BackendServices reports whether the session authenticates with signed assertions.
func (c Config) BackendServices() bool { return c.ClientID != "" && len(c.Keys) > 0 }

// Authorized reports whether the session has any kind of access token.
func (c Config) Authorized() bool { return c.ClientID != "" || c.Token != "" || c.TokenCommand != "" }

// commandLife is how old a token of the token command may become. SMART wants tokens to live for five minutes.
const commandLife = 4 * time.Minute

// runTokenCommand returns what the token command prints. Its errors never hold its output.
func (s *Session) runTokenCommand(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	shell, flag := "/bin/sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, s.cfg.TokenCommand)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &limitedBuffer{&out, 64 << 10}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the token command failed (%w); run it by hand to see why", err)
	}
	token := strings.TrimSpace(out.String())
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", errors.New("the token command printed no token: one word on standard output is expected, without the scheme Bearer")
	}
	return token, nil
}

// limitedBuffer keeps the first bytes and counts the rest as written.
type limitedBuffer struct {
	b    *bytes.Buffer
	left int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.b.Write(p[:n])
	return len(p), nil
}

// secretForm returns the form and the Authorization header of a token request with a client secret.
func (s *Session) secretForm() (url.Values, string) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {s.cfg.Scope}}
	if s.cfg.SecretInForm {
		form.Set("client_id", s.cfg.ClientID)
		form.Set("client_secret", s.cfg.ClientSecret)
		return form, ""
	}
	return form, basic(url.QueryEscape(s.cfg.ClientID), url.QueryEscape(s.cfg.ClientSecret))
}
