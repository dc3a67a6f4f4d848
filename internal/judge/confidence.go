package judge

import "math"

// Unasked stands for the answerability of a question where there is none.
const Unasked = -1

// Confidence is how probable it is that an answer is right, 0..1: that the sources bear out all that it says, and answer what was asked.
// scores are those of its sentences; without any it is 0. answerable is how probably the sources answer the question, or Unasked.
func Confidence(scores []float64, answerable float64) float64 {
	if len(scores) == 0 {
		return 0
	}
	return Fitted.Answer.Probability(ConfidenceFeatures(scores, answerable))
}

// ConfidenceFeatures are, of an answer:
//
//   - least: the log odds of its worst sentence, since all have to hold
//   - asked: 1 where there is a question, which has to be answered, too
//   - answerable: the log odds that the sources answer it; 0 where there is none
//
// The mean of the sentences and how many there are tell nothing beside these, as measured by ten folds.
func ConfidenceFeatures(scores []float64, answerable float64) Features {
	least := 1.0
	for _, s := range scores {
		least = min(least, s)
	}
	f := Features{"least": odds(least), "asked": 0, "answerable": 0}
	if answerable >= 0 {
		f["asked"], f["answerable"] = 1, odds(answerable)
	}
	return f
}

// odds is the logarithm of p : 1-p, within bounds that keep one sentence from deciding everything.
func odds(p float64) float64 {
	const least = 0.02
	p = min(max(p, least), 1-least)
	return math.Log(p / (1 - p))
}
