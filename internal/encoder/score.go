package encoder

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrNoHead says that a model has no head for what is asked.
var ErrNoHead = errors.New("the model has no classification head")

// Score says how well each passage answers a query: the logit of a cross-encoder with one output, to which [CLS] query [SEP] passage
// [SEP] is shown. Higher is better; 1/(1+exp(-score)) lies between 0 and 1. Of a pair that is too long, the longer text
// is cut first. It goes before documents, as a query does.
func (e *Encoder) Score(ctx context.Context, query string, passages []string) ([]float32, error) {
	if h := e.model.head; h == nil || len(h.labels) != 1 {
		return nil, fmt.Errorf("%w with one output: it cannot score pairs", ErrNoHead)
	}
	if e.model.Types < 2 {
		return nil, errors.New("the model was not trained on pairs: its type_vocab_size is 1")
	}
	scores := make([]float32, len(passages))
	return scores, e.run(ctx, &job{
		n: len(passages), query: true, firstOnly: true,
		add:  func(s *scratch, i int) { e.addPair(s, query, passages[i]) },
		take: func(s *scratch, first []float32, i int) { e.logits(scores[i:i+1], s, first) },
	})
}

// Classify writes to dst, for each text, the probabilities of the Labels: by softmax where there are several, by the logistic
// function where there is one. It goes before documents, as a query does.
func (e *Encoder) Classify(ctx context.Context, texts []string, dst [][]float32) error {
	if e.model.head == nil {
		return ErrNoHead
	}
	if err := fits(len(texts), dst, len(e.Labels())); err != nil {
		return err
	}
	return e.run(ctx, &job{
		n: len(texts), query: true, firstOnly: true,
		add: func(s *scratch, i int) { e.add(s, "", texts[i]) },
		take: func(s *scratch, first []float32, i int) {
			e.logits(dst[i], s, first)
			probabilities(dst[i])
		},
	})
}

// addPair makes a sequence of two texts: [CLS] a [SEP] b [SEP], of type 1 after the first [SEP].
func (e *Encoder) addPair(s *scratch, first, second string) {
	t, b := e.tokenizer, &s.batch
	room := e.recipe.maxTokens - 3
	begin := len(b.ids)
	b.ids = append(b.ids, t.cls)
	b.ids = t.appendIDs(b.ids, first, room, &s.split)
	m := len(b.ids) - begin - 1
	b.ids = append(b.ids, t.sep)
	b.ids = t.appendIDs(b.ids, second, room, &s.split)
	n := len(b.ids) - begin - 2 - m

	keepM, keepN := longestFirst(m, n, room)
	copy(b.ids[begin+1+keepM:], b.ids[begin+1+m:begin+2+m+keepN]) // [SEP] and what is kept of the second
	b.ids = append(b.ids[:begin+2+keepM+keepN], t.sep)
	b.end(keepM+2, keepN+1)
}

// longestFirst says how many of m and n tokens are kept where there is room for so many: "longest first" of tokenizers, by which the longer
// loses tokens until both are equal; an odd one goes to who had more. Since neither is read further than there is room, of two texts
// that are both longer than that the second counts as the longer one, which is off by one token where it isn't.
func longestFirst(m, n, room int) (int, int) {
	switch {
	case m+n <= room:
		return m, n
	case m > n:
		n, m = longestFirst(n, m, room)
		return m, n
	case m <= room/2:
		return m, room - m
	}
	return room / 2, room - room/2
}

// logits writes what the head makes of the first token of a sequence: its linear layer over the pooler, tanh(W x + b).
func (e *Encoder) logits(dst []float32, s *scratch, first []float32) {
	m, pooled := e.model, s.y[:e.model.Hidden]
	m.kernels.linear(pooled, m.Hidden, first, m.Hidden, 1, m.pooler, s.room)
	for i, x := range pooled {
		pooled[i] = float32(math.Tanh(float64(x)))
	}
	for j := range dst {
		sum := m.head.bias[j]
		for i, w := range m.head.weights[j*m.Hidden : (j+1)*m.Hidden] {
			sum += w * pooled[i]
		}
		dst[j] = sum
	}
}

func probabilities(x []float32) {
	if len(x) == 1 {
		x[0] = float32(1 / (1 + math.Exp(-float64(x[0]))))
		return
	}
	most, sum := x[0], 0.0
	for _, v := range x {
		most = max(most, v)
	}
	for _, v := range x {
		sum += math.Exp(float64(v - most))
	}
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v-most)) / sum)
	}
}
