package config

import (
	"fmt"

	"github.com/dragoman/dragoman/internal/ledger"
)

// AssistantJudge says what follows from how sure an answer is.
type AssistantJudge struct {
	Marks        bool    `yaml:"marks" doc:"Tells callers of streams of each sentence how well its sources bear it out, as soon as it is said."`
	Encoder      bool    `yaml:"encoder" doc:"Judges by meaning, too, where the model minilm is here: slower, and better at whether the sources answer a question."`
	Unanswerable float64 `yaml:"unanswerable_below" doc:"No model is asked where the sources answer the question less probably than this, 0 to 1: the best passages are quoted. Default: it is always asked."`

	Retries    int             `yaml:"retries" doc:"How often an answer is asked for again, with stricter instructions, that is less sure than retry_below, or not of the form that was asked for. Holds streams back."`
	RetryBelow float64         `yaml:"retry_below" doc:"The confidence, 0 to 1. Default: 0.5."`
	Candidates JudgeCandidates `yaml:"candidates" doc:"Several answers, of which the best is given. Holds streams back."`
	Validate   string          `yaml:"validate" doc:"The model that judges each sentence against its sources in a second call: a name of models, or PROVIDER/MODEL. Holds streams back. Default: none."`

	Abstain    float64 `yaml:"abstain_below" doc:"In place of an answer that is less sure than this, 0 to 1, the best passages are given. Holds streams back. Default: never."`
	Disclaim   float64 `yaml:"disclaim_below" doc:"An answer that is less sure than this, 0 to 1, ends with the disclaimer. Default: never."`
	Disclaimer string  `yaml:"disclaimer" doc:"Its text. Default: a sentence that says how much rests on no source."`
	Confirm    float64 `yaml:"confirm_below" doc:"An answer that is less sure than this, 0 to 1, asks to be confirmed before somebody acts on it. Default: never."`

	MaxWords int `yaml:"max_words" doc:"How many words an answer may have: it ends with the sentence that reaches them, and offers to go on. Default: as many as come."`
}

// JudgeCandidates are several answers to one question.
type JudgeCandidates struct {
	Count        int          `yaml:"count" doc:"How many. Default: 1."`
	Models       []string     `yaml:"models" doc:"Who gives the second, the third and so on, in turn: names of models, or PROVIDER/MODEL. Default: the same as the first."`
	Temperatures []float64    `yaml:"temperatures" doc:"Of the second, the third and so on, in turn. Default: 0.7."`
	Cost         ledger.Money `yaml:"cost" doc:"US dollars that the turn may have cost before no further one is asked for. Default: what the caller's limits allow."`
}

func (d *decoder) assistantJudge(c *Config, path string, j AssistantJudge) {
	for key, v := range map[string]float64{
		"unanswerable_below": j.Unanswerable, "retry_below": j.RetryBelow, "abstain_below": j.Abstain, "disclaim_below": j.Disclaim, "confirm_below": j.Confirm,
	} {
		if v < 0 || v > 1 {
			d.problem(join(path, key), "is a confidence from 0 to 1", "")
		}
	}
	if j.Retries < 0 || j.Retries > 5 {
		d.problem(join(path, "retries"), "is a number from 0 to 5", "")
	}
	if j.MaxWords < 0 {
		d.problem(join(path, "max_words"), "must not be negative", "")
	}
	if j.Validate != "" {
		d.target(c, join(path, "validate"), j.Validate, "model", nil)
	}
	k := join(path, "candidates")
	if j.Candidates.Count < 0 || j.Candidates.Count > 8 {
		d.problem(join(k, "count"), "is a number from 1 to 8", "")
	}
	for i, m := range j.Candidates.Models {
		d.target(c, fmt.Sprintf("%s[%d]", join(k, "models"), i), m, "model", nil)
	}
	for i, t := range j.Candidates.Temperatures {
		if t < 0 || t > 2 {
			d.problem(fmt.Sprintf("%s[%d]", join(k, "temperatures"), i), "is a temperature from 0 to 2", "")
		}
	}
	if j.Candidates.Cost < 0 {
		d.problem(join(k, "cost"), "must not be negative", "")
	}
}
