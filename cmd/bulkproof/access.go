package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/spf13/pflag"
)

// accessOptions are the other ways in, further clients, and how far the suite may go.
type accessOptions struct {
	secret, tokenCommand         string
	secretInForm                 bool
	cert, certKey                string
	secondID, secondKey          string
	secondKid, secondScope       string
	jwksListen, jwksURL          string
	jwksCert, jwksCertKey        string
	jwksSecond                   bool
	forbiddenScope               string
	allowSlow, allowHeavy        bool
	attachments                  string
	probeThrottling              bool
	knownUnsupported, knownOther string
	knownLossy                   string
	knownForbidden, knownInstant string
	knownMembers, knownResources []string
	knownDeleted                 []string
	knownDefaultTypes            []string
}

func (o *accessOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.secret, "client-secret", "", "secret of the client, instead of a key; better given as BULKPROOF_CLIENT_SECRET")
	fs.BoolVar(&o.secretInForm, "client-secret-post", false, "send the secret in the form (client_secret_post) instead of by Basic")
	fs.StringVar(&o.tokenCommand, "token-command", "", "command that prints an access token; run again when a new one is needed")
	fs.StringVar(&o.cert, "client-cert", "", "PEM file with a client certificate (mutual TLS)")
	fs.StringVar(&o.certKey, "client-cert-key", "", "PEM file with the client certificate's key")
	fs.StringVar(&o.secondID, "second-client-id", "", "another registered client, for checks that need two")
	fs.StringVar(&o.secondKey, "second-key", "", "file with the second client's private keys")
	fs.StringVar(&o.secondKid, "second-kid", "", "kid of the second client's key")
	fs.StringVar(&o.secondScope, "second-scope", "", "scopes the second client asks for (default: those of the first)")
	fs.StringVar(&o.jwksListen, "jwks-listen", "", "address at which to host the client's public JWKS during the run, host:port")
	fs.StringVar(&o.jwksURL, "jwks-url", "", "the registered URL that leads there (default: the address itself)")
	fs.StringVar(&o.jwksCert, "jwks-cert", "", "PEM file with a certificate, to host the JWKS over TLS")
	fs.StringVar(&o.jwksCertKey, "jwks-cert-key", "", "PEM file with that certificate's key")
	fs.BoolVar(&o.jwksSecond, "jwks-second", false, "the hosted JWKS is the second client's")
	fs.StringVar(&o.forbiddenScope, "forbidden-scope", "", "a scope that the client may not have, to see that it is not granted")
	fs.BoolVar(&o.allowSlow, "allow-slow", false, "permit checks that wait for minutes, such as for a token to expire")
	fs.BoolVar(&o.allowHeavy, "allow-heavy", false, "permit requests that are costly for the server")
	fs.StringVar(&o.attachments, "attachments", "sample", "attachments to fetch: sample (twenty) or all")
	fs.BoolVar(&o.probeThrottling, "probe-throttling", false, "permit one burst of status requests, to see how the server answers it")
	fs.StringVar(&o.knownUnsupported, "known-unsupported-type", "", "a resource type that the server does not export")
	fs.StringVar(&o.knownOther, "known-non-member", "", "id of a Patient that is not a member of the Group")
	fs.StringSliceVar(&o.knownMembers, "known-members", nil, "ids of Patients that are members of the Group")
	fs.StringVar(&o.knownForbidden, "known-forbidden-group", "", "id of a Group that exists and that the client must not export")
	fs.StringVar(&o.knownLossy, "known-lossy-group", "", "id of a Group whose export completes although some resources cannot be exported")
	fs.StringVar(&o.knownInstant, "known-instant", "", "an instant between two updates of the data, for _since: 2026-01-02T03:04:05Z")
	fs.StringSliceVar(&o.knownResources, "known-resources", nil, "Type/id of resources that the plain export has to hold")
	fs.StringSliceVar(&o.knownDeleted, "known-deleted-patients", nil, "ids of Patients that were deleted since 2001 and would be exported otherwise")
	fs.StringSliceVar(&o.knownDefaultTypes, "known-default-types", nil, "types that an export without _type has to hold")
}

// apply adds the options to the configuration. The host of the JWKS, if there is one, is the caller's to close.
func (o *accessOptions) apply(c *session.Config) error {
	var errs []error
	c.ClientSecret, c.SecretInForm, c.TokenCommand = o.secret, o.secretInForm, o.tokenCommand
	c.ForbiddenScope, c.AllowSlow, c.AllowHeavy, c.ProbeThrottling = o.forbiddenScope, o.allowSlow, o.allowHeavy, o.probeThrottling
	switch o.attachments {
	case "all":
		c.AllAttachments = true
	case "sample":
	default:
		errs = append(errs, fmt.Errorf("--attachments %s: choose sample or all", o.attachments))
	}
	if o.cert != "" || o.certKey != "" {
		pair, err := loadPair("client certificate", o.cert, o.certKey)
		if err != nil {
			errs = append(errs, err)
		}
		c.ClientCertificate = pair
	}
	if o.secondID != "" || o.secondKey != "" {
		second := &session.OtherClient{ID: o.secondID, Scope: o.secondScope}
		if o.secondKey != "" {
			keys, err := session.LoadKeys(o.secondKey, o.secondKid)
			if err != nil {
				errs = append(errs, fmt.Errorf("--second-key: %w", err))
			}
			second.Keys = keys
		}
		c.Second = second
	}
	c.Known = session.Known{UnsupportedType: o.knownUnsupported, NonMember: o.knownOther, Members: o.knownMembers, ForbiddenGroup: o.knownForbidden, LossyGroup: o.knownLossy,
		Expected: o.knownResources, DeletedPatients: o.knownDeleted, DefaultTypes: o.knownDefaultTypes}
	if o.knownInstant != "" {
		t, err := time.Parse(time.RFC3339, o.knownInstant)
		if err != nil {
			errs = append(errs, fmt.Errorf("--known-instant %s: an instant is written like 2026-01-02T03:04:05Z", o.knownInstant))
		}
		c.Known.Instant = t
	}
	if len(errs) == 0 && o.jwksListen != "" {
		if err := o.host(c); err != nil {
			errs = append(errs, err)
		}
	} else if o.jwksListen == "" && (o.jwksURL != "" || o.jwksCert != "" || o.jwksSecond) {
		errs = append(errs, errors.New("--jwks-url, --jwks-cert and --jwks-second need --jwks-listen"))
	}
	return errors.Join(errs...)
}

// host starts the listener for the JWKS of the client that registered its URL.
func (o *accessOptions) host(c *session.Config) error {
	keys := c.Keys
	if o.jwksSecond {
		if c.Second == nil {
			return errors.New("--jwks-second needs --second-client-id and --second-key")
		}
		keys = c.Second.Keys
	}
	var cert *tls.Certificate
	if o.jwksCert != "" || o.jwksCertKey != "" {
		var err error
		if cert, err = loadPair("certificate of the JWKS listener", o.jwksCert, o.jwksCertKey); err != nil {
			return err
		}
	}
	h, err := session.HostKeys(o.jwksListen, o.jwksURL, cert, keys)
	if err != nil {
		return fmt.Errorf("--jwks-listen: %w", err)
	}
	c.Hosted, c.HostedSecond = h, o.jwksSecond
	return nil
}

func loadPair(what, cert, key string) (*tls.Certificate, error) {
	if cert == "" || key == "" {
		return nil, fmt.Errorf("the %s needs both a certificate and a key file", what)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the %s cannot be loaded: %w", what, err)
	}
	return &pair, nil
}
