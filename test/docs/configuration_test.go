package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/lab"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/route"
)

// TestConfigurations checks what the pages show in yaml: of dragoman.yaml, prompt templates, and eval sets of assistants.
func TestConfigurations(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse("README.md", string(readme))
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string) (string, bool) {
		if strings.HasSuffix(name, "_KEY") {
			return "x", true
		}
		return "", false
	}
	n := 0
	for _, p := range append(pages(t), p) {
		for _, b := range p.blocks {
			if b.language != "yaml" || strings.HasPrefix(b.text, "# prometheus.yml") {
				continue
			}
			n++
			switch {
			case strings.HasPrefix(b.text, "id:"):
				if _, err := prompt.Parse(b.text); err != nil {
					t.Errorf("%s:%d: %v", p.name, b.line, err)
				}
				continue
			case strings.HasPrefix(b.text, "questions:"):
				file := filepath.Join(t.TempDir(), "eval.yaml")
				if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := lab.LoadAssistantSet(file); err != nil {
					t.Errorf("%s:%d: %v", p.name, b.line, err)
				}
				continue
			}
			if _, err := config.Parse(p.name, []byte(b.text), config.Options{Rule: route.Check, Getenv: key}); err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
			}
		}
	}
	if n < 4 {
		t.Errorf("%d configurations are shown", n)
	}
}
