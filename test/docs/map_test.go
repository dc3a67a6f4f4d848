package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMap: docs/architecture.md names every package, and no file that is not there.
func TestMap(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	files := map[string]bool{} // "/" and the path
	n := 0
	for _, top := range []string{"cmd", "internal", "test", "assistants"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			if d.Name() == "testdata" || top == "assistants" && name != top {
				return fs.SkipDir
			}
			here, err := filepath.Glob(filepath.Join(path, "*.go"))
			for _, f := range here {
				files["/"+name+"/"+filepath.Base(f)] = true
			}
			if len(here) > 0 && !regexp.MustCompile(`\b`+regexp.QuoteMeta(d.Name())+`\b`).MatchString(page) {
				t.Errorf("docs/architecture.md does not speak of %s", name)
			}
			n++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z0-9_/]+\\.go)`").FindAllStringSubmatch(page, -1) {
		found := false
		for f := range files {
			found = found || strings.HasSuffix(f, "/"+m[1])
		}
		if !found {
			t.Errorf("docs/architecture.md names %s, which is not there", m[1])
		}
	}
	if n < 50 {
		t.Errorf("there are %d folders", n)
	}
}
