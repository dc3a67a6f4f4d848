package knowledge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// poisoned are documents that would cost much if nothing bounded them, by their names.
func poisoned() map[string]string {
	deep := strings.Repeat("<div>", 200_000)
	return map[string]string{
		"line.txt":      strings.Repeat("otters swim ", 10<<20/12), // one line of 10 MB
		"word.txt":      strings.Repeat("a", 7<<20),                // one word of 7 MB
		"line.go":       "package x\nvar x = `" + strings.Repeat("swim ", 1<<20) + "`\n",
		"deep.json":     strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19),
		"deep.html":     deep + "badgers" + strings.Repeat("</div>", 200_000),
		"deep.go":       "package x\nvar x = " + strings.Repeat("(", 1<<19) + "1" + strings.Repeat(")", 1<<19),
		"headings.md":   strings.Repeat("# Heading\n", 200_000),
		"list.md":       strings.Repeat("> ", 100_000) + "x\n",
		"script.html":   "<p>herons</p><script>document.write('cormorants')</script><style>.pelicans{}</style>",
		"empty.md":      strings.Repeat("\n", 7<<20),
		"definition.py": strings.Repeat("def f():\n", 200_000),
	}
}

// TestPoison: documents that are made to cost much are taken in or left out by themselves, from a folder and from a source, and what lies beside
// them is found.
func TestPoison(t *testing.T) {
	root := t.TempDir()
	s := shelfOf(page("good", "storks fly"))
	for name, text := range poisoned() {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.docs[name] = connector.Document{ID: name, Path: name, Type: "file", Body: []byte(text), Version: "1"}
	}
	if err := os.WriteFile(filepath.Join(root, "good.md"), []byte("storks fly\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := Open(t.Context(), Options{Name: "files", Root: root, DataDir: t.TempDir(), Extract: &extract.Options{}})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if r, err := files.Sync(t.Context(), time.Now, nil); err != nil || r.Added == 0 {
		t.Fatalf("%+v %v", r, err)
	}
	pulled := folder(t, nil)
	if r, err := pulled.Pull(t.Context(), s, extract.Options{}, time.Now, nil); err != nil || r.Added != len(s.docs) {
		t.Fatalf("%+v %v", r, err)
	}
	for _, c := range []*Collection{files, pulled} {
		if got := found(t, c, acl.All(), "storks", 5); len(got) != 1 || !strings.Contains(got[0], "good") {
			t.Errorf("%s: %v", c.Name, got)
		}
		st, err := c.Stats(t.Context())
		if err != nil || st.Chunks > 5*maxPassages {
			t.Errorf("%s: %+v %v", c.Name, st, err)
		}
		list, _, err := c.List(t.Context(), Listing{Who: acl.All(), Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			passages, err := c.Passages(t.Context(), acl.All(), d.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range passages {
				if len(p.Text) > 64<<10 {
					t.Errorf("%s: a passage of %s has %d bytes", c.Name, d.Path, len(p.Text))
					break
				}
			}
		}
	}
	for _, script := range []string{"cormorants", "pelicans"} {
		if got := found(t, pulled, acl.All(), script, 5); len(got) > 0 {
			t.Errorf("what a page would run is found: %v", got)
		}
	}
}

// TestConvertedFiles: PDF and office files of a folder are searched, by page; one that cannot be read is told of, once and again.
func TestConvertedFiles(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"leave.pdf", "secret.pdf", "onboarding.docx"} {
		data, err := os.ReadFile(filepath.Join("extract", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: t.TempDir(), Extract: &extract.Options{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now := func() time.Time { return time.Now().Add(time.Hour) } // the files are old enough for their times to be trusted
	for run := range 2 {
		r, err := c.Sync(t.Context(), now, nil)
		if err != nil || len(r.Skipped) != 1 || r.Skipped[0].Path != "secret.pdf" || r.Skipped[0].Reason != Unfit || !strings.Contains(r.Skipped[0].Detail, "encrypted") {
			t.Fatalf("run %d: %+v %v", run, r, err)
		}
		if want := []int{3, 0}[run]; r.Added != want {
			t.Errorf("run %d: %+v", run, r)
		}
	}
	res, err := c.Search(t.Context(), Query{Text: "how many days of leave", Who: acl.All()})
	if err != nil || len(res.Passages) == 0 || res.Passages[0].Path != "leave.pdf" || res.Passages[0].Page != 1 {
		t.Errorf("%s %v", fmt.Sprint(res), err)
	}
	// Where nobody makes text of them, they are left out as binary.
	plain, err := Open(t.Context(), Options{Name: "y", Root: root, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if r, err := plain.Sync(t.Context(), now, nil); err != nil || r.Added != 0 {
		t.Errorf("%+v %v", r, err)
	}
}
