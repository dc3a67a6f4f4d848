package encoder

import (
	"context"
	"sync"
	"sync/atomic"
)

// groupRows is how many tokens go through the layers together, or as many more as the last text has. Fewer would unpack the weights
// more often; more gain nothing that can be measured, and let queries wait longer.
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

// job is n texts to be taken through the model. Take gets what came of text i: its rows, or the first alone.
type job struct {
	n         int
	query     bool // goes before documents
	firstOnly bool
	add       func(s *scratch, i int) // appends text i to a batch
	take      func(s *scratch, rows []float32, i int)
	cursor    atomic.Int64
}

// next is the next text that nobody has taken, or -1.
func (j *job) next() int {
	if i := int(j.cursor.Add(1)) - 1; i < j.n {
		return i
	}
	return -1
}

// run does a job in groups of texts, on several workers. A worker takes the next text when it has room for it, so none waits for
// another.
func (e *Encoder) run(ctx context.Context, j *job) error {
	workers := min(e.workers, j.n)
	if workers <= 1 {
		return e.work(ctx, j, groupRows)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	most := (j.n + workers - 1) / workers // of a few texts, one worker shall not take all
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			if err := e.work(ctx, j, most); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (e *Encoder) work(ctx context.Context, j *job, most int) error {
	for int(j.cursor.Load()) < j.n {
		if err := e.group(ctx, j, most); err != nil {
			return err
		}
	}
	return nil
}

// group takes the next texts through the model, at most so many.
func (e *Encoder) group(ctx context.Context, j *job, most int) error {
	if err := e.gate.enter(ctx, j.query); err != nil {
		return err
	}
	defer e.gate.leave(j.query)
	s := e.scratch()
	defer e.release(s)
	for len(s.texts) < most && len(s.batch.ids) < groupRows {
		i := j.next()
		if i < 0 {
			break
		}
		j.add(s, i)
		s.texts = append(s.texts, i)
	}
	if len(s.texts) == 0 {
		return nil
	}
	pause := e.gate.pause
	if j.query {
		pause = context.Cause
	}
	if err := e.model.forward(ctx, s, j.firstOnly, pause); err != nil {
		return err
	}
	for k, i := range s.texts {
		j.take(s, s.rows(k, j.firstOnly, e.Dimensions()), i)
	}
	return nil
}
