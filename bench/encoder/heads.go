package main

import (
	"context"

	"github.com/dragoman/dragoman/internal/encoder"
)

// heads is what a model's classification head makes of texts, a row for each: of a text alone the probability of each label; of a text
// and a passage their score. Passages may be none.
func heads(ctx context.Context, e *encoder.Encoder, texts, passages []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		if len(passages) > 0 {
			score, err := e.Score(ctx, text, passages[i:i+1])
			if err != nil {
				return nil, err
			}
			out[i] = score
			continue
		}
		out[i] = make([]float32, len(e.Labels()))
		if err := e.Classify(ctx, []string{text}, out[i:i+1]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
