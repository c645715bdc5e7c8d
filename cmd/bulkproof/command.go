package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/spf13/pflag"
)

// env is where a command reads and writes.
type env struct {
	in       io.Reader
	out, err io.Writer
}

// command is one subcommand.
type command struct {
	name, args, short string
	run               func(ctx context.Context, e env, args []string) int
}

func commands() []command {
	return []command{
		{"run", "--server URL | --reference", "test a server and write reports", runCommand},
		{"serve", "", "serve the reference server, conformant or broken on purpose", serveCommand},
		{"selftest", "", "show that every check fires when it must and stays silent when it should", selftestCommand},
		{"list", "requirements|checks|faults|profiles", "list what the suite knows", listCommand},
		{"explain", "ID", "explain a check, a requirement, a fault, a profile or a scenario", explainCommand},
		{"validate", "PATH|URL|-", "judge NDJSON files offline", validateCommand},
		{"keys", "generate|show", "make and show client keys", keysCommand},
		{"report", "verify|diff", "verify a report, compare two", reportCommand},
		{"version", "", "print version, catalogue digest and IG versions", versionCommand},
	}
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	e := env{in, out, errw}
	if len(args) == 0 {
		usage(e.err)
		return checks.ExitUsage
	}
	switch args[0] {
	case "help", "-h", "--help":
		usage(e.out)
		return checks.ExitConformant
	case "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, e, args[1:])
		}
	}
	fmt.Fprintf(e.err, "bulkproof: there is no command %q%s; `bulkproof help` lists them\n", args[0], nearest(args[0], names()))
	return checks.ExitUsage
}

func names() []string {
	var out []string
	for _, c := range commands() {
		out = append(out, c.name)
	}
	return out
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Bulkproof: conformance tests for FHIR Bulk Data servers.\n\nUsage: bulkproof COMMAND [options]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, "\n`bulkproof COMMAND --help` describes a command's options. Exit codes: 0 conformant, 1 a requirement is violated,\n"+
		"2 usage or configuration error, 3 could not be judged or was interrupted, 4 nothing was selected.\n")
}

// errHelp is returned by parse after help was printed.
var errHelp = errors.New("help")

// parse parses a command's flags. On a usage error it says what is wrong and returns that error.
func parse(e env, fs *pflag.FlagSet, about string, args []string) error {
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	err := fs.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(e.out, "Usage: bulkproof %s\n\n%s", about, fs.FlagUsages())
		return errHelp
	}
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof %s: %v; see `bulkproof %s --help`\n", fs.Name(), err, fs.Name())
	}
	return err
}

func exitOf(err error) int {
	if errors.Is(err, errHelp) {
		return checks.ExitConformant
	}
	return checks.ExitUsage
}

// problems prints a command's configuration errors, all of them, and returns the exit code for usage.
func problems(e env, command string, err error) int {
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		fmt.Fprintf(e.err, "bulkproof %s: %s\n", command, lines[0])
		return checks.ExitUsage
	}
	fmt.Fprintf(e.err, "bulkproof %s: %d things are wrong:\n", command, len(lines))
	for _, l := range lines {
		fmt.Fprintf(e.err, "  - %s\n", l)
	}
	return checks.ExitUsage
}

// nearest returns `; did you mean "x"?` for the known word closest to the unknown one, or "".
func nearest(word string, known []string) string {
	best, distance := "", 1+len(word)/3
	sort.Strings(known)
	for _, k := range known {
		if d := edits(word, k); d <= distance && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}
