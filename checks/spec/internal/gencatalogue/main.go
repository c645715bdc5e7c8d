// Gencatalogue writes the embedded JSON form of the requirement catalogue from its YAML source. Run it with
// "go generate" in checks/spec after every edit of catalogue/*.yaml.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/checks/spec/internal/yamlsource"
)

func main() {
	dir := flag.String("dir", "catalogue", "folder with the YAML source, also written to")
	flag.Parse()
	if err := generate(*dir); err != nil {
		fmt.Fprintf(os.Stderr, "gencatalogue: nothing written:\n%v\n", err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	files, err := encode(dir)
	if err != nil {
		return err
	}
	stale, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, name := range stale {
		if _, ok := files[filepath.Base(name)]; !ok {
			return fmt.Errorf("%s belongs to no version of versions.yaml: delete it", name)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// encode returns the files that belong into dir, by name.
func encode(dir string) (map[string][]byte, error) {
	var all, ig []string
	for _, v := range spec.Versions() {
		ig = append(ig, string(v))
	}
	all = append(append(all, ig...), string(spec.SMART), string(spec.Async))
	c, err := yamlsource.Read(os.DirFS(dir), all, ig)
	if err != nil {
		return nil, err
	}
	files, err := c.EncodeJSON()
	if err != nil {
		return nil, err
	}
	return files, nil
}
