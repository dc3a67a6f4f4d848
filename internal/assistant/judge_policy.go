package assistant

import (
	"cmp"
	"context"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/judge"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/observe"
)

// JudgePolicy says what follows from how sure an answer is. Confidences are from 0 to 1; the zero value asks for nothing.
type JudgePolicy struct {
	Marks             bool    // callers of streams are told of each sentence
	Encoder           bool    // judge by meaning, too, where there is an encoder
	UnanswerableBelow float64 // no model is asked where the sources answer the question less probably
	Retries           int     // how often an answer is asked for again
	RetryBelow        float64 // that is less sure, or not of its form; 0: 0.5
	Candidates        CandidatePolicy
	Validate          string  // a model that judges each sentence; empty: none
	AbstainBelow      float64 // the best passages are given in place of an answer that is less sure
	DisclaimBelow     float64 // an answer that is less sure ends with the disclaimer
	Disclaimer        string  // empty: one of ours
	ConfirmBelow      float64 // an answer that is less sure asks to be confirmed
	MaxWords          int     // of an answer; 0: any number
}

// CandidatePolicy asks for several answers, of which the best is given.
type CandidatePolicy struct {
	Count        int          // 0: 1
	Models       []string     // of the second, the third and so on, in turn; none: the turn's own
	Temperatures []float64    // likewise; none: 0.7
	Cost         ledger.Money // of the turn, from which on no further one is asked for; 0: what limits allow
}

// holds says whether the policy needs the whole answer before any of it is said.
func (p *JudgePolicy) holds() bool {
	return p.Retries > 0 || p.Candidates.Count > 1 || p.Validate != "" || p.AbstainBelow > 0
}

// Judged is what the judge found on a whole answer.
type Judged struct {
	Confidence  float64            `json:"confidence"`                  // how probable it is that the sources bear out all that the answer says, and answer the question, 0..1
	Before      *float64           `json:"answerable_before,omitempty"` // how probable it was that the sources answer the question, before a model was asked; nil without any
	Answerable  float64            `json:"answerable"`                  // and how probable it is with what tools told since, and by the encoder where it judges
	Answered    float64            `json:"answered"`                    // and that the answer does
	Sentences   int                `json:"sentences"`                   // that say something
	Unsupported int                `json:"unsupported"`                 // of these, that no source bears out
	Retries     int                `json:"retries,omitempty"`
	Candidates  []CandidateVerdict `json:"candidates,omitempty"`
	Validated   string             `json:"validated,omitempty"` // by which model
	Abstained   string             `json:"abstained,omitempty"` // why
	Disclaimed  bool               `json:"disclaimed,omitempty"`
	Confirm     bool               `json:"confirm,omitempty"` // whoever acts on it is asked to confirm
	Cut         string             `json:"cut,omitempty"`     // why the answer ends early
	Form        string             `json:"form,omitempty"`    // what is wrong with its form
}

// CandidateVerdict is how one of several answers did.
type CandidateVerdict struct {
	Model       string  `json:"model"`
	Temperature float64 `json:"temperature"`
	Why         string  `json:"why"` // "first", "candidate", "retry"
	Confidence  float64 `json:"confidence"`
	Agreement   float64 `json:"agreement"` // the mean share of words that it has in common with the others
	Form        string  `json:"form,omitempty"`
	Score       float64 `json:"score"` // by which they are ranked: see rank
	Chosen      bool    `json:"chosen,omitempty"`
	Error       string  `json:"error,omitempty"`
}

// judged is what the judge found so far.
func (t *Turn) judged() *Judged {
	if t.Trace.Judged == nil {
		t.Trace.Judged = &Judged{}
	}
	return t.Trace.Judged
}

// encode makes vectors for the judge; nil where words alone decide. The models of package judge were fitted with minilm.
func (e *Engine) encode(t *Turn) judge.Encode {
	if !t.Definition.Judge.Encoder || e.Meaning == nil {
		return nil
	}
	x := e.Meaning()
	if x == nil {
		t.Trace.noteOnce("the judge has no encoder: dragoman model pull minilm")
		return nil
	}
	return func(ctx context.Context, texts []string) ([][]float32, error) {
		return e.Vectors.of(texts, "judge "+x.Model(), func(missing []string) ([][]float32, error) { return x.Embed(ctx, embed.Query, missing) })
	}
}

func (p *JudgePolicy) retryBelow() float64 { return cmp.Or(p.RetryBelow, 0.5) }

// countJudged tells the metrics what the judge found.
func (e *Engine) countJudged(t *Turn) {
	j := t.Trace.Judged
	if j == nil || t.failure != nil || t.Definition.Name == "" {
		return
	}
	m := &observe.Judged{Assistant: t.Definition.Name, Provider: t.Trace.Provider, Model: t.Trace.Model, Sentences: map[string]int{}}
	for i := range t.Trace.Sentences {
		m.Sentences[t.Trace.Sentences[i].Status]++
	}
	for outcome, is := range map[string]bool{
		"retried": j.Retries > 0, "abstained": j.Abstained != "", "disclaimed": j.Disclaimed, "confirm": j.Confirm, "cut": j.Cut != "", "malformed": j.Form != "",
	} {
		if is {
			m.Outcomes = append(m.Outcomes, outcome)
		}
	}
	e.Metrics.Judged(m)
}
