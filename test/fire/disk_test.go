//go:build linux

package fire

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDiskFull: a disk fills. Requests go on as long as their rows have room; then none is sent any more, and callers are told to
// come back. When there is room again, all goes on, and nothing was lost.
func TestDiskFull(t *testing.T) {
	v := open(t)
	p := install(t, v, "")
	if err := os.Mkdir(p.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", p.data(), "tmpfs", 0, "size=128m"); err != nil {
		t.Skipf("a small disk cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(p.data(), unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	p.start()
	filler := filepath.Join(p.data(), "filler")
	fill(t, filler)
	p.class, p.feature = strings.Repeat("long", 220), strings.Repeat(" long", 180) // so that the journal is full soon
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 32)
	p.await(50)
	if !strings.Contains(p.log.String(), "the books cannot be written") {
		t.Errorf("nothing is said of it:\n%s", p.log.String())
	}
	if status := p.ask(t.Context(), p.url, "name-999-0", 3); status != 503 {
		t.Errorf("a request on a full disk: %d", status)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	v.await(t, v.count()+200)
	cancel()
	all.Wait()
	p.stop()
	if complete, abandoned := p.balance(); complete < 300 || abandoned > 0 {
		t.Errorf("%d requests complete, %d abandoned\n%s", complete, abandoned, p.log.String())
	}
	if v.asked["name-999-0"] != 0 {
		t.Error("a request was sent without a row")
	}
}

// fill takes what room there is.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}
