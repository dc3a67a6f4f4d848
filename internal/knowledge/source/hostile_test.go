//go:build unix

package source

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// TestHostileTree walks and reads a folder with everything that has stopped an indexer before.
func TestHostileTree(t *testing.T) {
	outside := plant(t, map[string]string{"passwords.md": "hunter2\n"})
	root := plant(t, map[string]string{
		"ok.go": "package ok\n", "latin1.txt": "caf\xe9 cr\xe8me\n", "utf16.txt": "\xff\xfeH\x00i\x00\n\x00", "utf16be.txt": "\xfe\xff\x00H\x00i",
		"a\nb.md": "# newline\n", "bad\xff.md": "# bytes\n", "esc\x1b[31m.md": "# colour\n", "nul.txt": "a\x00b", "closed/x.go": "package x\n", "closed.go": "package x\n",
	})
	sparse, err := os.Create(filepath.Join(root, "huge.log"))
	must(t, err)
	must(t, sparse.Truncate(2<<30))
	must(t, sparse.Close())
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe.go"), 0o644))
	link := func(target, name string) { must(t, os.Symlink(target, filepath.Join(root, name))) }
	link("nowhere.go", "broken.go")
	link("ok.go", "inside.go")
	link(".", "self")
	link("loop-b", "loop-a")
	link("loop-a", "loop-b")
	link(outside, "escape")
	link(filepath.Join(outside, "passwords.md"), "escape.md")
	must(t, os.Chmod(filepath.Join(root, "closed"), 0))
	must(t, os.Chmod(filepath.Join(root, "closed.go"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "closed"), 0o755) })
	_, denied := os.ReadDir(filepath.Join(root, "closed")) // root reads it all the same

	l := walk(t, root)
	files := []string{"a\nb.md", "bad\xff.md", "closed.go", "esc\x1b[31m.md", "latin1.txt", "nul.txt", "ok.go", "utf16.txt", "utf16be.txt"}
	skipped := map[string]Reason{"huge.log": TooLarge, "pipe.go": NotRegular, "broken.go": BrokenLink, "inside.go": Link, "self": Link,
		"loop-a": BrokenLink, "loop-b": BrokenLink, "escape": Link, "escape.md": Link}
	if denied != nil {
		skipped["closed"] = Unreadable
	} else {
		files = append(files[:3:3], append([]string{"closed/x.go"}, files[3:]...)...)
	}
	same(t, "files", paths(l), files)
	same(t, "skipped", reasons(l), skipped)
	for _, s := range l.Skipped {
		if s.Path == "huge.log" && !strings.Contains(s.Detail, "2.0 GB") {
			t.Errorf("huge.log: %q does not tell its size", s.Detail)
		}
		if strings.HasPrefix(s.Path, "escape") && !strings.Contains(s.Detail, "outside") {
			t.Errorf("%s: %q", s.Path, s.Detail)
		}
	}

	texts := map[string]string{"latin1.txt": "café crème\n", "utf16.txt": "Hi\n", "utf16be.txt": "Hi", "a\nb.md": "# newline\n", "bad\xff.md": "# bytes\n", "ok.go": "package ok\n"}
	for _, f := range l.Files {
		c, skip, err := Read(root, f)
		switch want, ok := texts[f.Path]; {
		case err != nil:
			t.Errorf("%q: %v", f.Path, err)
		case ok && (skip != nil || c.Text != want):
			t.Errorf("%q: %q, %v; want %q", f.Path, c.Text, skip, want)
		case f.Path == "nul.txt" && (skip == nil || skip.Reason != Binary):
			t.Errorf("nul.txt: %v", skip)
		case f.Path == "closed.go" && denied != nil && (skip == nil || skip.Reason != Unreadable):
			t.Errorf("closed.go: %v", skip)
		}
	}
}

// TestWhatChangesBetweenWalkAndRead replaces a file that was listed by what must not be read.
func TestWhatChangesBetweenWalkAndRead(t *testing.T) {
	outside := plant(t, map[string]string{"x.go": "secret\n"})
	cases := []struct {
		name   string
		change func(root, full string) error
		want   Reason
	}{
		{"gone", func(_, full string) error { return os.Remove(full) }, Vanished},
		{"its folder gone", func(_, full string) error { return os.RemoveAll(filepath.Dir(full)) }, Vanished},
		{"a pipe", func(_, full string) error { _ = os.Remove(full); return syscall.Mkfifo(full, 0o644) }, NotRegular},
		{"a folder", func(_, full string) error { _ = os.Remove(full); return os.Mkdir(full, 0o755) }, NotRegular},
		{"a link", func(_, full string) error {
			_ = os.Remove(full)
			return os.Symlink(filepath.Join(outside, "x.go"), full)
		}, Link},
		{"its folder a link", func(_, full string) error {
			_ = os.RemoveAll(filepath.Dir(full))
			return os.Symlink(outside, filepath.Dir(full))
		}, Unreadable},
		{"grown beyond the limit", func(_, full string) error { return os.Truncate(full, maxText+1) }, TooLarge},
		{"binary", func(_, full string) error { return os.WriteFile(full, []byte("x\x00"), 0o644) }, Binary},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := plant(t, map[string]string{"sub/x.go": "package x\n"})
			l := walk(t, root)
			same(t, "files", paths(l), []string{"sub/x.go"})
			must(t, c.change(root, filepath.Join(root, "sub", "x.go")))
			content, skip, err := Read(root, l.Files[0])
			must(t, err)
			if skip == nil {
				t.Fatalf("read %q", content.Text)
			}
			if skip.Reason != c.want || skip.Path != "sub/x.go" {
				t.Errorf("skipped %v; want %q", *skip, c.want)
			}
		})
	}
}

func TestReadOfAGrownFileIsSeenAsChangedLater(t *testing.T) {
	root := plant(t, map[string]string{"a.md": "one\n"})
	before := walk(t, root).Files[0]
	write(t, root, "a.md", "one\ntwo\n")
	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(filepath.Join(root, "a.md"), later, later))
	c, skip, err := Read(root, before)
	if err != nil || skip != nil {
		t.Fatal(skip, err)
	}
	after := walk(t, root).Files[0]
	if c.Text != "one\ntwo\n" || c.Size != after.Size || !c.ModTime.Equal(after.ModTime) || c.ModTime.Equal(before.ModTime) {
		t.Errorf("read %+v, listed as %+v then %+v", c, before, after)
	}
}

func TestSymlinkedRoot(t *testing.T) {
	real := plant(t, map[string]string{"sub/a.go": "package a\n"})
	root := filepath.Join(t.TempDir(), "alias")
	must(t, os.Symlink(real, root))
	same(t, "files", paths(walk(t, root)), []string{"sub/a.go"})
	same(t, "files named through the link", paths(walk(t, root, filepath.Join(root, "sub"))), []string{"sub/a.go"})
	if got, _, err := Root(root); err != nil || got != real {
		t.Errorf("Root = %q, %v; want %q", got, err, real)
	}
	if c, skip, err := Read(root, File{Path: "sub/a.go"}); err != nil || skip != nil || c.Text != "package a\n" {
		t.Errorf("Read = %+v, %v, %v", c, skip, err)
	}
}

func TestDisplay(t *testing.T) {
	for path, want := range map[string]string{
		"a b/ü.go": "a b/ü.go", "a\nb": `"a\nb"`, "a\x1b[31m": `"a\x1b[31m"`, "a\xff": `"a\xff"`, "a\u202egp.exe": `"a\u202egp.exe"`,
	} {
		if got := Display(path); got != want || !utf8.ValidString(got) {
			t.Errorf("Display(%q) = %s; want %s", path, got, want)
		}
	}
}
