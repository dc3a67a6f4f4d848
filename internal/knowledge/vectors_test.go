package knowledge

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// madeModel embeds a text as the words in it, each of which has a direction of its own; words that mean the same share theirs.
type madeModel struct {
	name string
	dims int
	skew int // other models point elsewhere

	mu       sync.Mutex
	texts    map[string]int // how often each was embedded
	breaksAt int            // passages after which it fails, 0: never
	passages int
}

func model(name string) *madeModel {
	return &madeModel{name: name, dims: 96, skew: len(name), texts: map[string]int{}}
}

var sameAs = map[string]string{"vacation": "leave", "holiday": "leave", "handset": "phone", "phones": "phone"}

func (m *madeModel) Model() string { return m.name }
func (m *madeModel) Batch() int    { return 7 }

func (m *madeModel) Embed(_ context.Context, kind embed.Kind, texts []string) ([][]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out [][]float32
	for _, t := range texts {
		if kind == embed.Document {
			if m.passages++; m.breaksAt > 0 && m.passages > m.breaksAt {
				return nil, down{}
			}
			m.texts[t]++
		}
		out = append(out, m.vector(t))
	}
	return out, nil
}

func (m *madeModel) vector(text string) []float32 {
	v := make([]float32, m.dims)
	v[0] = 0.1 // a text without words has a direction, too
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
		if s, ok := sameAs[w]; ok {
			w = s
		}
		h := fnv.New32a()
		h.Write([]byte(w))
		for i, x := 0, h.Sum32()+uint32(m.skew); i < 4; i++ {
			x = x*1664525 + 1013904223
			v[x>>8%uint32(m.dims)] += 1 - 2*float32(x>>31)
		}
	}
	length := 0.0
	for _, x := range v {
		length += float64(x * x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(length))
	}
	return v
}

// down is an error that passes.
type down struct{}

func (down) Error() string                 { return "the model is down" }
func (down) Retryable() bool               { return true }
func (down) RetryAfterTime() time.Duration { return 0 }

func cacheIn(t testing.TB, dir string) *embed.Cache {
	t.Helper()
	c, err := embed.OpenCache(t.Context(), dir, later)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func embedNow(t testing.TB, c *Collection, m *madeModel, cache *embed.Cache) embed.Report {
	t.Helper()
	r, err := c.Embed(t.Context(), m, cache, embed.Options{Now: later})
	if err != nil || r.Failed > 0 {
		t.Fatalf("%+v %v", r, err)
	}
	return r
}

// ask searches by words and meaning.
func ask(t testing.TB, c *Collection, m *madeModel, q Query) *Result {
	t.Helper()
	q.Vector, q.Model = m.vector(q.Text), m.name
	res, err := c.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

var manual = map[string]string{
	"leave.md":   "# Leave\n\nEverybody has 28 days of leave.\n",
	"phones.md":  "# Phones\n\nCall the helpdesk when a phone is lost.\n",
	"billing.go": "package billing\n\n// Round rounds prices.\nfunc Round() {}\n",
}

func TestMeaning(t *testing.T) {
	c, m := folder(t, manual), model("m")
	syncNow(t, c)
	question := Query{Who: acl.All(), Text: "vacation", Explain: true}
	if res := ask(t, c, m, question); len(res.Passages) != 0 {
		t.Errorf("found without vectors: %+v", res.Passages)
	}
	if r := embedNow(t, c, m, cacheIn(t, t.TempDir())); r.Embedded != 4 {
		t.Errorf("%+v", r)
	}
	res := ask(t, c, m, question)
	if len(res.Passages) == 0 || res.Passages[0].Path != "leave.md" {
		t.Fatalf("%+v", res.Passages)
	}
	if res.Confidence < 0.2 {
		t.Errorf("confidence %.2f", res.Confidence)
	}
	if x := res.Passages[0].Explanation.Meaning; x == nil || x.Similarity == nil || *x.Similarity < 0.2 || x.Words != 0 {
		t.Errorf("%+v", x)
	}
	// Words still decide where they can, and another model's vector is not compared.
	if res := ask(t, c, m, Query{Who: acl.All(), Text: "who rounds prices?"}); res.Passages[0].Path != "billing.go" {
		t.Errorf("%+v", res.Passages[0])
	}
	if res := ask(t, c, model("another"), question); len(res.Passages) != 0 {
		t.Errorf("%+v", res.Passages)
	}
	// What is gone, or excluded, is found by no means.
	if res := ask(t, c, m, Query{Who: acl.All(), Text: "vacation -path:leave.md"}); slices.ContainsFunc(res.Passages, func(p Passage) bool { return p.Path == "leave.md" }) {
		t.Errorf("%+v", res.Passages)
	}
	if err := os.Remove(filepath.Join(c.Root, "leave.md")); err != nil {
		t.Fatal(err)
	}
	syncNow(t, c)
	if res := ask(t, c, m, question); slices.ContainsFunc(res.Passages, func(p Passage) bool { return p.Path == "leave.md" }) {
		t.Errorf("%+v", res.Passages)
	}
}

// TestEmbedOnce: what did not change is not embedded again: when its file moves, in another collection, or when the index is built anew.
func TestEmbedOnce(t *testing.T) {
	c, m, cache := folder(t, manual), model("m"), cacheIn(t, t.TempDir())
	syncNow(t, c)
	embedNow(t, c, m, cache)
	if err := os.Rename(filepath.Join(c.Root, "leave.md"), filepath.Join(c.Root, "absence.md")); err != nil {
		t.Fatal(err)
	}
	write(t, c.Root, "new.md", "# Desks\n\nDesks are shared.\n")
	syncNow(t, c)
	if v, err := c.VectorState(t.Context(), ""); err != nil || v.Missing != 2 || v.Passages != 5 || v.Model != "m" {
		t.Errorf("%+v %v", v, err)
	}
	if r := embedNow(t, c, m, cache); r.Embedded != 1 || r.Reused != 1 {
		t.Errorf("%+v", r)
	}
	if res := ask(t, c, m, Query{Who: acl.All(), Text: "vacation"}); res.Passages[0].Path != "absence.md" {
		t.Errorf("%+v", res.Passages)
	}
	other := folder(t, manual)
	syncNow(t, other)
	if r := embedNow(t, other, m, cache); r.Embedded != 0 || r.Reused != 4 {
		t.Errorf("%+v", r)
	}
	if err := c.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	syncNow(t, c)
	if r := embedNow(t, c, m, cache); r.Embedded != 0 || r.Reused != 5 {
		t.Errorf("%+v", r)
	}
	for text, times := range m.texts {
		if times != 1 {
			t.Errorf("embedded %d times: %q", times, text)
		}
	}
}

// notes are files of a passage each.
func notes(n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[fmt.Sprintf("n%03d.md", i)] = fmt.Sprintf("# Note\n\nzebra number%c%c\n", 'a'+i/26%26, 'a'+i%26)
	}
	return out
}

// vectorsOf are the chunks that have vectors of a model, in the file.
func vectorsOf(t testing.TB, c *Collection, name string) (ids []int64) {
	t.Helper()
	all, err := c.index.Generations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if g.Model != name {
			continue
		}
		err := c.index.VectorBlocks(t.Context(), g.ID, 0, func(_ int64, of []int64, rows []byte) error {
			if len(rows) != len(of)*(4+g.Dims) {
				t.Errorf("%d bytes for %d vectors", len(rows), len(of))
			}
			ids = append(ids, of...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestGenerations: another model's vectors are gathered beside those in use, which are searched until the others are complete.
func TestGenerations(t *testing.T) {
	c, old, next, cache := folder(t, notes(50)), model("old"), model("next"), cacheIn(t, t.TempDir())
	syncNow(t, c)
	embedNow(t, c, old, cache)
	q := Query{Who: acl.All(), Text: "zebra numberaf", Limit: 1}
	runs := 0
	for ; ; runs++ {
		next.passages, next.breaksAt = 0, 10
		_, err := c.Embed(t.Context(), next, cache, embed.Options{Now: later, Tries: 1})
		if err == nil {
			break
		}
		if runs > 50 {
			t.Fatal(err)
		}
		v, err := c.VectorState(t.Context(), "")
		if err != nil || v.Model != "old" || v.Missing == 50 && runs > 0 {
			t.Fatalf("run %d: %+v %v", runs, v, err)
		}
		for _, m := range []*madeModel{old, next} {
			if res := ask(t, c, m, q); len(res.Passages) != 1 || res.Passages[0].Path != "n005.md" {
				t.Errorf("run %d, %s: %+v", runs, m.name, res.Passages)
			}
		}
	}
	if runs < 3 {
		t.Errorf("it broke %d times", runs)
	}
	if v, err := c.VectorState(t.Context(), ""); err != nil || v != (Vectors{Model: "next", Generation: v.Generation, Passages: 50}) || v.Generation < 2 {
		t.Errorf("%+v %v", v, err)
	}
	if ids := vectorsOf(t, c, "next"); len(ids) != 50 || len(slices.Compact(ids)) != 50 || vectorsOf(t, c, "old") != nil {
		t.Errorf("%d vectors", len(ids))
	}
	for text, times := range next.texts {
		if times > 2 { // the batch that broke is asked for again
			t.Errorf("embedded %d times: %q", times, text)
		}
	}
	if res := ask(t, c, old, q); len(res.Passages) != 1 || res.Passages[0].Explanation != nil {
		t.Errorf("%+v", res.Passages)
	}
}

// TestBadVectors: what a broken model gives is refused, and words go on.
func TestBadVectors(t *testing.T) {
	c, m, cache := folder(t, manual), model("m"), cacheIn(t, t.TempDir())
	syncNow(t, c)
	embedNow(t, c, m, cache)
	write(t, c.Root, "new.md", "# Desks\n\nDesks are shared.\n")
	syncNow(t, c)
	m.dims = 50
	if _, err := c.Embed(t.Context(), m, cache, embed.Options{Now: later}); err == nil || !strings.Contains(err.Error(), "50 dimensions, after others of 96") {
		t.Errorf("%v", err)
	}
	if res := ask(t, c, m, Query{Who: acl.All(), Text: "desks"}); res.Passages[0].Path != "new.md" {
		t.Errorf("%+v", res.Passages)
	}
	m.dims = 96
	if res := ask(t, c, m, Query{Who: acl.All(), Text: "handset desks"}); res.Passages[0].Path != "new.md" || !slices.ContainsFunc(res.Passages, func(p Passage) bool { return p.Path == "phones.md" }) {
		t.Errorf("%+v", res.Passages)
	}
}

// TestJoinVectors: many small changes leave few blocks, and neither lose nor double a vector.
func TestJoinVectors(t *testing.T) {
	c, m, cache := folder(t, notes(30)), model("m"), cacheIn(t, t.TempDir())
	for i := range 60 {
		write(t, c.Root, fmt.Sprintf("n%03d.md", i%10), fmt.Sprintf("# Note\n\nzebra edit%c%c\n", 'a'+i/26, 'a'+i%26))
		syncNow(t, c)
		embedNow(t, c, m, cache)
		last := fmt.Sprintf("n%03d.md", i%10)
		if res := ask(t, c, m, Query{Who: acl.All(), Text: fmt.Sprintf("edit%c%c", 'a'+i/26, 'a'+i%26), Limit: 1}); len(res.Passages) != 1 || res.Passages[0].Path != last {
			t.Fatalf("edit %d: %+v", i, res.Passages)
		}
	}
	ids := vectorsOf(t, c, "m")
	if len(slices.Compact(slices.Clone(ids))) != len(ids) || len(ids) > 30+2*looseForTest {
		t.Errorf("%d vectors in the file", len(ids))
	}
	chunks, err := c.index.ChunkIDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := c.generation(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range chunks {
		if _, there := slices.BinarySearch(ids, id); !there || !rows.(inMemory).of.rows.Has(id) {
			t.Errorf("chunk %d has lost its vector", id)
		}
	}
}

// looseForTest is how many blocks of one vector may lie about.
const looseForTest = 16

// TestEmbedKilled: a process that is killed at any point leaves nothing half done: others go on where it ended, in the end every passage
// has one vector, and the old ones were searched until then.
func TestEmbedKilled(t *testing.T) {
	if dir := os.Getenv("EMBED_AND_DIE"); dir != "" {
		embedSlowly(t, dir)
		return
	}
	dir := t.TempDir()
	for name, text := range notes(200) {
		write(t, filepath.Join(dir, "notes"), name, text)
	}
	c, err := Open(t.Context(), Options{Name: "test", Root: filepath.Join(dir, "notes"), DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	syncNow(t, c)
	old := model("old")
	embedNow(t, c, old, cacheIn(t, dir))
	for kill := 1; ; kill++ {
		if kill > 100 {
			t.Fatal("it never ends")
		}
		finished := runAndKill(t, dir, 1+kill%5)
		v, err := c.VectorState(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		ids := vectorsOf(t, c, "new")
		if n := len(ids); len(slices.Compact(ids)) != n {
			t.Fatalf("kill %d: some passages have two vectors", kill)
		}
		if v.Model == "new" {
			if len(ids) != 200 || v.Missing != 0 || v.Next != "" || vectorsOf(t, c, "old") != nil {
				t.Fatalf("kill %d: %d vectors, %+v", kill, len(ids), v)
			}
			if finished {
				break
			}
			continue
		}
		if v.Model != "old" || finished {
			t.Fatalf("kill %d: %+v", kill, v)
		}
		if res := ask(t, c, old, Query{Who: acl.All(), Text: "numberaf", Limit: 1}); len(res.Passages) != 1 || res.Passages[0].Path != "n005.md" {
			t.Fatalf("kill %d: %+v", kill, res.Passages)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, embed.CacheFile)); err != nil {
		t.Error(err)
	}
}

// runAndKill runs this test in a process of its own, and kills it at the so-manieth line that it writes. It says whether it ended
// before that.
func runAndKill(t *testing.T, dir string, lines int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestEmbedKilled$")
	cmd.Env = append(os.Environ(), "EMBED_AND_DIE="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	finished := false
	for sc.Scan() {
		switch line := sc.Text(); {
		case line == "done":
			finished = true
		case strings.HasPrefix(line, "batch"):
			if lines--; lines == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		case strings.Contains(line, "FAIL"):
			t.Error(line)
		}
	}
	_ = cmd.Wait() // it was killed
	return finished
}

// embedSlowly is what the other process does. It tells of each batch before it is saved, so that it is killed anywhere after that.
func embedSlowly(t *testing.T, dir string) {
	c, err := Open(t.Context(), Options{Name: "test", Root: filepath.Join(dir, "notes"), DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Embed(t.Context(), telling{model("new")}, cacheIn(t, dir), embed.Options{Now: later}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("done")
}

type telling struct{ *madeModel }

func (m telling) Embed(ctx context.Context, kind embed.Kind, texts []string) ([][]float32, error) {
	fmt.Println("batch")
	return m.madeModel.Embed(ctx, kind, texts)
}
