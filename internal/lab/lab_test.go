package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func collection(t *testing.T, root string) *knowledge.Collection {
	t.Helper()
	c, err := knowledge.Open(t.Context(), knowledge.Options{Name: "x", Root: root, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEvalSet(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "repo", "retry.go"), "package retry\n\n// Delay doubles with each attempt.\nfunc Delay() {}\n")
	write(t, filepath.Join(dir, "repo", "pool.go"), "package retry\n\n// Pool keeps connections.\ntype Pool struct{}\n")
	path := write(t, filepath.Join(dir, "set.yaml"), `name: tiny
source: {dir: repo}
cases:
  - {id: a, kind: natural, question: "how does the delay grow?", answers: [{path: retry.go, line: "func Delay("}]}
  - {id: b, kind: identifier, question: "Pool", answers: [{path: retry.go, line: "func Delay("}]}
`)
	set, err := LoadEvalSet(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := set.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := collection(t, root)
	if _, err := c.Sync(t.Context(), time.Now, nil); err != nil {
		t.Fatal(err)
	}
	rep, err := set.Run(t.Context(), root, c, time.Now, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Total.Hit3 != 0.5 || rep.Kinds["natural"].Hit1 != 1 || rep.Kinds["identifier"].Hit3 != 0 {
		t.Errorf("%+v", rep)
	}
}

func TestEvalSetErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name: x\ncases: []\n": "no cases",
		"name: x\ncases: [{id: a, kind: n, question: q, answers: []}]\n": "needs an id",
		"name: x\ncasse: 1\n": "casse",
		"name: x\ncases: [{id: a, question: q, answers: [{path: p, line: l}]}, {id: a, question: q, answers: [{path: p, line: l}]}]\n": "twice",
	} {
		if _, err := LoadEvalSet(write(t, filepath.Join(t.TempDir(), "s.yaml"), text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	set := &EvalSet{Name: "x", Cases: []Case{{ID: "a", Question: "q", Answers: []Answer{{Path: "nowhere", Line: "l"}}}}}
	if _, err := set.Run(t.Context(), t.TempDir(), collection(t, t.TempDir()), time.Now, func(int, int) {}); err == nil {
		t.Error("an answer that does not exist was accepted")
	}
}
