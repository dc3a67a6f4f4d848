package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAuditActions compares the table of docs/audit.md with the actions that there are.
func TestAuditActions(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "internal/audit/audit.go"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`Action = "([a-z._]+)"`).FindAllStringSubmatch(string(source), -1) {
		there[m[1]] = true
		if !strings.Contains(string(page), "\n| `"+m[1]+"` |") {
			t.Errorf("docs/audit.md lacks %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z._]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		if !there[m[1]] {
			t.Errorf("docs/audit.md has %s, which is no action", m[1])
		}
	}
	if len(there) < 10 {
		t.Errorf("there are %d actions", len(there))
	}
}
