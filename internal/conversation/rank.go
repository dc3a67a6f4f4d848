package conversation

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/token"
)

// Parameters of BM25, as they are in most of its implementations.
const (
	k1 = 1.2
	b  = 0.75
)

const (
	// minCoverage is the share of a question's weight that an old exchange must speak of to be recalled.
	minCoverage = 0.3
	// minSimilar is from which cosine on an exchange is recalled that shares no word with the question.
	minSimilar = 0.45
	// mostRecalled exchanges are shown: those after them rarely hold what is looked for.
	mostRecalled = 6
)

// Rank scores texts by the words of a query (BM25), and says which share of the query's weight each speaks of, 0..1. Words of
// the query that no text has count, too.
func Rank(texts [][]string, query []string) (scores, coverage []float64) {
	scores, coverage = make([]float64, len(texts)), make([]float64, len(texts))
	query = slices.Compact(slices.Sorted(slices.Values(query)))
	if len(query) == 0 || len(texts) == 0 {
		return scores, coverage
	}
	at := make(map[string]int, len(query))
	for i, w := range query {
		at[w] = i
	}
	counts := make([]int, len(texts)*len(query))
	df := make([]int, len(query))
	length := 0
	for i, words := range texts {
		length += len(words)
		own := counts[i*len(query) : (i+1)*len(query)]
		for _, w := range words {
			if q, ok := at[w]; ok {
				if own[q]++; own[q] == 1 {
					df[q]++
				}
			}
		}
	}
	mean := max(float64(length)/float64(len(texts)), 1)
	weights, sum := make([]float64, len(query)), 0.0
	for q, n := range df {
		weights[q] = math.Log(1 + (float64(len(texts)-n)+0.5)/(float64(n)+0.5))
		sum += weights[q]
	}
	for i, words := range texts {
		norm := k1 * (1 - b + b*float64(len(words))/mean)
		for q, w := range weights {
			if n := float64(counts[i*len(query)+q]); n > 0 {
				scores[i] += w * n * (k1 + 1) / (n + norm)
				coverage[i] += w / sum
			}
		}
	}
	return scores, coverage
}

// exchange is what a user said and what was answered.
type exchange struct{ messages []Message }

func exchanges(old []Message) (out []exchange) {
	for i, m := range old {
		if i == 0 || m.Role == chat.User {
			out = append(out, exchange{})
		}
		x := &out[len(out)-1]
		x.messages = append(x.messages, m)
	}
	return out
}

func (x *exchange) text() string {
	var b strings.Builder
	for i, m := range x.messages {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(string(m.Role) + ": " + m.Text())
	}
	return b.String()
}

// recall chooses the old exchanges that speak of the question.
func (v *View) recall(lex Lexicon, old []Message, question string, budget int, similar func(Message, string) (float64, bool)) {
	xs := exchanges(old)
	query := lex.Words(question)
	texts := make([][]string, len(xs))
	for i := range xs {
		for j := range xs[i].messages {
			texts[i] = append(texts[i], xs[i].messages[j].read(lex).words...)
		}
	}
	scores, coverage := Rank(texts, query)
	var found []int
	for i := range xs {
		near := 0.0
		if similar != nil {
			if s, ok := similar(xs[i].messages[0], xs[i].text()); ok && s >= minSimilar {
				near = s
			}
		}
		if coverage[i] < minCoverage && near == 0 {
			scores[i] = 0
			continue
		}
		scores[i] = scores[i]*coverage[i] + 2*near
		found = append(found, i)
	}
	// The later one of two that say as much is more likely to hold still.
	slices.SortStableFunc(found, func(i, j int) int {
		return cmp.Or(cmp.Compare(scores[j], scores[i]), cmp.Compare(j, i))
	})
	found = found[:min(len(found), mostRecalled)]
	for n, i := range found {
		room := budget / (len(found) - n)
		text := xs[i].text()
		if size := token.Estimate(text); size > room {
			if text = Excerpt(lex, xs[i].messages, query, room); text == "" {
				continue
			}
		}
		budget -= token.Estimate(text)
		v.Tokens += token.Estimate(text)
		v.Recalled = append(v.Recalled, Recalled{Number: xs[i].messages[0].Number, Score: math.Round(scores[i]*100) / 100, Text: text})
	}
	slices.SortStableFunc(v.Recalled, func(a, b Recalled) int { return cmp.Compare(a.Number, b.Number) })
}
