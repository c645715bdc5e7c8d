package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/bulkproof/bulkproof/"

// layer returns the layer of one of our packages. A package may import its own layer and those in mayUse.
func layer(pkg string) string {
	p := strings.TrimPrefix(pkg, module)
	switch {
	case strings.HasPrefix(p, "fixtures"):
		return "fixtures"
	case strings.HasPrefix(p, "reference-server"):
		return "reference-server"
	case strings.HasPrefix(p, "checks/spec"):
		return "spec"
	case strings.HasPrefix(p, "checks/resource"), strings.HasPrefix(p, "checks/ndjson"):
		return "engine"
	case strings.HasPrefix(p, "checks/session"):
		return "session"
	case strings.HasPrefix(p, "checks/learn"):
		return "learn"
	case p == "checks":
		return "checks"
	case p == "checks/all":
		return "all"
	case strings.HasPrefix(p, "checks/"):
		return "area"
	case p == "suites/selftest":
		return "selftest"
	case strings.HasPrefix(p, "suites"):
		return "suites"
	case strings.HasPrefix(p, "reporters"):
		return "reporters"
	case strings.HasPrefix(p, "cmd"):
		return "cmd"
	}
	return "unknown"
}

// mayUse is the one direction in which dependencies point.
var mayUse = map[string][]string{
	"fixtures":         {},
	"reference-server": {"fixtures"},
	"spec":             {"fixtures"},
	"engine":           {"fixtures"},
	"session":          {"fixtures", "spec", "engine"},
	"learn":            {"fixtures", "spec", "engine", "session"},
	"checks":           {"fixtures", "spec", "engine", "session", "learn"},
	"area":             {"fixtures", "spec", "engine", "session", "learn", "checks"},
	"all":              {"fixtures", "spec", "engine", "session", "learn", "checks", "area"},
	"suites":           {"fixtures", "spec", "engine", "session", "learn", "checks", "area", "all"},
	"reporters":        {"fixtures", "spec", "engine", "session", "learn", "checks", "area", "all"},
	"selftest":         {"fixtures", "spec", "engine", "session", "learn", "checks", "area", "all", "reference-server"},
	"cmd":              {"fixtures", "spec", "engine", "session", "learn", "checks", "area", "all", "suites", "selftest", "reporters", "reference-server"},
}

func TestDependenciesPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		from := layer(p.ImportPath)
		if from == "unknown" {
			t.Errorf("%s belongs to no layer; give it one here and in the architecture", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "github.com/onsi/ginkgo") && from != "suites" {
				t.Errorf("%s imports Ginkgo; only package suites may", p.ImportPath)
			}
			if !strings.HasPrefix(imp, module) {
				continue
			}
			to := layer(imp)
			allowed := to == from
			for _, l := range mayUse[from] {
				allowed = allowed || l == to
			}
			if !allowed {
				t.Errorf("%s (%s) imports %s (%s): dependencies point the other way", p.ImportPath, from, imp, to)
			}
		}
	}
	if seen < 15 {
		t.Fatalf("go list named %d packages; the test looks at the wrong tree", seen)
	}
}

// Reporters never see a session: only package build, which makes the report, does.
func TestOnlyBuildSeesTheSession(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", module+"reporters", module+"reporters/console", module+"reporters/html", module+"reporters/junit", module+"reporters/jsonreport").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, p := range strings.Fields(string(out)) {
		if strings.HasPrefix(p, module+"checks") {
			t.Errorf("a report writer depends on %s", p)
		}
	}
}
