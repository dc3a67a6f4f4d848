package encoder

import (
	"context"
	"sync"
	"sync/atomic"
)

// groupRows is how many tokens go through the layers together, or as many more as the last text has. Fewer would unpack the weights
// more often, more would not fit the second-level cache.
const groupRows = 128

// maxKept is how many bytes a scratch may keep for the words of a text.
const maxKept = 1 << 20

func (e *Encoder) scratch() *scratch {
	select {
	case s := <-e.memory:
		return s
	default:
		return e.model.newScratch(groupRows+e.recipe.maxTokens, e.recipe.maxTokens)
	}
}

func (e *Encoder) release(s *scratch) {
	s.batch.reset()
	s.texts = s.texts[:0]
	s.split.reset(nil, "")
	if cap(s.split.segment)+cap(s.split.buffer) > maxKept {
		s.split = words{}
	}
	select {
	case e.memory <- s:
	default:
	}
}

// run takes n texts through the model, in groups and on several workers: add appends text i to the batch of a group, take gets its
// rows. A worker takes the next text when it has room for it, so that none waits for another.
func (e *Encoder) run(ctx context.Context, n int, query, firstOnly bool, add func(s *scratch, i int), take func(s *scratch, rows []float32, i int)) error {
	workers := min(e.workers, n)
	if workers == 0 {
		return context.Cause(ctx)
	}
	share := (n + workers - 1) / workers // of a few texts, one worker shall not take all
	var cursor atomic.Int64
	work := func(ctx context.Context) error {
		for int(cursor.Load()) < n {
			if err := e.group(ctx, query, firstOnly, func() int {
				if i := int(cursor.Add(1)) - 1; i < n {
					return i
				}
				return -1
			}, share, add, take); err != nil {
				return err
			}
		}
		return nil
	}
	if workers == 1 {
		return work(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			if err := work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// group takes the next texts through the model.
func (e *Encoder) group(ctx context.Context, query, firstOnly bool, next func() int, most int, add func(s *scratch, i int), take func(s *scratch, rows []float32, i int)) error {
	if err := e.gate.enter(ctx, query); err != nil {
		return err
	}
	s := e.scratch()
	defer e.release(s)
	for len(s.texts) < most && len(s.batch.ids) < groupRows {
		i := next()
		if i < 0 {
			break
		}
		add(s, i)
		s.texts = append(s.texts, i)
	}
	if len(s.texts) > 0 {
		pause := e.pause
		if query {
			pause = e.check
		}
		if err := e.model.forward(ctx, s, firstOnly, pause); err != nil {
			return err
		}
		for k, i := range s.texts {
			take(s, s.rows(k, firstOnly, e.Dimensions()), i)
		}
	}
	e.gate.leave()
	return nil
}
