package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/spf13/pflag"
)

func serveCommand(ctx context.Context, e env, args []string) int {
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	var (
		cfg             refserver.Config
		addr, jwks, id  string
		jwksURL         string
		scopes          []string
		faults          []string
		variations      []string
		verbose, noMgmt bool
		keysDir, caFile string
		levels          []string
	)
	fs.StringVar(&addr, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	fs.StringVar(&cfg.IG, "ig", string(spec.V300), "version of the Bulk Data IG to act by: 1.0.1, 2.0.0 or 3.0.0")
	fs.IntVar(&cfg.Patients, "patients", 25, "number of synthetic patients, 5 to 1000000")
	fs.Uint64Var(&cfg.Seed, "seed", 1, "seed of the synthetic data")
	fs.BoolVar(&cfg.Auth, "auth", false, "demand SMART Backend Services tokens")
	fs.StringVar(&id, "client-id", "bulkproof", "with --auth: id of the client to register")
	fs.StringVar(&jwks, "client-jwks", "", "with --auth: file with the client's public JWKS (default: the published test keys)")
	fs.StringVar(&jwksURL, "client-jwks-url", "", "with --auth: URL of the client's public JWKS")
	fs.StringSliceVar(&scopes, "client-scopes", []string{"system/*.rs"}, "with --auth: scopes the client may have")
	fs.StringVar(&keysDir, "write-test-key", "", "with --auth and the published test keys: write the private JWKS to this file, for a client to use")
	fs.BoolVar(&cfg.TLS, "tls", false, "listen with TLS; without --cert and --cert-key a certificate is generated")
	fs.StringVar(&cfg.CertFile, "cert", "", "PEM file with the certificate")
	fs.StringVar(&cfg.KeyFile, "cert-key", "", "PEM file with the certificate's key")
	fs.StringVar(&caFile, "write-ca", "", "with --tls: write the certificate to trust to this file, for the client's --ca-file")
	fs.StringVar(&cfg.BaseURL, "base-url", "", "public FHIR base URL, for life behind a reverse proxy")
	fs.BoolVar(&cfg.AbsoluteReferences, "absolute-references", false, "write references as absolute URLs")
	fs.BoolVar(&cfg.CapabilityURLs, "capability-urls", false, "with --auth: hand out file URLs that need no token")
	fs.StringSliceVar(&levels, "levels", nil, "export levels to offer: system, patient, group (default all)")
	fs.BoolVar(&cfg.RedirectFiles, "redirect-files", false, "answer file requests with a redirect to a capability URL")
	fs.BoolVar(&cfg.FilesListener, "files-listener", false, "serve files and attachments at a second port")
	fs.BoolVar(&cfg.RehearsalGroups, "rehearsal-groups", false, "offer the Groups "+refserver.RehearseFailure+" and "+refserver.RehearseLoss+", whose exports fail or lose a type")
	fs.IntVar(&cfg.ResourcesPerFile, "resources-per-file", 0, "longest output file, in resources (default: up to four files for each type)")
	fs.DurationVar(&cfg.JobTime, "job-time", 2*time.Second, "how long an export takes")
	fs.IntVar(&cfg.RetryAfter, "retry-after", 1, "seconds to name in Retry-After")
	fs.StringArrayVar(&faults, "fault", nil, "break the server in this way (repeatable); `bulkproof list faults` names them")
	fs.StringArrayVar(&variations, "variation", nil, "be different in this legal way (repeatable); `bulkproof list variations` names them")
	fs.BoolVar(&noMgmt, "no-management", false, "leave out the management listener")
	fs.BoolVarP(&verbose, "verbose", "v", false, "print a line for each request")
	if err := parse(e, fs, "serve [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() > 0 {
		return problems(e, "serve", fmt.Errorf("%q is not an option; see `bulkproof serve --help`", fs.Arg(0)))
	}
	var errs []error
	for _, name := range faults {
		f, ok := refserver.FaultNamed(name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("there is no fault %q; `bulkproof list faults` names them", name))
		case !f.AppliesTo(cfg.IG):
			errs = append(errs, fmt.Errorf("%s is no fault under %s; see `bulkproof explain %s`", name, cfg.IG, name))
		default:
			f.Apply(&cfg.Behaviour)
		}
	}
	for _, l := range levels {
		cfg.Levels = append(cfg.Levels, refserver.Level(strings.ToLower(l)))
	}
	cfg.NoManagement = noMgmt
	if verbose {
		cfg.Log = e.err
	}
	if cfg.Auth {
		client, err := demoClient(id, jwks, jwksURL, scopes, keysDir)
		if err != nil {
			errs = append(errs, err)
		}
		cfg.Clients = []authz.Client{client}
	} else if jwks != "" || jwksURL != "" || keysDir != "" {
		errs = append(errs, errors.New("--client-jwks, --client-jwks-url and --write-test-key need --auth"))
	}
	list, err := selectVariations(variations, cfg.Auth)
	if err == nil {
		err = cfg.Vary(list...)
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return problems(e, "serve", err)
	}
	running, err := refserver.Start(cfg, addr)
	if err != nil {
		return problems(e, "serve", err)
	}
	if caFile != "" {
		if err := os.WriteFile(caFile, running.CAPEM, 0o644); err != nil {
			fmt.Fprintf(e.err, "bulkproof serve: the CA certificate cannot be written: %v\n", err)
		}
	}
	fmt.Fprintf(e.out, "FHIR base   %s\n", running.URL)
	if running.ManagementURL != "" {
		fmt.Fprintf(e.out, "management  %s\n", running.ManagementURL)
	}
	if running.CAPEM != nil && caFile != "" {
		fmt.Fprintf(e.out, "CA file     %s\n", caFile)
	}
	if cfg.Auth {
		fmt.Fprintf(e.out, "client id   %s\n", id)
	}
	for _, name := range faults {
		fmt.Fprintf(e.out, "fault       %s\n", name)
	}
	for _, name := range variations {
		fmt.Fprintf(e.out, "variation   %s\n", name)
	}
	fmt.Fprintln(e.out, "Stop with ^C.")
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := running.Close(stop); err != nil {
		fmt.Fprintf(e.err, "bulkproof serve: %v\n", err)
		return checks.ExitInconclusive
	}
	return checks.ExitConformant
}

func selectVariations(names []string, auth bool) ([]refserver.Variation, error) {
	var out []refserver.Variation
	var errs []error
	for _, n := range names {
		v, ok := refserver.VariationNamed(n)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no variation %q; `bulkproof list variations` names them", n))
			continue
		}
		if v.NeedsAuth && !auth {
			errs = append(errs, fmt.Errorf("--variation %s shows only on a server that demands tokens; add --auth", n))
			continue
		}
		if v.NeedsOpen && auth {
			errs = append(errs, fmt.Errorf("--variation %s shows only on an open server; leave out --auth", n))
			continue
		}
		out = append(out, v)
	}
	return out, errors.Join(errs...)
}

// demoClient returns the client to register: with the given public keys, or with the published test keys.
func demoClient(id, jwksFile, jwksURL string, scopes []string, writeKey string) (authz.Client, error) {
	c := authz.Client{ID: id, Scopes: scopes, JWKSURL: jwksURL}
	if jwksFile != "" && jwksURL != "" {
		return c, errors.New("--client-jwks and --client-jwks-url exclude each other")
	}
	if jwksFile != "" {
		b, err := os.ReadFile(jwksFile)
		if err != nil {
			return c, fmt.Errorf("the client's JWKS cannot be read: %w", err)
		}
		c.JWKS = b
	}
	if jwksFile != "" || jwksURL != "" {
		if writeKey != "" {
			return c, errors.New("--write-test-key writes the published test keys; leave out --client-jwks and --client-jwks-url")
		}
		return c, nil
	}
	private, public := authz.PublicTestKeys()
	c.JWKS = public
	if writeKey != "" {
		if err := os.WriteFile(writeKey, private, 0o600); err != nil {
			return c, fmt.Errorf("the test key cannot be written: %w", err)
		}
	}
	return c, nil
}
