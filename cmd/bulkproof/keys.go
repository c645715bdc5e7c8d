package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/pflag"
)

func keysCommand(_ context.Context, e env, args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "generate":
			return keysGenerate(e, args[1:])
		case "show":
			return keysShow(e, args[1:])
		case "--help", "-h":
			fmt.Fprint(e.out, "Usage: bulkproof keys generate [options]\n       bulkproof keys show FILE [options]\n")
			return checks.ExitConformant
		}
	}
	return problems(e, "keys", errors.New("say what to do: generate or show FILE"))
}

func keysGenerate(e env, args []string) int {
	fs := pflag.NewFlagSet("keys generate", pflag.ContinueOnError)
	private := fs.String("out", "bulkproof-private.jwks.json", "file for the private keys, readable by you alone")
	public := fs.String("public", "bulkproof-public.jwks.json", "file for the public keys, to be registered with the server")
	kid := fs.String("kid", "bulkproof", "beginning of the kids; algorithm and thumbprint follow")
	bits := fs.Int("rsa-bits", 3072, "length of the RSA key: 2048, 3072 or 4096")
	pemDir := fs.String("pem", "", "also write each private key as PKCS#8 PEM into this folder")
	force := fs.Bool("force", false, "overwrite existing files")
	if err := parse(e, fs, "keys generate [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() > 0 {
		return problems(e, "keys generate", fmt.Errorf("%q is not an option; see `bulkproof keys generate --help`", fs.Arg(0)))
	}
	keys, err := session.GenerateKeys(*kid, *bits)
	if err != nil {
		return problems(e, "keys generate", err)
	}
	type file struct {
		path    string
		mode    os.FileMode
		content []byte
	}
	files := []file{{*private, 0o600, jwks(keys, true)}, {*public, 0o644, jwks(keys, false)}}
	for _, k := range keys {
		if *pemDir != "" {
			der, err := x509.MarshalPKCS8PrivateKey(k.Private)
			if err != nil {
				return problems(e, "keys generate", err)
			}
			files = append(files, file{filepath.Join(*pemDir, k.ID+".pem"), 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})})
		}
	}
	var errs []error
	for _, f := range files {
		if _, err := os.Stat(f.path); err == nil && !*force {
			errs = append(errs, fmt.Errorf("%s exists; take another name or --force", f.path))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return problems(e, "keys generate", err)
	}
	for _, f := range files {
		if err := writeKeyFile(f.path, f.mode, f.content); err != nil {
			return problems(e, "keys generate", err)
		}
		fmt.Fprintf(e.out, "wrote %s\n", f.path)
	}
	printKeys(e, keys)
	return checks.ExitConformant
}

// writeKeyFile writes with the mode from the start: at no moment can others read a private key.
func writeKeyFile(path string, mode os.FileMode, content []byte) error {
	_ = os.Remove(path) // an existing file would keep its old mode
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("the key file cannot be written: %w", err)
	}
	_, err = f.Write(content)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("the key file cannot be written: %w", err)
	}
	return nil
}

func keysShow(e env, args []string) int {
	fs := pflag.NewFlagSet("keys show", pflag.ContinueOnError)
	kid := fs.String("kid", "", "only the key with this kid; the kid of a PEM key")
	asJWKS := fs.Bool("public", false, "print the public JWKS, to be registered with the server")
	if err := parse(e, fs, "keys show FILE [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() != 1 {
		return problems(e, "keys show", errors.New("name one key file"))
	}
	keys, err := session.LoadKeys(fs.Arg(0), *kid)
	if err != nil {
		return problems(e, "keys show", err)
	}
	if *asJWKS {
		_, _ = e.out.Write(jwks(keys, false))
		return checks.ExitConformant
	}
	printKeys(e, keys)
	return checks.ExitConformant
}

// printKeys prints what may be known of the keys.
func printKeys(e env, keys []session.Key) {
	for _, k := range keys {
		size := "P-384"
		if r, ok := k.Private.(*rsa.PrivateKey); ok {
			size = fmt.Sprintf("%d bits", r.N.BitLen())
		}
		print := ""
		jwk := jose.JSONWebKey{Key: k.Private.Public()}
		if sum, err := jwk.Thumbprint(crypto.SHA256); err == nil {
			print = base64.RawURLEncoding.EncodeToString(sum)
		}
		fmt.Fprintf(e.out, "kid %s  alg %s  %s  thumbprint %s\n", k.ID, k.Algorithm, size, print)
	}
}

// jwks returns the keys as a JWKS with use, alg and key_ops (RFC 7517 section 4).
func jwks(keys []session.Key, private bool) []byte {
	var out struct {
		Keys []json.RawMessage `json:"keys"`
	}
	for _, k := range keys {
		jwk := jose.JSONWebKey{Key: k.Private, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"}
		ops := []string{"sign"}
		if !private {
			jwk, ops = jwk.Public(), []string{"verify"}
		}
		b, err := jwk.MarshalJSON()
		if err != nil {
			panic(err) // a key that was generated or parsed is one that can be written
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			panic(err)
		}
		delete(m, "use") // RFC 7517 section 4.3: use and key_ops should not be used together; SMART asks for key_ops
		m["key_ops"] = ops
		b, _ = json.Marshal(m)
		out.Keys = append(out.Keys, b)
	}
	b, _ := json.MarshalIndent(out, "", "  ")
	return append(slices.Clip(b), '\n')
}
