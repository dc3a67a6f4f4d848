package config

import "fmt"

// Notes says what stands in the configuration and cannot hold, or not everywhere: it is no mistake, and somebody may count on it. Each is
// "PATH: sentence", sorted.
func (c *Config) Notes() []string {
	var out []string
	for _, name := range names(c.Assistants) {
		a := c.Assistants[name]
		note := func(key, format string, args ...any) {
			out = append(out, "assistants."+name+"."+key+": "+fmt.Sprintf(format, args...))
		}
		a.judgeNotes(note)
		a.toolNotes(c, note)
	}
	return out
}

type noter func(key, format string, args ...any)

// judgeNotes says which policies have nothing to hold for.
func (a *Assistant) judgeNotes(note noter) {
	j := &a.Judge
	set := []struct {
		key string
		is  bool
	}{
		{"unanswerable_below", j.Unanswerable > 0}, {"retries", j.Retries > 0}, {"candidates", j.Candidates.Count > 1}, {"validate", j.Validate != ""}, {"abstain_below", j.Abstain > 0},
		{"disclaim_below", j.Disclaim > 0}, {"confirm_below", j.Confirm > 0}, {"max_words", j.MaxWords > 0}, {"marks", j.Marks},
	}
	for _, p := range set {
		switch {
		case !p.is:
		case a.Model == Extractive:
			note("judge."+p.key, "has no effect: its answers are passages as they stand (model: extractive)")
		case a.Output.Format == "json" && (p.key == "disclaim_below" || p.key == "confirm_below" || p.key == "max_words"):
			note("judge."+p.key, "has no effect: an answer in JSON has no room for it")
		case p.key == "unanswerable_below" && len(a.Tools.Use) > 0:
			note("judge."+p.key, "has no effect: tools may find what the sources do not say, so that the model is always asked")
		}
	}
	if j.RetryBelow > 0 && j.Retries == 0 {
		note("judge.retry_below", "has no effect without retries")
	}
	if j.Candidates.Count < 2 && len(j.Candidates.Models)+len(j.Candidates.Temperatures) > 0 {
		note("judge.candidates", "has no effect without a count of 2 or more")
	}
	if j.Encoder && a.Model == Extractive {
		note("judge.encoder", "counts for how well the passages answer, and for nothing else (model: extractive)")
	}
}

// toolNotes says where nobody is asked before tools act.
func (a *Assistant) toolNotes(c *Config, note noter) {
	t := &a.Tools
	if t.Confirm && a.Output.Format == "json" {
		note("tools.confirm", "an answer in JSON has no room for the question: tools that act are never called")
	}
	acts := false
	for _, use := range t.Use {
		acts = acts || c.Tools.mayAct(use)
	}
	switch {
	case t.Confirm && !acts:
		note("tools.confirm", "has no effect: none of its tools acts")
	case a.Model == Extractive && len(t.Use) > 0:
		note("tools", "has no effect: no model is asked (model: extractive)")
	}
}
