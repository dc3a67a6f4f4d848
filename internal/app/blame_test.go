package app

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// TestKeepFreshBlames: a server asks git a little at a time, and goes on by itself until it knows who changed all lines: of a watched folder, and
// of a repository that is a source.
func TestKeepFreshBlames(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	const files = 3
	for i := range files {
		write(t, filepath.Join(dir, "shop", fmt.Sprintf("%d.md", i)), fmt.Sprintf("# Otters %d\n\nOtters swim.\n", i))
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "Otters"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = filepath.Join(dir, "shop")
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=a@b")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	write(t, filepath.Join(dir, "dragoman.yaml"), "collections: {folder: {path: shop, blame: 1ns}, pulled: {source: {git: {url: shop}}, blame: 1ns, every: 1h}}\n")
	lines := make(said, 1000)
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Now: time.Now, Log: slog.New(lines)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	stop := a.KeepFresh(t.Context(), slog.New(slog.DiscardHandler))
	defer stop()
	for range 2 {
		lines.awaits(t, "it is known who changed the lines")
	}
	for _, name := range []string{"folder", "pulled"} {
		for i := range files {
			list, err := a.Library().Passages(t.Context(), identity.Principal{}, name, fmt.Sprintf("%d.md", i))
			if err != nil || len(list) == 0 || list[0].Author != "Ann" || !list[0].Blamed {
				t.Errorf("%s: %+v %v", name, list, err)
			}
		}
	}
}
