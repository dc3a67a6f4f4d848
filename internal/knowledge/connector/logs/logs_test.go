package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
)

func noon() time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC) }

// folder is a folder of logs, in each of which one line stands.
type folder struct{ dir string }

func (f folder) Connector(t *testing.T) connector.Connector {
	c, err := New(Options{Files: []string{filepath.Join(f.dir, "*.log")}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f folder) Write(t *testing.T, name, text string) { // one more of the same
	t.Helper()
	out, err := os.OpenFile(filepath.Join(f.dir, name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(out, "INFO "+text[:len("This is a")]+" line of it")
		out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (f folder) Remove(t *testing.T, name string) {
	if err := os.Remove(filepath.Join(f.dir, name+".log")); err != nil {
		t.Fatal(err)
	}
}
func (f folder) ID(name string) string { return filepath.Join(f.dir, name+".log") + "#1" }

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return folder{t.TempDir()} })
}

func sync(t *testing.T, store *connectortest.Store, c connector.Connector) {
	t.Helper()
	if err := store.Sync(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// lines of a shop: six patterns, of which one has stack traces.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		at := noon().Add(time.Duration(i) * time.Second).Format(time.RFC3339)
		switch i % 6 {
		case 0:
			fmt.Fprintf(&b, "%s INFO request GET /orders/%d took %dms status 200\n", at, i, i%90)
		case 1:
			fmt.Fprintf(&b, "%s WARN retrying payment %08x-aaaa-bbbb-cccc-%012d after timeout\n", at, i, i)
		case 2:
			fmt.Fprintf(&b, "%s ERROR order %d failed: NullPointerException\n\tat shop.Price.round(Price.java:%d)\nCaused by: nothing\n", at, i, i%50)
		case 3:
			fmt.Fprintf(&b, `{"time":%q,"level":"info","msg":"cache refreshed","entries":%d,"user":"u%d"}`+"\n", at, i, i)
		case 4:
			fmt.Fprintf(&b, "%s INFO connection from 10.0.%d.%d:%d accepted\n", at, i%200, i%250, 1000+i%1000)
		default:
			fmt.Fprintf(&b, "%s INFO user user%d@example.com signed in\n", at, i)
		}
	}
	return b.String()
}

func TestFold(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.log")
	if err := os.WriteFile(file, []byte(lines(6000)), 0o600); err != nil {
		t.Fatal(err)
	}
	store := connectortest.NewStore()
	sync(t, store, folder{dir}.Connector(t))
	if len(store.Documents) != 6 {
		for _, d := range store.Documents {
			t.Log(d.Title)
		}
		t.Fatalf("%d patterns", len(store.Documents))
	}
	var found bool
	for _, d := range store.Documents {
		if d.Meta["count"] != "1000" {
			t.Errorf("%s: %s lines", d.Title, d.Meta["count"])
		}
		if strings.Contains(d.Title, "NullPointerException") {
			found = true
			if d.Title != "ERROR order <n> failed: NullPointerException" || d.Meta["level"] != "error" || !strings.Contains(d.Text, "at shop.Price.round(Price.java:2)") || !strings.Contains(d.Text, "from 2024-05-01T12:00:02Z to 2024-05-01T13:39:56Z") {
				t.Errorf("%+v", d)
			}
		}
	}
	if !found {
		t.Error("the error is not there")
	}
}

// TestTail: a file is read on where it was left, a line that is being written later, and one that was rotated from its beginning.
func TestTail(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.log")
	write := func(text string, flags int) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|flags, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(store *connectortest.Store) (out string) {
		for _, id := range store.IDs() {
			out += store.Documents[id].Meta["count"] + " "
		}
		return strings.TrimSpace(out)
	}
	store := connectortest.NewStore()
	c := folder{dir}.Connector(t)
	write("INFO begin of it all\nINFO took 3 ms\nINFO to", 0)
	sync(t, store, c)
	if got := count(store); got != "1 1" {
		t.Errorf("%s", got)
	}
	write("ok 4 ms\nINFO took 5 ms\n", os.O_APPEND)
	sync(t, store, c)
	if got := count(store); got != "1 3" {
		t.Errorf("after more lines: %s", got)
	}
	write("INFO took 6 ms\nINFO took 7 ms\nINFO took 8 ms\nINFO took 9 ms, more than before\n", os.O_TRUNC)
	sync(t, store, c)
	if got := count(store); got != "1 6 1" {
		t.Errorf("after it was rotated: %s", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", file); err != nil {
		t.Fatal(err)
	}
	sync(t, store, c)
	if store.Skipped[file] == "" {
		t.Error("a device is a log")
	}
}

// TestRotation: what was written between the last look and the rotation is read from where the log was renamed or copied to; a file that is seen for the
// first time is not begun in the middle of a line.
func TestRotation(t *testing.T) {
	for name, rotate := range map[string]func(file string) error{
		"renamed": func(file string) error { return os.Rename(file, file+".1") },
		"copied": func(file string) error {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file+"-20240501", text, 0o600)
		},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "a[1].log")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := New(Options{Files: []string{filepath.Join(dir, "*.log")}, Past: 30}, noon)
		if err != nil {
			t.Fatal(err)
		}
		store := connectortest.NewStore()
		old := "INFO a line that is too far back\nINFO took 1 ms\nINFO took 2 ms\n"
		write(old)
		sync(t, store, c)
		write(old + "INFO took 3 ms\nINFO took 4 ms\n")
		if err := rotate(file); err != nil {
			t.Fatal(err)
		}
		write("INFO took 5 ms\n")
		for range 2 {
			sync(t, store, c)
		}
		if ids := store.IDs(); len(ids) != 1 || store.Documents[ids[0]].Meta["count"] != "4" { // all but the first of what is within Past
			for _, id := range ids {
				t.Errorf("%s: %s %s", name, store.Documents[id].Meta["count"], store.Documents[id].Title)
			}
		}
	}
}

func FuzzMiner(f *testing.F) {
	f.Add(lines(12))
	f.Add("{\"level\":1}\n<*> <n>\n\n\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := miner{}
		m.prepare()
		n := int64(0)
		for line := range strings.Lines(text) {
			if _, _, words := parse(strings.TrimRight(line, "\n")); len(words) > 0 {
				n++
			}
			m.add(strings.TrimRight(line, "\n"))
		}
		for _, p := range m.Templates {
			n -= p.Count
		}
		if n != m.Over {
			t.Errorf("%d lines are in no pattern", n)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	all := strings.Split(lines(6000), "\n")
	b.SetBytes(int64(len(lines(6000))))
	for b.Loop() {
		m := miner{}
		m.prepare()
		for _, l := range all {
			m.add(l)
		}
	}
}
