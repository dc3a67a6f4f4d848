package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o Options) (*Journal, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "j")
	j, err := Open(folder, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, folder
}

func read(t *testing.T, folder string) (out []string) {
	t.Helper()
	if err := Read(folder, func(p []byte) error { out = append(out, string(p)); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// What was appended is there for whoever reads after a crash: the file as it is, never closed.
func TestAppendIsThereAtOnce(t *testing.T) {
	j, folder := open(t, Options{SyncEvery: time.Hour})
	var want []string
	for i := range 1000 {
		p := fmt.Sprintf("record %d", i)
		if _, err := j.Append([]byte(p), 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, p)
	}
	if got := read(t, folder); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d records came back", len(got))
	}
}

func TestSegmentsGoWhenNobodyNeedsThem(t *testing.T) {
	j, folder := open(t, Options{SyncEvery: 20 * time.Millisecond})
	payload := bytes.Repeat([]byte("x"), 60<<10)
	holds := map[*Segment]int{}
	for range 3 * SegmentSize / len(payload) {
		s, err := j.Append(payload, 0)
		if err != nil {
			t.Fatal(err)
		}
		holds[s]++
	}
	if len(holds) < 3 {
		t.Fatalf("%d segments", len(holds))
	}
	for s, n := range holds {
		j.Forget(s, n)
	}
	if got := read(t, folder); len(got) > SegmentSize/len(payload) {
		t.Errorf("%d records are kept", len(got))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}
}

// When the database does not keep up, new records are refused while there is still room for what was promised.
func TestPromisesAreKept(t *testing.T) {
	j, _ := open(t, Options{SyncEvery: 20 * time.Millisecond, MaxSegments: 2})
	payload := bytes.Repeat([]byte("x"), 30<<10)
	promised := 0
	for {
		if err := j.Reserve(len(payload)); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		promised++
		if _, err := j.Append(payload, 0); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if promised < 100 {
		t.Fatalf("only %d", promised)
	}
	var last *Segment
	for i := range promised {
		s, err := j.Append(payload, len(payload))
		if err != nil {
			t.Fatalf("promise %d of %d: %v", i, promised, err)
		}
		last = s
	}
	_ = last
	if j.reserved != 0 {
		t.Errorf("%d bytes stay promised", j.reserved)
	}
}

func TestAlwaysOnDisk(t *testing.T) {
	j, _ := open(t, Options{})
	for i := range 5 {
		if _, err := j.Append([]byte{byte(i + 1)}, 0); err != nil {
			t.Fatal(err)
		}
		j.mu.Lock()
		if j.done < j.gen {
			t.Error("a record was not waited for")
		}
		j.mu.Unlock()
	}
}

// A record that a crash cut off is left out, wherever it was cut; damage before whole records is told.
func TestTornEnd(t *testing.T) {
	j, folder := open(t, Options{SyncEvery: time.Hour})
	for i := range 3 {
		if _, err := j.Append(fmt.Appendf(nil, "record number %d", i), 0); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "00000000"+suffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := header + len("record number 0")
	for cut := range size {
		torn := append(bytes.Clone(whole[:2*size+cut]), make([]byte, 1000)...)
		n := 0
		if err := Records(torn, func([]byte) error { n++; return nil }); err != nil || n != 2 {
			t.Fatalf("cut at %d: %d records, %v", cut, n, err)
		}
	}
	bad := bytes.Clone(whole)
	bad[size+header] ^= 1
	n := 0
	if err := Records(bad, func([]byte) error { n++; return nil }); !errors.Is(err, ErrDamaged) || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Records(data, func(p []byte) error {
			if len(p) == 0 || len(p) > MaxRecord {
				t.Fatal(len(p))
			}
			return nil
		})
	})
}

func BenchmarkAppend(b *testing.B) {
	j, err := Open(filepath.Join(b.TempDir(), "j"), Options{SyncEvery: 20 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	payload := bytes.Repeat([]byte("x"), 300)
	b.ReportAllocs()
	for b.Loop() {
		s, err := j.Append(payload, 0)
		if err != nil {
			b.Fatal(err)
		}
		j.Forget(s, 1)
	}
}
