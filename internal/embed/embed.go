// Package embed makes vectors of texts: by the encoder in this process, or by a service, and keeps those of collections up to date
// with a queue that outlives crashes, limits and services that are down.
package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/dragoman/dragoman/internal/encoder"
)

// Kind is what a text is: models for search treat questions and passages differently.
type Kind int

// The kinds.
const (
	Document Kind = iota
	Query
)

// Embedder makes vectors. It is safe for concurrent use.
type Embedder interface {
	// Model names the model and its version: vectors of different ones cannot be compared.
	Model() string
	// Embed returns a vector of length 1 for each text, in order.
	Embed(ctx context.Context, kind Kind, texts []string) ([][]float32, error)
	// Batch is how many texts it likes at once.
	Batch() int
}

// Local is the encoder in this process.
type Local struct{ enc *encoder.Encoder }

var _ Embedder = Local{}

// NewLocal makes an embedder of an encoder.
func NewLocal(enc *encoder.Encoder) Local { return Local{enc} }

// Model implements Embedder.
func (l Local) Model() string { return l.enc.Name() + "@" + l.enc.Version() }

// Batch implements Embedder. Larger ones gain nothing: the encoder takes texts one by one.
func (l Local) Batch() int { return 32 }

// Embed implements Embedder.
func (l Local) Embed(ctx context.Context, kind Kind, texts []string) ([][]float32, error) {
	dims := l.enc.Dimensions()
	flat := make([]float32, len(texts)*dims)
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = flat[i*dims : (i+1)*dims]
	}
	if kind == Query {
		for i, t := range texts {
			if err := l.enc.EncodeQuery(ctx, t, out[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return out, l.enc.Encode(ctx, texts, out)
}

// Send asks a service for vectors. Errors that may pass are told by Temporary.
type Send func(ctx context.Context, kind Kind, texts []string) ([][]float32, error)

// Remote is a service. What it answers is not believed: see Embed.
type Remote struct {
	model string
	batch int
	send  Send
	dims  int // 0: as many as the first answer has
	seen  *atomic.Int64
}

var _ Embedder = (*Remote)(nil)

// NewRemote makes an embedder of a service. dims is how many dimensions its vectors must have; 0: as many as the first ones have.
func NewRemote(model string, dims, batch int, send Send) *Remote {
	if batch <= 0 {
		batch = 64
	}
	if dims > 0 {
		model = fmt.Sprintf("%s/%d", model, dims)
	}
	return &Remote{model, batch, send, dims, new(atomic.Int64)}
}

// Model implements Embedder.
func (r *Remote) Model() string { return r.model }

// Batch implements Embedder.
func (r *Remote) Batch() int { return r.batch }

// ErrAnswer is wrapped by errors of services that answer with what are no vectors of the texts.
var ErrAnswer = errors.New("the embedding service answers wrongly")

// Embed implements Embedder. It refuses answers of another number, of other dimensions, and of numbers that are none, and brings
// vectors to length 1.
func (r *Remote) Embed(ctx context.Context, kind Kind, texts []string) ([][]float32, error) {
	out, err := r.send(ctx, kind, texts)
	if err != nil {
		return nil, err
	}
	if len(out) != len(texts) {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrAnswer, len(out), len(texts))
	}
	want := r.dims
	if want == 0 {
		want = int(r.seen.Load())
	}
	if want == 0 && len(out) > 0 {
		want = len(out[0])
	}
	for i, v := range out {
		if len(v) == 0 || len(v) != want {
			return nil, fmt.Errorf("%w: a vector of %d dimensions in place of %d", ErrAnswer, len(v), want)
		}
		if err := normalize(v); err != nil {
			return nil, fmt.Errorf("%w: text %d: %w", ErrAnswer, i+1, err)
		}
	}
	if len(out) > 0 && !r.seen.CompareAndSwap(0, int64(want)) && r.dims == 0 && r.seen.Load() != int64(want) {
		return nil, fmt.Errorf("%w: a vector of %d dimensions in place of %d", ErrAnswer, want, r.seen.Load()) // of two first answers at once
	}
	return out, nil
}

func normalize(v []float32) error {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return errors.New("it holds what is no number")
	}
	if sum == 0 {
		return errors.New("it is zero")
	}
	f := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= f
	}
	return nil
}
