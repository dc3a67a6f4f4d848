package lab

import (
	"context"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// shown is how many citations a reader is expected to look at.
const shown = 3

// Outcome is how one question went.
type Outcome struct {
	Case   string        `json:"case"`
	Kind   string        `json:"kind"`
	Rank   int           `json:"rank"` // of the first citation that answers, from 1; 0 when none of ten does
	Took   time.Duration `json:"took_ns"`
	Cited  []string      `json:"cited"` // the first citations
	Wanted string        `json:"wanted"`
}

// Score sums up outcomes.
type Score struct {
	Cases int     `json:"cases"`
	Hit1  float64 `json:"hit_1"` // share whose first citation answers
	Hit3  float64 `json:"hit_3"` // share with the answer in the first three
	MRR   float64 `json:"mrr_10"`
}

// EvalReport is how a set went.
type EvalReport struct {
	Name     string           `json:"name"`
	Total    Score            `json:"total"`
	Kinds    map[string]Score `json:"kinds"`
	Outcomes []Outcome        `json:"outcomes"`
}

// Searcher is what is measured.
type Searcher interface {
	Search(ctx context.Context, q knowledge.Query) (*knowledge.Result, error)
}

// Run asks every question of the set over the folder root, which c has indexed. A citation answers a question when the
// lines that it shows hold one of the answers.
func (s *EvalSet) Run(ctx context.Context, root string, c Searcher, now func() time.Time, progress func(done, total int)) (*EvalReport, error) {
	if err := s.resolve(root); err != nil {
		return nil, err
	}
	rep := &EvalReport{Name: s.Name, Kinds: map[string]Score{}}
	for i := range s.Cases {
		k := &s.Cases[i]
		begun := now()
		res, err := c.Search(ctx, knowledge.Query{Who: acl.All(), Text: k.Question, Limit: 10, Pins: knowledge.Pins(k.Question)})
		if err != nil {
			return nil, err
		}
		o := Outcome{Case: k.ID, Kind: k.Kind, Took: now().Sub(begun)}
		o.Wanted = k.Answers[0].Path + ": " + k.Answers[0].Line
		for rank, p := range res.Passages {
			if rank < shown {
				o.Cited = append(o.Cited, p.Path+" "+p.Symbol)
			}
			if o.Rank == 0 && answers(&p, k) {
				o.Rank = rank + 1
			}
		}
		rep.Outcomes = append(rep.Outcomes, o)
		progress(i+1, len(s.Cases))
	}
	rep.Total = score(rep.Outcomes, "")
	for _, o := range rep.Outcomes {
		if _, ok := rep.Kinds[o.Kind]; !ok {
			rep.Kinds[o.Kind] = score(rep.Outcomes, o.Kind)
		}
	}
	return rep, nil
}

// answers says whether the lines that a passage shows hold an answer.
func answers(p *knowledge.Passage, k *Case) bool {
	for _, a := range k.Answers {
		if a.Path != p.Path {
			continue
		}
		for _, s := range p.Spans {
			if a.number >= s.Start && a.number <= s.End {
				return true
			}
		}
	}
	return false
}

func score(outcomes []Outcome, kind string) Score {
	var s Score
	for _, o := range outcomes {
		if kind != "" && o.Kind != kind {
			continue
		}
		s.Cases++
		if o.Rank == 1 {
			s.Hit1++
		}
		if o.Rank >= 1 && o.Rank <= shown {
			s.Hit3++
		}
		if o.Rank > 0 {
			s.MRR += 1 / float64(o.Rank)
		}
	}
	if s.Cases > 0 {
		n := float64(s.Cases)
		s.Hit1, s.Hit3, s.MRR = s.Hit1/n, s.Hit3/n, s.MRR/n
	}
	return s
}
