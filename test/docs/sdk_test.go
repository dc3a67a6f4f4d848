//go:build clients

package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSDK runs the examples in Python and for Node.
func TestSDK(t *testing.T) {
	cache, err := filepath.Abs(root + "/.cache/clients")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for language, how := range map[string]struct {
			say, file string
			command   []string
		}{
			"python": {`print("\x1e", end="", flush=True)`, "example.py", []string{cache + "/python/bin/python", "-B"}},
			"js":     {`process.stdout.write("\x1e");`, "example.mjs", []string{"node"}},
		} {
			list, err := p.examples(language)
			if err != nil {
				t.Error(err)
				continue
			}
			if len(list) == 0 {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(p.name), ".md")+"/"+language, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.Symlink(cache+"/node/node_modules", filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
				serve(t).try(t, p, list, how.say, filepath.Join(dir, how.file), how.command...)
			})
		}
	}
}
