package embed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Hash is of a text as it is embedded, and says whether its vector is there already.
type Hash [16]byte

// HashOf hashes a text.
func HashOf(text string) Hash {
	sum := sha256.Sum256([]byte(text))
	return Hash(sum[:16])
}

// Passage is a chunk that needs a vector.
type Passage struct {
	ID   int64  // of the chunk
	Text string // as it is embedded: with its contextual header
}

// Target is an index whose passages need vectors. A vector belongs to a generation, which is a model: those of a new one are gathered
// beside those in use, and take their place at once when they are complete.
type Target interface {
	// Pending returns chunks without a vector of a generation, at most limit. It says how many there are, and how many chunks in all.
	Pending(ctx context.Context, generation string, limit int) (some []Passage, missing, all int, err error)
	// Save makes vectors durable. Those of chunks that are gone are let go.
	Save(ctx context.Context, generation string, vectors []dense.Vector) error
	// Use makes a generation the one that is searched, and lets all others go. It is called when nothing is pending in it.
	Use(ctx context.Context, generation string) error
}

// Store keeps vectors by what they are of, so that no text is embedded twice: not in another collection, nor under another name.
type Store interface {
	// Rows returns those that are there.
	Rows(ctx context.Context, model string, hashes []Hash) (map[Hash]dense.Row, error)
	SaveRows(ctx context.Context, model string, rows map[Hash]dense.Row) error
}

// Options say how a target is brought up to date.
type Options struct {
	PerMinute int                                        // texts that are sent in a minute at most; 0: any
	Tries     int                                        // of a batch; 0: 6
	Now       func() time.Time                           // required
	Wait      func(context.Context, time.Duration) error // nil waits for real
	Progress  func(done, left int)                       // of passages; may be nil
}

// Report is what a run did.
type Report struct {
	Embedded, Reused int
	Failed           int    // chunks that were given up
	Why              string // the last of them
}

// tries of a batch before it is given up: with waits up to half a minute they take about a minute.
const (
	tries     = 6
	firstWait = 500 * time.Millisecond
	longWait  = 30 * time.Second
	// pendingAtOnce bounds what is held in memory.
	pendingAtOnce = 1024
	// mostInARow texts that are refused one after the other are the service's fault, and not theirs.
	mostInARow = 20
	// mostFailed is which part of the passages may be given up by a generation that is to be used: one in four.
	mostFailed = 4
)

// Retryable is implemented by errors that tell whether, and when, it makes sense to try again.
type Retryable interface {
	error
	Retryable() bool
	RetryAfterTime() time.Duration // 0: not told
}

// Run gives vectors to all passages of a target that have none, and returns when none is left, or ctx ends. What was saved stays, so that
// a run that was killed is gone on with by the next. A batch that fails for good is halved, until the text is found that the model does
// not take; that one is left without a vector, and is found by its words.
func Run(ctx context.Context, t Target, e Embedder, store Store, o Options) (Report, error) {
	if o.Tries <= 0 {
		o.Tries = tries
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	r := &run{t: t, e: e, store: store, o: o, given: map[int64]bool{}}
	for {
		pending, missing, all, err := t.Pending(ctx, e.Model(), pendingAtOnce+len(r.given))
		if err != nil {
			return r.report, err
		}
		var todo []Passage
		for _, c := range pending {
			if !r.given[c.ID] {
				todo = append(todo, c)
			}
		}
		if len(todo) == 0 {
			if n := r.report.Failed; n*mostFailed > all {
				// What is in use is better than what has such gaps.
				return r.report, fmt.Errorf("%d passages could not be embedded, the last one: %s", n, r.report.Why)
			}
			return r.report, t.Use(ctx, e.Model())
		}
		r.left = missing - len(r.given)
		if err := r.some(ctx, todo); err != nil {
			return r.report, err
		}
	}
}

type run struct {
	t      Target
	e      Embedder
	store  Store
	o      Options
	report Report
	given  map[int64]bool // given up
	row    int            // texts that were given up one after the other
	left   int            // passages to be done
	sent   int            // texts in the minute that began at since
	since  time.Time
}

// some embeds chunks, those first whose vectors are known.
func (r *run) some(ctx context.Context, chunks []Passage) error {
	hashes := make([]Hash, len(chunks))
	for i, c := range chunks {
		hashes[i] = HashOf(c.Text)
	}
	places := map[Hash][]Passage{} // one text may stand in several
	var order []Hash
	for i, c := range chunks {
		if places[hashes[i]] == nil {
			order = append(order, hashes[i])
		}
		places[hashes[i]] = append(places[hashes[i]], c)
	}
	order, err := r.reuse(ctx, order, places)
	if err != nil {
		return err
	}
	claimer, ok := r.store.(Claimer)
	if !ok {
		claimer = &claims{}
	}
	for len(order) > 0 {
		n := min(r.e.Batch(), len(order))
		mine, busy, release := claimer.Claim(r.e.Model(), order[:n])
		if len(mine) == 0 {
			release()
			select {
			case <-busy:
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		todo, err := r.reuse(ctx, mine, places) // another may have had it made since
		if err == nil && len(todo) > 0 {
			err = r.batch(ctx, todo, places)
		}
		release()
		if err != nil {
			return err
		}
		others := slices.DeleteFunc(slices.Clone(order[:n]), func(h Hash) bool { return slices.Contains(mine, h) })
		order = append(order[n:], others...)
	}
	return nil
}

// reuse saves the vectors of texts that were made before, and returns the texts that have none.
func (r *run) reuse(ctx context.Context, hashes []Hash, places map[Hash][]Passage) (missing []Hash, err error) {
	known, err := r.store.Rows(ctx, r.e.Model(), hashes)
	if err != nil {
		return nil, err
	}
	var ready []dense.Vector
	for _, h := range hashes {
		row, ok := known[h]
		if !ok {
			missing = append(missing, h)
			continue
		}
		for _, c := range places[h] {
			ready = append(ready, dense.Vector{ID: c.ID, Row: row})
		}
	}
	if len(ready) == 0 {
		return missing, nil
	}
	if err := r.t.Save(ctx, r.e.Model(), ready); err != nil {
		return nil, err
	}
	r.report.Reused += len(ready)
	r.progress(len(ready))
	return missing, nil
}

// batch embeds texts and saves their vectors.
func (r *run) batch(ctx context.Context, hashes []Hash, chunks map[Hash][]Passage) error {
	texts := make([]string, len(hashes))
	for i, h := range hashes {
		texts[i] = chunks[h][0].Text
	}
	vectors, err := r.embed(ctx, texts)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if temporary(err) || !ofTexts(err) { // it is down, or may not be asked: what is left is done by a later run
			return err
		}
		if len(hashes) > 1 {
			if err := r.batch(ctx, hashes[:len(hashes)/2], chunks); err != nil {
				return err
			}
			return r.batch(ctx, hashes[len(hashes)/2:], chunks)
		}
		for _, c := range chunks[hashes[0]] {
			r.given[c.ID] = true
			r.report.Failed++
		}
		r.report.Why = err.Error()
		if r.row++; r.row >= mostInARow {
			return fmt.Errorf("%d texts one after the other could not be embedded: %w", r.row, err)
		}
		return nil
	}
	r.row = 0
	rows := make(map[Hash]dense.Row, len(vectors))
	var save []dense.Vector
	for i, v := range vectors {
		row, err := dense.NewRow(v)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		rows[hashes[i]] = row
		for _, c := range chunks[hashes[i]] {
			save = append(save, dense.Vector{ID: c.ID, Row: row})
		}
	}
	if err := r.store.SaveRows(ctx, r.e.Model(), rows); err != nil {
		return err
	}
	if err := r.t.Save(ctx, r.e.Model(), save); err != nil {
		return err
	}
	r.report.Embedded += len(save)
	r.progress(len(save))
	return nil
}

func (r *run) progress(n int) {
	r.left -= n
	if r.o.Progress != nil {
		r.o.Progress(r.report.Embedded+r.report.Reused, max(r.left, 0))
	}
}

// embed tries until it has an answer, or it makes no more sense.
func (r *run) embed(ctx context.Context, texts []string) ([][]float32, error) {
	for try := 0; ; try++ {
		if err := r.pace(ctx, len(texts)); err != nil {
			return nil, err
		}
		out, err := r.e.Embed(ctx, Document, texts)
		if err == nil || ctx.Err() != nil {
			return out, err
		}
		if !temporary(err) || try+1 >= r.o.Tries {
			return nil, err
		}
		pause := time.Duration(float64(min(firstWait<<try, longWait)) * (0.5 + rand.Float64()/2))
		if e, ok := errors.AsType[Retryable](err); ok && e.RetryAfterTime() > 0 {
			pause = e.RetryAfterTime()
		}
		if err := r.o.Wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// pace keeps to the limit of texts in a minute.
func (r *run) pace(ctx context.Context, n int) error {
	if r.o.PerMinute <= 0 {
		return ctx.Err()
	}
	now := r.o.Now()
	if now.Sub(r.since) >= time.Minute {
		r.since, r.sent = now, 0
	}
	if r.sent > 0 && r.sent+n > r.o.PerMinute {
		if err := r.o.Wait(ctx, r.since.Add(time.Minute).Sub(now)); err != nil {
			return err
		}
		r.since, r.sent = r.o.Now(), 0
	}
	r.sent += n
	return ctx.Err()
}

func temporary(err error) bool {
	if errors.Is(err, ErrAnswer) {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	e, ok := errors.AsType[Retryable](err)
	return ok && e.Retryable()
}

// ofTexts says whether an error may be the fault of the texts: not, where the service refuses us, or a budget is used up.
func ofTexts(err error) bool {
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || errors.Is(err, ErrAnswer) {
		return true
	}
	switch e.Code {
	case chat.CodeInvalidRequest, chat.CodeTooLarge, chat.CodeContextTooLong, chat.CodeContentFiltered:
		return true
	}
	return false
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
