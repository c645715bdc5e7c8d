package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const envPrefix = "BULKPROOF_"

// settle fills in what the command line left open: from the environment (BULKPROOF_EXPORT_TIMEOUT for --export-timeout),
// then from the YAML file named by --config, whose keys are the option names. It returns all problems together.
func settle(fs *pflag.FlagSet, file string, lookup func(string) (string, bool)) error {
	var errs []error
	values := map[string]yaml.Node{}
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("the configuration file cannot be read: %w", err)
		}
		if err := yaml.Unmarshal(b, &values); err != nil {
			return fmt.Errorf("the configuration file %s is not a YAML mapping of option names to values: %s", file, oneLine(err))
		}
	}
	known := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) {
		known[f.Name] = true
		if f.Changed || f.Name == "config" || f.Name == "help" {
			return
		}
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := lookup(name); ok {
			if err := fs.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("the environment variable %s does not fit --%s: %s", name, f.Name, oneLine(err)))
			}
			return
		}
		node, ok := values[f.Name]
		if !ok {
			return
		}
		items := []string{node.Value}
		switch node.Kind {
		case yaml.SequenceNode:
			items = nil
			for _, n := range node.Content {
				items = append(items, n.Value)
			}
		case yaml.ScalarNode:
		default:
			errs = append(errs, fmt.Errorf("%s:%d: %s is neither a value nor a list of values", file, node.Line, f.Name))
			return
		}
		for _, v := range items {
			if err := fs.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %s: %s", file, node.Line, f.Name, oneLine(err)))
			}
		}
	})
	var names []string
	for n := range known {
		names = append(names, n)
	}
	var unknown []string
	for k := range values {
		if !known[k] || k == "config" {
			unknown = append(unknown, k)
		}
	}
	sort.Strings(unknown)
	for _, k := range unknown {
		errs = append(errs, fmt.Errorf("%s:%d: there is no option %q%s", file, values[k].Line, k, nearest(k, names)))
	}
	return errors.Join(errs...)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
