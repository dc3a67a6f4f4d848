package lab

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/judge"
)

// AnswerCase is an answer of one or more sentences. It holds where its sources bear out all of it, and answer the question.
type AnswerCase struct {
	Question  string // empty: none was asked
	Sentences []string
	Sources   []judge.Text
	Holds     bool
	Group     string
	fold      int
}

// mostClaims is of how many claims an answer is put together.
const mostClaims = 4

// ComposeAnswers puts answers together, about as many that hold as do not:
//
//   - of claims, one to four of a set with the sources of all: supported ones, or such with others among them
//   - of questions: what a person answered; the same with one fact changed, or with a sentence of another passage; and, of passages that
//     do not answer, the two sentences that have most words of the question
//
// What a claim or a question is used for is all in one of ten folds.
func ComposeAnswers(cases []GroundingCase, rng *rand.Rand) (out []AnswerCase) {
	groups := map[string][]GroundingCase{}
	var names []string
	var texts []string
	for _, c := range cases {
		if c.Group == madeGroup || c.Changed != nil {
			continue
		}
		if groups[c.Group] == nil {
			names = append(names, c.Group)
		}
		groups[c.Group] = append(groups[c.Group], c)
		texts = append(texts, c.Text, c.Answer)
	}
	others := NamesIn(texts)
	for _, name := range names {
		for f, fold := range folds(len(groups[name]), rng) {
			var claims, questions []GroundingCase
			for _, i := range fold {
				if c := groups[name][i]; c.Question {
					questions = append(questions, c)
				} else {
					claims = append(claims, c)
				}
			}
			for _, a := range append(ofClaims(claims, rng), ofQuestions(questions, others, rng)...) {
				a.Group, a.fold = name, f
				out = append(out, a)
			}
		}
	}
	return out
}

func ofClaims(claims []GroundingCase, rng *rand.Rand) (out []AnswerCase) {
	var good, bad []GroundingCase
	for _, c := range claims {
		if c.Holds {
			good = append(good, c)
		} else {
			bad = append(bad, c)
		}
	}
	if len(good) < mostClaims || len(bad) < mostClaims {
		return nil
	}
	for i := range 2 * len(good) {
		n := 1 + rng.IntN(mostClaims)
		a := AnswerCase{Holds: i%2 == 0}
		from, wrong := rng.Perm(len(good))[:n], 0
		if !a.Holds {
			wrong = 1 + rng.IntN(n)
		}
		for k, at := range from {
			c := good[at]
			if k < wrong {
				c = bad[rng.IntN(len(bad))]
			}
			a.Sentences, a.Sources = append(a.Sentences, c.Text), append(a.Sources, c.Source)
		}
		out = append(out, a)
	}
	return out
}

func ofQuestions(questions []GroundingCase, names []string, rng *rand.Rand) (out []AnswerCase) {
	for i, c := range questions {
		is := func(sentences []string, holds bool) {
			if len(sentences) > 0 {
				out = append(out, AnswerCase{Question: c.Text, Sentences: sentences, Sources: []judge.Text{c.Source}, Holds: holds})
			}
		}
		said := sentencesOf(c.Answer)
		switch {
		case !c.Holds && i%2 == 0:
			is(nearest(c.Text, c.Source.Body), false)
		case c.Holds && c.Answer != "":
			is(said, true)
			at := rng.IntN(len(said))
			wrong := slices.Clone(said)
			changed := ChangeFacts(said[at], names, rng)
			foreign := sentencesOf(questions[(i+1)%len(questions)].Source.Body)
			switch {
			case i%4 == 0 && len(changed) > 0:
				wrong[at] = changed[rng.IntN(len(changed))].Text
			case i%4 == 2 && len(foreign) > 0 && len(questions) > 1:
				wrong[at] = foreign[rng.IntN(len(foreign))]
			default:
				continue
			}
			is(wrong, false)
		}
	}
	return out
}

// nearest are the two sentences of a text that have most words of a question.
func nearest(question, text string) []string {
	all := sentencesOf(text)
	slices.SortStableFunc(all, func(a, b string) int {
		x, y := wordOverlap(question, a), wordOverlap(question, b)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return all[:min(2, len(all))]
}

// sentencesOf are those that the judge would weigh.
func sentencesOf(text string) (out []string) {
	for text != "" {
		n := judge.NextSentence(text, true)
		if s := strings.TrimSpace(text[:n]); judge.NewClaim(s).Words() >= 2 {
			out = append(out, s)
		}
		text = text[n:]
	}
	return out
}

// weighed is an answer with the features of its sentences by each source that they may rest on, and of its question.
type weighed struct {
	*AnswerCase
	sentences  [][]judge.Features
	answerable judge.Features // nil: nothing was asked
}

// scores are the features of an answer by models of support and answerability.
func (w *weighed) scores(support, answerable *judge.Model) (sentences []float64, answered float64) {
	for _, choices := range w.sentences {
		best := 0.0
		for _, f := range choices {
			best = max(best, support.Probability(f))
		}
		sentences = append(sentences, best)
	}
	if w.answerable == nil {
		return sentences, judge.Unasked
	}
	return sentences, answerable.Probability(w.answerable)
}

func (w *weighed) example(support, answerable *judge.Model) Example {
	s, a := w.scores(support, answerable)
	return Example{Features: judge.ConfidenceFeatures(s, a), Holds: w.Holds, Weight: 1, Group: w.Group}
}

func weighAnswers(ctx context.Context, answers []AnswerCase) ([]weighed, error) {
	out := make([]weighed, len(answers))
	for i := range answers {
		w := weighed{AnswerCase: &answers[i]}
		g := judge.NewGrounds(w.Sources, w.Question, nil)
		for _, s := range w.Sentences {
			f, err := g.SupportChoices(ctx, judge.NewClaim(s))
			if err != nil {
				return nil, err
			}
			w.sentences = append(w.sentences, f)
		}
		if w.Question != "" {
			f, err := g.AnswerFeatures(ctx, w.Question)
			if err != nil {
				return nil, err
			}
			w.answerable = f
		}
		out[i] = w
	}
	return out, nil
}

// ConfidenceReport is how well the confidence of answers is judged.
type ConfidenceReport struct {
	Set      string `json:"set"` // "" for all together
	Mean     Judged `json:"mean_of_sentences"`
	Fitted   Judged `json:"built_in"`
	Folds    Judged `json:"cross_checked"` // by models that saw neither the answers nor the claims and questions that they are made of
	Sentence Judged `json:"worst_sentence"`
}

// FitConfidence fits the model of answers to what was composed, by the models of sentences and questions that are given.
func FitConfidence(ctx context.Context, answers []AnswerCase, support, answerable *judge.Model) (*judge.Model, error) {
	all, err := weighAnswers(ctx, answers)
	if err != nil {
		return nil, err
	}
	var examples []Example
	for i := range all {
		examples = append(examples, all[i].example(support, answerable))
	}
	return FitLogistic(examples), nil
}

// MeasureConfidence measures confidence by words: of each set and of all together. The models of sentences and questions that each fold is judged
// by did not see it either.
func MeasureConfidence(ctx context.Context, cases []GroundingCase, answers []AnswerCase, seed uint64) ([]ConfidenceReport, error) {
	all, err := weighAnswers(ctx, answers)
	if err != nil {
		return nil, err
	}
	examples, err := GroundingExamples(ctx, cases, nil)
	if err != nil {
		return nil, err
	}
	judged := make([]struct{ mean, least, fitted, folded float64 }, len(all))
	for i := range all {
		s, a := all[i].scores(judge.Fitted.Support, judge.Fitted.Answerable)
		judged[i].fitted = judge.Confidence(s, a)
		judged[i].least = slices.Min(s)
		for _, x := range s {
			judged[i].mean += x / float64(len(s))
		}
	}
	for fold := range 10 {
		used := map[string]bool{} // in the fold, as sentences or questions
		for i := range all {
			if all[i].fold == fold {
				used[all[i].Question] = true
				for _, s := range all[i].Sentences {
					used[s] = true
				}
			}
		}
		var claims, questions []Example
		for i, c := range cases {
			switch {
			case used[c.Text]:
			case c.Question:
				questions = append(questions, examples[i])
			default:
				claims = append(claims, examples[i])
			}
		}
		support, answerable := FitLogistic(claims), FitLogistic(questions)
		var train []Example
		for i := range all {
			if all[i].fold != fold {
				train = append(train, all[i].example(support, answerable))
			}
		}
		m := FitLogistic(train)
		for i := range all {
			if all[i].fold == fold {
				judged[i].folded = m.Probability(all[i].example(support, answerable).Features)
			}
		}
	}
	var groups []string
	for i := range all {
		if !slices.Contains(groups, all[i].Group) {
			groups = append(groups, all[i].Group)
		}
	}
	var out []ConfidenceReport
	for _, group := range append(groups, "") {
		var mean, least, fitted, folded []float64
		var holds []bool
		for i := range all {
			if group == "" || all[i].Group == group {
				mean, least, fitted, folded = append(mean, judged[i].mean), append(least, judged[i].least), append(fitted, judged[i].fitted), append(folded, judged[i].folded)
				holds = append(holds, all[i].Holds)
			}
		}
		rng := rand.New(rand.NewPCG(seed, seed))
		out = append(out, ConfidenceReport{group, judgeScores(mean, holds, rng), judgeScores(fitted, holds, rng), judgeScores(folded, holds, rng), judgeScores(least, holds, rng)})
	}
	return out, nil
}
