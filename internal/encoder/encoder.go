// Package encoder runs BERT-family models in Go: embeddings of texts, scores of pairs (cross-encoders), and classification heads. It reads
// a folder as the Hugging Face libraries write it: config.json, tokenizer.json and model.safetensors, and where they are
// there modules.json, 1_Pooling/config.json and sentence_bert_config.json of sentence-transformers. MiniLM, bge and e5 for English are
// such models; what is not supported is refused when the folder is opened.
//
// The matrix products run in AVX-512, AVX2 or NEON where the processor has it, and in plain Go elsewhere.
package encoder

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Precision is how weights are kept in memory.
type Precision int

const (
	// Int8 keeps a matrix as int8 with a factor for each row, a quarter of the memory; sums are float32. A vector of
	// MiniLM then has a cosine of 0.9995 with that of Float32 (the mean of 1,000 texts; 0.996 at the least).
	Int8 Precision = iota
	// Float32 computes as the model was published.
	Float32
)

// Pooling is how the vectors of tokens become that of a text.
type Pooling int

const (
	// AutoPooling is what 1_Pooling/config.json says, and the mean where it is missing.
	AutoPooling Pooling = iota
	// MeanPooling is the mean of all tokens, [CLS] and [SEP] included.
	MeanPooling
	// CLSPooling is the first token.
	CLSPooling
)

// Options say how a model is run; the zero value is right for most.
type Options struct {
	Name      string // of the model, for vectors' provenance; the folder's name by default
	Precision Precision
	Pooling   Pooling
	// KeepLength leaves vectors as long as they come. Otherwise they are scaled to length 1 when modules.json says so, or is
	// missing.
	KeepLength bool
	// MaxTokens is how many tokens of a text are read, [CLS] and [SEP] included: at most what the model has positions for. By
	// default it is what sentence_bert_config.json says, or all positions.
	MaxTokens int
	// Workers bounds how many forward passes run at once; GOMAXPROCS by default.
	Workers int
	// Now is the time, by which documents make room for queries; time.Now by default.
	Now func() time.Time
	// QueryPrefix and PassagePrefix are set before a text: bge and e5 were trained with such.
	QueryPrefix, PassagePrefix string
}

// Encoder is a model that is ready to run. It is safe for concurrent use, has no goroutines of its own and needs no closing.
type Encoder struct {
	model     *model
	tokenizer *tokenizer
	recipe    recipe
	name      string
	version   string
	query     string
	passage   string
	workers   int
	gate      gate
	memory    chan *scratch
}

// Name is the model's name.
func (e *Encoder) Name() string { return e.name }

// Version changes whenever the model would give other vectors: with the weights, the tokenizer, the precision and the options.
// Vectors of different versions are not to be compared.
func (e *Encoder) Version() string { return e.version }

// Dimensions is how many numbers a vector has.
func (e *Encoder) Dimensions() int { return e.model.Hidden }

// MaxTokens is how many tokens of a text are read; what is beyond is left out.
func (e *Encoder) MaxTokens() int { return e.recipe.maxTokens }

// Labels are the names of the classification head's outputs, none where there is no head.
func (e *Encoder) Labels() []string {
	if e.model.head == nil {
		return nil
	}
	return e.model.head.labels
}

// Kernel names the instructions that are used: "avx512", "avx2", "neon" or "scalar".
func (e *Encoder) Kernel() string { return e.model.kernels.name }

// Encode writes the vector of each text, a passage, to dst; each of dst has room for Dimensions numbers. On an error dst is
// partly written.
func (e *Encoder) Encode(ctx context.Context, texts []string, dst [][]float32) error {
	if err := fits(len(texts), dst, e.Dimensions()); err != nil {
		return err
	}
	return e.run(ctx, &job{
		n: len(texts), firstOnly: e.recipe.pooling == CLSPooling,
		add:  func(s *scratch, i int) { e.add(s, e.passage, texts[i]) },
		take: func(_ *scratch, rows []float32, i int) { e.pool(dst[i], rows) },
	})
}

// fits says whether there is a place for each of n texts, with room for so many numbers.
func fits(n int, dst [][]float32, numbers int) error {
	if len(dst) != n {
		return fmt.Errorf("there are %d texts and %d places for what comes of them", n, len(dst))
	}
	for i := range dst {
		if len(dst[i]) != numbers {
			return fmt.Errorf("place %d has room for %d numbers, and there are %d", i, len(dst[i]), numbers)
		}
	}
	return nil
}

// EncodeQuery writes the vector of a query to dst, which has room for Dimensions numbers. It goes before all documents that wait or
// are being encoded.
func (e *Encoder) EncodeQuery(ctx context.Context, text string, dst []float32) error {
	if len(dst) != e.Dimensions() {
		return fmt.Errorf("there is room for %d numbers, a vector has %d", len(dst), e.Dimensions())
	}
	if err := e.gate.enter(ctx, true); err != nil {
		return err
	}
	defer e.gate.leave(true)
	s := e.scratch()
	defer e.release(s)
	e.add(s, e.query, text)
	first := e.recipe.pooling == CLSPooling
	if err := e.model.forward(ctx, s, first, context.Cause); err != nil {
		return err
	}
	e.pool(dst, s.rows(0, first, e.Dimensions()))
	return nil
}

// add makes a sequence of a text: [CLS] text [SEP].
func (e *Encoder) add(s *scratch, prefix, text string) {
	t, b := e.tokenizer, &s.batch
	begin := len(b.ids)
	b.ids = append(b.ids, t.cls)
	if prefix != "" {
		text = prefix + text
	}
	b.ids = t.appendIDs(b.ids, text, e.recipe.maxTokens-2, &s.split)
	b.ids = append(b.ids, t.sep)
	b.end(len(b.ids)-begin, 0)
}

// pool makes the vector of a text of the vectors of its tokens.
func (e *Encoder) pool(dst, rows []float32) {
	copy(dst, rows)
	n := len(dst)
	if e.recipe.pooling == MeanPooling && len(rows) > n {
		for at := n; at < len(rows); at += n {
			for i, x := range rows[at : at+n] {
				dst[i] += x
			}
		}
		for i := range dst {
			dst[i] /= float32(len(rows) / n)
		}
	}
	if e.recipe.normalize {
		var squares float64
		for _, x := range dst {
			squares += float64(x) * float64(x)
		}
		factor := float32(1 / max(math.Sqrt(squares), 1e-12))
		for i := range dst {
			dst[i] *= factor
		}
	}
}
