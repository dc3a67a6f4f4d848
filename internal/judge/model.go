package judge

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Model makes a probability of features: 1/(1+exp(-(Bias + sum of weight x feature))).
type Model struct {
	Origin  string             `json:"origin"` // what it was fitted to, and how
	Bias    float64            `json:"bias"`
	Weights map[string]float64 `json:"weights"` // by the name of a feature
}

// Features are what a model judges by, by their names.
type Features map[string]float64

// Probability is from 0 to 1. A feature that the model does not know counts for nothing.
func (m *Model) Probability(f Features) float64 {
	x := m.Bias
	for name, w := range m.Weights {
		x += w * f[name]
	}
	return 1 / (1 + math.Exp(-x))
}

// Models are the fitted ones: for words alone, and for words with an encoder's vectors; and one for answers, whichever of them judged their sentences.
type Models struct {
	Support           *Model `json:"support"`
	SupportMeaning    *Model `json:"support_with_encoder"`
	Answerable        *Model `json:"answerable"`
	AnswerableMeaning *Model `json:"answerable_with_encoder"`
	Answer            *Model `json:"answer"` // of the scores of the others: see Confidence
}

//go:embed weights.json
var weights []byte

// Fitted are the models that are built in; `dragoman eval grounding --fit` made them.
var Fitted = func() (m Models) {
	if err := json.Unmarshal(weights, &m); err != nil || m.Support == nil || m.SupportMeaning == nil || m.Answerable == nil || m.AnswerableMeaning == nil || m.Answer == nil {
		panic(fmt.Sprintf("judge: weights.json is broken: %v", err))
	}
	return m
}()
