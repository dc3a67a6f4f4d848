//go:build unix

package source

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// TestOwners: who may read a file by its mode, and those of the folders above it.
func TestOwners(t *testing.T) {
	root := plant(t, map[string]string{"open.md": "x", "own.md": "x", "team.md": "x", "odd.md": "x", "listed.md": "x", "lab/open.md": "x", "lab/own.md": "x", "shut/open.md": "x"})
	mode := func(name string, m os.FileMode) { must(t, os.Chmod(filepath.Join(root, name), m)) }
	mode("", 0o755)
	mode("own.md", 0o600)
	mode("team.md", 0o640)
	mode("odd.md", 0o604) // all but the group
	mode("lab", 0o750)
	mode("lab/own.md", 0o600)
	mode("shut", 0o700)
	uid, gid := strconv.Itoa(os.Getuid()), strconv.Itoa(int(groupOf(t, filepath.Join(root, "own.md"))))
	both := &Owners{Users: map[string]string{uid: "ann"}, Groups: map[string]string{gid: "eng"}}
	read := func(o *Owners) map[string]string {
		t.Helper()
		l, err := Walk(t.Context(), root, Options{Owners: o})
		must(t, err)
		got := map[string]string{}
		for _, f := range l.Files {
			got[f.Path] = f.ACL.String()
		}
		return got
	}
	check := func(o *Owners, want map[string]string) {
		t.Helper()
		for name, got := range read(o) {
			if w, ok := want[name]; ok && got != w {
				t.Errorf("%s is for %q in place of %q", name, got, w)
			}
		}
	}
	check(nil, map[string]string{"own.md": acl.Public})
	check(both, map[string]string{
		"open.md": acl.Public, "own.md": "user:ann", "team.md": "group:eng,user:ann", "odd.md": "user:ann",
		"lab/open.md": "group:eng,user:ann", "lab/own.md": "group:eng,user:ann;user:ann", "shut/open.md": "user:ann",
	})
	check(&Owners{Groups: map[string]string{gid: "eng"}}, map[string]string{"open.md": acl.Public, "own.md": "", "team.md": "group:eng", "shut/open.md": ""})
	mode("", 0o711) // who may list a folder does not matter, who may enter it does
	check(both, map[string]string{"open.md": acl.Public})
	mode("", 0o700)
	check(both, map[string]string{"open.md": "user:ann"})
	mode("", 0o755)

	if runtime.GOOS != "linux" {
		return
	}
	// A list (setfacl -m u:bob:r) whose mask is what the bits of the group say: version 2; owner rw, bob r, group nothing, mask r, others nothing.
	list := []byte("\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x57\x04\x00\x00" + "\x04\x00\x00\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff")
	err := setList(filepath.Join(root, "listed.md"), list)
	if errors.Is(err, syscall.ENOTSUP) {
		t.Log("the file system keeps no lists")
		return
	}
	must(t, err)
	check(both, map[string]string{"listed.md": "user:ann"})
}

func groupOf(t *testing.T, path string) uint32 {
	info, err := os.Lstat(path)
	must(t, err)
	_, gid, ok := owned(info)
	if !ok {
		t.Fatal("no owner")
	}
	return gid
}
