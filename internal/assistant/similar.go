package assistant

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/dragoman/dragoman/internal/embed"
)

// Vectors keeps vectors of short texts (memories, old exchanges, sentences of sources) while the program runs. It is safe for concurrent use.
type Vectors struct {
	mu   sync.Mutex
	most int
	m    map[vectorKey][]float32
}

type vectorKey struct {
	model string
	text  [sha256.Size]byte
}

// NewVectors makes a store of at most so many vectors.
func NewVectors(most int) *Vectors { return &Vectors{most: most, m: map[vectorKey][]float32{}} }

func (v *Vectors) get(model, text string) ([]float32, bool) {
	key := vectorKey{model, sha256.Sum256([]byte(text))}
	v.mu.Lock()
	defer v.mu.Unlock()
	found, ok := v.m[key]
	return found, ok
}

func (v *Vectors) put(model string, texts []string, vectors [][]float32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, text := range texts {
		if len(v.m) >= v.most {
			for key := range v.m { // any: what is asked for again is made again
				delete(v.m, key)
				break
			}
		}
		v.m[vectorKey{model, sha256.Sum256([]byte(text))}] = vectors[i]
	}
}

// of returns the vectors of texts: those that are kept, and from make those that are not, which are kept from then on. A nil Vectors
// keeps nothing.
func (v *Vectors) of(texts []string, model string, make func(missing []string) ([][]float32, error)) ([][]float32, error) {
	if v == nil {
		return make(texts)
	}
	var out [][]float32
	var missing []string
	var at []int
	for i, text := range texts {
		found, ok := v.get(model, text)
		if !ok {
			missing, at = append(missing, text), append(at, i)
		}
		out = append(out, found)
	}
	if len(missing) == 0 {
		return out, nil
	}
	made, err := make(missing)
	if err != nil {
		return nil, err
	}
	v.put(model, missing, made)
	for i, vector := range made {
		out[at[i]] = vector
	}
	return out, nil
}

// mostAtOnce is for how many texts a turn has vectors made.
const mostAtOnce = 64

// resemblance says how near the meaning of texts is to that of the turn's question. Texts without a vector yet get one in the background,
// for the next turn.
type resemblance struct {
	e       *Engine
	t       *Turn
	vector  []float32
	model   string
	missing []string
}

// resemblance is nil where nothing here knows what texts mean.
func (e *Engine) resemblance(ctx context.Context, t *Turn) *resemblance {
	if e.Vectors == nil || e.Background == nil {
		return nil
	}
	v, model := t.vectorFor(ctx, "")
	if v == nil {
		return nil
	}
	return &resemblance{e: e, t: t, vector: v, model: model}
}

// of is the cosine with a text, -1..1; false where it has no vector yet.
func (l *resemblance) of(text string) (float64, bool) {
	v, ok := l.e.Vectors.get(l.model, text)
	if !ok || len(v) != len(l.vector) {
		if len(l.missing) < mostAtOnce {
			l.missing = append(l.missing, text)
		}
		return 0, false
	}
	sum := float32(0)
	for i := range v {
		sum += v[i] * l.vector[i]
	}
	return float64(sum), true
}

// learn has vectors made for the texts that had none.
func (l *resemblance) learn() {
	if l == nil || len(l.missing) == 0 {
		return
	}
	e, texts, model := l.e, l.missing, l.model
	on := Embedding{Principal: l.t.Principal, Class: "batch", Feature: l.t.Feature, Privacy: l.t.Privacy}
	e.Background.Later("vectors\x00"+l.t.Principal.Owner()+"\x00"+l.t.Session, func(ctx context.Context) error {
		x, err := e.Embedder("")
		if err != nil || x == nil || x.Model() != model {
			return err
		}
		m := e.Embeddings(x, on)
		for len(texts) > 0 {
			n := min(len(texts), max(m.Batch(), 1))
			vectors, err := m.Embed(ctx, embed.Document, texts[:n])
			if err != nil {
				return err
			}
			e.Vectors.put(model, texts[:n], vectors)
			texts = texts[n:]
		}
		return nil
	})
}
