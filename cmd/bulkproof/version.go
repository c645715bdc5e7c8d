package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters"
)

// releaseVersion is set by release builds (-ldflags -X main.releaseVersion=…).
var releaseVersion string

// toolVersion returns the release, or what the build knows of its source.
func toolVersion() string {
	if releaseVersion != "" {
		return releaseVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

func versionCommand(_ context.Context, e env, _ []string) int {
	cat, err := spec.Load()
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	fmt.Fprintf(e.out, "bulkproof %s (%s, %s/%s)\ncatalogue %s, %d requirements\nIG versions", toolVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, cat.Digest(), len(cat.All()))
	for _, v := range spec.Versions() {
		fmt.Fprintf(e.out, " %s", v)
	}
	fmt.Fprintln(e.out)
	return checks.ExitConformant
}

func environment() reporters.Environment {
	return reporters.Environment{GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}
