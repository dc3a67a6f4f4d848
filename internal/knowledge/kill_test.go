package knowledge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// victimArg makes the test program a process that brings a collection up to date, to be killed.
const victimArg = "victim"

// openShelf opens the collection over a folder, or, with pulled, the one that a connector brings the same files to.
func openShelf(ctx context.Context, root, data string, pulled bool) (*Collection, error) {
	name := "folder"
	if pulled {
		root, name = filepath.Join(data, "pulled"), "pulled"
	}
	c, err := Open(ctx, Options{Name: name, Root: root, DataDir: data})
	if err == nil {
		c.segment = 2000 // many commits
	}
	return c, err
}

// shelfIn reads a folder as a source. Its cursor says how far a run has come, and its checkpoints are many.
type shelfIn struct {
	root string
	said io.Writer // a line for each document
}

func (s shelfIn) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return connector.Outcome{}, err
	}
	for i, e := range entries {
		data, err := os.ReadFile(filepath.Join(s.root, e.Name()))
		if err != nil {
			return connector.Outcome{}, err
		}
		fmt.Fprintln(s.said, e.Name())
		if v, ok := sink.Known(e.Name()); ok && v == string(data) {
			sink.Keep(e.Name())
			continue
		}
		if err := sink.Put(ctx, connector.Document{ID: e.Name(), Path: e.Name(), Type: "page", Text: string(data), Version: string(data)}); err != nil {
			return connector.Outcome{}, err
		}
		if i%5 == 4 {
			if err := sink.Checkpoint(ctx, e.Name()); err != nil {
				return connector.Outcome{}, err
			}
		}
	}
	return connector.Outcome{Cursor: "end", Complete: true}, nil
}

// bring brings a collection up to date, anew where it is to.
func bring(ctx context.Context, c *Collection, root string, pulled, rebuild bool, said io.Writer) (Report, error) {
	if rebuild {
		if err := c.Rebuild(ctx, time.Now); err != nil {
			return Report{}, err
		}
	}
	if pulled {
		return c.Pull(ctx, shelfIn{root, said}, extract.Options{}, time.Now, nil)
	}
	return c.Sync(ctx, func() time.Time { fmt.Fprintln(said, "a file"); return time.Now() }, nil)
}

// victim is the process that is killed: root, data folder, "pulled" or "folder", "rebuild" or "sync".
func victim(args []string) {
	ctx := context.Background()
	c, err := openShelf(ctx, args[0], args[1], args[2] == "pulled")
	if err == nil {
		_, err = bring(ctx, c, args[0], args[2] == "pulled", args[3] == "rebuild", os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestKilled: a process that is killed anywhere in a sync or a rebuild leaves what the next one makes good: nothing is lost, and nothing there
// twice.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"folder", "pulled"} {
		t.Run(kind, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(len(kind))))
			root, data, pulled := t.TempDir(), t.TempDir(), kind == "pulled"
			texts, next := map[string]string{}, 0
			put := func(name string) {
				next++
				// A word of its own, and enough text for several commits.
				texts[name] = fmt.Sprintf("# %s\n\nIt says unique%dword.\n\n%s\n", name, next, filler(next)[:300])
				write(t, root, name, texts[name])
			}
			for i := range 60 {
				put(fmt.Sprintf("d%02d.md", i))
			}
			killed := 0
			for round := range 14 {
				mode := "sync"
				if round%3 == 2 {
					mode = "rebuild"
				}
				for range 6 {
					name := fmt.Sprintf("d%02d.md", random.IntN(70))
					if _, there := texts[name]; there && random.IntN(3) == 0 {
						delete(texts, name)
						if err := os.Remove(filepath.Join(root, name)); err != nil {
							t.Fatal(err)
						}
					} else {
						put(name)
					}
				}
				began, least, most := time.Now(), 0, 8 // lines that it writes: a sync reads what was changed, a rebuild everything
				if mode == "rebuild" {
					least, most = 1, 60 // it has noted by the first that it is to rebuild
				}
				// Killed once or twice before it may end.
				for range 1 + random.IntN(2) {
					if kill(t, least+random.IntN(most), self, victimArg, root, data, kind, mode) {
						killed++
					}
				}
				c, err := openShelf(t.Context(), root, data, pulled)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := bring(t.Context(), c, root, pulled, false, io.Discard); err != nil {
					t.Fatal(err)
				}
				holdsExactly(t, c, texts)
				if _, pending, err := c.rebuilding(t.Context()); err != nil || pending {
					t.Errorf("round %d: the rebuild has no end: %v", round, err)
				}
				if mode == "rebuild" {
					list, _, err := c.List(t.Context(), Listing{Who: acl.All(), Limit: 1000})
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range list {
						if d.Indexed.Before(began) {
							t.Errorf("round %d: %s was not read anew", round, d.ID)
						}
					}
				}
				if r, err := bring(t.Context(), c, root, pulled, false, io.Discard); err != nil || r.Added+r.Changed+r.Removed != 0 {
					t.Errorf("round %d: there was something left: %+v %v", round, r, err)
				}
				c.Close()
			}
			if killed == 0 {
				t.Error("none was killed before its end")
			}
		})
	}
}

// kill starts a process, and kills it when it has written some lines. It says whether it was killed before its end.
func kill(t *testing.T, lines int, program string, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	for range lines {
		if !s.Scan() {
			break
		}
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, out)
	return cmd.Wait() != nil
}

// holdsExactly holds a collection to what its documents say.
func holdsExactly(t *testing.T, c *Collection, texts map[string]string) {
	t.Helper()
	list, _, err := c.List(t.Context(), Listing{Who: acl.All(), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	if want := slices.Sorted(maps.Keys(texts)); !slices.Equal(ids, want) {
		t.Fatalf("there are %v in place of %v", ids, want)
	}
	st, err := c.Stats(t.Context())
	if err != nil || st.Documents != len(texts) {
		t.Errorf("%+v %v", st, err)
	}
	for name, text := range texts {
		var word string
		var head string
		if _, err := fmt.Sscanf(text, "# %s\n\nIt says %s", &head, &word); err != nil {
			t.Fatal(err)
		}
		if got := found(t, c, acl.All(), word, 5); !slices.Equal(got, []string{name}) {
			t.Errorf("%s: %q finds %v", name, word, got)
		}
	}
}
