package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/token"
)

// Recalled are the memories of a turn.
type Recalled struct {
	Memories []Memory  // the earliest first
	Scores   []float64 // of each
	LeftOut  int       // that did not fit, or speak of other things
	Tokens   int
}

// Query asks for memories.
type Query struct {
	Owner     string
	Assistant string // whose memories; empty: those that assistants share
	Question  string
	Budget    int // tokens
	// Within is a label: memories with a stricter one are left out. Nil: all are told.
	Within *route.Privacy
	// Similar says how near the meaning of a memory is to the question, -1..1; nil, and false as a result, where that is not known.
	Similar func(Memory) (float64, bool)
}

// What a memory's rank is made of, beside BM25 of its words.
const (
	nearWeight       = 4.0  // of a cosine
	nearFrom         = 0.25 // below it says nothing
	preferenceWeight = 0.5  // they hold whatever the question is
	confidenceWeight = 0.2
	perMemory        = 3 // tokens of what stands around one
)

// Recall finds the memories that help to answer a question: by words and by meaning, preferences before facts where neither says
// anything. All are taken that fit the budget.
func (k *Keeper) Recall(ctx context.Context, q Query) (r Recalled, err error) {
	live, words, err := k.recallable(ctx, q.Owner, q.Assistant)
	if err != nil || len(live) == 0 {
		return r, err
	}
	if q.Within != nil {
		told := 0
		for i, m := range live {
			if m.Privacy != route.Internal || *q.Within == route.Internal {
				live[told], words[told] = m, words[i]
				told++
			}
		}
		r.LeftOut = len(live) - told
		live, words = live[:told], words[:told]
	}
	scores := rank(live, words, q)
	order := make([]int, len(live))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(scores[j], scores[i]), live[j].Updated.Compare(live[i].Updated))
	})
	var kept []int
	for _, i := range order {
		n := token.Estimate(live[i].Text) + perMemory
		if r.Tokens+n > q.Budget {
			r.LeftOut++
			continue
		}
		r.Tokens += n
		kept = append(kept, i)
	}
	slices.Sort(kept)
	for _, i := range kept {
		r.Memories, r.Scores = append(r.Memories, live[i]), append(r.Scores, scores[i])
	}
	return r, nil
}

func rank(live []Memory, words [][]string, q Query) []float64 {
	scores, coverage := conversation.Rank(words, conversation.Lexicon{}.Words(q.Question))
	for i, m := range live {
		scores[i] *= coverage[i]
		if q.Similar != nil {
			if near, ok := q.Similar(m); ok && near > nearFrom {
				scores[i] += nearWeight * near
			}
		}
		if m.Kind == Preference {
			scores[i] += preferenceWeight
		}
		scores[i] += confidenceWeight * m.Confidence
	}
	return scores
}

// forgetFrom is the share of a wish to forget that a memory must speak of.
const forgetFrom = 0.75

// Forget erases the memories of which a user asks that they be forgotten, in their words. It says which those were.
func (k *Keeper) Forget(ctx context.Context, owner, assistant, what string) (gone []Memory, err error) {
	live, err := k.load(ctx, owner, &assistant, false)
	if err != nil {
		return nil, err
	}
	lex := conversation.Lexicon{}
	wish := slices.Compact(slices.Sorted(slices.Values(lex.Words(what))))
	if len(wish) == 0 {
		return nil, nil
	}
	for _, m := range live {
		words := lex.Words(m.Text)
		hits := 0
		for _, w := range wish {
			if slices.Contains(words, w) {
				hits++
			}
		}
		if float64(hits) >= forgetFrom*float64(len(wish)) {
			if _, err := k.Erase(ctx, owner, m.ID); err != nil {
				return gone, err
			}
			gone = append(gone, m)
		}
	}
	return gone, nil
}

// Prompt puts memories into words for a model: a line for each.
func (r *Recalled) Prompt() string {
	var b strings.Builder
	for _, m := range r.Memories {
		b.WriteString("- " + m.Text + "\n")
	}
	return b.String()
}
