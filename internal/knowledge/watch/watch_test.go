package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *Watcher {
	t.Helper()
	w, err := New(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// changes waits for a notice; how long that may take is the test's own time limit.
func changes(t *testing.T, w *Watcher) {
	t.Helper()
	if changed, err := w.Wait(t.Context(), time.Hour, nil); !changed || err != nil {
		t.Fatal(changed, err)
	}
}

func TestWatcher(t *testing.T) {
	dir, w := t.TempDir(), open(t)
	a, sub := filepath.Join(dir, "a"), filepath.Join(dir, "sub")
	cover := func(want int, folders ...string) {
		t.Helper()
		if added, err := w.Cover(folders); err != nil || added != want {
			t.Fatalf("%d added, %v; want %d", added, err, want)
		}
	}
	cover(1, dir)
	cover(0, dir)
	write(t, a, "one")
	changes(t, w)
	write(t, a, "two")
	changes(t, w)
	if err := os.Rename(a, a+"2"); err != nil {
		t.Fatal(err)
	}
	changes(t, w)
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	changes(t, w)
	cover(1, dir, sub, filepath.Join(dir, "none"))
	write(t, filepath.Join(sub, "b"), "three")
	changes(t, w)
	// A folder that is made anew under its old name is watched again.
	if err := os.RemoveAll(sub); err != nil {
		t.Fatal(err)
	}
	changes(t, w)
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	changes(t, w)
	cover(1, dir, sub)
	write(t, filepath.Join(sub, "b"), "four")
	changes(t, w)
	// What is covered no more says nothing.
	cover(0, dir)
	write(t, filepath.Join(sub, "b"), "five")
	if changed, err := w.Wait(t.Context(), 4*quiet, nil); changed || err != nil {
		t.Error(changed, err)
	}
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	if changed, err := w.Wait(t.Context(), time.Hour, wake); changed || err != nil {
		t.Error(changed, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Wait(ctx, time.Hour, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestManyChangesAreOneNotice(t *testing.T) {
	dir, w := t.TempDir(), open(t)
	if _, err := w.Cover([]string{dir}); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "x")
	}
	for n := 0; ; n++ {
		changed, err := w.Wait(t.Context(), 4*quiet, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !changed {
			if n == 0 || n > 100 {
				t.Errorf("%d notices", n)
			}
			return
		}
	}
}

func TestBounds(t *testing.T) {
	w := open(t)
	w.max = 2
	if _, err := w.Cover([]string{t.TempDir(), t.TempDir(), t.TempDir()}); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
}
