package weights

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk mounts a small one, where that is allowed.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("no disk can be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: a disk that is too small is told of before, one that fills up on the way keeps what was fetched, and the same
// command goes on.
func TestFullDisk(t *testing.T) {
	f := Folder(filepath.Join(disk(t, "200k"), "models"))
	if err := f.Pull(t.Context(), model(), Files{write(t, "x", content)}, nil); err == nil || !strings.Contains(err.Error(), "MB free") {
		t.Errorf("%v", err)
	}
	if _, done := f.Has(model()); done != 0 {
		t.Errorf("%d bytes were fetched", done)
	}

	dir := disk(t, "400k")
	f = Folder(filepath.Join(dir, "models"))
	fill := filepath.Join(dir, "other")
	from, asked := mirror(t, entries{"/models/m/m.gguf": content})
	err := f.Pull(t.Context(), model(), from, func(done, _ int64) {
		if done > 100_000 {
			_ = os.WriteFile(fill, bytes.Repeat([]byte("x"), 400_000), 0o600) // as much of it as there is room for
		}
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Fatalf("%v", err)
	}
	if _, done := f.Has(model()); done < 100_000 {
		t.Errorf("%d bytes were kept", done)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil {
		t.Fatal(err)
	}
	check(t, f, model())
	if len(*asked) != 2 || !strings.Contains((*asked)[1], "bytes=") {
		t.Errorf("asked for %q", *asked)
	}
}
