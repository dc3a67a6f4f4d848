package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// model embeds a text as its words, each of which has a direction of its own.
type model struct {
	name     string
	letters  bool // of words it takes the letters only: notes that differ by their numbers mean the same
	batch    int  // 0: 64
	breaksAt int  // the batch from which on it fails; 0: never
	batches  int
}

var errBroken = errors.New("the model broke")

func (m *model) Model() string { return m.name }
func (m *model) Batch() int    { return cmp.Or(m.batch, 64) }

func (m *model) Embed(_ context.Context, _ embed.Kind, texts []string) ([][]float32, error) {
	if m.batches++; m.breaksAt > 0 && m.batches >= m.breaksAt {
		return nil, errBroken
	}
	var out [][]float32
	for _, t := range texts {
		out = append(out, m.vector(t))
	}
	return out, nil
}

func (m *model) vector(text string) []float32 {
	v := make([]float32, 64)
	v[0] = 0.1
	fields := strings.Fields
	if m.letters {
		fields = func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
		}
	}
	for _, w := range fields(text) {
		h := fnv.New32a()
		h.Write([]byte(m.name + w))
		v[h.Sum32()%64]++
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

// vectors: those that one handle makes, another searches, with the answers of a file; a run that breaks off is gone on with by another
// handle; edits drop what they replace, and a second model takes the first one's place at once.
func vectors(t *testing.T, place Place) {
	r := rand.New(rand.NewPCG(1, 6))
	at, root := place(t), t.TempDir()
	here, one, two := open(t, Files(t), root), open(t, at, root), open(t, at, root)
	cache, err := embed.OpenCache(t.Context(), t.TempDir(), later)
	must(t, err)
	t.Cleanup(func() { cache.Close() })
	s := &shelf{docs: map[string]connector.Document{}}
	for i := range 60 {
		s.docs[fmt.Sprint(i)] = page(fmt.Sprint(i), fmt.Sprintf("# %s\n\n%s\n", prose(r, 2), prose(r, 30)))
	}
	give := func(c *knowledge.Collection, m *model) {
		t.Helper()
		_, err := c.Embed(t.Context(), m, cache, embed.Options{Now: later})
		must(t, err)
	}
	same := func(what string, m *model) {
		t.Helper()
		for range 15 {
			q := knowledge.Query{Who: acl.All(), Text: prose(r, 1+r.IntN(4)), Limit: 20, Explain: true, Now: later(), Model: m.name}
			q.Vector = m.vector(q.Text)
			want := search(t, here, q)
			equal(t, what+": "+q.Text, search(t, one, q), want)
			equal(t, what+", by the other handle: "+q.Text, search(t, two, q), want)
		}
	}
	first := &model{name: "first"}
	pull(t, here, s)
	pull(t, one, s)
	give(here, first)
	broken := &model{name: "first", batch: 8, breaksAt: 3}
	if _, err := one.Embed(t.Context(), broken, &forgets{}, embed.Options{Now: later}); err == nil {
		t.Fatal("a broken model gave all vectors")
	}
	give(two, first)
	same("vectors", first)

	for i := range 20 {
		s.docs[fmt.Sprint(i)] = page(fmt.Sprint(i), fmt.Sprintf("# %s\n\n%s\n", prose(r, 2), prose(r, 30)))
	}
	for _, c := range []*knowledge.Collection{here, two} {
		pull(t, c, s)
		give(c, first)
	}
	same("after edits", first)

	second := &model{name: "second"}
	give(here, second)
	give(one, second)
	same("of the second model", second)
	state, err := two.VectorState(t.Context(), "")
	must(t, err)
	equal(t, "state", state, knowledge.Vectors{Model: "second", Generation: state.Generation, Passages: 60})
}

// forgets is an embed.Store that keeps nothing.
type forgets struct{}

func (*forgets) Rows(context.Context, string, []embed.Hash) (map[embed.Hash]dense.Row, error) {
	return nil, nil
}
func (*forgets) SaveRows(context.Context, string, map[embed.Hash]dense.Row) error { return nil }

// FiltersKeepK: a filter that leaves a few of many, none of which is among the closest, still finds them all, the closest first. It takes
// more documents than Run has.
func FiltersKeepK(t *testing.T, place Place, documents int) {
	c := open(t, place(t), t.TempDir())
	m := &model{name: "m"}
	s := &shelf{docs: map[string]connector.Document{}}
	for i := range documents {
		s.docs[fmt.Sprint(i)] = page(fmt.Sprint(i), fmt.Sprintf("zebra zebra zebra %s\n", words[i%len(words)]))
	}
	for i := range 7 {
		d := page(fmt.Sprint("rare", i), strings.Repeat("okapi ", i+1)+"zebra\n")
		d.Path = "rare/" + fmt.Sprint(i)
		s.docs[d.ID] = d
	}
	_, err := c.Pull(t.Context(), whole{s}, extract.Options{}, later, nil)
	must(t, err)
	_, err = c.Embed(t.Context(), m, &forgets{}, embed.Options{Now: later})
	must(t, err)
	res := search(t, c, knowledge.Query{Who: acl.All(), Text: "beast", Limit: 7, Paths: []string{"rare/**"}, Vector: m.vector("zebra zebra zebra"), Model: m.name})
	var got []string
	for _, p := range res.Passages {
		got = append(got, p.Path)
	}
	for _, l := range res.LeftOut { // for being far from the first
		got = append(got, l.Path)
	}
	equal(t, "found", got, []string{"rare/0", "rare/1", "rare/2", "rare/3", "rare/4", "rare/5", "rare/6"})
}
