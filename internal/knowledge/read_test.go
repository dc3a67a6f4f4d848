package knowledge_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 300 {
		text.WriteString("Paragraph " + strings.Repeat("word ", 20) + string(rune('a'+i%26)) + "\n\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "long.md"), []byte("# Long\n\n"+text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	team, err := acl.New("group:legal")
	if err != nil {
		t.Fatal(err)
	}
	c, err := knowledge.Open(t.Context(), knowledge.Options{Name: "c", Root: dir, DataDir: t.TempDir(), ACL: team})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Sync(t.Context(), time.Now, nil); err != nil {
		t.Fatal(err)
	}
	whole := strings.Split("# Long\n\n"+text.String(), "\n")
	got, err := c.Read(t.Context(), acl.All(), "long.md", 101, 140)
	if err != nil || got.First != 101 || got.Last != 140 || got.Total < 598 || got.Text != strings.Join(whole[100:140], "\n") {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := c.Read(t.Context(), acl.All(), "./long.md", 10_000, 10_001); err != nil || got.Text != "" {
		t.Errorf("beyond the end: %+v, %v", got, err)
	}
	if got, err := c.Read(t.Context(), acl.Of("ann", "legal"), "long.md", 1, 1); err != nil || got.Text != "# Long" {
		t.Errorf("%+v, %v", got, err)
	}
	for who, path := range map[string]string{"sales": "long.md", "legal": "../long.mdx"} {
		if _, err := c.Read(t.Context(), acl.Of("bob", who), path, 1, 1); !errors.Is(err, knowledge.ErrNoDocument) {
			t.Errorf("%s reads %s: %v", who, path, err)
		}
	}
}
