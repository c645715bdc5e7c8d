package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/spf13/pflag"
)

// targetOptions are the options that say which server to test and how to get in.
type targetOptions struct {
	server, ig, group             string
	token, clientID, keyFile, kid string
	tokenURL, scope               string
	headers, trust                []string
	caFile                        string
	insecure                      bool
	exportTimeout, requestTimeout time.Duration
	fileTimeout, pollInterval     time.Duration
	parallel, parallelJobs        int
	maxFile                       int64
	maxLine                       int
	excerpts                      bool
	keepFiles                     string
	accessOptions
}

func (o *targetOptions) flags(fs *pflag.FlagSet) {
	fs.StringVarP(&o.server, "server", "s", "", "FHIR base URL of the server under test")
	fs.StringVar(&o.ig, "ig", string(spec.V300), "version of the Bulk Data IG to test against: 1.0.1, 2.0.0, 3.0.0 or 4.0.0-ballot")
	fs.StringVar(&o.group, "group", "", "id of a Group to export (default: the first that a search returns)")
	fs.StringVar(&o.clientID, "client-id", "", "client id registered for SMART Backend Services")
	fs.StringVar(&o.keyFile, "key", "", "file with the client's private key or keys: JWK, JWKS or PEM")
	fs.StringVar(&o.kid, "kid", "", "kid of the key to use (needed with PEM)")
	fs.StringVar(&o.tokenURL, "token-url", "", "token endpoint (default: from smart-configuration)")
	fs.StringVar(&o.scope, "scope", "", `scopes to ask for (default "system/*.rs", under 1.0.1 "system/*.read")`)
	fs.StringVar(&o.token, "token", "", "static bearer token, instead of client id and key; better given as BULKPROOF_TOKEN")
	fs.StringArrayVarP(&o.headers, "header", "H", nil, `header sent with every request to the server's origin, "Name: value" (repeatable)`)
	fs.StringArrayVar(&o.trust, "trust-origin", nil, "another origin that may receive the access token, https://host[:port] (repeatable)")
	fs.StringVar(&o.caFile, "ca-file", "", "PEM file with certificates to trust besides the system's")
	fs.BoolVar(&o.insecure, "insecure", false, "do not verify the server's certificate")
	fs.DurationVar(&o.exportTimeout, "export-timeout", 30*time.Minute, "longest wait for one export, from kick-off to manifest")
	fs.DurationVar(&o.requestTimeout, "request-timeout", time.Minute, "longest wait for one answer")
	fs.DurationVar(&o.fileTimeout, "file-timeout", 2*time.Hour, "longest download of one output file")
	fs.DurationVar(&o.pollInterval, "poll-interval", time.Second, "first wait between status requests where the server names none; grows to 30s")
	fs.IntVar(&o.parallel, "parallel-files", 4, "output files read at a time")
	fs.IntVar(&o.parallelJobs, "parallel-exports", 2, "exports in progress at a time")
	fs.Int64Var(&o.maxFile, "max-file-bytes", 64<<30, "longest output file that is read, in bytes after decompression")
	fs.IntVar(&o.maxLine, "max-line", 64<<20, "longest NDJSON line that is judged, in bytes")
	fs.BoolVar(&o.excerpts, "excerpts", false, "keep the first 4 KiB of protocol documents in the reports; may show data about patients")
	fs.StringVar(&o.keepFiles, "keep-files", "", "keep the content of all files that are read in this folder, new or empty: it is health data")
	o.accessOptions.flags(fs)
}

// config turns the options into a session's configuration. The error joins everything that is wrong.
func (o *targetOptions) config() (session.Config, error) {
	c := session.Config{BaseURL: o.server, Group: o.group, Token: o.token, ClientID: o.clientID, TokenURL: o.tokenURL, Scope: o.scope,
		CAFile: o.caFile, Insecure: o.insecure, TrustOrigins: o.trust, ExportTimeout: o.exportTimeout, RequestTimeout: o.requestTimeout,
		FileTimeout: o.fileTimeout, PollInterval: o.pollInterval, Parallel: o.parallel, ParallelJobs: o.parallelJobs, MaxFile: o.maxFile,
		MaxLine: o.maxLine, Excerpts: o.excerpts, KeepFiles: o.keepFiles, UserAgent: "bulkproof/" + toolVersion()}
	var errs []error
	v, err := spec.ParseVersion(o.ig)
	if err != nil {
		errs = append(errs, fmt.Errorf("--ig: %w", err))
	}
	c.IG = v
	if o.keyFile != "" {
		if c.Keys, err = session.LoadKeys(o.keyFile, o.kid); err != nil {
			errs = append(errs, fmt.Errorf("--key: %w", err))
			c.ClientID = "" // what is said about the key is enough
		}
	}
	c.Header = http.Header{}
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(value, "\r\n") {
			errs = append(errs, fmt.Errorf(`--header: a header is written "Name: value"`))
			continue
		}
		c.Header.Add(name, value)
	}
	if err := o.accessOptions.apply(&c); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// secretOptions are never shown in a report.
var secretOptions = []string{"token", "header", "client-secret", "token-command"}

// redactedCommandLine returns the arguments as they may stand in a report.
func redactedCommandLine(args []string) []string {
	out := []string{"bulkproof"}
	hide := false
	for _, a := range args {
		if hide {
			out, hide = append(out, session.Redacted), false
			continue
		}
		if a == "-H" {
			hide = true
		} else if strings.HasPrefix(a, "-H") && !strings.HasPrefix(a, "--") {
			a = "-H" + session.Redacted
		}
		for _, s := range secretOptions {
			if a == "--"+s {
				hide = true
			} else if strings.HasPrefix(a, "--"+s+"=") {
				a = "--" + s + "=" + session.Redacted
			}
		}
		if name, value, ok := strings.Cut(a, "="); ok && strings.HasPrefix(value, "http") {
			a = name + "=" + session.RedactURL(value)
		} else if strings.HasPrefix(a, "http:") || strings.HasPrefix(a, "https:") {
			a = session.RedactURL(a)
		}
		out = append(out, a)
	}
	return out
}
