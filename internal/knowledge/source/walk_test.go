package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plant writes files below a new folder; a name that ends in a slash makes a folder.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, root, name, text)
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(name))
	if strings.HasSuffix(name, "/") {
		must(t, os.MkdirAll(full, 0o755))
		return
	}
	must(t, os.MkdirAll(filepath.Dir(full), 0o755))
	must(t, os.WriteFile(full, []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func walk(t *testing.T, root string, include ...string) Listing {
	t.Helper()
	l, err := Walk(t.Context(), root, Options{Include: include})
	must(t, err)
	return l
}

func paths(l Listing) []string {
	list := []string{}
	for _, f := range l.Files {
		list = append(list, f.Path)
	}
	return list
}

func reasons(l Listing) map[string]Reason {
	m := map[string]Reason{}
	for _, s := range l.Skipped {
		m[s.Path] = s.Reason
	}
	return m
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestWalkLeavesOutWhatIsNoDocument(t *testing.T) {
	root := plant(t, map[string]string{
		"main.go": "package main\n", "docs/guide.md": "# Guide\n", "empty.txt": "",
		".git/HEAD": "ref: refs/heads/main\n", ".git/config": "",
		".env": "PASSWORD=x\n", ".env.example": "PASSWORD=\n", "prod.env": "PASSWORD=x\n", "deploy/tls.pem": "-----BEGIN\n",
		"deploy/id_rsa": "x", "deploy/id_rsa.pub": "ssh-rsa x\n", ".npmrc": "_authToken=x\n", ".ssh/config": "Host x\n", "credentials": "x", "credentials.go": "package x\n",
		"infra/prod.tfvars": "password = 1\n", "Secrets.YAML": "a: b\n", "infra/.docker/config.json": "{}",
		"go.sum": "x", "web/package-lock.json": "{}", "web/node_modules/left-pad/index.js": "x", "vendor/x/x.go": "package x\n",
		"web/app.min.js": "x", "web/app.js.map": "{}", "logo.png": "\x89PNG", "api/api.pb.go": "package api\n",
		"rust/Cargo.toml": "", "rust/target/debug/x.rs": "", "plain/target/x.txt": "not a build\n",
		"env/pyvenv.cfg": "", "env/lib/x.py": "", "big.json": strings.Repeat(" ", maxData+1),
		"sub/.git": "gitdir: ../.git/modules/sub\n", "sub/sub.go": "package sub\n",
	})
	l := walk(t, root)
	same(t, "files", paths(l), []string{".env.example", "credentials.go", "deploy/id_rsa.pub", "docs/guide.md", "empty.txt", "main.go",
		"plain/target/x.txt", "rust/Cargo.toml", "sub/sub.go"})
	same(t, "skipped", reasons(l), map[string]Reason{
		".env": Secret, "prod.env": Secret, "deploy/tls.pem": Secret, "deploy/id_rsa": Secret, ".npmrc": Secret, ".ssh": Secret, "credentials": Secret,
		"infra/prod.tfvars": Secret, "Secrets.YAML": Secret, "infra/.docker": Secret,
		"go.sum": LockFile, "web/package-lock.json": LockFile, "web/node_modules": Vendored, "vendor": Vendored,
		"web/app.min.js": Minified, "web/app.js.map": Minified, "logo.png": Binary, "api/api.pb.go": Generated,
		"rust/target": Generated, "env": Vendored, "big.json": TooLarge,
	})
	if l.Ignored != 0 {
		t.Errorf("%d ignored, but there is no ignore file", l.Ignored)
	}
}

// A server that serves the folder in which its data lies would read its own log and books for ever.
func TestWalkPassesDataFoldersBy(t *testing.T) {
	l := walk(t, plant(t, map[string]string{"a.md": "a", "data/dragoman.lock": "", "data/log.txt": "noise", "data/journal/x.txt": "noise"}))
	same(t, "files", paths(l), []string{"a.md"})
	same(t, "skipped", reasons(l), map[string]Reason{"data": Vendored})
	same(t, "folders", l.Folders, []string{""})
}

func TestWalkHonoursIgnoreFiles(t *testing.T) {
	cases := []struct {
		name    string
		files   map[string]string
		want    []string // beside the ignore files
		ignored int
	}{
		{"nested, with negation", map[string]string{
			".gitignore": "*.log\n!keep.log\n/out/\n", "a.log": "", "keep.log": "", "sub/b.log": "", "sub/keep.log": "", "out/x.go": "", "sub/out/x.go": "",
			"sub/.gitignore": "!b.log\nkeep.log\n",
		}, []string{"keep.log", "sub/b.log", "sub/out/x.go"}, 3},
		{"everything but", map[string]string{
			".gitignore": "*\n!*/\n!*.go\n!.gitignore\n", "a.go": "", "a.txt": "", "sub/b.go": "", "sub/b.txt": "",
		}, []string{"a.go", "sub/b.go"}, 2},
		{"an ignored folder is not entered", map[string]string{
			".gitignore": "tmp\n!tmp/keep.go\n", "tmp/keep.go": "",
		}, nil, 1},
		{"the exclude file of the repository", map[string]string{
			".git/HEAD": "", ".git/info/exclude": "notes.md\n", "notes.md": "", "a.go": "",
		}, []string{"a.go"}, 1},
		{".dragomanignore has the last word", map[string]string{
			".gitignore": "*.sql\nprivate.md\n", ".dragomanignore": "!schema.sql\ndrafts/\n!/vendor/\n", "schema.sql": "", "dump.sql": "", "private.md": "",
			"drafts/x.md": "", "vendor/lib/lib.go": "", "sub/vendor/lib.go": "",
		}, []string{"schema.sql", "vendor/lib/lib.go"}, 3},
		{".gitignore cannot take back what .dragomanignore rules out", map[string]string{
			".dragomanignore": "*.csv\n", "sub/.gitignore": "!a.csv\n", "sub/a.csv": "",
		}, nil, 1},
		{"secrets stay secret", map[string]string{
			".dragomanignore": "!.env\n!*.pem\n", ".env": "A=b\n", "x.pem": "",
		}, nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := walk(t, plant(t, c.files))
			got := slices.DeleteFunc(paths(l), func(p string) bool { return strings.HasSuffix(p, "ignore") })
			same(t, "files", got, append([]string{}, c.want...))
			same(t, "ignored", l.Ignored, c.ignored)
		})
	}
}

func TestWalkOfASubfolderHonoursTheFoldersAboveIt(t *testing.T) {
	root := plant(t, map[string]string{
		".git/HEAD": "", ".gitignore": "/sub/out/\n*.tmp\n", "sub/.gitignore": "local\n", "sub/out/x.go": "", "sub/deep/a.go": "", "sub/deep/a.tmp": "",
		"sub/deep/local": "", "sub/deep/out/y.go": "", ".dragomanignore": "deep/out\n",
	})
	same(t, "sub", paths(walk(t, filepath.Join(root, "sub"))), []string{".gitignore", "deep/a.go", "deep/out/y.go"})
	same(t, "sub/deep", paths(walk(t, filepath.Join(root, "sub", "deep"))), []string{"a.go", "out/y.go"})
}

func TestWalkTakesWhatIsIncluded(t *testing.T) {
	root := plant(t, map[string]string{
		".gitignore": "build/\n", "a.go": "", "a.md": "", "docs/b.md": "", "docs/deep/c.md": "", "docs/d.go": "",
		"vendor/x/x.go": "", "vendor/y/y.go": "", "build/gen.go": "", "build/other.go": "", "go.sum": "", ".env": "", "odd[1].go": "",
	})
	cases := []struct {
		include []string
		want    []string
	}{
		{[]string{"docs"}, []string{"docs/b.md", "docs/d.go", "docs/deep/c.md"}},
		{[]string{"./docs/", "a.go"}, []string{"a.go", "docs/b.md", "docs/d.go", "docs/deep/c.md"}},
		{[]string{"*.md"}, []string{"a.md", "docs/b.md", "docs/deep/c.md"}},
		{[]string{"/*.md"}, []string{"a.md"}},
		{[]string{"docs/**/*.md"}, []string{"docs/b.md", "docs/deep/c.md"}},
		{[]string{"vendor/x"}, []string{"vendor/x/x.go"}},
		{[]string{"build/gen.go", "go.sum", ".env"}, []string{"build/gen.go", "go.sum"}},
		{[]string{".", "vendor/x"}, []string{".gitignore", "a.go", "a.md", "docs/b.md", "docs/d.go", "docs/deep/c.md", "odd[1].go", "vendor/x/x.go"}},
		{[]string{"odd[1].go"}, []string{"odd[1].go"}},
		{[]string{filepath.Join(root, "docs", "deep")}, []string{"docs/deep/c.md"}},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.include, " "), func(t *testing.T) {
			same(t, "files", paths(walk(t, root, c.include...)), c.want)
		})
	}
	for _, bad := range []string{"missing.go", "../x", filepath.Dir(root), "!a.go*"} {
		if _, err := Walk(t.Context(), root, Options{Include: []string{bad}}); err == nil {
			t.Errorf("Include %q: no error", bad)
		}
	}
	if _, err := Walk(t.Context(), root, Options{Include: []string{"missing.go"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestWalkFails(t *testing.T) {
	root := plant(t, map[string]string{"a.go": "", "b.go": "", "c.png": "", "d/e.go": ""})
	if _, err := Walk(t.Context(), root, Options{MaxFiles: 3}); !errors.Is(err, ErrTooManyFiles) {
		t.Errorf("four entries, three allowed: %v", err)
	}
	if _, err := Walk(t.Context(), root, Options{MaxFiles: 4}); err != nil {
		t.Errorf("four entries, four allowed: %v", err)
	}
	if _, err := Walk(t.Context(), filepath.Join(root, "nowhere"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
	if _, err := Walk(t.Context(), filepath.Join(root, "a.go"), Options{}); err == nil {
		t.Error("a file as root: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Walk(ctx, root, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRootIsTheWorkTree(t *testing.T) {
	top := plant(t, map[string]string{".git/HEAD": "", "sub/deep/": "", "linked/.git": "gitdir: ../.git/worktrees/linked\n", "linked/x/": "", "fake/.git/": ""})
	cases := map[string]string{"": top, "sub/deep": top, "linked/x": filepath.Join(top, "linked"), "fake": top}
	for dir, want := range cases {
		root, isGit, err := Root(filepath.Join(top, dir))
		if err != nil || root != want || !isGit {
			t.Errorf("Root(%q) = %q, %v, %v; want %q", dir, root, isGit, err, want)
		}
	}
	if _, _, err := Root(filepath.Join(top, "sub", "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	alone := plant(t, nil)
	if _, ok := workTree(alone); ok {
		t.Skip("the temporary folder lies in a work tree")
	}
	if root, isGit, err := Root(alone); root != alone || isGit || err != nil {
		t.Errorf("Root outside of git = %q, %v, %v", root, isGit, err)
	}
}

func TestLinkedWorkTreeSharesItsExcludeFile(t *testing.T) {
	root := plant(t, map[string]string{
		"main/.git/HEAD": "", "main/.git/info/exclude": "*.secretnote\n", "main/.git/worktrees/w/commondir": "../..\n",
		"w/.git": "gitdir: ../main/.git/worktrees/w\n", "w/a.go": "", "w/b.secretnote": "",
	})
	same(t, "files", paths(walk(t, filepath.Join(root, "w"))), []string{"a.go"})
}

// TestWalkIsWholeWithAnyNumberOfWorkers guards the hand-over of folders between workers.
func TestWalkIsWholeWithAnyNumberOfWorkers(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("d%d/e%d/f%d.go", i%7, i%13, i)] = ""
	}
	root := plant(t, files)
	want := slices.Sorted(maps.Keys(files))
	for _, n := range []int{1, 2, 4} {
		old := runtime.GOMAXPROCS(n)
		got := paths(walk(t, root))
		runtime.GOMAXPROCS(old)
		same(t, fmt.Sprintf("%d workers", n), got, want)
	}
}

func BenchmarkWalk(b *testing.B) {
	root := filepath.Join(runtime.GOROOT(), "src")
	b.ReportAllocs()
	files := 0
	for b.Loop() {
		l, err := Walk(b.Context(), root, Options{})
		if err != nil {
			b.Fatal(err)
		}
		files = len(l.Files)
	}
	b.ReportMetric(float64(files), "files")
}
