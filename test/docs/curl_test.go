package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pages are all pages of the documentation.
func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			out = append(out, readPage(t, name))
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatal("no pages", err)
	}
	return out
}

// doors are the pages of single doors.
func doors(t *testing.T) []page {
	var out []page
	for _, p := range pages(t) {
		if filepath.Dir(p.name) == "docs/doors" && filepath.Base(p.name) != "README.md" {
			out = append(out, p)
		}
	}
	if len(out) < 13 {
		t.Fatalf("%d pages of doors", len(out))
	}
	return out
}

// Each door has an example for curl and one for a vendor's SDK, and each prints something that its page shows.
func TestEachDoorHasExamples(t *testing.T) {
	for _, p := range doors(t) {
		for _, language := range []string{"sh", "python"} {
			if list, err := p.examples(language); err != nil || len(list) == 0 {
				t.Errorf("%s has %d examples in %s, %v", p.name, len(list), language, err)
			}
		}
	}
}

// TestCurl runs the examples in sh of all pages. Those in other languages are run by scripts/clients, which installs what they
// need: see sdk_test.go.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing: scripts/test installs it")
	}
	n := 0
	for _, p := range pages(t) {
		list, err := p.examples("sh")
		if err != nil {
			t.Error(err)
			continue
		}
		if n += len(list); len(list) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(p.name), ".md"), func(t *testing.T) {
			t.Parallel()
			serve(t).try(t, p, list, `printf '\036'`, filepath.Join(t.TempDir(), "example.sh"), "sh", "-eu")
		})
	}
	if n < 13 {
		t.Errorf("%d examples", n)
	}
}
