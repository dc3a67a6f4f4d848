//go:build unix

package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A folder that may be read and not written. Root may write everywhere, so that it has to send somebody else.
func TestReadOnlyFolder(t *testing.T) {
	folder := t.TempDir()
	if err := open(t, folder).Close(); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, f := range []string{folder, empty} {
		if err := os.Chmod(f, 0o555); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self(t))
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|1", childVariable, f))
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "cannot be written") || !strings.Contains(string(out), "--data") {
			t.Errorf("%v: %s", err, out)
		}
		if err := os.Chmod(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// What people ask is nobody else's business, also in a folder that others may look into.
func TestFilesArePrivate(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	d := open(t, folder)
	if err := d.InsertUsage(t.Context(), usageRow("u")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(d.path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

// self is a copy of this binary where everybody may run it.
func self(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "self")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
