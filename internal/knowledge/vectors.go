package knowledge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// ErrEmbedding is returned while somebody else gives vectors to the same collection.
var ErrEmbedding = errors.New("the collection's vectors are being made already")

// Embed gives a vector of the embedder's model to each passage that has none, and then makes them those that are searched. It may be
// ended at any point, also by the death of the process: the next call goes on from there. Vectors of another model stay in use until those
// of the new one are complete. Of several calls one works at a time, also across processes; others get ErrEmbedding.
func (c *Collection) Embed(ctx context.Context, e embed.Embedder, store embed.Store, o embed.Options) (embed.Report, error) {
	if !c.embedding.TryLock() {
		return embed.Report{}, ErrEmbedding
	}
	defer c.embedding.Unlock()
	unlock, err := c.index.TryLock(ctx, "vectors")
	if errors.Is(err, index.ErrLocked) {
		return embed.Report{}, ErrEmbedding
	}
	if err != nil {
		return embed.Report{}, fmt.Errorf("lock the vectors of %s: %w", c.Name, err)
	}
	defer unlock()
	return embed.Run(ctx, &target{Collection: c}, e, store, o)
}

// target is a collection while it is given vectors.
type target struct {
	*Collection
	left []int64 // chunks without a vector, as far as is known: to look at all after each batch would take longer than some models do
	all  int
}

var _ embed.Target = (*target)(nil)

// Pending implements embed.Target.
func (t *target) Pending(ctx context.Context, generation string, limit int) (some []embed.Passage, missing, all int, err error) {
	if len(t.left) < limit {
		if t.left, t.all, err = t.missing(ctx, generation); err != nil {
			return nil, 0, 0, err
		}
	}
	for len(t.left) > 0 {
		n := min(limit, len(t.left))
		chunks, err := t.index.ChunksByID(ctx, t.left[:n])
		if err != nil {
			return nil, 0, 0, err
		}
		if len(chunks) == 0 { // all of them are gone
			t.left = t.left[n:]
			continue
		}
		for i := range chunks {
			some = append(some, embed.Passage{ID: chunks[i].ID, Text: chunk.Embedded(&chunks[i].Chunk)})
		}
		break
	}
	return some, len(t.left), t.all, nil
}

// missing are the chunks that have no vector of a model, of how many.
func (c *Collection) missing(ctx context.Context, model string) (missing []int64, of int, err error) {
	ids, err := c.index.ChunkIDs(ctx)
	if err != nil {
		return nil, 0, err
	}
	all, err := c.index.Generations(ctx)
	if err != nil {
		return nil, 0, err
	}
	of = len(ids)
	at := slices.IndexFunc(all, func(g index.Generation) bool { return g.Model == model })
	if at < 0 {
		return ids, of, nil
	}
	have := map[int64]bool{}
	err = c.index.VectorIDs(ctx, all[at].ID, 0, func(_ int64, ids []int64, _ []byte) error {
		for _, id := range ids {
			have[id] = true
		}
		return nil
	})
	return slices.DeleteFunc(ids, func(id int64) bool { return have[id] }), of, err
}

// Save implements embed.Target.
func (t *target) Save(ctx context.Context, generation string, vectors []dense.Vector) error {
	if err := t.index.SaveVectors(ctx, generation, vectors); err != nil {
		return err
	}
	saved := make(map[int64]bool, len(vectors))
	for _, v := range vectors {
		saved[v.ID] = true
	}
	var rest []int64
	at := 0
	for ; at < len(t.left) && len(saved) > 0; at++ { // they lie at the beginning
		if id := t.left[at]; saved[id] {
			delete(saved, id)
		} else {
			rest = append(rest, id)
		}
	}
	at -= copy(t.left[at-len(rest):at], rest)
	t.left = t.left[at:]
	return nil
}

// Use implements embed.Target.
func (t *target) Use(ctx context.Context, generation string) error {
	if err := t.index.UseVectors(ctx, generation); err != nil {
		return err
	}
	return t.index.JoinVectors(ctx, generation)
}

// Vectors says how far the vectors of a collection are.
type Vectors struct {
	Model      string // those that are searched; empty where there are none
	Generation int64  // their number: it grows with each model; 0 where there are none
	Next       string // those that will take their place when they are complete
	Passages   int    // in the collection
	Missing    int    // passages that have no vector
	// Unsettled counts what an engine that searches them still has to be told, which Embed does: vectors that it lacks, documents that are
	// gone.
	Unsettled int
}

// VectorState says how far the vectors of a collection are. Missing counts by a model; "" stands for Next, or Model where there is no next one.
func (c *Collection) VectorState(ctx context.Context, model string) (Vectors, error) {
	commits, err := c.index.Generation(ctx)
	if err != nil {
		return Vectors{}, err
	}
	changes, err := c.index.VectorChanges(ctx)
	if err != nil {
		return Vectors{}, err
	}
	if last := c.counted.Load(); last != nil && last.model == model && last.commits == commits && last.changes == changes {
		v := last.Vectors
		v.Unsettled, err = c.index.Unsettled(ctx) // an engine is told without either changing
		return v, err
	}
	v, err := c.countVectors(ctx, model)
	if err == nil { // what changed meanwhile makes other numbers than these, and is counted by who asks next
		c.counted.Store(&counted{v, model, commits, changes})
	}
	return v, err
}

// counted is how far vectors were at one time: to count them takes a look at each, and metrics ask all the time.
type counted struct {
	Vectors
	model            string
	commits, changes int64
}

func (c *Collection) countVectors(ctx context.Context, model string) (Vectors, error) {
	all, err := c.index.Generations(ctx)
	if err != nil {
		return Vectors{}, err
	}
	var v Vectors
	for _, g := range all {
		if g.Active {
			v.Model, v.Generation = g.Model, g.ID
		} else {
			v.Next = g.Model
		}
	}
	if model == "" && len(all) > 0 {
		model = all[len(all)-1].Model
	}
	missing, of, err := c.missing(ctx, model)
	if err != nil {
		return v, err
	}
	v.Missing, v.Passages = len(missing), of
	v.Unsettled, err = c.index.Unsettled(ctx)
	return v, err
}

// vectors are those of a collection in memory, by their model: those that questions asked for.
type vectors struct {
	mu     sync.Mutex // held while they are read
	models map[string]*generation
}

type generation struct {
	id, last int64 // in the file: of the generation, and of the last block that was read
	changes  int64 // of the file, up to which they are read
	rows     *dense.Index
	owners   atomic.Pointer[index.Owners] // of the rows, as they were last asked for
}

// generation returns the vectors of a model as they are now, nil where there are none. Without a model it is the one in use.
func (c *Collection) generation(ctx context.Context, model string) (neighbours, error) {
	changes, err := c.index.VectorChanges(ctx)
	if err != nil || changes == 0 {
		return nil, err
	}
	v := &c.vectors
	v.mu.Lock()
	defer v.mu.Unlock()
	if g := v.models[model]; g != nil && g.changes >= changes {
		return inMemory{c.index, g, g.rows.View()}, nil
	}
	all, err := c.index.Generations(ctx)
	if err != nil || len(all) == 0 {
		v.models = nil
		return nil, err
	}
	for name, g := range v.models { // what is gone is let go
		if !slices.ContainsFunc(all, func(have index.Generation) bool { return have.ID == g.id }) {
			delete(v.models, name)
		}
	}
	at := slices.IndexFunc(all, func(g index.Generation) bool { return g.Model == model || model == "" })
	if at < 0 || all[at].Dims == 0 {
		return nil, nil
	}
	switch o, engine, err := c.index.Outside(ctx, all[at]); {
	case err != nil:
		return nil, err
	case o != nil:
		return o, nil
	case engine: // it is being given them
		return nil, nil
	}
	if n := c.index.Neighbours(all[at]); n != nil {
		return n, nil
	}
	g := v.models[all[at].Model]
	if g == nil {
		g = &generation{id: all[at].ID, rows: dense.New(all[at].Dims)}
	}
	if err := c.loadVectors(ctx, g); err != nil {
		return nil, err
	}
	g.changes = changes
	if v.models == nil {
		v.models = map[string]*generation{}
	}
	v.models[all[at].Model] = g
	return inMemory{c.index, g, g.rows.View()}, nil
}

// loadVectors reads what was saved since, and lets go of what belongs to chunks that are gone when that is much.
func (c *Collection) loadVectors(ctx context.Context, g *generation) error {
	alive, err := c.index.ChunkIDs(ctx)
	if err != nil {
		return err
	}
	newest := int64(0)
	if len(alive) > 0 {
		newest = alive[len(alive)-1]
	}
	there := func(id int64) bool { // what has a greater number came while we read
		_, ok := slices.BinarySearch(alive, id)
		return ok || id > newest
	}
	if g.last == 0 {
		g.rows.Grow(len(alive))
	}
	var add []dense.Vector
	err = c.index.VectorBlocks(ctx, g.id, g.last, func(block int64, ids []int64, rows []byte) error {
		add = add[:0]
		size := len(rows) / max(len(ids), 1)
		for i, id := range ids {
			if there(id) && !g.rows.Has(id) {
				add = append(add, dense.Vector{ID: id, Row: rows[i*size : (i+1)*size]})
			}
		}
		g.last = block
		return g.rows.Add(add...)
	})
	if err == nil && g.rows.Len() > len(alive)+len(alive)/4+vectorSlack {
		g.rows = g.rows.Keep(there)
	}
	return err
}

// vectorSlack is how many vectors of chunks that are gone are kept at least.
const vectorSlack = 1000
