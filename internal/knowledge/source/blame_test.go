package source

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBlame: a line keeps its author when its file is renamed and when a branch is merged; names that git quotes are taken as they are.
func TestBlame(t *testing.T) {
	r := newRepository(t)
	first := r.commit(t, 1, map[string]string{"sub/ü \n.go": "one\ntwo\n\tthree"})
	r.git(t, "checkout", "-q", "-b", "side")
	r.git(t, "config", "user.name", "Zoë <z>")
	side := r.commit(t, 2, map[string]string{"sub/ü \n.go": "one\nTWO\n\tthree"})
	r.git(t, "checkout", "-q", "main")
	r.commit(t, 3, map[string]string{"other.go": "x"})
	r.at(t, 4)
	r.git(t, "merge", "-q", "-m", "merge", "side")
	must(t, os.Rename(filepath.Join(r.dir, "sub", "ü \n.go"), filepath.Join(r.dir, "moved.go")))
	r.commit(t, 5, nil)

	b, err := NewBlamer(t.Context(), r.dir)
	must(t, err)
	got, err := b.Lines(t.Context(), "moved.go")
	must(t, err)
	same(t, "lines", got, []BlamedLine{
		{first, Change{hourOf(1), "A"}, "one"}, {side, Change{hourOf(2), "Zoë z"}, "TWO"}, {first, Change{hourOf(1), "A"}, "\tthree"},
	})
	must(t, os.MkdirAll(filepath.Join(r.dir, "sub"), 0o755))
	if _, err := b.Lines(t.Context(), "sub/gone.go"); err == nil {
		t.Error("a file that never was has lines")
	}
	if _, err := NewBlamer(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder without a repository has a history")
	}
}

// TestBlameOfAShallowHistory: what the oldest commit there is seems to have written may be of anybody.
func TestBlameOfAShallowHistory(t *testing.T) {
	r := newRepository(t)
	r.commit(t, 1, map[string]string{"a.go": "one\ntwo\n"})
	r.git(t, "config", "user.name", "Bob")
	r.commit(t, 2, map[string]string{"a.go": "one\nTWO\n"})
	r.git(t, "config", "user.name", "Cem")
	r.commit(t, 3, map[string]string{"a.go": "one\nTWO\nthree\n"})
	part := filepath.Join(t.TempDir(), "part")
	r.git(t, "clone", "-q", "--depth", "2", "file://"+r.dir, part)
	b, err := NewBlamer(t.Context(), part)
	must(t, err)
	got, err := b.Lines(t.Context(), "a.go")
	must(t, err)
	var who []string
	for _, l := range got {
		who = append(who, l.Text+" "+l.Author)
	}
	same(t, "lines", who, []string{"one ", "TWO ", "three Cem"})
}

func FuzzParseBlame(f *testing.F) {
	hash := strings.Repeat("a", 40)
	f.Add([]byte(hash + " 1 1 1\nauthor A\ncommitter-time 5\n\ttext\n" + hash + " 2 2\n\tmore\n"))
	f.Add([]byte("\t\n"))
	f.Add([]byte(hash + "\ncommitter-time x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := ParseBlame(bytes.NewReader(data), len(data)%2 == 0)
		if n := bytes.Count(data, []byte("\n")) + 1; err == nil && len(lines) > n {
			t.Errorf("%d lines of %d", len(lines), n)
		}
		for _, l := range lines {
			if !isHash(l.Commit) || strings.Contains(l.Text, "\n") || l.At.After(time.Unix(1<<62, 0)) {
				t.Errorf("%+v", l)
			}
		}
	})
}
