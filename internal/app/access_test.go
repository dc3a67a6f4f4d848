package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
)

// foundBy are the paths that a key of a user and a team finds.
func foundBy(t testing.TB, a *App, user, team, collection, question string) string {
	t.Helper()
	return foundAs(t, a, identity.Principal{KeyID: "k", Grants: &identity.Grants{User: user, Team: team}}, collection, question)
}

// TestModesOfWatchedFiles: who may read a file is taken over as it changes; so are rules of the configuration, with a reload.
func TestModesOfWatchedFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes here")
	}
	dir := t.TempDir()
	config := func(access string) string {
		return "collections: {share: {path: share, owners: {users: {" + strconv.Itoa(os.Getuid()) + ": ann}}" + access + "}}\n"
	}
	a := openApp(t, dir, map[string]string{"dragoman.yaml": config(""), "share/plan.md": "# Otters\n\nOtters swim.\n"})
	share := filepath.Join(dir, "share")
	if err := os.Chmod(share, 0o755); err != nil {
		t.Fatal(err)
	}
	lines := make(said, 100)
	stop := a.KeepFresh(t.Context(), slog.New(lines))
	defer func() { stop() }()
	lines.awaits(t, "watching the folder")
	if got := foundBy(t, a, "ann", "", "share", "otters"); got != "plan.md" { // files of tests are written with 0600
		t.Errorf("the owner finds %q", got)
	}
	look := func(want string) {
		t.Helper()
		for foundBy(t, a, "bob", "eng", "share", "otters") != want {
			lines.awaits(t, "a folder changed")
		}
	}
	look("")
	if err := os.Chmod(filepath.Join(share, "plan.md"), 0o644); err != nil {
		t.Fatal(err)
	}
	look("plan.md")

	stop()
	write(t, filepath.Join(dir, "dragoman.yaml"), config(`, access: [{paths: ["plan*"], acl: ["group:hr"]}]`))
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop = func() {}
	if got := foundBy(t, a, "bob", "eng", "share", "otters") + foundBy(t, a, "ann", "", "share", "otters"); got != "" {
		t.Errorf("found in spite of the new rule: %q", got)
	}
	if got := foundBy(t, a, "eve", "hr", "share", "otters"); got != "plan.md" {
		t.Errorf("%q", got)
	}
}
